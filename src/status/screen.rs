//! Where the status is shown: on a terminal with colours, and in place of what was shown before; elsewhere plain.

use rustix::termios::tcgetwinsize;
use std::io::{self, IsTerminal as _, Write as _};

/// Standard output.
#[derive(Debug)]
pub(super) struct Screen {
    is_terminal: bool,
    has_colours: bool,
}

/// What a line says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    Well,
    Wrong,
}

/// Set Graphics Rendition (ECMA-48): bold with green or red, and back.
const WELL: &str = "\x1b[1;32m";
const WRONG: &str = "\x1b[1;31m";
const PLAIN: &str = "\x1b[0m";
/// Cursor home, and all behind it erased (ECMA-48): what is shown anew does not flicker.
const FROM_THE_TOP: &str = "\x1b[H\x1b[2J";

impl Screen {
    /// As it is. `NO_COLOR` (<https://no-color.org>) and terminals that are dumb have no colours.
    pub(super) fn new() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self { is_terminal, has_colours: is_terminal && !is_set("NO_COLOR") && !is_dumb }
    }

    /// Text in a colour, where there are colours.
    pub(super) fn paint(&self, text: &str, colour: Colour) -> String {
        let begin = match colour {
            Colour::Well => WELL,
            Colour::Wrong => WRONG,
        };
        if self.has_colours { format!("{begin}{text}{PLAIN}") } else { text.to_owned() }
    }

    /// Shows text in place of what was there, as far as it fits; where this is no terminal, behind it.
    pub(super) fn show_anew(&self, text: &str) -> bool {
        if !self.is_terminal {
            return show(&format!("{text}\n"));
        }
        let rows = tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_row));
        show(&format!("{FROM_THE_TOP}{}", fitting(text, rows)))
    }
}

/// Shows text; `false` when nobody looks any more: whoever closed standard output does not want to know.
pub(super) fn show(text: &str) -> bool {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

/// As many lines as fit; the last says how many do not. Of a terminal that does not say how high it is, all.
fn fitting(text: &str, rows: usize) -> String {
    let count = text.lines().count();
    // The cursor has a line of its own.
    let room = rows.saturating_sub(2);
    if room == 0 || count < rows {
        return text.to_owned();
    }
    let mut shown: Vec<_> = text.lines().take(room).map(str::to_owned).collect();
    shown.push(format!("... {} more lines (weir status)\n", count - room));
    shown.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_said() {
        let text = "1\n2\n3\n4\n5\n";
        assert_eq!(fitting(text, 0), text);
        assert_eq!(fitting(text, 6), text);
        assert_eq!(fitting(text, 5), "1\n2\n3\n... 2 more lines (weir status)\n");
    }

    #[test]
    fn colours_are_for_terminals() {
        let plain = Screen { is_terminal: false, has_colours: false };
        assert_eq!(plain.paint("x", Colour::Wrong), "x");
        let coloured = Screen { is_terminal: true, has_colours: true };
        assert_eq!(coloured.paint("x", Colour::Well), "\x1b[1;32mx\x1b[0m");
    }
}
