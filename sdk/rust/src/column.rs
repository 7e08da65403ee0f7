//! Columns of a batch as the host lays them out, borrowed.
//!
//! What comes in: flat buffers (the guest's copy of them, or Arrow's own in native tests). What
//! goes out: views of them by slice. Never: a copy of a value.

/// One field of every alert of a batch: see `column` in `wit/world.wit`.
#[derive(Debug, Clone)]
pub struct Column<'a> {
    /// One for each `[]` of the path, outermost first.
    pub levels: Vec<Level<'a>>,
    /// The elements, null ones included.
    pub values: Values<'a>,
    /// One bit per element, 1 where it is present; none where all are.
    pub validity: Option<&'a [u8]>,
}

/// One array around the elements: parent `i` owns the children `offsets[i]..offsets[i + 1]`.
#[derive(Debug, Clone, Copy)]
pub struct Level<'a> {
    /// One more than there are parents.
    pub offsets: &'a [u32],
    /// One bit per parent, 1 where it has an array; none where all have one.
    pub validity: Option<&'a [u8]>,
}

/// The elements of a column.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// One bit each.
    Boolean(&'a [u8]),
    /// 32-bit signed integers.
    Int32(&'a [i32]),
    /// 64-bit signed integers.
    Int64(&'a [i64]),
    /// 32-bit floats.
    Float32(&'a [f32]),
    /// 64-bit floats.
    Float64(&'a [f64]),
    /// Text.
    Utf8(Varying<'a>),
    /// Bytes.
    Binary(Varying<'a>),
}

/// Texts or byte strings end to end: element `i` is `bytes[offsets[i]..offsets[i + 1]]`.
#[derive(Debug, Clone, Copy)]
pub struct Varying<'a> {
    /// One more than there are elements.
    pub offsets: &'a [u32],
    /// All elements.
    pub bytes: &'a [u8],
}

impl<'a> Level<'a> {
    /// The children of a parent as (first, one past the last).
    #[inline]
    pub(crate) fn children(&self, parent: usize) -> (usize, usize) {
        (
            self.offsets[parent] as usize,
            self.offsets[parent + 1] as usize,
        )
    }
}

/// True where bit `index` is set; a bitmap that is absent has all bits set.
#[inline]
pub(crate) fn present(bitmap: Option<&[u8]>, index: usize) -> bool {
    bitmap.is_none_or(|bytes| bit(bytes, index))
}

/// Bit `index`, least significant first.
#[inline]
pub(crate) fn bit(bytes: &[u8], index: usize) -> bool {
    bytes[index / 8] >> (index % 8) & 1 == 1
}
