//! A process that makes it hard for others to be seen, for zbqtop's tests: it holds what no producer would.
//!
//! `nuisance ctrls N`: N control regions and one ring. `nuisance mapped N`: a false ring, control region and data mapped N
//! times each. `nuisance descriptors N`: N descriptors, and a false ring above them. `nuisance pages N`: a false ring with N
//! metadata pages. `nuisance sparse BYTES`: a ring of that size that costs nothing, head in its second lap, and a tail in the
//! first. `nuisance listeners N DIRECTORY`: a false ring, and N listening sockets with long names. `nuisance toggles N`: a
//! false ring whose slots come and go all the time, and a consumer with N lines of mappings. `nuisance mutate SEED`:
//! a ring of which everything changes all the time. `nuisance named N DIRECTORY`,
//! `nuisance unanswered N DIRECTORY` (in a mount namespace of their own): N files that are called as the memfds of rings are,
//! with a secret in them; on a file system whose server never answers.
//!
//! It says `ready`, and ends when stdin does.
#![expect(clippy::print_stdout, reason = "its parent listens")]
#![expect(unsafe_code, reason = "maps files")]

mod mutate;
mod names;
mod slots;

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixListener;

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const CAPACITY: u64 = 1 << 16;

fn memfd(name: &str, size: u64) -> File {
    let fd = memfd_create(name, MemfdFlags::CLOEXEC).expect("a memfd");
    ftruncate(&fd, size).expect("its size");
    File::from(fd)
}

/// A control region that says so.
fn ctrl(capacity: u64, head: u64) -> File {
    let ctrl = memfd("zbq_ctrl", 4096);
    let pid = u64::from(std::process::id());
    for (at, value) in [
        (0, head),
        (128, pid),
        (192, capacity),
        (200, 100),
        (208, 5_000_000_000),
    ] {
        ctrl.write_all_at(&value.to_ne_bytes(), at).expect("a page");
    }
    ctrl
}

fn page(tail: u64) -> File {
    let page = memfd("zbq_meta", 4096);
    page.write_all_at(&tail.to_ne_bytes(), 0).expect("a page");
    page
}

/// Maps its first page, for good; tells where.
fn map(file: &File, protection: ProtFlags) -> u64 {
    let flags = MapFlags::SHARED;
    // SAFETY: a new mapping where the kernel likes; nothing refers into it.
    let at = unsafe { mmap(std::ptr::null_mut(), 4096, protection, flags, file, 0) };
    at.expect("a mapping") as u64
}

fn main() {
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let limit = getrlimit(Resource::Nofile);
    // As many as root may have, or as one may oneself.
    for most in [Some(1 << 20), limit.maximum] {
        let (current, maximum) = (most, most.max(limit.maximum));
        if setrlimit(Resource::Nofile, Rlimit { current, maximum }).is_ok() {
            break;
        }
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    let what = words.first().map_or("", String::as_str);
    let number: u64 = words.get(1).expect("a number").parse().expect("a number");
    let directory = || words.get(2).expect("a directory");
    let mut held: Vec<OwnedFd> = Vec::new();
    let mut listeners = Vec::new();
    match what {
        "ctrls" => {
            held.extend((0..number).map(|_| ctrl(CAPACITY, 640).into()));
            held.push(memfd("zbq_ring", CAPACITY).into());
        }
        "mapped" => {
            let (ctrl, ring) = (ctrl(CAPACITY, 640), memfd("zbq_ring", CAPACITY));
            for _ in 0..number {
                map(&ctrl, ProtFlags::READ);
                map(&ring, ProtFlags::READ);
            }
            held.extend([ctrl.into(), ring.into()]);
        }
        "descriptors" => {
            let null = File::open("/dev/null").expect("it is there");
            let number = number.min(
                getrlimit(Resource::Nofile)
                    .current
                    .map_or(number, |most| most - 100),
            );
            held.extend((0..number).map(|_| null.try_clone().expect("room").into()));
            held.extend([
                ctrl(CAPACITY, 640).into(),
                memfd("zbq_ring", CAPACITY).into(),
            ]);
        }
        "pages" => {
            held.extend([
                ctrl(CAPACITY, 640).into(),
                memfd("zbq_ring", CAPACITY).into(),
            ]);
            held.extend((0..number).map(|_| page(0).into()));
        }
        "sparse" => {
            let head = number + number / 2;
            held.extend([ctrl(number, head).into(), memfd("zbq_ring", number).into()]);
            held.push(page(number - 4096).into());
        }
        "listeners" => {
            held.extend([
                ctrl(CAPACITY, 640).into(),
                memfd("zbq_ring", CAPACITY).into(),
            ]);
            let directory = directory();
            let long = "x".repeat(40);
            let path = |at| format!("{directory}/{long}{at}");
            listeners.extend((0..number).map(|at| UnixListener::bind(path(at)).expect("a socket")));
        }
        "mutate" => mutate::mutate(number),
        "toggles" => slots::toggle(number),
        "lines" => slots::consume(number, &words[2..]),
        "named" => held.extend(names::files(number, directory())),
        "unanswered" => held.extend(names::unanswered(number, directory())),
        other => panic!("{other}: see the top of this file"),
    }
    println!("ready");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    drop((held, listeners));
}
