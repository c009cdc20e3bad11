//! Couriers and a stand-in for sinks, which does what it is told to.

use super::pace::Pauses;
use super::*;
use crate::marking::Above;
use crate::sinks::Kind;
use crate::spool::{Beginning, Counts, Limits, SpoolEntry};
use crate::{Format, Message, samples};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use uuid::Uuid;
use weir_model::alert::{Notice, Severity};
use weir_model::{Alert, Context, Indicator, Tlp};

/// What the stand-in does with one parcel, or, of the first of those handed over at once, with all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Take,
    Refuse,
    Fail,
    /// It takes it and says that it failed.
    TakeAndFail,
    /// It waits until its time is over, and has taken nothing.
    Hang,
    Panic,
    /// It takes nothing and says nothing.
    Silence,
}

/// What stand-ins share over being opened again.
#[derive(Debug, Default)]
struct Received {
    deeds: VecDeque<Deed>,
    /// The identifiers and the size of what was handed over at once.
    rounds: Vec<usize>,
    parcels: Vec<(Kind, Uuid)>,
    refused: Vec<Uuid>,
    opened: u64,
    /// It takes what stands behind a failure, too, as no sink should.
    is_careless: bool,
}

#[derive(Clone, Default)]
struct StandIn(Arc<Mutex<Received>>);

impl StandIn {
    fn doing(deeds: impl IntoIterator<Item = Deed>) -> Self {
        let received = Received { deeds: deeds.into_iter().collect(), ..Received::default() };
        Self(Arc::new(Mutex::new(received)))
    }

    fn received(&self) -> std::sync::MutexGuard<'_, Received> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for StandIn {
    fn deliver(&mut self, parcels: &[Parcel], until: Instant) -> Vec<Outcome> {
        let mut received = self.received();
        received.rounds.push(parcels.len());
        let mut failed: Vec<&str> = Vec::new();
        let mut outcomes = Vec::new();
        for (place, parcel) in parcels.iter().enumerate() {
            if failed.contains(&&*parcel.key) && !received.is_careless {
                outcomes.push(Outcome::Failed("behind another".into()));
                continue;
            }
            let deed = received.deeds.pop_front().unwrap_or(Deed::Take);
            match deed {
                Deed::Silence => return outcomes,
                Deed::Panic => panic!("as it was told"),
                Deed::Hang if place == 0 => {
                    std::thread::sleep(until.saturating_duration_since(instant()));
                    return vec![Outcome::Failed("time is over".into()); parcels.len()];
                }
                Deed::Take | Deed::TakeAndFail => received.parcels.push((parcel.kind, parcel.id)),
                Deed::Refuse => received.refused.push(parcel.id),
                Deed::Fail | Deed::Hang => {}
            }
            outcomes.push(match deed {
                Deed::Take => Outcome::Taken,
                Deed::Refuse => Outcome::Refused("no".into()),
                _ => {
                    failed.push(&parcel.key);
                    Outcome::Failed("not now".into())
                }
            });
        }
        outcomes
    }
}

fn terms() -> Terms {
    Terms {
        format: Format::Ecs,
        ceiling: Tlp::Red,
        above: Above::Withhold,
        severity: Severity::Informational,
        grade: None,
        sources: Vec::new(),
        rate: Terms::MOST_RATE,
        pseudonyms: None,
    }
}

/// The notices of an incident: the first opens it.
fn notice(incident: u128, number: u32) -> Message {
    let notice = if number == 1 { Notice::Opened } else { Notice::Raised };
    let id = Uuid::from_u128(incident * 1_000 + u128::from(number));
    let incident = Uuid::from_u128(incident);
    Message::from(Alert { id, incident, notice, number, ..samples::documented_alert() })
}

/// An alert of which one source speaks, under a marking.
fn marked(incident: u128, source: &str, tlp: Tlp) -> Message {
    let Message::Alert(alert) = notice(incident, 1) else { panic!("no alert") };
    let context = Context { source: source.into(), tlp: Some(tlp), ..Context::default() };
    let indicator = Indicator { contexts: vec![context], ..Indicator::clone(&alert.indicator) };
    Message::from(Alert { indicator: Arc::new(indicator), also_matched: Vec::new(), ..Alert::clone(&alert) })
}

struct Nobody;

impl Onlooker for Nobody {
    fn delivered(&mut self, _: Duration) {}
    fn remarked(&mut self, _: &str) {}
}

struct Office {
    spool: Spool,
    stand_in: StandIn,
    watch: Arc<Watch>,
    ending: Ending,
}

impl Office {
    fn new(stand_in: StandIn) -> Self {
        let limits = Limits { max_bytes: 64 << 20, max_age: Duration::from_hours(1_000) };
        let spool = Spool::in_memory(limits).unwrap();
        Self { spool, stand_in, watch: Arc::default(), ending: Ending::default() }
    }

    fn append(&self, messages: &[Message]) {
        let entries: Vec<_> = messages.iter().map(|message| SpoolEntry { message, note: None }).collect();
        self.spool.append(&entries, clock()).unwrap();
    }

    fn courier(&self, terms: Terms, gathers: Option<Duration>, freight: Option<Freight>) -> Courier {
        let open = {
            let stand_in = self.stand_in.clone();
            move || {
                stand_in.received().opened += 1;
                Outlet { gathers, ..Outlet::only(stand_in.clone()).pop().unwrap() }
            }
        };
        let outlet = open();
        let mut courier = Courier::new(Post {
            terms,
            key: StripKey::new(&[7; StripKey::BYTES]),
            spool: self.spool.clone(),
            cursor: self.spool.cursor("test", "", Beginning::First).unwrap(),
            is_kept: true,
            outlet,
            reopen: Box::new(move || Ok(open())),
            freight,
            watch: Arc::clone(&self.watch),
            onlooker: Box::new(Nobody),
            clock,
        });
        courier.pauses = Pauses::from(Duration::from_micros(50));
        courier.patience = Duration::from_millis(2);
        courier
    }

    /// Has a courier deliver all that waits.
    fn deliver(&self, courier: Courier) {
        self.ending.end_by(instant() + Duration::from_mins(1));
        courier.run(&self.ending);
    }

    fn counts(&self) -> Counts {
        self.spool.state().cursors[0].counts
    }
}

fn clock() -> Timestamp {
    Timestamp::new(1_795_384_000, 0)
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        8 => Just(Deed::Take),
        2 => Just(Deed::Refuse),
        4 => Just(Deed::Fail),
        2 => Just(Deed::TakeAndFail),
        1 => Just(Deed::Hang),
        1 => Just(Deed::Panic),
        1 => Just(Deed::Silence),
    ];
    proptest::collection::vec(deed, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever a sink does: every message is delivered at least once or refused, what the receiver has of an incident in the end is in order, and all
    /// are counted.
    #[test]
    fn nothing_is_lost_and_notices_stay_in_order(
        deeds in deeds(),
        incidents in proptest::collection::vec(0_u128..5, 1..60),
        is_careless: bool,
    ) {
        let office = Office::new(StandIn::doing(deeds));
        office.stand_in.received().is_careless = is_careless;
        let mut numbers: BTreeMap<u128, u32> = BTreeMap::new();
        let messages: Vec<_> = incidents.iter().map(|incident| {
            let number = numbers.entry(*incident).or_default();
            *number += 1;
            notice(*incident, *number)
        }).collect();
        office.append(&messages);
        office.deliver(office.courier(terms(), None, None));
        let (counts, received) = (office.counts(), office.stand_in.received());
        prop_assert_eq!(counts.waiting(), 0);
        prop_assert_eq!(counts.spooled, messages.len() as u64);
        prop_assert_eq!(counts.delivered + counts.refused, messages.len() as u64);
        let has = |id: Uuid| received.parcels.iter().any(|(_, had)| *had == id);
        for message in &messages {
            prop_assert!(has(message.id()) || received.refused.contains(&message.id()));
        }
        // The order in which an incident's notices were received, by the last time each was.
        let last = |id: Uuid| received.parcels.iter().rposition(|(_, had)| *had == id);
        for incident in numbers.keys() {
            let of_incident = messages.iter().filter(|message| message.key() == Uuid::from_u128(*incident));
            // What was refused in the end may have been taken before.
            let kept = of_incident.filter(|message| !received.refused.contains(&message.id()));
            let times: Vec<_> = kept.filter_map(|message| last(message.id())).collect();
            prop_assert!(times.is_sorted(), "{:?} of {:?}", times, received.parcels);
        }
    }
}

#[test]
fn a_sink_that_panics_is_opened_again_and_counted() {
    let office = Office::new(StandIn::doing([Deed::Take, Deed::Panic, Deed::Panic]));
    office.append(&[notice(1, 1), notice(2, 1)]);
    office.deliver(office.courier(terms(), None, None));
    assert_eq!((office.watch.look().breakdowns, office.stand_in.received().opened), (2, 3));
    assert_eq!((office.counts().delivered, office.counts().waiting()), (2, 0));
    assert_eq!(office.watch.look().failing_since, None, "it works again");
    assert!(office.watch.look().last_error.is_some());
}

#[test]
fn what_is_not_wanted_or_must_not_leave_is_counted_as_such() {
    let office = Office::new(StandIn::default());
    office.append(&[
        marked(1, "misp", Tlp::Green),
        marked(2, "misp", Tlp::Red),
        marked(3, "other", Tlp::Green),
    ]);
    let sources = vec!["misp".into()];
    office.deliver(office.courier(Terms { ceiling: Tlp::Amber, sources, ..terms() }, None, None));
    let counts = office.counts();
    assert_eq!((counts.delivered, counts.withheld, counts.filtered, counts.waiting()), (1, 1, 1, 0));
    assert_eq!(office.stand_in.received().parcels.len(), 1);
}

#[test]
fn stripped_messages_are_delivered_and_counted_beside() {
    let office = Office::new(StandIn::default());
    let hidden = marked(1, "misp", Tlp::Red);
    office.append(std::slice::from_ref(&hidden));
    office.deliver(office.courier(Terms { ceiling: Tlp::Green, above: Above::Strip, ..terms() }, None, None));
    let counts = office.counts();
    assert_eq!((counts.delivered, counts.stripped, counts.withheld), (1, 1, 0));
    assert!(office.stand_in.received().parcels.iter().all(|(_, id)| *id != hidden.id()));
}

#[test]
fn severity_and_grade_choose() {
    let Message::Alert(alert) = notice(1, 1) else { panic!("no alert") };
    let wants = |terms: Terms| terms.wants(&Message::Alert(Arc::clone(&alert)));
    assert!(wants(Terms { severity: alert.severity, grade: Some(alert.grade), ..terms() }));
    let quieter = Alert { severity: Severity::Low, ..Alert::clone(&alert) };
    assert!(!Terms { severity: Severity::Medium, ..terms() }.wants(&Message::from(quieter)));
    let lesser = Alert { grade: weir_model::Grade::LookedUp, ..Alert::clone(&alert) };
    assert!(!Terms { grade: Some(weir_model::Grade::Attempted), ..terms() }.wants(&Message::from(lesser)));
}

/// What is not an alert goes to everybody who wants it, whatever sources say of it.
#[test]
fn flows_and_names_carry_no_intelligence() {
    let Message::Alert(alert) = notice(1, 1) else { panic!("no alert") };
    let mut told = 0;
    for format in Format::ALL {
        let flow = Parcel::of_flow(&alert.example, *format);
        let names = samples::observations();
        let names = names
            .iter()
            .filter_map(|name| Parcel::of_name(alert.example.id, weir_model::Protocol::TCP, name, *format));
        for parcel in flow.into_iter().chain(names) {
            told += 1;
            let text = String::from_utf8(parcel.body).unwrap();
            assert!(parcel.message.is_none() && parcel.key.starts_with("1:"), "{}", parcel.key);
            for word in ["threat", "indicator", "\"tlp\"", "weir.alert"] {
                assert!(!text.contains(word), "{word}: {text}");
            }
            for context in &alert.indicator.contexts {
                let said = context.description.as_deref().filter(|said| !said.is_empty());
                assert!(said.is_none_or(|said| !text.contains(said)), "{text}");
            }
        }
    }
    assert!(told > 1);
}

/// The clock of these tests stands still, so what is gathered is never due.
#[test]
fn what_is_gathered_waits_and_is_handed_over_at_once() {
    let office = Office::new(StandIn::default());
    office.append(&[notice(1, 1), notice(2, 1)]);
    office.deliver(office.courier(terms(), Some(Duration::from_hours(24)), None));
    assert_eq!(office.counts().waiting(), 2, "it is kept for the next run");
    let mut last = office.courier(terms(), Some(Duration::from_hours(24)), None);
    last.is_kept = false;
    office.deliver(last);
    assert_eq!(office.stand_in.received().rounds, [2], "or else told at the end, in one");
    assert_eq!(office.counts().waiting(), 0);
}

#[test]
fn freight_is_delivered_in_order_and_what_has_no_room_is_counted() {
    let office = Office::new(StandIn::doing([Deed::Take, Deed::Fail, Deed::Refuse]));
    let (hatch, freight) = hatch(None);
    let parcel = |number: u64| {
        Parcel::of_ledger(
            format!("{{\"number\":{number}}}").into_bytes(),
            Timestamp::new(number, 0),
            Format::Ecs,
        )
    };
    let offered: Vec<_> = (0..40).map(parcel).collect();
    for parcel in &offered {
        assert_eq!(hatch.put(&Arc::from([parcel.clone()]), clock()), None);
    }
    let counts = hatch.counts(Kind::Ledger);
    assert_eq!((counts.offered, counts.lost, counts.waiting()), (40, 8, 32));
    office.deliver(office.courier(terms(), None, Some(freight)));
    let counts = hatch.counts(Kind::Ledger);
    assert_eq!((counts.delivered, counts.refused, counts.lost, counts.waiting()), (31, 1, 8, 0));
    let received: Vec<_> = office.stand_in.received().parcels.iter().map(|(_, id)| *id).collect();
    let in_order = offered.iter().map(|parcel| parcel.id).filter(|id| received.contains(id));
    assert_eq!(received, in_order.collect::<Vec<_>>());
}

/// Parts of bundles fail, a run ends in between, and more waits than the queue has room for.
#[test]
fn spooled_freight_outlasts_the_run_and_is_delivered_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.sqlite");
    let limits = Limits { max_bytes: 64 << 20, max_age: Duration::from_hours(1_000) };
    let spooling = || {
        let depot = crate::spool::Depot::open(&path, limits).unwrap();
        hatch(Some(Spooling { depot, kinds: vec![Kind::Flow] }))
    };
    let parcel = |number: u64| Parcel {
        kind: Kind::Flow,
        ..Parcel::of_ledger(b"{}".to_vec(), Timestamp::new(number, 0), Format::Ecs)
    };
    let offered: Vec<_> = (0..120).map(parcel).collect();
    {
        let (hatch, _never_delivered) = spooling();
        for three in offered.chunks(3) {
            assert_eq!(hatch.put(&three.into(), clock()), None);
        }
        let counts = hatch.counts(Kind::Flow);
        assert_eq!((counts.offered, counts.lost, counts.waiting()), (120, 0, 120));
    }
    let office = Office::new(StandIn::doing([Deed::Take, Deed::Fail, Deed::Refuse, Deed::Take, Deed::Fail]));
    let (hatch, freight) = spooling();
    office.deliver(office.courier(terms(), None, Some(freight)));
    let counts = hatch.counts(Kind::Flow);
    assert_eq!((counts.delivered, counts.refused, counts.waiting()), (119, 1, 0));
    let received: Vec<_> = office.stand_in.received().parcels.iter().map(|(_, id)| *id).collect();
    let in_order = offered.iter().map(|parcel| parcel.id).filter(|id| received.contains(id));
    assert_eq!(received, in_order.collect::<Vec<_>>());
}

#[test]
fn a_receiver_that_stays_away_holds_up_the_end_no_longer_than_allowed() {
    let office = Office::new(StandIn::doing(std::iter::repeat_n(Deed::Fail, 1_000_000)));
    office.append(&[notice(1, 1)]);
    let courier = office.courier(terms(), None, None);
    office.ending.end_by(instant() + Duration::from_millis(50));
    courier.run(&office.ending);
    let watched = office.watch.look();
    assert_eq!(office.counts().waiting(), 1);
    assert_eq!((watched.failing_since, watched.waits_since), (Some(clock()), Some(clock())));
    assert_eq!(watched.last_error.unwrap().1, "not now");
}
