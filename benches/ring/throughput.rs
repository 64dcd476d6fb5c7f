//! Messages a second, flat out.

use std::time::{Duration, Instant};

use crate::bare::Bare;
use crate::interface::{self, Interface, REFERENCE};
use crate::rig::{Role, now, role};
use crate::sides::{CReceiver, CSender, Receiver, Sender, admit, connect, join_ours, ours};
use crate::{pin, spread};

/// How long it is measured, after a while to settle.
const WINDOW: Duration = Duration::from_millis(250);
const SETTLE: Duration = Duration::from_millis(50);
/// Messages between two looks at the clock.
const BETWEEN_LOOKS: usize = 64;

/// What is measured.
#[derive(Clone, Copy)]
struct Setting {
    /// Bytes of a message, header included.
    message: usize,
    consumers: usize,
    push: bool,
}

impl Setting {
    /// Room for many messages, and no more than caches hold where they are small.
    fn capacity(self) -> u64 {
        (self.message as u64 * 1024).clamp(1 << 20, 16 << 20)
    }

    fn name(self) -> String {
        let size = match self.message {
            message if message < 1024 => format!("{message} B"),
            message => format!("{} KiB", message / 1024),
        };
        let mode = if self.push { "push" } else { "pull" };
        format!(
            "{size:>6}, {mode}, {} consumer{}",
            self.consumers,
            if self.consumers == 1 { "" } else { "s" }
        )
    }
}

/// One side of a pair, and whether it commits and releases many messages together.
#[derive(Clone, Copy, PartialEq)]
enum Make {
    Reference,
    /// libzbq, through the same C calls.
    OursInC,
    Ours,
    OursBatched,
    Bare,
    BareBatched,
}

impl Make {
    fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::OursInC => "ours-in-c",
            Self::Ours => "ours",
            Self::OursBatched => "ours-batched",
            Self::Bare => "bare",
            Self::BareBatched => "bare-batched",
        }
    }

    fn of(name: &str) -> Self {
        let all = [
            Self::Reference,
            Self::OursInC,
            Self::Ours,
            Self::OursBatched,
            Self::Bare,
            Self::BareBatched,
        ];
        all.into_iter()
            .find(|make| make.name() == name)
            .expect("one of them")
    }

    fn interface(self) -> Interface {
        match self {
            Self::OursInC => interface::ours(),
            _ => REFERENCE,
        }
    }

    fn is_batched(self) -> bool {
        matches!(self, Self::OursBatched | Self::BareBatched)
    }
}

/// Messages a second with that many consumers.
fn measure(make: Make, setting: Setting) -> f64 {
    let socket = std::env::temp_dir().join(format!("zbqtop-ring-{}-{}", std::process::id(), now()));
    let socket = socket.to_str().expect("a temporary path is text");
    let (message, count) = (setting.message.to_string(), setting.consumers.to_string());
    let push = setting.push.to_string();
    let capacity = setting.capacity().to_string();
    let mut producer = role(&[
        "produce",
        make.name(),
        socket,
        &message,
        &capacity,
        &count,
        &push,
    ]);
    let consumers: Vec<Role> = (0..setting.consumers)
        .map(|number| {
            let core = (1 + number).to_string();
            role(&[
                "consume",
                make.name(),
                socket,
                &message,
                &capacity,
                &core,
                &push,
                &count,
            ])
        })
        .collect();
    let mut said = String::new();
    let mut out = producer.0.stdout.take().expect("piped");
    std::io::Read::read_to_string(&mut out, &mut said).expect("text");
    drop(consumers);
    said.trim().parse().expect("a rate")
}

pub(crate) fn produce(how: &[&str]) {
    let [make, socket, message, capacity, consumers, push] = how else {
        panic!("{how:?}")
    };
    pin(0);
    let capacity = capacity.parse().expect("a size");
    let make = Make::of(make);
    let payload = vec![7; message.parse::<usize>().expect("a length") - 16];
    let consumers = consumers.parse().expect("a number");
    let push = *push == "true";
    let rate = match make {
        Make::Reference | Make::OursInC => {
            let mut sender = CSender::new(make.interface(), capacity);
            flat_out(&mut sender, make, &payload, |sender| {
                admit(sender, socket, consumers, push);
            })
        }
        Make::Ours | Make::OursBatched => flat_out(&mut ours(capacity), make, &payload, |sender| {
            admit(sender, socket, consumers, push);
        }),
        Make::Bare | Make::BareBatched => {
            flat_out(&mut Bare::create(capacity), make, &payload, |sender| {
                admit(sender, socket, consumers, push);
            })
        }
    };
    println!("{rate}");
}

fn flat_out<S: Sender>(
    sender: &mut S,
    make: Make,
    payload: &[u8],
    admit: impl FnOnce(&mut S),
) -> f64 {
    admit(sender);
    let mut send = |window: Duration| {
        let (started, mut sent) = (Instant::now(), 0);
        loop {
            if make.is_batched() {
                sent += sender.send_many(payload, BETWEEN_LOOKS);
            } else {
                for _ in 0..BETWEEN_LOOKS {
                    sent += usize::from(sender.send(payload));
                }
            }
            let took = started.elapsed();
            if took >= window {
                return sent as f64 / took.as_secs_f64();
            }
        }
    };
    send(SETTLE);
    send(WINDOW)
}

pub(crate) fn consume(how: &[&str]) {
    let [make, socket, message, capacity, core, push, of] = how else {
        panic!("{how:?}")
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    pin(core.parse().expect("a number"));
    let make = Make::of(make);
    let consumers: usize = of.parse().expect("a number");
    let how = Reading {
        is_batched: make.is_batched(),
        push: *push == "true",
        shares_core: consumers >= cores,
    };
    let mut into = vec![0; message.parse().expect("a length")];
    let conn = connect(socket);
    match make {
        Make::Reference | Make::OursInC => {
            let mut receiver = CReceiver::join(make.interface(), &conn, how.push);
            keep_up(&mut receiver, how, &mut into);
        }
        Make::Ours | Make::OursBatched => keep_up(&mut join_ours(&conn, how.push), how, &mut into),
        Make::Bare | Make::BareBatched => {
            let capacity = capacity.parse().expect("a size");
            keep_up(&mut Bare::join(&conn, capacity), how, &mut into);
        }
    }
}

/// Reads until it is ended. The token, without which nobody may sleep, is taken only where there is nothing to read; who
/// shares a core with others lets them go on.
fn keep_up<R: Receiver>(receiver: &mut R, how: Reading, into: &mut [u8]) {
    let mut take = |receiver: &mut R| {
        let taken = if how.is_batched {
            receiver.take_all(into)
        } else {
            usize::from(receiver.take(into).is_some())
        };
        std::hint::black_box(&into);
        taken > 0
    };
    loop {
        if take(receiver) {
            continue;
        }
        if how.push {
            let token = receiver.token();
            if !take(receiver) {
                receiver.sleep(token);
            }
        } else if how.shares_core {
            std::thread::yield_now();
        } else {
            std::hint::spin_loop();
        }
    }
}

/// How a consumer reads.
#[derive(Clone, Copy)]
struct Reading {
    is_batched: bool,
    push: bool,
    shares_core: bool,
}

/// Every setting, reference and ours in turn.
pub(crate) fn pairs(pairs: usize) {
    for (message, consumers, push, targets) in [
        (64, 1, false, [6.0, 20.0]),
        (64, 3, false, [2.0, 2.0]),
        (64, 1, true, [10.0, 10.0]),
        (64, 3, true, [2.0, 2.0]),
        (1024, 1, false, [2.0, 2.0]),
        (1024, 1, true, [2.0, 2.0]),
        (65536, 1, false, [1.0, 1.0]),
        (65536, 1, true, [1.0, 1.0]),
    ] {
        compare(
            Setting {
                message,
                consumers,
                push,
            },
            targets,
            pairs,
        );
    }
}

/// Nobody reads.
pub(crate) fn alone(pairs: usize) {
    let setting = Setting {
        message: 64,
        consumers: 0,
        push: false,
    };
    compare(setting, [8.0, 8.0], pairs);
}

fn compare(setting: Setting, targets: [f64; 2], pairs: usize) {
    let is_bare = setting.consumers == 1 && !setting.push && setting.message < 65536;
    let mut makes = vec![
        Make::Reference,
        Make::OursInC,
        Make::Ours,
        Make::OursBatched,
    ];
    if is_bare {
        makes.extend([Make::Bare, Make::BareBatched]);
    }
    let rounds: Vec<Vec<f64>> = (0..pairs)
        .map(|_| makes.iter().map(|make| measure(*make, setting)).collect())
        .collect();
    println!("{}:", setting.name());
    for (at, make) in makes.iter().enumerate() {
        let rates: Vec<f64> = rounds.iter().map(|round| round[at] / 1e6).collect();
        let ratios: Vec<f64> = rounds.iter().map(|round| round[at] / round[0]).collect();
        let ((rate, low, high), (ratio, ..)) = (spread(&rates), spread(&ratios));
        let target = match make {
            Make::Ours => format!("   (target {})", targets[0]),
            Make::OursBatched => format!("   (target {})", targets[1]),
            _ => String::new(),
        };
        println!(
            "  {:<13} {rate:>8.3} M msg/s ({low:.3} to {high:.3})   {ratio:>6.2} times the reference{target}",
            make.name()
        );
    }
}
