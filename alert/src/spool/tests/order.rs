//! Random interleavings of everything, against a model that is too simple to be wrong.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const SINKS: [&str; 3] = ["kafka", "file", "mail"];

#[derive(Clone, Debug)]
enum Step {
    /// Notices of these incidents, each one more of it.
    Append(Vec<u8>),
    /// Opens a cursor, or drops it and opens it again.
    Open(usize, bool),
    /// Reads so many and settles some of them: those whose bit is set.
    Read(usize, usize, u32),
    Forget(usize),
    /// Time goes on by so many seconds, and what is older than ten goes.
    Expire(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let sink = 0..SINKS.len();
    prop_oneof![
        4 => proptest::collection::vec(0_u8..4, 1..6).prop_map(Step::Append),
        2 => (sink.clone(), any::<bool>()).prop_map(|(sink, first)| Step::Open(sink, first)),
        6 => (sink.clone(), 1_usize..12, any::<u32>()).prop_map(|(sink, most, settle)| Step::Read(sink, most, settle)),
        1 => sink.prop_map(Step::Forget),
        1 => (1_u64..8).prop_map(Step::Expire),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Held {
    lane: Lane,
    incident: u8,
    seconds: u64,
}

#[derive(Default)]
struct Account {
    passed: [u64; 2],
    ahead: BTreeMap<u64, Settled>,
    spooled: u64,
    counts: Counts,
}

#[derive(Default)]
struct Model {
    last: u64,
    seconds: u64,
    numbers: BTreeMap<u8, u32>,
    held: BTreeMap<u64, Held>,
    accounts: BTreeMap<usize, Account>,
    expired: u64,
    forgotten: u64,
}

impl Account {
    fn is_waiting(&self, sequence: u64, held: Held) -> bool {
        sequence > self.passed[held.lane as usize] && !self.ahead.contains_key(&sequence)
    }
}

impl Model {
    /// What a cursor has to give, in order.
    fn waiting(&self, sink: usize) -> Vec<u64> {
        let waits = |(sequence, held): &(&u64, &Held)| self.accounts[&sink].is_waiting(**sequence, **held);
        let mut waiting: Vec<_> = self.held.iter().filter(waits).collect();
        waiting.sort_by_key(|(sequence, held)| (held.lane, **sequence));
        waiting.into_iter().map(|(sequence, _)| *sequence).collect()
    }

    /// Moves a cursor past what is settled at its front.
    fn pass(&mut self, sink: usize) {
        let account = self.accounts.get_mut(&sink).unwrap();
        for lane in Lane::ALL {
            let passed = account.passed[lane as usize];
            let in_lane =
                self.held.iter().filter(|(sequence, held)| **sequence > passed && held.lane == lane);
            for (sequence, _) in in_lane {
                let Some(settled) = account.ahead.remove(sequence) else { break };
                account.passed[lane as usize] = *sequence;
                account.counts.count(settled);
            }
        }
    }

    /// Takes out what all have passed.
    fn tidy(&mut self) {
        let accounts = &self.accounts;
        let is_wanted = |sequence: u64, held: Held| {
            accounts.is_empty()
                || accounts.values().any(|account| sequence > account.passed[held.lane as usize])
        };
        self.held.retain(|sequence, held| is_wanted(*sequence, *held));
    }

    fn expire(&mut self) {
        let limit = self.seconds.saturating_sub(10);
        let going: Vec<_> =
            self.held.iter().filter(|(_, held)| held.seconds < limit).map(|(s, h)| (*s, *h)).collect();
        for (sequence, held) in going {
            self.held.remove(&sequence);
            let mut is_lost = self.accounts.is_empty();
            for account in
                self.accounts.values_mut().filter(|account| sequence > account.passed[held.lane as usize])
            {
                account.passed[held.lane as usize] = sequence;
                if let Some(settled) = account.ahead.remove(&sequence) {
                    account.counts.count(settled);
                } else {
                    account.counts.expired += 1;
                    is_lost = true;
                }
            }
            self.expired += u64::from(is_lost);
        }
    }
}

struct Run {
    spool: Spool,
    cursors: BTreeMap<usize, Cursor>,
    model: Model,
}

impl Run {
    fn new() -> Self {
        let limits = Limits { max_bytes: 1 << 30, max_age: Duration::from_secs(10) };
        let spool = Spool::in_memory(limits).unwrap();
        Self { spool, cursors: BTreeMap::new(), model: Model::default() }
    }

    fn now(&self) -> Timestamp {
        NOW + Duration::from_secs(self.model.seconds)
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Append(incidents) => self.append(incidents),
            Step::Open(sink, first) => self.open(*sink, *first),
            Step::Read(sink, most, settle) => self.read(*sink, *most, *settle),
            Step::Forget(sink) => self.forget(*sink),
            Step::Expire(seconds) => {
                self.model.seconds += seconds;
                let before = self.model.expired;
                self.model.tidy();
                self.model.expire();
                assert_eq!(self.spool.expire(self.now()).unwrap(), self.model.expired - before);
            }
        }
    }

    fn append(&mut self, incidents: &[u8]) {
        let mut messages = Vec::new();
        for incident in incidents {
            let number = self.model.numbers.entry(*incident).or_default();
            *number += 1;
            messages.push(message(u128::from(*incident), *number));
            let lane = if *number == 1 { Lane::Openings } else { Lane::Rest };
            self.model.last += 1;
            self.model
                .held
                .insert(self.model.last, Held { lane, incident: *incident, seconds: self.model.seconds });
            self.model.accounts.values_mut().for_each(|account| account.spooled += 1);
        }
        let entries: Vec<_> = messages.iter().map(|message| SpoolEntry { message, note: None }).collect();
        assert_eq!(
            self.spool.append(&entries, self.now()).unwrap(),
            Appended { last: self.model.last, expired: 0 }
        );
    }

    fn open(&mut self, sink: usize, first: bool) {
        self.cursors.remove(&sink);
        let beginning = if first { Beginning::First } else { Beginning::Next };
        self.cursors.insert(sink, self.spool.cursor(SINKS[sink], "", beginning).unwrap());
        let model = &mut self.model;
        model.tidy();
        let (passed, spooled) = if first { (0, model.held.len() as u64) } else { (model.last, 0) };
        let fresh = || Account { passed: [passed; 2], spooled, ..Account::default() };
        let account = model.accounts.entry(sink).or_insert_with(fresh);
        account.ahead.clear();
    }

    fn read(&mut self, sink: usize, most: usize, settle: u32) {
        let Some(cursor) = self.cursors.get_mut(&sink) else { return };
        let given = cursor.next(most, usize::MAX).unwrap();
        self.model.pass(sink);
        let waiting = self.model.waiting(sink);
        let sequences: Vec<_> = given.iter().map(|spooled| spooled.sequence).collect();
        assert_eq!(sequences, waiting[..most.min(waiting.len())]);
        for (place, sequence) in sequences.iter().enumerate() {
            let held = &self.model.held;
            let is_earlier =
                |other: &&u64| *other < sequence && held[*other].incident == held[sequence].incident;
            let earlier: Vec<_> = waiting.iter().filter(is_earlier).collect();
            assert!(
                earlier.iter().all(|other| sequences[..place].contains(other)),
                "{sequence} before one of {earlier:?}"
            );
        }
        let outcomes = [Settled::Delivered, Settled::Filtered, Settled::Refused, Settled::DeliveredInPart];
        let is_settled = |(place, _): &(usize, u64)| settle >> place & 1 == 1;
        let settled: Vec<_> = sequences
            .into_iter()
            .enumerate()
            .filter(is_settled)
            .map(|(place, sequence)| (sequence, outcomes[place % 4]))
            .collect();
        cursor.settle(&settled).unwrap();
        self.model.accounts.get_mut(&sink).unwrap().ahead.extend(settled);
        self.model.pass(sink);
        self.model.tidy();
    }

    fn forget(&mut self, sink: usize) {
        let is_open = self.cursors.contains_key(&sink);
        let account = self.model.accounts.get(&sink).filter(|_| !is_open);
        let expected = account.map(|account| Counts { spooled: account.spooled, ..account.counts }.waiting());
        assert_eq!(self.spool.forget(SINKS[sink], "").unwrap(), expected);
        if !is_open {
            self.model.accounts.remove(&sink);
        }
        self.model.forgotten += expected.unwrap_or_default();
    }

    fn check(&self) {
        let state = self.spool.state();
        let counts: BTreeMap<_, _> =
            state.cursors.iter().map(|cursor| (cursor.sink.to_string(), cursor.counts)).collect();
        let expected = |(sink, account): (&usize, &Account)| {
            (SINKS[*sink].to_owned(), Counts { spooled: account.spooled, ..account.counts })
        };
        assert_eq!(counts, self.model.accounts.iter().map(expected).collect());
        assert_eq!(
            (state.appended, state.expired, state.forgotten),
            (self.model.last, self.model.expired, self.model.forgotten)
        );
        for (sink, account) in &self.model.accounts {
            let left = self.model.waiting(*sink).len() + account.ahead.len();
            assert_eq!(counts[SINKS[*sink]].waiting(), left as u64, "what is counted as waiting is there");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_interleaving_is_in_order_and_counted(steps in proptest::collection::vec(step(), 1..50)) {
        let mut run = Run::new();
        for step in &steps {
            run.take(step);
            run.check();
        }
    }
}
