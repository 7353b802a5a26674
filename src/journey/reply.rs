//! An answer, as far as a step looks at it.

/// Status, fields and body of an answer; fields and body are empty where nothing looks at them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply<'a> {
    pub status: u16,
    /// Names in any case, values as sent, in order.
    pub fields: Vec<(&'a [u8], &'a [u8])>,
    /// Without transfer coding; with content coding.
    pub body: &'a [u8],
}

impl<'a> Reply<'a> {
    /// The values of a field, in order.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> + 's {
        self.fields
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| *value)
    }
}
