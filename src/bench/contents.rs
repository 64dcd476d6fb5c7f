//! What is in each message, and whether it arrived so: sender and receiver make the same bytes by themselves.

use crate::observe::model::Delivery;

/// Messages in a row with different contents, ...
const VARIANTS: usize = 16;
/// ... each of which begins so many bytes behind the one before, in one run of bytes that repeats nowhere.
const SHIFT: usize = 64;

/// The payload of every message of one length.
#[derive(Debug)]
pub(super) struct Contents {
    size: usize,
    bytes: Vec<u8>,
}

impl Contents {
    /// Payloads of `size` bytes.
    pub(super) fn new(size: usize) -> Self {
        let mut word = 0x9e37_79b9_7f4a_7c15_u64;
        let words = (size + VARIANTS * SHIFT).div_ceil(8);
        let bytes = (0..words).flat_map(|_| {
            // xorshift64
            word ^= word << 13;
            word ^= word >> 7;
            word ^= word << 17;
            word.to_le_bytes()
        });
        Self {
            size,
            bytes: bytes.collect(),
        }
    }

    /// The payload of message `number`.
    #[inline]
    pub(super) fn of(&self, number: u64) -> &[u8] {
        let from = (number % VARIANTS as u64) as usize * SHIFT;
        &self.bytes[from..from + self.size]
    }
}

/// Watches over messages as they arrive.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    /// The number of the message that should come next.
    next: u64,
    delivery: Delivery,
}

impl Arrivals {
    /// Message `number` has come: with these bytes, or, `None`, with another length.
    #[inline]
    pub(super) fn note(&mut self, contents: &Contents, number: u64, payload: Option<&[u8]>) {
        if number == self.next {
            self.next += 1;
        } else {
            self.out_of_order(number);
        }
        match payload {
            None => self.delivery.wrong_length_messages += 1,
            Some(payload) if payload != contents.of(number) => {
                self.delivery.wrong_content_messages += 1;
            }
            Some(_) => {}
        }
    }

    #[cold]
    fn out_of_order(&mut self, number: u64) {
        if number > self.next {
            self.delivery.lost_messages += number - self.next;
            self.next = number.saturating_add(1);
        } else {
            self.delivery.disordered_messages += 1;
        }
    }

    /// What went wrong, if `sent` messages were sent in all.
    pub(super) fn close(mut self, sent: u64) -> Delivery {
        self.delivery.lost_messages += sent.saturating_sub(self.next);
        self.delivery
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The delivery of messages with these numbers and the right contents, of five that were sent.
    fn of_five(numbers: &[u64]) -> Delivery {
        let contents = Contents::new(40);
        let mut arrivals = Arrivals::default();
        for number in numbers {
            arrivals.note(&contents, *number, Some(contents.of(*number)));
        }
        arrivals.close(5)
    }

    #[test]
    fn every_message_is_missed_that_did_not_come_once_and_in_order() {
        assert!(of_five(&[0, 1, 2, 3, 4]).is_complete());
        for (numbers, lost, disordered) in [
            (&[][..], 5, 0),
            (&[0, 1, 2], 2, 0),
            (&[0, 1, 4], 2, 0),
            (&[2, 3, 4], 2, 0),
            (&[0, 1, 1, 2, 3, 4], 0, 1),
            (&[0, 2, 1, 3, 4], 1, 1),
        ] {
            let expected = Delivery {
                lost_messages: lost,
                disordered_messages: disordered,
                ..Delivery::default()
            };
            assert_eq!(of_five(numbers), expected, "{numbers:?}");
        }
    }

    #[test]
    fn bytes_and_lengths_are_compared() {
        let contents = Contents::new(40);
        let mut arrivals = Arrivals::default();
        arrivals.note(&contents, 0, Some(contents.of(1)));
        arrivals.note(&contents, 1, None);
        arrivals.note(&contents, 2, Some(contents.of(2)));
        let expected = Delivery {
            wrong_length_messages: 1,
            wrong_content_messages: 1,
            ..Delivery::default()
        };
        assert_eq!(arrivals.close(3), expected);
    }

    #[test]
    fn neighbours_differ_in_every_size() {
        for size in [1, 7, 64, 4096] {
            let contents = Contents::new(size);
            for number in 1..40 {
                assert_eq!(contents.of(number).len(), size);
                // A single byte may be like its neighbour.
                assert!(
                    size < 7 || contents.of(number) != contents.of(number - 1),
                    "{size}"
                );
            }
        }
        assert!(Contents::new(0).of(3).is_empty());
    }
}
