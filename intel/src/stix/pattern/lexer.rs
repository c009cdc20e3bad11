//! Words of a pattern.

use super::PatternError;

/// A word of the language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A keyword, or a name; keywords are in upper case and no name that a path has is one.
    Word(String),
    /// `'text'`, with its escapes undone.
    Text(String),
    /// `h'...'`, `b'...'`, `t'...'`
    Literal(String),
    /// `-12`, `0.5`
    Number(String),
    /// `[ ] ( ) : . , *` and the operators of comparison.
    Sign(&'static str),
    /// What is no word, and why; nothing takes it, so that parsing ends here.
    Bad(PatternError),
}

/// Signs, longer ones first.
const SIGNS: [&str; 16] =
    ["==", "!=", "<>", "<=", ">=", "=", "<", ">", "[", "]", "(", ")", ":", ".", ",", "*"];

/// The next word of a text and where it begins.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The next word, and where it begins; no word at the end.
    pub(super) fn next(&mut self) -> (usize, Option<Token>) {
        let token = self.skip_space().and_then(|()| self.token_at(self.at));
        let start = token.as_ref().map_or(self.at, |(start, _)| *start);
        (start, token.map_or_else(|problem| Some(Token::Bad(problem)), |(_, token)| token))
    }

    fn token_at(&mut self, start: usize) -> Result<(usize, Option<Token>), PatternError> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Ok((start, None));
        };
        let token = if first == '\'' {
            Token::Text(self.quoted(1)?)
        } else if matches!(rest.as_bytes(), [b'h' | b'b' | b't', b'\'', ..]) {
            Token::Literal(self.quoted(2)?)
        } else if first.is_ascii_alphabetic() || first == '_' {
            Token::Word(self.while_matches(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
        } else if first.is_ascii_digit() || is_signed_number(rest) {
            Token::Number(self.number())
        } else {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
            let sign =
                sign.ok_or(PatternError { at: start, problem: "a character that means nothing here" })?;
            self.at += sign.len();
            Token::Sign(sign)
        };
        Ok((start, Some(token)))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// White space and comments: `/* ... */`, `// ...`.
    fn skip_space(&mut self) -> Result<(), PatternError> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                let problem = PatternError { at: self.at, problem: "a comment that does not end" };
                self.at += trimmed.find("*/").ok_or(problem)? + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn while_matches(&mut self, matches: impl Fn(char) -> bool) -> String {
        let rest = self.rest();
        let end = rest.find(|c| !matches(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default().to_owned()
    }

    /// A number; a point counts only before a digit.
    fn number(&mut self) -> String {
        let sign = usize::from(self.rest().starts_with(['-', '+']));
        let mut number = self.rest().get(..sign).unwrap_or_default().to_owned();
        self.at += sign;
        number += &self.while_matches(|c| c.is_ascii_digit());
        if matches!(self.rest().as_bytes(), [b'.', b'0'..=b'9', ..]) {
            self.at += 1;
            number.push('.');
            number += &self.while_matches(|c| c.is_ascii_digit());
        }
        number
    }

    /// A text in quotation marks, which begins behind `before` bytes. `\` makes the next character an ordinary one.
    fn quoted(&mut self, before: usize) -> Result<String, PatternError> {
        let start = self.at;
        self.at += before;
        let mut text = String::new();
        let mut escaped = false;
        for (at, character) in self.rest().char_indices() {
            match character {
                '\\' if !escaped => escaped = true,
                '\'' if !escaped => {
                    self.at += at + 1;
                    return Ok(text);
                }
                _ => {
                    escaped = false;
                    text.push(character);
                }
            }
        }
        Err(PatternError { at: start, problem: "a text that does not end" })
    }
}

fn is_signed_number(text: &str) -> bool {
    matches!(text.as_bytes(), [b'-' | b'+', b'0'..=b'9', ..])
}
