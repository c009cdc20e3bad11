//! Whatever packets come.

use super::*;
use proptest::prelude::*;
use weir_model::community_id::ordered;

/// Packets among few ends, so that they meet; times mostly go forward.
pub(super) fn any_packet() -> impl Strategy<Value = Packet<'static>> {
    let ends = (0u8..4, 0u8..4, 0usize..4, 0usize..4);
    let header = (0u8..5, any::<u8>(), 0u32..200, any::<u32>(), 0usize..60);
    let time = prop_oneof![8 => 0u64..120, 1 => 0u64..4_000, 1 => any::<u64>()];
    (ends, header, time, 1u32..4, 0u32..3).prop_map(|(ends, header, time, frames, cut)| {
        const PORTS: [u16; 4] = [53, 443, 40_000, 50_000];
        const BYTES: [u8; 64] = [b'x'; 64];
        let (kind, flags, sequence, wild, len) = header;
        let mut source = Endpoint::new([10, 0, 0, ends.0].into(), PORTS[ends.2]);
        let mut destination = Endpoint::new([10, 0, 0, ends.1].into(), PORTS[ends.3]);
        let sequence = if flags % 7 == 0 { wild } else { sequence };
        let mut rare = None;
        let (protocol, transport) = match kind {
            0 | 1 => (Protocol::TCP, Transport::Tcp(TcpFields { sequence, acknowledgement: wild, flags })),
            2 => (Protocol::UDP, Transport::Udp),
            3 => (Protocol(wild as u8), Transport::Other),
            _ => {
                let about = Some((Protocol::TCP, source, destination));
                source.port = u16::from(flags);
                destination.port = (wild % 4) as u16;
                rare = Some(Box::new(Rare { about, ..Rare::default() }));
                (Protocol::ICMP, Transport::Icmp { icmp_type: flags, code: 0 })
            }
        };
        Packet {
            time: Timestamp::new(time, 0),
            frames,
            protocol,
            source,
            destination,
            ip_bytes: wild,
            payload: &BYTES[..len],
            payload_len: (len as u32).saturating_add(cut.wrapping_mul(wild)),
            transport,
            rare,
            ..udp(0, ("10.0.0.1:1", "10.0.0.1:1"))
        }
    })
}

proptest! {
    /// Every frame is counted into exactly one record, whatever comes, and the table keeps its bounds.
    #[test]
    fn the_ledger_balances(packets in prop::collection::vec(any_packet(), 0..300), room in 1usize..12) {
        let mut bench = Bench::with(FlowConfig {
            table_bytes: room * BYTES_PER_FLOW,
            held_bytes_per_flow: 500,
            held_bytes_in_all: 700,
            max_stream_readers: 2,
            max_datagram_readers: 1,
            ..FlowConfig::default()
        });
        for packet in &packets {
            bench.send(packet);
            prop_assert!(bench.table.stats().stream_bytes_held <= 700);
        }
        let frames: u64 = packets.iter().map(|packet| u64::from(packet.frames)).sum();
        let (sink, stats) = bench.finish();
        prop_assert_eq!((stats.frames, stats.packets), (frames, packets.len() as u64));
        prop_assert_eq!(sink.began.len(), sink.ended.len());
        for flow in &sink.ended {
            prop_assert!(flow.first <= flow.last);
            prop_assert!(flow.packets() > 0);
        }
    }

    /// Freeing memory changes no record: a table that is asked about each flow alone gives the same.
    #[test]
    fn a_record_depends_only_on_its_own_packets(packets in prop::collection::vec(any_packet(), 0..100)) {
        let mut packets: Vec<_> = (1..)
            .zip(packets)
            .filter(|(_, packet)| !matches!(packet.transport, Transport::Icmp { .. }))
            .map(|(number, packet)| Packet { number, ..packet })
            .collect();
        packets.sort_by_key(|packet| packet.time);
        let records = |packets: &[Packet<'_>]| {
            let (mut table, mut sink) = (FlowTable::default(), Recorder::default());
            let mut clock = Clock::new();
            for packet in packets {
                table.packet(packet, &mut sink);
                clock.observe(packet.time);
                table.close_round(&clock, &mut sink);
            }
            table.finish(&clock, &mut sink);
            sink.ended
        };
        let key = |packet: &Packet<'_>| {
            (packet.protocol, ordered(packet.protocol, packet.source, packet.destination))
        };
        let mut keys: Vec<_> = packets.iter().map(key).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut together = records(&packets);
        let mut apart: Vec<_> = keys
            .into_iter()
            .flat_map(|one| {
                let own: Vec<_> = packets.iter().filter(|packet| key(packet) == one).cloned().collect();
                records(&own)
            })
            .collect();
        for flow in together.iter_mut().chain(&mut apart) {
            // Alone, the last record of a key is never seen to be idle.
            if flow.end == EndReason::EndOfInput {
                flow.end = EndReason::Idle;
            }
        }
        together.sort_by_key(|flow| flow.id);
        apart.sort_by_key(|flow| flow.id);
        prop_assert_eq!(together, apart);
    }

    /// However packets are divided into calls, the same is told, in the same order, and the books are the same.
    #[test]
    fn batches_change_nothing(
        packets in prop::collection::vec(any_packet(), 0..300),
        sizes in prop::collection::vec(1usize..100, 1..20),
        room in prop_oneof![1usize..12, Just(1_000)],
    ) {
        let packets: Vec<_> =
            (1..).zip(packets).map(|(number, packet)| Packet { number, ..packet }).collect();
        let config = FlowConfig { table_bytes: room * BYTES_PER_FLOW, ..FlowConfig::default() };
        let told = |sizes: &mut dyn Iterator<Item = usize>| {
            let (mut table, mut sink) = (FlowTable::new(config.clone()), Recorder::default());
            let mut rest = &packets[..];
            while !rest.is_empty() {
                let (batch, behind) = rest.split_at(sizes.next().unwrap_or(1).min(rest.len()));
                table.packets(batch, &mut sink);
                rest = behind;
            }
            table.finish(&Clock::new(), &mut sink);
            (sink.began, sink.observed, sink.ended, table.stats())
        };
        let one_by_one = told(&mut std::iter::repeat(1));
        prop_assert_eq!(one_by_one, told(&mut sizes.iter().copied().cycle()));
    }
}
