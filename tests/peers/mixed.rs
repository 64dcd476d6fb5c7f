//! A reference producer (`zbq`, C) that sends seeded messages of all kinds, laps of them, and tells where each lies:
//! the truth for whoever finds them again without knowing. `mixed --help` says how.
#![expect(clippy::print_stderr, reason = "a program says what went wrong")]

use clap::{Parser, ValueEnum};
use std::io::{BufWriter, Read as _, Write as _};
use std::process::ExitCode;
use zbqtop::ring::layout::HEADER_SIZE;
use zbqtop::ring::{FLAG_FILLER, MessageHeader};

type Failure = Box<dyn std::error::Error>;

/// Sends messages of mixed lengths, payloads and numbers into a ring that nobody consumes.
///
/// Says `done HEAD MESSAGES`, and `message OFFSET PAYLOAD_LEN SEQ_ID` for each, fillers of laps included. Holds the
/// ring until stdin ends, and is killed when its parent dies.
#[derive(Parser)]
struct Mixed {
    /// Bytes in the ring.
    #[arg(long, default_value_t = 1 << 20)]
    capacity: u64,
    /// What everything is made from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Longest payload; each doubling of the length is as likely as the next.
    #[arg(long, default_value_t = 64 << 10)]
    max_payload: u64,
    /// How much is sent, in thousandths of a lap.
    #[arg(long, default_value_t = 2500)]
    laps: u64,
    /// How messages are numbered.
    #[arg(long, value_enum, default_value = "running")]
    numbers: Numbers,
    /// Messages begin at multiples of 16.
    #[arg(long)]
    aligned: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Numbers {
    /// One after the other.
    Running,
    /// All 0.
    Zero,
    /// Any.
    Arbitrary,
}

fn main() -> ExitCode {
    // Before anything that could outlive a parent which dies meanwhile.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    match Mixed::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("mixed: {failure}");
            ExitCode::FAILURE
        }
    }
}

impl Mixed {
    fn run(&self) -> Result<(), Failure> {
        let mut producer = zbq::Producer::new(&zbq::ProducerParams {
            ring_capacity: self.capacity,
            clog_threshold: 1000,
            stall_timeout_ns: 1_000_000_000,
            max_consumers: 1,
        })?;
        let mut sent = Vec::new();
        let mut dice = Dice(self.seed);
        let (mut head, mut last) = (0, 0);
        while head < self.capacity / 1000 * self.laps {
            let mut run = producer.reserve().ok_or("no room, but nobody consumes")?;
            let left = run.max_bytes();
            let total = HEADER_SIZE as u64 + self.length(&mut dice);
            // As it is, or behind a message that fills the rest of the lap.
            let fits = total == left || total + HEADER_SIZE as u64 <= left;
            let total = if fits { total } else { left };
            let (flags, seq_id) = match self.numbers {
                _ if !fits => (FLAG_FILLER, 0),
                Numbers::Running => (0, last + 1),
                Numbers::Zero => (0, 0),
                Numbers::Arbitrary => (0, dice.roll()),
            };
            last = if fits { seq_id } else { last };
            let header = MessageHeader {
                payload_len: u32::try_from(total - HEADER_SIZE as u64)?,
                flags,
                seq_id,
                ..MessageHeader::default()
            };
            let (place, payload) =
                run.as_mut_slice()[..usize::try_from(total)?].split_at_mut(HEADER_SIZE);
            place.copy_from_slice(&header.to_bytes());
            // A filler is left as it was: full of what the lap before had there.
            if fits {
                dice.fill(payload);
            }
            run.commit(total, zbq::CommitFlags::None)?;
            sent.push((head, header));
            head += total;
        }
        let mut out = BufWriter::new(std::io::stdout().lock());
        writeln!(out, "done {head} {}", sent.len())?;
        for (offset, header) in sent {
            writeln!(
                out,
                "message {offset} {} {}",
                header.payload_len, header.seq_id
            )?;
        }
        out.flush()?;
        std::io::stdin().read_to_end(&mut Vec::new())?;
        Ok(())
    }

    fn length(&self, dice: &mut Dice) -> u64 {
        let bits = dice.below(u64::from(u64::BITS - self.max_payload.leading_zeros()) + 1);
        let length = dice.below(1 << bits).min(self.max_payload);
        if self.aligned { length & !15 } else { length }
    }
}

/// Numbers that repeat for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }

    /// Zeros, text or anything.
    fn fill(&mut self, payload: &mut [u8]) {
        match self.below(3) {
            0 => payload.fill(0),
            1 => {
                let text = b"{\"level\":\"info\",\"message\":\"nothing new\"}\n";
                let from = self.below(text.len() as u64) as usize;
                let text = text.iter().cycle().skip(from);
                payload
                    .iter_mut()
                    .zip(text)
                    .for_each(|(to, byte)| *to = *byte);
            }
            _ => {
                for word in payload.chunks_mut(8) {
                    word.copy_from_slice(&self.roll().to_ne_bytes()[..word.len()]);
                }
            }
        }
    }
}
