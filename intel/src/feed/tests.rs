use super::*;
use crate::Extent;
use crate::kept::Kept;
use crate::library::{Library, Policy};
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::sync::Mutex;
use tempfile::TempDir;
use uuid::Uuid;
use weir_model::Timestamp;
use weir_net::http::stand_in::{Answer, StandIn};

const NOW: Timestamp = Timestamp::new(1_800_000_000, 0);

fn provider(toml: &str) -> Result<Box<dyn Provider>, SyncError> {
    let settings: FeedSettings = toml::from_str(&format!("{toml}\nhttp.proxy = \"none\"")).unwrap();
    settings.provider("ours", Path::new("/nonexistent"))
}

fn of_url(server: &StandIn, path: &str, more: &str) -> Box<dyn Provider> {
    provider(&format!("url = \"{}{path}\"\n{more}", server.url)).unwrap()
}

fn of_path(path: &Path, more: &str) -> Box<dyn Provider> {
    provider(&format!("path = \"{}\"\n{more}", path.display())).unwrap()
}

/// A server whose answer can be changed.
fn changeable(first: Answer) -> (StandIn, Arc<Mutex<Answer>>) {
    let answer = Arc::new(Mutex::new(first));
    let given = Arc::clone(&answer);
    (StandIn::new(move |_| given.lock().unwrap().clone()), answer)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in members {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn settings_say_where_it_lies_and_how_it_is_read() {
    for wrong in [
        "",
        "url = \"https://x.example/\"\npath = \"x\"",
        "url = \"ftp://x.example/\"",
        "url = \"https://user:word@x.example/\"",
        "path = \"x\"\nformat = \"carrots\"",
        "path = \"x\"\nformat = \"stix,value=3\"",
        "url = \"https://x.example/\"\nhttp.credentials.bearer = { file = \"absent\" }",
    ] {
        assert_eq!(provider(wrong).err().map(|error| error.kind), Some(SyncErrorKind::Settings), "{wrong}");
    }
    assert!(toml::from_str::<FeedSettings>("uri = \"https://x.example/\"").is_err());
}

#[test]
fn a_list_is_only_read_again_when_it_changed() {
    let server = StandIn::new(|asked| match asked.headers.get("if-none-match") {
        Some(mark) if mark == "\"one\"" => Answer::new(304, &[("etag", "\"one\"")], ""),
        _ => Answer::new(200, &[("etag", "\"one\"")], "a.example # first\n192.0.2.1\nlocalhost\n"),
    });
    let mut kept = Kept::default();
    let mut feed = of_url(&server, "bad.txt", "");
    assert_eq!(kept.deliver(&mut *feed, NOW), Ok(Extent::Whole));
    assert_eq!(kept.values(), ["192.0.2.1", "a.example"]);
    assert_eq!(kept.reasons(), ["name_without_dot"]);
    let entry = kept.entry("a.example");
    assert_eq!((entry.id, entry.group, &*entry.context.source), (None, None, "ours"));
    assert_eq!(entry.context.description.as_deref(), Some("first"));
    assert_eq!(kept.deliver(&mut *feed, NOW), Ok(Extent::Nothing));
    assert_eq!(kept.values().len(), 2);
    let (confused, _) = changeable(Answer::new(304, &[], ""));
    assert!(
        Kept::default().deliver(&mut *of_url(&confused, "", ""), NOW).is_err(),
        "it has not been asked before"
    );
    // Another way of reading it makes something else of the same bytes.
    let mut feed = of_url(&server, "bad.txt", "format = \"freetext\"");
    assert_eq!(kept.deliver(&mut *feed, NOW), Ok(Extent::Whole));
    assert!(!server.asked()[2].headers.contains_key("if-none-match"));
}

#[test]
fn what_is_no_list_leaves_the_set_as_it_was() {
    let (server, answer) = changeable(Answer::new(200, &[("last-modified", "yesterday")], "a.example\n"));
    let mut feed = of_url(&server, "bad.txt", "http.max_size = \"100kB\"");
    let mut kept = Kept::default();
    kept.deliver(&mut *feed, NOW).unwrap();
    let half = gzip(&b"b.example\n".repeat(1000));
    for (wrong, kind) in [
        (Answer::new(200, &[], "<html>Please log in</html>"), SyncErrorKind::Malformed),
        (Answer::new(200, &[], "{\"objects\": [{\"type\": \"indi"), SyncErrorKind::Malformed),
        (Answer::new(200, &[], b"\x7fELF\0\0"), SyncErrorKind::Malformed),
        (Answer::new(200, &[], "b.example\nc.example\n").cut(5), SyncErrorKind::Unreachable),
        (Answer::new(200, &[], &half[..half.len() - 9]), SyncErrorKind::Malformed),
        (Answer::new(200, &[], "b.example\n".repeat(20_000)), SyncErrorKind::TooLarge),
        (Answer::new(200, &[], b"PK\x03\x04 and nothing else"), SyncErrorKind::Malformed),
        (Answer::new(500, &[], ""), SyncErrorKind::Server),
        (Answer::new(401, &[], ""), SyncErrorKind::Unauthorized),
    ] {
        *answer.lock().unwrap() = wrong;
        let error = kept.deliver(&mut *feed, NOW).expect_err("it must be refused");
        assert_eq!(error.kind, kind, "{error}");
        assert_eq!(kept.values(), ["a.example"]);
        assert_eq!(kept.notes["last-modified"], "yesterday");
    }
}

#[test]
fn somebody_who_wants_to_stop_does_not_wait_for_the_end() {
    let (server, _) = changeable(Answer::new(200, &[], "192.0.2.1\n".repeat(100_000)));
    let mut kept = Kept { stops_after: Some(3000), ..Kept::default() };
    let error = kept.deliver(&mut *of_url(&server, "", ""), NOW).unwrap_err();
    assert_eq!((error.kind, kept.entries.len()), (SyncErrorKind::Stopped, 0));
}

#[test]
fn packed_lists_and_archives() {
    let members: &[(&str, &[u8])] = &[
        ("lists/a.csv", b"value,comment\na.example,first\n"),
        ("README.html", b"<html>"),
        ("b.txt", b"b.example\n"),
        ("c.txt.gz", &gzip(b"c.example\n")),
        ("../../etc/d.zip", &zip(&[("d.txt", b"d.example\n")])),
    ];
    let archive = zip(members);
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("lists.zip"), &archive).unwrap();
    let (server, answer) = changeable(Answer::new(200, &[], gzip(b"z.example\n")));
    let mut kept = Kept::default();
    let mut feed = of_url(&server, "bad.txt.gz", "");
    kept.deliver(&mut *feed, NOW).unwrap();
    assert_eq!(kept.values(), ["z.example"]);
    *answer.lock().unwrap() = Answer::new(200, &[], &archive);
    let mut from_file = of_path(folder.path(), "");
    for feed in [&mut feed, &mut from_file] {
        kept.deliver(&mut **feed, NOW).unwrap();
        assert_eq!(kept.values(), ["a.example", "b.example", "c.example"]);
        assert_eq!(kept.reasons(), ["not_text", "unsupported_format"]);
        let context = &kept.entry("a.example").context;
        assert!(
            context.source.starts_with("ours/") && context.source.ends_with("/lists/a.csv"),
            "{context:?}"
        );
    }
    let bomb = zip(&[("bomb", &vec![b'#'; 4 << 20])]);
    assert!(bomb.len() < 1 << 16);
    *answer.lock().unwrap() = Answer::new(200, &[], &bomb);
    let mut feed = of_url(&server, "", "http.max_unpacked_size = \"1MiB\"");
    assert_eq!(kept.deliver(&mut *feed, NOW).unwrap_err().kind, SyncErrorKind::TooLarge);
    *answer.lock().unwrap() = Answer::new(200, &[], gzip(&vec![b'#'; 4 << 20]));
    assert_eq!(kept.deliver(&mut *feed, NOW).unwrap_err().kind, SyncErrorKind::TooLarge);
}

#[test]
fn files_are_only_read_again_when_they_changed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.txt");
    fs::write(&path, "a.example\n").unwrap();
    fs::write(folder.path().join("note.html"), "<html>").unwrap();
    let (mut kept, mut feed) = (Kept::default(), of_path(folder.path(), ""));
    assert_eq!(kept.deliver(&mut *feed, NOW), Ok(Extent::Whole));
    assert_eq!(kept.deliver(&mut *feed, NOW), Ok(Extent::Nothing));
    fs::write(folder.path().join("new"), "b.example\n").unwrap();
    fs::rename(folder.path().join("new"), &path).unwrap();
    assert_eq!(kept.deliver(&mut *feed, NOW), Ok(Extent::Whole));
    assert_eq!((kept.values(), kept.reasons()), (vec!["b.example".to_owned()], vec!["unsupported_format"]));
    fs::write(folder.path().join("half.gz"), &gzip(b"c.example\n")[..9]).unwrap();
    assert!(kept.deliver(&mut *feed, NOW).is_err());
    let gone = kept.deliver(&mut *of_path(Path::new("/nonexistent/list"), ""), NOW).unwrap_err();
    assert!(gone.kind == SyncErrorKind::Unreachable && gone.text.contains("/nonexistent/list"), "{gone}");
    assert_eq!(kept.values(), ["b.example"]);
}

const INDICATOR: &str = "indicator--11111111-1111-4111-8111-111111111111";

#[test]
fn objects_of_bundles_keep_their_names() {
    let object = |revoked: bool| {
        let object = json!({ "type": "indicator", "id": INDICATOR, "pattern_type": "stix", "revoked": revoked,
            "pattern": "[domain-name:value = 'a.example'] OR [domain-name:value = 'b.example']",
            "created": "2024-01-02T03:04:05Z", "modified": "2024-01-03T03:04:05Z" });
        Answer::json(&json!({ "type": "bundle", "id": "bundle--1", "objects": [object] }))
    };
    let (server, answer) = changeable(object(false));
    let (mut kept, mut feed) = (Kept::default(), of_url(&server, "bundle.json", ""));
    kept.deliver(&mut *feed, NOW).unwrap();
    let id = INDICATOR.strip_prefix("indicator--").and_then(|uuid| Uuid::parse_str(uuid).ok());
    assert!(kept.entries.iter().all(|entry| entry.id == id));
    assert_eq!(kept.entries[0].modified, crate::text::time("2024-01-03T03:04:05Z"));
    *answer.lock().unwrap() = object(true);
    kept.deliver(&mut *feed, NOW).unwrap();
    assert_eq!((kept.values().len(), kept.refused[0].0), (0, id));
}

const EVENTS: [&str; 2] = ["22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"];

fn event(uuid: &str, values: &[&str]) -> Value {
    let attribute = |value: &&str| {
        let uuid = Uuid::new_v5(&Uuid::NAMESPACE_DNS, value.as_bytes()).to_string();
        json!({ "uuid": uuid, "type": "domain", "category": "Network activity", "value": value, "to_ids": true,
            "timestamp": "1704164645" })
    };
    let attributes: Vec<_> = values.iter().map(attribute).collect();
    json!({ "Event": { "uuid": uuid, "info": "a campaign", "Attribute": attributes } })
}

fn write(folder: &Path, files: &[(&str, &Value)]) {
    for (name, content) in files {
        fs::write(folder.join(format!("{name}.json")), content.to_string()).unwrap();
    }
}

/// The same story, told by a folder and by a server that serves that folder.
#[test]
fn of_misp_feeds_only_what_changed_is_fetched() {
    for is_remote in [false, true] {
        let folder = TempDir::new().unwrap();
        let root = folder.path().to_owned();
        let server =
            StandIn::new(move |asked| match fs::read(root.join(asked.path.trim_start_matches("/feed/"))) {
                Ok(content) => Answer::new(200, &[], content),
                Err(_) => Answer::new(404, &[], ""),
            });
        let mut feed = if is_remote {
            of_url(&server, "feed", "format = \"misp-feed\"")
        } else {
            of_path(&folder.path().join("manifest.json"), "")
        };
        let mut kept = Kept::default();
        let manifest = |times: [u64; 2]| json!({ EVENTS[0]: { "timestamp": times[0], "info": "x" }, EVENTS[1]: { "timestamp": times[1].to_string() } });
        let both = manifest([1, 1]);
        let second = event(EVENTS[1], &["c.example"]);
        write(folder.path(), &[("manifest", &both), (EVENTS[1], &second)]);
        assert!(kept.deliver(&mut *feed, NOW).is_err(), "an event that is listed is absent");
        assert!(kept.values().is_empty() && kept.notes.is_empty());

        write(folder.path(), &[(EVENTS[0], &event(EVENTS[0], &["a.example", "b.example", "localhost"]))]);
        assert_eq!(kept.deliver(&mut *feed, NOW), Ok(Extent::Changes));
        assert_eq!(kept.values(), ["a.example", "b.example", "c.example"]);
        let entry = kept.entry("a.example");
        assert_eq!(entry.group, Uuid::parse_str(EVENTS[0]).ok());
        assert_eq!(entry.id, Some(Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"a.example")));
        assert_eq!(entry.modified, Some(Timestamp::new(1_704_164_645, 0)));
        assert_eq!(kept.refused[0].0, Some(Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"localhost")));
        assert_eq!(kept.deliver(&mut *feed, NOW), Ok(Extent::Nothing));

        write(
            folder.path(),
            &[("manifest", &manifest([2, 1])), (EVENTS[0], &event(EVENTS[0], &["b.example"]))],
        );
        assert_eq!(kept.deliver(&mut *feed, NOW), Ok(Extent::Changes));
        assert_eq!((kept.values(), kept.puts), (vec!["b.example".to_owned(), "c.example".to_owned()], 1));

        fs::write(folder.path().join(format!("{}.json", EVENTS[1])), "{\"Event\": {\"Attri").unwrap();
        write(folder.path(), &[("manifest", &manifest([2, 2]))]);
        assert_eq!(kept.deliver(&mut *feed, NOW).unwrap_err().kind, SyncErrorKind::Malformed);
        assert_eq!(kept.values().len(), 2);

        write(folder.path(), &[("manifest", &json!({ EVENTS[1]: { "timestamp": "1" } }))]);
        assert_eq!(kept.deliver(&mut *feed, NOW), Ok(Extent::Changes));
        assert_eq!(kept.values(), ["c.example"]);
        for wrong in [json!({ "../../etc/passwd": {} }), json!([1])] {
            write(folder.path(), &[("manifest", &wrong)]);
            assert_eq!(kept.deliver(&mut *feed, NOW).unwrap_err().kind, SyncErrorKind::Malformed);
        }
    }
}

/// With the library that really keeps it: what did not change in an event that changed is as old as before.
#[test]
fn the_library_keeps_the_history_of_events_that_change() {
    let folder = TempDir::new().unwrap();
    let tell = |time: u64, values: &[&str]| {
        let manifest = json!({ EVENTS[0]: { "timestamp": time } });
        write(folder.path(), &[("manifest", &manifest), (EVENTS[0], &event(EVENTS[0], values))]);
    };
    let mut library = Library::open(&folder.path().join("library")).unwrap();
    let mut feed = of_path(&folder.path().join("manifest.json"), "");
    let mut deliver = |at: u64| {
        let now = Timestamp::new(1_800_000_000 + at, 0);
        let delivered = library.deliver("ours", &Policy::default(), &mut *feed, now, &mut ()).unwrap();
        [delivered.added, delivered.changed, delivered.removed, delivered.entries, delivered.refused]
    };
    tell(1, &["a.example", "b.example", "localhost"]);
    assert_eq!(deliver(0), [2, 0, 0, 2, 1]);
    assert_eq!(deliver(60), [0, 0, 0, 2, 0]);
    tell(2, &["b.example", "c.example"]);
    assert_eq!(deliver(120), [1, 0, 1, 2, 0]);
}
