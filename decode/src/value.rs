//! One value between the bytes and a column.

use crate::cursor::Cursor;
use crate::error::Wrong;
use crate::schema::Leaf;

/// A value as it was written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Boolean(bool),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl Leaf {
    /// Reads a value of this kind.
    #[inline(always)]
    pub fn read<'v, 'b: 'v>(&'v self, cursor: &mut Cursor<'b>) -> Result<Value<'v>, Wrong> {
        Ok(match self {
            Leaf::Boolean => Value::Boolean(cursor.boolean()?),
            Leaf::Int => Value::Int(cursor.int()?),
            Leaf::Long => Value::Long(cursor.long()?),
            Leaf::Float => Value::Float(f32::from_le_bytes(cursor.array()?)),
            Leaf::Double => Value::Double(f64::from_le_bytes(cursor.array()?)),
            Leaf::Bytes => Value::Bytes(cursor.sized()?),
            Leaf::String => Value::Text(cursor.text()?),
            Leaf::Fixed(size) => Value::Bytes(cursor.take(*size)?),
            Leaf::Enum(symbols) => Value::Text(&symbols[cursor.symbol(symbols.len())?]),
        })
    }
}
