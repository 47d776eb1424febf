//! Pipes through which the kernel passes octets from one socket to another without a copy (`splice(2)`).

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::io::{Errno, retry_on_intr};
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_getpipe_size, fcntl_setpipe_size, pipe_with, splice};

/// What one holds: as much as anybody may have without privileges (`fs.pipe-max-size`). A gigabyte costs 0.25 s of CPU
/// so, 0.39 with a quarter of it, and 0.57 by 64 KiB of our own memory.
const PIPE_OCTETS: usize = 1024 * 1024;
/// Less than this is worth no pipe: the kernel gives two pages to who has too many (`fs.pipe-user-pages-soft`).
const LEAST_OCTETS: usize = 64 * 1024;
/// Pipes of the process: 64 descriptors, and 32 MiB of the kernel's memory if all recipients stall at once, which is half
/// of what it grants one user by default. Further downloads go by our own memory.
const MOST_PIPES: usize = 32;

/// After the kernel gave none, none is asked for so long.
const PAUSE: Duration = Duration::from_secs(5);

static POOL: Mutex<Pool> = Mutex::new(Pool { spare: Vec::new(), open: 0, refused: None });

struct Pool {
    spare: Vec<Ends>,
    open: usize,
    refused: Option<Instant>,
}

struct Ends {
    read: OwnedFd,
    write: OwnedFd,
}

impl Ends {
    fn open() -> io::Result<Self> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let octets = fcntl_setpipe_size(&write, PIPE_OCTETS).or_else(|_| fcntl_getpipe_size(&write))?;
        if octets < LEAST_OCTETS {
            return Err(Errno::NOMEM.into());
        }
        Ok(Self { read, write })
    }
}

/// A pipe, and what it holds.
pub struct Pipe {
    /// There until it is dropped.
    ends: Option<Ends>,
    octets: usize,
}

impl Pipe {
    /// An empty pipe, unless there are too many.
    pub(super) fn take() -> Option<Self> {
        let mut pool = POOL.lock();
        let ends = match pool.spare.pop() {
            Some(ends) => ends,
            None if pool.open == MOST_PIPES || pool.refused.is_some_and(|at| at.elapsed() < PAUSE) => return None,
            None => {
                let Ok(ends) = Ends::open() else {
                    pool.refused = Some(Instant::now());
                    return None;
                };
                pool.open += 1;
                ends
            }
        };
        Some(Self { ends: Some(ends), octets: 0 })
    }

    fn ends(&self) -> io::Result<&Ends> {
        self.ends.as_ref().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// What it holds.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.octets
    }

    /// Fills an empty pipe with what a socket has, at most `most` octets, and says with how many: none at its end.
    pub(super) fn fill(&mut self, socket: BorrowedFd<'_>, most: u64) -> io::Result<usize> {
        let most = usize::try_from(most).unwrap_or(PIPE_OCTETS).min(PIPE_OCTETS);
        let octets = pass(socket, &self.ends()?.write, most)?;
        self.octets += octets;
        Ok(octets)
    }

    /// Gives a socket what it takes of it, and says how much.
    ///
    /// # Errors
    /// The socket's.
    pub fn send_to(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        let octets = pass(&self.ends()?.read, socket, self.octets)?;
        self.octets = self.octets.saturating_sub(octets);
        Ok(octets)
    }
}

fn pass(from: impl std::os::fd::AsFd, to: impl std::os::fd::AsFd, most: usize) -> io::Result<usize> {
    let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
    Ok(retry_on_intr(|| -> Result<usize, Errno> { splice(&from, None, &to, None, most, flags) })?)
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let Some(ends) = self.ends.take() else { return };
        let mut pool = POOL.lock();
        if self.octets == 0 {
            pool.spare.push(ends);
        } else {
            // What one recipient did not take is nobody else's.
            pool.open -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::os::fd::AsFd as _;
    use std::os::unix::net::UnixStream;

    #[test]
    fn what_is_left_in_a_pipe_reaches_nobody_else() {
        let (mut giver, from) = UnixStream::pair().unwrap();
        let (to, mut taker) = UnixStream::pair().unwrap();
        for round in 0..MOST_PIPES * 2 {
            giver.write_all(b"of somebody else").unwrap();
            let mut left = Pipe::take().unwrap();
            assert_eq!(left.fill(from.as_fd(), 100).unwrap(), 16);
            drop(left);
            let text = format!("round {round:4}");
            giver.write_all(text.as_bytes()).unwrap();
            let mut pipe = Pipe::take().unwrap();
            assert_eq!(pipe.fill(from.as_fd(), 5).unwrap(), 5);
            assert_eq!(pipe.send_to(to.as_fd()).unwrap(), 5);
            assert_eq!(pipe.fill(from.as_fd(), 100).unwrap(), text.len() - 5);
            while pipe.octets() > 0 {
                pipe.send_to(to.as_fd()).unwrap();
            }
            let mut got = vec![0; text.len()];
            taker.read_exact(&mut got).unwrap();
            assert_eq!(got, text.as_bytes());
        }
        let many: Vec<Pipe> = std::iter::from_fn(Pipe::take).collect();
        assert!(many.len() <= MOST_PIPES && Pipe::take().is_none());
        drop(many);
        assert!(Pipe::take().is_some());
    }
}
