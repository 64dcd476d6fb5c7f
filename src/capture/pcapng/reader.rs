//! Reads pcapng of any byte order and time resolution, as it comes; what is not of rings is passed over and counted.

use std::io::{self, Read};

use super::block::{LINK_TYPE, kind, option};
use crate::capture::read_as_much;
use crate::text::escape_bytes;

/// The longest block that is kept, bytes: a packet, or what describes an interface.
const LONGEST: u32 = 64 << 20;
/// Interfaces of a file: more are not believed.
const MOST_INTERFACES: usize = 4096;
/// Bytes of a block besides what is in it.
const FRAME: u32 = 12;

/// Packets, one after another.
#[derive(Debug)]
pub(super) struct PacketReader<R> {
    input: R,
    /// Bytes that were read.
    at: u64,
    big_endian: bool,
    /// Of all sections.
    interfaces: Vec<Interface>,
    /// Number of the first interface of this section.
    first: usize,
    body: Vec<u8>,
    foreign: u64,
}

/// Where packets come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// The ring's id, if zbqtop wrote it.
    pub name: String,
    /// For people.
    pub description: String,
    link_type: u16,
    resolution: u8,
    /// Seconds that are added to all its times.
    offset: i64,
}

/// One packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    /// Number of its interface, over all sections of the file.
    pub(super) interface: usize,
    /// ns since 1970.
    pub(super) at_ns: u64,
    /// What was captured of it.
    pub(super) data: &'a [u8],
}

/// Why there is no next packet.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It ends inside a block.
    #[error("byte {at}: it ends in the middle of a block")]
    Cut {
        /// Where that block begins.
        at: u64,
    },
    /// It is not what it should be.
    #[error("byte {at}: {what}")]
    Malformed {
        /// Where.
        at: u64,
        /// What was found, and what was expected.
        what: String,
    },
}

impl<R: Read> PacketReader<R> {
    /// Packets of `input`, which begins with a section.
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            at: 0,
            big_endian: false,
            interfaces: Vec::new(),
            first: 0,
            body: Vec::new(),
            foreign: 0,
        }
    }

    /// Where they come from.
    pub(super) fn get_ref(&self) -> &R {
        &self.input
    }

    /// The interfaces that were met.
    #[must_use]
    pub(super) fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Packets that are not of rings: of other link types.
    #[must_use]
    pub(super) fn foreign(&self) -> u64 {
        self.foreign
    }

    /// The next packet of a ring; `None` at the end.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub(super) fn next_packet(&mut self) -> Result<Option<Packet<'_>>, ReadError> {
        loop {
            let at = self.at;
            let Some(kind) = self.begin_block(at)? else {
                return Ok(None);
            };
            match kind {
                kind::INTERFACE => self.add_interface(at)?,
                kind::PACKET => {
                    let (interface, at_ns, data) = self.packet(at)?;
                    if self.interfaces[interface].link_type != LINK_TYPE {
                        self.foreign += 1;
                        continue;
                    }
                    let data = &self.body[data];
                    return Ok(Some(Packet {
                        interface,
                        at_ns,
                        data,
                    }));
                }
                _ => {}
            }
        }
    }

    /// Reads a block, into `body` if what is in it is of use.
    fn begin_block(&mut self, at: u64) -> Result<Option<u32>, ReadError> {
        let mut head = [0; 8];
        let cut = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ReadError::Cut { at },
            _ => error.into(),
        };
        match read_as_much(&mut self.input, &mut head)? {
            0 => return Ok(None),
            8 => {}
            _ if at > 0 => return Err(ReadError::Cut { at }),
            got => return Err(no_section(at, &head[..got])),
        }
        let [k0, k1, k2, k3, l0, l1, l2, l3] = head;
        let is_section = [k0, k1, k2, k3] == kind::SECTION.to_le_bytes();
        if at == 0 && !is_section {
            return Err(no_section(at, &head));
        }
        self.body.clear();
        if is_section {
            let mut order = [0; 4];
            self.input.read_exact(&mut order).map_err(cut)?;
            self.big_endian = match u32::from_le_bytes(order) {
                0x1a2b_3c4d => false,
                0x4d3c_2b1a => true,
                _ => {
                    let what = format!(
                        "a section of byte order \"{}\", expected 1a2b3c4d",
                        escape_bytes(&order)
                    );
                    return Err(ReadError::Malformed { at, what });
                }
            };
            self.first = self.interfaces.len();
            self.body.extend_from_slice(&order);
        }
        let kind = self.number([k0, k1, k2, k3]);
        let length = self.number([l0, l1, l2, l3]);
        let shortest = FRAME + self.body.len() as u32;
        if length < shortest || !length.is_multiple_of(4) {
            let what =
                format!("a block of {length} bytes, expected a multiple of 4, at least {shortest}");
            return Err(ReadError::Malformed { at, what });
        }
        let left = u64::from(length - shortest);
        if matches!(kind, kind::INTERFACE | kind::PACKET) {
            if length > LONGEST {
                let what = format!("a block of {length} bytes, expected at most {LONGEST}");
                return Err(ReadError::Malformed { at, what });
            }
            // It grows with what is there, whatever the length says.
            let got = self.input.by_ref().take(left).read_to_end(&mut self.body)?;
            if got as u64 != left {
                return Err(ReadError::Cut { at });
            }
        } else {
            let skipped = io::copy(&mut self.input.by_ref().take(left), &mut io::sink())?;
            if skipped != left {
                return Err(ReadError::Cut { at });
            }
        }
        let mut again = [0; 4];
        self.input.read_exact(&mut again).map_err(cut)?;
        let again = self.number(again);
        if again != length {
            let what = format!("a block of {length} bytes ends with length {again}");
            return Err(ReadError::Malformed { at, what });
        }
        self.at += u64::from(length);
        Ok(Some(kind))
    }

    fn add_interface(&mut self, at: u64) -> Result<(), ReadError> {
        let malformed = |what: String| ReadError::Malformed { at, what };
        if self.interfaces.len() >= MOST_INTERFACES {
            let what = format!("interface {MOST_INTERFACES}: so many are not read");
            return Err(malformed(what));
        }
        let Some((&[l0, l1, ..], mut options)) = self.body.split_first_chunk::<8>() else {
            let what = "an interface without a link type and a length";
            return Err(malformed(what.into()));
        };
        let mut interface = Interface {
            link_type: self.short([l0, l1]),
            resolution: 6,
            ..Interface::default()
        };
        while let Some((&[c0, c1, l0, l1], rest)) = options.split_first_chunk::<4>() {
            let (code, length) = (self.short([c0, c1]), usize::from(self.short([l0, l1])));
            let Some(value) = rest.get(..length).filter(|_| code != option::END) else {
                break;
            };
            let words = || String::from_utf8_lossy(value).into_owned();
            match code {
                option::INTERFACE_NAME => interface.name = words(),
                option::INTERFACE_DESCRIPTION => interface.description = words(),
                option::INTERFACE_RESOLUTION => {
                    interface.resolution = value.first().copied().unwrap_or(6);
                }
                option::INTERFACE_OFFSET => {
                    if let Some(value) = value.first_chunk() {
                        interface.offset = if self.big_endian {
                            i64::from_be_bytes(*value)
                        } else {
                            i64::from_le_bytes(*value)
                        };
                    }
                }
                _ => {}
            }
            options = rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        }
        self.interfaces.push(interface);
        Ok(())
    }

    /// Interface and time of the packet that was read, and where in the block it is.
    fn packet(&self, at: u64) -> Result<(usize, u64, std::ops::Range<usize>), ReadError> {
        let malformed = |what: String| ReadError::Malformed { at, what };
        let word = |number: usize| {
            let bytes = self.body.get(number * 4..)?.first_chunk()?;
            Some(self.number(*bytes))
        };
        let (Some(interface), Some(high), Some(low), Some(captured), Some(_)) =
            (word(0), word(1), word(2), word(3), word(4))
        else {
            return Err(malformed(
                "a packet without interface, time and lengths".into(),
            ));
        };
        let number = self.first + interface as usize;
        let Some(interface) = self.interfaces.get(number) else {
            let known = self.interfaces.len() - self.first;
            let what = format!("a packet of interface {interface}, expected one of {known}");
            return Err(malformed(what));
        };
        let data = 20..20_usize.saturating_add(captured as usize);
        if data.end > self.body.len() {
            let what = format!(
                "a packet of {captured} bytes, expected at most {}",
                self.body.len() - 20
            );
            return Err(malformed(what));
        }
        let at_ns = interface.at_ns(u64::from(high) << 32 | u64::from(low));
        Ok((number, at_ns, data))
    }

    fn number(&self, bytes: [u8; 4]) -> u32 {
        if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    }

    fn short(&self, bytes: [u8; 2]) -> u16 {
        if self.big_endian {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        }
    }
}

impl Interface {
    /// A time of its packets in ns since 1970; saturating.
    fn at_ns(&self, time: u64) -> u64 {
        let exponent = u32::from(self.resolution & 0x7f);
        let base: u128 = if self.resolution & 0x80 == 0 { 10 } else { 2 };
        let ns = base.checked_pow(exponent).map_or(0, |per_second| {
            u128::from(time) * 1_000_000_000 / per_second
        });
        let ns = i128::try_from(ns).unwrap_or(i128::MAX);
        let ns = ns.saturating_add(i128::from(self.offset) * 1_000_000_000);
        u64::try_from(ns.max(0)).unwrap_or(u64::MAX)
    }
}

fn no_section(at: u64, found: &[u8]) -> ReadError {
    let what = format!(
        "found \"{}\", expected pcapng, which begins with \"\\n\\r\\r\\n\"",
        escape_bytes(found)
    );
    ReadError::Malformed { at, what }
}
