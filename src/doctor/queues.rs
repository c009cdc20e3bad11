//! Queues of a card, and whether both directions of a connection come by the same one.
//!
//! Weir's own program deals packets to workers, by both ends alike, whatever queue they came by: what a card does badly loses nothing here and
//! parts no connection. But queues are emptied by different cores, and what two of them bring to the ring of one worker can change places.

use super::finding::Finding;
use weir_capture::host::{Asymmetry, Card};

/// What it costs.
const COST: &str = "both directions of a connection may come by different queues and cores and change places on the way: nothing is lost, \
                    but an answer may seem to come before its question";

/// Looks at them; nothing where there is one queue alone.
pub(super) fn judge(name: &str, card: &Card, workers: usize) -> Option<Finding> {
    let queues = card.queues.filter(|queues| *queues > 1)?;
    let about = format!("{name}: queues of the card");
    let there = format!("{queues}, for {workers} workers");
    let Some(dealing) = &card.dealing else {
        return Some(Finding::note(
            about,
            format!("{there}; the driver does not say how it deals to them"),
            format!(
                "ethtool -x {name} says it where the driver can; one queue is sure to keep the order: ethtool -L {name} combined 1"
            ),
        ));
    };
    Some(match dealing.asymmetry() {
        None => {
            Finding::fine(about, format!("{there}; both directions of a connection come by the same one"))
        }
        Some(asymmetry) => Finding::note(about, format!("{there}; {COST}"), remedy(name, asymmetry)),
    })
}

fn remedy(name: &str, asymmetry: Asymmetry) -> String {
    match asymmetry {
        Asymmetry::Fields(kind) => {
            format!("ethtool -N {name} rx-flow-hash {kind} sdfn: both ends are hashed (sd without ports)")
        }
        Asymmetry::Key(bytes) => {
            let key = vec!["6d:5a"; bytes / 2].join(":");
            format!(
                "ethtool -X {name} hkey {key} (or, with Linux 6.8 and a driver that can: ethtool -X {name} xfrm symmetric-xor)"
            )
        }
        Asymmetry::Function => {
            format!(
                "ethtool -X {name} hfunc toeplitz, then ask again: its key can make both directions alike"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;
    use weir_capture::host::QueueDealing;

    fn card(queues: u32, key: Option<Vec<u8>>) -> Card {
        let dealing = key.map(|key| QueueDealing { function: 1, key, ..QueueDealing::default() });
        Card { queues: Some(queues), dealing, ..Card::default() }
    }

    #[test]
    fn an_asymmetric_hash_is_told_with_the_key_that_mends_it() {
        let judged = |queues, key| judge("eth1", &card(queues, key), 2);
        assert_eq!(judged(1, Some(vec![1, 2, 3, 4])), None, "one queue keeps the order");
        assert_eq!(judged(4, Some([0x6d, 0x5a].repeat(20))).unwrap().verdict, Verdict::Fine);
        let unknown = judged(4, None).unwrap();
        assert!(unknown.found.contains("does not say") && unknown.verdict == Verdict::Note);
        let found = judged(4, Some((0..40).collect())).unwrap();
        assert!(found.verdict == Verdict::Note && found.found.contains("nothing is lost"), "{found:?}");
        let remedy = found.remedy.unwrap();
        let key = remedy.split(' ').nth(4).unwrap();
        assert_eq!(key.split(':').count(), 40, "{remedy}");
        // What is said to be done mends it.
        let bytes = key.split(':').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        assert_eq!(judged(4, Some(bytes)).unwrap().verdict, Verdict::Fine);
    }

    #[test]
    fn each_cause_has_its_command() {
        assert!(remedy("e", Asymmetry::Fields("udp4")).starts_with("ethtool -N e rx-flow-hash udp4 sdfn"));
        assert!(remedy("e", Asymmetry::Function).starts_with("ethtool -X e hfunc toeplitz"));
    }
}
