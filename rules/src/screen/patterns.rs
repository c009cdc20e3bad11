//! Lists that are compared in part: substrings and expressions.

use super::Lists;
use super::names::normal;
use super::types::Types;
use aho_corasick::AhoCorasick;
use regex::{RegexSet, RegexSetBuilder};

/// Compiled size of one expression and of all together, in bytes: whoever writes a list must not take the memory. An expression
/// that is larger is refused; if all together are, all are.
const MAX_EXPRESSION_BYTES: usize = 1 << 20;
const MAX_EXPRESSIONS_BYTES: usize = 64 << 20;

/// Which lists hold a part of a text.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns {
    parts: Vec<(String, u16)>,
    expressions: Vec<(String, u16)>,
    types: Types,
    compiled_parts: Option<AhoCorasick>,
    compiled_expressions: Option<RegexSet>,
}

impl Patterns {
    /// Adds a substring; `None`: there is nothing in it.
    pub(super) fn add_part(&mut self, entry: &str, list: u16, types: Types) -> Option<()> {
        let text = normal(entry);
        if text.is_empty() {
            return None;
        }
        self.parts.push((text, list));
        self.types = self.types.union(types);
        Some(())
    }

    /// Adds an expression in the notation of PCRE, or says why not.
    pub(super) fn add_expression(&mut self, entry: &str, list: u16, types: Types) -> Result<(), String> {
        let expression = translated(entry)?;
        let compiled = RegexSetBuilder::new([&expression]).size_limit(MAX_EXPRESSION_BYTES).build();
        compiled.map_err(|error| error.to_string())?;
        self.expressions.push((expression, list));
        self.types = self.types.union(types);
        Ok(())
    }

    /// Compiles what was added, or says why not.
    pub(super) fn compile(&mut self) -> Result<(), String> {
        let parts = AhoCorasick::new(self.parts.iter().map(|(part, _)| part));
        self.compiled_parts = Some(parts.map_err(|error| error.to_string())?);
        let expressions = RegexSetBuilder::new(self.expressions.iter().map(|(expression, _)| expression))
            .size_limit(MAX_EXPRESSIONS_BYTES)
            .build();
        self.compiled_expressions = Some(expressions.map_err(|error| error.to_string())?);
        Ok(())
    }

    /// Whether a list is for a value of these types.
    pub(super) fn is_for(&self, types: Types) -> bool {
        self.types.meets(types)
    }

    /// The lists that hold a part of a text, in order.
    pub(super) fn holding(&self, text: &str) -> Lists {
        let parts = self.compiled_parts.iter().flat_map(|parts| parts.find_overlapping_iter(text));
        let parts = parts.filter_map(|found| self.parts.get(found.pattern().as_usize()));
        let expressions = self.compiled_expressions.iter().flat_map(|set| set.matches(text));
        let expressions = expressions.filter_map(|found| self.expressions.get(found));
        let mut lists: Lists = parts.chain(expressions).map(|(_, list)| *list).collect();
        lists.sort_unstable();
        lists.dedup();
        lists
    }
}

/// `/.../i` as the `regex` crate has it. Values are lower case, so that case never counts.
fn translated(entry: &str) -> Result<String, String> {
    let entry = entry.trim();
    let Some(delimiter) = entry.chars().next().filter(|first| !first.is_alphanumeric() && *first != '\\')
    else {
        return Err("no expression between delimiters".to_owned());
    };
    let closing = match delimiter {
        '(' => ')',
        '[' => ']',
        '{' => '}',
        '<' => '>',
        same => same,
    };
    let inside = entry.strip_prefix(delimiter).and_then(|rest| rest.rsplit_once(closing));
    let (expression, modifiers) = inside.ok_or("the expression does not end")?;
    let mut flags = String::from("i");
    for modifier in modifiers.chars() {
        match modifier {
            // Whether it is asked for again, or for all places, makes no difference; text is always Unicode.
            'i' | 'g' | 'u' | 'D' => {}
            'm' | 's' | 'x' | 'U' => flags.push(modifier),
            other => return Err(format!("the modifier {other:?} is not known")),
        }
    }
    Ok(format!("(?{flags}:{expression})"))
}
