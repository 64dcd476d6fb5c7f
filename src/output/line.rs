//! One short line of words and numbers, put together in place, without formatting machinery and without a call for each
//! piece: there is one for each message, however short.

/// More than the longest line.
const ROOM: usize = 128;

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

    /// Adds a number in decimal: four digits at a time, as each division waits for the one before.
    #[inline]
    pub(super) fn number(&mut self, number: u64) {
        let digits = number.checked_ilog10().unwrap_or(0) as usize + 1;
        let place = &mut self.bytes[self.length..self.length + digits];
        let (mut at, mut rest) = (digits, number);
        while at >= 4 {
            at -= 4;
            let four = (rest % 10_000) as usize;
            rest /= 10_000;
            place[at..at + 2].copy_from_slice(&PAIRS[four / 100]);
            place[at + 2..at + 4].copy_from_slice(&PAIRS[four % 100]);
        }
        let mut rest = rest as usize;
        if at >= 2 {
            at -= 2;
            place[at..at + 2].copy_from_slice(&PAIRS[rest % 100]);
            rest /= 100;
        }
        if at == 1 {
            place[0] = b'0' + rest as u8;
        }
        self.length += digits;
    }
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
