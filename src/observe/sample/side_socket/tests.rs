//! What `fdinfo` tells, and what is said of what is not seen.

use super::*;

#[test]
fn descriptors_are_counted_at_the_right_socket_only() {
    let info = b"pos:\t0\nflags:\t02000002\nmnt_id:\t10\nino:\t77\nscm_fds: 6\n";
    assert_eq!(scm_fds(info, 77), Some(6));
    assert_eq!(scm_fds(info, 7), None);
    for other in [
        &b"ino:\t77\n"[..],
        b"scm_fds: 6\n",
        b"",
        b"ino: 77\nscm_fds: -1\n",
    ] {
        assert_eq!(scm_fds(other, 77), None);
    }
}

#[test]
fn a_limit_is_said_with_what_would_help() {
    let us = Process::ourselves().expect("we exist");
    assert_eq!(unseen(&us, 0, 0), None);
    let limit = unseen(&us, 2, 0).expect("a limit");
    assert!(
        limit.what.to_string().contains("2 side sockets") && limit.remedy.is_none(),
        "{limit:?}"
    );
    let limit = unseen(&us, 0, 3).expect("a limit");
    assert!(limit.what.to_string().contains("3 side sockets") && limit.why.contains("1024"));
    assert!(open_files(&us).is_none_or(|limit| limit > 0));
}
