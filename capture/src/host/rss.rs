//! How a card deals what it receives to its queues (receive side scaling; Linux' `ethtool.h`, `struct ethtool_rxfh`).

/// Bits of `hfunc`.
const TOEPLITZ: u8 = 1;
const XOR: u8 = 1 << 1;
/// Bits of `input_xfrm`: ends are made one before they are hashed. Kernels before 6.8 know neither.
const SYMMETRIC: u8 = 0b11;
/// It says nothing of it.
const NOT_SAID: u8 = 0xff;

/// Fields that are hashed: addresses, and the first four bytes behind the header, which are ports.
const SOURCE_ADDRESS: u64 = 1 << 4;
const DESTINATION_ADDRESS: u64 = 1 << 5;
const SOURCE_PORT: u64 = 1 << 6;
const DESTINATION_PORT: u64 = 1 << 7;

/// What is hashed by itself: name as `ethtool` has it, and number.
pub(super) const KINDS: [(&str, u32); 4] = [("tcp4", 1), ("udp4", 2), ("tcp6", 5), ("udp6", 6)];

/// How a card chooses a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueDealing {
    /// Of the hash, as bits.
    pub function: u8,
    /// What is done to ends before, as bits.
    pub transform: u8,
    /// The hash's key.
    pub key: Vec<u8>,
    /// Fields that are hashed of each kind of packet of which the driver says so, as bits.
    pub fields: Vec<(&'static str, u64)>,
}

/// Why both directions of a connection may come by different queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asymmetry {
    /// Of this kind of packet one end alone is hashed.
    Fields(&'static str),
    /// The key tells source and destination apart; it has so many bytes.
    Key(usize),
    /// The function does, whatever its key.
    Function,
}

impl QueueDealing {
    /// Why both directions of a connection may come by different queues; `None` if they come by the same.
    ///
    /// Toeplitz hashes a field by the bits of the key at its place, so that ends can change places if the key repeats itself each 16 bits
    /// (Woo and Park, "Scalable TCP Session Monitoring with Symmetric Receive-side Scaling", 2012).
    pub fn asymmetry(&self) -> Option<Asymmetry> {
        let is_one_sided = |fields: u64| {
            let has = |field| fields & field != 0;
            has(SOURCE_ADDRESS) != has(DESTINATION_ADDRESS) || has(SOURCE_PORT) != has(DESTINATION_PORT)
        };
        if let Some((kind, _)) = self.fields.iter().find(|(_, fields)| is_one_sided(*fields)) {
            return Some(Asymmetry::Fields(kind));
        }
        let is_transformed = self.transform != NOT_SAID && self.transform & SYMMETRIC != 0;
        if self.function & XOR != 0 || is_transformed {
            return None;
        }
        if self.function & TOEPLITZ == 0 && self.function != 0 {
            return Some(Asymmetry::Function);
        }
        let repeats = self.key.iter().zip(self.key.iter().skip(2)).all(|(one, next)| one == next);
        (!repeats).then_some(Asymmetry::Key(self.key.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: u64 = SOURCE_ADDRESS | DESTINATION_ADDRESS | SOURCE_PORT | DESTINATION_PORT;
    /// Microsoft's, which many drivers begin with.
    const USUAL: [u8; 8] = [0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2];

    fn dealing(key: &[u8]) -> QueueDealing {
        QueueDealing { function: TOEPLITZ, transform: 0, key: key.to_vec(), fields: vec![("tcp4", BOTH)] }
    }

    #[test]
    fn a_key_that_repeats_itself_each_two_bytes_makes_ends_alike() {
        assert_eq!(dealing(&[0x6d, 0x5a].repeat(20)).asymmetry(), None);
        assert_eq!(dealing(&USUAL.repeat(5)).asymmetry(), Some(Asymmetry::Key(40)));
        let mut nearly = [0x6d, 0x5a].repeat(26);
        nearly[51] = 0x5b;
        assert_eq!(dealing(&nearly).asymmetry(), Some(Asymmetry::Key(52)));
        let not_said = QueueDealing { function: 0, transform: NOT_SAID, ..dealing(&USUAL) };
        assert_eq!(
            not_said.asymmetry(),
            Some(Asymmetry::Key(8)),
            "drivers that do not name it have Toeplitz"
        );
    }

    /// What is claimed of keys, held against the hash itself.
    #[test]
    fn toeplitz_itself_agrees() {
        let hash = |key: &[u8], input: &[u8]| {
            let bit = |bytes: &[u8], at: usize| bytes[at / 8] >> (7 - at % 8) & 1 == 1;
            let window = |at: usize| (0..32).fold(0_u32, |sum, i| sum << 1 | u32::from(bit(key, at + i)));
            (0..input.len() * 8).filter(|at| bit(input, *at)).fold(0, |sum, at| sum ^ window(at))
        };
        // Addresses, then ports; and the same the other way.
        let there = [192, 0, 2, 1, 10, 20, 0, 7, 0x01, 0xbb, 0xc3, 0x50];
        let back = [10, 20, 0, 7, 192, 0, 2, 1, 0xc3, 0x50, 0x01, 0xbb];
        let (symmetric, usual) = ([0x6d, 0x5a].repeat(20), USUAL.repeat(5));
        assert_eq!(hash(&symmetric, &there), hash(&symmetric, &back));
        assert_ne!(hash(&usual, &there), hash(&usual, &back));
    }

    #[test]
    fn functions_transforms_and_fields_count() {
        let of = |function, transform| QueueDealing { function, transform, ..dealing(&USUAL) }.asymmetry();
        assert_eq!((of(XOR, 0), of(TOEPLITZ, 1), of(TOEPLITZ, 2)), (None, None, None));
        assert_eq!(of(1 << 2, 0), Some(Asymmetry::Function), "CRC-32");
        let symmetric = [0x6d, 0x5a].repeat(20);
        for (fields, expected) in [
            (SOURCE_ADDRESS | DESTINATION_ADDRESS, None),
            (SOURCE_ADDRESS, Some(Asymmetry::Fields("udp4"))),
            (BOTH & !DESTINATION_PORT, Some(Asymmetry::Fields("udp4"))),
        ] {
            let fields = vec![("tcp4", BOTH), ("udp4", fields)];
            assert_eq!(QueueDealing { fields, ..dealing(&symmetric) }.asymmetry(), expected);
        }
    }
}
