//! The floors and rooms of `src/`: who may import whom. Reads every path in the sources, `use` lines and others, and
//! follows what a room's `mod.rs` hands on to the file that defines it. Test code is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syn::visit::Visit;
use syn::{Attribute, ItemMod, ItemUse, UseTree, Visibility};

/// From the ground up. A row imports from rows above it in this list, and from itself; places in one row know nothing
/// of each other. A place is a file or a folder with all that is in it, named as a module; the most exact name counts.
///
/// What fuzzers run (`fuzz.rs`) stands in the room that it tries, and may use what that may use.
const FLOORS: &[&[&str]] = &[
    &["fuzzing::input"],
    &["ring", "text"],
    &["decode"],
    &["observe::model", "observe::procfs"],
    &["observe::attach"],
    &["observe::sample", "observe::doctor"],
    &["observe::messages", "observe::health"],
    &["observe::check", "observe::watch"],
    &["observe::orphan_search"],
    &["observe::ring_set", "observe::rings"],
    &["capture"],
    &["metrics", "recording"],
    &["shutdown", "stderr", "output", "ui"],
    &["stdout"],
    &["bench", "demo"],
    &["cli"],
    &["settings"],
    &["commands"],
    &["run"],
    &["main", "fuzzing"],
];

/// What a place must not name: crates, or items of the ring.
const FOREIGN: &[(&str, &[&str])] = &[
    (
        "ring",
        &["clap", "ratatui", "crossterm", "humansize", "serde", "jiff"],
    ),
    ("observe", &["clap", "ratatui", "crossterm", "humansize"]),
    ("output", &["ratatui", "crossterm", "crate::ring::Mapping"]),
    ("ui", &["clap", "crate::ring::Mapping"]),
];

/// The sources, by module: `observe::attach` is `src/observe/attach/mod.rs`; the crate's root is the empty name.
type Sources = BTreeMap<String, String>;

fn sources() -> Sources {
    fn walk(dir: &Path, module: &str, sources: &mut Sources) {
        for entry in std::fs::read_dir(dir).expect("src/ is there") {
            let path = entry.expect("it can be listed").path();
            let name = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let child = match (module, name.as_str()) {
                (_, "mod" | "lib") => module.to_owned(),
                ("", name) => name.to_owned(),
                (module, name) => format!("{module}::{name}"),
            };
            if path.is_dir() {
                walk(&path, &child, sources);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("text");
                sources.insert(child, text);
            }
        }
    }
    let mut sources = Sources::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    walk(&root, "", &mut sources);
    sources
}

/// What one file names.
#[derive(Default)]
struct Names {
    /// Every path, from the crate's root (`crate`) or from another crate's name.
    paths: BTreeSet<Vec<String>>,
    /// What it hands on under another path: name to path.
    handed_on: BTreeMap<String, Vec<String>>,
    /// Names that stand for paths in it.
    aliases: BTreeMap<String, Vec<String>>,
    /// Its modules that are compiled for tests only.
    test_modules: BTreeSet<String>,
    /// The module that is being read: the file's, or one inside it.
    module: Vec<String>,
}

impl Names {
    fn of(module: &str, text: &str) -> Self {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{module}: {error}"));
        let segments = module.split("::").filter(|part| !part.is_empty());
        let mut names = Self {
            module: segments.map(str::to_owned).collect(),
            ..Self::default()
        };
        names.visit_file(&file);
        names
    }

    /// A path from the root; `None` for one that begins with a name of this file's own, or of the language's.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let mut at = self.module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            // The program sees the library by its name.
            "crate" | "zbqtop" => (at, rest) = (Vec::new(), &path[1..]),
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|one| one == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            alias => {
                let mut known = self.aliases.get(alias)?.clone();
                known.extend_from_slice(&path[1..]);
                return Some(known);
            }
        }
        let mut whole = vec!["crate".to_owned()];
        whole.extend(at);
        whole.extend_from_slice(rest);
        Some(whole)
    }

    fn take_use(&mut self, tree: &UseTree, prefix: &[String], hands_on: bool) {
        let with = |name: &dyn ToString| {
            let mut path = prefix.to_vec();
            path.push(name.to_string());
            path
        };
        let (path, name) = match tree {
            UseTree::Path(path) => {
                return self.take_use(&path.tree, &with(&path.ident), hands_on);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.take_use(tree, prefix, hands_on);
                }
                return;
            }
            UseTree::Name(name) if name.ident == "self" => {
                (prefix.to_vec(), prefix.last().cloned().unwrap_or_default())
            }
            UseTree::Name(name) => (with(&name.ident), name.ident.to_string()),
            UseTree::Rename(rename) => (with(&rename.ident), rename.rename.to_string()),
            UseTree::Glob(_) => (prefix.to_vec(), String::new()),
        };
        // What begins with no name of this crate's is another crate's.
        let path = self.absolute(&path).unwrap_or(path);
        if hands_on {
            self.handed_on.insert(name.clone(), path.clone());
        }
        self.aliases.insert(name, path.clone());
        self.paths.insert(path);
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || (attribute.path().is_ident("cfg")
                && attribute
                    .parse_args::<syn::Path>()
                    .is_ok_and(|path| path.is_ident("test")))
    })
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let name = item.ident.to_string();
        if is_for_tests(&item.attrs) {
            self.test_modules.insert(name);
            return;
        }
        let mut path = vec!["crate".to_owned()];
        path.extend(self.module.iter().cloned());
        path.push(name.clone());
        self.aliases.insert(name.clone(), path);
        self.module.push(name);
        syn::visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_for_tests(&item.attrs) {
            let hands_on = !matches!(item.vis, Visibility::Inherited);
            self.take_use(&item.tree, &[], hands_on);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path
            .segments
            .iter()
            .map(|one| one.ident.to_string())
            .collect();
        if segments.len() > 1
            && let Some(path) = self.absolute(&segments)
        {
            self.paths.insert(path);
        } else if segments.len() > 1 {
            self.paths.insert(segments);
        }
        syn::visit::visit_path(self, path);
    }
}

/// Who imports whom, and what else each names.
struct Imports {
    /// File to the files that it imports from, each with a path that does.
    files: BTreeMap<String, BTreeMap<String, String>>,
    /// File to the paths into other crates, and into this one, resolved.
    names: BTreeMap<String, BTreeSet<String>>,
}

impl Imports {
    fn of(sources: &Sources) -> Self {
        let all: BTreeMap<&String, Names> = sources
            .iter()
            .map(|(module, text)| (module, Names::of(module, text)))
            .collect();
        let for_tests: BTreeSet<String> = all
            .iter()
            .flat_map(|(module, names)| {
                let inside = |name: &String| [module.as_str(), name].join("::");
                names.test_modules.iter().map(inside)
            })
            .map(|module| module.trim_start_matches("::").to_owned())
            .collect();
        let mut imports = Self {
            files: BTreeMap::new(),
            names: BTreeMap::new(),
        };
        for (module, names) in &all {
            let is_test =
                |test: &String| *module == test || module.starts_with(&format!("{test}::"));
            if for_tests.iter().any(is_test) {
                continue;
            }
            let files = imports.files.entry((*module).clone()).or_default();
            let named = imports.names.entry((*module).clone()).or_default();
            for path in &names.paths {
                named.insert(path.join("::"));
                if let Some(file) = defined_in(path, &all, 0)
                    && file != **module
                {
                    files.insert(file, path.join("::"));
                }
            }
        }
        imports
    }

    /// What breaks the rules, in words.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (file, imports) in &self.files {
            let Some((from, own)) = floor(file) else {
                // The crate's root and the map of `observe` name everything.
                continue;
            };
            for (imported, path) in imports {
                match floor(imported) {
                    Some((to, place)) if to > from || (to == from && place != own) => {
                        faults.push(format!(
                            "{file} is on floor {from} and uses {path} of floor {to}"
                        ));
                    }
                    _ => {}
                }
            }
            for (place, foreign) in FOREIGN {
                let inside = file == place || file.starts_with(&format!("{place}::"));
                let named = &self.names[file];
                for name in foreign.iter().filter(|_| inside) {
                    let is =
                        |path: &&String| path == name || path.starts_with(&format!("{name}::"));
                    if let Some(path) = named.iter().find(is) {
                        faults.push(format!(
                            "{file} names {path}, which is none of {place}'s business"
                        ));
                    }
                }
            }
        }
        let circles = self.files.keys().filter_map(|file| self.circle(file));
        // Each is told once, from the first of its files by name.
        let told = circles.filter(|files| files.iter().min() == files.first());
        faults.extend(told.map(|files| format!("a circle: {}", files.join(" -> "))));
        faults
    }

    /// The shortest way by which `file` imports itself, if there is one.
    fn circle(&self, file: &str) -> Option<Vec<String>> {
        let mut ways = vec![vec![file.to_owned()]];
        let mut seen = BTreeSet::new();
        while !ways.is_empty() {
            let mut longer = Vec::new();
            for way in ways {
                let imports = way.last().and_then(|last| self.files.get(last));
                for imported in imports.into_iter().flat_map(BTreeMap::keys) {
                    let mut way = way.clone();
                    way.push(imported.clone());
                    if imported == file {
                        return Some(way);
                    }
                    if seen.insert(imported.clone()) {
                        longer.push(way);
                    }
                }
            }
            ways = longer;
        }
        None
    }
}

/// The floor of a file, and the place there that it is in.
fn floor(file: &str) -> Option<(usize, &'static str)> {
    let is_in = |place: &&&str| file == **place || file.starts_with(&format!("{place}::"));
    let places = FLOORS.iter().enumerate().flat_map(|(floor, places)| {
        places
            .iter()
            .filter(is_in)
            .map(move |place| (floor, *place))
    });
    places.max_by_key(|(_, place)| place.len())
}

/// The file that defines what a path names.
fn defined_in(path: &[String], all: &BTreeMap<&String, Names>, depth: usize) -> Option<String> {
    let [first, rest @ ..] = path else {
        return None;
    };
    // A path through two names that are each handed on to the other would never end.
    if first != "crate" || depth > 8 {
        return None;
    }
    let known = (0..=rest.len())
        .rev()
        .find(|length| all.contains_key(&rest[..*length].join("::")))?;
    let module = rest[..known].join("::");
    let names = &all[&module];
    match rest.get(known).and_then(|name| names.handed_on.get(name)) {
        Some(path) => defined_in(path, all, depth + 1).or(Some(module)),
        None => Some(module),
    }
}

#[test]
fn floors_only_point_down_and_nothing_goes_in_circles() {
    let faults = Imports::of(&sources()).faults();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_forbidden_import_is_found_wherever_it_stands() {
    for (file, line, words) in [
        (
            "ring::message",
            "use crate::observe::model::Event;",
            "floor",
        ),
        (
            "ring::message",
            "use clap::Parser;",
            "none of ring's business",
        ),
        (
            "observe::model::event",
            "use crate::observe::attach::AttachedRing;",
            "floor",
        ),
        (
            "observe::health::history",
            "use crate::observe::messages::Reader;",
            "floor",
        ),
        (
            "observe::watch",
            "fn draw() { ratatui::init(); }",
            "none of observe's business",
        ),
        (
            "ui::app",
            "fn map(_: crate::ring::Mapping) {}",
            "none of ui's business",
        ),
        (
            "observe::attach::error",
            "use super::attached_ring::AttachedRing;",
            "a circle",
        ),
        (
            "observe::attach::error",
            "use crate::observe::attach::AttachedRing;",
            "a circle",
        ),
        (
            "observe::attach::error",
            "fn at() { super::attached_ring::AttachedRing::new(); }",
            "a circle",
        ),
    ] {
        let mut sources = sources();
        let text = sources.get_mut(file).unwrap_or_else(|| panic!("no {file}"));
        text.push_str(line);
        let faults = Imports::of(&sources).faults();
        assert!(
            faults.iter().any(|fault| fault.contains(words)),
            "`{line}` in {file} was not found: {faults:?}"
        );
    }
}
