//! A line that is being typed: a filter, or what is looked for. It knows nothing of what the text means.

/// Lines that are remembered.
const REMEMBERED: usize = 50;

/// What was typed so far, never more than `LONGEST` characters, and what was kept before.
#[derive(Debug, Default)]
pub(super) struct Prompt<const LONGEST: usize> {
    typed: String,
    typing: bool,
    /// What was kept, the oldest first.
    history: Vec<String>,
    /// The line of the history that is shown, and what was typed before it was.
    recalled: Option<(usize, String)>,
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

    /// Lets it be typed, with something to begin with.
    pub(super) fn begin_with(&mut self, text: &str) {
        self.typed = text.chars().take(LONGEST).collect();
        self.begin();
    }

    /// Ends the typing; what was typed stays.
    pub(super) fn end(&mut self) {
        self.typing = false;
        self.recalled = None;
    }

    /// Changes it.
    pub(super) fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Older | Edit::Newer => return self.recall(edit == Edit::Older),
            Edit::Insert(character) => {
                if self.typed.chars().count() < LONGEST {
                    self.typed.push(character);
                }
            }
            Edit::Erase => {
                self.typed.pop();
            }
            Edit::EraseWord => {
                let end = self.typed.trim_end().rfind(char::is_whitespace);
                self.typed.truncate(end.map_or(0, |space| space + 1));
            }
            Edit::EraseAll => self.typed.clear(),
            Edit::Keep => {
                self.remember();
                self.end();
            }
            Edit::Clear => {
                self.typed.clear();
                self.end();
            }
        }
        self.recalled = None;
    }

    fn remember(&mut self) {
        if self.typed.trim().is_empty() {
            return;
        }
        self.history.retain(|line| *line != self.typed);
        self.history.push(self.typed.clone());
        let surplus = self.history.len().saturating_sub(REMEMBERED);
        self.history.drain(..surplus);
    }

    /// Shows the line that was kept before or after the one that is shown, and in the end what was typed.
    fn recall(&mut self, older: bool) {
        let at = match &self.recalled {
            Some((at, _)) if older => at.checked_sub(1),
            Some((at, _)) => Some(at + 1),
            None if older => self.history.len().checked_sub(1),
            None => None,
        };
        let Some(at) = at else {
            return;
        };
        let typed = self.recalled.take().map(|(_, typed)| typed);
        let typed = typed.unwrap_or_else(|| self.typed.clone());
        match self.history.get(at) {
            Some(line) => {
                self.typed.clone_from(line);
                self.recalled = Some((at, typed));
            }
            None => self.typed = typed,
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
    /// Takes the last word away.
    EraseWord,
    /// Takes all of it away.
    EraseAll,
    /// Shows what was kept before.
    Older,
    /// Shows what was kept after that.
    Newer,
    /// Ends the typing and keeps what was typed.
    Keep,
    /// Ends the typing and forgets what was typed.
    Clear,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(prompt: &mut Prompt<9>, text: &str) {
        prompt.begin();
        text.chars()
            .for_each(|character| prompt.edit(Edit::Insert(character)));
    }

    #[test]
    fn what_was_kept_comes_back() {
        let mut prompt = Prompt::<9>::default();
        for text in ["one", "two", "one", " "] {
            enter(&mut prompt, text);
            prompt.edit(Edit::Keep);
            prompt.edit(Edit::EraseAll);
        }
        enter(&mut prompt, "new");
        let mut seen = |edit| {
            prompt.edit(edit);
            prompt.typed().to_owned()
        };
        assert_eq!(seen(Edit::Newer), "new");
        assert_eq!(seen(Edit::Older), "one");
        assert_eq!(seen(Edit::Older), "two");
        assert_eq!(seen(Edit::Older), "two", "there is nothing before it");
        assert_eq!(seen(Edit::Newer), "one");
        assert_eq!(seen(Edit::Newer), "new", "what was typed is not lost");
        assert_eq!(seen(Edit::Older), "one");
        assert_eq!(seen(Edit::Erase), "on", "it can be changed");
        assert_eq!(seen(Edit::Older), "one");
        assert_eq!(seen(Edit::Clear), "");
        assert_eq!(seen(Edit::Older), "one", "a line given up forgets no other");
    }

    #[test]
    fn words_and_characters_are_taken_away() {
        let mut prompt = Prompt::<9>::default();
        enter(&mut prompt, "a bc  de fgh");
        assert_eq!(prompt.typed(), "a bc  de ");
        for expected in ["a bc  ", "a ", "", ""] {
            prompt.edit(Edit::EraseWord);
            assert_eq!(prompt.typed(), expected);
        }
    }
}
