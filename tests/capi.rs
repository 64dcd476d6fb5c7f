//! `libzbq`, as a C program sees it: its header is that of the reference in every size, offset and number, it exports what the
//! interface has and nothing else, and a program written for the reference's header runs on it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use crate::support::{EXAMPLES, Place};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn run(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    output
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// The library, built once, apart from what this test was built with.
fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("capi");
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .current_dir(ROOT)
            .args(["build", "--package", "zbq-capi", "--target-dir"]);
        run(cargo.arg(&place));
        place.join("debug")
    })
}

/// Where the sources of a crate that this one is built with lie.
fn sources(name: &str) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    let found = run(cargo
        .current_dir(ROOT)
        .args(["metadata", "--format-version", "1"]));
    let metadata: serde_json::Value = serde_json::from_str(&text(&found)).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let package = packages
        .iter()
        .find(|package| package["name"] == name)
        .expect("a dependency");
    let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
    manifest.parent().expect("a directory").to_owned()
}

/// Where the reference's header is.
fn reference() -> PathBuf {
    sources("zbq-sys")
}

fn ours() -> PathBuf {
    Path::new(ROOT).join("capi/include")
}

#[test]
fn the_header_is_that_of_the_sources() {
    let made = cbindgen::Builder::new()
        .with_crate(Path::new(ROOT).join("capi"))
        .with_config(
            cbindgen::Config::from_file(Path::new(ROOT).join("capi/cbindgen.toml"))
                .expect("a file"),
        )
        .generate()
        .expect("a header");
    let mut header = Vec::new();
    made.write(&mut header);
    let path = ours().join("zbq.h");
    if std::env::var_os("ZBQTOP_BLESS").is_some() {
        std::fs::write(&path, &header).expect("room");
    }
    let kept = std::fs::read(&path).expect("capi/include/zbq.h");
    assert!(
        kept == header,
        "ZBQTOP_BLESS=1 makes capi/include/zbq.h anew"
    );
}

/// What `program` prints, compiled with the header of `include`.
fn printed(program: &Path, include: &Path, place: &Place, more: &[&str]) -> String {
    let binary = place.path().join("program");
    let mut compiler = Command::new("cc");
    compiler.args(["-std=gnu11", "-Wall", "-Werror", "-D_GNU_SOURCE", "-I"]);
    compiler
        .arg(include)
        .arg(program)
        .arg("-o")
        .arg(&binary)
        .args(more);
    run(&mut compiler);
    text(&run(Command::new(&binary).env("LD_LIBRARY_PATH", library())))
}

#[test]
fn sizes_offsets_and_numbers_are_the_references() {
    let program = Path::new(ROOT).join("tests/capi/layout.c");
    let place = Place::new();
    let [theirs, ours] =
        [reference(), ours()].map(|include| printed(&program, &include, &place, &[]));
    assert_eq!(ours, theirs);
    assert!(theirs.lines().count() > 50, "{theirs}");
}

#[test]
fn it_exports_the_interface_and_nothing_else() {
    let nm = run(Command::new("nm")
        .args(["-D", "--defined-only"])
        .arg(library().join("libzbq.so")));
    let listed = text(&nm);
    let mut exported: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.split(' ').nth(2))
        .collect();
    exported.sort_unstable();
    let header = std::fs::read_to_string(reference().join("zbq.h")).expect("the header");
    let interface = header
        .split("ZBQ_IMPLEMENTATION")
        .next()
        .expect("what comes before");
    let mut wanted: Vec<&str> = interface
        .split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .filter(|word| word.starts_with("zbq_producer_") || word.starts_with("zbq_consumer_"))
        .filter(|word| interface.contains(&format!("{word}(")))
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    assert_eq!(wanted.len(), 20, "{wanted:?}");
    assert_eq!(exported, wanted);
}

/// The same program, with the same header, on the reference and on ours.
#[test]
fn a_program_for_the_reference_runs_on_it() {
    let program = Path::new(ROOT).join("tests/capi/program.c");
    let place = Place::new();
    let library = library().to_str().expect("text");
    let search = format!("-L{library}");
    let ours = printed(
        &program,
        &reference(),
        &place,
        &[&search, "-lzbq", "-pthread"],
    );
    let theirs = printed(
        &program,
        &reference(),
        &place,
        &["-DZBQ_IMPLEMENTATION", "-pthread"],
    );
    assert_eq!(ours, theirs);
    assert!(ours.ends_with("done\n"), "{ours}");
}

/// What has cargo link our library where the crate `zbq-sys` asks for the one that it is made for.
fn linked_to_ours() -> Vec<String> {
    let rustc = text(&run(Command::new("rustc").arg("-vV")));
    let host = rustc
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("a host");
    let library = library().to_str().expect("text");
    [
        format!("target.{host}.zbq.rustc-link-lib = [\"dylib=zbq\"]"),
        format!("target.{host}.zbq.rustc-link-search = [\"{library}\"]"),
    ]
    .into_iter()
    .flat_map(|setting| ["--config".to_owned(), setting])
    .collect()
}

/// The reference's own crate, unchanged, linked against ours in the place of the C library that it is made for: both of its
/// ends against each other, and against the ring in Rust.
#[test]
#[ignore = "builds the peers anew"]
fn the_references_crate_runs_every_pairing_on_it() {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("capi-peers");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(ROOT).args([
        "build",
        "--example",
        "peer",
        "--example",
        "holder",
        "--target-dir",
    ]);
    cargo.arg(&place).args(linked_to_ours());
    run(&mut cargo);
    let peers = place.join("debug/examples");
    let linked = text(&run(Command::new("ldd")
        .arg(peers.join("peer"))
        .env("LD_LIBRARY_PATH", library())));
    let library = library().to_str().expect("text");
    assert!(linked.contains(library), "{linked}");
    let mut tests = Command::new(std::env::current_exe().expect("a file"));
    tests
        .arg("wire::")
        .env("LD_LIBRARY_PATH", library)
        .env(EXAMPLES, &peers);
    let output = run(&mut tests);
    let said = text(&output);
    assert!(
        said.contains("test wire::") && said.contains("; 0 failed"),
        "{said}"
    );
}

/// The examples that come with the reference's crate. On the reference itself all but the last pair end with an error of the
/// handshake as often as not: it takes a socket that has nothing yet for one that fails.
#[test]
#[ignore = "builds two asynchronous runtimes"]
fn the_references_examples_run_on_it() {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("capi-examples");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--locked", "--examples"])
        .args(["--features", "tokio,compio", "--manifest-path"])
        .arg(sources("zbq").join("Cargo.toml"))
        .args(linked_to_ours())
        // They write a header of 64-bit fields wherever a message begins.
        .args(["--config", "profile.dev.debug-assertions=false"])
        .arg("--target-dir")
        .arg(&place);
    run(&mut cargo);
    let example = |name: &str| {
        let mut command = Command::new("timeout");
        command
            .arg("30")
            .arg(place.join("debug/examples").join(name));
        command.env("LD_LIBRARY_PATH", library());
        let mut child = command.stdout(Stdio::piped()).spawn().expect("a program");
        let said = BufReader::new(child.stdout.take().expect("a pipe"));
        (child, said.lines().map_while(Result::ok))
    };
    let hellos = |producer: &str, consumer: &str| {
        let (mut producing, mut said) = example(producer);
        assert_eq!(said.next().as_deref(), Some("Waiting for consumer..."));
        let (mut consuming, read) = example(consumer);
        assert_ne!(said.last(), None, "{producer}");
        let ended = producing.wait().expect("a child");
        assert!(ended.success(), "{producer} {consumer}: {ended}");
        let read = read.take_while(|line| line == "hello world");
        let read = read.take(1000).count();
        let pid = rustix::process::Pid::from_child(&consuming);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        consuming.wait().expect("a child");
        read
    };
    for (producer, consumer) in [
        ("tokio_producer", "tokio_consumer_pull"),
        ("tokio_producer", "tokio_consumer_push"),
        ("tokio_producer", "compio_consumer_pull"),
        ("compio_producer", "compio_consumer_push"),
    ] {
        // A consumer stops where it finds that the producer has ended, which it has a moment after that joined, or before.
        assert!(
            (0..50).any(|_| hellos(producer, consumer) > 0),
            "{producer} {consumer}"
        );
    }
}

/// Installs below `prefix`, as it is typed in `directory`, with a cargo that builds nothing.
fn install(directory: &Path, prefix: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let tools = directory.join("tools");
    let built = directory.join("target/release");
    for made in [&tools, &built] {
        std::fs::create_dir_all(made).expect("room");
    }
    for library in ["libzbq.a", "libzbq.so"] {
        std::fs::write(built.join(library), library).expect("room");
    }
    let cargo = tools.join("cargo");
    let script = format!(
        "#!/bin/sh\ncase $1 in\npkgid) echo 'path+file:///x#zbq-capi@9.8.7' ;;\n\
         metadata) echo '{{\"target_directory\":\"{}\"}}' ;;\nesac\n",
        directory.join("target").display()
    );
    std::fs::write(&cargo, script).expect("room");
    std::fs::set_permissions(&cargo, std::fs::Permissions::from_mode(0o755)).expect("ours");
    let path = std::env::var("PATH").expect("a path");
    let mut command = Command::new(Path::new(ROOT).join("capi/install"));
    command
        .arg(prefix)
        .current_dir(directory)
        .env("PATH", format!("{}:{path}", tools.display()));
    run(&mut command);
}

#[test]
fn it_is_installed_where_the_user_stands() {
    let place = Place::new();
    let directory = place.path().canonicalize().expect("a path");
    let absolute = directory.join("absolute").display().to_string();
    for (prefix, expected) in [
        (&*absolute, "absolute"),
        ("below/it", "below/it"),
        ("./dot", "dot"),
    ] {
        install(&directory, prefix);
        let made = directory.join(expected);
        for file in ["lib/libzbq.a", "lib/libzbq.so", "include/zbq.h"] {
            assert!(made.join(file).is_file(), "{prefix}: {file}");
        }
        let config = std::fs::read_to_string(made.join("lib/pkgconfig/zbq.pc")).expect("text");
        let prefix = config.lines().find_map(|line| line.strip_prefix("prefix="));
        let prefix = Path::new(prefix.expect("a prefix")).canonicalize();
        assert_eq!(prefix.expect("it is there"), made, "{config}");
        assert!(config.contains("9.8.7"), "{config}");
    }
}
