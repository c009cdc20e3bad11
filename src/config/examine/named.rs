//! `[source.NAME]` and `[sink.NAME]`: which keys they have depends on their `type`.

use super::{Examiner, Known, Place};
use crate::config::document::value;
use crate::config::keys::{Key, SINK, SINKS, SOURCE, SOURCES};
use crate::config::mistake::Mistake;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

impl Examiner<'_> {
    pub(super) fn family(
        &mut self,
        family: &str,
        name: &Spanned<impl AsRef<str>>,
        value: &Spanned<DeValue<'_>>,
    ) {
        let place = Place { header: "", before: "", of: None };
        let remedy = format!("write [{family}.NAME] with a name of your choice, and its keys below");
        let DeValue::Table(tables) = value.get_ref() else {
            let what = if value.get_ref().is_array() { "[[...]] is a list of tables" } else { "is a table" };
            return self.note(place, family, &name.span(), what, remedy);
        };
        for (name, value) in tables {
            match value.get_ref() {
                DeValue::Table(table) => self.named(family, name, table),
                DeValue::Array(_)
                    if value
                        .get_ref()
                        .as_array()
                        .is_some_and(|all| all.iter().all(|one| one.get_ref().is_table())) =>
                {
                    let header = format!("[{family}.{}]", name.get_ref());
                    let mistake = Mistake::at(
                        Some(self.document.line(&name.span())),
                        format!("[{header}] with two brackets is a list of tables"),
                        format!("write {header}"),
                    );
                    self.mistakes.push(mistake);
                }
                _ => {
                    let header = format!("[{family}]");
                    let place = Place { header: &header, ..place };
                    self.note(
                        place,
                        name.get_ref(),
                        &name.span(),
                        "stands in a table without a name",
                        remedy.clone(),
                    );
                }
            }
        }
    }

    fn named(&mut self, family: &str, name: &Spanned<impl AsRef<str>>, table: &DeTable<'_>) {
        let (common, own): (&'static [Key], &[(&str, &'static [Key])]) =
            if family == "sink" { (SINK, SINKS) } else { (SOURCE, SOURCES) };
        let header = format!("[{family}.{}]", name.get_ref().as_ref());
        let of = value(table, "type").and_then(|value| value.get_ref().as_str());
        let own_keys = of.and_then(|of| own.iter().find(|(name, _)| *name == of));
        let place = Place { header: &header, before: "", of };
        if let Some((_, own)) = own_keys {
            return self.table(&Known { groups: &[common, own], place }, table, &name.span());
        }
        // What else it has cannot be told.
        let known = Known { groups: &[common], place };
        for (name, value) in table {
            if known.find(name.get_ref()).is_some() {
                self.entry(&known, name, value);
            }
        }
        self.completeness(&known, table, &name.span());
    }
}
