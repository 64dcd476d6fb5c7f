//! What the demo's messages say: log lines, JSON and binary records, readable and varied, from a small generator.

use std::fmt::Write as _;

const SYMBOLS: [&str; 6] = ["ALPHA", "BRAVO", "CHARLIE", "DELTA", "ECHO", "FOXTROT"];
const VENUES: [&str; 4] = ["north", "south", "east", "west"];

/// Makes payloads, one after the other.
#[derive(Debug)]
pub(super) struct Payloads {
    number: u64,
    random: u64,
    text: String,
    bytes: Vec<u8>,
}

impl Payloads {
    /// Starts at message 1.
    pub(super) fn new() -> Self {
        Self {
            number: 0,
            random: 0x9e37_79b9_7f4a_7c15,
            text: String::new(),
            bytes: Vec::new(),
        }
    }

    /// The next payload, to be used before the one after it is asked for.
    pub(super) fn next(&mut self) -> &[u8] {
        self.number += 1;
        let symbol = SYMBOLS[self.below(SYMBOLS.len() as u64)];
        let venue = VENUES[self.below(VENUES.len() as u64)];
        let (price, quantity) = (10_000 + self.below(5_000), 1 + self.below(900));
        let number = self.number;
        self.text.clear();
        // Writing to a String cannot fail.
        let _ = match self.below(4) {
            0 => write!(
                self.text,
                "order {number} {symbol} filled: {quantity} at {}.{:02}",
                price / 100,
                price % 100
            ),
            1 => write!(
                self.text,
                r#"{{"id":{number},"symbol":"{symbol}","price":{}.{:02},"quantity":{quantity},"venue":"{venue}"}}"#,
                price / 100,
                price % 100
            ),
            2 => write!(
                self.text,
                "{venue}: depth of {symbol} changed\n{}",
                "bid ask\n".repeat(1 + quantity % 12)
            ),
            _ => return self.record(price, quantity),
        };
        self.text.as_bytes()
    }

    /// A binary record: number, price, quantity and four samples, little-endian.
    fn record(&mut self, price: usize, quantity: usize) -> &[u8] {
        self.bytes.clear();
        self.bytes.extend(self.number.to_le_bytes());
        self.bytes.extend((price as u64).to_le_bytes());
        self.bytes.extend((quantity as u64).to_le_bytes());
        for _ in 0..4 {
            let sample = self.below(1 << 20) as u64;
            self.bytes.extend(sample.to_le_bytes());
        }
        &self.bytes
    }

    /// A number below `limit` (xorshift64).
    fn below(&mut self, limit: u64) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random % limit).unwrap_or(0)
    }
}
