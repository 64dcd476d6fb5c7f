//! `libzbq`, as a C program sees it: its header is that of the reference in every size, offset and number, it exports what the
//! interface has and nothing else, and a program written for the reference's header runs on it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
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

/// Where the reference's header is: beside its crate's manifest.
fn reference() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    let found = run(cargo
        .current_dir(ROOT)
        .args(["metadata", "--format-version", "1"]));
    let metadata: serde_json::Value = serde_json::from_str(&text(&found)).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let sys = packages
        .iter()
        .find(|package| package["name"] == "zbq-sys")
        .expect("a dependency");
    let manifest = Path::new(sys["manifest_path"].as_str().expect("a path"));
    manifest.parent().expect("a directory").to_owned()
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

/// The reference's own crate, unchanged, linked against ours in the place of the C library that it is made for: both of its
/// ends against each other, and against the ring in Rust.
#[test]
#[ignore = "builds the peers anew"]
fn the_references_crate_runs_every_pairing_on_it() {
    let rustc = text(&run(Command::new("rustc").arg("-vV")));
    let host = rustc
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("a host");
    let library = library().to_str().expect("text");
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
    cargo.arg(&place);
    for setting in [
        format!("target.{host}.zbq.rustc-link-lib = [\"dylib=zbq\"]"),
        format!("target.{host}.zbq.rustc-link-search = [\"{library}\"]"),
    ] {
        cargo.args(["--config", &setting]);
    }
    run(&mut cargo);
    let peers = place.join("debug/examples");
    let linked = text(&run(Command::new("ldd")
        .arg(peers.join("peer"))
        .env("LD_LIBRARY_PATH", library)));
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
