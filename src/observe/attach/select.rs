//! Which ring of a process is meant, where it has several.

use super::error::{AttachError, CtrlPlace};

/// Which of a process's rings is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingSelector {
    /// The only one there is.
    Only,
    /// The n-th by control descriptor, from 0.
    Number(usize),
    /// The one whose control region is at this descriptor.
    Fd(i32),
}

impl RingSelector {
    /// Which of the rings of process `pid` that are at these places it is, if it is one of them.
    ///
    /// # Errors
    /// [`AttachError::SeveralHere`] when it was not said which.
    pub(super) fn among(
        self,
        pid: i32,
        places: Vec<CtrlPlace>,
    ) -> Result<Option<usize>, AttachError> {
        let index = match self {
            Self::Only if places.len() > 1 => return Err(AttachError::SeveralHere { pid, places }),
            Self::Only => Some(0),
            Self::Number(number) => Some(number),
            Self::Fd(fd) => places.iter().position(|place| *place == CtrlPlace::Fd(fd)),
        };
        Ok(index.filter(|index| *index < places.len()))
    }

    /// That it is none of them.
    pub(super) fn misses(self, pid: i32, places: Vec<CtrlPlace>) -> AttachError {
        let asked = match self {
            Self::Fd(fd) => format!("at fd {fd}"),
            Self::Number(number) => format!("number {number}"),
            Self::Only => "at all".into(),
        };
        AttachError::NoSuchRing { pid, asked, places }
    }
}
