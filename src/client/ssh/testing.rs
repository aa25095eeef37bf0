//! For tests: an OpenSSH server of their own on loopback, with an ordinary shell behind it.

use std::path::PathBuf;
use std::process::{Child, Command as Program, Stdio};
use std::time::{Duration, Instant};

use super::Target;

/// A server that ends with the test, and the folder with its keys.
#[derive(Debug)]
pub(crate) struct Sshd {
    child: Child,
    pub(crate) port: u16,
    pub(crate) dir: PathBuf,
}

impl Sshd {
    /// Starts it on a free port. `extra` are lines for its configuration.
    pub(crate) fn start(extra: &str) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dir = std::env::temp_dir().join(format!("pb-sshd-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::create_dir_all("/run/sshd").unwrap();
        let at = dir.display();
        keygen(&dir.join("host"), "");
        keygen(&dir.join("open"), "");
        keygen(&dir.join("locked"), "open sesame");
        let public = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
        std::fs::write(dir.join("authorized_keys"), format!("{}{}", public("open.pub"), public("locked.pub"))).unwrap();
        let host: Vec<String> = public("host.pub").split_whitespace().take(2).map(Into::into).collect();
        std::fs::write(dir.join("known_hosts"), format!("[127.0.0.1]:{port} {}\n", host.join(" "))).unwrap();
        std::fs::write(
            dir.join("sshd.conf"),
            format!(
                "ListenAddress 127.0.0.1\nPort {port}\nHostKey {at}/host\nAuthorizedKeysFile {at}/authorized_keys\n\
                 PasswordAuthentication no\nUsePAM no\nStrictModes no\nPidFile none\n{extra}\n"
            ),
        )
        .unwrap();
        let child = Program::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(dir.join("sshd.conf"))
            .stderr(Stdio::null())
            .spawn()
            .expect("sshd is installed");
        let until = Instant::now() + Duration::from_secs(5);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "sshd did not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, port, dir }
    }

    /// How to log in to it with the open key.
    pub(crate) fn target(&self) -> Target {
        Target {
            name: "local".into(),
            address: "127.0.0.1".into(),
            port: self.port,
            user: "root".into(),
            keys: vec![self.dir.join("open")],
            only_keys: true,
            known_hosts: vec![self.dir.join("known_hosts")],
            ..Target::default()
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Makes a key pair.
pub(crate) fn keygen(file: &std::path::Path, passphrase: &str) {
    let made =
        Program::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", passphrase, "-f"]).arg(file).status().unwrap();
    assert!(made.success());
}

/// The router of the tests: user netops, a router's command line for a shell.
pub(crate) fn router() -> Target {
    Target {
        name: "edge-1".into(),
        address: "10.99.0.1".into(),
        port: 22,
        user: "netops".into(),
        keys: vec!["/var/tmp/pbrouter/id_ed25519".into()],
        only_keys: true,
        known_hosts: vec!["/var/tmp/pbrouter/known_hosts".into()],
        ..Target::default()
    }
}
