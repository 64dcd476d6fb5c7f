//! How much of a list, and of a message, the screen has room for.

/// What the pane that has the keys shows at a time; movements are measured by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Viewport {
    /// Rows of a page.
    pub(crate) rows: usize,
    /// The last row that may come first, where rows are scrolled and not selected.
    pub(crate) last_top: usize,
    /// Bytes in a row of the dump.
    pub(crate) stride: usize,
}

impl Viewport {
    /// What is seen of a dump.
    pub(crate) fn hex(&self) -> HexViewport {
        HexViewport {
            rows: self.rows,
            stride: self.stride,
        }
    }
}

/// How much of a dump is seen, for the byte that is looked at to stay in sight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HexViewport {
    /// Rows.
    pub(crate) rows: usize,
    /// Bytes in a row.
    pub(crate) stride: usize,
}
