//! What can be wrong with an input.

use std::fmt;
use std::io;

use crate::plain::Shrunk;

/// Something that kept an input, or a part of it, from being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputProblem {
    /// The file's path, or `standard input`.
    pub input: String,
    /// Where in the (decompressed) bytes the record or block begins that could not be used; `None` where the
    /// problem is with the input as a whole.
    pub offset: Option<u64>,
    /// How many frames this input had given before.
    pub frames_before: u64,
    /// What kind of problem it is.
    pub kind: ProblemKind,
    /// The problem in words.
    pub message: String,
    /// How many more records of this input were passed over after this one, for the same or another reason; their
    /// messages are not kept, so that a hostile file cannot fill the memory with them.
    pub more: u64,
}

impl fmt::Display for InputProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.input, self.message)?;
        if let Some(offset) = self.offset {
            write!(f, " (at offset {offset}, after {} frames)", self.frames_before)?;
        }
        if self.more > 0 {
            write!(f, ", and {} more", self.more)?;
        }
        Ok(())
    }
}

/// Kinds of problems with an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// The operating system refused to open or to read it.
    Unreadable,
    /// It was named as an input and is no capture.
    NotACapture,
    /// It ends before a record, a block or a compressed stream does.
    Truncated,
    /// It breaks the rules of its format or of its compression.
    Malformed,
    /// Its time was reached while [`crate::MAX_OPEN_INPUTS`] others were being merged: it was read after one of
    /// them had ended, so that its first frames came too late.
    Late,
    /// libpcap cannot express the filter for one of its link types: those frames were left out.
    Unfilterable,
}

/// Why no reader could be made at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// libpcap does not understand the filter.
    Filter {
        /// What was asked for.
        expression: String,
        /// What libpcap says about it.
        message: String,
    },
    /// Standard input was named more than once.
    StandardInputTwice,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filter { expression, message } => write!(f, "filter `{expression}`: {message}"),
            Self::StandardInputTwice => write!(f, "standard input can be read only once"),
        }
    }
}

impl std::error::Error for OpenError {}

/// A problem before it is known in which input it is.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: ProblemKind,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(kind: ProblemKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(ProblemKind::Malformed, message)
    }

    /// Decoders report broken streams as I/O errors too; only those of the operating system carry its number.
    pub(crate) fn from_io(error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::UnexpectedEof => ProblemKind::Truncated,
            _ if error.raw_os_error().is_some() => ProblemKind::Unreadable,
            _ => ProblemKind::Malformed,
        };
        let has_shrunk = error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Shrunk>);
        let message = match kind {
            ProblemKind::Truncated if !has_shrunk => "the compressed stream ends too early".to_owned(),
            _ => error.to_string(),
        };
        Self { kind, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_where_it_is() {
        let whole = InputProblem {
            input: "a.pcap".to_owned(),
            offset: None,
            frames_before: 0,
            kind: ProblemKind::NotACapture,
            message: "no".to_owned(),
            more: 0,
        };
        assert_eq!(whole.to_string(), "a.pcap: no");
        let inside = InputProblem { offset: Some(24), frames_before: 7, more: 2, ..whole };
        assert_eq!(inside.to_string(), "a.pcap: no (at offset 24, after 7 frames), and 2 more");
    }

    #[test]
    fn the_operating_system_and_the_decoders_fail_differently() {
        let kind = |error: io::Error| Fault::from_io(&error).kind;
        assert_eq!(kind(io::Error::from_raw_os_error(5)), ProblemKind::Unreadable);
        assert_eq!(kind(io::Error::from(io::ErrorKind::UnexpectedEof)), ProblemKind::Truncated);
        assert_eq!(kind(io::Error::other("corrupt")), ProblemKind::Malformed);
    }
}
