//! Which of a process's sockets leads to which of its rings, where it has several: nothing in a ring names its socket, so it
//! is told by the order in which the process made them, where that is regular, and said to be.

use crate::observe::model::Limitation;
use crate::observe::procfs::{FileId, MemFd, MemFdKind, OwnSocket, Process, listening, unique};
use crate::text::counted;

/// The rings of a process, by control region, and the sockets that lead to them.
#[derive(Debug, Default)]
pub(super) struct OwnSockets {
    /// By descriptor.
    ctrls: Vec<MemFd>,
    sockets: Vec<OwnSocket>,
    /// The sockets of each ring, where that can be told.
    told: Option<Vec<Vec<usize>>>,
}

impl OwnSockets {
    pub(super) fn of(process: &Process) -> Self {
        let ctrls = unique(&process.memfds().unwrap_or_default(), MemFdKind::Ctrl);
        let sockets = listening(process);
        let fds = |at: usize| sockets.get(at).map(|socket| socket.fd);
        let rings: Vec<i32> = ctrls.iter().map(|ctrl| ctrl.fd).collect();
        let told = by_order(
            &rings,
            &(0..sockets.len()).filter_map(fds).collect::<Vec<_>>(),
        );
        Self {
            ctrls,
            sockets,
            told,
        }
    }

    /// The names of the sockets that lead to the ring of `ctrl`; `None` when it cannot be told. With it, what is not certain
    /// about them.
    pub(super) fn leading_to(&self, ctrl: FileId) -> (Option<Vec<String>>, Option<Limitation>) {
        if self.sockets.is_empty() {
            return (Some(Vec::new()), None);
        }
        let ring = self.ctrls.iter().position(|one| one.file == ctrl);
        let mine = self.told.as_ref().and_then(|told| told.get(ring?));
        let names = mine.map(|mine| {
            let mine = mine.iter().filter_map(|at| self.sockets.get(*at));
            mine.map(|socket| socket.name.clone()).collect()
        });
        let why = self.how_told();
        (
            names,
            why.map(|why| Limitation::new("which socket leads to this ring", why)),
        )
    }

    /// How it is told which socket is whose, or why not, where that is not certain.
    pub(super) fn how_told(&self) -> Option<String> {
        let (rings, sockets) = (self.ctrls.len(), self.sockets.len());
        (rings > 1 && sockets > 0).then(|| {
            format!(
                "the process has {rings} rings and listens on {}; {}",
                counted(sockets as u64, "socket"),
                if self.told.is_some() {
                    "which socket belongs to which ring is inferred from the order of their descriptors"
                } else {
                    "which socket belongs to which ring is unknown"
                }
            )
        })
    }

    /// The descriptor of the ring behind the socket that has one of `inodes`, of several rings that the process has; `None` when
    /// it cannot be told.
    pub(super) fn behind(&self, inodes: &[Vec<u8>]) -> Option<i32> {
        if self.ctrls.len() < 2 {
            return None;
        }
        let leads = |at: &usize| {
            let socket = self.sockets.get(*at);
            socket.is_some_and(|socket| inodes.contains(&socket.inode))
        };
        let ring = (self.told.as_ref()?.iter()).position(|mine| mine.iter().any(leads))?;
        self.ctrls.get(ring).map(|ctrl| ctrl.fd)
    }
}

/// The sockets of each ring, by the order of descriptors (both ascending): a process that makes ring and sockets together,
/// one ring after the other, has as many sockets after (or before) each ring.
fn by_order(rings: &[i32], sockets: &[i32]) -> Option<Vec<Vec<usize>>> {
    if rings.len() == 1 {
        return Some(vec![(0..sockets.len()).collect()]);
    }
    let each = sockets.len().checked_div(rings.len())?;
    if each == 0 || !sockets.len().is_multiple_of(rings.len()) {
        return None;
    }
    let mine: Vec<Vec<usize>> = (0..rings.len())
        .map(|ring| (ring * each..(ring + 1) * each).collect())
        .collect();
    let of = |ring: usize| &sockets[ring * each..(ring + 1) * each];
    let after = (0..rings.len()).all(|ring| {
        of(ring)
            .iter()
            .all(|fd| *fd > rings[ring] && rings.get(ring + 1).is_none_or(|next| fd < next))
    });
    let before = (0..rings.len()).all(|ring| {
        of(ring)
            .iter()
            .all(|fd| *fd < rings[ring] && (ring == 0 || *fd > rings[ring - 1]))
    });
    (after || before).then_some(mine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_orders_tell_and_others_do_not() {
        let told = |rings: &[i32], sockets: &[i32]| by_order(rings, sockets);
        let one_each = Some(vec![vec![0], vec![1]]);
        assert_eq!(told(&[3, 6], &[5, 8]), one_each);
        assert_eq!(told(&[4, 7], &[3, 6]), one_each);
        assert_eq!(
            told(&[3, 10], &[5, 6, 12, 13]),
            Some(vec![vec![0, 1], vec![2, 3]])
        );
        assert_eq!(told(&[3], &[1, 9]), Some(vec![vec![0, 1]]));
        // All rings first, one socket for all, one too many, none.
        for (rings, sockets) in [
            (&[3, 5][..], &[7, 8][..]),
            (&[3, 6], &[8]),
            (&[3, 6], &[5, 8, 9]),
            (&[3, 6], &[]),
        ] {
            assert_eq!(told(rings, sockets), None, "{rings:?} {sockets:?}");
        }
    }
}
