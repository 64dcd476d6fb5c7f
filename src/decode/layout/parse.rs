//! A layout as it is typed.

use std::str::FromStr;

use super::kinds::{Count, Int, Kind, Layout, Member};
use crate::decode::limits::DEEPEST;

/// Fields of a layout at most.
const MOST_FIELDS: usize = 1000;

impl FromStr for Layout {
    type Err = String;

    /// # Errors
    /// What is wrong with it, and where.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parser = Parser {
            text,
            at: 0,
            big_endian: false,
            aligned: false,
            depth: 0,
            fields: 0,
            counters: Vec::new(),
            known: Vec::new(),
        };
        let mut fields = parser.members(None)?;
        if fields.is_empty() {
            return Err(parser.expected("a field, such as px:f64"));
        }
        let counters = std::mem::take(&mut parser.counters);
        mark(&mut fields, &mut Vec::new(), &counters);
        let align = fields.iter().map(|field| field.align).max().unwrap_or(1);
        Ok(Self {
            fields,
            counters: counters.len(),
            align,
        })
    }
}

/// Fields that count others are told which counter they set.
fn mark(members: &mut [Member], path: &mut Vec<usize>, counters: &[Vec<usize>]) {
    for (number, member) in members.iter_mut().enumerate() {
        path.push(number);
        member.sets = counters.iter().position(|counter| counter == path);
        if let Some(inner) = inner(&mut member.kind) {
            mark(inner, path, counters);
        }
        path.pop();
    }
}

/// The members of a record, or of what a list is of.
fn inner(kind: &mut Kind) -> Option<&mut Vec<Member>> {
    match kind {
        Kind::Record(members, _) => Some(members),
        Kind::Array(kind, ..) => inner(kind),
        _ => None,
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    big_endian: bool,
    aligned: bool,
    depth: usize,
    fields: usize,
    /// Where the fields are that count others: numbers of members from the outermost on.
    counters: Vec<Vec<usize>>,
    /// Whole numbers that were met, by name, those of one record after those around it: records that are open.
    known: Vec<(Vec<(String, usize)>, usize)>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn takes(&mut self, character: char) -> bool {
        let there = self.peek() == Some(character);
        if there {
            self.at += character.len_utf8();
        }
        there
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        let blank = |one: char| one.is_whitespace() || matches!(one, ',' | ';');
        self.at += rest.len() - rest.trim_start_matches(blank).len();
    }

    /// The longest piece of such characters.
    fn word(&mut self, part: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|one| !part(one)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn expected(&self, what: &str) -> String {
        let found = match self.rest() {
            "" => "the end".to_owned(),
            rest => format!("`{}`", rest.chars().take(12).collect::<String>()),
        };
        format!(
            "character {}: found {found}, expected {what}",
            self.text[..self.at].chars().count() + 1
        )
    }

    /// Fields up to `end`, or the end of the text.
    fn members(&mut self, end: Option<char>) -> Result<Vec<Member>, String> {
        let mut members = Vec::new();
        self.known.push((Vec::new(), 0));
        loop {
            self.skip_blanks();
            match (self.peek(), end) {
                (None, None) => break,
                (None, Some(end)) => return Err(self.expected(&format!("`{end}`"))),
                (Some(one), end) if Some(one) == end => {
                    self.at += one.len_utf8();
                    break;
                }
                (Some('@'), _) => self.directive()?,
                _ => {
                    if let Some((_, number)) = self.known.last_mut() {
                        *number = members.len();
                    }
                    let start = self.at;
                    let member = self.member()?;
                    let is_named = |known: &Member| known.name == member.name;
                    if member.name.is_some() && members.iter().any(is_named) {
                        self.at = start;
                        return Err(self.expected("a name that does not stand before"));
                    }
                    let last = members.last();
                    if !member.kind.goes_to_the_end()
                        && last.is_some_and(|last| last.kind.goes_to_the_end())
                    {
                        self.at = start;
                        return Err(self
                            .expected("the end: the field before goes to the end of the payload"));
                    }
                    if let (Some(name), Kind::Int(int)) = (&member.name, &member.kind)
                        && int.bytes <= 8
                        && let Some((known, number)) = self.known.last_mut()
                    {
                        known.push((name.clone(), *number));
                    }
                    members.push(member);
                }
            }
        }
        self.known.pop();
        Ok(members)
    }

    fn directive(&mut self) -> Result<(), String> {
        let start = self.at;
        self.at += 1;
        match self.word(|one| one.is_ascii_alphanumeric()) {
            "be" => self.big_endian = true,
            "le" => self.big_endian = false,
            "c" => self.aligned = true,
            _ => {
                self.at = start;
                return Err(self.expected("@le, @be or @c"));
            }
        }
        Ok(())
    }

    fn name(&mut self) -> Result<&'a str, String> {
        let part = |one: char| one.is_alphanumeric() || matches!(one, '_' | '-');
        match self.word(part) {
            "" => Err(self.expected("a name")),
            name => Ok(name),
        }
    }

    fn member(&mut self) -> Result<Member, String> {
        self.fields += 1;
        if self.fields > MOST_FIELDS {
            return Err(format!("a layout has at most {MOST_FIELDS} fields"));
        }
        let name = self.name()?;
        if !self.takes(':') {
            return Err(self.expected("`:` and a type"));
        }
        let (kind, align) = self.kind()?;
        Ok(Member {
            name: (name != "_").then(|| name.to_owned()),
            kind,
            align,
            sets: None,
        })
    }

    /// A type, and the multiple at which it begins.
    fn kind(&mut self) -> Result<(Kind, usize), String> {
        let start = self.at;
        let (mut kind, align) = if self.takes('(') {
            self.depth += 1;
            if self.depth > DEEPEST / 2 {
                return Err(format!("at most {} records inside each other", DEEPEST / 2));
            }
            let members = self.members(Some(')'))?;
            self.depth -= 1;
            if members.is_empty() {
                return Err(self.expected("a field in the record before"));
            }
            let align = members.iter().map(|member| member.align).max().unwrap_or(1);
            (Kind::Record(members, align), align)
        } else {
            match self.word(|one| one.is_ascii_alphanumeric()) {
                "bool" => (Kind::Bool, 1),
                "char" => (Kind::Text(self.count()?.unwrap_or(Count::Fixed(1))), 1),
                "bytes" => (Kind::Bytes(self.count()?.unwrap_or(Count::Rest)), 1),
                word => self.number(word).ok_or_else(|| {
                    self.at = start;
                    self.expected("a type: u8 to u128, i8 to i128, f16, f32, f64, bool, char[N], bytes[N] or (...)")
                })?,
            }
        };
        if self.peek() == Some('{') {
            kind = self.braces(kind)?;
        }
        let mut counts = Vec::new();
        while let Some(count) = self.count()? {
            counts.push(count);
            if counts.len() > DEEPEST / 2 {
                return Err(self.expected("fewer `[...]`"));
            }
        }
        let each = if self.aligned { align } else { 1 };
        for count in counts.into_iter().rev() {
            kind = Kind::Array(Box::new(kind), each, count);
        }
        Ok((kind, each))
    }

    /// `u32`, `i16be`, `f64le`: how it lies in memory, and at which multiple.
    fn number(&self, word: &str) -> Option<(Kind, usize)> {
        let int = self.int(word)?;
        // Longer ones are made of pieces; 128 bits are aligned to 16 bytes (System V ABI).
        let align = if int.bytes.is_power_of_two() {
            int.bytes
        } else {
            1
        };
        if word.starts_with('f') {
            let Int {
                bytes, big_endian, ..
            } = int;
            return matches!(bytes, 2 | 4 | 8)
                .then_some((Kind::Float { bytes, big_endian }, align));
        }
        Some((Kind::Int(int), align))
    }

    fn int(&self, word: &str) -> Option<Int> {
        let (word, big_endian) = match (word.strip_suffix("le"), word.strip_suffix("be")) {
            (Some(word), _) => (word, false),
            (_, Some(word)) => (word, true),
            _ => (word, self.big_endian),
        };
        let bits: usize = word.strip_prefix(['u', 'i', 'f'])?.parse().ok()?;
        let fits = bits.is_multiple_of(8)
            && (8..=128).contains(&bits)
            && !word[1..].starts_with(['0', '+']);
        fits.then_some(Int {
            bytes: bits / 8,
            signed: word.starts_with('i'),
            big_endian,
        })
    }

    /// `[3]`, `[n]`, `[u16]`, `[]`.
    fn count(&mut self) -> Result<Option<Count>, String> {
        if !self.takes('[') {
            return Ok(None);
        }
        let start = self.at;
        let word = self.word(|one| one != ']' && !one.is_whitespace());
        if !self.takes(']') {
            return Err(self.expected("`]`"));
        }
        let count = if word.is_empty() {
            Count::Rest
        } else if let Ok(many) = word.parse() {
            Count::Fixed(many)
        } else if let Some(int) = self
            .int(word)
            .filter(|int| !word.starts_with('f') && int.bytes <= 8)
        {
            Count::Prefix(int)
        } else if let Some(path) = self.path_of(word) {
            let counter = self.counters.iter().position(|counter| *counter == path);
            Count::Field(counter.unwrap_or_else(|| {
                self.counters.push(path);
                self.counters.len() - 1
            }))
        } else {
            self.at = start;
            return Err(self.expected(
                "a number, a type such as u16, or a whole number that stands before, by name",
            ));
        };
        Ok(Some(count))
    }

    /// Where the field of that name is which was met last, in this record or one around it.
    fn path_of(&self, name: &str) -> Option<Vec<usize>> {
        let depth = self.known.len();
        (0..depth).rev().find_map(|level| {
            let (known, _) = &self.known[level];
            let (_, number) = known.iter().rev().find(|(known, _)| known == name)?;
            let around = self.known[..level].iter().map(|(_, number)| *number);
            Some(around.chain([*number]).collect())
        })
    }

    /// `{0=buy,1=sell}` or `{flags:4,kind:12}`.
    fn braces(&mut self, kind: Kind) -> Result<Kind, String> {
        let Kind::Int(int) = kind else {
            return Err(self.expected("`{` only behind a whole number"));
        };
        self.at += 1;
        let (mut names, mut bits) = (Vec::new(), Vec::new());
        let mut width = 0;
        loop {
            self.skip_blanks();
            if self.takes('}') {
                break;
            }
            let start = self.at;
            let is_number = self
                .peek()
                .is_some_and(|one| one == '-' || one.is_ascii_digit());
            if is_number && bits.is_empty() {
                let number = self.word(|one| one == '-' || one.is_ascii_alphanumeric());
                let parsed = match number.strip_prefix("0x") {
                    Some(digits) => i128::from_str_radix(digits, 16).ok(),
                    None => number.parse().ok(),
                };
                let Some(number) = parsed.filter(|_| self.takes('=')) else {
                    self.at = start;
                    return Err(self.expected("NUMBER=NAME"));
                };
                if names.iter().any(|(known, _)| *known == number) {
                    self.at = start;
                    return Err(self.expected("a number that does not stand before"));
                }
                names.push((number, self.name()?.to_owned()));
            } else if names.is_empty() {
                let name = self.name()?;
                if !self.takes(':') {
                    return Err(self.expected("`:` and a number of bits"));
                }
                let digits = self.word(|one| one.is_ascii_digit());
                let wide = digits
                    .parse::<u32>()
                    .ok()
                    .filter(|wide| (1..=128).contains(wide));
                let Some(wide) = wide else {
                    self.at = start;
                    return Err(self.expected("NAME:BITS"));
                };
                width += wide as usize;
                if width > int.bytes * 8 {
                    self.at = start;
                    return Err(
                        self.expected(&format!("bit fields of {} bits together", int.bytes * 8))
                    );
                }
                bits.push(((name != "_").then(|| name.to_owned()), wide));
            } else {
                return Err(self.expected("NUMBER=NAME"));
            }
        }
        match (names.is_empty(), bits.is_empty()) {
            (false, _) => Ok(Kind::Enum(int, names)),
            (_, false) => Ok(Kind::Bits(int, bits)),
            _ => Err(self.expected("names or bit fields in the braces before")),
        }
    }
}
