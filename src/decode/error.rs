//! What goes wrong with a payload.

use super::limits::{DEEPEST, LARGEST, MOST_VALUES};

/// Why a payload cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It is shorter than the layout.
    #[error("{field}: {needs} bytes at {at}, but the payload has {there}")]
    Short {
        /// The field that has no room.
        field: String,
        /// Where it begins.
        at: usize,
        /// Its bytes.
        needs: usize,
        /// The payload's bytes.
        there: usize,
    },
    /// There is more in it than anybody can look at.
    #[error("more than {} values", MOST_VALUES)]
    TooMany,
    /// Names and texts take too much.
    #[error("more than {} MiB of names and texts", LARGEST >> 20)]
    TooLarge,
    /// Values are inside values inside values.
    #[error("more than {} values inside each other", DEEPEST)]
    TooDeep,
    /// It is something else.
    #[error("{0}")]
    Malformed(String),
    /// The command that decodes did not.
    #[error("the command {0}")]
    Command(String),
}

impl DecodeError {
    /// What is not what it should be.
    pub(super) fn malformed(why: impl std::fmt::Display) -> Self {
        Self::Malformed(why.to_string())
    }

    /// The same of a value that has no name of its own.
    pub(super) fn inside(self, name: &str) -> Self {
        match self {
            Self::Short {
                field,
                at,
                needs,
                there,
            } if field.is_empty() => Self::Short {
                field: name.to_owned(),
                at,
                needs,
                there,
            },
            error => error,
        }
    }

    /// What is behind the only value there should be.
    pub(super) fn trailing(bytes: usize) -> Self {
        Self::Malformed(format!("{bytes} bytes behind the value"))
    }
}
