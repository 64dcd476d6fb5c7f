//! The names of users, from `/etc/passwd`: the database that every machine has, without the plugins of the C library.

use std::collections::HashMap;
use std::sync::OnceLock;

/// The name of the user with that uid; `None` where the file does not tell. It is read once.
#[must_use]
pub fn user_name(uid: u32) -> Option<&'static str> {
    static NAMES: OnceLock<HashMap<u32, String>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let file = std::fs::read("/etc/passwd").unwrap_or_default();
        names_in(&String::from_utf8_lossy(&file))
    });
    names.get(&uid).map(String::as_str)
}

/// `root:x:0:0:root:/root:/bin/sh` a line (passwd(5)); of several names of one uid, the first.
fn names_in(text: &str) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for line in text.lines() {
        let mut fields = line.split(':');
        let (name, uid) = (fields.next(), fields.nth(1));
        let uid = uid.and_then(|uid| uid.parse().ok());
        if let (Some(name), Some(uid)) = (name.filter(|name| !name.is_empty()), uid) {
            names.entry(uid).or_insert_with(|| name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_first_of_their_uid() {
        let names =
            names_in("root:x:0:0::/:\ntoor:x:0:0::/:\n\n:x:7::\nodd\na:b\nx:y:z\nann:x:1000:\n");
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort();
        assert_eq!(names, [(0, "root".to_owned()), (1000, "ann".to_owned())]);
    }
}
