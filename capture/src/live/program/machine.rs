//! Classic BPF as the kernel runs it (Linux' `filter.txt`), for tests.

use crate::bpf::Instruction;

/// What a program sees of a packet.
pub(super) struct Seen<'a> {
    pub(super) data: &'a [u8],
    pub(super) packet_type: u32,
    pub(super) protocol: u32,
}

/// What the kernel makes of a frame: one that arrives has lost its link header and its first VLAN tag.
pub(super) fn arriving(frame: &[u8]) -> Seen<'_> {
    let tagged = matches!(frame[12..14], [0x81, 0x00] | [0x88, 0xa8]);
    let at = if tagged { 16 } else { 12 };
    let protocol = u32::from(u16::from_be_bytes([frame[at], frame[at + 1]]));
    Seen { data: &frame[at + 2..], packet_type: 3, protocol }
}

/// One that is sent has all.
pub(super) fn leaving(frame: &[u8]) -> Seen<'_> {
    Seen { data: frame, packet_type: super::OUTGOING, protocol: 0x8100 }
}

/// The result, and how many instructions it took. As in the kernel, an access outside of the packet ends the program
/// with 0.
pub(super) fn run(program: &[Instruction], seen: &Seen<'_>) -> (u32, usize) {
    let (mut a, mut x, mut memory, mut at) = (0_u32, 0_u32, [None; 16], 0);
    for steps in 1.. {
        let Instruction { code, jump_true, jump_false, k } = program[at];
        at += 1;
        let jump = |holds: bool| usize::from(if holds { jump_true } else { jump_false });
        let load = |width: usize, from: u32| {
            let from = from as usize;
            let bytes = seen.data.get(from..from + width)?;
            Some(bytes.iter().fold(0_u32, |all, byte| all << 8 | u32::from(*byte)))
        };
        let loaded = |value: Option<u32>| value.ok_or((0, steps));
        let mut step = || -> Result<(), (u32, usize)> {
            match code {
                0x00 => a = k,
                0x60 => a = memory[k as usize].expect("stored before"),
                0x61 => x = memory[k as usize].expect("stored before"),
                0x02 => memory[k as usize] = Some(a),
                0x80 => a = seen.data.len() as u32,
                0x20 if k == (libc::SKF_AD_OFF + libc::SKF_AD_PKTTYPE).cast_unsigned() => {
                    a = seen.packet_type;
                }
                0x20 if k == (libc::SKF_AD_OFF + libc::SKF_AD_PROTOCOL).cast_unsigned() => a = seen.protocol,
                0x30 => a = loaded(load(1, k))?,
                0x28 => a = loaded(load(2, k))?,
                0x20 => a = loaded(load(4, k))?,
                0x50 => a = loaded(load(1, x.wrapping_add(k)))?,
                0x48 => a = loaded(load(2, x.wrapping_add(k)))?,
                0x40 => a = loaded(load(4, x.wrapping_add(k)))?,
                0x04 => a = a.wrapping_add(k),
                0x0c => a = a.wrapping_add(x),
                0x1c => a = a.wrapping_sub(x),
                0x24 => a = a.wrapping_mul(k),
                0x54 => a &= k,
                0x64 => a <<= k,
                0x74 => a >>= k,
                0xac => a ^= x,
                0x07 => x = a,
                0x87 => a = x,
                0x05 => at += k as usize,
                0x15 => at += jump(a == k),
                0x25 => at += jump(a > k),
                0x35 => at += jump(a >= k),
                0x3d => at += jump(a >= x),
                0x45 => at += jump(a & k != 0),
                0x06 => return Err((k, steps)),
                0x16 => return Err((a, steps)),
                other => panic!("instruction {other:#x}"),
            }
            Ok(())
        };
        if let Err(result) = step() {
            return result;
        }
    }
    unreachable!("a program of jumps forwards ends")
}

/// Whether the kernel takes the program: jumps stay in it, and memory is stored to before it is loaded, on every way
/// (`check_load_and_stores` in Linux' `net/core/filter.c`, for which what follows a result is still on the way).
pub(super) fn is_accepted(program: &[Instruction]) -> bool {
    let mut at_targets = vec![u16::MAX; program.len()];
    let mut stored = 0_u16;
    for (at, instruction) in program.iter().enumerate() {
        let Instruction { code, jump_true, jump_false, k } = *instruction;
        stored &= at_targets[at];
        let targets = match code {
            0x05 => vec![k as usize],
            code if code & 7 == 5 => vec![jump_true.into(), jump_false.into()],
            _ => Vec::new(),
        };
        for target in &targets {
            let Some(there) = at_targets.get_mut(at + 1 + target) else {
                return false;
            };
            *there &= stored;
        }
        match code {
            0x02 => stored |= 1 << k,
            0x60 | 0x61 if stored & 1 << k == 0 => return false,
            _ if !targets.is_empty() => stored = u16::MAX,
            _ => {}
        }
    }
    (1..=4096).contains(&program.len()) && program.last().is_some_and(|last| last.code & 7 == 6)
}
