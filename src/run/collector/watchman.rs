//! Looks whether exporters that should be heard are heard, and says once when one is not, and when it is again.

use crate::status::ExporterRow;
use std::collections::BTreeMap;
use std::time::Duration;

/// Routers export every minute or more often: after so long something is wrong.
pub(super) const SILENT_AFTER: Duration = Duration::from_mins(10);

/// What was said so far.
#[derive(Debug, Default)]
pub(super) struct Watchman {
    /// Exporters in trouble, and the kind that was said. There are no more than rows.
    told: BTreeMap<String, Trouble>,
    datagrams: u64,
    /// Since when there has been no datagram at all.
    quiet_since: Duration,
    quiet_told: bool,
}

/// What can be wrong with an exporter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is named in the settings, and nothing ever came.
    NeverHeard,
    /// It was heard, and is not any more.
    Silent(Duration),
    /// Data of it has been waiting for these templates.
    Templates(Vec<u16>),
    /// Its clock less ours, in nanoseconds.
    Clock(i64),
}

impl Trouble {
    /// In words that say what to do.
    pub(super) fn text(&self) -> String {
        match self {
            Self::NeverHeard => format!(
                "nothing has come from it in {} min; is it configured to send here, and no firewall between?",
                SILENT_AFTER.as_secs() / 60
            ),
            Self::Silent(time) => format!("silent for {} min", time.as_secs() / 60),
            Self::Templates(missing) => {
                let (which, few) = (list(missing), missing.len() == 1);
                let template = if few { "template" } else { "templates" };
                format!(
                    "it sends data for {template} {which}, but has not announced {}; check its template refresh",
                    if few { "it" } else { "them" }
                )
            }
            Self::Clock(nanos) => {
                format!("its clock is {}; times of its flows are moved", super::notices::apart(*nanos))
            }
        }
    }

    fn is_same_kind(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// The first few, and how many more.
fn list(templates: &[u16]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<_> = templates.iter().take(SHOWN).map(ToString::to_string).collect();
    match templates.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

impl Watchman {
    /// Looks, `running` after the start: at all datagrams that came, and at the trouble of each exporter. Gives what is to be said.
    pub(super) fn look<'a>(
        &mut self,
        running: Duration,
        datagrams: u64,
        exporters: impl Iterator<Item = (&'a ExporterRow, Option<&'a Trouble>)>,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        self.look_at_all(running, datagrams, &mut lines);
        for (row, trouble) in exporters {
            let said = self.told.get(&row.exporter);
            match (trouble, said) {
                (Some(trouble), said) if !said.is_some_and(|said| said.is_same_kind(trouble)) => {
                    // Wrong clocks are noticed, and said, by the decoder.
                    if !matches!(trouble, Trouble::Clock(_)) {
                        lines.push(format!("{}: {}", row.exporter, trouble.text()));
                    }
                    self.told.insert(row.exporter.clone(), trouble.clone());
                }
                (None, Some(said)) => {
                    if matches!(said, Trouble::NeverHeard | Trouble::Silent(_)) {
                        lines.push(format!("{} is heard again", row.exporter));
                    }
                    self.told.remove(&row.exporter);
                }
                _ => {}
            }
        }
        lines
    }

    fn look_at_all(&mut self, running: Duration, datagrams: u64, lines: &mut Vec<String>) {
        if datagrams != self.datagrams || self.quiet_since.is_zero() {
            (self.datagrams, self.quiet_since) = (datagrams, running);
            if std::mem::take(&mut self.quiet_told) {
                lines.push("exporters are heard again".to_owned());
            }
        } else if running.saturating_sub(self.quiet_since) >= SILENT_AFTER && !self.quiet_told {
            self.quiet_told = true;
            lines.push(format!(
                "no exporter has sent anything for {} min",
                running.saturating_sub(self.quiet_since).as_secs() / 60
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> ExporterRow {
        ExporterRow { exporter: "192.0.2.1".into(), ..ExporterRow::default() }
    }

    #[test]
    fn trouble_is_told_once_and_so_is_its_end() {
        let (mut watchman, row) = (Watchman::default(), row());
        let mut look = |minutes, trouble: Option<&Trouble>| {
            watchman.look(Duration::from_mins(minutes), minutes, [(&row, trouble)].into_iter())
        };
        assert!(look(1, None).is_empty());
        let silent = |minutes| Trouble::Silent(Duration::from_mins(minutes));
        assert_eq!(look(12, Some(&silent(10))), ["192.0.2.1: silent for 10 min"]);
        assert!(look(13, Some(&silent(11))).is_empty());
        assert_eq!(look(14, None), ["192.0.2.1 is heard again"]);
        let missing = Trouble::Templates(vec![256, 257]);
        let text = "192.0.2.1: it sends data for templates 256, 257, but has not announced them; check its template refresh";
        assert_eq!(look(15, Some(&missing)), [text]);
        assert!(look(16, None).is_empty());
    }

    #[test]
    fn when_nothing_comes_at_all_it_is_said() {
        let mut watchman = Watchman::default();
        let mut look =
            |minutes, datagrams| watchman.look(Duration::from_mins(minutes), datagrams, [].into_iter());
        assert!(look(1, 0).is_empty());
        assert_eq!(look(11, 0), ["no exporter has sent anything for 10 min"]);
        assert!(look(12, 0).is_empty());
        assert_eq!(look(13, 1), ["exporters are heard again"]);
        assert!(look(22, 1).is_empty());
        assert_eq!(look(23, 1).len(), 1);
    }

    #[test]
    fn many_templates_are_told_in_short() {
        let text = Trouble::Templates((256..300).collect()).text();
        assert!(text.contains("templates 256, 257, 258, 259, 260, 261, 262, 263 and 36 more, but"), "{text}");
        assert!(Trouble::Templates(vec![300]).text().contains("template 300, but has not announced it"));
    }
}
