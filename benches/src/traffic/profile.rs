//! Which conversation speaks next.

use super::address::{inside, outside, server_inside};
use super::chance::{Chance, mix};
use super::conversation::{Answer, Conversation, ends};
use super::names::Site;
use super::packet::{self, Tcp};
use clap::ValueEnum;
use std::time::Duration;
use weir_model::frame::LinkType;
use weir_model::{Endpoint, Frame, Timestamp};
use weir_wire::TcpFields;

/// The kinds of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// TCP packets of 64 bytes without payload, spread evenly over all flows: each flow in turn, alternately from its
    /// two ends. `flows` is their number. The worst case for a flow table: no two packets in a row have a flow in common.
    Spread,
    /// The mix of a university's border; `flows` conversations are open at a time.
    ///
    /// Of a thousand conversations 300 are DNS look-ups by the resolver, 330 TLS (half of the ClientHellos with a post-quantum
    /// key share, in two segments), 130 QUIC, 40 plain HTTP, 100 SYNs that nobody answers or that are refused, 100
    /// other UDP. 30 % are IPv6. A tenth of TLS goes to servers inside. Numbers of packets follow Zipf's law (1 to
    /// 100,000) and come in trains, packet sizes are the three of IMIX, the popularity of 50,000 names follows Zipf's law. The shares are a choice, in the range of
    /// what research networks publish, and not a measurement of one network.
    Campus,
    /// TLS transfers that never end in full packets; `flows` is their number.
    Elephants,
    /// SYNs to one server inside, no two from the same address and port, among `flows` real TLS conversations, to which
    /// every twentieth packet belongs.
    Synflood,
    /// One host outside tries ten ports on all hosts inside, one after the other; two of a hundred refuse, and one
    /// in five hundred is open.
    Scan,
}

impl Profile {
    /// How many flows where nobody says; what that means is said with each profile.
    pub const fn default_flows(self) -> u64 {
        match self {
            Self::Spread => 1_000_000,
            Self::Campus => 4096,
            Self::Elephants => 16,
            Self::Synflood => 1000,
            Self::Scan => 1,
        }
    }

    /// Mean time between two packets.
    const fn gap(self) -> Duration {
        match self {
            Self::Spread | Self::Synflood => Duration::from_nanos(100),
            Self::Elephants => Duration::from_micros(1),
            Self::Campus => Duration::from_micros(5),
            Self::Scan => Duration::from_micros(10),
        }
    }
}

/// Traffic without an end.
#[derive(Debug)]
pub struct Traffic {
    profile: Profile,
    flows: u64,
    chance: Chance,
    filler: Vec<u8>,
    open: Vec<Conversation>,
    begun: u64,
    /// Who speaks in the campus mix, and how many packets of its train are left.
    speaker: u64,
    train: u64,
    frame: Vec<u8>,
    number: u64,
    time: Timestamp,
}

/// The first packet comes after this: 2026-01-01T00:00:00Z.
const BEGINNING: Timestamp = Timestamp::new(1_767_225_600, 0);

/// Bytes of which bulk payloads are cut.
const FILLER_BYTES: usize = 64 * 1024;

/// Of packets of a SYN flood, how many belong to a real conversation: one in this many.
const REAL_AMONG_FLOOD: u64 = 20;

const SCANNED_PORTS: [u16; 10] = [22, 23, 80, 443, 445, 1433, 3306, 3389, 5900, 8080];

/// A prime larger than any number of flows, so that its multiples reach every flow once before any comes again.
const SPREAD_STRIDE: u64 = 0x9e37_79b1;

impl Traffic {
    /// Traffic of a profile. What `flows` counts is said there; at least one.
    pub fn new(profile: Profile, seed: u64, flows: u64) -> Self {
        let mut chance = Chance::new(mix(seed));
        let mut filler = vec![0; FILLER_BYTES];
        chance.fill(&mut filler);
        Self {
            profile,
            flows: flows.max(1),
            chance,
            filler,
            open: Vec::new(),
            begun: 0,
            speaker: 0,
            train: 0,
            frame: Vec::new(),
            number: 0,
            time: BEGINNING,
        }
    }

    /// The next frame.
    pub fn next_frame(&mut self) -> Frame<'_> {
        let turn = self.number;
        self.number += 1;
        let gap = self.profile.gap().as_nanos() as u64;
        self.time = self.time + Duration::from_nanos(1 + self.chance.below(2 * gap));
        match self.profile {
            Profile::Spread => self.spread(turn),
            Profile::Campus => {
                if self.train == 0 {
                    self.speaker = self.chance.below(self.flows);
                    self.train = self.open.get(self.speaker as usize).map_or(1, Conversation::train);
                }
                self.train -= 1;
                self.speak(self.speaker, campus);
            }
            Profile::Elephants => self.speak(turn % self.flows, elephant),
            Profile::Synflood if turn.is_multiple_of(REAL_AMONG_FLOOD) => {
                self.speak(turn / REAL_AMONG_FLOOD % self.flows, elephant);
            }
            Profile::Synflood => self.flood(turn),
            Profile::Scan => self.speak(0, scan),
        }
        Frame {
            number: self.number,
            time: self.time,
            link: LinkType::ETHERNET,
            original_len: self.frame.len() as u32,
            data: &self.frame,
        }
    }

    /// The next packet of the conversation in a slot; one that is over makes room for another.
    fn speak(&mut self, slot: u64, another: fn(&mut Chance, u64) -> Conversation) {
        while self.open.len() as u64 <= slot {
            self.open.push(another(&mut self.chance, self.begun));
            self.begun += 1;
        }
        if let Some(conversation) = self.open.get_mut(slot as usize) {
            if conversation.is_over() {
                *conversation = another(&mut self.chance, self.begun);
                self.begun += 1;
            }
            conversation.next(&mut self.chance, &self.filler, &mut self.frame);
        }
    }

    fn spread(&mut self, turn: u64) {
        let (round, position) = (turn / self.flows, turn % self.flows);
        let flow = position.wrapping_mul(SPREAD_STRIDE) % self.flows;
        let ends =
            ends(inside(flow, false), 10_000 + (flow >> 16 & 0x3fff) as u16, outside(mix(flow), false), 443);
        let [client, server] = ends;
        let ends = if round.is_multiple_of(2) { ends } else { [server, client] };
        let head = Tcp { sequence: round as u32, acknowledgement: 1, flags: TcpFields::ACK };
        packet::tcp(&mut self.frame, ends, head, &[]);
    }

    fn flood(&mut self, turn: u64) {
        // Odd, so that 2^17 turns in a row have as many addresses; then come the next ports.
        let source = outside(turn.wrapping_mul(0x9e37_79b1), false);
        let port = 1024 + ((turn >> 17) % (65_536 - 1024)) as u16;
        let ends = [Endpoint::new(source, port), Endpoint::new(server_inside(80, false), 443)];
        let head = Tcp { sequence: mix(turn) as u32, acknowledgement: 0, flags: TcpFields::SYN };
        packet::tcp(&mut self.frame, ends, head, &[]);
    }
}

fn campus(chance: &mut Chance, _number: u64) -> Conversation {
    let is_v6 = chance.happens(300);
    let site = Site::pick(chance);
    let packets = chance.zipf(100_000);
    let client_port = 32_768 + chance.below(28_000) as u16;
    let client = inside(chance.next(), is_v6);
    let web = ends(client, client_port, site.address(is_v6), 443);
    match chance.below(1000) {
        0..300 => {
            let name_server = outside(chance.zipf(2000), is_v6);
            Conversation::dns(
                chance,
                ends(server_inside(53, is_v6), client_port, name_server, 53),
                site,
                is_v6,
            )
        }
        300..333 => {
            let visitor = outside(chance.next(), is_v6);
            let server = server_inside(80 + chance.below(20) as u8, is_v6);
            Conversation::tls(chance, ends(visitor, client_port, server, 443), site, packets)
        }
        333..630 => Conversation::tls(chance, web, site, packets),
        630..760 => Conversation::quic(chance, web, site, packets),
        760..800 => {
            let web = ends(client, client_port, site.address(is_v6), 80);
            Conversation::http(chance, web, site, packets)
        }
        800..900 => {
            let ends =
                ends(outside(chance.next(), is_v6), client_port, client, chance.one_of(&SCANNED_PORTS));
            let answer = if chance.happens(200) { Answer::Refused } else { Answer::Nothing };
            Conversation::probe(chance, ends, answer)
        }
        _ => {
            let peer = outside(chance.next(), is_v6);
            Conversation::datagrams(
                ends(client, client_port, peer, 20_000 + chance.below(10_000) as u16),
                packets,
            )
        }
    }
}

fn elephant(chance: &mut Chance, number: u64) -> Conversation {
    let ends = ends(inside(number, false), 40_000, outside(mix(number), false), 443);
    let site = Site::pick(chance);
    Conversation::elephant(chance, ends, site)
}

fn scan(chance: &mut Chance, number: u64) -> Conversation {
    let scanner = outside(66, false);
    let port = SCANNED_PORTS.get((number >> 16) as usize % SCANNED_PORTS.len()).copied().unwrap_or_default();
    let source_port = 40_000 + (number & 0xfff) as u16;
    let answer = match chance.below(500) {
        0 => Answer::Open,
        1..=10 => Answer::Refused,
        _ => Answer::Nothing,
    };
    Conversation::probe(chance, ends(scanner, source_port, inside(number, false), port), answer)
}
