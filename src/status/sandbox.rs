//! What confines the program, in a line.

use crate::sandbox::Part;
use std::fmt::Write as _;

/// `sandbox: capabilities none; ...`; what does not hold is said with its reason.
pub(super) fn render(parts: &[Part], text: &mut String) {
    let first = parts.first();
    let same_reason = |part: &Part| !part.holds && first.is_some_and(|first| first.text == part.text);
    if let Some(first) = first.filter(|_| parts.iter().all(same_reason)) {
        let _ = writeln!(text, "sandbox: off ({})\n", first.text);
        return;
    }
    let said = parts.iter().map(|part| {
        let not = if part.holds { "" } else { "NOT HELD: " };
        format!("{} {not}{}", part.name, part.text)
    });
    let said: Vec<_> = said.collect();
    if !said.is_empty() {
        let _ = writeln!(text, "sandbox: {}\n", said.join("; "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_hold_is_said_with_its_reason() {
        let part = |name: &str, holds, text: &str| Part { name: name.into(), holds, text: text.into() };
        let rendered = |parts: &[Part]| {
            let mut text = String::new();
            render(parts, &mut text);
            text
        };
        let off = [part("files", false, "not asked for"), part("calls", false, "not asked for")];
        assert_eq!(rendered(&off), "sandbox: off (not asked for)\n\n");
        let half = [part("files", false, "this kernel has no Landlock"), part("calls", true, "seccomp")];
        assert_eq!(
            rendered(&half),
            "sandbox: files NOT HELD: this kernel has no Landlock; calls seccomp\n\n"
        );
        assert_eq!(rendered(&[]), "");
    }
}
