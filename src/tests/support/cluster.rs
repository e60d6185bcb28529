//! A PostgreSQL of a test's own, for what cannot be done to one that others use: stopping it in the middle of everything.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A running server; stopped when dropped.
pub struct Cluster {
    dir: TempDir,
    bin: PathBuf,
    port: u16,
}

impl Cluster {
    /// Makes and starts one; `None`, said aloud, where PostgreSQL's server is not installed or nobody may run it.
    pub fn start() -> Option<Self> {
        let Some(bin) = programs() else {
            eprintln!("skipped: there is no PostgreSQL server here");
            return None;
        };
        let dir = tempfile::Builder::new().prefix("atelier-cluster.").tempdir().expect("a directory");
        if let Some((user, group)) = owner() {
            chown(dir.path(), Some(user), Some(group)).expect("a directory for the server");
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let cluster = Self { dir, bin, port };
        cluster.run("initdb", &["-U", "atelier", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        cluster.begin();
        Some(cluster)
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("postgres://atelier@127.0.0.1:{}/postgres", self.port)
    }

    /// Lets every process of the server die where it stands, and starts it again from its log.
    pub fn restart_immediately(&self) {
        self.run("pg_ctl", &["-m", "immediate", "-w", "stop"]);
        self.begin();
    }

    fn begin(&self) {
        let dir = self.dir.path().display();
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories='{dir}' -c fsync=off -c max_connections=100",
            self.port
        );
        let log = self.dir.path().join("log");
        self.run("pg_ctl", &["-w", "-l", &log.to_string_lossy(), "-o", &options, "start"]);
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let output = self.try_run(program, arguments);
        let log = fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        assert!(output.status.success(), "{program}: {} {log}", String::from_utf8_lossy(&output.stderr));
    }

    fn try_run(&self, program: &str, arguments: &[&str]) -> Output {
        let path = self.bin.join(program);
        let mut command = match owner() {
            // PostgreSQL refuses to run as root.
            Some(_) => {
                let mut command = Command::new("runuser");
                command.args(["-u", SERVER_USER, "--"]).arg(path);
                command
            }
            None => Command::new(path),
        };
        let data = self.dir.path().join("data");
        // What is left open keeps `output` waiting: the server's own output goes to its log.
        command.current_dir(self.dir.path()).arg("-D").arg(data).args(arguments).output().expect(program)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.try_run("pg_ctl", &["-m", "immediate", "stop"]);
    }
}

/// Who runs it when we are root.
const SERVER_USER: &str = "postgres";

/// Its user and group, when we are root and have to step down.
fn owner() -> Option<(u32, u32)> {
    let am_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let line = users.lines().find_map(|line| line.strip_prefix(SERVER_USER)?.strip_prefix(':'))?;
    let mut fields = line.split(':').skip(1);
    let (user, group) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    am_root.then_some((user, group))
}

/// The folder of the newest server's programs.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(Path::new("/usr/lib/postgresql")).ok()?.flatten();
    let version = |path: &Path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()).unwrap_or_default();
    let newest = versions.map(|entry| entry.path()).max_by_key(|path| version(path))?;
    Some(newest.join("bin")).filter(|bin| bin.join("initdb").exists())
}
