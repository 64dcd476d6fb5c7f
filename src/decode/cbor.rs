//! CBOR (RFC 8949).

use minicbor::Decoder;
use minicbor::data::Type;
use minicbor::decode::Error;

use super::decoded::{Decoded, Value};
use super::error::DecodeError;

/// Takes it to pieces.
///
/// # Errors
/// When it is none, or too much.
pub(super) fn decode(payload: &[u8], out: &mut Decoded) -> Result<(), DecodeError> {
    let mut input = Decoder::new(payload);
    value(&mut input, "", 0, out)?;
    match payload.len() - input.position() {
        0 => Ok(()),
        rest => Err(DecodeError::trailing(rest)),
    }
}

fn malformed(input: &Decoder<'_>) -> impl Fn(Error) -> DecodeError + use<> {
    let at = input.position();
    move |error| {
        DecodeError::malformed(match error.is_end_of_input() {
            true => format!("it ends in the middle of a value, at byte {at}"),
            false => format!("byte {at}: {error}"),
        })
    }
}

fn value(
    input: &mut Decoder<'_>,
    name: &str,
    depth: usize,
    out: &mut Decoded,
) -> Result<(), DecodeError> {
    let start = input.position();
    let wrong = malformed(input);
    let kind = input.datatype().map_err(&wrong)?;
    let leaf = match kind {
        Type::Bool => Value::Bool(input.bool().map_err(&wrong)?),
        Type::Null => {
            input.null().map_err(&wrong)?;
            Value::Null
        }
        Type::Undefined => {
            input.undefined().map_err(&wrong)?;
            Value::Null
        }
        Type::F16 => Value::Single(input.f16().map_err(&wrong)?),
        Type::F32 => Value::Single(input.f32().map_err(&wrong)?),
        Type::F64 => Value::Float(input.f64().map_err(&wrong)?),
        Type::Bytes => Value::Bytes(input.bytes().map_err(&wrong)?),
        Type::String => Value::Text(input.str().map_err(&wrong)?),
        Type::Simple => Value::Unsigned(input.simple().map_err(&wrong)?.into()),
        Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::I8
        | Type::I16
        | Type::I32
        | Type::I64
        | Type::Int => {
            let number = i128::from(input.int().map_err(&wrong)?);
            return out
                .add_number(name, number, start..input.position())
                .map(drop);
        }
        Type::BytesIndef => {
            let mut all = Vec::new();
            for piece in input.bytes_iter().map_err(&wrong)? {
                all.extend_from_slice(piece.map_err(&wrong)?);
            }
            out.add(name, Value::Bytes(&all), start..input.position())?;
            return Ok(());
        }
        Type::StringIndef => {
            let mut all = String::new();
            for piece in input.str_iter().map_err(&wrong)? {
                all.push_str(piece.map_err(&wrong)?);
            }
            out.add(name, Value::Text(&all), start..input.position())?;
            return Ok(());
        }
        Type::Tag => {
            let tag = input.tag().map_err(&wrong)?.as_u64();
            let record = out.open(name, Value::Record, start, depth)?;
            out.add("tag", Value::Unsigned(tag), start..input.position())?;
            value(input, "value", depth + 1, out)?;
            out.close(record, Some(input.position()));
            return Ok(());
        }
        Type::Array | Type::ArrayIndef => {
            let length = input.array().map_err(&wrong)?;
            let list = out.open(name, Value::List, start, depth)?;
            let mut left = length;
            while goes_on(input, &mut left)? {
                value(input, "", depth + 1, out)?;
            }
            out.close(list, Some(input.position()));
            return Ok(());
        }
        Type::Map | Type::MapIndef => {
            let length = input.map().map_err(&wrong)?;
            let record = out.open(name, Value::Record, start, depth)?;
            let mut left = length;
            while goes_on(input, &mut left)? {
                let mut key = Decoded::default();
                value(input, "", depth + 1, &mut key)?;
                value(input, &super::word::key(&key), depth + 1, out)?;
            }
            out.close(record, Some(input.position()));
            return Ok(());
        }
        kind @ (Type::Break | Type::Unknown(_)) => {
            return Err(DecodeError::malformed(format!(
                "byte {start}: found {kind}, expected a value"
            )));
        }
    };
    out.add(name, leaf, start..input.position())?;
    Ok(())
}

/// Whether another one comes, where so many are `left`, or where a break ends them.
fn goes_on(input: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, DecodeError> {
    match left {
        Some(0) => Ok(false),
        Some(left) => {
            *left -= 1;
            Ok(true)
        }
        None => {
            let wrong = malformed(input);
            if input.datatype().map_err(wrong)? == Type::Break {
                input.set_position(input.position() + 1);
                return Ok(false);
            }
            Ok(true)
        }
    }
}
