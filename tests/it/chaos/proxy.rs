//! What stands between a replica and the database: it delays, holds, freezes and cuts.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const BUFFER_OCTETS: usize = 16 * 1024;

/// What happens to what passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    Open,
    /// Each answer waits for so long.
    Delayed(Duration),
    /// Nothing passes, until that changes.
    Frozen,
    RequestsHeld,
    AnswersHeld,
    /// Connections are ended, and new ones at once.
    Cut,
}

impl Passage {
    fn holds(self, direction: Direction) -> bool {
        match self {
            Self::Frozen => true,
            Self::RequestsHeld => direction == Direction::Request,
            Self::AnswersHeld => direction == Direction::Answer,
            Self::Open | Self::Delayed(_) | Self::Cut => false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Request,
    Answer,
}

/// A proxy on a port of its own, for as long as its runtime runs.
pub struct Proxy {
    passage: watch::Sender<Passage>,
    pub port: u16,
}

impl Proxy {
    /// Starts one in front of a port of this machine.
    pub async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let passage = watch::Sender::new(Passage::Open);
        let seen = passage.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connection(client, server, seen.clone()));
            }
        });
        Self { passage, port }
    }

    pub fn set(&self, passage: Passage) {
        self.passage.send_replace(passage);
    }
}

async fn connection(client: TcpStream, server: u16, passage: watch::Receiver<Passage>) {
    let mut cut = passage.clone();
    let both = async {
        let server = TcpStream::connect(("127.0.0.1", server)).await?;
        // Neither side's small messages wait for acknowledgements.
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        let requests = pump(from_client, to_server, Direction::Request, passage.clone());
        // When one side has ended, so does the other.
        tokio::select! {
            ended = requests => ended,
            ended = pump(from_server, to_client, Direction::Answer, passage) => ended,
        }
    };
    tokio::select! {
        // How it ended concerns its two ends, not us.
        _ = both => {}
        _ = cut.wait_for(|passage| *passage == Passage::Cut) => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    direction: Direction,
    mut passage: watch::Receiver<Passage>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_OCTETS];
    loop {
        let octets = from.read(&mut buffer).await?;
        if octets == 0 {
            return Ok(());
        }
        let now = *passage.wait_for(|passage| !passage.holds(direction)).await.map_err(io::Error::other)?;
        if let (Passage::Delayed(delay), Direction::Answer) = (now, direction) {
            tokio::time::sleep(delay).await;
        }
        to.write_all(&buffer[..octets]).await?;
    }
}
