//! A server on loopback that remembers all it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub at: Instant,
    pub path: String,
    /// First line and fields.
    pub head: String,
    pub body: Vec<u8>,
}

/// Serves until the end of the test.
pub struct Listener {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// Writes an answer to a request.
pub type Answering = dyn Fn(&Asked) -> String + Send + Sync;

impl Listener {
    pub fn answering(answer: impl Fn(&Asked) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&asked);
        let answer: Arc<Answering> = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (told, answer) = (Arc::clone(&told), Arc::clone(&answer));
                // A client that goes away ends its connection's thread.
                std::thread::spawn(move || converse(&stream, &told, &*answer));
            }
        });
        Self { address, asked }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All of it so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic").clone()
    }
}

/// `HTTP/1.1 200 OK` with a body.
pub fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn converse(stream: &TcpStream, told: &Mutex<Vec<Asked>>, answer: &Answering) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            head += &line;
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let asked = Asked {
            at: Instant::now(),
            path: head.split(' ').nth(1).unwrap_or_default().to_owned(),
            head,
            body,
        };
        let answer = answer(&asked);
        told.lock().ok()?.push(asked);
        let mut writer = stream;
        writer.write_all(answer.as_bytes()).ok()?;
    }
}
