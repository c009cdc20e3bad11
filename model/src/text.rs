//! Text that strangers wrote, made fit for people to read.

/// `text` cut to about `max_bytes`, with all escaped that would move a cursor, or hide or turn other text.
pub fn printable(text: &str, max_bytes: usize) -> String {
    let mut printable = String::new();
    for character in text.chars() {
        if printable.len() >= max_bytes {
            printable.push('…');
            break;
        }
        if character.is_control() || is_invisible(character) {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

/// Characters without width of their own: joiners, byte order marks, direction controls.
pub const fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_and_short() {
        assert_eq!(printable("a\x1b[31m\u{202e}b\u{9b}", 100), "a\\u{1b}[31m\\u{202e}b\\u{9b}");
        let long = printable(&"\u{1f4a9}".repeat(1000), 100);
        assert_eq!((long.len(), long.ends_with('…')), (103, true));
        assert_eq!(printable("whole", 5), "whole");
    }
}
