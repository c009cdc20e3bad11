//! What stands in a file, held against what may: every key in its table, every value of its form. All that is wrong is found, not only the
//! first.

mod misplaced;
mod named;

use super::document::{Document, value};
use super::form::{Form, Wrong};
use super::keys::{self, Key};
use super::mistake::Mistake;
use super::nearest::nearest;
use misplaced::Misplaced;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// All that is wrong with the keys and values of a file.
pub(super) fn examine(document: &Document, tree: &DeTable<'_>) -> Vec<Mistake> {
    let mut examiner = Examiner { document, mistakes: Vec::new() };
    examiner.top(tree);
    examiner.mistakes
}

/// Looks at one file.
struct Examiner<'a> {
    document: &'a Document,
    mistakes: Vec<Mistake>,
}

/// Where keys stand.
#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    /// `[sink.soc]`, or empty.
    header: &'a str,
    /// `http.`, or empty.
    before: &'a str,
    /// The `type` of the table.
    of: Option<&'a str>,
}

impl Examiner<'_> {
    fn top(&mut self, tree: &DeTable<'_>) {
        let place = Place { header: "", before: "", of: None };
        let known = Known { groups: &[keys::TOP], place };
        for (name, value) in tree {
            match name.get_ref().as_ref() {
                family @ ("source" | "sink") => self.family(family, name, value),
                _ => self.entry(&known, name, value),
            }
        }
    }

    /// A table, key by key.
    fn table(&mut self, known: &Known<'_>, table: &DeTable<'_>, span: &Range<usize>) {
        for (name, value) in table {
            self.entry(known, name, value);
        }
        self.completeness(known, table, span);
    }

    fn entry(&mut self, known: &Known<'_>, name: &Spanned<impl AsRef<str>>, value: &Spanned<DeValue<'_>>) {
        let written = name.get_ref().as_ref();
        let place = known.place;
        if let Some(key) = known.find(written) {
            return self.value(place, written, key.form, &name.span(), value);
        }
        let Wrong { what, remedy } = known.unknown(written, value.get_ref());
        self.note(place, written, &name.span(), what, remedy);
    }

    fn value(
        &mut self,
        place: Place<'_>,
        name: &str,
        form: Form,
        at: &Range<usize>,
        value: &Spanned<DeValue<'_>>,
    ) {
        if let Err(Wrong { what, remedy }) = form.check(value.get_ref()) {
            let at = if value.get_ref().is_table() { at.clone() } else { value.span() };
            self.note(place, name, &at, what, remedy);
            return;
        }
        let before = format!("{}{name}.", place.before);
        match (form, value.get_ref()) {
            (Form::List(each), DeValue::Array(values)) => {
                for value in values {
                    self.value(place, name, *each, at, value);
                }
                self.once(place, name, *each, values);
            }
            (Form::Map(names, each), DeValue::Table(table)) => {
                let header = format!("[{name}]");
                let inner = if place.header.is_empty() {
                    Place { header: &header, before: "", of: None }
                } else {
                    Place { before: &before, ..place }
                };
                for (name, value) in table {
                    self.mapped(inner, names, *each, (name, value));
                }
            }
            (Form::Table(keys) | Form::SwitchOr(keys), DeValue::Table(table)) => {
                let header = if place.header.is_empty() { format!("[{name}]") } else { String::new() };
                let inner = if place.header.is_empty() {
                    Place { header: &header, before: "", of: None }
                } else {
                    Place { before: &before, ..place }
                };
                self.table(&Known { groups: &[keys], place: inner }, table, at);
            }
            _ => {}
        }
    }

    /// A value in a table of which the operator chose the names.
    fn mapped(
        &mut self,
        place: Place<'_>,
        names: Option<fn() -> Vec<&'static str>>,
        form: Form,
        (name, value): (&Spanned<impl AsRef<str>>, &Spanned<DeValue<'_>>),
    ) {
        let written = name.get_ref().as_ref();
        if let Some(known) = names.map(|names| names())
            && !known.contains(&written)
        {
            let near = nearest(written, known.iter().copied());
            if let Some(Misplaced { is, remedy }) =
                misplaced::find(written, place, near).filter(|_| near.is_none())
            {
                return self.note(place, written, &name.span(), is, remedy);
            }
            let remedy = match near {
                Some(meant) => format!("write {meant} (there are {})", known.join(", ")),
                None => format!("write one of {}", known.join(", ")),
            };
            self.note(place, written, &name.span(), "there is no such one", remedy);
            return;
        }
        self.value(place, written, form, &name.span(), value);
    }

    /// What is listed twice.
    fn once(&mut self, place: Place<'_>, name: &str, form: Form, values: &[Spanned<DeValue<'_>>]) {
        if !matches!(form, Form::Interface | Form::Address | Form::Word(_)) {
            return;
        }
        for (index, value) in values.iter().enumerate() {
            let text = value.get_ref().as_str();
            if text.is_some() && values.iter().take(index).any(|other| other.get_ref().as_str() == text) {
                let what = format!("\"{}\" is listed twice", text.unwrap_or_default());
                self.note(place, name, &value.span(), what, "leave one of them out");
            }
        }
    }

    /// What must be there, and what does not go together.
    fn completeness(&mut self, known: &Known<'_>, table: &DeTable<'_>, span: &Range<usize>) {
        let has = |name: &str| value(table, name).is_some();
        for key in known.keys() {
            let is_misspelt = || {
                let mut strange =
                    table.keys().map(Spanned::get_ref).filter(|name| known.find(name).is_none());
                strange.any(|name| nearest(name, std::iter::once(key.name)).is_some())
            };
            if key.is_needed && !has(key.name) && !is_misspelt() {
                let what = format!("has no `{}`", key.name);
                let remedy = match key.form {
                    Form::Word(all) => {
                        format!("write {} = \"...\" with one of {}", key.name, all().join(", "))
                    }
                    _ => format!("write {} = {}", key.name, key.example),
                };
                self.note_table(known.place, span, what, &remedy);
            }
            if let Some(other) = key.instead_of.filter(|other| has(other) && has(key.name)) {
                let what = format!("`{}` and `{other}` exclude each other", key.name);
                self.note(known.place, key.name, span, what, "leave one of them out");
            }
        }
    }

    fn note(
        &mut self,
        place: Place<'_>,
        key: &str,
        at: &Range<usize>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let line = self.document.line(at);
        let key = format!("{}{key}", place.before);
        self.mistakes.push(Mistake::at(Some(line), what, remedy).of(place.header, &key));
    }

    fn note_table(&mut self, place: Place<'_>, at: &Range<usize>, what: impl Into<String>, remedy: &str) {
        let line = self.document.line(at);
        let mistake = Mistake::at(Some(line), what, remedy);
        let table = place.before.trim_end_matches('.');
        let mistake =
            if table.is_empty() { mistake.in_place(place.header) } else { mistake.of(place.header, table) };
        self.mistakes.push(mistake);
    }
}

/// The keys of a table.
#[derive(Clone, Copy, Debug)]
struct Known<'a> {
    groups: &'a [&'static [Key]],
    place: Place<'a>,
}

impl Known<'_> {
    fn keys(&self) -> impl Iterator<Item = &'static Key> + Clone {
        self.groups.iter().flat_map(|group| group.iter())
    }

    fn find(&self, name: &str) -> Option<&'static Key> {
        self.keys().find(|key| key.name == name)
    }

    /// What somebody meant who wrote this.
    fn unknown(&self, name: &str, value: &DeValue<'_>) -> Wrong {
        let what = if value.is_table() && self.place.header.is_empty() && self.place.before.is_empty() {
            "there is no such table"
        } else {
            "there is no such key"
        };
        let tables = ["source", "sink"].into_iter().filter(|_| self.place.header.is_empty());
        let near = nearest(name, self.keys().map(|key| key.name).chain(tables));
        if let Some(Misplaced { is, remedy }) = misplaced::find(name, self.place, near) {
            return Wrong::new(is, remedy);
        }
        match near {
            Some(family @ ("source" | "sink")) => Wrong::new(what, format!("write [{family}.NAME]")),
            Some(meant) => Wrong::new(what, format!("write `{meant}`, if that was meant")),
            None => Wrong::new(what, self.others()),
        }
    }

    fn others(&self) -> String {
        let names: Vec<_> = self.keys().map(|key| key.name).collect();
        match names.len() {
            0 => "leave it out: there is nothing to set here".to_owned(),
            1 => format!("leave it out: there is only {}", names.concat()),
            2..=MOST_NAMED => format!("leave it out, or write one of {}", names.join(", ")),
            _ => "leave it out; `weir config example` shows all keys".to_owned(),
        }
    }
}

/// Most keys that a message lists.
const MOST_NAMED: usize = 25;
