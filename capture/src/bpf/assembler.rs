//! Programs with labels (McCanne and Jacobson, "The BSD Packet Filter"; Linux' `bpf_common.h`).
//!
//! A program has an accumulator A, an index X and sixteen words of memory, and jumps forwards only. Conditional jumps
//! reach 255 instructions: where a label is further, the assembler puts an unconditional jump in between.

use super::{Instruction, MAX_INSTRUCTIONS};

/// A place to jump to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Label(usize);

/// A word of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) u32);

/// What a conditional jump compares A with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    /// Equal to a constant.
    Is(u32),
    /// Greater than a constant, without sign.
    Above(u32),
    /// At least a constant.
    AtLeast(u32),
    /// At least X.
    AtLeastX,
    /// A bit of a constant is set.
    Has(u32),
}

#[derive(Clone, Copy, Debug)]
enum Item {
    Plain(Instruction),
    Branch { test: Test, when: bool, to: Label },
    Goto(Label),
    Here(Label),
}

/// Gathers a program.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    items: Vec<Item>,
    labels: usize,
}

impl Assembler {
    /// A label that is placed later.
    pub(crate) const fn label(&mut self) -> Label {
        self.labels += 1;
        Label(self.labels - 1)
    }

    /// Places a label; all jumps to it must have been made.
    pub(crate) fn here(&mut self, label: Label) {
        self.items.push(Item::Here(label));
    }

    fn plain(&mut self, code: u16, k: u32) {
        self.items.push(Item::Plain(Instruction { code, jump_true: 0, jump_false: 0, k }));
    }

    /// A = the byte at X + `at`.
    pub(crate) fn byte(&mut self, at: u32) {
        self.plain(0x50, at);
    }

    /// A = the 16 bits at X + `at`.
    pub(crate) fn half(&mut self, at: u32) {
        self.plain(0x48, at);
    }

    /// A = the 32 bits at X + `at`.
    pub(crate) fn word(&mut self, at: u32) {
        self.plain(0x40, at);
    }

    /// A = the byte at `at`; this and the following are much faster than those with X.
    pub(crate) fn byte_at(&mut self, at: u32) {
        self.plain(0x30, at);
    }

    /// A = the 16 bits at `at`.
    pub(crate) fn half_at(&mut self, at: u32) {
        self.plain(0x28, at);
    }

    /// A = the 32 bits at `at`.
    pub(crate) fn word_at(&mut self, at: u32) {
        self.plain(0x20, at);
    }

    /// A = what the kernel knows of the packet: an `SKF_AD_` number.
    pub(crate) fn ancillary(&mut self, number: i32) {
        self.plain(0x20, (libc::SKF_AD_OFF + number).cast_unsigned());
    }

    /// A = length of the packet.
    pub(crate) fn len(&mut self) {
        self.plain(0x80, 0);
    }

    /// A = constant.
    pub(crate) fn constant(&mut self, k: u32) {
        self.plain(0x00, k);
    }

    /// A = memory.
    pub(crate) fn load(&mut self, word: Word) {
        self.plain(0x60, word.0);
    }

    /// X = memory.
    pub(crate) fn load_x(&mut self, word: Word) {
        self.plain(0x61, word.0);
    }

    /// Memory = A.
    pub(crate) fn store(&mut self, word: Word) {
        self.plain(0x02, word.0);
    }

    /// X = A.
    pub(crate) fn a_to_x(&mut self) {
        self.plain(0x07, 0);
    }

    /// A = X.
    pub(crate) fn x_to_a(&mut self) {
        self.plain(0x87, 0);
    }

    /// A = A + constant.
    pub(crate) fn add(&mut self, k: u32) {
        self.plain(0x04, k);
    }

    /// A = A + X.
    pub(crate) fn add_x(&mut self) {
        self.plain(0x0c, 0);
    }

    /// A = A - X.
    pub(crate) fn subtract_x(&mut self) {
        self.plain(0x1c, 0);
    }

    /// A = A * constant.
    pub(crate) fn multiply(&mut self, k: u32) {
        self.plain(0x24, k);
    }

    /// A = A & constant.
    pub(crate) fn and(&mut self, k: u32) {
        self.plain(0x54, k);
    }

    /// A = A << constant.
    pub(crate) fn shift_left(&mut self, k: u32) {
        self.plain(0x64, k);
    }

    /// A = A >> constant.
    pub(crate) fn shift_right(&mut self, k: u32) {
        self.plain(0x74, k);
    }

    /// A = A ^ X.
    pub(crate) fn xor_x(&mut self) {
        self.plain(0xac, 0);
    }

    /// A = A ^ (A >> constant); X changes.
    pub(crate) fn xor_shifted(&mut self, k: u32) {
        self.a_to_x();
        self.shift_right(k);
        self.xor_x();
    }

    /// A = the remainder of A divided by a constant that is not 0.
    pub(crate) fn remainder(&mut self, k: u32) {
        self.plain(0x94, k);
    }

    /// The result is a constant.
    pub(crate) fn give(&mut self, k: u32) {
        self.plain(0x06, k);
    }

    /// The result is A.
    pub(crate) fn give_a(&mut self) {
        self.plain(0x16, 0);
    }

    pub(crate) fn goto(&mut self, to: Label) {
        self.items.push(Item::Goto(to));
    }

    /// Jumps if the test holds for A.
    pub(crate) fn jump_if(&mut self, test: Test, to: Label) {
        self.items.push(Item::Branch { test, when: true, to });
    }

    /// Jumps if it does not.
    pub(crate) fn jump_unless(&mut self, test: Test, to: Label) {
        self.items.push(Item::Branch { test, when: false, to });
    }

    /// The program; empty if it is longer than the kernel takes, or jumps to a label that is not ahead (as tests make
    /// sure that ours do not).
    pub(crate) fn assemble(&self) -> Vec<Instruction> {
        let mut far = vec![false; self.items.len()];
        loop {
            let places = self.places(&far);
            let mut changed = false;
            let mut at = 0;
            for (item, far) in self.items.iter().zip(&mut far) {
                if let Item::Branch { to, .. } = item {
                    let reaches = places.get(to.0).is_some_and(|place| place.saturating_sub(at + 1) <= 255);
                    changed |= !reaches && !*far;
                    *far |= !reaches;
                }
                at += length(item, *far);
            }
            if !changed {
                return self
                    .encode(&far, &places)
                    .filter(|all| all.len() <= MAX_INSTRUCTIONS)
                    .unwrap_or_default();
            }
        }
    }

    /// Where each label is.
    fn places(&self, far: &[bool]) -> Vec<usize> {
        let mut places = vec![0; self.labels];
        let mut at = 0;
        for (item, far) in self.items.iter().zip(far) {
            if let Item::Here(label) = item
                && let Some(place) = places.get_mut(label.0)
            {
                *place = at;
            }
            at += length(item, *far);
        }
        places
    }

    fn encode(&self, far: &[bool], places: &[usize]) -> Option<Vec<Instruction>> {
        let mut program = Vec::new();
        for (item, far) in self.items.iter().zip(far) {
            let distance = |to: &Label, from: usize| places.get(to.0)?.checked_sub(from);
            let at = program.len();
            match item {
                Item::Plain(instruction) => program.push(*instruction),
                Item::Goto(to) => program.push(goto(distance(to, at + 1)?)),
                Item::Here(_) => {}
                Item::Branch { test, when, to } if *far => {
                    program.push(branch(*test, *when, 0, 1));
                    program.push(goto(distance(to, at + 2)?));
                }
                Item::Branch { test, when, to } => {
                    program.push(branch(*test, *when, u8::try_from(distance(to, at + 1)?).ok()?, 0));
                }
            }
        }
        Some(program)
    }
}

const fn length(item: &Item, far: bool) -> usize {
    match item {
        Item::Here(_) => 0,
        Item::Branch { .. } if far => 2,
        _ => 1,
    }
}

const fn goto(distance: usize) -> Instruction {
    Instruction { code: 0x05, jump_true: 0, jump_false: 0, k: distance as u32 }
}

const fn branch(test: Test, when: bool, then: u8, otherwise: u8) -> Instruction {
    let (code, k) = match test {
        Test::Is(k) => (0x15, k),
        Test::Above(k) => (0x25, k),
        Test::AtLeast(k) => (0x35, k),
        Test::AtLeastX => (0x3d, 0),
        Test::Has(k) => (0x45, k),
    };
    let (jump_true, jump_false) = if when { (then, otherwise) } else { (otherwise, then) };
    Instruction { code, jump_true, jump_false, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_labels_are_reached_through_an_unconditional_jump() {
        let mut program = Assembler::default();
        let (near, far) = (program.label(), program.label());
        program.jump_if(Test::Is(1), far);
        program.jump_unless(Test::Above(2), near);
        for _ in 0..250 {
            program.a_to_x();
        }
        program.here(near);
        for _ in 0..10 {
            program.x_to_a();
        }
        program.here(far);
        program.give(7);
        let program = program.assemble();
        assert_eq!(program.len(), 264);
        assert_eq!(program[0], Instruction { code: 0x15, jump_true: 0, jump_false: 1, k: 1 });
        assert_eq!(program[1], Instruction { code: 0x05, jump_true: 0, jump_false: 0, k: 261 });
        assert_eq!(program[2], Instruction { code: 0x25, jump_true: 0, jump_false: 250, k: 2 });
    }

    #[test]
    fn a_label_behind_makes_no_program() {
        let mut program = Assembler::default();
        let label = program.label();
        program.here(label);
        program.a_to_x();
        program.goto(label);
        assert_eq!(program.assemble(), []);
    }
}
