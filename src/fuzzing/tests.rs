//! Every body over its seeds and over changes of them, the same at each run: they stay right while nobody fuzzes.

use std::path::{Path, PathBuf};

/// Changes that are tried of each target's seeds.
const CHANGES: usize = 300;
/// Bytes of a seed at most.
const LARGEST: usize = 4096;

macro_rules! targets {
    ($($target:ident),+ $(,)?) => {
        /// Every target there is.
        const TARGETS: &[&str] = &[$(stringify!($target)),+];
        $(
            #[test]
            fn $target() {
                holds(stringify!($target), super::$target);
            }
        )+
    };
}

targets! {
    arguments, captures, dashboard, decoders, escaping, filters, input_decoder, join_answer, procfs_texts, query, recording, recovery, settings,
    slot_table, sock_diag, tail_formats, thread_texts, walk,
}

/// Numbers that are the same at each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (self.0 >> 33) as usize % end.max(1)
    }
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    // What is published comes without them.
    if !fuzz().exists() {
        return vec![Vec::new()];
    }
    let entries = std::fs::read_dir(fuzz().join("seeds").join(target));
    let entries = entries.unwrap_or_else(|why| panic!("no seeds of {target}: {why}"));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{target} has no seeds");
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// A seed with a few bytes changed, taken away, repeated, or taken from another one.
fn changed(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(6) {
        let (from, length) = (dice.below(bytes.len()), dice.below(24));
        let piece = from..(from + length).min(bytes.len());
        match dice.below(6) {
            0 => drop(bytes.drain(piece)),
            1 => bytes.extend_from_within(piece),
            2 => {
                let other = &seeds[dice.below(seeds.len())];
                let at = dice.below(other.len());
                bytes.splice(piece, other[at..].iter().take(length).copied());
            }
            3 => bytes.truncate(piece.end),
            4 => bytes.insert(from, dice.below(256) as u8),
            _ => {
                for byte in &mut bytes[piece] {
                    *byte = [0, 0xff, 0x80, dice.below(256) as u8][dice.below(4)];
                }
            }
        }
    }
    bytes
}

fn holds(target: &str, body: fn(&[u8])) {
    let seeds = seeds(target);
    let mut dice = Dice(7);
    let changes = (0..CHANGES).map(|_| changed(&seeds, &mut dice));
    for input in seeds.iter().cloned().chain(changes) {
        if let Err(panic) = std::panic::catch_unwind(|| body(&input)) {
            let bytes: String = input.iter().map(|byte| format!("\\x{byte:02x}")).collect();
            let why = panic.downcast_ref::<String>().map(String::as_str);
            let why = why.or(panic.downcast_ref::<&str>().copied());
            panic!("{target} of $'{bytes}': {}", why.unwrap_or_default());
        }
    }
}

#[test]
fn each_target_has_a_program_and_small_seeds() {
    if !fuzz().exists() {
        return;
    }
    let names = |directory: &str| {
        let entries = std::fs::read_dir(fuzz().join(directory)).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .unwrap()
                    .path()
                    .file_stem()
                    .unwrap()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    };
    assert_eq!(names("fuzz_targets"), TARGETS);
    assert_eq!(names("seeds"), TARGETS);
    let manifest = std::fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    let readme = std::fs::read_to_string(fuzz().join("README.md")).unwrap();
    for target in TARGETS {
        assert!(
            manifest.contains(&format!("name = \"{target}\"")),
            "{target}"
        );
        assert!(readme.contains(&format!("| `{target}` |")), "{target}");
        assert!(
            seeds(target).iter().all(|seed| seed.len() <= LARGEST),
            "{target}"
        );
    }
}
