//! A payload, by its layout.

use super::kinds::{Count, Int, Kind, Layout, Member, REST};
use crate::decode::decoded::{Decoded, Value};
use crate::decode::error::DecodeError;

/// Counters that need no memory of their own.
const FEW: usize = 8;

struct Reader<'a> {
    payload: &'a [u8],
    at: usize,
    counters: &'a mut [u64],
    out: &'a mut Decoded,
}

impl Layout {
    /// Takes a payload to pieces.
    ///
    /// # Errors
    /// When it is shorter than the layout.
    pub(in crate::decode) fn decode(
        &self,
        payload: &[u8],
        out: &mut Decoded,
    ) -> Result<(), DecodeError> {
        let mut few = [0; FEW];
        let mut many = Vec::new();
        let counters = if self.counters <= FEW {
            &mut few[..]
        } else {
            many.resize(self.counters, 0);
            &mut many[..]
        };
        let mut reader = Reader {
            payload,
            at: 0,
            counters,
            out,
        };
        let root = reader.out.add("", Value::Record, 0..0)?;
        reader.members(&self.fields)?;
        reader.align(self.align);
        let end = reader.at.min(payload.len());
        if end < payload.len() {
            let rest = end..payload.len();
            let bytes = Value::Bytes(&payload[rest.clone()]);
            reader.out.add(REST, bytes, rest)?;
        }
        out.close(root, Some(payload.len()));
        Ok(())
    }
}

impl<'a> Reader<'a> {
    /// Goes on to the next multiple of so many bytes.
    fn align(&mut self, align: usize) {
        if align > 1 {
            self.at = self.at.next_multiple_of(align);
        }
    }

    /// Where the next value begins: at the end, where the payload ends within what would align it.
    fn place(&self) -> usize {
        self.at.min(self.payload.len())
    }

    /// The next so many bytes.
    fn take(&mut self, length: usize, name: &str) -> Result<&'a [u8], DecodeError> {
        let (at, payload) = (self.at, self.payload);
        let taken = match length {
            0 => Some(&[][..]),
            length => payload.get(at..).and_then(|rest| rest.get(..length)),
        };
        let Some(taken) = taken else {
            return Err(DecodeError::Short {
                field: name.to_owned(),
                at,
                needs: length,
                there: payload.len(),
            });
        };
        self.at += length;
        Ok(taken)
    }

    fn members(&mut self, members: &[Member]) -> Result<(), DecodeError> {
        for member in members {
            self.align(member.align);
            match &member.name {
                Some(name) => self.value(name, &member.kind, member.sets)?,
                None => {
                    let mark = self.out.mark();
                    self.value("_", &member.kind, member.sets)?;
                    self.out.reset(mark);
                }
            }
        }
        Ok(())
    }

    fn value(&mut self, name: &str, kind: &Kind, sets: Option<usize>) -> Result<(), DecodeError> {
        let start = self.place();
        match kind {
            Kind::Int(int) => {
                let taken = self.take(int.bytes, name)?;
                if int.bytes <= 8 {
                    let number = small(*int, taken);
                    if let Some(counter) = sets {
                        self.counters[counter] = number;
                    }
                    let value = match int.signed {
                        true if number.cast_signed() < 0 => Value::Signed(number.cast_signed()),
                        _ => Value::Unsigned(number),
                    };
                    self.out.add(name, value, start..self.place())?;
                } else {
                    let number = wide(*int, taken);
                    if int.signed || number >= 0 {
                        self.out.add_number(name, number, start..self.place())?;
                    } else {
                        let digits = number.cast_unsigned().to_string();
                        self.out
                            .add(name, Value::Big(&digits), start..self.place())?;
                    }
                }
            }
            Kind::Float { bytes, big_endian } => {
                let int = Int {
                    bytes: *bytes,
                    signed: false,
                    big_endian: *big_endian,
                };
                let bits = small(int, self.take(*bytes, name)?);
                let value = match bytes {
                    2 => Value::Single(half(bits as u16)),
                    4 => Value::Single(f32::from_bits(bits as u32)),
                    _ => Value::Float(f64::from_bits(bits)),
                };
                self.out.add(name, value, start..self.place())?;
            }
            Kind::Bool => {
                let value = self.take(1, name)?[0] != 0;
                self.out
                    .add(name, Value::Bool(value), start..self.place())?;
            }
            Kind::Text(count) => {
                let length = self.count(*count, 1, name)?;
                let start = self.place();
                let taken = self.take(length, name)?;
                let end = memchr::memchr(0, taken).unwrap_or(taken.len());
                match std::str::from_utf8(&taken[..end]) {
                    Ok(text) => self.out.add(name, Value::Text(text), start..self.place())?,
                    Err(_) => self
                        .out
                        .add(name, Value::Bytes(taken), start..self.place())?,
                };
            }
            Kind::Bytes(count) => {
                let length = self.count(*count, 1, name)?;
                let start = self.place();
                let taken = self.take(length, name)?;
                self.out
                    .add(name, Value::Bytes(taken), start..self.place())?;
            }
            Kind::Enum(int, names) => {
                let number = wide(*int, self.take(int.bytes, name)?);
                let known = names.iter().find(|(value, _)| *value == number);
                match (known, i64::try_from(number)) {
                    (Some((_, word)), Ok(number)) => {
                        self.out
                            .add(name, Value::Named(number, word), start..self.place())?
                    }
                    _ => self.out.add_number(name, number, start..self.place())?,
                };
            }
            Kind::Bits(int, fields) => {
                let mut bits = wide(*int, self.take(int.bytes, name)?).cast_unsigned();
                let record = self.out.add(name, Value::Record, start..self.place())?;
                for (name, width) in fields {
                    // The widths are those of the number together: 128 at most.
                    let mask = u128::MAX.checked_shr(128 - width).unwrap_or(0);
                    if let Some(name) = name {
                        let value = (bits & mask).cast_signed();
                        self.out.add_number(name, value, start..self.place())?;
                    }
                    bits = bits.checked_shr(*width).unwrap_or(0);
                }
                self.out.close(record, None);
            }
            Kind::Record(members, align) => {
                let record = self.out.add(name, Value::Record, start..start)?;
                self.members(members)?;
                self.align(*align);
                self.out.close(record, Some(self.place()));
            }
            Kind::Array(kind, align, count) => {
                let list = self.out.add(name, Value::List, start..start)?;
                let many = match count {
                    Count::Rest => usize::MAX,
                    count => self.count(*count, 0, name)?,
                };
                for _ in 0..many {
                    if *count == Count::Rest && self.at >= self.payload.len() {
                        break;
                    }
                    self.align(*align);
                    let before = self.at;
                    self.value("", kind, None)
                        .map_err(|error| error.inside(name))?;
                    if *count == Count::Rest && self.at == before {
                        // Nothing, for ever.
                        break;
                    }
                }
                self.out.close(list, Some(self.place()));
            }
        }
        Ok(())
    }

    /// How many come; of what is `size` bytes long, no more than are there.
    fn count(&mut self, count: Count, size: usize, name: &str) -> Result<usize, DecodeError> {
        let there = self.payload.len().saturating_sub(self.at);
        let many = match count {
            Count::Rest => return Ok(there.checked_div(size).unwrap_or(0)),
            Count::Fixed(many) => many,
            Count::Field(counter) => self.counters[counter],
            Count::Prefix(int) => small(int, self.take(int.bytes, name)?),
        };
        usize::try_from(many).map_err(|_| DecodeError::TooMany)
    }
}

/// A number of at most 8 bytes, as its sign extends it to 64 bits.
fn small(int: Int, bytes: &[u8]) -> u64 {
    let number = match (bytes, int.big_endian) {
        ([one], _) => u64::from(*one),
        ([a, b], false) => u64::from(u16::from_le_bytes([*a, *b])),
        ([a, b, c, d], false) => u64::from(u32::from_le_bytes([*a, *b, *c, *d])),
        (bytes, false) => match bytes.first_chunk() {
            Some(all) => u64::from_le_bytes(*all),
            None => (bytes.iter().rev()).fold(0, |number, byte| number << 8 | u64::from(*byte)),
        },
        (bytes, true) => bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    };
    let unused = 64 - 8 * bytes.len() as u32;
    if int.signed {
        (number << unused)
            .cast_signed()
            .wrapping_shr(unused)
            .cast_unsigned()
    } else {
        number
    }
}

/// A number of any width; of 128 bits without a sign as it would be with one.
fn wide(int: Int, bytes: &[u8]) -> i128 {
    let step = |number: u128, byte: &u8| number << 8 | u128::from(*byte);
    let number = if int.big_endian {
        bytes.iter().fold(0, step)
    } else {
        bytes.iter().rev().fold(0, step)
    };
    let unused = 128 - 8 * bytes.len() as u32;
    if int.signed && unused < 128 {
        (number << unused).cast_signed() >> unused
    } else {
        number.cast_signed()
    }
}

/// IEEE 754 binary16.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f32::from(bits & 0x3ff);
    sign * match exponent {
        0 => fraction * 2_f32.powi(-24),
        0x1f if fraction == 0.0 => f32::INFINITY,
        0x1f => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2_f32.powi(exponent - 15),
    }
}
