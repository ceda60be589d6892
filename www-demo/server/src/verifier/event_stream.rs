//! Reads Server-Sent Events (WHATWG HTML §9.2.6) of a server that may lie.

/// The longest line, and the most that the lines of one event have together, in bytes.
const MAX_BYTES: usize = 8_192;

/// An event as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// Its type.
    pub(super) kind: String,
    /// Its lines of data.
    pub(super) data: String,
    /// The id of the last event that had one, in visible ASCII and spaces.
    pub(super) id: Option<String>,
}

/// A stream with a line or an event that is too long, or bytes that are no UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadStream;

/// A parser, to be fed with bytes as they come.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    is_after_return: bool,
    has_begun: bool,
    size: usize,
    kind: String,
    data: Option<String>,
    id: Option<String>,
}

impl Parser {
    /// Begins a stream that goes on after an event of this id.
    pub(super) fn after(id: Option<String>) -> Self {
        Self {
            id,
            ..Self::default()
        }
    }

    /// Reads bytes; returns the events that they end.
    ///
    /// # Errors
    /// Fails if the stream must not be read further.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, BadStream> {
        let mut events = Vec::new();
        for &byte in bytes {
            // A line feed behind a carriage return ends no other line.
            let is_second = byte == b'\n' && self.is_after_return;
            self.is_after_return = byte == b'\r';
            match byte {
                _ if is_second => {}
                b'\n' | b'\r' => {
                    let line = std::mem::take(&mut self.line);
                    events.extend(self.read(&line)?);
                }
                _ if self.line.len() == MAX_BYTES => return Err(BadStream),
                _ => self.line.push(byte),
            }
        }
        Ok(events)
    }

    fn read(&mut self, line: &[u8]) -> Result<Option<Event>, BadStream> {
        let line = std::str::from_utf8(line).map_err(|_| BadStream)?;
        let line = match line.strip_prefix('\u{feff}') {
            Some(rest) if !self.has_begun => rest,
            Some(_) | None => line,
        };
        self.has_begun = true;
        if line.is_empty() {
            self.size = 0;
            let kind = std::mem::take(&mut self.kind);
            return Ok(self.data.take().map(|data| Event {
                kind,
                data,
                id: self.id.clone(),
            }));
        }
        self.size += line.len();
        if self.size > MAX_BYTES {
            return Err(BadStream);
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.kind),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            // One that no header can have could not be sent back.
            "id" if value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => {
                self.id = Some(value.to_owned());
            }
            _ => {}
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\u{feff}: comment\n\nevent:a\r\nid:1\r\ndata:x\r\ndata: y\r\n\r\n\
         event: b\rdata\r\rid: 2\nother: 1\n\ndata:  ü\n\nevent: none\n\n";

    #[test]
    fn p56_a_stream_is_read_alike_however_it_is_spelt_and_cut() {
        let event = |kind: &str, data: &str, id: &str| Event {
            kind: kind.to_owned(),
            data: data.to_owned(),
            id: Some(id.to_owned()),
        };
        let expected = [
            event("a", "x\ny", "1"),
            event("b", "", "1"),
            event("", " ü", "2"),
        ];
        for size in 1..TEXT.len() {
            let mut parser = Parser::after(Some("0".to_owned()));
            let chunks = TEXT.as_bytes().chunks(size);
            let events = chunks.flat_map(|chunk| parser.push(chunk).unwrap());
            assert_eq!(events.collect::<Vec<_>>(), expected, "{size}");
        }
    }

    #[test]
    fn p56_an_id_that_no_header_can_have_is_not_remembered() {
        let text = "id: 1\n\nid: ü\n\nid: 2\u{1}\ndata: x\n\n";
        let events = Parser::default().push(text.as_bytes()).unwrap();
        assert_eq!(events[0].id.as_deref(), Some("1"));
    }

    #[test]
    fn p56_a_stream_that_would_fill_the_memory_is_not_read() {
        let line = "data: ".to_owned() + &"x".repeat(MAX_BYTES);
        assert_eq!(Parser::default().push(line.as_bytes()), Err(BadStream));
        let event = "data: x\n".repeat(MAX_BYTES);
        assert_eq!(Parser::default().push(event.as_bytes()), Err(BadStream));
        let fine = "data: x\n\n".repeat(MAX_BYTES);
        let events = Parser::default().push(fine.as_bytes());
        assert_eq!(events.map(|events| events.len()), Ok(MAX_BYTES));
        assert_eq!(Parser::default().push(b"data: \xff\n"), Err(BadStream));
    }
}
