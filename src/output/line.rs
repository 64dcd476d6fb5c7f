//! One short line of words and numbers, put together in place, without formatting machinery and without a call for each
//! piece: there is one for each message, however short.

/// More than the longest line, and a store beyond its end.
const ROOM: usize = 136;

/// All numbers of two digits.
static PAIRS: [[u8; 2]; 100] = {
    let mut all = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        all[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    all
};

/// A line, as far as it is written.
pub(super) struct MessageLine<'a> {
    bytes: &'a mut [u8],
    length: usize,
}

/// Appends what `write` puts into a line. It is put where it stays: to copy what was just stored in small pieces would
/// stall the processor.
///
/// # Panics
/// When that is more than [`ROOM`].
pub(super) fn append(out: &mut Vec<u8>, write: impl FnOnce(&mut MessageLine<'_>)) {
    let start = out.len();
    out.resize(start + ROOM, 0);
    let mut line = MessageLine {
        bytes: &mut out[start..],
        length: 0,
    };
    write(&mut line);
    let length = line.length;
    out.truncate(start + length);
}

impl MessageLine<'_> {
    /// Adds words. Their length is known to the compiler, so this is a store or two.
    #[inline]
    pub(super) fn words<const N: usize>(&mut self, words: &[u8; N]) {
        self.bytes[self.length..self.length + N].copy_from_slice(words);
        self.length += N;
    }

    /// Adds a number in decimal: eight digits at a time, which do not wait for each other.
    #[inline]
    pub(super) fn number(&mut self, number: u64) {
        const EIGHT: u64 = 100_000_000;
        if number < EIGHT {
            return self.leading(number as u32);
        }
        let (rest, low) = (number / EIGHT, (number % EIGHT) as u32);
        if rest < EIGHT {
            self.leading(rest as u32);
        } else {
            self.leading((rest / EIGHT) as u32);
            self.store(eight_digits((rest % EIGHT) as u32), 8);
        }
        self.store(eight_digits(low), 8);
    }

    /// Up to eight digits, without zeros before them.
    #[inline]
    fn leading(&mut self, number: u32) {
        let digits = eight_digits(number);
        let zeros = (digits ^ u64::from_le_bytes(*b"00000000")).trailing_zeros() / 8;
        let zeros = zeros.min(7);
        self.store(digits >> (8 * zeros), 8 - zeros as usize);
    }

    /// Eight bytes, of which so many count.
    #[inline]
    fn store(&mut self, bytes: u64, count: usize) {
        self.bytes[self.length..self.length + 8].copy_from_slice(&bytes.to_le_bytes());
        self.length += count;
    }
}

/// The digits of a number below 10⁸, the first in the low byte.
#[inline]
fn eight_digits(number: u32) -> u64 {
    let pair = |two: u32| u64::from(u16::from_le_bytes(PAIRS[two as usize % 100]));
    let (high, low) = (number / 10_000, number % 10_000);
    pair(high / 100) | pair(high % 100) << 16 | pair(low / 100) << 32 | pair(low % 100) << 48
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_they_should() {
        let mut numbers: Vec<u64> = (0..12_000).chain([u64::MAX, u64::MAX - 1]).collect();
        for power in 1..20 {
            let power = 10_u64.pow(power);
            numbers.extend([power - 1, power, power + 1, power / 10 * 12]);
        }
        for number in numbers {
            let mut out = b"before ".to_vec();
            append(&mut out, |line| {
                line.words(b"a ");
                line.number(number);
                line.words(b"b");
            });
            assert_eq!(out, format!("before a {number}b").as_bytes());
        }
    }
}
