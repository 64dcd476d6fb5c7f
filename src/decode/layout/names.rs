//! Which values a payload may have, by their names.

use super::kinds::{Kind, Layout, Member, REST};

impl Kind {
    /// Whether there may be a value at `path` inside it.
    fn may_have(&self, path: &[String]) -> bool {
        let Some((first, rest)) = path.split_first() else {
            return true;
        };
        match self {
            Self::Record(members, _) => may_have(members, path),
            Self::Array(kind, ..) => first.parse::<usize>().is_ok() && kind.may_have(rest),
            Self::Bits(_, fields) => {
                let is_it = |(name, _): &(Option<String>, u32)| name.as_ref() == Some(first);
                rest.is_empty() && fields.iter().any(is_it)
            }
            _ => false,
        }
    }
}

fn may_have(members: &[Member], path: &[String]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return true;
    };
    let mut members = members.iter();
    let member = members.find(|member| member.name.as_ref() == Some(first));
    member.is_some_and(|member| member.kind.may_have(rest))
}

impl Layout {
    /// Whether a payload may have a value at `path`.
    pub(in crate::decode) fn may_have(&self, path: &[String]) -> bool {
        may_have(&self.fields, path) || path == [REST]
    }

    /// The names of its fields.
    pub(in crate::decode) fn names(&self) -> Vec<String> {
        let names = self.fields.iter();
        names.filter_map(|field| field.name.clone()).collect()
    }
}
