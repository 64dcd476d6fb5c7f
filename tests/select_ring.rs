//! Finding the ring that is meant: several in one process, forks, pid namespaces, and what is no ring at all.

use std::io::Write as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::program::{public_copy, ring_by, run, stderr, stdout};
use crate::support::{Peer, Place, eventually, example};

#[test]
fn ls_shows_every_ring_with_its_socket() {
    let place = Place::new();
    let producer = Peer::producer(&place.socket(), "--impl reference --hold --consumers 1");
    let _consumer = Peer::consumer(&place.socket(), "--impl reference --hold");
    let listing: Value =
        serde_json::from_str(&stdout(&["ls", "--json", "--interval", "10ms"])).expect("JSON");
    let rings = listing["rings"].as_array().expect("an array");
    let ours = rings
        .iter()
        .find(|ring| ring["pid"] == producer.pid())
        .expect("it is listed");
    assert_eq!(ours["command"], "peer");
    assert_eq!(ours["ring_capacity"], 65_536);
    assert_eq!(ours["consumers"], 1);
    assert_eq!(ours["sockets"][0], place.socket().to_str().expect("text"));
    let table = stdout(&["ls", "--interval", "0"]);
    assert!(
        table.contains(&place.socket().display().to_string()),
        "{table}"
    );
}

#[test]
fn rings_of_one_process_are_not_mixed_up() {
    for fork in ["", " --fork"] {
        let place = Place::new();
        let directory = place.path();
        let mut holder = Peer::holder(&format!("rings {} 3{fork}", directory.display()));
        // A consumer for the first and the last, and each ring its own number of messages.
        let consumers = [0, 2].map(|number: usize| {
            let socket = directory.join(number.to_string());
            (
                number,
                Peer::consumer(&socket, "--impl reference --stream --hold"),
            )
        });
        for number in 0..3 {
            holder.ask(&format!("send {number} {}", 10 + number), "done");
        }
        let pid = holder.pid().to_string();
        let ambiguous = run(&["snapshot", "--pid", &pid]);
        assert_eq!(ambiguous.status.code(), Some(2));
        assert!(
            stderr(&ambiguous).contains("--ring 2"),
            "{}",
            stderr(&ambiguous)
        );
        for number in 0..3 {
            let choice = number.to_string();
            let target = ["--pid", &pid, "--ring", &choice];
            let ring = ring_by(&target);
            assert_eq!(
                ring["producer"]["pid"],
                holder.pid(),
                "the fork is not the producer"
            );
            assert_eq!(ring["control"]["producer_head"], (10 + number) * 48);
            let found: Vec<_> = ring["consumers"]
                .as_array()
                .expect("an array")
                .iter()
                .map(|one| one["pid"].clone())
                .collect();
            let expected: Vec<Value> = consumers
                .iter()
                .filter(|one| one.0 == number)
                .map(|one| one.1.pid().into())
                .collect();
            assert_eq!(found, expected, "consumers of ring {number}");
            // The bytes are those of this ring, not of its twin.
            let mut arguments = vec!["tail", "--format", "raw", "-n", "1"];
            arguments.extend(target);
            let letter = ["A", "B", "C"][number];
            assert_eq!(stdout(&arguments), letter.repeat(32));
            // Its socket is its own, and leads to it; how that is known is said.
            let socket = directory.join(&choice).display().to_string();
            assert_eq!(ring["producer"]["sockets"], json!([socket]));
            let by_socket = ring_by(&["--socket", &socket]);
            assert_eq!(by_socket["id"], ring["id"]);
            let said = by_socket["attach"]["limits"].to_string();
            assert!(
                said.contains("from the order of their descriptors"),
                "{said}"
            );
            let fd = ring["id"]
                .as_str()
                .and_then(|id| id.split_once('/'))
                .expect("an id")
                .1;
            assert_eq!(ring_by(&["--pid", &pid, "--fd", fd])["id"], ring["id"]);
        }
        let listing: Value =
            serde_json::from_str(&stdout(&["ls", "--json", "--interval", "0"])).expect("JSON");
        let listed = |ring: &&Value| {
            ring["sockets"]
                .to_string()
                .contains(directory.to_str().expect("text"))
        };
        let listed: Vec<_> = listing["rings"]
            .as_array()
            .expect("an array")
            .iter()
            .filter(listed)
            .collect();
        assert_eq!(
            listed.len(),
            3,
            "each once, and not again under the fork: {listed:#?}"
        );
    }
}

#[test]
fn sockets_that_cannot_be_told_apart_are_nobodys() {
    let place = Place::new();
    let directory = place.path();
    let holder = Peer::holder(&format!("rings {} 3 --apart", directory.display()));
    let pid = holder.pid().to_string();
    let ring = ring_by(&["--pid", &pid, "--ring", "1"]);
    assert_eq!(ring["producer"]["sockets"], Value::Null);
    let said = ring["attach"]["limits"].to_string();
    assert!(said.contains("3 rings and listens on 3 sockets"), "{said}");
    let socket = directory.join("1").display().to_string();
    let output = run(&["--json", "--socket", &socket]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--ring 2"), "{}", stderr(&output));
}

#[test]
fn a_producer_in_another_pid_namespace_is_found() {
    let place = Place::new();
    let peer = example("peer");
    let script = format!(
        "{peer} produce --impl reference --hold --ignore-stdin --consumers 1 --payload 20 --socket {socket} & sleep 1; \
         exec {peer} consume --impl reference --hold --ignore-stdin --socket {socket}",
        peer = peer.display(),
        socket = place.socket().display()
    );
    let unshare = ["--pid", "--fork", "--kill-child"];
    if !Command::new("unshare")
        .args(unshare)
        .arg("true")
        .status()
        .is_ok_and(|status| status.success())
    {
        let _ = writeln!(
            std::io::stderr(),
            "not tried: no right to make a pid namespace"
        );
        return;
    }
    let mut command = Command::new("unshare");
    let _namespace = Peer::spawn(command.args(unshare).args(["sh", "-c", &script]));
    let socket = place.socket().display().to_string();
    let ring = eventually("a ring with a consumer", || {
        let listing: Value =
            serde_json::from_str(&stdout(&["ls", "--json", "--interval", "0"])).ok()?;
        let rings = listing["rings"].as_array()?;
        let ours = rings
            .iter()
            .find(|ring| ring["sockets"][0] == *socket && ring["consumers"] == 1)?;
        Some(ring_by(&["--pid", &ours["pid"].to_string()]))
    });
    let [pid, ns_pid] = [&ring["producer"]["pid"], &ring["producer"]["ns_pid"]];
    assert_ne!(pid, ns_pid);
    assert_eq!(&ring["control"]["producer_pid"], ns_pid);
    assert_eq!(ring["consumers"][0]["command"], "peer");
    assert_eq!(ring["consumers"][0]["alive"], true);
    assert_ne!(&ring["consumers"][0]["pid"], pid);
}

#[test]
fn each_way_to_fail_has_its_words_and_its_status() {
    let expect = |arguments: &[&str], code: i32, words: &[&str]| {
        let output = run(arguments);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.starts_with("zbqtop: "), "{said}");
        for word in words {
            assert!(
                said.contains(word),
                "{arguments:?} does not say `{word}`: {said}"
            );
        }
        assert!(output.stdout.is_empty(), "errors go to stderr");
    };
    expect(
        &["--json", "--pid", "2147483647"],
        3,
        &["2147483647", "no such process"],
    );
    let sleeper = Peer::holder("false 1024 4096 ring_capacity=4096");
    let pid = sleeper.pid().to_string();
    expect(
        &["--json", "--pid", &pid],
        5,
        &["zbq_ctrl is 1024 bytes", "expected 4096"],
    );
    let short = Peer::holder("false 4096 4096 ring_capacity=8192");
    expect(
        &["tail", "--pid", &short.pid().to_string()],
        5,
        &["zbq_ring is 4096 bytes", "8192"],
    );
    let odd = Peer::holder("false 4096 4096 ring_capacity=4097");
    expect(
        &["snapshot", "--pid", &odd.pid().to_string()],
        5,
        &["ring_capacity = 4097", "multiple of 4096"],
    );
    let mut plain = Command::new("sleep")
        .arg("600")
        .spawn()
        .expect("sleep starts");
    let said = run(&["--json", "--pid", &plain.id().to_string()]);
    assert_eq!(said.status.code(), Some(3));
    assert!(
        stderr(&said).contains("owns no zbq ring"),
        "{}",
        stderr(&said)
    );
    plain.kill().expect("our child");
    plain.wait().expect("our child");

    let place = Place::new();
    let producer = Peer::producer(&place.socket(), "--impl reference --hold --consumers 1");
    let _consumer = Peer::consumer(&place.socket(), "--impl reference --hold");
    let pid = producer.pid().to_string();
    expect(
        &["--json", "--pid", &pid, "--ring", "1"],
        3,
        &["no ring number 1", "--ring 0"],
    );
    expect(
        &["--json", "--pid", &pid, "--fd", "99"],
        3,
        &["no ring at fd 99"],
    );
    assert_eq!(run(&["--ring", "1"]).status.code(), Some(2));
    assert_eq!(run(&["--pid", "none"]).status.code(), Some(2));
}

#[test]
fn another_users_ring_is_refused_with_the_remedy() {
    use std::os::unix::process::CommandExt as _;
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        let _ = writeln!(
            std::io::stderr(),
            "not tried: only root can become another user"
        );
        return;
    }
    let place = Place::new();
    let producer =
        Peer::producer(&place.socket(), "--impl reference --hold --consumers 0").settled();
    let copy = public_copy(place.path(), env!("CARGO_BIN_EXE_zbqtop").as_ref());
    let as_nobody = |arguments: &[&str]| {
        let mut command = Command::new(&copy);
        command
            .args(arguments)
            .uid(NOBODY)
            .gid(NOBODY)
            .output()
            .expect("it starts")
    };
    let pid = producer.pid().to_string();
    for arguments in [&["--json", "--pid", &pid][..], &["tail", "--pid", &pid]] {
        let output = as_nobody(arguments);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert!(
            said.contains("uid 0") && said.contains("65534") && said.contains("root"),
            "{said}"
        );
    }
    let listing = as_nobody(&["ls", "--json", "--interval", "0"]);
    let listing: Value = serde_json::from_slice(&listing.stdout).expect("JSON");
    assert_eq!(listing["rings"].as_array().map(Vec::len), Some(0));
    assert!(
        listing["limits"][0]["remedy"]
            .as_str()
            .is_some_and(|remedy| remedy.contains("root")),
        "{listing}"
    );
    assert_eq!(as_nobody(&["--json"]).status.code(), Some(3));
}

#[test]
fn consumers_that_cannot_be_placed_leave_the_room_unknown() {
    // Two rings, no slot table, and a metadata page that nobody maps: whose consumer it is cannot be told.
    let holder = Peer::holder("false 4096 65536 ring_capacity=65536 rings=2");
    let pid = holder.pid().to_string();
    for number in ["0", "1"] {
        let ring = ring_by(&["--pid", &pid, "--ring", number]);
        assert_eq!(ring["hidden_consumers"], Value::Null);
        assert_eq!(ring["free_bytes"], Value::Null);
        let limits = ring["attach"]["limits"].to_string();
        assert!(
            limits.contains("1 consumer that may belong to this ring"),
            "{limits}"
        );
    }
    let listing: Value =
        serde_json::from_str(&stdout(&["ls", "--json", "--interval", "0"])).expect("JSON");
    let rings = listing["rings"].as_array().expect("an array");
    let ours: Vec<_> = rings
        .iter()
        .filter(|ring| ring["pid"] == holder.pid())
        .collect();
    assert_eq!(ours.len(), 2);
    assert!(
        ours.iter().all(|ring| ring["consumers"] == Value::Null),
        "{ours:?}"
    );
}

#[test]
fn a_page_of_the_wrong_size_is_a_consumer_that_is_hidden() {
    let mut holder = Peer::holder("false 4096 65536 ring_capacity=65536");
    holder.ask("truncate meta 8192", "done");
    let ring = ring_by(&["--pid", &holder.pid().to_string()]);
    assert_eq!(ring["hidden_consumers"], 1);
    assert_eq!(ring["free_bytes"], Value::Null);
    let limits = ring["attach"]["limits"].to_string();
    assert!(limits.contains("8192 bytes, expected 4096"), "{limits}");
}

#[test]
fn a_fork_is_not_taken_for_the_producer() {
    let place = Place::new();
    let holder = Peer::holder(&format!("rings {} 1 --fork", place.path().display()));
    let children = format!("/proc/{0}/task/{0}/children", holder.pid());
    let fork = std::fs::read_to_string(children).expect("our child");
    let output = run(&["--json", "--pid", fork.trim()]);
    assert_eq!(output.status.code(), Some(5));
    let said = stderr(&output);
    assert!(
        said.contains(&format!("give --pid {}", holder.pid())),
        "{said}"
    );
}

#[test]
fn a_consumer_that_may_be_another_users_is_not_called_dead() {
    use std::io::{BufRead as _, BufReader};
    use std::os::unix::process::CommandExt as _;
    const SOMEBODY: u32 = 65_533;
    if !rustix::process::geteuid().is_root() {
        let _ = writeln!(
            std::io::stderr(),
            "not tried: only root can become another user"
        );
        return;
    }
    let place = Place::new();
    let [program, holder] = [
        public_copy(place.path(), env!("CARGO_BIN_EXE_zbqtop").as_ref()),
        public_copy(place.path(), &example("holder")),
    ];
    // Its page is mapped by no process that this user may look into; processes of root may map it.
    let mut command = Command::new(holder);
    command.args(["false", "4096", "65536", "ring_capacity=65536"]);
    let mut holder = Peer::spawn(command.uid(SOMEBODY).gid(SOMEBODY));
    holder.expect("ready");
    let mut child = Command::new(program)
        .args([
            "--json",
            "--watch",
            "700ms",
            "--pid",
            &holder.pid().to_string(),
        ])
        .uid(SOMEBODY)
        .gid(SOMEBODY)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    for line in lines.take(6) {
        let report: Value = serde_json::from_str(&line.expect("text")).expect("JSON");
        let consumer = &report["rings"][0]["consumers"][0];
        assert_eq!(consumer["alive"], Value::Null);
        assert_eq!(consumer["state"], "idle", "{consumer}");
    }
    child.kill().expect("our child");
    child.wait().expect("our child");
}
