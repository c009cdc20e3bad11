//! What happens at instances, and what must be known of them afterwards.

use super::pretended::Pretended;
use super::{EVENT, MispProvider, MispSettings, World, id, provider};
use crate::{Extent, SyncErrorKind};
use serde_json::json;
use weir_model::Tlp;

const DAY: u64 = 86_400;

pub(super) fn settings() -> MispSettings {
    MispSettings { page_size: 10, ..MispSettings::new("https://misp.example/") }
}

fn pretended() -> (World, Pretended) {
    let instance = Pretended::default();
    let asks = provider(settings(), instance.clone());
    (World::new(Box::new(instance.clone()), asks), instance)
}

fn names(numbers: impl IntoIterator<Item = u128>) -> Vec<String> {
    let mut names: Vec<_> = numbers.into_iter().map(|number| format!("n{number}.example")).collect();
    names.sort();
    names
}

/// Each story with a world of its own, in a test of its own.
macro_rules! stories {
    ($($name:ident)+) => {
        $(#[test] fn $name() { super::$name(pretended().0); })+
        pub(in super::super) const ALL: &[(&str, fn(World))] = &[$((stringify!($name), super::$name)),+];
    };
}

pub(super) mod told {
    use super::{World, pretended};
    stories! {
        everything_then_what_changed
        being_edited_is_not_being_withdrawn
        what_is_deleted_or_not_for_detection_goes_at_once
        a_draft_does_not_count
        what_vanishes_is_found_the_next_day
        an_event_that_is_withdrawn_without_a_change
        a_key_that_sees_no_deletions
        pages_that_shift_while_they_are_read
        what_goes_wrong_on_the_way_changes_nothing
        an_event_is_edited_when_it_is_first_met
    }
}

fn everything_then_what_changed(mut world: World) {
    world.published(EVENT, 25);
    world.published(2 * EVENT, 1);
    assert_eq!(world.sync(), Ok(Extent::Whole));
    assert_eq!(world.shelf.values(), {
        let mut all = names(0..25);
        all.push("n0.example".to_owned());
        all.sort();
        all
    });
    let entry = &world.shelf.kept.entries[0];
    assert_eq!(entry.group.unwrap().to_string(), id(EVENT));
    assert_eq!(entry.context.tlp, Some(Tlp::Green));
    let further = entry.context.further.as_deref().unwrap();
    assert_eq!(further.organisation.as_deref(), Some("CIRCL"));
    assert_eq!(further.report.as_ref().unwrap().title.as_deref(), Some("Emotet in depth"));
    assert_eq!((&*entry.context.source, further.id), ("circl", entry.id));

    world.now += DAY / 2;
    world.sync().unwrap();
    assert_eq!(world.sync(), Ok(Extent::Nothing), "what is old is not read again and again");
    world.edit(EVENT + 1, &json!({"value": "changed.example"}));
    world.add(EVENT, EVENT + 99, "domain|ip", "both.example|192.0.2.1");
    world.edit(EVENT + 2, &json!({"type": "md5", "value": "0123456789abcdef0123456789abcdef"}));
    world.publish(EVENT);
    assert_eq!(world.sync(), Ok(Extent::Changes));
    let mut expected = names(2..25);
    expected.extend(["192.0.2.1", "both.example", "changed.example", "n0.example"].map(str::to_owned));
    expected.sort();
    assert_eq!(world.shelf.values(), expected);
    assert_eq!(world.shelf.refusal(EVENT + 2), Some("file_hash"));
    assert_eq!(world.shelf.put.len(), 26, "each attribute is handed on once, though three windows have it");
}

fn being_edited_is_not_being_withdrawn(mut world: World) {
    world.published(EVENT, 3);
    assert_eq!(world.synced(), names(0..3));
    world.now += 2 * DAY;
    world.sync().unwrap();
    world.edit(EVENT + 1, &json!({"value": "changed.example"}));
    world.add(EVENT, EVENT + 9, "domain", "new.example");
    assert_eq!(world.synced(), names(0..3), "what was published last");
    assert_eq!(world.shelf.refusal(EVENT + 9), None);
    world.now += DAY - 300;
    world.edit(EVENT + 1, &json!({"value": "again.example"}));
    assert_eq!(world.synced(), names(0..3), "the grace is not over");
    world.now += 300;
    assert_eq!(world.synced(), Vec::<String>::new(), "the grace begins with the first edit");
    world.now += DAY;
    assert_eq!(world.synced(), Vec::<String>::new());
    world.publish(EVENT);
    assert_eq!(world.synced(), ["again.example", "n1.example", "n2.example", "new.example"]);
    assert!(world.shelf.notes().iter().all(|(key, _)| !key.starts_with("edited")));
}

fn what_is_deleted_or_not_for_detection_goes_at_once(mut world: World) {
    world.published(EVENT, 4);
    assert_eq!(world.synced(), names(0..4));
    world.one("delete", EVENT + 1);
    assert_eq!(world.synced(), names(1..4));
    world.edit(EVENT + 2, &json!({"to_ids": false}));
    assert_eq!(world.synced(), names(2..4));
    assert_eq!(world.shelf.refusal(EVENT + 2), Some("not_for_detection"));
    world.edit(EVENT + 2, &json!({"to_ids": true}));
    assert_eq!(world.synced(), names(2..4), "not published like that");
    world.publish(EVENT);
    assert_eq!(world.synced(), names(1..4));
}

fn a_draft_does_not_count(mut world: World) {
    world.published(EVENT, 1);
    world.event(2 * EVENT);
    world.add(2 * EVENT, 2 * EVENT + 1, "domain", "draft.example");
    assert_eq!(world.synced(), names(0..1));
    assert_eq!(world.shelf.refusal(2 * EVENT + 1), Some("unpublished"));
    world.publish(2 * EVENT);
    assert_eq!(world.synced(), ["draft.example", "n0.example"]);
    assert_eq!(world.shelf.refusal(2 * EVENT + 1), None);
}

fn what_vanishes_is_found_the_next_day(mut world: World) {
    world.published(EVENT, 60);
    assert_eq!(world.synced(), names(0..60));
    world.one("vanish", EVENT + 8);
    assert_eq!(world.synced(), names(0..60), "it leaves no trace");
    world.now += DAY - 300;
    assert_eq!(world.synced(), names(0..60));
    world.now += 300;
    assert_eq!(world.synced(), names((0..60).filter(|number| *number != 7)));
    assert_eq!(world.sync(), Ok(Extent::Nothing));
}

fn an_event_that_is_withdrawn_without_a_change(mut world: World) {
    world.published(EVENT, 2);
    world.published(2 * EVENT, 1);
    assert_eq!(world.synced().len(), 3);
    world.now += DAY / 2;
    world.sync().unwrap();
    world.tell(json!({"do": "withdraw", "event": id(EVENT)}));
    assert_eq!(world.synced().len(), 3, "it leaves no trace");
    world.now += DAY / 2;
    assert_eq!(world.synced(), names(0..1), "found by comparing; nothing says that it is being edited");
}

fn a_key_that_sees_no_deletions(mut world: World) {
    world.tell(json!({"do": "permit", "sync": false}));
    world.published(EVENT, 3);
    assert_eq!(world.synced(), names(0..3));
    world.one("delete", EVENT + 1);
    assert_eq!(world.synced(), names(0..3));
    world.now += 3600;
    assert_eq!(world.synced(), names(1..3));
}

fn pages_that_shift_while_they_are_read(mut world: World) {
    world.published(EVENT, 40);
    let gone: Vec<_> = (1..=8).map(|number| id(EVENT + number)).collect();
    world.tell(json!({"do": "fault", "kind": "vanish", "after": 1, "attributes": gone}));
    assert_eq!(world.synced(), names(8..40));
}

fn what_goes_wrong_on_the_way_changes_nothing(mut world: World) {
    world.published(EVENT, 15);
    for (kind, expected) in [
        ("error", SyncErrorKind::Server),
        ("cut", SyncErrorKind::Malformed),
        ("html", SyncErrorKind::Malformed),
    ] {
        world.tell(json!({"do": "fault", "kind": kind, "after": 1}));
        assert_eq!(world.sync().unwrap_err().kind, expected, "{kind} in a first delivery");
        assert!(world.shelf.values().is_empty() && world.shelf.notes().is_empty());
    }
    assert_eq!(world.synced(), names(0..15));
    world.now += 3600;
    let notes = format!("{:?}", world.shelf.notes());
    world.edit(EVENT + 1, &json!({"value": "changed.example"}));
    world.publish(EVENT);
    world.now += 3600;
    world.tell(json!({"do": "fault", "kind": "error", "after": 3}));
    assert_eq!(world.sync().unwrap_err().kind, SyncErrorKind::Server);
    assert_eq!((world.shelf.values(), format!("{:?}", world.shelf.notes())), (names(0..15), notes));
    assert_eq!(
        world.synced()[0],
        "changed.example",
        "the next delivery begins where the last good one ended"
    );
}

/// What was published and did not change since counts, as for those who knew it before.
fn an_event_is_edited_when_it_is_first_met(mut world: World) {
    world.published(EVENT, 3);
    world.edit(EVENT + 1, &json!({"value": "changed.example"}));
    world.add(EVENT, EVENT + 9, "domain", "new.example");
    assert_eq!(world.synced(), names(1..3));
    world.now += DAY;
    assert_eq!(world.synced(), Vec::<String>::new());
}

/// Another address is another instance: nothing that was known of the first is of use.
#[test]
fn another_instance_is_read_from_the_beginning() {
    let (mut world, instance) = pretended();
    world.published(EVENT, 1);
    assert_eq!(world.synced(), names(0..1));
    let elsewhere = MispSettings { url: "https://other.example/".to_owned(), ..settings() };
    world.provider = provider(elsewhere, instance);
    assert_eq!(world.sync(), Ok(Extent::Whole));
}

/// A clock that is wrong at somebody who shares events.
#[test]
fn a_change_in_the_future_hides_no_others() {
    let (mut world, instance) = pretended();
    world.published(EVENT, 1);
    world.now += 1000 * DAY;
    world.add(EVENT, EVENT + 2, "domain", "future.example");
    world.publish(EVENT);
    world.now -= 1000 * DAY;
    assert_eq!(world.synced(), ["future.example", "n0.example"]);
    world.published(2 * EVENT, 1);
    assert_eq!(world.synced().len(), 3);
    let windows: Vec<_> = instance
        .asked()
        .iter()
        .filter_map(|asked| asked["event_timestamp"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(windows[0].parse::<u64>().unwrap(), world.now - 60 - 660 - 60 + 60 - 600, "{windows:?}");
}

/// A comparison that fails does not keep deltas from coming in.
#[test]
fn a_comparison_that_fails_is_made_up_for_later() {
    let (mut world, _) = pretended();
    world.published(EVENT, 2);
    world.sync().unwrap();
    world.one("vanish", EVENT + 2);
    world.now += DAY / 2;
    world.sync().unwrap();
    world.now += DAY / 2;
    world.tell(json!({"do": "fault", "kind": "error", "after": 3}));
    assert_eq!(world.sync().unwrap_err().kind, SyncErrorKind::Server);
    world.edit(EVENT + 1, &json!({"value": "changed.example"}));
    world.publish(EVENT);
    assert_eq!(world.synced(), ["changed.example", "n1.example"]);
    world.now += 3600;
    assert_eq!(world.synced(), ["changed.example"]);
}

#[test]
fn settings_that_cannot_be_meant() {
    let wrong = MispSettings { page_size: 1, ..settings() };
    let error = MispProvider::with_api("circl", wrong, Box::new(Pretended::default())).err().unwrap();
    assert_eq!(error.kind, SyncErrorKind::Settings);
    let read: MispSettings =
        serde_json::from_value(json!({"url": "https://misp.example", "grace": "12h", "page_size": 100}))
            .unwrap();
    assert_eq!((read.grace.as_secs(), read.overlap.as_secs(), read.page_size), (12 * 3600, 600, 100));
    assert!(serde_json::from_value::<MispSettings>(json!({"url": "x", "filter": "tlp:red"})).is_err());
}
