//! A socket with a time-out for a peer that does not read.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep},
};

use super::registry::Progress;

/// The minimum average rate at which a response is read, in bytes per second. It bounds a response's time: its length at
/// this rate, plus `timeout`.
const LEAST_RATE: u64 = 1_024;

/// A socket that fails with [`io::ErrorKind::TimedOut`] if its peer does not read.
///
/// The credit begins at `timeout`, decreases while a write waits, and grows with the bytes written at [`LEAST_RATE`].
pub(super) struct TimedStream {
    stream: TcpStream,
    progress: Arc<Progress>,
    timeout: Duration,
    credit: Duration,
    waiting: Option<Waiting>,
}

struct Waiting {
    since: Instant,
    deadline: Pin<Box<Sleep>>,
}

impl TimedStream {
    pub(super) fn new(stream: TcpStream, progress: Arc<Progress>, timeout: Duration) -> Self {
        Self {
            stream,
            progress,
            timeout,
            credit: timeout,
            waiting: None,
        }
    }

    fn after(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.took(bytes);
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let credit = self.credit;
                let waiting = self.waiting.get_or_insert_with(|| Waiting {
                    since: Instant::now(),
                    deadline: Box::pin(tokio::time::sleep(credit)),
                });
                let late = waiting.deadline.as_mut().poll(context);
                late.map(|()| Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }

    fn took(&mut self, bytes: usize) {
        if bytes > 0 {
            self.progress.note();
        }
        let spent = self.waiting.take().map(|waiting| waiting.since.elapsed());
        let earned = u64::try_from(bytes)
            .unwrap_or(u64::MAX)
            .saturating_mul(1_000)
            / LEAST_RATE;
        let left = self.credit.saturating_sub(spent.unwrap_or_default());
        let credit = left.saturating_add(Duration::from_millis(earned));
        self.credit = credit.min(self.timeout);
    }
}

impl AsyncRead for TimedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.after(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.after(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
