//! The BPF filter, compiled by libpcap for each link type that occurs.

use pcap::{BpfProgram, Capture, Linktype};
use weir_model::frame::LinkType;

use crate::problem::OpenError;
use crate::record::MAX_CAPTURED_BYTES;

/// Link types that the filter is compiled for. Real input has a handful; a hostile file could name all 65,536, and
/// each costs a compilation and its program's memory. Frames of further ones count as unfilterable.
pub const MAX_FILTER_LINKS: usize = 256;

/// Link types tried before anything is read: an expression that none of them can express is a mistake.
const USUAL_LINKS: [LinkType; 5] = [
    LinkType::ETHERNET,
    LinkType::RAW,
    LinkType::LINUX_SLL,
    LinkType::IEEE802_11_RADIOTAP,
    LinkType::IEEE802_11,
];

/// An expression and its programs.
pub(crate) struct Filter {
    expression: String,
    programs: Vec<(LinkType, Result<Program, String>)>,
    padded: Vec<u8>,
}

/// A compiled filter.
struct Program {
    bpf: BpfProgram,
    /// Whether it asks for the frame's length.
    uses_length: bool,
}

/// What the filter says of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Wanted,
    Unwanted,
    /// It cannot be said for frames of this link type.
    Unknown,
    /// The same, found out just now: the reason.
    UnknownFromNow(String),
}

/// Whether libpcap understands an expression, of any usual link type.
pub fn check_filter(expression: &str) -> Result<(), OpenError> {
    Filter::new(expression).map(drop)
}

impl Filter {
    /// Fails when libpcap does not understand the expression.
    pub(crate) fn new(expression: &str) -> Result<Self, OpenError> {
        let tried: Vec<_> =
            USUAL_LINKS.iter().map(|link| (*link, Program::compile(expression, *link))).collect();
        let message = match tried.first() {
            Some((_, Err(message))) if tried.iter().all(|(_, program)| program.is_err()) => message.clone(),
            _ => String::new(),
        };
        if !message.is_empty() {
            return Err(OpenError::Filter { expression: expression.to_owned(), message });
        }
        let programs = tried.into_iter().filter(|(_, program)| program.is_ok()).collect();
        Ok(Self { expression: expression.to_owned(), programs, padded: Vec::new() })
    }

    pub(crate) fn verdict(&mut self, link: LinkType, original_len: u32, data: &[u8]) -> Verdict {
        match self.programs.iter().find(|(known, _)| *known == link) {
            Some((_, Ok(program))) => program.verdict(original_len, data, &mut self.padded),
            Some((_, Err(_))) => Verdict::Unknown,
            None if self.programs.len() >= MAX_FILTER_LINKS => Verdict::Unknown,
            None => {
                let program = Program::compile(&self.expression, link);
                let verdict = match &program {
                    Ok(program) => program.verdict(original_len, data, &mut self.padded),
                    Err(message) => Verdict::UnknownFromNow(message.clone()),
                };
                self.programs.push((link, program));
                verdict
            }
        }
    }
}

impl Program {
    fn compile(expression: &str, link: LinkType) -> Result<Self, String> {
        let bpf = Capture::dead(Linktype(dlt_of_link(link)))
            .and_then(|dead| dead.compile(expression, true))
            .map_err(|error| error_text(&error))?;
        // BPF_LD or BPF_LDX (0, 1) with mode BPF_LEN (0x80); the crate shows an instruction only as text.
        let uses_length = bpf.get_instructions().iter().any(|instruction| {
            let text = instruction.to_string();
            matches!(text.split(' ').next(), Some("128" | "129"))
        });
        Ok(Self { bpf, uses_length })
    }

    /// The crate passes the captured length as the original one too. Where the program asks for the length of a
    /// frame that was cut, it is run on the frame filled up with zeros.
    fn verdict(&self, original_len: u32, data: &[u8], padded: &mut Vec<u8>) -> Verdict {
        let original_len = (original_len as usize).min(MAX_CAPTURED_BYTES);
        let wanted = if self.uses_length && original_len > data.len() {
            padded.clear();
            padded.extend_from_slice(data);
            padded.resize(original_len, 0);
            self.bpf.filter(padded)
        } else {
            self.bpf.filter(data)
        };
        if wanted { Verdict::Wanted } else { Verdict::Unwanted }
    }
}

/// Link types whose number in files differs from libpcap's own on this platform, as (file, libpcap): ATM, raw IP,
/// and BSD/OS's SLIP and PPP.
const RENUMBERED: [(u16, i32); 4] = [(100, 11), (101, 12), (102, 15), (103, 16)];

fn dlt_of_link(link: LinkType) -> i32 {
    RENUMBERED.iter().find(|(file, _)| *file == link.0).map_or(i32::from(link.0), |(_, dlt)| *dlt)
}

/// libpcap's message without the crate's prefix.
fn error_text(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(message) => message.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// UDP over IPv4 from port 53, on Ethernet; cut there for raw IP.
    const UDP: [u8; 42] = [
        2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, //
        0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, //
        0, 53, 0x30, 0x39, 0, 8, 0, 0,
    ];

    #[test]
    fn is_compiled_for_each_link_type() {
        let mut filter = Filter::new("udp port 53").unwrap();
        assert_eq!(filter.verdict(LinkType::ETHERNET, 42, &UDP), Verdict::Wanted);
        assert_eq!(filter.verdict(LinkType::RAW, 28, &UDP[14..]), Verdict::Wanted);
        assert_eq!(filter.verdict(LinkType::IPV4, 28, &UDP[14..]), Verdict::Wanted);
        assert_eq!(filter.verdict(LinkType::RAW, 42, &UDP), Verdict::Unwanted);
        let mut other = Filter::new("not udp").unwrap();
        assert_eq!(other.verdict(LinkType::ETHERNET, 42, &UDP), Verdict::Unwanted);
        assert_eq!(other.verdict(LinkType::ETHERNET, 0, &[]), Verdict::Unwanted, "too short to say");
    }

    #[test]
    fn shows_what_libpcap_says_of_a_mistake() {
        let Err(OpenError::Filter { expression, message }) = Filter::new("port port") else {
            panic!("libpcap compiled it");
        };
        assert_eq!(expression, "port port");
        assert!(message.contains("syntax error"), "{message}");
        assert!(Filter::new("port 53\0").is_err());
    }

    #[test]
    fn asks_for_the_original_length_of_a_cut_frame() {
        let mut filter = Filter::new("greater 100 and udp").unwrap();
        assert_eq!(filter.verdict(LinkType::ETHERNET, 42, &UDP), Verdict::Unwanted);
        assert_eq!(filter.verdict(LinkType::ETHERNET, 100, &UDP), Verdict::Wanted);
        assert_eq!(filter.verdict(LinkType::ETHERNET, u32::MAX, &UDP), Verdict::Wanted);
    }

    #[test]
    fn an_expression_for_some_link_types_only_is_unknown_elsewhere_and_says_so_once() {
        let mut filter = Filter::new("type mgt subtype beacon").unwrap();
        assert!(matches!(filter.verdict(LinkType::ETHERNET, 42, &UDP), Verdict::UnknownFromNow(_)));
        assert_eq!(filter.verdict(LinkType::ETHERNET, 42, &UDP), Verdict::Unknown);
    }

    #[test]
    fn survives_every_link_type_a_file_can_name() {
        for expression in
            ["not port 22", "host 192.0.2.1", "ip6", "", "vlan and tcp", "ether host 2:0:0:0:0:1"]
        {
            let mut filter = Filter::new(expression).unwrap();
            for link in (0..400).chain([u16::MAX]) {
                filter.verdict(LinkType(link), 42, &UDP);
            }
            assert_eq!(filter.programs.len(), MAX_FILTER_LINKS);
        }
    }
}
