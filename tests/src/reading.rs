//! Results read over HTTP: pages, and the live stream as a browser would read it.
//!
//! In: a running host, a filter. Out: pages with their headers, events with their ids. Never: code of
//! the host.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::host::{Host, USER};

/// Longest silence of a live stream; it has a heartbeat every 15 s.
const SILENCE: Duration = Duration::from_secs(60);
/// More pages than any test reads.
const MOST_PAGES: usize = 10_000;

/// One page.
#[derive(Debug)]
pub struct Page {
    /// As it came.
    pub body: Vec<u8>,
    /// The cursor of the next page.
    pub next: String,
    /// There was more to read.
    pub more: bool,
}

impl Page {
    /// The lines of a page of JSON lines.
    ///
    /// # Errors
    /// When a line is none.
    pub fn lines(&self) -> Result<Vec<Value>> {
        let text = std::str::from_utf8(&self.body)?;
        ensure!(text.is_empty() || text.ends_with('\n'), "a line is cut off");
        Ok(text
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()?)
    }
}

impl Host {
    /// One page of the filter's alerts.
    ///
    /// # Errors
    /// When the host refuses.
    pub fn alerts(&self, filter: &str, query: &str) -> Result<Page> {
        let path = format!("/v1/filters/{USER}/{filter}/alerts?{query}");
        let (status, headers, body) = self.get_bytes(&path)?;
        ensure!(
            status == 200,
            "{path}: {status}: {}",
            String::from_utf8_lossy(&body)
        );
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        Ok(Page {
            body,
            next: header("skysieve-next")
                .context("no Skysieve-Next")?
                .to_owned(),
            more: header("skysieve-more").context("no Skysieve-More")? == "true",
        })
    }

    /// Every alert of the filter that the query asks for, page by page.
    ///
    /// # Errors
    /// When the host refuses, or the pages have no end.
    pub fn all_alerts(&self, filter: &str, query: &str) -> Result<Vec<Value>> {
        let mut page = self.alerts(filter, query)?;
        let mut lines = page.lines()?;
        let rest: Vec<&str> = query
            .split('&')
            .filter(|part| !part.starts_with("after=") && !part.starts_with("since="))
            .collect();
        for _ in 0..MOST_PAGES {
            if !page.more {
                return Ok(lines);
            }
            page = self.alerts(filter, &format!("{}&after={}", rest.join("&"), page.next))?;
            lines.append(&mut page.lines()?);
        }
        bail!("{MOST_PAGES} pages have no end")
    }

    /// Reads the filter's alerts live; `last` is the id of the last event that was read.
    ///
    /// # Errors
    /// When the host refuses.
    pub fn live(&self, filter: &str, query: &str, last: Option<&str>) -> Result<Live> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port()))?;
        stream.set_read_timeout(Some(SILENCE))?;
        let last = last.map_or_else(String::new, |id| format!("Last-Event-ID: {id}\r\n"));
        write!(
            stream,
            "GET /v1/filters/{USER}/{filter}/alerts/live?{query} HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: {}\r\nAccept: text/event-stream\r\n{last}\r\n",
            self.bearer()
        )?;
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            ensure!(
                reader.read_line(&mut head)? > 0,
                "the answer ends in its head: {head}"
            );
        }
        if !head.starts_with("HTTP/1.1 200") {
            bail!("refused: {head}");
        }
        let head = head.to_lowercase();
        ensure!(head.contains("content-type: text/event-stream"), "{head}");
        ensure!(head.contains("transfer-encoding: chunked"), "{head}");
        Ok(Live {
            reader,
            waiting: Vec::new(),
            last: String::new(),
            ended: false,
        })
    }
}

/// A live stream.
pub struct Live {
    reader: BufReader<TcpStream>,
    /// Bytes that are no whole event yet.
    waiting: Vec<u8>,
    last: String,
    ended: bool,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// `alert`, `gap` or `end`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// What it says.
    pub data: Value,
}

impl Live {
    /// The id that a browser would come again with.
    #[must_use]
    pub fn last(&self) -> &str {
        &self.last
    }

    /// The next event; none at the end of the stream. Comments and events without data are passed
    /// over, their ids kept.
    ///
    /// # Errors
    /// When the stream breaks off or is silent.
    pub fn next_event(&mut self) -> Result<Option<Event>> {
        loop {
            let end = self.waiting.windows(2).position(|two| two == b"\n\n");
            let Some(end) = end else {
                if self.ended {
                    ensure!(self.waiting.is_empty(), "an event is cut off");
                    return Ok(None);
                }
                self.chunk()?;
                continue;
            };
            let block: Vec<u8> = self.waiting.drain(..end + 2).collect();
            if let Some(event) = self.event(std::str::from_utf8(&block)?)? {
                return Ok(Some(event));
            }
        }
    }

    fn event(&mut self, block: &str) -> Result<Option<Event>> {
        let (mut kind, mut data) = (String::new(), None);
        for line in block.lines() {
            match line.split_once(": ") {
                Some(("id", id)) => id.clone_into(&mut self.last),
                Some(("event", name)) => name.clone_into(&mut kind),
                Some(("data", text)) => {
                    ensure!(data.replace(text).is_none(), "data of two lines");
                }
                _ => {}
            }
        }
        let Some(data) = data else { return Ok(None) };
        Ok(Some(Event {
            kind,
            id: self.last.clone(),
            data: serde_json::from_str(data)?,
        }))
    }

    fn chunk(&mut self) -> Result<()> {
        let mut size = String::new();
        self.reader.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).context("the stream broke off")?;
        let mut chunk = vec![0; size + 2];
        self.reader.read_exact(&mut chunk)?;
        chunk.truncate(size);
        self.ended = size == 0;
        self.waiting.append(&mut chunk);
        Ok(())
    }
}
