//! The STIX patterning language (STIX 2.1 part 9): a pattern as people write it becomes a tree.
//!
//! What a pattern means for a sensor is decided in [`super::reduce`].

mod lexer;
mod parser;

pub use parser::{MAX_PATTERN_BYTES, MAX_PATTERN_DEPTH, parse};

use std::fmt;

/// An observation expression: what must be observed.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    /// `[...]`: one observation that satisfies a comparison.
    Of(Comparison),
    /// Any of them.
    Or(Vec<Observation>),
    /// All of them, in any order.
    And(Vec<Observation>),
    /// All of them, one after the other.
    FollowedBy(Vec<Observation>),
    /// With a qualifier.
    Qualified(Box<Observation>, Qualifier),
}

/// What restricts an observation expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Qualifier {
    /// `WITHIN n SECONDS`
    Within,
    /// `REPEATS n TIMES`
    Repeats(u64),
    /// `START t STOP t`
    StartStop,
}

/// A comparison expression: what must be true of one observation.
#[derive(Clone, Debug, PartialEq)]
pub enum Comparison {
    /// One condition.
    Test(Test),
    /// All of them.
    And(Vec<Comparison>),
    /// Any of them.
    Or(Vec<Comparison>),
}

/// One condition on a property.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// The property.
    pub path: Path,
    /// Written with `NOT`.
    pub negated: bool,
    /// How it is compared.
    pub operator: Operator,
    /// With what: one constant, those of `IN`, none for `EXISTS`.
    pub constants: Vec<Constant>,
}

/// How a property is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `=`, `==`
    Equal,
    /// `!=`, `<>`
    NotEqual,
    /// `<`, `<=`, `>`, `>=`
    Order,
    /// `IN`
    In,
    /// `LIKE`, with the wildcards of SQL
    Like,
    /// `MATCHES`, a regular expression
    Matches,
    /// `ISSUBSET`
    IsSubset,
    /// `ISSUPERSET`
    IsSuperset,
    /// `EXISTS`
    Exists,
}

/// A constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Constant {
    /// `'text'`
    Text(String),
    /// A number, as written.
    Number(String),
    /// `true`, `false`
    Boolean(bool),
    /// `h'ff'`, `b'/w=='`, `t'...'`: the text between the quotation marks.
    Other(String),
}

impl Constant {
    /// As text, whatever it is.
    pub fn as_text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) | Self::Other(text) => text,
            Self::Boolean(true) => "true",
            Self::Boolean(false) => "false",
        }
    }
}

/// An object path: `network-traffic:dst_ref.value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The type of the object.
    pub object: String,
    /// Properties and `[...]`, in order.
    pub steps: Vec<Step>,
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A property or the key of a dictionary.
    Key(String),
    /// A member of a list: its position or `*`.
    Index(String),
}

/// The path as people write it, quotation marks left out: `file:hashes.SHA-256`, `network-traffic:protocols[*]`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.object)?;
        for (at, step) in self.steps.iter().enumerate() {
            match step {
                Step::Key(key) if at == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Why a pattern is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// The byte at which it was noticed.
    pub at: usize,
    /// What was expected, or what is wrong.
    pub problem: &'static str,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.problem, self.at)
    }
}

impl std::error::Error for PatternError {}

#[cfg(test)]
mod tests;
