//! Payloads of a fixed form, described in a line: `px:f64 qty:u32 side:u8{0=buy,1=sell} sym:char[8] rest:bytes`.
//!
//! ```text
//! u8 .. u128, i8 .. i128     whole numbers of a multiple of 8 bits; le or be behind it, as in u32be
//! f16 f32 f64                numbers
//! bool                       a byte; 0 is false
//! char[N]                    text of N bytes, up to the first that is 0
//! bytes[N]                   bytes
//! u8{0=buy,1=sell}           numbers that stand for names
//! u16{flags:4,kind:12}       bit fields, the lowest bits first
//! (x:i16 y:i16)              a record
//! TYPE[3] TYPE[n] TYPE[u16] TYPE[]   so many of them; as many as field n says; as many as the u16 before them says; to the end
//! _:u8[3]                    is not shown
//! @be @le                    what follows is big-endian, or little-endian, which is the default
//! @c                         what follows is aligned as C lays it out
//! ```

mod kinds;
mod names;
mod parse;
mod read;

pub(super) use kinds::Layout;

#[cfg(test)]
mod tests;
