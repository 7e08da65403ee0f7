//! The codecs of object container files.
//!
//! In: the data of one block. Out: its records' bytes. Never: more than the limit, counted while
//! decompressing, or data that go on after the compressed stream has ended.

use std::borrow::Cow;
use std::io::Read;

use crate::error::FrameWrong;

/// How blocks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Codec {
    Null,
    Deflate,
    Snappy,
    Zstandard,
    Bzip2,
    Xz,
}

impl Codec {
    /// By the value of `avro.codec`; none means null.
    pub fn named(name: Option<&[u8]>) -> Result<Codec, FrameWrong> {
        Ok(match name.unwrap_or(b"null") {
            b"null" | b"" => Codec::Null,
            b"deflate" => Codec::Deflate,
            b"snappy" => Codec::Snappy,
            b"zstandard" => Codec::Zstandard,
            b"bzip2" => Codec::Bzip2,
            b"xz" => Codec::Xz,
            other => {
                return Err(FrameWrong::Codec(
                    String::from_utf8_lossy(&other[..other.len().min(64)]).into(),
                ));
            }
        })
    }

    /// The value of `avro.codec`.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Null => "null",
            Codec::Deflate => "deflate",
            Codec::Snappy => "snappy",
            Codec::Zstandard => "zstandard",
            Codec::Bzip2 => "bzip2",
            Codec::Xz => "xz",
        }
    }
}

/// The block's records, at most `limit` bytes of them.
pub(crate) fn decompress(
    codec: Codec,
    data: &[u8],
    limit: usize,
) -> Result<Cow<'_, [u8]>, FrameWrong> {
    let failed = |error: &dyn std::fmt::Display| FrameWrong::Compressed {
        codec: codec.name(),
        reason: error.to_string(),
    };
    match codec {
        Codec::Null if data.len() > limit => Err(FrameWrong::BlockBytes(limit)),
        Codec::Null => Ok(Cow::Borrowed(data)),
        Codec::Snappy => snappy(data, limit).map(Cow::Owned),
        Codec::Deflate => {
            let mut reader = flate2::bufread::DeflateDecoder::new(data);
            let bytes = read_bounded(&mut reader, codec, limit)?;
            let rest = reader.into_inner();
            let rest = if is_part_of_checksum(rest, &bytes) {
                &[]
            } else {
                rest
            };
            used_up(codec, rest, bytes)
        }
        Codec::Bzip2 => {
            let mut reader = bzip2::bufread::BzDecoder::new(data);
            let bytes = read_bounded(&mut reader, codec, limit)?;
            used_up(codec, reader.into_inner(), bytes)
        }
        Codec::Xz => {
            let stream = liblzma::stream::Stream::new_stream_decoder(MEMORY, 0)
                .map_err(|error| failed(&error))?;
            let mut reader = liblzma::bufread::XzDecoder::new_stream(data, stream);
            let bytes = read_bounded(&mut reader, codec, limit)?;
            used_up(codec, reader.into_inner(), bytes)
        }
        Codec::Zstandard => {
            let mut reader =
                zstd::stream::read::Decoder::with_buffer(data).map_err(|error| failed(&error))?;
            reader
                .window_log_max(WINDOW_LOG)
                .map_err(|error| failed(&error))?;
            let bytes = read_bounded(&mut reader, codec, limit)?;
            used_up(codec, reader.finish(), bytes)
        }
    }
}

/// Greatest memory of the xz decoder itself [bytes]: enough for its strongest preset.
const MEMORY: u64 = 128 << 20;
/// Greatest window of zstandard: 2^27 bytes, what its own tools accept without being asked.
const WINDOW_LOG: u32 = 27;

fn read_bounded(reader: &mut impl Read, codec: Codec, limit: usize) -> Result<Vec<u8>, FrameWrong> {
    let mut bytes = Vec::new();
    reader
        .take((limit as u64).saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| FrameWrong::Compressed {
            codec: codec.name(),
            reason: error.to_string(),
        })?;
    if bytes.len() > limit {
        Err(FrameWrong::BlockBytes(limit))
    } else {
        Ok(bytes)
    }
}

fn used_up<'a>(codec: Codec, rest: &[u8], bytes: Vec<u8>) -> Result<Cow<'a, [u8]>, FrameWrong> {
    if rest.is_empty() {
        return Ok(Cow::Owned(bytes));
    }
    let reason = format!("{} bytes follow the compressed data", rest.len());
    Err(FrameWrong::Compressed {
        codec: codec.name(),
        reason,
    })
}

/// Avro's deflate is the bare stream of RFC 1951, but both Python writers (`avro`, `fastavro`) cut it
/// out of a zlib stream (RFC 1950) and leave three of the four bytes of that one's checksum behind it.
fn is_part_of_checksum(rest: &[u8], bytes: &[u8]) -> bool {
    rest.len() >= 3 && adler2::adler32_slice(bytes).to_be_bytes().starts_with(rest)
}

/// Snappy without framing, followed by the CRC32 of what it decompresses to, big-endian.
fn snappy(data: &[u8], limit: usize) -> Result<Vec<u8>, FrameWrong> {
    let failed = |reason: String| FrameWrong::Compressed {
        codec: "snappy",
        reason,
    };
    let Some((compressed, checksum)) = data.split_last_chunk::<4>() else {
        return Err(failed("there is no checksum".into()));
    };
    let length =
        snap::raw::decompress_len(compressed).map_err(|error| failed(error.to_string()))?;
    if length > limit {
        return Err(FrameWrong::BlockBytes(limit));
    }
    let bytes = snap::raw::Decoder::new()
        .decompress_vec(compressed)
        .map_err(|error| failed(error.to_string()))?;
    if crc32fast::hash(&bytes) == u32::from_be_bytes(*checksum) {
        Ok(bytes)
    } else {
        Err(FrameWrong::Checksum)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Write;

    fn compressed(codec: Codec, bytes: &[u8]) -> Vec<u8> {
        match codec {
            Codec::Null => bytes.to_vec(),
            Codec::Deflate => {
                let mut writer =
                    flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
                writer.write_all(bytes).unwrap();
                writer.finish().unwrap()
            }
            Codec::Snappy => {
                let mut data = snap::raw::Encoder::new().compress_vec(bytes).unwrap();
                data.extend(crc32fast::hash(bytes).to_be_bytes());
                data
            }
            Codec::Zstandard => zstd::encode_all(bytes, 3).unwrap(),
            Codec::Bzip2 => {
                let mut writer =
                    bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
                writer.write_all(bytes).unwrap();
                writer.finish().unwrap()
            }
            Codec::Xz => {
                let mut writer = liblzma::write::XzEncoder::new(Vec::new(), 6);
                writer.write_all(bytes).unwrap();
                writer.finish().unwrap()
            }
        }
    }

    const ALL: [Codec; 6] = [
        Codec::Null,
        Codec::Deflate,
        Codec::Snappy,
        Codec::Zstandard,
        Codec::Bzip2,
        Codec::Xz,
    ];

    #[test]
    fn every_codec_obeys_its_limit_and_no_more() {
        let bomb = vec![0; 100_000];
        for codec in ALL {
            let data = compressed(codec, &bomb);
            assert_eq!(Codec::named(Some(codec.name().as_bytes())), Ok(codec));
            assert_eq!(
                decompress(codec, &data, 100_000).unwrap(),
                bomb,
                "{codec:?}"
            );
            assert_eq!(
                decompress(codec, &data, 99_999),
                Err(FrameWrong::BlockBytes(99_999)),
                "{codec:?}"
            );
            assert_eq!(
                decompress(codec, &compressed(codec, b""), 0).unwrap(),
                b"".as_slice(),
                "{codec:?}"
            );
        }
    }

    #[test]
    fn what_python_leaves_of_zlibs_checksum_is_checked() {
        let text = b"an alert, and another alert";
        let raw = compressed(Codec::Deflate, text);
        let adler = adler2::adler32_slice(text).to_be_bytes();
        let read = |rest: &[u8]| {
            let data = [&raw[..], rest].concat();
            decompress(Codec::Deflate, &data, 100).map(Cow::into_owned)
        };
        assert_eq!(read(&adler[..3]).unwrap(), text);
        assert_eq!(read(&adler).unwrap(), text);
        assert!(read(&[adler[0], adler[1], !adler[2]]).is_err());
        assert!(read(&adler[..2]).is_err());
    }

    #[test]
    fn a_reference_to_before_the_beginning_is_refused() {
        // A fixed-Huffman block of one match of length 3 at distance 1 (RFC 1951, 3.2.6), and its end.
        let data = [0x03, 0x02, 0x00];
        assert!(decompress(Codec::Deflate, &data, 100).is_err());
    }

    #[test]
    fn cut_off_or_longer_data_are_refused() {
        let text = "an alert, and another alert, and one more alert".repeat(20);
        for codec in ALL.into_iter().skip(1) {
            let data = compressed(codec, text.as_bytes());
            for end in [0, 1, data.len() / 2, data.len() - 1] {
                assert!(
                    decompress(codec, &data[..end], 1 << 20).is_err(),
                    "{codec:?} cut at {end}"
                );
            }
            assert!(
                decompress(codec, &[&data[..], b"more"].concat(), 1 << 20).is_err(),
                "{codec:?} longer"
            );
        }
        assert_eq!(
            Codec::named(Some(b"lz4")),
            Err(FrameWrong::Codec("lz4".into()))
        );
        assert_eq!(Codec::named(None), Ok(Codec::Null));
    }
}
