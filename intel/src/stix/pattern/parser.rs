//! From words to the tree. One function per rule of the grammar (STIX 2.1 section 9.8, `STIXPattern.g4`).

use super::lexer::{Lexer, Token};
use super::{Comparison, Constant, Observation, Operator, Path, PatternError, Qualifier, Step, Test};

/// Longest pattern that is read: hundreds of times what people write, and a list of thousands of hashes has room. Adversary: a
/// publisher who would like us to build trees for ever. A longer one is refused.
pub const MAX_PATTERN_BYTES: usize = 1024 * 1024;
/// How deep parentheses and qualifiers may be nested; people need three or four. Deeper ones, which would otherwise exhaust the stack, are refused.
pub const MAX_PATTERN_DEPTH: usize = 64;

/// Reads a pattern.
pub fn parse(text: &str) -> Result<Observation, PatternError> {
    if text.len() > MAX_PATTERN_BYTES {
        return Err(PatternError { at: MAX_PATTERN_BYTES, problem: "the pattern is too long" });
    }
    let mut parser = Parser { lexer: Lexer::new(text), at: 0, token: None, depth: 0 };
    parser.advance();
    let pattern = parser.observations()?;
    match parser.token {
        None => Ok(pattern),
        Some(_) => Err(parser.error("an operator or the end was expected")),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// Where the current word begins.
    at: usize,
    /// The current word; none at the end.
    token: Option<Token>,
    depth: usize,
}

type Parsed<T> = Result<T, PatternError>;

impl Parser<'_> {
    /// `a FOLLOWEDBY b`: binds least.
    fn observations(&mut self) -> Parsed<Observation> {
        self.chain("FOLLOWEDBY", Self::observations_or, Observation::FollowedBy)
    }

    fn observations_or(&mut self) -> Parsed<Observation> {
        self.chain("OR", Self::observations_and, Observation::Or)
    }

    fn observations_and(&mut self) -> Parsed<Observation> {
        self.chain("AND", Self::observation, Observation::And)
    }

    /// `[...]` or `(...)`, with qualifiers.
    fn observation(&mut self) -> Parsed<Observation> {
        let mut observation = if self.take_sign("[") {
            let comparison = self.nested(Self::comparison)?;
            self.expect_sign("]")?;
            Observation::Of(comparison)
        } else {
            self.expect_sign("(")?;
            let inner = self.nested(Self::observations)?;
            self.expect_sign(")")?;
            inner
        };
        let mut qualifiers = 0;
        while let Some(qualifier) = self.qualifier()? {
            qualifiers += 1;
            if qualifiers > MAX_PATTERN_DEPTH {
                return Err(self.error("too many qualifiers"));
            }
            observation = Observation::Qualified(Box::new(observation), qualifier);
        }
        Ok(observation)
    }

    fn qualifier(&mut self) -> Parsed<Option<Qualifier>> {
        if self.take_word("WITHIN") {
            self.number()?;
            self.expect_word("SECONDS")?;
            return Ok(Some(Qualifier::Within));
        }
        if self.take_word("REPEATS") {
            let times = self.number()?;
            self.expect_word("TIMES")?;
            let times = times.parse().map_err(|_| self.error("REPEATS needs a whole number"))?;
            return Ok(Some(Qualifier::Repeats(times)));
        }
        if self.take_word("START") {
            self.time()?;
            self.expect_word("STOP")?;
            self.time()?;
            return Ok(Some(Qualifier::StartStop));
        }
        Ok(None)
    }

    fn comparison(&mut self) -> Parsed<Comparison> {
        self.chain("OR", Self::comparison_and, Comparison::Or)
    }

    fn comparison_and(&mut self) -> Parsed<Comparison> {
        self.chain("AND", Self::test_or_nested, Comparison::And)
    }

    fn test_or_nested(&mut self) -> Parsed<Comparison> {
        if self.take_sign("(") {
            let inner = self.nested(Self::comparison)?;
            self.expect_sign(")")?;
            return Ok(inner);
        }
        self.test().map(Comparison::Test)
    }

    fn test(&mut self) -> Parsed<Test> {
        let negated = self.take_word("NOT");
        if self.take_word("EXISTS") {
            let path = self.path()?;
            return Ok(Test { path, negated, operator: Operator::Exists, constants: Vec::new() });
        }
        if negated {
            return Err(self.error("EXISTS was expected"));
        }
        let path = self.path()?;
        let negated = self.take_word("NOT");
        let operator = self.operator()?;
        let constants = if operator == Operator::In { self.set()? } else { vec![self.constant()?] };
        Ok(Test { path, negated, operator, constants })
    }

    fn operator(&mut self) -> Parsed<Operator> {
        let operator = match &self.token {
            Some(Token::Sign("=" | "==")) => Operator::Equal,
            Some(Token::Sign("!=" | "<>")) => Operator::NotEqual,
            Some(Token::Sign("<" | "<=" | ">" | ">=")) => Operator::Order,
            Some(Token::Word(word)) => match word.as_str() {
                "IN" => Operator::In,
                "LIKE" => Operator::Like,
                "MATCHES" => Operator::Matches,
                "ISSUBSET" => Operator::IsSubset,
                "ISSUPERSET" => Operator::IsSuperset,
                _ => return Err(self.error("an operator was expected")),
            },
            _ => return Err(self.error("an operator was expected")),
        };
        self.advance();
        Ok(operator)
    }

    /// `type:property.property[0]`
    fn path(&mut self) -> Parsed<Path> {
        let object = self.word("the type of an object was expected")?;
        self.expect_sign(":")?;
        let mut steps = vec![Step::Key(self.key()?)];
        loop {
            if self.take_sign(".") {
                steps.push(Step::Key(self.key()?));
            } else if self.take_sign("[") {
                let index = if self.take_sign("*") { "*".to_owned() } else { self.number()? };
                steps.push(Step::Index(index));
                self.expect_sign("]")?;
            } else {
                return Ok(Path { object, steps });
            }
        }
    }

    /// A property: a name or, where it has other characters, in quotation marks.
    fn key(&mut self) -> Parsed<String> {
        self.take_as("a property was expected", |token| match token {
            Token::Word(key) | Token::Text(key) => Some(key.clone()),
            _ => None,
        })
    }

    fn set(&mut self) -> Parsed<Vec<Constant>> {
        self.expect_sign("(")?;
        let mut constants = Vec::new();
        if self.take_sign(")") {
            return Ok(constants);
        }
        loop {
            constants.push(self.constant()?);
            if self.take_sign(")") {
                return Ok(constants);
            }
            self.expect_sign(",")?;
        }
    }

    fn constant(&mut self) -> Parsed<Constant> {
        self.take_as("a constant was expected", |token| {
            Some(match token {
                Token::Text(text) => Constant::Text(text.clone()),
                Token::Number(number) => Constant::Number(number.clone()),
                Token::Literal(text) => Constant::Other(text.clone()),
                Token::Word(word) if word == "true" => Constant::Boolean(true),
                Token::Word(word) if word == "false" => Constant::Boolean(false),
                _ => return None,
            })
        })
    }

    /// `t'...'`, or as STIX 2.0 has it, `'...'`.
    fn time(&mut self) -> Parsed<()> {
        self.take_as("a time was expected", |token| {
            matches!(token, Token::Literal(_) | Token::Text(_)).then_some(())
        })
    }

    fn number(&mut self) -> Parsed<String> {
        self.take_as("a number was expected", |token| match token {
            Token::Number(number) => Some(number.clone()),
            _ => None,
        })
    }

    fn word(&mut self, problem: &'static str) -> Parsed<String> {
        self.take_as(problem, |token| match token {
            Token::Word(word) => Some(word.clone()),
            _ => None,
        })
    }

    /// Takes the next word if it is what is wanted.
    fn take_as<T>(&mut self, problem: &'static str, wanted: impl FnOnce(&Token) -> Option<T>) -> Parsed<T> {
        let taken = self.token.as_ref().and_then(wanted).ok_or_else(|| self.error(problem))?;
        self.advance();
        Ok(taken)
    }

    /// Parts that a keyword joins; a single one stays as it is.
    fn chain<T>(
        &mut self,
        keyword: &str,
        part: fn(&mut Self) -> Parsed<T>,
        join: fn(Vec<T>) -> T,
    ) -> Parsed<T> {
        let first = part(self)?;
        if !self.is_word(keyword) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take_word(keyword) {
            parts.push(part(self)?);
        }
        Ok(join(parts))
    }

    fn nested<T>(&mut self, rule: fn(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_PATTERN_DEPTH {
            return Err(self.error("nested too deep"));
        }
        self.depth += 1;
        let parsed = rule(self)?;
        self.depth -= 1;
        Ok(parsed)
    }

    fn is_word(&self, keyword: &str) -> bool {
        matches!(&self.token, Some(Token::Word(word)) if word == keyword)
    }

    /// Takes a keyword if it is next.
    fn take_word(&mut self, keyword: &str) -> bool {
        let is_next = self.is_word(keyword);
        if is_next {
            self.advance();
        }
        is_next
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let is_next = matches!(&self.token, Some(Token::Sign(next)) if *next == sign);
        if is_next {
            self.advance();
        }
        is_next
    }

    fn expect_word(&mut self, keyword: &'static str) -> Parsed<()> {
        if self.take_word(keyword) { Ok(()) } else { Err(self.error("a keyword was expected")) }
    }

    fn expect_sign(&mut self, sign: &'static str) -> Parsed<()> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.error("a bracket or sign was expected")) }
    }

    fn advance(&mut self) {
        (self.at, self.token) = self.lexer.next();
    }

    /// What is wrong at the current word.
    fn error(&self, problem: &'static str) -> PatternError {
        match &self.token {
            Some(Token::Bad(problem)) => *problem,
            _ => PatternError { at: self.at, problem },
        }
    }
}
