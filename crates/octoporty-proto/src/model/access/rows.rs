//! Access records as bytes: written once where a request ends, and from there to the log's last reader never unpacked
//! into fields again. A batch is rows one after the other.
//!
//! ```text
//! row      length of what follows (2) | flags (1) | status (2) | mapping (16) | at_ms (8) | numbers | client | texts
//! numbers  gateway_us, first_byte_us (flag), total_us, request_bytes, response_bytes: each 7 bits a byte, lowest first
//! client   4 bytes, or 16 (flag)
//! texts    request_id, method, host, path, then by flag query, error, error_detail, user_agent: length (2) | UTF-8
//! more     tunnel_us (flag): 7 bits a byte, lowest first
//! ```
//! Numbers of fixed length are big endian. Newer releases append behind that; what is not known there is skipped
//! by the row's length, and unknown flags are ignored.

mod fields;

use std::net::IpAddr;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use self::fields::{Begin, FRONT, Front, array, check_text, number, put_number, put_text, skip, text, text_bytes};
use super::{AccessRecord, VISITOR_LEFT};
use crate::model::MappingId;

/// Bytes of a row's length.
const LENGTH: usize = 2;

const FIRST_BYTE: u8 = 0b0000_0001;
const QUERY: u8 = 0b0000_0010;
const ERROR: u8 = 0b0000_0100;
const ERROR_DETAIL: u8 = 0b0000_1000;
const USER_AGENT: u8 = 0b0001_0000;
const CLIENT_V6: u8 = 0b0010_0000;
const TUNNEL: u8 = 0b0100_0000;

/// Texts that each row has: request id, method, host and path.
const ALWAYS: usize = 4;

/// Numbers that each row has before them.
const NUMBERS: usize = 4;

/// Most bytes of a number.
const NUMBER: usize = 10;

/// An [`AccessRecord`] whose texts lie elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are those of AccessRecord")]
pub struct AccessRow<'a> {
    pub mapping: MappingId,
    pub request_id: &'a str,
    pub at_ms: u64,
    pub method: &'a str,
    pub host: &'a str,
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub status: u16,
    pub error: Option<&'a str>,
    pub error_detail: Option<&'a str>,
    pub gateway_us: u64,
    pub first_byte_us: Option<u64>,
    pub total_us: u64,
    pub request_bytes: u64,
    pub response_bytes: u64,
    pub client: IpAddr,
    pub user_agent: Option<&'a str>,
    pub tunnel_us: Option<u64>,
}

/// What is counted of a row: read without looking at its texts, but for the error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are those of AccessRecord")]
pub struct RowFigures<'a> {
    pub mapping: MappingId,
    pub at_ms: u64,
    pub status: u16,
    pub error: Option<&'a str>,
    pub total_us: u64,
    pub request_bytes: u64,
    pub response_bytes: u64,
}

/// Why bytes are not rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RowError {
    /// A row, or a field in it, is longer than what there is.
    #[error("a row of the request log ends in the middle")]
    Short,
    /// A number of more than 64 bits.
    #[error("a number in a row of the request log is too large")]
    Number,
    /// A text that is not UTF-8.
    #[error("a text in a row of the request log is not UTF-8")]
    Text,
}

/// Whole rows, checked. Clones share the bytes.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct AccessRows {
    bytes: Bytes,
    count: usize,
}

/// Rows that more are added to.
#[derive(Debug, Default)]
pub struct RowsWriter {
    bytes: Vec<u8>,
    count: usize,
}

impl RowsWriter {
    /// Adds one.
    pub fn push(&mut self, row: &AccessRow<'_>) {
        row.put(&mut self.bytes);
        self.count += 1;
    }

    /// Bytes of all.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Gives them away and begins anew.
    pub fn finish(&mut self) -> AccessRows {
        AccessRows { bytes: std::mem::take(&mut self.bytes).into(), count: std::mem::take(&mut self.count) }
    }
}

impl<'a> AccessRow<'a> {
    /// What is counted of it.
    #[must_use]
    pub const fn figures(&self) -> RowFigures<'a> {
        RowFigures {
            mapping: self.mapping,
            at_ms: self.at_ms,
            status: self.status,
            error: self.error,
            total_us: self.total_us,
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
        }
    }

    /// See [`RowFigures::is_failure`].
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.figures().is_failure()
    }

    /// Appends the row. Texts over 65 535 bytes, which no record has, are cut.
    fn put(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut front = Front { bytes: [0; FRONT], length: LENGTH };
        front.put([self.flags()]);
        front.put(self.status.to_be_bytes());
        front.put(*self.mapping.as_uuid().as_bytes());
        front.put(self.at_ms.to_be_bytes());
        front.number(self.gateway_us);
        self.first_byte_us.into_iter().for_each(|number| front.number(number));
        front.number(self.total_us);
        front.number(self.request_bytes);
        front.number(self.response_bytes);
        match self.client {
            IpAddr::V4(address) => front.put(address.octets()),
            IpAddr::V6(address) => front.put(address.octets()),
        }
        out.extend_from_slice(&front.bytes[..front.length]);
        let always = [self.request_id, self.method, self.host, self.path];
        let perhaps = [self.query, self.error, self.error_detail, self.user_agent];
        for text in always.into_iter().chain(perhaps.into_iter().flatten()) {
            let room = usize::from(u16::MAX).saturating_sub(out.len() - start);
            put_text(out, text, room);
        }
        self.tunnel_us.into_iter().for_each(|number| put_number(number, |byte| out.push(byte)));
        let length = u16::try_from(out.len() - start - LENGTH).expect("texts are cut to the room of a row");
        out[start..start + LENGTH].copy_from_slice(&length.to_be_bytes());
    }

    fn flags(&self) -> u8 {
        let when = |is_there: bool, flag: u8| if is_there { flag } else { 0 };
        when(self.first_byte_us.is_some(), FIRST_BYTE)
            | when(self.query.is_some(), QUERY)
            | when(self.error.is_some(), ERROR)
            | when(self.error_detail.is_some(), ERROR_DETAIL)
            | when(self.user_agent.is_some(), USER_AGENT)
            | when(self.client.is_ipv6(), CLIENT_V6)
            | when(self.tunnel_us.is_some(), TUNNEL)
    }

    /// Reads what [`Self::put`] wrote, without the length.
    fn parse(mut row: &'a [u8]) -> Result<Self, RowError> {
        let row = &mut row;
        let Begin { flags, status, mapping, at_ms } = Begin::parse(row)?;
        let gateway_us = number(row)?;
        let first_byte_us = if flags & FIRST_BYTE == 0 { None } else { Some(number(row)?) };
        let (total_us, request_bytes, response_bytes) = (number(row)?, number(row)?, number(row)?);
        let client =
            if flags & CLIENT_V6 == 0 { IpAddr::from(array::<4>(row)?) } else { IpAddr::from(array::<16>(row)?) };
        let (request_id, method, host, path) = (text(row)?, text(row)?, text(row)?, text(row)?);
        let mut perhaps = |flag: u8| if flags & flag == 0 { Ok(None) } else { text(row).map(Some) };
        let (query, error) = (perhaps(QUERY)?, perhaps(ERROR)?);
        let (error_detail, user_agent) = (perhaps(ERROR_DETAIL)?, perhaps(USER_AGENT)?);
        Ok(Self {
            mapping,
            request_id,
            at_ms,
            method,
            host,
            path,
            query,
            status,
            error,
            error_detail,
            gateway_us,
            first_byte_us,
            total_us,
            request_bytes,
            response_bytes,
            client,
            user_agent,
            tunnel_us: if flags & TUNNEL == 0 { None } else { Some(number(row)?) },
        })
    }

    /// Whether [`Self::parse`] can read it.
    fn check(mut row: &[u8]) -> Result<(), RowError> {
        let row = &mut row;
        let Begin { flags, .. } = Begin::parse(row)?;
        for _ in 0..NUMBERS + usize::from(flags & FIRST_BYTE != 0) {
            number(row)?;
        }
        skip(row, if flags & CLIENT_V6 == 0 { 4 } else { 16 })?;
        let perhaps = (flags & (QUERY | ERROR | ERROR_DETAIL | USER_AGENT)).count_ones() as usize;
        for _ in 0..ALWAYS + perhaps {
            check_text(row)?;
        }
        if flags & TUNNEL == 0 { Ok(()) } else { number(row).map(drop) }
    }

    /// The rows in these bytes, in their order, each checked when it is reached.
    pub fn all_in(bytes: &'a [u8]) -> impl Iterator<Item = Result<Self, RowError>> {
        Cut(bytes).map(|row| Self::parse(row?))
    }

    /// A copy that stands alone.
    #[must_use]
    pub fn to_record(&self) -> AccessRecord {
        AccessRecord {
            mapping: self.mapping,
            request_id: self.request_id.to_owned(),
            at_ms: self.at_ms,
            method: self.method.to_owned(),
            host: self.host.to_owned(),
            path: self.path.to_owned(),
            query: self.query.map(str::to_owned),
            status: self.status,
            error: self.error.map(str::to_owned),
            error_detail: self.error_detail.map(str::to_owned),
            gateway_us: self.gateway_us,
            first_byte_us: self.first_byte_us,
            total_us: self.total_us,
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            client: self.client,
            user_agent: self.user_agent.map(str::to_owned),
            tunnel_us: self.tunnel_us,
        }
    }
}

impl<'a> RowFigures<'a> {
    /// Whether the request failed for the visitor: the gateway or the target could not answer. Who left by itself did not
    /// fail, and a 404 is an answer.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.status >= 500 || self.error.is_some_and(|error| error != VISITOR_LEFT)
    }

    /// Reads what a row holds, as [`AccessRow::parse`] does.
    fn parse(mut row: &'a [u8]) -> Result<Self, RowError> {
        let row = &mut row;
        let Begin { flags, status, mapping, at_ms } = Begin::parse(row)?;
        // Times at the gateway and at the target are not counted.
        for _ in 0..=usize::from(flags & FIRST_BYTE != 0) {
            number(row)?;
        }
        let (total_us, request_bytes, response_bytes) = (number(row)?, number(row)?, number(row)?);
        let error = if flags & ERROR == 0 {
            None
        } else {
            skip(row, if flags & CLIENT_V6 == 0 { 4 } else { 16 })?;
            for _ in 0..ALWAYS + usize::from(flags & QUERY != 0) {
                text_bytes(row)?;
            }
            Some(text(row)?)
        };
        Ok(Self { mapping, at_ms, status, error, total_us, request_bytes, response_bytes })
    }
}

impl AccessRecord {
    /// A view of it.
    #[must_use]
    pub fn as_row(&self) -> AccessRow<'_> {
        AccessRow {
            mapping: self.mapping,
            request_id: &self.request_id,
            at_ms: self.at_ms,
            method: &self.method,
            host: &self.host,
            path: &self.path,
            query: self.query.as_deref(),
            status: self.status,
            error: self.error.as_deref(),
            error_detail: self.error_detail.as_deref(),
            gateway_us: self.gateway_us,
            first_byte_us: self.first_byte_us,
            total_us: self.total_us,
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            client: self.client,
            user_agent: self.user_agent.as_deref(),
            tunnel_us: self.tunnel_us,
        }
    }
}

impl AccessRows {
    /// Takes bytes that are whole rows and nothing else.
    ///
    /// # Errors
    /// They are not.
    pub fn parse(bytes: Bytes) -> Result<Self, RowError> {
        let count = Cut(&bytes).try_fold(0, |count, row| AccessRow::check(row?).map(|()| count + 1))?;
        Ok(Self { bytes, count })
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// As they are sent and stored.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// What is counted of each, in their order: a fifth of the work of [`Self::iter`].
    pub fn figures(&self) -> impl Iterator<Item = RowFigures<'_>> {
        Cut(&self.bytes).map(|row| RowFigures::parse(row?)).map_while(Result::ok)
    }

    /// When each began, in Unix milliseconds, and its status, in their order: read without what follows.
    pub fn moments(&self) -> impl Iterator<Item = (u64, u16)> {
        let begins = Cut(&self.bytes).map(|row| Begin::parse(&mut row?)).map_while(Result::ok);
        begins.map(|begin| (begin.at_ms, begin.status))
    }

    /// Whether one is a failure, see [`RowFigures::is_failure`].
    #[must_use]
    pub fn has_failure(&self) -> bool {
        Cut(&self.bytes).map_while(Result::ok).any(|row| {
            let is_plain = Begin::parse(&mut &*row).is_ok_and(|begin| begin.status < 500 && begin.flags & ERROR == 0);
            !is_plain && RowFigures::parse(row).is_ok_and(|figures| figures.is_failure())
        })
    }

    /// The rows, in their order.
    pub fn iter(&self) -> impl Iterator<Item = AccessRow<'_>> {
        AccessRow::all_in(&self.bytes).map_while(Result::ok)
    }
}

impl std::fmt::Debug for AccessRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> FromIterator<AccessRow<'a>> for AccessRows {
    fn from_iter<I: IntoIterator<Item = AccessRow<'a>>>(rows: I) -> Self {
        let mut writer = RowsWriter::default();
        rows.into_iter().for_each(|row| writer.push(&row));
        writer.finish()
    }
}

impl FromIterator<AccessRecord> for AccessRows {
    fn from_iter<I: IntoIterator<Item = AccessRecord>>(records: I) -> Self {
        let mut writer = RowsWriter::default();
        records.into_iter().for_each(|record| writer.push(&record.as_row()));
        writer.finish()
    }
}

impl<'a> FromIterator<&'a AccessRecord> for AccessRows {
    fn from_iter<I: IntoIterator<Item = &'a AccessRecord>>(records: I) -> Self {
        records.into_iter().map(AccessRecord::as_row).collect()
    }
}

impl Serialize for AccessRows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.bytes)
    }
}

impl<'de> Deserialize<'de> for AccessRows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = serde_bytes::ByteBuf::deserialize(deserializer)?;
        Self::parse(bytes.into_vec().into()).map_err(de::Error::custom)
    }
}

/// Cuts bytes at the rows' lengths.
struct Cut<'a>(&'a [u8]);

impl<'a> Iterator for Cut<'a> {
    type Item = Result<&'a [u8], RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let whole = std::mem::take(&mut self.0);
        let cut = whole
            .split_first_chunk::<LENGTH>()
            .and_then(|(length, rest)| rest.split_at_checked(usize::from(u16::from_be_bytes(*length))));
        Some(cut.map_or(Err(RowError::Short), |(row, rest)| {
            self.0 = rest;
            Ok(row)
        }))
    }
}

#[cfg(test)]
mod tests;
