//! The C interface: of the reference, with which this bench is linked, and of libzbq, which is loaded beside it.

use std::ffi::{CString, c_int};
use std::path::Path;
use std::process::Command;

use zbq_sys::{
    zbq_commit_flags, zbq_consumer, zbq_contiguous_run, zbq_msg_view, zbq_producer,
    zbq_producer_params, zbq_wakeup_mode,
};

/// The functions that are measured.
#[derive(Clone, Copy)]
pub(crate) struct Interface {
    pub(crate) create:
        unsafe extern "C" fn(*mut *mut zbq_producer, *const zbq_producer_params) -> c_int,
    pub(crate) handshake:
        unsafe extern "C" fn(*mut zbq_producer, c_int, zbq_wakeup_mode, *mut u32) -> c_int,
    pub(crate) query: unsafe extern "C" fn(*mut zbq_producer) -> zbq_contiguous_run,
    pub(crate) commit: unsafe extern "C" fn(*mut zbq_producer, u64, zbq_commit_flags) -> bool,
    pub(crate) next_seq_id: unsafe extern "C" fn(*mut zbq_producer) -> u64,
    pub(crate) join: unsafe extern "C" fn(c_int, zbq_wakeup_mode, *mut *mut zbq_consumer) -> c_int,
    pub(crate) peek: unsafe extern "C" fn(*mut zbq_consumer, *mut zbq_msg_view) -> c_int,
    pub(crate) publish: unsafe extern "C" fn(*mut zbq_consumer, u64),
    pub(crate) token: unsafe extern "C" fn(*const zbq_consumer) -> u32,
    pub(crate) wait: unsafe extern "C" fn(*mut zbq_consumer, u32) -> c_int,
}

pub(crate) const REFERENCE: Interface = Interface {
    create: zbq_sys::zbq_producer_create,
    handshake: zbq_sys::zbq_producer_handshake,
    query: zbq_sys::zbq_producer_query,
    commit: zbq_sys::zbq_producer_commit,
    next_seq_id: zbq_sys::zbq_producer_next_seq_id,
    join: zbq_sys::zbq_consumer_join,
    peek: zbq_sys::zbq_consumer_peek,
    publish: zbq_sys::zbq_consumer_publish,
    token: zbq_sys::zbq_consumer_get_futex_token,
    wait: zbq_sys::zbq_consumer_wait_broadcast,
};

/// Where libzbq is built.
fn place() -> &'static Path {
    Path::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/capi"))
}

/// Builds it, as it is installed.
pub(crate) fn build() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args([
        "build",
        "--release",
        "--package",
        "zbq-capi",
        "--target-dir",
    ]);
    assert!(cargo.arg(place()).status().expect("cargo").success());
}

/// Loads what was built.
pub(crate) fn ours() -> Interface {
    let file = place().join("release/libzbq.so");
    let path = CString::new(file.to_str().expect("text")).expect("no zero");
    // SAFETY: a library of ours, whose constructors do nothing.
    let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    assert!(!library.is_null(), "{} is not there", file.display());
    /// The function of that name.
    ///
    /// # Safety
    /// It has the type that is asked for.
    unsafe fn named<T: Copy>(library: *mut libc::c_void, name: &str) -> T {
        let symbol = CString::new(name).expect("no zero");
        // SAFETY: the library is open.
        let found = unsafe { libc::dlsym(library, symbol.as_ptr()) };
        assert!(!found.is_null(), "{name} is not there");
        // SAFETY: as the caller says; a function's pointer is as large as any.
        unsafe { std::mem::transmute_copy(&found) }
    }
    // SAFETY: the types are those of the same functions of the reference.
    unsafe {
        Interface {
            create: named(library, "zbq_producer_create"),
            handshake: named(library, "zbq_producer_handshake"),
            query: named(library, "zbq_producer_query"),
            commit: named(library, "zbq_producer_commit"),
            next_seq_id: named(library, "zbq_producer_next_seq_id"),
            join: named(library, "zbq_consumer_join"),
            peek: named(library, "zbq_consumer_peek"),
            publish: named(library, "zbq_consumer_publish"),
            token: named(library, "zbq_consumer_get_futex_token"),
            wait: named(library, "zbq_consumer_wait_broadcast"),
        }
    }
}
