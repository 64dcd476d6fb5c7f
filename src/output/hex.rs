//! The canonical hex dump, by table and without formatting machinery: it must keep up with a ring.
//!
//! `00000000  48 65 6c 6c 6f 2c 20 77  6f 72 6c 64 0a           |Hello, world.|`, as `hexdump -C` has it. Eight digits
//! of offset are enough: no payload is longer than a u32 can say.

/// Bytes shown on one line.
pub(super) const WIDTH: usize = 16;
/// Column of the first byte: 8 digits of offset and two blanks.
const BYTES: usize = 10;
/// Column of the text: each byte has three, the halves are parted by one more, and two blanks follow.
const TEXT: usize = BYTES + 3 * WIDTH + 2;
/// A full line: text between two bars, and the newline.
const LINE: usize = TEXT + WIDTH + 3;

/// Each byte as two digits, the first in the low byte.
static DIGITS: [u16; 256] = {
    let digits = b"0123456789abcdef";
    let mut all = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        all[byte] = u16::from_le_bytes([digits[byte >> 4], digits[byte & 15]]);
        byte += 1;
    }
    all
};
/// What stands behind and between the digits of two bytes.
const BLANKS: u64 = 0x2020_2000_0020_0000;

/// A byte as two digits.
#[must_use]
pub fn digits(byte: u8) -> [u8; 2] {
    DIGITS[usize::from(byte)].to_le_bytes()
}

/// Which byte of a line stands in that column, as digits or as text.
pub(super) fn byte_at(column: usize) -> Option<usize> {
    if let Some(text) = column.checked_sub(TEXT + 1) {
        return (text < WIDTH).then_some(text);
    }
    let digits = column.checked_sub(BYTES)?;
    let half = 3 * WIDTH / 2;
    let digits = if digits > half { digits - 1 } else { digits };
    (digits % 3 < 2 && digits / 3 < WIDTH).then_some(digits / 3)
}

/// Writes `bytes` as lines of 16, offsets counted from 0.
pub fn dump(out: &mut Vec<u8>, bytes: &[u8]) {
    dump_from(out, 0, bytes);
}

/// Writes `bytes` as lines of 16, the first at `offset`.
pub(super) fn dump_from(out: &mut Vec<u8>, offset: u32, bytes: &[u8]) {
    let (rows, rest) = bytes.as_chunks::<WIDTH>();
    let start = out.len();
    // Filled in place: to copy lines takes as long as to make them.
    out.resize(start + rows.len() * LINE, b' ');
    let (lines, _) = out[start..].as_chunks_mut::<LINE>();
    let mut offset = offset;
    for (line, row) in lines.iter_mut().zip(rows) {
        fill(line, offset, row);
        offset = offset.wrapping_add(WIDTH as u32);
    }
    if rest.is_empty() {
        return;
    }
    let mut row = [0; WIDTH];
    row[..rest.len()].copy_from_slice(rest);
    let mut line = [b' '; LINE];
    fill(&mut line, offset, &row);
    let shown = BYTES + 3 * rest.len() + usize::from(rest.len() > WIDTH / 2);
    line[shown..TEXT].fill(b' ');
    line[TEXT + 1 + rest.len()..][..2].copy_from_slice(b"|\n");
    out.extend_from_slice(&line[..TEXT + rest.len() + 3]);
}

/// A full line. Digits are put together in registers and stored eight characters at a time, each store over the blanks
/// at the end of the one before.
fn fill(line: &mut [u8; LINE], offset: u32, row: &[u8; WIDTH]) {
    let two = |byte: u8| u64::from(DIGITS[usize::from(byte)]);
    let [a, b, c, d] = offset.to_be_bytes().map(two);
    line[..8].copy_from_slice(&(a | b << 16 | c << 32 | d << 48).to_le_bytes());
    let (pairs, _) = row.as_chunks::<2>();
    for (place, [first, second]) in pairs.iter().enumerate() {
        let at = BYTES + 6 * place + usize::from(place >= WIDTH / 4);
        let digits = two(*first) | two(*second) << 24 | BLANKS;
        line[at..at + 8].copy_from_slice(&digits.to_le_bytes());
    }
    let mut shown = *row;
    for byte in &mut shown {
        let plain = byte.wrapping_sub(b' ') < 0x5f;
        *byte = if plain { *byte } else { b'.' };
    }
    line[TEXT] = b'|';
    line[TEXT + 1..][..WIDTH].copy_from_slice(&shown);
    line[TEXT + 1 + WIDTH..].copy_from_slice(b"|\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::fuzz::dump_by_the_book;

    fn dumped(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        dump(&mut out, bytes);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn it_reads_like_hexdump_c() {
        assert_eq!(
            dumped(b"Hello, world.\n\x00\xff\x1b["),
            "00000000  48 65 6c 6c 6f 2c 20 77  6f 72 6c 64 2e 0a 00 ff  |Hello, world....|\n\
             00000010  1b 5b                                             |.[|\n"
        );
        assert_eq!(dumped(b""), "");
    }

    #[test]
    fn every_length_and_every_byte_is_laid_out_alike() {
        let bytes: Vec<u8> = (0..3000_u32).map(|i| (i * 7 + i / 256) as u8).collect();
        for length in (0..100).chain([511, 512, 513, 527, 1024, 2999]) {
            assert_eq!(
                dumped(&bytes[..length]),
                dump_by_the_book(&bytes[..length]),
                "{length}"
            );
        }
    }
}
