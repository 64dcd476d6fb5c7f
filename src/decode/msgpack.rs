//! MessagePack.

use rmp::Marker;
use rmp::decode::{self, ValueReadError, bytes::Bytes};

use super::decoded::{Decoded, Value};
use super::error::DecodeError;

/// Takes it to pieces.
///
/// # Errors
/// When it is none, or too much.
pub(super) fn decode(payload: &[u8], out: &mut Decoded) -> Result<(), DecodeError> {
    let mut reader = Reader { payload, at: 0 };
    reader.value("", 0, out)?;
    match payload.len() - reader.at {
        0 => Ok(()),
        rest => Err(DecodeError::trailing(rest)),
    }
}

struct Reader<'a> {
    payload: &'a [u8],
    at: usize,
}

/// It ends where more should come.
fn cut(at: usize) -> DecodeError {
    DecodeError::malformed(format!("it ends in the middle of a value, at byte {at}"))
}

impl<'a> Reader<'a> {
    /// Has something read that stands next.
    fn read<T>(
        &mut self,
        read: impl FnOnce(&mut Bytes<'a>) -> Result<T, ValueReadError<decode::bytes::BytesReadError>>,
    ) -> Result<T, DecodeError> {
        let mut bytes = Bytes::new(&self.payload[self.at..]);
        let value = read(&mut bytes).map_err(|_| cut(self.at))?;
        self.at += bytes.position() as usize;
        Ok(value)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (at, payload) = (self.at, self.payload);
        let taken = payload[at..].get(..length).ok_or_else(|| cut(at))?;
        self.at += length;
        Ok(taken)
    }

    fn value(&mut self, name: &str, depth: usize, out: &mut Decoded) -> Result<(), DecodeError> {
        let start = self.at;
        let marker = self.payload.get(start).ok_or_else(|| cut(start))?;
        let marker = Marker::from_u8(*marker);
        let whole: Option<i128> = match marker {
            Marker::FixPos(value) => {
                self.at += 1;
                Some(value.into())
            }
            Marker::FixNeg(value) => {
                self.at += 1;
                Some(value.into())
            }
            Marker::U8 => Some(self.read(decode::read_u8)?.into()),
            Marker::U16 => Some(self.read(decode::read_u16)?.into()),
            Marker::U32 => Some(self.read(decode::read_u32)?.into()),
            Marker::U64 => Some(self.read(decode::read_u64)?.into()),
            Marker::I8 => Some(self.read(decode::read_i8)?.into()),
            Marker::I16 => Some(self.read(decode::read_i16)?.into()),
            Marker::I32 => Some(self.read(decode::read_i32)?.into()),
            Marker::I64 => Some(self.read(decode::read_i64)?.into()),
            _ => None,
        };
        if let Some(whole) = whole {
            return out.add_number(name, whole, start..self.at).map(drop);
        }
        match marker {
            Marker::Null => {
                self.at += 1;
                out.add(name, Value::Null, start..self.at)?;
            }
            Marker::True | Marker::False => {
                self.at += 1;
                let value = marker == Marker::True;
                out.add(name, Value::Bool(value), start..self.at)?;
            }
            Marker::F32 => {
                let value = self.read(decode::read_f32)?;
                out.add(name, Value::Single(value), start..self.at)?;
            }
            Marker::F64 => {
                let value = self.read(decode::read_f64)?;
                out.add(name, Value::Float(value), start..self.at)?;
            }
            Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
                let length = self.read(decode::read_str_len)?;
                let bytes = self.take(length as usize)?;
                let value = match std::str::from_utf8(bytes) {
                    Ok(text) => Value::Text(text),
                    Err(_) => Value::Bytes(bytes),
                };
                out.add(name, value, start..self.at)?;
            }
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
                let length = self.read(decode::read_bin_len)?;
                let bytes = self.take(length as usize)?;
                out.add(name, Value::Bytes(bytes), start..self.at)?;
            }
            Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => {
                let length = self.read(decode::read_array_len)?;
                let list = out.open(name, Value::List, start, depth)?;
                for _ in 0..length {
                    self.value("", depth + 1, out)?;
                }
                out.close(list, Some(self.at));
            }
            Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => {
                let length = self.read(decode::read_map_len)?;
                let record = out.open(name, Value::Record, start, depth)?;
                for _ in 0..length {
                    let key = self.key(depth)?;
                    self.value(&key, depth + 1, out)?;
                }
                out.close(record, Some(self.at));
            }
            Marker::Reserved => {
                return Err(DecodeError::malformed(format!(
                    "byte {start}: 0xc1 is no value"
                )));
            }
            _ => {
                let meta = self.read(decode::read_ext_meta)?;
                let record = out.open(name, Value::Record, start, depth)?;
                let kind = self.at..self.at;
                out.add_number("ext", meta.typeid.into(), kind)?;
                let from = self.at;
                let bytes = self.take(meta.size as usize)?;
                out.add("data", Value::Bytes(bytes), from..self.at)?;
                out.close(record, Some(self.at));
            }
        }
        Ok(())
    }

    /// The name of what comes next: a text as it is, anything else as it would be written in a line.
    fn key(&mut self, depth: usize) -> Result<String, DecodeError> {
        let mut key = Decoded::default();
        self.value("", depth + 1, &mut key)?;
        Ok(super::word::key(&key))
    }
}
