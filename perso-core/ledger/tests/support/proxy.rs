//! A network that fails: a proxy on the loopback between a client and a server.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    Fine,
    /// Connections are closed, and no new ones are made.
    Cut,
    /// Nothing arrives any more.
    Silent,
    /// Everything arrives later.
    Slow(Duration),
    /// Answers are something else.
    Nonsense(&'static [u8]),
}

#[derive(Clone)]
pub struct Proxy {
    pub port: u16,
    weather: Arc<Mutex<Weather>>,
    /// How many bytes are let through towards the server and back, before all connections are cut once.
    forth: Arc<AtomicUsize>,
    back: Arc<AtomicUsize>,
    cut: tokio::sync::broadcast::Sender<()>,
}

impl Proxy {
    pub async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let no_limit = || Arc::new(AtomicUsize::new(usize::MAX));
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            weather: Arc::new(Mutex::new(Weather::Fine)),
            forth: no_limit(),
            back: no_limit(),
            cut: tokio::sync::broadcast::channel(16).0,
        };
        let this = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if this.weather() == Weather::Cut {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(this.clone().carry(from_client, to_server, this.forth.clone(), false));
                tokio::spawn(this.clone().carry(from_server, to_client, this.back.clone(), true));
            }
        });
        proxy
    }

    pub fn address(&self) -> String {
        format!("valkey://127.0.0.1:{}", self.port)
    }

    pub fn weather(&self) -> Weather {
        *self.weather.lock().unwrap()
    }

    pub fn set(&self, weather: Weather) {
        *self.weather.lock().unwrap() = weather;
        if weather == Weather::Cut {
            let _ = self.cut.send(());
        }
    }

    /// Cuts all connections once so many bytes have gone to the server, or have come back.
    pub fn cut_after(&self, forth: usize, back: usize) {
        self.forth.store(forth, Ordering::SeqCst);
        self.back.store(back, Ordering::SeqCst);
    }

    async fn carry(self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, left: Arc<AtomicUsize>, answers: bool) {
        let mut cut = self.cut.subscribe();
        let mut bytes = [0; 4_096];
        loop {
            let length = tokio::select! {
                read = from.read(&mut bytes) => match read { Ok(0) | Err(_) => return, Ok(length) => length },
                _ = cut.recv() => return,
            };
            match self.weather() {
                Weather::Cut => return,
                Weather::Silent => continue,
                Weather::Slow(time) => tokio::time::sleep(time).await,
                Weather::Nonsense(nonsense) if answers => {
                    let _ = to.write_all(nonsense).await;
                    continue;
                }
                Weather::Fine | Weather::Nonsense(_) => {}
            }
            let allowed = left.load(Ordering::SeqCst);
            if allowed < length {
                let _ = to.write_all(&bytes[..allowed]).await;
                left.store(usize::MAX, Ordering::SeqCst);
                let _ = self.cut.send(());
                return;
            }
            if allowed != usize::MAX {
                left.store(allowed - length, Ordering::SeqCst);
            }
            if to.write_all(&bytes[..length]).await.is_err() {
                return;
            }
        }
    }
}
