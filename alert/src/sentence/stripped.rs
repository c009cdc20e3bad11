//! What stripped messages say.

use crate::marking::{Stripped, StrippedAlert};
use crate::text::{bytes, count};
use std::fmt::Write as _;
use weir_model::alert::{Direction, Grade};

/// Says what happened without saying with whom, and where to look.
pub fn of_stripped(stripped: &Stripped) -> String {
    match stripped {
        Stripped::Alert(alert) => format!(
            "{} something that may not be named here{}{}. Look for this incident where you keep alerts that are marked higher.",
            happened(alert),
            if alert.at_least { ", or did more" } else { "" },
            amounts(alert)
        ),
        Stripped::Listing(_) => {
            "An address in your networks is listed as bad by a source that may not be named here. \
                                 See which: weir intel list --suppressed."
                .to_owned()
        }
    }
}

fn happened(alert: &StrippedAlert) -> String {
    let place = match alert.direction {
        Direction::Inbound => "From outside, ",
        Direction::Lateral => "Inside your networks, ",
        Direction::Transit => "Outside your networks, ",
        Direction::Outbound | Direction::Unknown => "",
    };
    let host = match (alert.host, alert.touched_count) {
        (Some(host), _) => host.to_string(),
        (None, 0 | 1) => "one host".to_owned(),
        (None, many) => format!("{many} hosts or more"),
    };
    let what = match alert.grade {
        Grade::LookedUp => "asked for the name of",
        Grade::Attempted if alert.direction == Direction::Inbound => "got packets, and sent no answer, from",
        Grade::Attempted => "tried to reach",
        Grade::Connected => "had a connection with",
        Grade::Exchanged => "exchanged data with",
    };
    format!("{place}{host} {what}")
}

/// ` (about 20 flows, 5.0 MB sent, 200 kB received, 2025-11-22T08:26:00Z to 2025-11-22T09:26:00Z)`.
fn amounts(alert: &StrippedAlert) -> String {
    let mut text = format!(" (about {}", count(alert.flows, "flow"));
    for (number, way) in [(alert.sent_bytes, "sent"), (alert.received_bytes, "received")] {
        if number > 0 {
            let _ = write!(text, ", {} {way}", bytes(number));
        }
    }
    let _ = write!(text, ", {} to {})", alert.first, alert.last);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marking::StripKey;
    use crate::samples;

    #[test]
    fn it_says_where_and_how_far_but_not_with_whom() {
        let key = StripKey::new(&[7; StripKey::BYTES]);
        let text =
            |direction, grade| of_stripped(&Stripped::of_alert(&samples::alert(direction, grade), &key));
        assert_eq!(
            text(Direction::Outbound, Grade::Exchanged),
            "10.1.2.3 exchanged data with something that may not be named here (about 2 flows, 2.0 kB sent, 10 kB received, \
             2025-11-22T08:26:00Z to 2025-11-22T09:26:00Z). Look for this incident where you keep alerts that are marked higher."
        );
        let inbound = text(Direction::Inbound, Grade::Attempted);
        assert!(
            inbound.starts_with(
                "From outside, 20 hosts or more got packets, and sent no answer, from something"
            ),
            "{inbound}"
        );
        let lookup = text(Direction::Outbound, Grade::LookedUp);
        assert!(lookup.starts_with("10.1.2.3 asked for the name of something"), "{lookup}");
    }
}
