//! Addresses as they stand in texts: by themselves, with a port, in URLs, and in names.
//!
//! | written | example |
//! |---|---|
//! | as people do | `10.1.2.3`, `2001:db8::7`, `::ffff:10.1.2.3` |
//! | names of reverse look-ups, and of block lists that are asked in the same way | `3.2.1.10.in-addr.arpa`, `3.2.1.10.list.example` |
//! | names that providers make of addresses | `10-1-2-3.example`, `host_003_002_001_010.example`, `2001-db8--7.example` |
//! | in hexadecimal, as a label of a name | `0a010203.example` |
//!
//! Numbers in a name may be read from either end, and it does not say from which: it counts if one of both is asked for. So it can happen that
//! a name is taken for that of a host that it does not mean; to pass over one would be worse.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address stands, and how.
pub(super) struct Span {
    pub begin: usize,
    pub end: usize,
    pub ip: IpAddr,
    pub manner: Manner,
}

/// How an address is written.
#[derive(Clone, Copy)]
pub(super) enum Manner {
    /// Of version 6, as people do.
    Plain,
    /// Of version 4, as people do: one of version 6 in its place may need brackets.
    Bare,
    /// As letters, digits and dashes, or something that becomes that.
    Label,
    /// As nibbles, the last one first.
    Nibbles,
    /// As the name of a reverse look-up, with its end.
    Reverse,
}

/// Nibbles of an address of version 6.
const NIBBLES: usize = 32;
/// Longest address of version 6 in text form.
const LONGEST: usize = 45;
/// Colons of one that leaves nothing out.
const COLONS: usize = 7;
/// Letters that are looked at together, at most: three times the longest address, as URLs can make of one. Somebody who writes on and on shall not have
/// all of it looked at once for each word in it.
const MOST_LETTERS: usize = 3 * LONGEST;
/// What names of reverse look-ups of version 4 end in (RFC 1035 section 3.5).
const REVERSE: &[u8] = b".in-addr.arpa";

/// The address that is written from this byte on, if one of its readings is asked for; with how many bits of it count, where that stands behind it.
pub(super) fn address_at(
    text: &str,
    at: usize,
    is_asked: &impl Fn(IpAddr, Option<u8>) -> bool,
) -> Option<Span> {
    let (before, rest) = text.as_bytes().split_at_checked(at)?;
    let (first, last) = (*rest.first()?, before.last().copied());
    if !(first.is_ascii_hexdigit() || first == b':') {
        return None;
    }
    let begins =
        |is_other: fn(&u8) -> bool| last.is_none_or(|byte| !is_other(&byte)) || ends_in_escape(before);
    let begins_word = begins(u8::is_ascii_alphanumeric);
    let spot = Spot { text, at, rest, is_asked };
    begins(|byte| byte.is_ascii_hexdigit() || *byte == b':')
        .then(|| spot.v6(begins_word))
        .flatten()
        .or_else(|| if begins_word { spot.word(before) } else { None })
        .or_else(|| if begins(u8::is_ascii_digit) { spot.v4() } else { None })
}

/// A place in a text.
struct Spot<'t, F> {
    text: &'t str,
    at: usize,
    rest: &'t [u8],
    is_asked: &'t F,
}

impl<F: Fn(IpAddr, Option<u8>) -> bool> Spot<'_, F> {
    /// With colons, also with a mark of punctuation at either side. Where it does not stand alone (`ip6:2001:db8::7`, a port behind it), any part of it
    /// may be one.
    fn v6(&self, is_alone: bool) -> Option<Span> {
        let run = self.run(is_of_v6);
        if run.bytes().filter(|byte| *byte == b':').count() < 2 {
            return None;
        }
        let marks = ['.', ':'];
        let front = usize::from(run.starts_with(':') && !run.starts_with("::"));
        let plain = run.get(front..).unwrap_or_default();
        let whole = [run, plain, plain.trim_end_matches(marks)];
        if let Some(parsed) = whole.into_iter().find(|written| written.parse::<Ipv6Addr>().is_ok())
            && is_alone
        {
            let front = if parsed.len() == run.len() { 0 } else { front };
            return self.v6_in(front, front + parsed.len());
        }
        // What begins behind a dot is a run of its own.
        let colons =
            run.bytes().take_while(|byte| *byte != b'.').enumerate().filter(|(_, byte)| *byte == b':');
        let mut begins = std::iter::once(0).chain(colons.flat_map(|(place, _)| [place, place + 1]));
        begins.find_map(|begin| self.v6_from(run, begin))
    }

    /// The longest one that begins here and ends at a colon, a mark of punctuation or where the letters of addresses do.
    fn v6_from(&self, run: &str, begin: usize) -> Option<Span> {
        let rest = run.as_bytes().get(begin..)?;
        let (mut colons, mut dots, mut is_short, mut found) = (0, 0, false, None);
        for (place, byte) in rest.iter().enumerate().take(LONGEST) {
            colons += usize::from(*byte == b':');
            dots += usize::from(*byte == b'.');
            is_short |= *byte == b':' && rest.get(..place).is_some_and(|before| before.ends_with(b":"));
            let is_end = rest.get(place + 1).is_none_or(|next| matches!(next, b':' | b'.'));
            // Others are none, and parsing them would cost whoever reads what strangers wrote.
            let is_likely = if dots == 0 { is_short || colons == COLONS } else { dots == 3 };
            if is_end && is_likely {
                found = self.v6_in(begin, begin + place + 1).or(found);
            }
        }
        found
    }

    fn v6_in(&self, begin: usize, end: usize) -> Option<Span> {
        let written = self.rest.get(begin..end).and_then(|bytes| str::from_utf8(bytes).ok())?;
        let ip = written.parse::<Ipv6Addr>().ok()?.into();
        self.plain(ip, begin, end, Manner::Plain)
    }

    /// As an address, or as a network, as which it is asked for.
    fn plain(&self, ip: IpAddr, begin: usize, end: usize, manner: Manner) -> Option<Span> {
        let bits = self.rest.get(end..).and_then(bits);
        (self.is_asked)(ip, bits).then(|| self.span(begin, end, ip, manner))
    }

    /// As part of a name or of a URL.
    fn word(&self, before: &[u8]) -> Option<Span> {
        self.nibbles()
            .or_else(|| self.dashed())
            .or_else(|| self.encoded())
            .or_else(|| self.hexadecimal(before))
            .or_else(|| self.delegated())
    }

    /// 32 nibbles, the last one first, as in names of reverse look-ups.
    fn nibbles(&self) -> Option<Span> {
        let mut bits = 0_u128;
        for place in 0..NIBBLES {
            let [digit, dot] = *self.rest.get(2 * place..)?.first_chunk::<2>()?;
            let digit = char::from(digit).to_digit(16).filter(|_| dot == b'.')?;
            bits |= u128::from(digit) << (4 * place);
        }
        let (zone, end) = (b"ip6.arpa", 2 * NIBBLES);
        let is_reverse = starts_with(self.rest.get(end..)?, zone);
        let (end, manner) =
            if is_reverse { (end + zone.len(), Manner::Reverse) } else { (end - 1, Manner::Nibbles) };
        self.asked(Ipv6Addr::from_bits(bits).into(), end, manner)
    }

    /// Of version 6, with dashes for colons.
    fn dashed(&self) -> Option<Span> {
        let run = self.run(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        let written = run.trim_end_matches('-');
        let is_likely = written.contains("--") || written.bytes().filter(|byte| *byte == b'-').count() >= 7;
        if !is_likely || written.len() > LONGEST {
            return None;
        }
        let ip = written.replace('-', ":").parse::<Ipv6Addr>().ok()?;
        self.asked(ip.into(), written.len(), Manner::Label)
    }

    /// Of version 6, with colons as URLs encode them (RFC 3986 section 2.1).
    fn encoded(&self) -> Option<Span> {
        let run = self.run(|byte| byte.is_ascii_hexdigit() || byte == b'%').as_bytes();
        let (mut rest, mut text, mut length) = (run, [0; LONGEST], 0);
        loop {
            let (byte, behind) = match rest {
                [b'%', b'3', b'A' | b'a', behind @ ..] => (b':', behind),
                [] | [b'%', ..] => break,
                [byte, behind @ ..] => (*byte, behind),
            };
            *text.get_mut(length)? = byte;
            length += 1;
            rest = behind;
        }
        let ip = str::from_utf8(text.get(..length)?).ok()?.parse::<Ipv6Addr>().ok()?;
        self.asked(ip.into(), run.len() - rest.len(), Manner::Label)
    }

    /// The eight digits of an address of version 4 as a label that is not a name's last. Files in URLs are called so, too.
    fn hexadecimal(&self, before: &[u8]) -> Option<Span> {
        let word = self.run(|byte| byte.is_ascii_alphanumeric());
        let is_file = before.ends_with(b"/") && !before.ends_with(b"//");
        let is_label = word.len() == 8 && begins_label(self.rest.get(8..)?, u8::is_ascii_alphanumeric);
        let bits = u32::from_str_radix(word, 16).ok().filter(|_| is_label && !is_file)?;
        self.asked(Ipv4Addr::from_bits(bits).into(), word.len(), Manner::Label)
    }

    /// As the name of a reverse look-up in a zone of less than 256 addresses (RFC 2317): `3.0-63.2.1.10.in-addr.arpa`.
    fn delegated(&self) -> Option<Span> {
        let (last, length) = number(self.rest)?;
        let behind = self.rest.get(length..)?.strip_prefix(b".")?;
        let zone = behind.iter().take(LONGEST).position(|byte| *byte == b'.')?;
        let mut end = length + 1 + zone;
        let mut octets = [last; 4];
        for octet in octets.iter_mut().take(3).rev() {
            let (next, length) = number(self.rest.get(end..)?.strip_prefix(b".")?)?;
            *octet = next;
            end += 1 + length;
        }
        let is_reverse = starts_with(self.rest.get(end..)?, REVERSE);
        let ip = IpAddr::from(octets);
        if is_reverse { self.asked(ip, end + REVERSE.len(), Manner::Reverse) } else { None }
    }

    /// Four numbers with the same between them.
    fn v4(&self) -> Option<Span> {
        let (first, mut end) = number(self.rest)?;
        let between = separator(self.rest.get(end..)?)?;
        let mut octets = [first; 4];
        for octet in octets.iter_mut().skip(1) {
            if !starts_with(self.rest.get(end..)?, between) {
                return None;
            }
            let (next, length) = number(self.rest.get(end + between.len()..)?)?;
            *octet = next;
            end += between.len() + length;
        }
        let behind = self.rest.get(end..)?;
        let ip = |octets: [u8; 4]| IpAddr::from(octets);
        let [a, b, c, d] = octets;
        let (forward, backward) = (ip([a, b, c, d]), ip([d, c, b, a]));
        if between == b"." && starts_with(behind, REVERSE) {
            return self.asked(backward, end + REVERSE.len(), Manner::Reverse);
        }
        if between == b"." && !begins_label(behind, u8::is_ascii_alphanumeric) {
            return self.plain(forward, 0, end, Manner::Bare);
        }
        let is_name = between != b"." || begins_label(behind, u8::is_ascii_alphabetic);
        self.asked(forward, end, Manner::Label)
            .or_else(|| if is_name { self.asked(backward, end, Manner::Label) } else { None })
    }

    fn asked(&self, ip: IpAddr, end: usize, manner: Manner) -> Option<Span> {
        (self.is_asked)(ip, None).then(|| self.span(0, end, ip, manner))
    }

    const fn span(&self, begin: usize, end: usize, ip: IpAddr, manner: Manner) -> Span {
        Span { begin: self.at + begin, end: self.at + end, ip, manner }
    }

    /// The bytes from here on that are of a kind, all of them ASCII; capped.
    fn run(&self, is_of: impl Fn(u8) -> bool) -> &str {
        let length = self.rest.iter().take(MOST_LETTERS).take_while(|byte| is_of(**byte)).count();
        self.text.get(self.at..self.at + length).unwrap_or_default()
    }
}

const fn is_of_v6(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':')
}

/// Whether the last digits are those of an escape: `\032` is a space in a label (RFC 4343 section 2.1), `%20` in a URL.
fn ends_in_escape(before: &[u8]) -> bool {
    matches!(before, [.., b'\\', a, b, c] if [a, b, c].into_iter().all(u8::is_ascii_digit))
        || matches!(before, [.., b'%', a, b] if [a, b].into_iter().all(u8::is_ascii_hexdigit))
}

/// A number that fits an octet, of at most three digits, and how many these are.
fn number(bytes: &[u8]) -> Option<(u8, usize)> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let written = bytes.get(..digits).filter(|written| written.len() <= 3)?;
    Some((str::from_utf8(written).ok()?.parse().ok()?, digits))
}

/// What may stand between the numbers of an address: a dot, also in brackets so that nobody follows it, as the escape of one that is
/// part of a label (in JSON with two backslashes), or as URLs encode it; and what stands for it in names.
fn separator(bytes: &[u8]) -> Option<&'static [u8]> {
    let known: [&[u8]; 7] = [b".", b"-", b"_", b"[.]", b"\\046", b"\\\\046", b"%2E"];
    known.into_iter().find(|known| starts_with(bytes, known))
}

/// How many bits count, as written behind an address: `/24`.
fn bits(behind: &[u8]) -> Option<u8> {
    let (bits, length) = number(behind.strip_prefix(b"/")?)?;
    let is_end = behind.get(1 + length).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    is_end.then_some(bits)
}

/// Whether a label follows that begins so.
fn begins_label(behind: &[u8], is_begin: impl Fn(&u8) -> bool) -> bool {
    matches!(behind, [b'.', byte, ..] if is_begin(byte) || *byte == b'_')
}

fn starts_with(bytes: &[u8], ending: &[u8]) -> bool {
    bytes.get(..ending.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(ending))
}
