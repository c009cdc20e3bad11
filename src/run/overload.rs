//! What a worker leaves out that cannot keep up: told by how full its rings are, before the kernel drops what nobody chose.
//!
//! ```text
//!   rings     25 %      50 %          80 %
//!   ---------+---------+-------------+----------> fuller: at once
//!        everything    |  no payload |  no new small flows
//!   <--------+---------------------------------- emptier: a step a second
//! ```
//!
//! The addresses of every packet are compared in any case ([`Effort`]).

use crate::output::complain;
use std::time::{Duration, Instant};
use weir_flow::Effort;

/// Rings as full as this, in hundredths, are no matter of a moment: at 10 Gb/s the 64 MiB of a ring are full in 50 ms.
const PASSES_OVER_PAYLOAD_FROM: u8 = 50;
/// Passing over payload did not help.
const BEGINS_NO_SMALL_FLOWS_FROM: u8 = 80;
/// Below this a worker may do more again ...
const CALM_BELOW: u8 = 25;
/// ... if that lasts so long: what comes in bursts would turn it to and fro, and a flow that was passed over once is not read again.
const CALM_FOR: Duration = Duration::from_secs(1);
/// People are told so often at most.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// How a worker copes.
#[derive(Debug, Default)]
pub(super) struct Overload {
    counts: OverloadCounts,
    judged: Option<Instant>,
    calm_since: Option<Instant>,
    told: Option<Instant>,
    /// Whether people know that it cannot keep up.
    is_known: bool,
}

/// What is counted of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OverloadCounts {
    pub effort: Effort,
    /// How often less was done than before.
    pub reductions: u64,
    /// How long payload was passed over, and nothing else.
    pub headers: Duration,
    /// How long no small flows began.
    pub addresses: Duration,
}

impl OverloadCounts {
    /// Each count with its name; times in milliseconds.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        [
            ("reductions", self.reductions),
            ("headers_milliseconds", milliseconds(self.headers)),
            ("addresses_milliseconds", milliseconds(self.addresses)),
        ]
        .into_iter()
    }
}

impl Overload {
    /// How much is to be done of the packets at hand, while rings are so full, in hundredths.
    pub(super) fn judge(&mut self, fullness: u8, now: Instant) -> Effort {
        let before = self.counts.effort;
        let passed = self.judged.map_or(Duration::ZERO, |judged| now.saturating_duration_since(judged));
        self.judged = Some(now);
        match before {
            Effort::Full => {}
            Effort::Headers => self.counts.headers += passed,
            Effort::Addresses => self.counts.addresses += passed,
        }
        let wanted = match fullness {
            BEGINS_NO_SMALL_FLOWS_FROM.. => Effort::Addresses,
            PASSES_OVER_PAYLOAD_FROM.. => Effort::Headers,
            _ => Effort::Full,
        };
        if wanted > before {
            self.counts.effort = wanted;
            self.counts.reductions += 1;
            self.calm_since = None;
        } else if fullness >= CALM_BELOW || before == Effort::Full {
            self.calm_since = None;
        } else if now.saturating_duration_since(*self.calm_since.get_or_insert(now)) >= CALM_FOR {
            self.counts.effort = less(before);
            self.calm_since = Some(now);
        }
        self.counts.effort
    }

    /// The books so far.
    pub(super) const fn counts(&self) -> &OverloadCounts {
        &self.counts
    }

    /// Says what became of a worker, if people are to know it.
    pub(super) fn tell(&mut self, worker: usize, now: Instant) {
        let is_overloaded = self.counts.effort != Effort::Full;
        let was_told = self.told.is_some_and(|told| now.saturating_duration_since(told) < TOLD_EVERY);
        if is_overloaded == self.is_known || was_told {
            return;
        }
        self.is_known = is_overloaded;
        self.told = Some(now);
        complain(&match self.counts.effort {
            Effort::Full => format!(
                "worker {worker} keeps up again; payload was passed over for {:.1} s, and small flows did not begin for {:.1} s of it",
                (self.counts.headers + self.counts.addresses).as_secs_f64(),
                self.counts.addresses.as_secs_f64()
            ),
            Effort::Headers => format!(
                "worker {worker} cannot keep up: payload is passed over (no names but those of DNS), addresses are compared as ever; \
                 more --workers or a narrower --bpf would help"
            ),
            Effort::Addresses => format!(
                "worker {worker} cannot keep up: payload is passed over and small flows do not begin, addresses are compared as ever; \
                 more --workers or a narrower --bpf would help"
            ),
        });
    }
}

/// The effort that leaves out less.
const fn less(effort: Effort) -> Effort {
    match effort {
        Effort::Addresses => Effort::Headers,
        Effort::Headers | Effort::Full => Effort::Full,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a moment to count from")]
    fn less_is_done_at_once_and_more_step_by_step_when_it_has_been_calm() {
        let begin = Instant::now();
        let at = |milliseconds| begin + Duration::from_millis(milliseconds);
        let mut overload = Overload::default();
        let steps = [
            (0, 49, Effort::Full),
            (10, 50, Effort::Headers),
            (20, 79, Effort::Headers),
            (30, 80, Effort::Addresses),
            (40, 30, Effort::Addresses),
            (50, 24, Effort::Addresses),
            (1_049, 10, Effort::Addresses),
            (1_050, 10, Effort::Headers),
            (1_100, 26, Effort::Headers),
            (1_110, 0, Effort::Headers),
            (2_109, 0, Effort::Headers),
            (2_110, 0, Effort::Full),
            (2_200, 100, Effort::Addresses),
        ];
        for (time, fullness, effort) in steps {
            assert_eq!(overload.judge(fullness, at(time)), effort, "{time} ms, {fullness} %");
        }
        let counts: Vec<_> = overload.counts().iter().collect();
        assert_eq!(
            counts,
            [("reductions", 3), ("headers_milliseconds", 20 + 1_060), ("addresses_milliseconds", 1_020)]
        );
    }
}
