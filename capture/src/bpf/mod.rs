//! Classic BPF: programs of ours that the kernel runs to choose who gets a packet.

pub(crate) mod assembler;

use weir_model::dealing;

use assembler::Assembler;

/// An instruction of classic BPF, as `struct sock_filter` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) code: u16,
    pub(crate) jump_true: u8,
    pub(crate) jump_false: u8,
    pub(crate) k: u32,
}

/// Most instructions of a program: BPF_MAXINSNS in Linux' `bpf_common.h`.
pub(crate) const MAX_INSTRUCTIONS: usize = 4096;

/// `BPF_RET | BPF_K` (Linux' `bpf_common.h`): ends, and keeps `k` bytes.
pub(crate) const RETURN: u16 = 0x06;

/// The filter that lets nothing through.
pub(crate) const NOTHING: [Instruction; 1] =
    [Instruction { code: RETURN, jump_true: 0, jump_false: 0, k: 0 }];

/// Calls `use_it` with the program as the kernel takes it; it is there only so long.
pub(crate) fn with_program<T>(program: &[Instruction], use_it: impl FnOnce(&libc::sock_fprog) -> T) -> T {
    let mut filters: Vec<_> = program
        .iter()
        .map(|one| libc::sock_filter { code: one.code, jt: one.jump_true, jf: one.jump_false, k: one.k })
        .collect();
    use_it(&libc::sock_fprog { len: filters.len() as u16, filter: filters.as_mut_ptr() })
}

/// The last steps of every hash in [`dealing`]: A = what they make of A, and that is the result.
pub(crate) fn finish(code: &mut Assembler) {
    code.xor_shifted(16);
    code.multiply(dealing::FINISH_1);
    code.xor_shifted(13);
    code.multiply(dealing::FINISH_2);
    code.xor_shifted(16);
}
