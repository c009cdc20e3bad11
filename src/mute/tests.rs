use super::*;
use weir_model::alert::Direction;

mod sample;

fn user() -> User {
    User { id: 7, name: Some("ann".to_owned()), login: None }
}

const NOW: Timestamp = Timestamp::new(1_795_384_000, 0);
const DAY: Duration = Duration::from_hours(24);

/// A state directory with mutes in it.
struct World {
    folder: tempfile::TempDir,
    mutes: Mutes,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mutes = open(folder.path());
        Self { folder, mutes }
    }

    fn mute(&self, value: &str, host: Option<&str>) -> Row {
        let wish = Wish { value, host, time: "30d", reason: "ticket 4711" };
        self.mutes.mute(wish, &user(), NOW).unwrap()
    }

    fn reopened(self) -> Self {
        let Self { folder, mutes } = self;
        drop(mutes);
        let mutes = open(folder.path());
        Self { folder, mutes }
    }

    fn audit(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("audit.jsonl")).unwrap_or_default()
    }
}

fn open(folder: &Path) -> Mutes {
    let state = Arc::new(State::open(folder).unwrap());
    let audit = Arc::new(Audit::of(&state));
    Mutes::open(Some((&state, &audit))).unwrap()
}

/// An alert of the host 10.1.2.3 that rings for the first value; the others were met as well.
fn alert(values: &[&str]) -> Alert {
    let indicator = |text: &&str| {
        let value = weir_intel::value::parse(text).unwrap();
        Arc::new(weir_model::Indicator::new(value, vec![weir_model::Context::default()]))
    };
    let mut indicators: Vec<_> = values.iter().map(indicator).collect();
    let ringing = indicators.remove(0);
    Alert { indicator: ringing, also_matched: indicators, ..sample::alert() }
}

#[test]
fn a_muted_value_is_silent_until_it_ends_and_is_counted() {
    let world = World::new();
    assert!(!world.mutes.is_muted(&alert(&["evil.example"]), NOW));
    world.mute("evil.example", None);
    assert!(world.mutes.is_muted(&alert(&["a.evil.example"]), NOW + DAY));
    assert!(!world.mutes.is_muted(&alert(&["good.example"]), NOW + DAY));
    assert!(!world.mutes.is_muted(&alert(&["evil.example"]), NOW + 30 * DAY), "it ended");
    world.mutes.keep().unwrap();
    let world = world.reopened();
    let rows = world.mutes.rows(NOW + DAY);
    assert_eq!((rows.len(), rows[0].silenced, rows[0].in_force), (1, 1, true));
    assert_eq!(rows[0].last.as_deref(), Some("2026-11-23T21:46:40Z"));
    assert!(!world.mutes.rows(NOW + 31 * DAY)[0].in_force, "it is listed as ended");
    assert_eq!(world.mutes.rows(NOW + 61 * DAY), []);
    assert!(world.mutes.is_muted(&alert(&["evil.example"]), NOW + 2 * DAY));
    assert_eq!(world.mutes.rows(NOW)[0].silenced, 2, "it is counted on");
}

#[test]
fn what_else_is_bad_still_rings() {
    let world = World::new();
    world.mute("evil.example", None);
    let both = alert(&["evil.example", "203.0.113.5"]);
    assert!(!world.mutes.is_muted(&both, NOW));
    world.mute("203.0.113.0/24", None);
    assert!(world.mutes.is_muted(&both, NOW));
    let silenced: Vec<_> = world.mutes.rows(NOW).iter().map(|row| row.silenced).collect();
    assert_eq!(silenced, [1, 0], "counted once, with what rings");
}

#[test]
fn for_some_hosts_only() {
    let world = World::new();
    world.mute("evil.example", Some("10.1.0.0/16"));
    let mut alert = alert(&["evil.example"]);
    assert!(world.mutes.is_muted(&alert, NOW));
    alert.host = Some("10.2.2.3".parse().unwrap());
    assert!(!world.mutes.is_muted(&alert, NOW));
    alert = Alert {
        host: None,
        direction: Direction::Inbound,
        touched: vec!["10.1.2.3".parse().unwrap()],
        touched_count: 1,
        ..alert
    };
    assert!(world.mutes.is_muted(&alert, NOW));
    alert.touched_count = 2;
    assert!(!world.mutes.is_muted(&alert, NOW), "another one was touched that is not listed");
}

#[test]
fn who_and_why_is_written_down() {
    let world = World::new();
    world.mute("203.0.113.5", Some("10.1.2.3"));
    let error = world.mutes.unmute("203.0.113.5", None, "", &user(), NOW).unwrap_err().to_string();
    assert!(error.contains("203.0.113.5 for hosts in 10.1.2.3/32 is"), "{error}");
    world.mutes.unmute("203.0.113.5", Some("10.1.2.3"), "it was wrong", &user(), NOW + DAY).unwrap();
    assert_eq!(world.mutes.rows(NOW), []);
    let expected = concat!(
        r#"{"time":"2026-11-22T21:46:40Z","user":{"id":7,"name":"ann"},"action":"mute","value":"203.0.113.5","host":"10.1.2.3/32","until":"2026-12-22T21:46:40Z","reason":"ticket 4711"}"#,
        "\n",
        r#"{"time":"2026-11-23T21:46:40Z","user":{"id":7,"name":"ann"},"action":"unmute","value":"203.0.113.5","host":"10.1.2.3/32","reason":"it was wrong"}"#,
        "\n"
    );
    assert_eq!(world.audit(), expected);
}

#[test]
fn what_cannot_be_muted_is_refused_with_a_reason() {
    let world = World::new();
    let refused = |value, host, time, reason| {
        world.mutes.mute(Wish { value, host, time, reason }, &user(), NOW).unwrap_err().to_string()
    };
    assert!(refused("evil", None, "30d", "x").contains("cannot be muted"));
    assert!(refused("evil.example", Some("10.1"), "30d", "x").contains("neither an address nor a prefix"));
    assert!(refused("evil.example", None, "soon", "x").contains("not a time"));
    assert!(refused("evil.example", None, "54w", "x").contains("more than a year"));
    assert!(refused("evil.example", None, "30d", " ").contains("say why"));
    assert!(refused("evil.example", None, "30d", "a\nb").contains("one line"));
    let nowhere = Mutes::default();
    let wish = Wish { value: "evil.example", host: None, time: "30d", reason: "x" };
    assert!(nowhere.mute(wish, &user(), NOW).unwrap_err().to_string().contains("state directory"));
    assert_eq!((world.audit(), world.mutes.rows(NOW)), (String::new(), Vec::new()));
}

#[test]
fn muting_anew_keeps_the_count() {
    let world = World::new();
    world.mute("evil.example", None);
    assert!(world.mutes.is_muted(&alert(&["evil.example"]), NOW));
    let wish = Wish { value: "EVIL[.]example", host: None, time: "1w", reason: "still" };
    let row = world.mutes.mute(wish, &user(), NOW + DAY).unwrap();
    assert_eq!((row.silenced, row.reason.as_str(), world.mutes.rows(NOW).len()), (1, "still", 1));
}

#[test]
fn every_kind_is_kept_as_it_is() {
    let values = [
        "203.0.113.5",
        "203.0.113.5:443",
        "2001:db8::1",
        "203.0.113.0/24",
        "evil.example",
        "=evil.example",
        "http://evil.example:8080/gate.php?id=7",
        "http://203.0.113.5/",
        "ja3:0123456789abcdef0123456789abcdef",
        "t13d1516h2_8daaf6152771_e5627efa2ab1",
        "0123456789abcdef0123456789abcdef01234567",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    ];
    let mut world = World::new();
    for value in values {
        world.mute(value, None);
    }
    world = world.reopened();
    assert_eq!(world.mutes.rows(NOW).len(), values.len());
    for value in values {
        assert!(world.mutes.is_muted(&alert(&[value]), NOW), "{value}");
        world.mutes.unmute(value, None, "", &user(), NOW).unwrap();
    }
}

#[test]
fn a_file_that_cannot_be_read_mutes_nothing_and_is_kept() {
    for text in [
        "{\"version\":1,",
        "{\"version\":9}",
        "{\"version\":1,\"mutes\":[{\"value\":\"x\",\"since\":0,\"until\":0,\"by\":\"\",\"reason\":\"\",\"silenced\":0,\"last\":0}]}",
    ] {
        let world = World::new();
        std::fs::write(world.folder.path().join("mutes.json"), text).unwrap();
        let world = world.reopened();
        assert_eq!(world.mutes.rows(NOW), []);
        assert_eq!(std::fs::read_to_string(world.folder.path().join("mutes.json.unreadable")).unwrap(), text);
        world.mute("evil.example", None);
        assert_eq!(peek(world.folder.path(), "a.evil.example", NOW).len(), 1);
    }
}
