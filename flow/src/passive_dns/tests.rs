//! What is learnt, for whom it counts, and what is dropped.

use super::store::{MAX_ANSWERS_PER_KEY, MAX_ANSWERS_PER_ROUND, MAX_NAMES_PER_KEY};
use super::*;
use crate::answers::tests::{a, answer, cname, name};
use weir_model::observation::DnsMessage;

const CLIENT: [u8; 4] = [10, 0, 0, 1];
const OTHER_CLIENT: [u8; 4] = [10, 0, 0, 2];
const SERVER: [u8; 4] = [192, 0, 2, 1];

fn learn(store: &PassiveDns, message: &DnsMessage, client: [u8; 4], seconds: u64, packet: u64) {
    store.learn(Received { message, client: client.into(), time: Timestamp::new(seconds, 0), packet });
}

fn ask(store: &PassiveDns, client: [u8; 4], seconds: u64, packet: u64) -> Vec<(String, NameSource)> {
    let names = store.names(client.into(), SERVER.into(), Timestamp::new(seconds, 0), packet);
    names.into_iter().map(|named| (named.name.name.to_string(), named.name.source)).collect()
}

fn store() -> PassiveDns {
    PassiveDns::new(PassiveDnsConfig::default())
}

fn own(name: &str) -> (String, NameSource) {
    (name.to_owned(), NameSource::PassiveDnsClient)
}

fn others(name: &str) -> (String, NameSource) {
    (name.to_owned(), NameSource::PassiveDnsOther)
}

#[test]
fn own_answers_outrank_those_of_others() {
    let store = store();
    learn(&store, &answer("mine.example", vec![a("mine.example", 60, SERVER)]), CLIENT, 1_000, 1);
    learn(&store, &answer("theirs.example", vec![a("theirs.example", 60, SERVER)]), OTHER_CLIENT, 1_001, 2);
    assert_eq!(ask(&store, CLIENT, 1_010, 3), [own("mine.example")]);
    assert_eq!(ask(&store, OTHER_CLIENT, 1_010, 3), [own("theirs.example")]);
    assert_eq!(ask(&store, [10, 0, 0, 3], 1_010, 3), [others("theirs.example")], "the latest");
    let reverse = store.names(SERVER.into(), CLIENT.into(), Timestamp::new(1_010, 0), 3);
    assert_eq!(reverse[0].address, IpAddr::from(SERVER), "whoever sent the first packet");
}

#[test]
fn valid_from_the_packet_behind_it_until_lifetime_and_grace_have_passed() {
    let store = store();
    learn(&store, &answer("www.example", vec![a("www.example", 600, SERVER)]), CLIENT, 1_000, 5);
    assert_eq!(ask(&store, CLIENT, 1_000, 5), []);
    assert_eq!(ask(&store, CLIENT, 1_000, 4), []);
    assert_eq!(ask(&store, CLIENT, 1_000, 6), [own("www.example")]);
    assert_eq!(ask(&store, CLIENT, 1_900, 7), [own("www.example")]);
    assert_eq!(ask(&store, CLIENT, 1_901, 8), []);
    assert_eq!(ask(&store, CLIENT, 699, 9), [], "long before it");
}

#[test]
fn lifetimes_are_clamped() {
    let store = store();
    learn(&store, &answer("short.example", vec![a("short.example", 0, SERVER)]), CLIENT, 1_000, 1);
    assert_eq!(ask(&store, CLIENT, 1_360, 2), [own("short.example")]);
    assert_eq!(ask(&store, CLIENT, 1_361, 2), []);
    learn(&store, &answer("long.example", vec![a("long.example", u32::MAX, SERVER)]), CLIENT, 1_000, 3);
    assert_eq!(ask(&store, CLIENT, 87_700, 4), [own("long.example")]);
    assert_eq!(ask(&store, CLIENT, 87_701, 4), []);
}

#[test]
fn what_was_true_at_a_packet_is_still_known_later() {
    let store = store();
    for (number, text) in [(10, "first.example"), (20, "second.example"), (30, "first.example")] {
        learn(&store, &answer(text, vec![a(text, 60, SERVER)]), CLIENT, 1_000 + number, number);
    }
    assert_eq!(ask(&store, CLIENT, 1_015, 15), [own("first.example")]);
    assert_eq!(ask(&store, CLIENT, 1_025, 25), [own("second.example"), own("first.example")]);
    assert_eq!(ask(&store, CLIENT, 1_035, 35), [own("first.example"), own("second.example")]);
}

#[test]
fn aliases_come_along_and_hints_are_nobodys_own() {
    let store = store();
    let mut message = answer("www.example", vec![cname("www.example", 60, "x.cdn"), a("x.cdn", 60, SERVER)]);
    learn(&store, &message, CLIENT, 1_000, 1);
    let names = store.names(CLIENT.into(), SERVER.into(), Timestamp::new(1_001, 0), 2);
    assert_eq!(names[0].name.aliases, [name("x.cdn")]);
    let store = self::store();
    message.link_local = true;
    learn(&store, &message, CLIENT, 1_000, 1);
    assert_eq!(ask(&store, CLIENT, 1_001, 2), [others("www.example")]);
}

#[test]
fn repeated_answers_do_not_push_out_others() {
    let store = store();
    learn(&store, &answer("rare.example", vec![a("rare.example", 86_400, SERVER)]), CLIENT, 1_000, 1);
    for number in 2..100 {
        let message = answer("busy.example", vec![a("busy.example", 60, SERVER)]);
        learn(&store, &message, CLIENT, 1_000 + number, number);
        store.settle(number - 1);
    }
    assert_eq!(ask(&store, CLIENT, 1_100, 100), [own("busy.example"), own("rare.example")]);
    assert!(store.stats().answers_settled > 0);
    assert!(store.others.held().0.iter().all(|answers| *answers <= MAX_NAMES_PER_KEY + 1));
}

#[test]
fn a_flood_of_answers_that_nobody_settles_is_bounded() {
    let store = store();
    let busy = answer("busy.example", vec![a("busy.example", 60, SERVER)]);
    let most = || store.others.held().0.into_iter().max();
    (1..=ROUND_PACKETS).for_each(|number| learn(&store, &busy, CLIENT, 1_000, number));
    assert_eq!(most(), Some(MAX_ANSWERS_PER_ROUND));
    let later = (1..10 * ROUND_PACKETS).step_by(4);
    later.for_each(|number| learn(&store, &busy, CLIENT, 1_000, number));
    assert_eq!(most(), Some(MAX_ANSWERS_PER_KEY));
    assert_eq!(ask(&store, CLIENT, 1_000, 10 * ROUND_PACKETS), [own("busy.example")]);
    assert!(store.stats().answers_dropped > 0);
}

#[test]
fn who_asks_late_is_told_the_same_whether_or_not_answers_were_settled() {
    let (kept, settled) = (store(), store());
    for number in 1..=200 {
        let text = format!("n{}.example", number % 10);
        let message = answer(&text, vec![a(&text, 60, SERVER)]);
        for store in [&kept, &settled] {
            learn(store, &message, CLIENT, 1_000, number);
        }
        settled.settle(number - 1);
    }
    assert!(settled.stats().answers_settled > 0 && kept.stats().answers_settled == 0);
    let late = |store: &PassiveDns, packet| {
        store.names_known_by(CLIENT.into(), SERVER.into(), (Timestamp::new(1_000, 0), packet), 201)
    };
    for packet in 1..=201 {
        assert_eq!(late(&kept, packet), late(&settled, packet), "{packet}");
    }
    assert_eq!(late(&kept, 201).len(), MAX_OWN_NAMES);
    assert_eq!(late(&kept, 196).len(), 3, "those later than the packet do not count");
}

/// Workers that are ahead by as many rounds as may be under way push nothing out that another still asks for.
#[test]
fn what_is_dropped_does_not_depend_on_the_order_in_which_answers_came() {
    let numbers = || (1..5 * ROUND_PACKETS).filter(|number| number % 5 != 0);
    let learnt = |store: &PassiveDns, number: u64| {
        let text = format!("n{}.example", number % 7);
        learn(store, &answer(&text, vec![a(&text, 60, SERVER)]), CLIENT, 1_000, number);
    };
    let (in_turn, ahead) = (store(), store());
    numbers().for_each(|number| learnt(&in_turn, number));
    numbers().filter(|number| number % 3 == 0).for_each(|number| learnt(&ahead, number));
    numbers().filter(|number| number % 3 != 0).for_each(|number| learnt(&ahead, number));
    assert!(in_turn.stats().answers_dropped > 0);
    for packet in (1..5 * ROUND_PACKETS).step_by(97) {
        assert_eq!(ask(&in_turn, CLIENT, 1_000, packet), ask(&ahead, CLIENT, 1_000, packet), "{packet}");
    }
}

#[test]
fn bounded_in_bytes_and_kind_to_what_is_learnt_again() {
    let store = PassiveDns::new(PassiveDnsConfig { max_bytes: 100_000, ..PassiveDnsConfig::default() });
    let keep = answer("keep.example", vec![a("keep.example", 60, SERVER)]);
    for number in 0..5_000_u32 {
        let [_, x, y, z] = number.to_be_bytes();
        let text = format!("flood{number}.example");
        let message = answer(&text, vec![a(&text, 60, [198, x, y, z])]);
        learn(&store, &message, CLIENT, 1_000, u64::from(number) * 2);
        if number % 50 == 0 {
            learn(&store, &keep, CLIENT, 1_000, u64::from(number) * 2 + 1);
        }
    }
    let stats = store.stats();
    assert!(stats.own_entries < 500 && stats.own_entries > 100, "{stats:?}");
    assert_eq!(stats.own_learnt, 5_100);
    assert_eq!(stats.evicted + stats.own_entries + stats.others_entries, 2 * 5_001);
    assert_eq!(ask(&store, CLIENT, 1_001, 20_000), [own("keep.example")]);
    let (_, held) = store.own.held();
    assert_eq!(held, store.own.bytes.load(Ordering::Relaxed));
}
