//! What is kept, held, found, and told.

use super::{Says, Shelf, at, domain, entry, whole};
use crate::library::{
    Filter, Filtered, Happened, Library, LibraryError, Lifetimes, Policies, Policy, Standing, Wanted,
};
use crate::{Delivery, Entry, Extent, Place, Refusal, RefusalReason, SyncError, SyncErrorKind};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use weir_model::{Context, Further, Tlp};

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn named(number: u128, name: &str) -> Entry {
    Entry { id: Some(id(number)), group: Some(id(number / 10)), ..entry(name) }
}

fn refusal(text: &str) -> Refusal {
    Refusal {
        file: "f".into(),
        place: Place::Pointer("/a".into()),
        text: text.into(),
        reason: RefusalReason::Deleted,
    }
}

#[test]
fn a_whole_list_replaces_and_changes_add() {
    let mut shelf = Shelf::new();
    shelf.list("a", &["x.example", "y.example"], at(0)).unwrap();
    let again = shelf.list("a", &["y.example", "z.example", "z.example"], at(1)).unwrap();
    assert_eq!((again.added, again.changed, again.removed, again.entries, again.repeated), (1, 0, 1, 2, 1));
    assert_eq!(shelf.values(at(1)), ["y.example", "z.example"]);
    let mut changes = Says(|delivery: &mut dyn Delivery| {
        delivery.put(entry("w.example"))?;
        Ok(Extent::Changes)
    });
    shelf.library.deliver("a", &Policy::default(), &mut changes, at(2), &mut ()).unwrap();
    assert_eq!(shelf.values(at(2)), ["w.example", "y.example", "z.example"]);
    let mut history = Vec::new();
    shelf
        .library
        .changes(at(1), &mut |change| {
            history.push((change.happened, change.value.to_string()));
            true
        })
        .unwrap();
    let wanted =
        [(Happened::Removed, "x.example"), (Happened::Added, "z.example"), (Happened::Added, "w.example")];
    assert_eq!(history, wanted.map(|(happened, value)| (happened, value.to_owned())));
    let lines = shelf.library.deliveries(at(0)).unwrap();
    assert_eq!(
        lines.iter().map(|line| (line.added, line.removed)).collect::<Vec<_>>(),
        [(2, 0), (1, 1), (1, 0)]
    );
}

#[test]
fn what_an_id_said_is_replaced_removed_and_grouped() {
    let mut shelf = Shelf::new();
    let policy = Policy::default();
    let deliver =
        |shelf: &mut Shelf,
         seconds,
         steps: &mut (dyn FnMut(&mut dyn Delivery) -> Result<(), SyncError> + Send)| {
            let mut provider = Says(|delivery: &mut dyn Delivery| steps(delivery).map(|()| Extent::Changes));
            shelf.library.deliver("misp", &policy, &mut provider, at(seconds), &mut ()).unwrap()
        };
    deliver(&mut shelf, 0, &mut |delivery| {
        for (number, name) in [(10, "a.example"), (10, "b.example"), (11, "c.example"), (20, "d.example")] {
            delivery.put(named(number, name))?;
        }
        delivery.refuse(Some(id(12)), refusal("e.example"))
    });
    let second = deliver(&mut shelf, 1, &mut |delivery| {
        delivery.put(named(10, "b.example"))?;
        delivery.put(named(12, "e.example"))?;
        delivery.refuse(Some(id(11)), refusal("c.example"))
    });
    assert_eq!((second.added, second.changed, second.removed), (1, 0, 2));
    assert_eq!(shelf.values(at(1)), ["b.example", "d.example", "e.example"]);
    assert_eq!(shelf.library.sources().unwrap()[0].refused, [(RefusalReason::Deleted, 1)].into());
    assert_eq!(shelf.library.find_refused("C.EXAMPLE", 5).unwrap().len(), 1);
    deliver(&mut shelf, 2, &mut |delivery| {
        delivery.remove_group(id(1))?;
        delivery.put(named(10, "b.example"))
    });
    assert_eq!(shelf.values(at(2)), ["b.example", "d.example"]);
    let found = shelf.library.find(&Policies::default(), &domain("b.example"), at(2)).unwrap();
    assert_eq!((found.len(), found[0].since), (1, at(0)), "removed and put again is still there");
    deliver(&mut shelf, 3, &mut |delivery| {
        delivery.put(named(30, "f.example"))?;
        delivery.keep_only(&mut |known| known == id(20))
    });
    assert_eq!(shelf.values(at(3)), ["d.example"]);
    assert!(shelf.library.sources().unwrap()[0].refused.is_empty());
    let found = shelf.library.find(&Policies::default(), &domain("b.example"), at(3)).unwrap();
    assert_eq!((found[0].since, found[0].standing), (at(0), Standing::Withdrawn { at: at(3) }));
    assert!(shelf.library.find(&Policies::default(), &domain("f.example"), at(3)).unwrap().is_empty());
}

#[test]
fn what_looks_wrong_is_held_until_it_is_released() {
    let mut shelf = Shelf::new();
    let many: Vec<String> = (0..100).map(|number| format!("{number}.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    shelf.list("a", &many, at(0)).unwrap();
    let error = shelf.list("a", &[], at(1)).unwrap_err();
    assert_eq!(error.kind, SyncErrorKind::Held);
    assert!(error.text.starts_with("held: was 100 entries, would be 0"), "{error}");
    let state = &shelf.library.sources().unwrap()[0];
    let held = state.held.unwrap();
    assert_eq!((held.at, held.was, held.would_be, state.succeeded), (at(1), 100, 0, Some(at(0))));
    assert_eq!(shelf.values(at(1)).len(), 100);
    assert!(shelf.library.release_held("a").unwrap() && !shelf.library.release_held("b").unwrap());
    shelf.list("a", &many[..40], at(2)).unwrap();
    let state = &shelf.library.sources().unwrap()[0];
    assert!(state.held.is_none() && !state.is_released && state.entries == 40);
    assert_eq!(shelf.list("a", &[], at(3)).unwrap_err().kind, SyncErrorKind::Held, "released once");
}

#[test]
fn notes_are_part_of_the_delivery() {
    let mut shelf = Shelf::new();
    let mut run = |fails: bool| {
        let mut provider = Says(|delivery: &mut dyn Delivery| {
            let before = delivery.recall_all("page/")?;
            delivery.remember(&format!("page/{}", before.len()), Some("done"))?;
            delivery.remember("page/0", if before.is_empty() { Some("first") } else { None })?;
            assert_eq!(delivery.recall("page/0")?.is_some(), before.is_empty());
            if fails { Err(SyncError::new(SyncErrorKind::Server, "500")) } else { Ok(Extent::Nothing) }
        });
        let result = shelf.library.deliver("a", &Policy::default(), &mut provider, at(0), &mut ());
        (
            result.is_ok(),
            shelf
                .library
                .connection
                .query_row("SELECT group_concat(key) FROM note", [], |row| row.get(0))
                .unwrap(),
        )
    };
    assert_eq!(run(true), (false, None::<String>));
    assert_eq!(run(false), (true, Some("page/0".into())));
    assert_eq!(run(true), (false, Some("page/0".into())));
    assert_eq!(run(false), (true, Some("page/1".into())));
    let failure = shelf.library.sources().unwrap()[0].failure.clone().unwrap();
    assert_eq!((failure.kind, failure.text.as_str()), (SyncErrorKind::Server, "500"));
}

#[test]
fn one_value_has_the_contexts_of_all_its_sources() {
    let mut shelf = Shelf::new();
    let marked = Context { tlp: Some(Tlp::Red), tags: vec!["noise".into()], ..Context::default() };
    let further = Further { id: Some(id(7)), valid_until: Some(at(50)), ..Further::default() };
    let dated = Context { further: Some(Arc::new(further)), ..Context::default() };
    let policy = Policy::default();
    let mut b = whole(vec![Entry { id: Some(id(7)), ..Entry::new(domain("x.example"), dated) }]);
    shelf.library.deliver("b", &policy, &mut b, at(0), &mut ()).unwrap();
    shelf
        .library
        .deliver("a", &policy, &mut whole(vec![Entry::new(domain("x.example"), marked)]), at(0), &mut ())
        .unwrap();
    let mut policies = Policies::default();
    let filter =
        Filter { tags: Wanted { never: vec!["NOI*".into()], ..Wanted::default() }, ..Filter::default() };
    let set = shelf.composed(&policies, at(1));
    let said = |set: &[weir_model::Indicator]| -> Vec<_> {
        set[0].contexts.iter().map(|context| (context.source.to_string(), context.tlp)).collect()
    };
    assert_eq!(said(&set), [("a".into(), Some(Tlp::Red)), ("b".into(), Some(Tlp::Amber))]);
    policies.sources.insert("a".into(), Policy { filter, ..Policy::default() });
    policies.sources.insert("b".into(), Policy { unmarked: Tlp::Green, ..Policy::default() });
    assert_eq!(said(&shelf.composed(&policies, at(1))), [("b".into(), Some(Tlp::Green))]);
    let found = shelf.library.find(&policies, &domain("x.example"), at(60)).unwrap();
    let standings: Vec<_> = found.iter().map(|said| said.standing).collect();
    assert_eq!(standings, [Standing::Filtered(Filtered::Tag), Standing::Expired { at: at(50) }]);
    let composed = shelf.library.compose(&policies, at(1), &mut |_| ()).unwrap();
    assert_eq!(composed.next_expiry, Some(at(50)));
    assert_eq!((composed.values, composed.sources["a"].filtered[&Filtered::Tag]), (1, 1));
    assert!(shelf.composed(&policies, at(50)).is_empty());
}

#[test]
fn a_list_that_is_not_delivered_any_more_grows_old() {
    let mut shelf = Shelf::new();
    let lifetimes = Lifetimes { others: Some(Duration::from_secs(10)), ..Lifetimes::default() };
    let policies = Policies { default: Policy { lifetimes, ..Policy::default() }, ..Policies::default() };
    shelf.list("a", &["x.example"], at(0)).unwrap();
    shelf.list("a", &["x.example"], at(8)).unwrap();
    assert_eq!(shelf.composed(&policies, at(17)).len(), 1);
    let mut nothing = Says(|_: &mut dyn Delivery| Ok(Extent::Nothing));
    shelf.library.deliver("a", &policies.default, &mut nothing, at(17), &mut ()).unwrap();
    assert_eq!(shelf.composed(&policies, at(26)).len(), 1);
    assert_eq!(shelf.composed(&policies, at(27)).len(), 0);
    assert_eq!(shelf.library.next_expiry(&policies, at(20)).unwrap(), Some(at(27)));
}

#[test]
fn the_same_context_is_stored_once_and_what_is_forgotten_is_withdrawn() {
    let mut shelf = Shelf::new();
    shelf.list("a", &["x.example", "y.example"], at(0)).unwrap();
    shelf.list("b", &["y.example"], at(0)).unwrap();
    let contexts: u32 =
        shelf.library.connection.query_row("SELECT count(*) FROM context", [], |row| row.get(0)).unwrap();
    assert_eq!(contexts, 1);
    assert!(shelf.library.forget("a", at(5)).unwrap() && !shelf.library.forget("a", at(6)).unwrap());
    assert_eq!(shelf.values(at(6)), ["y.example"]);
    let found = shelf.library.find(&Policies::default(), &domain("x.example"), at(6)).unwrap();
    assert_eq!(found[0].standing, Standing::Withdrawn { at: at(5) });
    shelf.list("b", &["y.example", "z.example"], at(5 + 31 * 86_400)).unwrap();
    assert!(
        shelf.library.find(&Policies::default(), &domain("x.example"), at(6)).unwrap().is_empty(),
        "a month later"
    );
}

#[test]
fn a_newer_file_is_refused_and_left_alone() {
    let shelf = Shelf::new();
    shelf.library.connection.pragma_update(None, "user_version", 99).unwrap();
    let error = Library::open_or_set_aside(&shelf.path()).unwrap_err();
    assert_eq!(error, LibraryError::Newer { found: 99 });
}
