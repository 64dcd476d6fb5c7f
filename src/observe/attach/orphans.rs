//! Orphans: rings whose producer is gone, and that live on in whoever maps them.
//!
//! Found by what processes map: a control region that nobody maps for writing, and a ring of the capacity that it
//! states. Everything in it is the word of whoever maps it; what is certain is said, the rest is among the limits.
//! Opens for reading only, and changes nothing.

use std::collections::BTreeMap;

use super::attached_ring::{Access, AttachedRing};
use super::error::AttachError;
use super::member::Member;
use super::membership::Membership;
use super::memory::{Memory, Page, RingBytes, bytes, page, size, wrong};
use super::producer::ProducerProcess;
use crate::observe::model::{Limitation, Unseen};
use crate::observe::procfs::{
    FileId, MappedMemFd, MappingProcess, MappingSurvey, MemFdKind, Process, SlotlessPages,
};
use crate::ring;
use crate::ring::layout::{CAPACITY_EXPECTED, CTRL_SIZE, META_SIZE, is_capacity};

/// A ring whose producer is gone.
#[derive(Debug)]
pub struct Orphan {
    /// A process that maps it, through which it is reached.
    pub process: Process,
    /// Its control region, as mapped there.
    pub ctrl: MappedMemFd,
    /// Processes that map its control region without writing.
    pub readers: u32,
    page: Page,
    bytes: RingBytes,
    control: ring::Control,
    limits: Vec<Limitation>,
}

/// What looking for orphans has found.
#[derive(Debug, Default)]
pub struct FoundOrphans {
    /// The rings, by the pid of the process through which they are reached and the address there.
    pub rings: Vec<Orphan>,
    /// What has the names of one and is none, or cannot be read.
    pub broken: Vec<AttachError>,
}

impl Orphan {
    /// `<pid>/map:<address>`: the process through which it is reached, which `--pid` takes, and where its control region
    /// is mapped there.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/map:{:x}", self.process.pid(), self.ctrl.address)
    }
}

/// The orphans that `survey` shows: through process `only`, or through any.
#[must_use]
pub fn orphans(survey: &MappingSurvey, only: Option<i32>) -> FoundOrphans {
    let mut readers: Vec<&MappingProcess> = survey
        .readers
        .iter()
        .filter(|reader| only.is_none_or(|pid| reader.process.pid() == pid))
        .collect();
    // By the pid of a process that has a ring of its own, that one is meant.
    readers.sort_by_key(|reader| (reader.is_producer(), reader.process.pid()));
    let mut ways: BTreeMap<FileId, Vec<(&MappingProcess, MappedMemFd)>> = BTreeMap::new();
    for reader in readers {
        let reads_ring = reader.memfds.iter().any(|at| at.kind == MemFdKind::Ring);
        for ctrl in reader.unique(|at| at.kind == MemFdKind::Ctrl) {
            if reads_ring && survey.writers(ctrl.file).next().is_none() {
                ways.entry(ctrl.file).or_default().push((reader, ctrl));
            }
        }
    }
    let mut found = FoundOrphans::default();
    for ways in ways.into_values() {
        let mut failed = None;
        let opened = ways.into_iter().find_map(|(reader, ctrl)| {
            let opened = open(survey, reader, ctrl);
            opened.map_err(|error| failed.get_or_insert(error)).ok()
        });
        match (opened, failed) {
            (Some(ring), _) => found.rings.push(ring),
            (None, failed) => found.broken.extend(failed),
        }
    }
    let place = |ring: &Orphan| (ring.process.pid(), ring.ctrl.address);
    found.rings.sort_by_key(place);
    found
}

/// Opens what `reader` maps as a ring.
fn open(
    survey: &MappingSurvey,
    reader: &MappingProcess,
    ctrl: MappedMemFd,
) -> Result<Orphan, AttachError> {
    let process = &reader.process;
    let page = page(process, &ctrl, CTRL_SIZE)?;
    let control = ring::Control::load(&page.mapping);
    let (capacity, writer) = (control.ring_capacity, control.producer_pid);
    if let Some(pid) = survey.denied_as(writer) {
        return Err(AttachError::NotPermitted {
            pid: process.pid(),
            why: format!(
                "it maps a zbq ring whose producer may be pid {pid}, which may not be inspected"
            ),
            remedy: Some("run as root".into()),
        });
    }
    if !is_capacity(capacity) {
        let why = format!("zbq_ctrl says ring_capacity = {capacity}, expected {CAPACITY_EXPECTED}");
        return Err(wrong(process, &ctrl, why));
    }
    let (ring, guessed) = ring_of(survey, reader, &ctrl, capacity)?;
    let mut limits = vec![Limitation {
        what: Unseen::Producer,
        why: format!(
            "it is gone: no process that we can see maps zbq_ctrl for writing. According to zbq_ctrl its pid was {writer} in \
             its own pid namespace; another process may have that pid now. The ring is reached through pid {}, which maps it",
            process.pid()
        ),
        remedy: None,
    }];
    limits.extend(guessed);
    let bytes = bytes(process, &ring, capacity)?;
    if page.copied.is_some() {
        limits.push(Limitation {
            what: "the ring, once the process that maps it has ended".into(),
            why: "it is read through /proc/PID/mem: /proc/PID/map_files needs CAP_SYS_ADMIN or \
                  CAP_CHECKPOINT_RESTORE"
                .into(),
            remedy: Some("run as root".into()),
        });
    }
    let readers = survey.readers.iter();
    let readers = readers.filter(|reader| reader.joins(ctrl.file) > 0).count();
    Ok(Orphan {
        process: process.clone(),
        ctrl,
        readers: u32::try_from(readers).unwrap_or(u32::MAX),
        page,
        bytes,
        control,
        limits,
    })
}

/// The ring that belongs to a control region, of those that `reader` maps, and what is not certain about that.
fn ring_of(
    survey: &MappingSurvey,
    reader: &MappingProcess,
    ctrl: &MappedMemFd,
    capacity: u64,
) -> Result<(MappedMemFd, Option<Limitation>), AttachError> {
    let written = |ring: &MappedMemFd| {
        let mut others = survey.readers.iter().flat_map(|other| &other.memfds);
        others.any(|at| at.file == ring.file && at.writable)
    };
    let mut sizes = Vec::new();
    let mut fitting = reader.unique(|at| at.kind == MemFdKind::Ring && !written(at));
    fitting.retain(|ring| {
        let size = size(&reader.process, ring);
        sizes.push(size.to_string());
        size == capacity
    });
    let (first, more) = match fitting[..] {
        [] => {
            let found = match &sizes[..] {
                [] => "no zbq_ring that is not another producer's".into(),
                sizes => format!("a zbq_ring of {} bytes", sizes.join(" and of ")),
            };
            let why = format!(
                "it maps {found}, expected {capacity} bytes, the ring_capacity in zbq_ctrl"
            );
            return Err(wrong(&reader.process, ctrl, why));
        }
        [first, ref more @ ..] => (first, more),
    };
    if more.is_empty() {
        return Ok((first, None));
    }
    // One that reads this ring and no other knows which it is.
    let told = survey.readers.iter().find_map(|other| {
        let rings = other.unique(|at| at.kind == MemFdKind::Ring);
        match (&other.rings_read()[..], &rings[..]) {
            ([one], [ring]) if *one == ctrl.file => fitting.iter().find(|at| at.file == ring.file),
            _ => None,
        }
    });
    if let Some(ring) = told {
        return Ok((*ring, None));
    }
    // The reference makes a control region and its ring one after the other.
    let after = fitting.iter().filter(|ring| ring.file.ino > ctrl.file.ino);
    let ring = *after.min_by_key(|ring| ring.file.ino).unwrap_or(&first);
    let limit = Limitation {
        what: "which zbq_ring belongs to this zbq_ctrl".into(),
        why: format!(
            "pid {} maps {} rings of this capacity, and no process maps just one of them: that at {:x} was taken \
             because it was made next",
            reader.process.pid(),
            fitting.len(),
            ring.address
        ),
        remedy: None,
    };
    Ok((ring, Some(limit)))
}

/// Attaches a ring whose producer is gone. Its members are those that `survey` shows to map it.
#[must_use]
pub fn adopt(orphan: Orphan, survey: &MappingSurvey) -> AttachedRing {
    let id = orphan.id();
    let Orphan {
        ctrl,
        page,
        bytes,
        control,
        mut limits,
        ..
    } = orphan;
    let mut members = Vec::new();
    let readers = survey.readers.iter();
    for reader in readers.filter(|reader| reader.joins(ctrl.file) > 0) {
        if let Err(why) = join(survey, reader, ctrl.file, &mut members) {
            let pid = reader.process.pid();
            let what = format!("how far pid {pid} has read");
            limits.push(Limitation::new(what, why));
        }
    }
    AttachedRing::new(
        id,
        Access::Orphan,
        ProducerProcess::gone(control.producer_pid),
        Memory::of_reader(page.mapping, ctrl.file, bytes, control.ring_capacity),
        None,
        Membership::survivors(members),
        limits,
    )
}

/// Makes members of the pages with which `reader` joined.
fn join(
    survey: &MappingSurvey,
    reader: &MappingProcess,
    ctrl: FileId,
    members: &mut Vec<Member>,
) -> Result<(), String> {
    let SlotlessPages::Known(pages) = survey.slotless_pages(reader, ctrl, |_| false, |_| false)
    else {
        return Err("it has joined several rings without a producer, and which metadata page belongs to which is unknown".into());
    };
    for at in pages {
        // A fork of a consumer maps the same page.
        if members.iter().any(|member| member.file == at.file) {
            continue;
        }
        let page = page(&reader.process, &at, META_SIZE).map_err(|error| error.to_string())?;
        let process = reader.process.clone();
        members.push(Member {
            // What the producer held last is what its consumers still map.
            held: true,
            ..Member::without_slot(page, at.file, process)
        });
    }
    Ok(())
}
