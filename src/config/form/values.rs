//! Numbers, times, sizes, words.

use super::{Form, Wrong};
use crate::config::nearest::nearest;
use std::time::Duration;
use weir_model::Tlp;
use weir_net::units::{parse_duration, parse_size, show_size};

/// Most letters of a value that are said again.
const MOST_SHOWN: usize = 80;

/// A value as it is said again: hostile files may hold anything.
pub(super) fn said(text: &str) -> String {
    weir_model::text::printable(text, MOST_SHOWN)
}

pub(super) fn within(number: i64, least: i64, most: i64, form: Form) -> Result<(), Wrong> {
    let wrong = |what: &str| Wrong::new(format!("{number} is {what}"), format!("write {}", form.wants()));
    match number {
        _ if number < least => Err(wrong("too little")),
        _ if number > most => Err(wrong("too much")),
        _ => Ok(()),
    }
}

pub(super) fn no_switch(text: &str, form: Form) -> Wrong {
    let meant = match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => "write true, without quotation marks".to_owned(),
        "false" | "no" | "off" | "0" => "write false, without quotation marks".to_owned(),
        _ => format!("write {}", form.wants()),
    };
    Wrong::new(format!("\"{}\" is text, and this is a switch", said(text)), meant)
}

pub(super) fn no_number(text: &str, form: Form) -> Wrong {
    let remedy = match text.trim().parse::<i64>() {
        Ok(number) => format!("write {number}, without quotation marks"),
        Err(_) => format!("write {}", form.wants()),
    };
    Wrong::new(format!("\"{}\" is text, and this is a number", said(text)), remedy)
}

pub(super) fn time(text: &str, form: Form) -> Result<(), Wrong> {
    let wrong = |what: String, remedy: String| Err(Wrong::new(what, remedy));
    let shown = said(text);
    if let Ok(number) = text.trim().parse::<f64>() {
        let what = format!("\"{shown}\" has no unit");
        return wrong(
            what,
            format!("write \"{number}s\" for seconds, \"{number}m\" for minutes, \"{number}h\" for hours"),
        );
    }
    match parse_duration(text.trim()) {
        Some(Duration::ZERO) => {
            wrong(format!("\"{shown}\" is no time at all"), format!("write {}", form.wants()))
        }
        Some(_) => Ok(()),
        None if is_of_months(text) => wrong(
            format!("\"{shown}\": months and years differ in length"),
            "write days, such as \"90d\"".to_owned(),
        ),
        None if text.trim_start().starts_with('-') => {
            wrong(format!("\"{shown}\" is less than nothing"), format!("write {}", form.wants()))
        }
        None => wrong(format!("\"{shown}\" is no time"), format!("write {}", form.wants())),
    }
}

fn is_of_months(text: &str) -> bool {
    let unit =
        text.trim().trim_start_matches(|letter: char| letter.is_ascii_digit() || " .".contains(letter));
    ["month", "mo", "year", "yr", "y"].contains(&unit.trim_end_matches('s'))
}

pub(super) fn sizes(least: u64, most: u64) -> String {
    let range = match (least, most) {
        (1, u64::MAX) => String::new(),
        (least, u64::MAX) => format!(", at least {}", show_size(least)),
        (least, most) => format!(", from {} to {}", show_size(least), show_size(most)),
    };
    format!("a size such as \"512MiB\" or \"2GB\"{range}")
}

pub(super) fn size(text: &str, least: u64, most: u64, form: Form) -> Result<(), Wrong> {
    let shown = said(text);
    let wrong = |what: String| Err(Wrong::new(what, format!("write {}", form.wants())));
    match parse_size(text) {
        None => wrong(format!("\"{shown}\" is no size")),
        Some(bytes) if bytes < least => wrong(format!("\"{shown}\" is too little")),
        Some(bytes) if bytes > most => wrong(format!("\"{shown}\" is too much")),
        Some(_) => Ok(()),
    }
}

pub(super) fn word(text: &str, all: &[&'static str]) -> Result<(), Wrong> {
    if all.contains(&text) {
        return Ok(());
    }
    let what = format!("there is no \"{}\"", said(text));
    match nearest(text, all.iter().copied()) {
        Some(meant) => Err(Wrong::new(what, format!("write \"{meant}\" (there are {})", all.join(", ")))),
        None => Err(Wrong::new(what, format!("write one of {}", all.join(", ")))),
    }
}

pub(super) fn tlp(text: &str) -> Result<(), Wrong> {
    let known = ["clear", "green", "amber", "amber+strict", "red"];
    if Tlp::parse(text).is_some() { Ok(()) } else { word(text, &known) }
}

pub(super) fn url(text: &str, schemes: &[&str]) -> Result<(), Wrong> {
    // What stands in a URL may be a secret: it is not said again.
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(Wrong::new(
            "is no URL",
            format!("write {}", Form::Url(&["https"]).wants().replace("https", first(schemes))),
        ));
    };
    if !schemes.contains(&scheme) {
        let schemes: Vec<_> = schemes.iter().map(|scheme| format!("{scheme}://")).collect();
        return Err(Wrong::new(
            format!("it begins with {}://", said(scheme)),
            format!("write a URL that begins with {}", schemes.join(" or ")),
        ));
    }
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return Err(Wrong::new(
            "there are credentials in it",
            "leave them out, and write where the secret lies: http.credentials.basic = { user = \"...\", file = \"...\" }",
        ));
    }
    match host.rsplit_once(':').filter(|(name, _)| !name.contains(':') || name.ends_with(']')) {
        Some((_, port)) if !port.is_empty() && !port.parse::<u16>().is_ok_and(|port| port > 0) => {
            Err(Wrong::new(format!("its port {} is none", said(port)), "write a port from 1 to 65535"))
        }
        _ if host.is_empty() => Err(Wrong::new("it names no host", format!("write {scheme}://HOST"))),
        _ if rest.contains(char::is_whitespace) => {
            Err(Wrong::new("there are spaces in it", "write %20 for a space"))
        }
        _ => Ok(()),
    }
}

fn first<'a>(schemes: &[&'a str]) -> &'a str {
    schemes.first().copied().unwrap_or("https")
}

pub(super) fn mail(text: &str) -> Result<(), Wrong> {
    let address = text.rsplit_once('<').map_or(text, |(_, address)| address.trim_end().trim_end_matches('>'));
    let is_address = address.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !address.contains(char::is_whitespace) && !host.contains('@')
    });
    if is_address {
        Ok(())
    } else {
        Err(Wrong::new(
            format!("\"{}\" is no mail address", said(text)),
            format!("write {}", Form::Mail.wants()),
        ))
    }
}

pub(super) fn variable(text: &str) -> Result<(), Wrong> {
    let is_name = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name {
        return Ok(());
    }
    // Perhaps it is the secret itself: it is not said again.
    Err(Wrong::new(
        "takes the name of a variable, which has letters, digits and _ only",
        "write the name alone, such as env = \"WEIR_MISP_KEY\", and set the variable where weir is started",
    ))
}

/// What looks as if a variable was to be put in: it is not.
pub(super) fn no_variable(form: Form, text: &str) -> Result<(), Wrong> {
    if matches!(form, Form::Variable) {
        return Ok(());
    }
    let name = text.split_once("${").and_then(|(_, rest)| rest.split_once('}')).map(|(name, _)| name);
    let name = name.or_else(|| text.strip_prefix('$').filter(|rest| !rest.contains(['/', ' ', '$'])));
    let is_name = |name: &&str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    match name.filter(is_name) {
        Some(name) => Err(Wrong::new(
            format!("${{{name}}} stays as it stands: variables of the environment are not put into values"),
            format!(
                "write the value itself; a secret is taken from the environment with {{ env = \"{name}\" }}"
            ),
        )),
        None => Ok(()),
    }
}
