//! Processes to observe, for tests: each in a group of its own, which ends with the value.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub(super) struct Running(pub(super) Child);

impl Running {
    pub(super) fn shell(script: &str) -> Self {
        Self::program(Path::new("/bin/sh"), &["-c", script])
    }

    pub(super) fn program(program: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// A shell whose standard input is a listening socket, as under inetd.
    pub(super) fn inheriting(listener: &TcpListener, script: &str) -> Self {
        let socket = std::os::fd::OwnedFd::from(listener.try_clone().unwrap());
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", script])
            .process_group(0)
            .stdin(Stdio::from(socket))
            .stdout(Stdio::piped());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.0.wait();
    }
}
