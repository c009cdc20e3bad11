use super::*;
use crate::SyncErrorKind;
use crate::kept::Kept;
use crate::library::{Library, Policies, Policy};
use serde_json::{Value, json};
use std::sync::Mutex;
use tempfile::TempDir;
use weir_model::Indicator;
use weir_net::http::stand_in::{Answer, Asked, StandIn};

const NOW: Timestamp = Timestamp::new(1_800_000_000, 0);
const TWO_DAYS_ON: Timestamp = Timestamp::new(1_800_000_000 + 2 * 86_400, 0);
const MEDIA: (&str, &str) = ("content-type", "application/taxii+json;version=2.1");

/// How a server behaves; objects were added a second after the other.
#[derive(Clone, Default)]
struct Story {
    objects: Vec<Value>,
    has_no_next: bool,
    has_no_times: bool,
    has_no_manifest: bool,
    /// Which page, from 1, is answered with this.
    instead: Option<(usize, Answer)>,
    pages: usize,
}

struct World {
    server: StandIn,
    story: Arc<Mutex<Story>>,
}

impl World {
    fn new(story: Story) -> Self {
        let story = Arc::new(Mutex::new(story));
        let told = Arc::clone(&story);
        Self { server: StandIn::new(move |asked| told.lock().unwrap().answer(asked)), story }
    }

    fn provider(&self, http: &str) -> Box<dyn Provider> {
        let mut settings = TaxiiSettings::new(format!("{}taxii2/", self.server.url), "bad");
        settings.http = toml::from_str(&format!("proxy = \"none\"\n{http}")).unwrap();
        settings.page_size = 2;
        settings.provider("partners", Path::new("/")).unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut Story)) {
        let mut story = self.story.lock().unwrap();
        story.pages = 0;
        change(&mut story);
    }
}

impl Story {
    fn answer(&mut self, asked: &Asked) -> Answer {
        let path = asked.path.split('?').next().unwrap_or_default();
        match path {
            "/taxii2/" => {
                Answer::new(200, &[MEDIA], json!({ "title": "x", "api_roots": ["/root/"] }).to_string())
            }
            "/root/collections/" => {
                let collection = json!({ "id": "1", "title": "Bad", "can_read": true });
                Answer::new(200, &[MEDIA], json!({ "collections": [collection] }).to_string())
            }
            "/root/collections/1/manifest/" if self.has_no_manifest => Answer::new(404, &[MEDIA], ""),
            "/root/collections/1/manifest/" | "/root/collections/1/objects/" => self.page(asked),
            _ => Answer::new(404, &[], ""),
        }
    }

    fn page(&mut self, asked: &Asked) -> Answer {
        self.pages += 1;
        if let Some((_, answer)) = self.instead.clone().filter(|(page, _)| *page == self.pages) {
            return answer;
        }
        let url = Url::parse("http://x/").unwrap().join(&asked.path).unwrap();
        let query: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
        let second = |text: &String| text.get(17..19).unwrap().parse::<usize>().unwrap();
        let after = query.get("added_after").map(second);
        let matches = |(at, object): &(usize, &Value)| {
            let kind = object["type"].as_str().unwrap();
            after.is_none_or(|after| *at > after)
                && query.get("match[type]").is_none_or(|types| types.split(',').any(|one| one == kind))
        };
        let objects: Vec<_> = self.objects.iter().enumerate().filter(matches).collect();
        let (start, limit) = (number("next").unwrap_or(0), number("limit").unwrap());
        let page: Vec<_> = objects.iter().skip(start).take(limit).collect();
        let more = start + page.len() < objects.len();
        let mut envelope =
            json!({ "more": more, "objects": page.iter().map(|(_, object)| object).collect::<Vec<_>>() });
        if more && !self.has_no_next {
            envelope["next"] = json!((start + page.len()).to_string());
        }
        let last = page.last().map(|(at, _)| format!("2024-01-01T00:00:{at:02}.000Z"));
        match last.filter(|_| !self.has_no_times) {
            Some(last) => {
                Answer::new(200, &[MEDIA, ("x-taxii-date-added-last", &last)], envelope.to_string())
            }
            None => Answer::new(200, &[MEDIA], envelope.to_string()),
        }
    }
}

fn indicator(number: u32, domain: &str, version: u32) -> Value {
    json!({ "type": "indicator", "id": format!("indicator--{number:08}-1111-4111-8111-111111111111"),
        "created": "2024-01-01T00:00:00Z", "modified": format!("2024-01-01T00:00:{version:02}Z"),
        "pattern_type": "stix", "pattern": format!("[domain-name:value = '{domain}']") })
}

fn five() -> Vec<Value> {
    (0..5).map(|number| indicator(number, &format!("{number}.example"), 0)).collect()
}

fn story() -> Story {
    Story { objects: five(), ..Story::default() }
}

#[test]
fn an_error_on_any_page_leaves_set_and_cursor_as_they_were() {
    let world = World::new(story());
    let (mut kept, mut provider) =
        (Kept::default(), world.provider("max_size = \"20kB\"\nidle_timeout = \"300ms\""));
    kept.deliver(&mut *provider, NOW).unwrap();
    let before = kept.clone();
    world.change(|story| story.objects.extend((5..10).map(|number| indicator(number, "new.example", 0))));
    let page = |body: &str| Answer::new(200, &[MEDIA], body);
    for (answer, kind, word) in [
        (Answer::new(500, &[MEDIA], "database"), SyncErrorKind::Server, "database"),
        (Answer::new(429, &[MEDIA, ("retry-after", "60")], ""), SyncErrorKind::Server, "60"),
        (Answer::new(401, &[MEDIA], ""), SyncErrorKind::Unauthorized, "credentials"),
        (Answer::new(406, &[MEDIA], ""), SyncErrorKind::Server, "TAXII 2.1"),
        (Answer::new(416, &[MEDIA], ""), SyncErrorKind::Server, "page"),
        (Answer::new(200, &[("content-type", "text/html")], "<html>"), SyncErrorKind::Malformed, "text/html"),
        (page("{\"objects\": ["), SyncErrorKind::Malformed, "EOF"),
        (page("[1]"), SyncErrorKind::Malformed, "TAXII"),
        (page("{\"more\": true}"), SyncErrorKind::Malformed, "nothing"),
        (page("{\"more\": true, \"objects\": [{}]}"), SyncErrorKind::Malformed, "how to get it"),
        (page(&" ".repeat(30_000)), SyncErrorKind::TooLarge, "max_size"),
        (page("{\"objects\": []}").cut(5), SyncErrorKind::Unreachable, "broke off"),
        (page("{}").drip(Duration::from_secs(1)), SyncErrorKind::Unreachable, "idle_timeout"),
    ] {
        world.change(|story| story.instead = Some((3, answer)));
        let error = kept.deliver(&mut *provider, NOW).unwrap_err();
        assert!(error.kind == kind && error.text.contains(word), "{kind:?} {word}: {error:?}");
        assert_eq!((kept.values(), &kept.notes), (before.values(), &before.notes));
    }
    world.change(|story| story.instead = None);
    assert_eq!(kept.deliver(&mut *provider, NOW), Ok(Extent::Changes));
    assert_eq!((kept.values().len(), kept.puts), (10, 5));
}

#[test]
fn somebody_who_wants_to_stop_does_not_wait_for_the_last_page() {
    let world = World::new(story());
    let mut kept = Kept { stops_after: Some(2), ..Kept::default() };
    let error = kept.deliver(&mut *world.provider(""), NOW).unwrap_err();
    assert_eq!((error.kind, kept.values().len()), (SyncErrorKind::Stopped, 0));
    assert_eq!(world.story.lock().unwrap().pages, 3, "one of context, two of indicators");
}

#[test]
fn without_next_the_last_time_leads_on() {
    let world = World::new(Story { has_no_next: true, ..story() });
    let (mut kept, mut provider) = (Kept::default(), world.provider(""));
    assert_eq!(kept.deliver(&mut *provider, NOW), Ok(Extent::Whole));
    assert_eq!(kept.values().len(), 5);
    assert_eq!(kept.deliver(&mut *provider, NOW), Ok(Extent::Nothing));
}

#[test]
fn a_server_without_times_is_read_whole() {
    let world = World::new(Story { has_no_times: true, ..story() });
    let (mut kept, mut provider) = (Kept::default(), world.provider(""));
    for _ in 0..2 {
        assert_eq!(kept.deliver(&mut *provider, NOW), Ok(Extent::Whole));
        assert_eq!(kept.values().len(), 5);
    }
}

#[test]
fn a_server_without_manifests_is_read_whole_once_a_day() {
    let world = World::new(Story { has_no_manifest: true, ..story() });
    let (mut kept, mut provider) = (Kept::default(), world.provider(""));
    kept.deliver(&mut *provider, NOW).unwrap();
    // The place of what is gone stays empty, so that the others keep their times.
    world.change(|story| story.objects[1] = json!({ "type": "note" }));
    assert_eq!(kept.deliver(&mut *provider, NOW), Ok(Extent::Nothing));
    assert_eq!(kept.deliver(&mut *provider, TWO_DAYS_ON), Ok(Extent::Whole));
    assert_eq!(kept.values(), ["0.example", "2.example", "3.example", "4.example"]);
}

#[test]
fn of_several_versions_the_newest_counts_whatever_page_it_is_on() {
    for versions in [[1, 2, 3], [3, 2, 1], [2, 3, 1]] {
        let mut objects: Vec<_> =
            versions.iter().map(|version| indicator(1, &format!("v{version}.example"), *version)).collect();
        objects.insert(1, indicator(2, "other.example", 1));
        let world = World::new(Story { objects, ..Story::default() });
        let (mut kept, mut provider) = (Kept::default(), world.provider(""));
        kept.deliver(&mut *provider, NOW).unwrap();
        assert_eq!(kept.values(), ["other.example", "v3.example"], "{versions:?}");
    }
}

#[test]
fn pages_without_end_are_bounded() {
    let count = Mutex::new(0);
    let server = StandIn::new(move |_| {
        let mut count = count.lock().unwrap();
        *count += 1;
        let page = json!({ "more": true, "next": "x", "objects": [indicator(*count, "x.example", 0)] });
        Answer::new(200, &[MEDIA], page.to_string())
    });
    let settings: HttpSettings = toml::from_str("proxy = \"none\"").unwrap();
    let client = Client::new(&settings, &server.url, Path::new("/")).unwrap();
    let mut collection = Collection::new(client, server.url.clone(), 1);
    collection.max_objects = 20;
    let query = api::Query { of: "objects", filter: ["match[type]", "indicator"], added_after: None };
    let error = collection.read(&query, &mut |_| Ok(())).unwrap_err();
    assert_eq!((error.kind, server.asked().len()), (SyncErrorKind::TooLarge, 21));
}

#[test]
fn another_server_is_not_followed_and_another_collection_begins_anew() {
    let root = json!({ "title": "x", "default": "https://elsewhere.example/root/" }).to_string();
    let world = World::new(story());
    let (mut kept, mut provider) = (Kept::default(), world.provider(""));
    kept.deliver(&mut *provider, NOW).unwrap();
    kept.notes.insert("place".to_owned(), "http://elsewhere.example/".to_owned());
    assert_eq!(kept.deliver(&mut *provider, NOW), Ok(Extent::Whole));
    let server = StandIn::new(move |_| Answer::new(200, &[MEDIA], &root));
    let mut settings = TaxiiSettings::new(server.url.as_str(), "bad");
    settings.http = toml::from_str("proxy = \"none\"").unwrap();
    let error = kept.deliver(&mut *settings.provider("partners", Path::new("/")).unwrap(), NOW).unwrap_err();
    assert!(error.kind == SyncErrorKind::Settings && error.text.contains("another server"), "{error}");
    assert!(
        toml::from_str::<TaxiiSettings>("url = \"https://x.example/\"\ncollection = \"x\"\npages = 1")
            .is_err()
    );
}

/// With the library that really keeps it: several versions on several pages, then one revoked, one deleted.
#[test]
fn the_library_has_what_the_collection_has() {
    let objects =
        vec![indicator(1, "old.example", 1), indicator(2, "two.example", 1), indicator(1, "one.example", 2)];
    let world = World::new(Story { objects, ..Story::default() });
    let folder = TempDir::new().unwrap();
    let mut library = Library::open(&folder.path().join("library")).unwrap();
    let mut provider = world.provider("");
    let mut deliver = |now: Timestamp| {
        library.deliver("partners", &Policy::default(), &mut *provider, now, &mut ()).unwrap();
        let (mut values, reader) = (Vec::new(), library.reader().unwrap());
        let mut take = |indicator: Indicator| values.push(indicator.value.to_string());
        reader.compose(&Policies::default(), now, &mut take).unwrap();
        values.sort();
        values
    };
    assert_eq!(deliver(NOW), ["one.example", "two.example"]);
    world.change(|story| {
        let mut revoked = indicator(1, "one.example", 3);
        revoked["revoked"] = json!(true);
        story.objects.extend([indicator(3, "three.example", 1), revoked, indicator(4, "four.example", 1)]);
    });
    assert_eq!(deliver(NOW), ["four.example", "three.example", "two.example"]);
    world.change(|story| story.objects[1] = json!({ "type": "note" }));
    assert_eq!(deliver(NOW), ["four.example", "three.example", "two.example"]);
    assert_eq!(deliver(TWO_DAYS_ON), ["four.example", "three.example"]);
}
