//! Real servers: Valkey, Redis, and a cluster of three nodes of Valkey. Each listens on the loopback alone, and has a folder of its own.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use perso_ledger::{Options, open_with};

use super::Store;

/// Where the servers are: Valkey, and Redis.
fn programs() -> &'static (PathBuf, PathBuf) {
    static PROGRAMS: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers.sh");
        let output = Command::new(script).stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "tests/servers.sh failed");
        let text = String::from_utf8(output.stdout).unwrap();
        let (valkey, redis) = text.trim().split_once('\n').unwrap();
        (valkey.into(), redis.into())
    })
}

/// A server that runs.
pub struct Server {
    program: PathBuf,
    pub port: u16,
    folder: Arc<tempfile::TempDir>,
    arguments: Vec<String>,
    child: Child,
}

impl Server {
    pub fn valkey(arguments: &[&str]) -> Self {
        Self::start(&programs().0, arguments)
    }

    pub fn redis(arguments: &[&str]) -> Self {
        Self::start(&programs().1, arguments)
    }

    fn start(program: &Path, arguments: &[&str]) -> Self {
        let port = free_port();
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let child = run(program, port, folder.path(), &arguments);
        Self { program: program.to_owned(), port, folder, arguments, child }
    }

    /// Kills it at once, without a chance to write anything.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, with what is on its disk.
    pub fn restart(&mut self) {
        self.child = run(&self.program, self.port, self.folder.path(), &self.arguments);
    }

    pub fn address(&self) -> String {
        format!("valkey://127.0.0.1:{}", self.port)
    }

    /// Has it do something, for a test.
    pub fn command<T: redis::FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let client = redis::Client::open(self.address()).unwrap();
        let mut connection = client.get_connection()?;
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]).query(&mut connection)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn free_port() -> u16 {
    // A node of a cluster listens 10 000 ports further up, too.
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let port = 20_000 + port % 30_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && TcpListener::bind(("127.0.0.1", port + 10_000)).is_ok() {
            return port;
        }
    }
}

fn run(program: &Path, port: u16, folder: &Path, arguments: &[String]) -> Child {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("HOME", folder)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.args(["--bind", "127.0.0.1", "--save", "", "--loglevel", "warning", "--port", &port.to_string()]);
    let mut child = command.args(arguments).spawn().unwrap();
    let start = Instant::now();
    while !answers(port) {
        if let Some(status) = child.try_wait().unwrap() {
            panic!("{} ended with {status}", program.display());
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{} does not start", program.display());
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

fn answers(port: u16) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut answer = [0; 5];
    stream.write_all(b"PING\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && [b"+PONG", b"-NOAU"].contains(&&answer)
}

/// A cluster of three nodes, each with a third of the slots.
pub struct Cluster(pub Vec<Server>);

impl Cluster {
    pub fn start() -> Self {
        let nodes: Vec<Server> =
            (0..3).map(|_| Server::valkey(&["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"])).collect();
        for (node, slots) in nodes.iter().zip([("0", "5460"), ("5461", "10922"), ("10923", "16383")]) {
            node.command::<String>(&["CLUSTER", "ADDSLOTSRANGE", slots.0, slots.1]).unwrap();
            node.command::<String>(&["CLUSTER", "MEET", "127.0.0.1", &nodes[0].port.to_string()]).unwrap();
        }
        let start = Instant::now();
        let knows_all = |node: &Server| {
            let text: String = node.command(&["CLUSTER", "INFO"]).unwrap();
            text.contains("cluster_state:ok") && text.contains("cluster_known_nodes:3")
        };
        while !nodes.iter().all(knows_all) {
            assert!(start.elapsed() < Duration::from_secs(30), "the cluster does not come together");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self(nodes)
    }

    pub fn address(&self) -> String {
        format!("{}?cluster=127.0.0.1:{}", self.0[0].address(), self.0[1].port)
    }
}

/// A ledger at an address. The time limit is for machines that are busy with other tests.
pub fn ledger_at(address: &str, namespace: &str, keep: impl std::any::Any + Send + Sync) -> Store {
    let mut options = Options::default();
    options.time_limit = Some(Duration::from_secs(5));
    options.namespace = namespace.to_owned();
    Store { ledger: open_with(address, &options).unwrap(), clock: None, keep: Box::new(keep) }
}

pub async fn valkey() -> Store {
    let server = Server::valkey(&[]);
    ledger_at(&server.address(), "perso", server)
}

pub async fn redis() -> Store {
    let server = Server::redis(&[]);
    ledger_at(&server.address(), "perso", server)
}
