//! `weir config explain`: what a key or a table is for.

use crate::config::keys::{Change, Entry, Key, SINK, SINKS, SOURCE, SOURCES, entries};
use crate::config::nearest::{nearest, nearest_of_all};
use std::fmt::Write as _;

/// Most keys that are explained at once; of more only their names are told.
const MOST_EXPLAINED: usize = 6;
/// Keys that are suggested where none is near.
const MOST_SUGGESTED: usize = 3;
/// Columns.
const WIDTH: usize = 110;

/// All that is known of a key or a table; or what is not understood.
pub(super) fn explain(asked: &str) -> Result<String, String> {
    let asked = asked.trim().trim_matches(['[', ']', '`']);
    let all = entries();
    let found = find(&all, asked);
    if !found.is_empty() {
        return Ok(tell(&found));
    }
    let below: Vec<_> = all.iter().filter(|entry| entry.is_below(asked)).collect();
    if !below.is_empty() {
        return Ok(table(asked, &below));
    }
    let names = all.iter().map(|entry| entry.path.as_str()).chain(all.iter().map(|entry| entry.key.name));
    let told = if let Some(meant) = nearest(asked, names) {
        format!("did you mean {meant}?")
    } else {
        let near = nearest_of_all(asked, all.iter().map(|entry| entry.key.name), MOST_SUGGESTED);
        format!("the nearest are {}; `weir config example` shows all keys", near.join(", "))
    };
    Err(format!("there is no key `{asked}`; {told}"))
}

/// Keys at this place; else keys that end so, wherever they stand.
fn find<'a>(all: &'a [Entry], asked: &str) -> Vec<&'a Entry> {
    let asked = asked.replace('-', "_");
    let there: Vec<_> = all.iter().filter(|entry| entry.is_at(&asked)).collect();
    if !there.is_empty() {
        return there;
    }
    let end = format!(".{asked}");
    all.iter().filter(|entry| entry.path.ends_with(&end)).collect()
}

fn tell(found: &[&Entry]) -> String {
    if found.len() > MOST_EXPLAINED {
        let head = format!("there are {} keys of this name; ask for one of them:\n", found.len());
        return found.iter().fold(head, |text, entry| text + "  " + &entry.path + &entry.whose() + "\n");
    }
    let told: Vec<_> = found.iter().map(|entry| one(entry)).collect();
    told.join("\n")
}

fn one(entry: &Entry) -> String {
    let key = entry.key;
    let mut text = format!("{}{}\n", entry.path, entry.whose());
    wrapped(&mut text, "  ", key.meaning());
    text.push('\n');
    let mut row = |title: &str, what: &str| {
        let _ = writeln!(text, "  {:<11} {what}", format!("{title}:"));
    };
    row("takes", &key.form.wants());
    match (key.default(), key.is_needed) {
        (Some(default), _) => row("default", &default),
        (None, true) => row("default", "none: it must be there"),
        (None, false) if key.form.keys().is_none() => row("default", "not set"),
        (None, false) => {}
    }
    if let Some(other) = key.instead_of {
        row("instead of", other);
    }
    if key.example != "{}" {
        row("example", &format!("{} = {}", key.name, key.example));
    }
    row("a change", &change(entry.change()));
    if let Some(flag) = key.flag() {
        row("flag", flag);
    }
    row("more", entry.page);
    if let Some(keys) = key.form.keys() {
        let _ = writeln!(text, "\n  It has these keys (weir config explain {}.KEY):", entry.path);
        listed(&mut text, keys);
    }
    text
}

/// `sink`, `source`: what all of them have, and what each type has besides.
fn table(asked: &str, below: &[&Entry]) -> String {
    let family = asked.split('.').next().unwrap_or_default();
    let (common, own) = if family == "sink" { (SINK, SINKS) } else { (SOURCE, SOURCES) };
    let mut text = format!(
        "[{family}.NAME] is a table, one for each {family} ({}). All have these keys:\n",
        below.first().map_or("", |entry| entry.page)
    );
    listed(&mut text, common);
    text.push_str("\n  Besides, each type has its own:\n");
    for (of, keys) in own {
        let names: Vec<_> = keys.iter().map(|key| key.name).collect();
        wrapped(
            &mut text,
            "    ",
            &format!("{of}: {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") }),
        );
    }
    let _ = writeln!(text, "\n  weir config explain {family}.NAME.KEY says what each is for.");
    text
}

fn listed(text: &mut String, keys: &[Key]) {
    let width = keys.iter().map(|key| key.name.chars().count()).max().unwrap_or(0);
    for key in keys {
        let _ = writeln!(text, "    {:<width$}  {}", key.name, key.meaning());
    }
}

fn wrapped(text: &mut String, indent: &str, words: &str) {
    let mut column = 0;
    for word in words.split_whitespace() {
        let length = word.chars().count();
        if column == 0 || column + length >= WIDTH {
            text.push_str(if column == 0 { indent } else { "\n" });
            if column > 0 {
                text.push_str(indent);
            }
            column = indent.len();
        } else {
            text.push(' ');
        }
        text.push_str(word);
        column += length + 1;
    }
    text.push('\n');
}

fn change(change: Change) -> String {
    match change {
        Change::Reload => "counts from the next reload on (weir reload, SIGHUP)".to_owned(),
        Change::Restart(why) => format!("counts from the next start on: {why}"),
        Change::Unused => "is nothing to `weir run`: this key is for `weir read`".to_owned(),
    }
}
