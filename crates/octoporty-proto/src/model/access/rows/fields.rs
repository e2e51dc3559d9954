//! The fields of a row, one by one.

use uuid::Uuid;

use super::{LENGTH, NUMBER, RowError};
use crate::model::MappingId;

/// Bytes of [`Begin`].
const BEGIN: usize = 1 + 2 + 16 + 8;

/// What every row begins with.
#[derive(Clone, Copy)]
pub(super) struct Begin {
    pub(super) flags: u8,
    pub(super) status: u16,
    pub(super) mapping: MappingId,
    pub(super) at_ms: u64,
}

impl Begin {
    pub(super) fn parse(row: &mut &[u8]) -> Result<Self, RowError> {
        let (begin, rest) = row.split_first_chunk::<BEGIN>().ok_or(RowError::Short)?;
        *row = rest;
        let mut begin = &begin[..];
        Ok(Self {
            flags: u8::from_be_bytes(array(&mut begin)?),
            status: u16::from_be_bytes(array(&mut begin)?),
            mapping: MappingId::from_uuid(Uuid::from_bytes(array(&mut begin)?)),
            at_ms: u64::from_be_bytes(array(&mut begin)?),
        })
    }
}

/// Bytes before the texts of a row, at most.
pub(super) const FRONT: usize = LENGTH + 1 + 2 + 16 + 8 + 5 * NUMBER + 16;

/// What stands before the texts: gathered, and appended at once.
pub(super) struct Front {
    pub(super) bytes: [u8; FRONT],
    pub(super) length: usize,
}

impl Front {
    pub(super) fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        self.bytes[self.length..self.length + N].copy_from_slice(&bytes);
        self.length += N;
    }

    pub(super) fn number(&mut self, number: u64) {
        put_number(number, |byte| self.put([byte]));
    }
}

pub(super) fn put_number(mut number: u64, mut put: impl FnMut(u8)) {
    while number > 0x7f {
        put((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    put((number & 0x7f) as u8);
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str, room: usize) {
    let text = &text[..text.floor_char_boundary(room.saturating_sub(LENGTH * 8 + NUMBER))];
    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn skip(row: &mut &[u8], bytes: usize) -> Result<(), RowError> {
    *row = row.get(bytes..).ok_or(RowError::Short)?;
    Ok(())
}

#[inline]
pub(super) fn number(row: &mut &[u8]) -> Result<u64, RowError> {
    // Nearly all have one byte or two.
    let (number, rest) = match *row {
        [low @ 0..=0x7f, rest @ ..] => (u64::from(*low), rest),
        [low, high @ 0..=0x7f, rest @ ..] => (u64::from(low & 0x7f) | u64::from(*high) << 7, rest),
        _ => return long_number(row),
    };
    *row = rest;
    Ok(number)
}

#[cold]
fn long_number(row: &mut &[u8]) -> Result<u64, RowError> {
    let mut number = 0;
    for (at, &byte) in row.iter().take(NUMBER).enumerate() {
        if at == NUMBER - 1 && byte > 1 {
            return Err(RowError::Number);
        }
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            *row = &row[at + 1..];
            return Ok(number);
        }
    }
    Err(RowError::Short)
}

#[inline]
pub(super) fn array<const N: usize>(row: &mut &[u8]) -> Result<[u8; N], RowError> {
    let (array, rest) = row.split_first_chunk().ok_or(RowError::Short)?;
    *row = rest;
    Ok(*array)
}

pub(super) fn text<'a>(row: &mut &'a [u8]) -> Result<&'a str, RowError> {
    str::from_utf8(text_bytes(row)?).map_err(|_| RowError::Text)
}

/// Passes a text over, but for its check.
pub(super) fn check_text(row: &mut &[u8]) -> Result<(), RowError> {
    let text = text_bytes(row)?;
    // Nearly all are ASCII, and short: that is seen sooner than what UTF-8 they are.
    if text.is_ascii() || str::from_utf8(text).is_ok() { Ok(()) } else { Err(RowError::Text) }
}

pub(super) fn text_bytes<'a>(row: &mut &'a [u8]) -> Result<&'a [u8], RowError> {
    let length = usize::from(u16::from_be_bytes(array(row)?));
    let (text, rest) = row.split_at_checked(length).ok_or(RowError::Short)?;
    *row = rest;
    Ok(text)
}
