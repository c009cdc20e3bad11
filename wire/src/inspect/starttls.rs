//! Protocols of text lines in which TLS may begin: SMTP (RFC 3207), IMAP and POP3 (RFC 2595), FTP (RFC 4217), XMPP
//! (RFC 6120 section 5).
//!
//! Where TLS begins is told by each direction alone, so that a capture of one direction is enough: no line begins
//! with the first byte of a TLS record. A client must have asked for TLS with its last line.

use super::application::Application;
use arrayvec::ArrayVec;

/// Most bytes of a direction that are read before TLS begins. Greetings and capabilities take one or two thousand;
/// behind more, a session has gone on in clear.
const MAX_TEXT_LEN: usize = 16 * 1024;

/// As much of a line as is looked at.
const MAX_LINE_LEN: usize = 128;

/// First byte of a TLS record that begins a handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// Whose lines these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    /// Commands.
    Client,
    /// Replies.
    Server,
    /// Either end of an XML stream.
    Xml,
}

/// What bytes brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    Done,
    /// TLS begins so many bytes in.
    Tls(usize),
}

/// Reads one direction line by line.
#[derive(Debug)]
pub(super) struct TextReader {
    speaker: Speaker,
    ports: [u16; 2],
    line: ArrayVec<u8, MAX_LINE_LEN>,
    at_line_start: bool,
    asked: bool,
    named: bool,
    read: usize,
}

impl TextReader {
    /// At the beginning.
    pub(super) const fn new(speaker: Speaker, ports: [u16; 2]) -> Self {
        let line = ArrayVec::new_const();
        Self { speaker, ports, line, at_line_start: true, asked: false, named: false, read: 0 }
    }

    /// Bytes are missing: the next whole line is waited for, unless TLS was asked for.
    pub(super) fn gap(&mut self) {
        self.line.clear();
        self.at_line_start = self.asked;
    }

    /// The next bytes; `tell` is called with the protocol when a line shows it.
    pub(super) fn push(&mut self, bytes: &[u8], tell: &mut dyn FnMut(Application)) -> Progress {
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            if self.at_line_start && first == TLS_HANDSHAKE {
                let expected = self.asked || self.speaker == Speaker::Server;
                return if expected { Progress::Tls(bytes.len() - rest.len()) } else { Progress::Done };
            }
            let end =
                rest.iter().position(|byte| *byte == b'\n' || *byte == b'>' && self.speaker == Speaker::Xml);
            let (part, behind) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
            rest = behind;
            self.read += part.len();
            if self.read > MAX_TEXT_LEN {
                return Progress::Done;
            }
            // What of a line is beyond the cap is not looked at.
            self.line.extend(part.iter().copied().take(self.line.remaining_capacity()));
            self.at_line_start = end.is_some();
            if self.at_line_start {
                self.line_ended(tell);
                self.line.clear();
            }
        }
        Progress::More
    }

    fn line_ended(&mut self, tell: &mut dyn FnMut(Application)) {
        let line = self.line.trim_ascii();
        if line.is_empty() {
            return;
        }
        self.asked = match self.speaker {
            Speaker::Client => asks_for_tls(line),
            Speaker::Server => false,
            Speaker::Xml => contains(line, b"starttls") || contains(line, b"<proceed"),
        };
        if !self.named
            && let Some(application) = application(line, self.speaker, self.ports)
        {
            self.named = true;
            tell(application);
        }
    }
}

/// Which protocol has such a line; some tell only together with a port.
fn application(line: &[u8], speaker: Speaker, [a, b]: [u16; 2]) -> Option<Application> {
    let on = |ports: &[u16]| ports.contains(&a) || ports.contains(&b);
    let by_port = || {
        const PORTS: [(&[u16], Application); 4] = [
            (&[21], Application::Ftp),
            (&[25, 587, 2525], Application::Smtp),
            (&[110], Application::Pop3),
            (&[143], Application::Imap),
        ];
        PORTS.iter().find(|(ports, _)| on(ports)).map(|(_, application)| *application)
    };
    match speaker {
        Speaker::Xml => contains(line, b"jabber:").then_some(Application::Xmpp),
        Speaker::Server if line.starts_with(b"* ") => Some(Application::Imap),
        Speaker::Server if line.starts_with(b"+OK") => Some(Application::Pop3),
        Speaker::Server if line.starts_with(b"220") && contains(line, b"smtp") => Some(Application::Smtp),
        Speaker::Server if line.starts_with(b"220") && contains(line, b"ftp") => Some(Application::Ftp),
        Speaker::Server => by_port(),
        Speaker::Client => match words(line).each_ref().map(ArrayVec::as_slice) {
            [b"EHLO" | b"HELO" | b"LHLO", _] => Some(Application::Smtp),
            [b"STLS" | b"CAPA", _] => Some(Application::Pop3),
            [b"AUTH", b"TLS" | b"SSL"] => Some(Application::Ftp),
            [_, b"CAPABILITY" | b"STARTTLS" | b"LOGIN"] => Some(Application::Imap),
            _ => by_port(),
        },
    }
}

/// `STARTTLS`, `a1 STARTTLS`, `STLS`, `AUTH TLS`.
fn asks_for_tls(line: &[u8]) -> bool {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let is_any = |word: &[u8], of: &[&[u8]]| of.iter().any(|one| word.eq_ignore_ascii_case(one));
    is_any(first, &[b"STARTTLS", b"STLS"])
        || is_any(second, &[b"STARTTLS"])
        || is_any(first, &[b"AUTH"]) && is_any(second, &[b"TLS", b"SSL", b"TLS-C", b"TLS-P"])
}

/// The first two words in upper case, as much of each as commands have.
pub(super) fn words(line: &[u8]) -> [ArrayVec<u8, 16>; 2] {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    std::array::from_fn(|_| {
        words.next().unwrap_or_default().iter().map(u8::to_ascii_uppercase).take(16).collect()
    })
}

fn contains(line: &[u8], lower_case: &[u8]) -> bool {
    line.windows(lower_case.len()).any(|window| window.eq_ignore_ascii_case(lower_case))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(speaker: Speaker, bytes: &[u8]) -> (Progress, Option<Application>) {
        let mut seen = None;
        let progress =
            TextReader::new(speaker, [40_000, 25]).push(bytes, &mut |application| seen = Some(application));
        (progress, seen)
    }

    #[test]
    fn tls_begins_behind_the_command() {
        let smtp = run(Speaker::Client, b"EHLO a.example\r\nstarttls\r\n\x16\x03");
        assert_eq!(smtp, (Progress::Tls(26), Some(Application::Smtp)));
        assert_eq!(run(Speaker::Client, b"a1 STARTTLS\r\n\x16").0, Progress::Tls(13));
        assert_eq!(run(Speaker::Client, b"STLS\r\n\x16").0, Progress::Tls(6));
        assert_eq!(run(Speaker::Client, b"AUTH TLS\r\n\x16").0, Progress::Tls(10));
        assert_eq!(run(Speaker::Client, b"STARTTLS\r\nDATA\r\n\x16").0, Progress::Done);
        assert_eq!(
            run(Speaker::Server, b"220 a.example ESMTP\r\n250 ok\r\n220 go\r\n\x16").0,
            Progress::Tls(37)
        );
        let xmpp = b"<stream:stream xmlns='jabber:client'><starttls xmlns='x'/>\x16";
        assert_eq!(run(Speaker::Xml, xmpp), (Progress::Tls(58), Some(Application::Xmpp)));
    }

    #[test]
    fn banners_tell_the_protocol() {
        let of = |banner: &[u8]| run(Speaker::Server, banner).1;
        assert_eq!(of(b"220 x ESMTP Postfix\r\n"), Some(Application::Smtp));
        assert_eq!(of(b"220 (vsFTPd 3.0.3)\r\n"), Some(Application::Ftp));
        assert_eq!(of(b"* OK IMAP4rev1\r\n"), Some(Application::Imap));
        assert_eq!(of(b"+OK ready\r\n"), Some(Application::Pop3));
    }

    #[test]
    fn text_without_end_is_given_up() {
        assert_eq!(run(Speaker::Client, &vec![b'x'; MAX_TEXT_LEN]).0, Progress::More);
        assert_eq!(run(Speaker::Client, &vec![b'x'; MAX_TEXT_LEN + 1]).0, Progress::Done);
    }
}
