//! `weir config example`: a configuration with all keys, none of which is in force until its `#` is taken away.

use crate::config::form::Form;
use crate::config::keys::{Key, SINK, SINKS, SOURCE, SOURCES, TOP};

/// Columns of comments.
const WIDTH: usize = 100;

const HEAD: &str = "\
# A configuration of Weir, with all that can be set. `# text` explains; take the `#` away from `#key = ...` where you want
# something else than the default, which is shown where there is one, or something that has none.
#
#   weir config check FILE     says all that is wrong with it
#   weir config explain KEY    says more of a key
#   weir config dump           shows what is in use, and where it is from
#
# Paths are relative to the folder of this file. Variables of the environment are not put into values. Secrets stand in files
# of their own: { file = \"PATH\" }, or in variables: { env = \"NAME\" }; never here.
#
# At the least say what to watch (interface, or netflow, ipfix, sflow), what is yours (home_net), what is bad (indicators, or a
# [source.NAME]), and where alerts go (a [sink.NAME]).
";

/// The file.
pub(crate) fn example() -> String {
    let mut text = HEAD.to_owned();
    let is_table = |key: &&Key| matches!(key.form, Form::Table(_) | Form::Map(..));
    for key in TOP.iter().filter(|key| !is_table(key)) {
        entry(&mut text, "", key);
    }
    for key in TOP.iter().filter(is_table) {
        text.push_str("\n\n");
        comment(&mut text, key.meaning());
        line(&mut text, &format!("[{}]", key.name));
        if let Some(keys) = key.form.keys() {
            for key in keys {
                entry(&mut text, "", key);
            }
        } else {
            line(&mut text, key.example.trim_matches(['{', '}', ' ']));
        }
    }
    family(
        &mut text,
        "source",
        (SOURCE, SOURCES),
        "Where intelligence comes from: a table each, under a name of your choice.",
    );
    family(&mut text, "sink", (SINK, SINKS), "Where alerts go: a table each, under a name of your choice.");
    text
}

fn family(text: &mut String, word: &str, (common, own): (&[Key], &[(&str, &[Key])]), head: &str) {
    for (index, (of, keys)) in own.iter().enumerate() {
        text.push_str("\n\n");
        if index == 0 {
            comment(text, head);
        }
        line(text, &format!("[{word}.my-{of}]"));
        line(text, &format!("type = \"{of}\""));
        if index == 0 {
            comment(text, "These keys are the same for all types:");
            for key in common.iter().filter(|key| key.name != "type") {
                entry(text, "", key);
            }
            text.push('\n');
            comment(text, &format!("And these are for {of} only:"));
        }
        for key in *keys {
            entry(text, "", key);
        }
    }
}

fn entry(text: &mut String, before: &str, key: &Key) {
    let name = format!("{before}{}", key.name);
    if key.instead_of.is_some() {
        comment(text, &format!("or instead: {name} = {}", key.example));
        return;
    }
    if let Some(keys) = key.form.keys() {
        for key in keys {
            entry(text, &format!("{name}."), key);
        }
        return;
    }
    text.push('\n');
    let only = if key.is_for_files { " (`weir read` only)" } else { "" };
    let needed = if key.is_needed { " It must be there." } else { "" };
    comment(text, &format!("{}{only}.{needed}", key.meaning().trim_end_matches('.')));
    let value = key.default().filter(|default| is_value(key, default)).unwrap_or_else(|| {
        if let Some(default) = key.default() {
            comment(text, &format!("By default: {default}"));
        }
        key.example.to_owned()
    });
    line(text, &format!("{name} = {value}"));
}

/// Defaults may be words.
fn is_value(key: &Key, default: &str) -> bool {
    let shown = format!("value = {default}");
    let parsed = toml::de::DeTable::parse(&shown);
    let value = parsed.ok().and_then(|table| {
        crate::config::document::value(table.get_ref(), "value")
            .map(|value| key.form.check(value.get_ref()).is_ok())
    });
    // An empty list says nothing of how one is written.
    value == Some(true) && default != "[]"
}

fn line(text: &mut String, line: &str) {
    text.push('#');
    text.push_str(line);
    text.push('\n');
}

fn comment(text: &mut String, words: &str) {
    let mut row = String::from("#");
    for word in words.split_whitespace() {
        if row.chars().count() + word.chars().count() >= WIDTH && row.len() > 1 {
            text.push_str(&row);
            text.push('\n');
            row = String::from("#");
        }
        row.push(' ');
        row.push_str(word);
    }
    text.push_str(&row);
    text.push('\n');
}
