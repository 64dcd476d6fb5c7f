//! What a layout is made of.

/// What is behind the last field, where the layout does not name it.
pub(super) const REST: &str = "_rest";

/// A layout.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    pub(super) fields: Vec<Member>,
    /// Fields that say how many of others there are.
    pub(super) counters: usize,
    pub(super) align: usize,
}

/// A value with a name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member {
    /// None: it is not shown.
    pub(super) name: Option<String>,
    pub(super) kind: Kind,
    /// It begins at a multiple of so many bytes.
    pub(super) align: usize,
    /// Which counter it sets.
    pub(super) sets: Option<usize>,
}

/// How a whole number lies in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Int {
    pub(super) bytes: usize,
    pub(super) signed: bool,
    pub(super) big_endian: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Int(Int),
    /// Of 2, 4 or 8 bytes.
    Float {
        bytes: usize,
        big_endian: bool,
    },
    Bool,
    Text(Count),
    Bytes(Count),
    Enum(Int, Vec<(i128, String)>),
    Bits(Int, Vec<(Option<String>, u32)>),
    Record(Vec<Member>, usize),
    Array(Box<Kind>, usize, Count),
}

/// How many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Count {
    Fixed(u64),
    /// By the counter with this number.
    Field(usize),
    /// By a number before it.
    Prefix(Int),
    /// To the end of the payload.
    Rest,
}

impl Kind {
    /// Whether it takes all that is left.
    pub(super) fn goes_to_the_end(&self) -> bool {
        match self {
            Self::Text(count) | Self::Bytes(count) | Self::Array(_, _, count) => {
                *count == Count::Rest
            }
            _ => false,
        }
    }
}
