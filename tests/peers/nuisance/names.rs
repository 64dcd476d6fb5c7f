//! Files that are no memfds, but are called so: at the root of a mount namespace, by the names that the kernel gives to memfds
//! of rings.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::mm::ProtFlags;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::process::pivot_root;

use crate::{CAPACITY, ctrl, map};

const NAMES: [&str; 2] = ["/memfd:zbq_ctrl (deleted)", "/memfd:zbq_ring (deleted)"];

/// Makes `directory` the root of our mount namespace, with nothing in it.
fn empty_root(directory: &str) {
    let nothing: Option<&std::ffi::CStr> = None;
    mount("none", directory, "tmpfs", MountFlags::empty(), nothing)
        .expect("a namespace of our own");
    std::env::set_current_dir(directory).expect("it is there");
    pivot_root(".", ".").expect("a namespace of our own");
    unmount(".", UnmountFlags::DETACH).expect("the old root");
}

/// A file of each name, opened and mapped that often: a ring that would hold what only its owner may read.
pub(crate) fn files(times: u64, directory: &str) -> Vec<OwnedFd> {
    empty_root(directory);
    let mut control = Vec::new();
    std::io::Read::read_to_end(&mut ctrl(CAPACITY, 640), &mut control).expect("a page");
    let secret = "a secret ".repeat(CAPACITY as usize).into_bytes();
    for (name, contents) in NAMES
        .into_iter()
        .zip([&control[..], &secret[..CAPACITY as usize]])
    {
        let mut file = File::create(name).expect("our own root");
        file.write_all(contents).expect("room");
    }
    let open = |name| {
        let file = File::open(name).expect("our own file");
        map(&file, ProtFlags::READ);
        file.into()
    };
    (0..times).flat_map(|_| NAMES.map(open)).collect()
}

/// The same on a file system whose server has not answered yet, and never will.
pub(crate) fn unanswered(times: u64, directory: &str) -> Vec<OwnedFd> {
    use std::os::fd::AsRawFd as _;
    let device = File::options().read(true).write(true).open("/dev/fuse");
    let device = device.expect("/dev/fuse");
    empty_root(directory);
    let mut held: Vec<OwnedFd> = Vec::new();
    for name in NAMES {
        File::create(name).expect("our own root");
        let options = format!(
            "fd={},rootmode=100000,user_id=0,group_id=0,allow_other",
            device.as_raw_fd()
        );
        let options = std::ffi::CString::new(options).expect("text");
        mount(
            "server",
            name,
            "fuse",
            MountFlags::empty(),
            Some(options.as_c_str()),
        )
        .expect("a file system");
        let take = || openat(CWD, name, OFlags::PATH, Mode::empty()).expect("its root");
        held.extend((0..times).map(|_| take()));
    }
    held.push(device.into());
    held
}
