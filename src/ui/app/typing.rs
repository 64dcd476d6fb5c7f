//! What is typed: filters, what is looked for, times, names of files.
//!
//! Whatever happens to what a line is for, the rest of it is never taken for keys.

use super::App;
use crate::observe::model::Seek;
use crate::ui::action::{Effect, Pane, Screen};
use crate::ui::prompt::Edit;

impl App {
    /// Lets be typed what is looked for. What is in front of a list that can be filtered gives way: what is typed next is
    /// never taken for keys.
    pub(super) fn begin_filter(&mut self) {
        self.help = None;
        self.details = None;
        if self.screen != Screen::Ring || self.frame.is_none() {
            return self.rings.begin_typing();
        }
        if self.reads() {
            return self.message_list.begin_typing();
        }
        if self.focus() == Pane::Findings {
            return self.findings_filter.begin();
        }
        self.focus = Pane::Consumers;
        self.consumers.begin_typing();
    }

    /// Changes what is being typed.
    pub(crate) fn edit(&mut self, edit: Edit) -> Option<Effect> {
        self.said = None;
        if self.prompt_is_lost {
            self.prompt_is_lost = !matches!(edit, Edit::Keep | Edit::Clear);
            return None;
        }
        if self.moment.is_typing() {
            return self.edit_moment(edit);
        }
        if self.file_name.is_typing() {
            let name = self.file_name.typed().to_owned();
            self.file_name.edit(edit);
            let is_given = edit == Edit::Keep && !name.trim().is_empty();
            return is_given.then(|| Effect::Export(name.trim().to_owned()));
        }
        if self.message_list.is_typing()
            && let Some(frame) = &self.frame
        {
            if edit == Edit::Keep {
                return self.message_list.keep().map(Effect::Around);
            }
            let is_changed = self.message_list.edit(edit, &frame.messages);
            return is_changed.then_some(Effect::Search);
        }
        if self.findings_filter.is_typing() {
            self.findings_filter.edit(edit);
            self.findings.top = 0;
            return None;
        }
        if self.rings.is_typing() {
            self.rings.edit(edit);
            self.rings.follow(&self.listing);
        } else {
            self.arrange(|consumers| consumers.edit(edit));
        }
        None
    }

    /// Changes the time to go to; goes there in the end.
    pub(super) fn edit_moment(&mut self, edit: Edit) -> Option<Effect> {
        self.moment_error = None;
        if edit != Edit::Keep {
            self.moment.edit(edit);
            return None;
        }
        match self.moment.typed().trim().parse() {
            Ok(moment) => {
                self.moment.edit(Edit::Clear);
                self.seek(Seek::To(moment))
            }
            Err(why) => {
                self.moment_error = Some(why);
                None
            }
        }
    }

    /// What is being typed belongs to nothing any more. The rest of it is still no keys.
    pub(super) fn lose_prompt(&mut self) {
        self.prompt_is_lost |= self.is_typing();
        self.rings.end_typing();
        self.consumers.end_typing();
        self.message_list.end_typing();
        self.findings_filter.end();
        self.file_name.end();
        self.moment.end();
    }
}
