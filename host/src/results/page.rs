//! One bounded page of found alerts.
//!
//! In: a reader, a renderer, bounds. Out: the page's bytes, and the cursor behind the last alert in
//! it. Never: an alert passed over without being told, or a page beyond its bound but for its first
//! alert.

use super::{AvroPage, Cursor, Found, Look, Reader, Renderer, ResultsError};

/// How a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A JSON document a line.
    JsonLines,
    /// An Avro object container file; a page ends where the schema of the alerts changes.
    Avro,
}

/// A page.
#[derive(Debug)]
pub struct Page {
    /// As it goes out.
    pub body: Vec<u8>,
    /// Behind the last alert in it.
    pub next: Cursor,
    /// There was more to read.
    pub more: bool,
    /// Alerts asked for that are not kept any more: at most so many.
    pub lost: u64,
    /// So many of the reader's alerts are in it, the first ones.
    pub alerts: usize,
}

/// Renders alerts for readers of one filter, each with the cursor behind it. Whatever is read back
/// goes out through here and nowhere else.
pub struct Outlet {
    renderer: Renderer,
    cursor: Cursor,
    filter: i64,
}

impl Outlet {
    /// Of the filter of this number; `cursor` is where its reader begins.
    #[must_use]
    pub fn new(renderer: Renderer, cursor: Cursor, filter: i64) -> Self {
        Self {
            renderer,
            cursor,
            filter,
        }
    }

    /// Behind what went out last.
    #[must_use]
    pub fn cursor(&self) -> String {
        self.cursor.to_text(self.filter)
    }

    /// Everything that was looked at went out, or is not wanted.
    pub fn reached(&mut self, cursor: Cursor) {
        self.cursor = cursor;
    }

    /// The alert as a line, unless `takes` refuses a line of that many bytes.
    pub fn line(&mut self, found: &Found, takes: impl Fn(usize) -> bool) -> Option<String> {
        let next = self.behind(found);
        let line = self.renderer.json(found, &next.to_text(self.filter));
        takes(line.len()).then(|| {
            self.cursor = next;
            line
        })
    }

    fn avro(&mut self, found: &Found, page: &mut AvroPage) -> bool {
        let next = self.behind(found);
        let taken = page.push(&mut self.renderer, found, &next.to_text(self.filter));
        if taken {
            self.cursor = next;
        }
        taken
    }

    fn behind(&self, found: &Found) -> Cursor {
        let mut next = self.cursor.clone();
        next.put(&found.partition, found.after);
        next
    }
}

/// The next page of what `reader` reads, of about `bytes` bytes.
///
/// # Errors
/// When nothing can be read now.
pub fn read_page(
    reader: &mut dyn Reader,
    renderer: Renderer,
    filter: i64,
    look: &Look,
    format: Format,
) -> Result<Page, ResultsError> {
    let mut outlet = Outlet::new(renderer, reader.cursor(), filter);
    let looked = reader.look(look)?;
    let (body, alerts) = match format {
        Format::JsonLines => json_lines(&mut outlet, &looked.found, look.bytes),
        Format::Avro => avro(&mut outlet, &looked.found, look.bytes),
    };
    let whole = alerts == looked.found.len();
    if whole {
        outlet.reached(reader.cursor());
    }
    Ok(Page {
        body,
        next: outlet.cursor,
        more: looked.more || !whole,
        lost: looked.lost,
        alerts,
    })
}

/// The lines, and how many alerts found room.
fn json_lines(outlet: &mut Outlet, found: &[Found], most: usize) -> (Vec<u8>, usize) {
    let mut body = Vec::new();
    for (number, found) in found.iter().enumerate() {
        let takes = |line| body.is_empty() || body.len() + line < most;
        let Some(line) = outlet.line(found, takes) else {
            return (body, number);
        };
        body.extend_from_slice(line.as_bytes());
        body.push(b'\n');
    }
    (body, found.len())
}

fn avro(outlet: &mut Outlet, found: &[Found], most: usize) -> (Vec<u8>, usize) {
    let mut page = AvroPage::default();
    let taken = found
        .iter()
        .take_while(|found| page.bytes() < most && outlet.avro(found, &mut page))
        .count();
    (page.finish(), taken)
}
