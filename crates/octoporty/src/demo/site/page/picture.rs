//! A picture that is made here, byte by byte: waves in the product's teal, as PNG. Its pixels are not compressed, so
//! that it is a few hundred kilobytes: something to see arrive.

use std::sync::LazyLock;

use bytes::Bytes;

/// Pixels across.
const WIDTH: u32 = 480;
/// Pixels down.
const HEIGHT: u32 = 270;
/// Most bytes of a stored block of DEFLATE.
const BLOCK: usize = 65_535;

static PNG: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(encode(&pixels())));

/// The picture; made once.
pub(super) fn png() -> Bytes {
    PNG.clone()
}

/// Rows of red, green, blue, each after a filter byte 0.
fn pixels() -> Vec<u8> {
    let mut rows = Vec::with_capacity((WIDTH as usize * 3 + 1) * HEIGHT as usize);
    for y in 0..HEIGHT {
        rows.push(0);
        for x in 0..WIDTH {
            rows.extend_from_slice(&pixel(x, y));
        }
    }
    rows
}

/// Two sets of rings that cross each other.
fn pixel(x: u32, y: u32) -> [u8; 3] {
    let ring = |cx: u32, cy: u32| {
        let (dx, dy) = (x.abs_diff(cx), y.abs_diff(cy));
        let wave = (dx * dx + dy * dy) / 190 % 256;
        wave.min(255 - wave)
    };
    let light = ring(WIDTH / 3, HEIGHT / 2) + ring(WIDTH * 3 / 4, HEIGHT / 3);
    let shade = |base: u32, gain: u32| (base + light * gain / 256).min(255) as u8;
    [shade(8, 40), shade(30, 190), shade(44, 180)]
}

fn encode(rows: &[u8]) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend_from_slice(&WIDTH.to_be_bytes());
    header.extend_from_slice(&HEIGHT.to_be_bytes());
    // Eight bits a channel, true colour, and the only compression, filter set and order that are usual.
    header.extend_from_slice(&[8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, *b"IHDR", &header);
    chunk(&mut png, *b"IDAT", &zlib(rows));
    chunk(&mut png, *b"IEND", &[]);
    png
}

fn chunk(png: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).expect("the picture is small");
    png.extend_from_slice(&length.to_be_bytes());
    let checked = png.len();
    png.extend_from_slice(&kind);
    png.extend_from_slice(data);
    let sum = crc32(&png[checked..]);
    png.extend_from_slice(&sum.to_be_bytes());
}

/// A zlib stream of stored blocks.
fn zlib(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut blocks = data.chunks(BLOCK).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).expect("a block has at most 65535 bytes");
        out.push(u8::from(blocks.peek().is_none()));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend_from_slice(&adler32(data).to_be_bytes());
    out
}

fn adler32(data: &[u8]) -> u32 {
    let (low, high) = data.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    high << 16 | low
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |mut sum, byte| {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 };
        }
        sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn the_picture_has_its_parts_in_order() {
        let png = png();
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"));
        assert_eq!(png[16..24], [0, 0, 1, 224, 0, 0, 1, 14]);
        assert!(png.ends_with(b"IEND\xae\x42\x60\x82"));
        assert!(png.len() > pixels().len());
    }
}
