//! Server-sent events, read from a stream of bytes.
//!
//! In: bytes as they come. Out: events, whole. Never: an event larger than bounded.

use std::io::{BufRead, BufReader, Read};

/// Greatest event [bytes]: a packet in JSON, several times over.
const EVENT_BYTES: u64 = 64 << 20;

/// An event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Where to go on after it; empty where the stream has said nothing.
    pub id: String,
    /// `alert`, `gap`, `end`.
    pub kind: String,
    /// What it says.
    pub data: String,
}

/// Events of a stream.
pub struct Events<R> {
    reader: BufReader<R>,
}

impl<R: Read> Events<R> {
    /// Of this stream.
    pub fn new(reader: R) -> Self {
        Self {
            reader: BufReader::new(reader),
        }
    }

    /// The next event; none where the stream has ended. What a stream broke off in is no event.
    ///
    /// # Errors
    /// When the stream cannot be read on, or an event is too large.
    pub fn read(&mut self) -> std::io::Result<Option<Event>> {
        let (mut event, mut left, mut lines) = (Event::default(), EVENT_BYTES, 0_usize);
        loop {
            let mut line = String::new();
            let read = self.reader.by_ref().take(left).read_line(&mut line)?;
            if read == 0 && left > 0 {
                return Ok(None);
            }
            left -= read as u64;
            let Some(line) = line.strip_suffix('\n') else {
                if left == 0 {
                    return Err(std::io::Error::other("an event is too large"));
                }
                return Ok(None);
            };
            let line = line.strip_suffix('\r').unwrap_or(line);
            if !line.is_empty() {
                lines += usize::from(event.take(line));
            } else if lines > 0 {
                return Ok(Some(event));
            } else {
                // A comment that keeps the connection alive.
                left = EVENT_BYTES;
            }
        }
    }
}

impl Event {
    /// False for a comment, and for what nobody knows.
    fn take(&mut self, line: &str) -> bool {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => value.clone_into(&mut self.id),
            "event" => value.clone_into(&mut self.kind),
            "data" if self.data.is_empty() => value.clone_into(&mut self.data),
            "data" => {
                self.data.push('\n');
                self.data.push_str(value);
            }
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn all(text: &str) -> Vec<Event> {
        let mut events = Events::new(text.as_bytes());
        std::iter::from_fn(|| events.read().unwrap()).collect()
    }

    fn event(id: &str, kind: &str, data: &str) -> Event {
        Event {
            id: id.to_owned(),
            kind: kind.to_owned(),
            data: data.to_owned(),
        }
    }

    #[test]
    fn events_are_read_whole() {
        let text = ": hello\n\nid: 1\nevent: alert\ndata: {\"a\": 1}\n\n:\n\nid: 2\r\nevent:gap\r\n\
                    data: x\r\ndata:  y\r\n\r\nid: 3\nevent: alert\ndata: cut";
        let expected = [
            event("1", "alert", "{\"a\": 1}"),
            event("2", "gap", "x\n y"),
        ];
        assert_eq!(all(text), expected);
        assert_eq!(all(""), []);
        assert_eq!(all("\n\n\nretry: 5\n\nid: 7\n\n"), [event("7", "", "")]);
    }
}
