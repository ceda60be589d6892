//! A password that is typed.

use std::io::{self, BufRead, Read, Stdin, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// The longest line that is read from standard input, in bytes: 256 characters of four bytes, and its end.
const MAX_LINE_BYTES: u64 = 4_096;

/// Standard input without an echo, as it was again when this is dropped.
struct Hidden<'a> {
    input: &'a Stdin,
    before: Termios,
}

impl<'a> Hidden<'a> {
    fn new(input: &'a Stdin) -> io::Result<Self> {
        let before = tcgetattr(input)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(input, OptionalActions::Now, &hidden)?;
        Ok(Self { input, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        tcsetattr(self.input, OptionalActions::Now, &self.before).ok();
    }
}

/// Reads a line of a terminal that does not show it. The echo is off before the prompt is written, so that nothing that
/// answers the prompt is shown.
pub(super) fn prompt_hidden(prompt: &str) -> io::Result<String> {
    let input = io::stdin();
    let hidden = Hidden::new(&input)?;
    let mut output = io::stderr();
    output.write_all(prompt.as_bytes())?;
    output.flush()?;
    let line = read_line();
    drop(hidden);
    line
}

/// Reads a line of standard input.
pub(super) fn read_line() -> io::Result<String> {
    let mut line = String::new();
    let mut input = io::stdin().lock().take(MAX_LINE_BYTES);
    input.read_line(&mut line)?;
    Ok(line)
}
