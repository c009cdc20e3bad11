//! What templates can do with hostile texts, each made fit for one way of reading them, and cut.
//!
//! `{{ sentence | markdown(2000) }}`: on one line, defanged, escaped, and no longer than so many characters as the receiver counts them.

use crate::defang::defanged;
use minijinja::{Environment, Value};

/// Longest text that a filter makes if nobody says: what chats show without folding.
const MAX_TEXT: usize = 2000;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("plain", |text: &Value, max: Option<usize>| escaped(text, max, plain));
    environment.add_filter("markdown", |text: &Value, max: Option<usize>| escaped(text, max, markdown));
    environment.add_filter("slack", |text: &Value, max: Option<usize>| escaped(text, max, slack));
    environment.add_filter("cut", |text: &Value, max: Option<usize>| cut(text, max));
}

/// What stands for a character where it means something; the character itself otherwise.
type Escape = fn(char) -> Option<&'static str>;

/// Cut after it is escaped, so that the receiver's limit holds, and never inside what stands for one character.
fn escaped(text: &Value, max: Option<usize>, escape: Escape) -> String {
    let max = max.unwrap_or(MAX_TEXT);
    let safe = defanged(&shown(text), max.saturating_mul(4));
    let (mut made, mut length) = (String::new(), 0);
    for letter in safe.chars() {
        let replaced = escape(letter);
        // Some receivers count UTF-16, none counts less than characters.
        length += replaced.map_or(letter.len_utf16(), str::len);
        if length >= max {
            made.push('…');
            break;
        }
        match replaced {
            Some(text) => made.push_str(text),
            None => made.push(letter),
        }
    }
    made
}

/// As it is, but not longer than so many bytes: for what programs read (TheHive's observables).
fn cut(text: &Value, max: Option<usize>) -> String {
    let text = shown(text);
    text.get(..text.floor_char_boundary(max.unwrap_or(MAX_TEXT))).unwrap_or_default().to_owned()
}

fn shown(text: &Value) -> String {
    if text.is_undefined() || text.is_none() { String::new() } else { text.to_string() }
}

/// `{{` begins what Teams and card templates evaluate.
fn plain(letter: char) -> Option<&'static str> {
    match letter {
        '{' => Some("("),
        '}' => Some(")"),
        _ => None,
    }
}

/// CommonMark 0.31: backslashes before punctuation (section 2.4) that GFM, Mattermost and TheHive give a meaning inside a line, and
/// entities (2.5) for what may be read as HTML.
fn markdown(letter: char) -> Option<&'static str> {
    Some(match letter {
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        '\\' => "\\\\",
        '`' => "\\`",
        '*' => "\\*",
        '_' => "\\_",
        '{' => "\\{",
        '}' => "\\}",
        '[' => "\\[",
        ']' => "\\]",
        '(' => "\\(",
        ')' => "\\)",
        '#' => "\\#",
        '~' => "\\~",
        '|' => "\\|",
        '!' => "\\!",
        _ => return None,
    })
}

/// "Formatting text for app surfaces": these three are all that must be escaped; `<!channel>` is then a text. What else formats is shown
/// in blocks of plain text.
fn slack(letter: char) -> Option<&'static str> {
    Some(match letter {
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        _ => return None,
    })
}
