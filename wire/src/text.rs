//! Bytes from the wire as text that is safe to print.

/// Printable ASCII as it is; everything else, and the backslash, as `\DDD`, so that different bytes stay different.
pub(crate) fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\\' | 0..=0x1f | 0x7f.. => {
                text.push('\\');
                for digit in [byte / 100, byte / 10 % 10, byte % 10] {
                    text.push(char::from(b'0' + digit));
                }
            }
            _ => text.push(char::from(byte)),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn escapes_what_is_not_printable() {
        assert_eq!(super::escape(b"v=1 \\\x00\xff~"), "v=1 \\092\\000\\255~");
    }
}
