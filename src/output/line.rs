//! One short line of words and numbers, put together without formatting machinery and without a call for each piece:
//! there is one for each message, however short.

/// The longest line, with room behind it for the widest store.
const ROOM: usize = 192;
/// Digits of the largest u64.
const DIGITS: usize = 20;

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
pub(super) struct Line {
    bytes: [u8; ROOM],
    length: usize,
}

impl Line {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self {
            bytes: [0; ROOM],
            length: 0,
        }
    }

    /// Adds words. Their length is known to the compiler, so this is a store or two.
    #[inline]
    pub(super) fn words<const N: usize>(&mut self, words: &[u8; N]) {
        self.bytes[self.length..self.length + N].copy_from_slice(words);
        self.length += N;
    }

    /// Adds a number in decimal.
    #[inline]
    pub(super) fn number(&mut self, number: u64) {
        // Twice the room, so that as much can be copied from wherever the digits begin.
        let mut digits = [0; 2 * DIGITS];
        let (mut at, mut rest) = (DIGITS, number);
        while rest >= 10 {
            at -= 2;
            digits[at..at + 2].copy_from_slice(&PAIRS[(rest % 100) as usize]);
            rest /= 100;
        }
        if rest > 0 || at == DIGITS {
            at -= 1;
            digits[at] = b'0' + rest as u8;
        }
        self.bytes[self.length..self.length + DIGITS].copy_from_slice(&digits[at..at + DIGITS]);
        self.length += DIGITS - at;
    }

    /// The line.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_they_should() {
        let mut numbers: Vec<u64> = (0..1200).chain([u64::MAX, u64::MAX - 1]).collect();
        for power in 1..20 {
            let power = 10_u64.pow(power);
            numbers.extend([power - 1, power, power + 1, 12 * power / 10]);
        }
        for number in numbers {
            let mut line = Line::new();
            line.words(b"a ");
            line.number(number);
            line.words(b"b");
            assert_eq!(line.bytes(), format!("a {number}b").as_bytes());
        }
    }
}
