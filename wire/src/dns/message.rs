//! The sections of a message, one after the other.

use super::name::Reader;
use super::record;
use super::{
    DnsError, HEADER_LEN, MAX_MESSAGE_LEN, MAX_QUESTIONS, MAX_RECORDS, MIN_QUESTION_LEN, MIN_RECORD_LEN,
};
use crate::cursor::Cursor;
use weir_model::observation::{DnsMessage, DnsQuestion};

/// The type of the pseudo-record that carries EDNS (RFC 6891 section 6.1.2).
const TYPE_OPT: u16 = 41;

/// A message whose header has been read.
#[derive(Debug)]
pub(super) struct Message<'a> {
    flags: u16,
    questions: u16,
    answers: u16,
    authority: u16,
    additional: u16,
    id: u16,
    /// Behind the header.
    reader: Reader<'a>,
    /// Bits of class fields that are the class.
    class_mask: u16,
}

impl<'a> Message<'a> {
    pub(super) fn open(payload: &'a [u8], class_mask: u16) -> Result<Self, DnsError> {
        let mut header = Cursor::new(payload);
        let message = Self {
            id: header.u16()?,
            flags: header.u16()?,
            questions: header.u16()?,
            answers: header.u16()?,
            authority: header.u16()?,
            additional: header.u16()?,
            reader: Reader::new(payload, HEADER_LEN),
            class_mask,
        };
        if !matches!(message.opcode(), 0..=2 | 4..=6) {
            return Err(DnsError::Opcode(message.opcode()));
        }
        let least = usize::from(message.questions) * MIN_QUESTION_LEN + message.records() * MIN_RECORD_LEN;
        if HEADER_LEN + least > MAX_MESSAGE_LEN {
            return Err(DnsError::Counts);
        }
        Ok(message)
    }

    const fn opcode(&self) -> u8 {
        (self.flags >> 11 & 0x0f) as u8
    }

    fn records(&self) -> usize {
        usize::from(self.answers) + usize::from(self.authority) + usize::from(self.additional)
    }

    const fn flag(&self, bit: u16) -> bool {
        self.flags & bit != 0
    }

    /// What every ordinary program writes: one question; in a query nothing but EDNS and a signature behind it; the
    /// reserved bit zero; a response code that exists.
    pub(super) fn header_is_plain(&self) -> bool {
        let is_response = self.flag(0x8000);
        let rcode = self.flags & 0x0f;
        let is_query =
            !is_response && self.answers == 0 && self.authority == 0 && self.additional <= 2 && rcode == 0;
        matches!(self.opcode(), 0 | 4)
            && !self.flag(0x0040)
            && self.questions == 1
            && rcode <= 11
            && (is_response || is_query)
    }

    pub(super) fn read(self) -> Result<DnsMessage, DnsError> {
        self.read_all().map(|(message, _)| message)
    }

    /// The message, and how many bytes follow it.
    pub(super) fn read_all(mut self) -> Result<(DnsMessage, usize), DnsError> {
        let mut message = DnsMessage {
            id: self.id,
            is_response: self.flag(0x8000),
            opcode: self.opcode(),
            rcode: self.flags & 0x0f,
            authoritative: self.flag(0x0400),
            truncated: self.flag(0x0200),
            recursion_desired: self.flag(0x0100),
            recursion_available: self.flag(0x0080),
            ..DnsMessage::default()
        };
        match self.read_sections(&mut message) {
            Ok(()) => {}
            Err(error) if is_nonsense(&message, error) => return Err(error),
            Err(_) => message.cut = true,
        }
        Ok((message, self.reader.left()))
    }

    fn read_sections(&mut self, message: &mut DnsMessage) -> Result<(), DnsError> {
        for count in 0..usize::from(self.questions) {
            if count == MAX_QUESTIONS {
                return Err(DnsError::TooMany);
            }
            message.questions.push(self.question()?);
        }
        for index in 0..self.records() {
            if index == MAX_RECORDS {
                return Err(DnsError::TooMany);
            }
            self.record(index < usize::from(self.answers), message)?;
        }
        Ok(())
    }

    fn question(&mut self) -> Result<DnsQuestion, DnsError> {
        Ok(DnsQuestion {
            name: self.reader.name()?,
            qtype: self.reader.u16()?,
            qclass: self.reader.u16()? & self.class_mask,
        })
    }

    fn record(&mut self, is_answer: bool, message: &mut DnsMessage) -> Result<(), DnsError> {
        let question = message.questions.first().map(|question| &question.name);
        let head = record::Head::read(&mut self.reader, question)?;
        let data = self.reader.sub(head.data_len)?;
        if head.rtype == TYPE_OPT {
            if message.edns.is_none() {
                let (edns, outcome) = record::edns(&head, data);
                message.rcode |= u16::from(head.extended_rcode()) << 4;
                message.edns = Some(edns);
                return outcome;
            }
            return Ok(());
        }
        let section = if is_answer { &mut message.answers } else { &mut message.further };
        section.push(head.into_record(self.class_mask, data)?);
        Ok(())
    }
}

/// Whether nothing at all was understood, for another reason than that bytes are missing.
fn is_nonsense(message: &DnsMessage, error: DnsError) -> bool {
    !matches!(error, DnsError::Short(_))
        && message.questions.is_empty()
        && message.answers.is_empty()
        && message.further.is_empty()
        && message.edns.is_none()
}
