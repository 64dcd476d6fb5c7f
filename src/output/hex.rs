//! The canonical hex dump, by table and without formatting machinery: it must keep up with a ring.
//!
//! `00000000  48 65 6c 6c 6f 2c 20 77  6f 72 6c 64 0a           |Hello, world.|`, as `hexdump -C` has it.

use std::io::{self, Write};

/// Bytes shown on one line.
const WIDTH: usize = 16;
/// Column of the first byte: 8 digits of offset and two blanks.
const BYTES: usize = 10;
/// Column of the text: each byte has three, the halves are parted by one more, and two blanks follow.
const TEXT: usize = BYTES + 3 * WIDTH + 2;
/// A full line: text between two bars, and the newline.
const LINE: usize = TEXT + WIDTH + 3;
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Writes `bytes` as lines of 16, offsets counted from 0.
///
/// # Errors
/// Those of `out`.
pub fn dump(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    for (row, chunk) in bytes.chunks(WIDTH).enumerate() {
        out.write_all(&line(row * WIDTH, chunk)[..TEXT + chunk.len() + 3])?;
    }
    Ok(())
}

/// One line of at most [`WIDTH`] bytes.
fn line(offset: usize, chunk: &[u8]) -> [u8; LINE] {
    let mut line = [b' '; LINE];
    for (place, digit) in line[..8].iter_mut().rev().enumerate() {
        *digit = DIGITS[offset >> (4 * place) & 15];
    }
    line[TEXT] = b'|';
    for (column, byte) in chunk.iter().enumerate() {
        let at = BYTES + 3 * column + usize::from(column >= WIDTH / 2);
        line[at] = DIGITS[usize::from(byte >> 4)];
        line[at + 1] = DIGITS[usize::from(byte & 15)];
        line[TEXT + 1 + column] = if matches!(byte, 0x20..=0x7e) {
            *byte
        } else {
            b'.'
        };
    }
    line[TEXT + 1 + chunk.len()] = b'|';
    line[TEXT + 2 + chunk.len()] = b'\n';
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_like_hexdump_c() {
        let mut out = Vec::new();
        dump(&mut out, b"Hello, world.\n\x00\xff\x1b[").expect("a Vec takes everything");
        assert_eq!(
            String::from_utf8(out).expect("ASCII"),
            "00000000  48 65 6c 6c 6f 2c 20 77  6f 72 6c 64 2e 0a 00 ff  |Hello, world....|\n\
             00000010  1b 5b                                             |.[|\n"
        );
    }
}
