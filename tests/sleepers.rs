//! Nobody sleeps on: push consumers of both makes on a ring of ours, which calls the kernel only where somebody may sleep. On
//! real hardware, for as long as it takes. Not among the default tests:
//! `cargo test --release --test main sleepers -- --ignored --nocapture`; `ZBQTOP_SOAK=60` for a minute.

use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use zbqtop::ring::{Consumer, Error, Producer, ProducerParams, WakeupMode};

const PATIENCE: Duration = Duration::from_secs(1);

/// Joins as `read` does, which goes on for as long as the process does.
fn join(producer: &mut Producer, read: fn(UnixStream)) {
    let (ours, theirs) = UnixStream::pair().expect("sockets");
    std::thread::spawn(move || read(theirs));
    producer
        .handshake(ours, WakeupMode::Push, Duration::from_secs(10))
        .expect("a consumer");
}

fn ours(conn: UnixStream) {
    let consumer = Consumer::join(conn, WakeupMode::Push, Duration::from_secs(10));
    let mut consumer = consumer.expect("a slot");
    loop {
        let token = consumer.futex_token();
        let mut drain = consumer.drain();
        let mut any = false;
        while drain.message().expect("a message").is_some() {
            any = true;
        }
        drop(drain);
        if !any {
            // Longer than anybody waits for it: it is to be woken.
            consumer
                .wait_broadcast(token, 100 * PATIENCE)
                .expect("a futex");
        }
    }
}

fn reference(conn: UnixStream) {
    let consumer = zbq::Consumer::join(conn.as_raw_fd(), zbq::WakeupMode::Push).expect("a slot");
    loop {
        let token = consumer.get_futex_token();
        match consumer.peek() {
            Ok(Some(message)) => {
                consumer.publish(message.logical_offset() + message.total_len());
            }
            _ => {
                let _ = consumer.wait_broadcast(token);
            }
        }
    }
}

#[test]
#[ignore = "takes an hour"]
fn sleepers_are_woken() {
    let seconds = std::env::var("ZBQTOP_SOAK").ok();
    let seconds = seconds.map_or(3600, |text| text.parse().expect("seconds"));
    let mut producer = Producer::create(ProducerParams {
        ring_capacity: 1 << 16,
        stall_timeout: Duration::MAX,
        ..ProducerParams::default()
    })
    .expect("a ring");
    for read in [ours, reference, ours] {
        join(&mut producer, read);
    }
    let until = Instant::now() + Duration::from_secs(seconds);
    let (mut rounds, mut random, mut longest) = (0_u64, 1_u64, Duration::ZERO);
    while Instant::now() < until {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        // Of a multiple of 16 bytes: the reference's crate reads headers where they lie, and is checked for it when not optimised.
        // One message, or a few together, or one after the other.
        let (count, together) = ((random >> 33) % 4 + 1, random >> 63 == 0);
        if together {
            let mut batch = producer.batch();
            for _ in 0..count {
                batch.push(b"wake up, sleeper").expect("room");
            }
        } else {
            for _ in 0..count {
                match producer.send(b"wake up, sleeper") {
                    Ok(_) => {}
                    Err(Error::Full { .. }) => panic!("they read all there was"),
                    Err(error) => panic!("{error}"),
                }
            }
        }
        let (sent, head) = (Instant::now(), producer.head());
        while producer.slots().any(|slot| slot.tail_offset < head) {
            assert!(
                sent.elapsed() < PATIENCE,
                "after {rounds} rounds somebody sleeps on: {:?}, head {head}",
                producer.slots().collect::<Vec<_>>()
            );
            std::hint::spin_loop();
        }
        longest = longest.max(sent.elapsed());
        // They go to sleep meanwhile, or are about to, or look once more.
        for _ in 0..(random >> 40) % 2000 {
            std::hint::spin_loop();
        }
        rounds += 1;
    }
    let _ = writeln!(
        std::io::stderr(),
        "{rounds} rounds in {seconds} s; the longest took {longest:?}"
    );
}
