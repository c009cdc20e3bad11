//! The program by which the kernel deals datagrams to threads: [`dealing::exporter`] of where they come from.

use weir_model::dealing;

use crate::bpf::assembler::{Assembler, Test};
use crate::bpf::{Instruction, finish};

/// Where the IP header begins. The program's view begins behind the UDP header (`reuseport_select_sock` in Linux'
/// `sock_reuseport.c` pulls it), and only offsets of this kind reach back. The kernel has made sure that the headers are in
/// one piece by then.
const NETWORK: u32 = libc::SKF_NET_OFF.cast_unsigned();
const IPV4_SOURCE: u32 = NETWORK.wrapping_add(12);
const IPV6_SOURCE: u32 = NETWORK.wrapping_add(8);

/// The program for a group of `threads` sockets (at least one). Its result is the place of a socket in its group.
///
/// A socket of IPv6 may hear both versions, so the program looks which it is.
pub(super) fn by_source(threads: usize) -> Vec<Instruction> {
    let mut program = Assembler::default();
    let code = &mut program;
    let (ipv6, folded) = (code.label(), code.label());
    code.byte_at(NETWORK);
    code.shift_right(4);
    code.jump_if(Test::Is(6), ipv6);
    code.word_at(IPV4_SOURCE);
    code.goto(folded);
    code.here(ipv6);
    code.word_at(IPV6_SOURCE);
    for word in 1..4 {
        code.multiply(dealing::FOLD);
        code.a_to_x();
        code.word_at(IPV6_SOURCE.wrapping_add(4 * word));
        code.add_x();
    }
    code.here(folded);
    finish(code);
    code.remainder(threads.max(1) as u32);
    code.give_a();
    program.assemble()
}
