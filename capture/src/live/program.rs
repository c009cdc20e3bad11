//! The program that deals frames to workers.

use super::socket::Instruction;
use weir_model::frame::LinkType;
pub(super) fn dealing(_link: LinkType) -> Vec<Instruction> {
    vec![Instruction { code: 6, jump_true: 0, jump_false: 0, k: 0 }]
}
