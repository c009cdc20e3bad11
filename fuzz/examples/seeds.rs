//! Writes the first inputs of the fuzz targets: datagrams that the tests of `wire` build, frames of the scenarios, and, where
//! the shared corpora are, the datagrams of devices. `cargo run --example seeds -- OUTPUT [CORPORA]`.

#[path = "../../wire/tests/export/build.rs"]
#[expect(dead_code, reason = "the tests need more of it than the seeds")]
mod build;

use build::{FLOW, bytes, flow, ipfix, options, set, template, v9, v9_options};
use std::collections::BTreeMap;
use std::fs;
use std::io::Result;
use std::path::{Path, PathBuf};
use weir_fuzz::events::written;
use weir_fuzz::export::kind::{EXPIRE, RESTART, SESSION_ENDED};
use weir_model::frame::{Frame, LinkType};
use weir_model::{Endpoint, Timestamp};
use weir_wire::decode::Decoder;

/// Pieces of one sequence, by target.
type Sequences = BTreeMap<&'static str, Vec<Vec<Vec<u8>>>>;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let output = arguments.next().unwrap_or_else(|| PathBuf::from("corpus"));
    let mut sequences = built();
    let corpora = arguments.next();
    match corpora.as_ref().map(|corpora| corpora.join("netflow")) {
        Some(corpora) if corpora.is_dir() => collected(&corpora, &mut sequences)?,
        _ => println!("no corpora given: only what the tests build"),
    }
    for (target, all) in sequences {
        write(&output, target, all.iter().map(|datagrams| input(datagrams)))?;
    }
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/scenarios");
    let mut packets = Packets::default();
    let mut captures: Vec<_> = fs::read_dir(scenarios)?
        .map(|folder| Ok(folder?.path().join("input.pcap")))
        .collect::<Result<_>>()?;
    captures.sort_unstable();
    for capture in captures {
        packets.add(&capture);
    }
    write(&output, "frames", packets.frames.into_iter())?;
    write(&output, "dns", packets.dns.into_values())?;
    write(&output, "tls", packets.tls.into_values())?;
    let intel = corpora.as_deref().map(|corpora| corpora.join("intel"));
    let files = |folder: &str, end: &str| {
        intel.iter().flat_map(|intel| small_files(&intel.join(folder), end)).collect::<Vec<_>>()
    };
    write(&output, "misp", [MISP.as_bytes().to_vec()].into_iter().chain(files("misp-events", "json")))?;
    write(&output, "csv", TABLES.iter().map(|table| table.as_bytes().to_vec()).chain(files("plain", "txt")))?;
    write(&output, "rpz", std::iter::once(ZONE.as_bytes().to_vec()))?;
    let bundles = files("stix", "json");
    let written = bundles.iter().flat_map(|bundle| patterns(bundle));
    write(&output, "stix_pattern", PATTERNS.iter().map(|pattern| pattern.as_bytes().to_vec()).chain(written))
}

const MISP: &str = r#"{"Event":{"uuid":"5d9b5933-964c-433c-b84f-4c680a2fe004","info":"x","date":"2026-01-01","published":true,
"Orgc":{"name":"o"},"Tag":[{"name":"tlp:green"}],"Attribute":[{"uuid":"5eb7ec0d-7fbc-4e5a-9f0c-1f6f0a0a020f","type":"domain|ip",
"value":"evil.example|192.0.2.1","to_ids":true,"comment":"c","timestamp":"1767225600"},{"type":"ip-dst|port","value":"192.0.2.1|443","to_ids":"1"}],
"Object":[{"name":"url","Attribute":[{"type":"url","value":"http://evil.example/a","to_ids":true}]}]}}"#;

const TABLES: [&str; 3] = [
    "first_seen,ioc_type,ioc_value,tags,tlp\n2026-01-01,domain,\"evil.example\",\"a,b\",green\n",
    "# ip;port;comment\n192.0.2.1;443;x\n2001:db8::1;80;y\n",
    "url\tja3\nhxxp://evil[.]example/a\te7d705a3286e19ea42f587b344ee6865\n",
];

const ZONE: &str = "$ORIGIN rpz.example.\n@ SOA a. b. 1 2 3 4 5\nevil.example CNAME .\n*.evil.example CNAME .\n\
    24.0.2.0.192.rpz-ip CNAME .\nok.example CNAME rpz-passthru.\n";

const PATTERNS: [&str; 4] = [
    "[ipv4-addr:value = '192.0.2.1' OR domain-name:value IN ('a.example', 'b.example')]",
    "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '192.0.2.1' AND network-traffic:dst_port = 443]",
    "([url:value LIKE 'http://evil.example/a'] OR [x509-certificate:hashes.'SHA-256' = 'aa']) WITHIN 60 SECONDS",
    "[ipv4-addr:value ISSUBSET '198.51.100.0/24'] FOLLOWEDBY [file:hashes.MD5 != 'x'] START t'2026-01-01T00:00:00Z' STOP t'2027-01-01T00:00:00Z'",
];

/// The files of a folder that are small enough to be mutated.
fn small_files(folder: &Path, end: &str) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort_unstable();
    let wanted = paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == end));
    wanted.filter_map(|path| fs::read(path).ok()).filter(|bytes| bytes.len() < 64 << 10).collect()
}

/// The patterns in a bundle, as they are written there.
fn patterns(bundle: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(bundle);
    let behind = text.split("\"pattern\": \"").skip(1);
    behind
        .filter_map(|rest| Some(rest.split_once("]\"")?.0.to_owned() + "]"))
        .map(String::into_bytes)
        .collect()
}

fn write(output: &Path, target: &str, inputs: impl Iterator<Item = Vec<u8>>) -> Result<()> {
    let folder = output.join(target);
    fs::create_dir_all(&folder)?;
    let mut count = 0;
    for input in inputs {
        fs::write(folder.join(format!("seed-{count:03}")), input)?;
        count += 1;
    }
    println!("{}: {count} sequences", folder.display());
    Ok(())
}

/// Datagrams of one exporter, a restart, the same of another exporter, and the end.
fn input(datagrams: &[Vec<u8>]) -> Vec<u8> {
    let mut input = Vec::new();
    for who in 0..2 {
        for datagram in datagrams.iter().take(24) {
            input.extend(written(0, who, 2 + who, datagram));
        }
        input.extend(written(RESTART, who, 0, &[]));
    }
    input.extend(written(EXPIRE, 0, 6, &[]));
    input.extend(written(SESSION_ENDED, 0, 0, &[]));
    input
}

fn built() -> Sequences {
    let fixed = |header: &[u8], record: usize, records: usize| {
        vec![[header, &vec![3; record * records]].concat(), [header, &vec![4; record * records]].concat()]
    };
    let v9_sequence = vec![
        v9(1, 0, &[set(256, &flow(1))]),
        v9(1, 1, &[set(0, &template(256, FLOW)), set(256, &flow(1).repeat(2)), set(257, &flow(1))]),
        v9(1, 2, &[set(1, &v9_options(258, &[(2, 4)], &[(34, 4), (82, 8)])), set(258, &[9; 16])]),
        v9(1, 3, &[set(0, &template(256, &FLOW[..5])), set(256, &flow(2))]),
    ];
    let variable = [(12, 4), (460, 65_535), (313, 65_535)];
    let mut data = vec![192, 0, 2, 1, 3, b'a', b'b', b'c', 4, 0x45, 0, 0, 4];
    data.extend(data.clone());
    let scopes = set(3, &options(257, 1, &[(95, 4), (96, 65_535)]));
    let ipfix_sequence = vec![
        ipfix(1, 0, &[set(256, &data)]),
        ipfix(1, 2, &[set(2, &template(256, &variable)), set(256, &data), scopes]),
        ipfix(1, 4, &[set(257, &[0, 0, 0, 1, 3, b'd', b'n', b's'])]),
        ipfix(1, 5, &[set(2, &bytes![u16 256, u16 0]), set(2, &template(256, FLOW)), set(256, &flow(1))]),
    ];
    Sequences::from([
        ("netflow_v1", vec![fixed(&[&[0, 1, 0, 2][..], &[1; 12]].concat(), 52, 2)]),
        ("netflow_v5", vec![fixed(&[&[0, 5, 0, 2][..], &[1; 20]].concat(), 48, 2)]),
        ("netflow_v7", vec![fixed(&[&[0, 7, 0, 2][..], &[1; 20]].concat(), 52, 2)]),
        ("netflow_v9", vec![v9_sequence]),
        ("ipfix", vec![ipfix_sequence.clone()]),
        ("ipfix_stream", vec![ipfix_sequence]),
        ("sflow", vec![vec![sflow_frame()], vec![sflow_fields()]]),
    ])
}

/// A flow sample with the beginning of a UDP packet (sflow.org, "sFlow Version 5", sections 5.1 and 5.3).
fn sflow_frame() -> Vec<u8> {
    let mut frame = vec![0x02; 12];
    frame.extend(
        bytes![u16 0x0800, u32 0x4500_0024, u32 0, u32 0x4011_0000, u32 0x0a00_0001, u32 0xc000_0201],
    );
    frame.extend(bytes![u16 40_000, u16 53, u16 16, u16 0, u64 7, u16 0]);
    let record =
        [bytes![u32 1, u32 16 + frame.len() as u32, u32 1, u32 64, u32 4, u32 frame.len() as u32], frame];
    sflow_sample(1, &record.concat())
}

/// A flow sample with fields of IPv4, and one of what a switch and a router know.
fn sflow_fields() -> Vec<u8> {
    let ipv4 = bytes![u32 3, u32 32, u32 64, u32 6, u32 0x0a00_0001, u32 0xc000_0201, u32 40_000, u32 443, u32 2, u32 0];
    let switch = bytes![u32 1001, u32 16, u32 10, u32 0, u32 20, u32 0];
    let router = bytes![u32 1002, u32 16, u32 1, u32 0xc000_02fe, u32 24, u32 24];
    let gateway = bytes![u32 1003, u32 44, u32 1, u32 0xc000_02fe, u32 64_500, u32 64_501, u32 64_502, u32 1, u32 2, u32 1, u32 64_503, u32 0, u32 100];
    sflow_sample(4, &[ipv4, switch, router, gateway].concat())
}

fn sflow_sample(records: u32, body: &[u8]) -> Vec<u8> {
    let sample = bytes![u32 1, u32 1, u32 512, u32 1_024, u32 0, u32 1, u32 2, u32 records];
    let length = (sample.len() + body.len()) as u32;
    let header = bytes![u32 5, u32 1, u32 0x0a00_0001, u32 0, u32 1, u32 1_000, u32 1, u32 1, u32 length];
    [header, sample, body.to_vec()].concat()
}

/// The datagrams of each device, templates first.
fn collected(corpora: &Path, sequences: &mut Sequences) -> Result<()> {
    let mut devices: BTreeMap<(&'static str, String), Vec<Vec<u8>>> = BTreeMap::new();
    for folder in ["logstash", "beats/dat", "beats/pcap"] {
        for (name, content) in files(&corpora.join(folder))? {
            let all = if name.ends_with(".pcap") { captured(&content) } else { datagrams(&content) };
            for datagram in all {
                for target in targets(&datagram) {
                    devices.entry((target, device(&name))).or_default().push(datagram.clone());
                }
            }
        }
    }
    for ((target, _), datagrams) in devices {
        sequences.entry(target).or_default().push(datagrams);
    }
    Ok(())
}

fn targets(datagram: &[u8]) -> &'static [&'static str] {
    match datagram {
        [0, 1, ..] => &["netflow_v1"],
        [0, 5, ..] => &["netflow_v5"],
        [0, 7, ..] => &["netflow_v7"],
        [0, 9, ..] => &["netflow_v9"],
        [0, 10, ..] => &["ipfix", "ipfix_stream"],
        [0, 0, 0, 5, ..] => &["sflow"],
        _ => &[],
    }
}

/// Files of a folder, those with templates first.
fn files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() {
            files.push((name, fs::read(path)?));
        }
    }
    files.sort_by_key(|(name, _)| (!name.contains("tpl"), name.clone()));
    Ok(files)
}

/// The name of the device that a file is of.
fn device(file: &str) -> String {
    let end = ["_tpl", "_data", "_opttpl", "_appid", "."].iter().filter_map(|mark| file.find(mark)).min();
    file[..end.unwrap_or(file.len())].to_owned()
}

/// A file may hold several datagrams of v5 or IPFIX, one behind the other.
fn datagrams(mut content: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let [_, version, high, low, ..] = content {
        let second = usize::from(u16::from_be_bytes([*high, *low]));
        let length = match version {
            5 if (1..=30).contains(&second) => 24 + 48 * second,
            10 => second,
            _ => content.len(),
        };
        let (datagram, rest) = content.split_at(length.clamp(1, content.len()));
        all.push(datagram.to_vec());
        content = rest;
    }
    all
}

/// Payloads of the datagrams in a capture: Ethernet, IPv4, UDP.
fn captured(capture: &[u8]) -> Vec<Vec<u8>> {
    let payload = |frame: &[u8]| {
        let header = 14 + usize::from(*frame.get(14)? & 0xf) * 4 + 8;
        frame.get(header..).map(<[u8]>::to_vec)
    };
    frames(capture).filter_map(payload).collect()
}

/// Frames of a capture file, in the byte order of PCs.
fn frames(capture: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = capture.get(24..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (header, behind) = rest.split_first_chunk::<16>()?;
        let length = u32::from_le_bytes([header[8], header[9], header[10], header[11]]) as usize;
        let (frame, behind) = behind.split_at(length.min(behind.len()));
        rest = behind;
        Some(frame)
    })
}

/// First inputs from captures.
#[derive(Default)]
struct Packets {
    /// Frames, a few in each input.
    frames: Vec<Vec<u8>>,
    /// What was said between two ends, with the one of the lower number first.
    dns: Conversations,
    tls: Conversations,
}

type Conversations = BTreeMap<(Endpoint, Endpoint), Vec<u8>>;

impl Packets {
    fn add(&mut self, path: &Path) {
        let Ok(capture) = fs::read(path) else { return };
        let all: Vec<_> = frames(&capture).take(200).collect();
        let joined = |some: &[&[u8]]| some.iter().flat_map(|frame| written(0, 0, 0, frame)).collect();
        self.frames.extend(all.chunks(12).map(joined));
        let mut decoder = Decoder::default();
        for (number, data) in (1..).zip(all) {
            let (time, original_len) = (Timestamp::new(number, 0), data.len() as u32);
            let frame = Frame { number, time, link: LinkType::ETHERNET, original_len, data };
            decoder.decode(&frame, &mut |packet| {
                let (from, to) = (packet.source, packet.destination);
                let conversations = match (from.port, to.port) {
                    (53, _) | (_, 53) => &mut self.dns,
                    (443, _) | (_, 443) => &mut self.tls,
                    _ => return,
                };
                let said = conversations.entry((from.min(to), from.max(to))).or_default();
                if !packet.payload.is_empty() {
                    said.extend(written(0, u8::from(from > to), 0, packet.payload));
                }
            });
        }
    }
}
