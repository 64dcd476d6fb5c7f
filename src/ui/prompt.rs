//! A line that is being typed: a filter, or what is looked for. It knows nothing of what the text means.

/// What was typed so far, never more than `LONGEST` characters.
#[derive(Debug, Default)]
pub(super) struct Prompt<const LONGEST: usize> {
    typed: String,
    typing: bool,
}

impl<const LONGEST: usize> Prompt<LONGEST> {
    /// What was typed.
    pub(super) fn typed(&self) -> &str {
        &self.typed
    }

    /// Whether it is being typed.
    pub(super) fn is_typing(&self) -> bool {
        self.typing
    }

    /// Lets it be typed.
    pub(super) fn begin(&mut self) {
        self.typing = true;
    }

    /// Ends the typing; what was typed stays.
    pub(super) fn end(&mut self) {
        self.typing = false;
    }

    /// Changes it.
    pub(super) fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Insert(character) => {
                if self.typed.chars().count() < LONGEST {
                    self.typed.push(character);
                }
            }
            Edit::Erase => {
                self.typed.pop();
            }
            Edit::EraseAll => self.typed.clear(),
            Edit::Keep => self.end(),
            Edit::Clear => *self = Self::default(),
        }
    }
}

/// A change to text that is being typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// Puts a character at the end.
    Insert(char),
    /// Takes the last character away.
    Erase,
    /// Takes all of it away.
    EraseAll,
    /// Ends the typing and keeps what was typed.
    Keep,
    /// Ends the typing and forgets what was typed.
    Clear,
}
