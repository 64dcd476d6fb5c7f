//! Conditions on decoded values: `.px > 100 .sym == "ABC"`. All of them hold for what is wanted.

use std::cmp::Ordering;

use super::decoded::{Decoded, Field, Value};

/// What one value has to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    path: Vec<String>,
    is: Is,
}

#[derive(Clone, Debug, PartialEq)]
enum Is {
    There,
    Compared(Operator, Literal),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
}

#[derive(Clone, Debug, PartialEq)]
enum Literal {
    Null,
    Bool(bool),
    Whole(i128),
    Number(f64),
    Text(String),
}

/// In the order in which they are tried.
const OPERATORS: [(&str, Operator); 8] = [
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("~", Operator::Contains),
    ("=", Operator::Equal),
];

/// Names that lead to a value, as they are typed: `.order.legs.0.px`, with or without the first dot.
///
/// # Errors
/// What is wrong with it, in words.
pub fn path(text: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = text
        .strip_prefix('.')
        .unwrap_or(text)
        .split('.')
        .map(str::to_owned)
        .collect();
    if names.iter().any(String::is_empty) {
        return Err(format!(
            "found `{text}`, expected names with dots between them, as in .order.px"
        ));
    }
    Ok(names)
}

/// Reads conditions up to something that is none: they begin with a dot. Returns them, and the rest.
///
/// # Errors
/// What is wrong with one of them, in words.
pub fn conditions(text: &str) -> Result<(Vec<Condition>, &str), String> {
    let mut all = Vec::new();
    let mut rest = text.trim_start();
    while let Some(begin) = rest.strip_prefix('.')
        && begin.starts_with(|one: char| one.is_alphanumeric() || one == '_')
    {
        let (condition, behind) = condition(rest)?;
        all.push(condition);
        rest = behind.trim_start();
    }
    Ok((all, rest))
}

fn condition(text: &str) -> Result<(Condition, &str), String> {
    let ends = |one: char| one.is_whitespace() || matches!(one, '=' | '!' | '<' | '>' | '~');
    let end = text.find(ends).unwrap_or(text.len());
    let path = path(&text[..end])?;
    let rest = text[end..].trim_start();
    let operator = OPERATORS.iter().find(|(word, _)| rest.starts_with(word));
    let Some((word, operator)) = operator else {
        let is = Is::There;
        return Ok((Condition { path, is }, rest));
    };
    let (literal, rest) = literal(rest[word.len()..].trim_start())
        .map_err(|why| format!("{}{word}: {why}", &text[..end]))?;
    if *operator == Operator::Contains && !matches!(literal, Literal::Text(_)) {
        return Err(format!("{}{word}: expected a text", &text[..end]));
    }
    let is = Is::Compared(*operator, literal);
    Ok((Condition { path, is }, rest))
}

/// A number, `true`, `false`, `null`, a text in double quotes, or a word, which is a text, too.
fn literal(text: &str) -> Result<(Literal, &str), String> {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => return Ok((Literal::Text(value), &quoted[at + 1..])),
                '\\' => value.extend(characters.next().map(|(_, next)| next)),
                character => value.push(character),
            }
        }
        return Err("the text has no end: `\"` is missing".to_owned());
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    if let Some(strange) = word.chars().find(|one| ",;&|()'".contains(*one)) {
        return Err(format!(
            "found `{word}`: conditions stand one behind the other with a blank between them, and a text with `{strange}` in it \
             stands in double quotes"
        ));
    }
    let whole = match word.strip_prefix("0x") {
        Some(digits) => i128::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    };
    let literal = match (word, whole, word.parse::<f64>()) {
        ("", ..) => return Err("expected a value".to_owned()),
        ("null", ..) => Literal::Null,
        ("true", ..) => Literal::Bool(true),
        ("false", ..) => Literal::Bool(false),
        (_, Some(whole), _) => Literal::Whole(whole),
        (word, None, Ok(number)) if word.contains(|one: char| one.is_ascii_digit()) => {
            Literal::Number(number)
        }
        (word, ..) => Literal::Text(word.to_owned()),
    };
    Ok((literal, rest))
}

impl Condition {
    /// Where the value is that it is about.
    #[must_use]
    pub fn path(&self) -> &[String] {
        &self.path
    }

    /// Whether it holds. A value that is not there, or of another kind, meets none but `!=`.
    #[must_use]
    pub fn holds(&self, decoded: &Decoded) -> bool {
        let field = decoded.find(&self.path);
        match &self.is {
            Is::There => field.is_some(),
            Is::Compared(Operator::Unequal, literal) => {
                field.is_none_or(|field| compare(field, literal) != Some(Ordering::Equal))
            }
            Is::Compared(Operator::Contains, Literal::Text(part)) => {
                field.is_some_and(|field| text(field).is_some_and(|text| text.contains(part)))
            }
            Is::Compared(operator, literal) => {
                let order = field.and_then(|field| compare(field, literal));
                order.is_some_and(|order| match operator {
                    Operator::Less => order.is_lt(),
                    Operator::LessOrEqual => order.is_le(),
                    Operator::Greater => order.is_gt(),
                    Operator::GreaterOrEqual => order.is_ge(),
                    _ => order.is_eq(),
                })
            }
        }
    }
}

fn text(field: Field<'_>) -> Option<&str> {
    match field.value() {
        Value::Text(text) => Some(text),
        Value::Named(_, name) if !name.is_empty() => Some(name),
        _ => None,
    }
}

fn whole(field: Field<'_>) -> Option<i128> {
    match field.value() {
        Value::Unsigned(value) => Some(value.into()),
        Value::Signed(value) | Value::Named(value, _) => Some(value.into()),
        Value::Big(digits) => digits.parse().ok(),
        _ => None,
    }
}

fn compare(field: Field<'_>, literal: &Literal) -> Option<Ordering> {
    match (field.value(), literal) {
        (Value::Null, Literal::Null) => Some(Ordering::Equal),
        (Value::Bool(value), Literal::Bool(literal)) => Some(value.cmp(literal)),
        // As it is typed, 1.1 is another number in 64 bits.
        #[expect(clippy::cast_possible_truncation, reason = "compared in its own width")]
        (Value::Single(value), Literal::Number(literal)) => value.partial_cmp(&(*literal as f32)),
        #[expect(clippy::cast_precision_loss, reason = "a float is compared as a float")]
        (Value::Single(value), Literal::Whole(literal)) => value.partial_cmp(&(*literal as f32)),
        (Value::Float(value), Literal::Number(literal)) => value.partial_cmp(literal),
        #[expect(clippy::cast_precision_loss, reason = "a float is compared as a float")]
        (Value::Float(value), Literal::Whole(literal)) => value.partial_cmp(&(*literal as f64)),
        (_, Literal::Whole(literal)) => Some(whole(field)?.cmp(literal)),
        #[expect(clippy::cast_precision_loss, reason = "a float is compared as a float")]
        (_, Literal::Number(literal)) => (whole(field)? as f64).partial_cmp(literal),
        (_, Literal::Text(literal)) => Some(text(field)?.cmp(literal)),
        _ => None,
    }
}
