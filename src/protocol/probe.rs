//! A single blocking GET, to ask whether a target is ready.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::response::{Progress, ResponseParser};
use crate::units::Nanos;

/// The status that `GET path` answers, within `timeout` from connecting to the last byte.
///
/// # Errors
/// When it cannot connect, the answer is no HTTP or is cut off, or the time is over.
pub fn probe(address: SocketAddr, authority: &str, path: &str, timeout: Nanos) -> Result<u16> {
    let deadline = Instant::now() + Duration::from(timeout);
    let left = || {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(Error::from(ErrorKind::TimedOut))
        } else {
            Ok(left)
        }
    };
    let mut stream = TcpStream::connect_timeout(&address, left()?)?;
    stream.set_write_timeout(Some(left()?))?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {authority}\r\nuser-agent: plimsoll/{}\r\naccept: */*\r\nconnection: close\r\n\r\n",
        env!("CARGO_PKG_VERSION")
    );
    stream.write_all(request.as_bytes())?;

    let mut parser = ResponseParser::default();
    let mut buffer = [0; 8192];
    loop {
        stream.set_read_timeout(Some(left()?))?;
        let n = match stream.read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(ErrorKind::TimedOut.into());
            }
            other => other?,
        };
        let done = if n == 0 {
            Some(parser.finish().ok_or(ErrorKind::UnexpectedEof)?)
        } else {
            match parser.feed(&buffer[..n]) {
                Ok(Progress::Done(answer)) => Some(answer),
                Ok(Progress::Incomplete) => None,
                Err(error) => return Err(Error::new(ErrorKind::InvalidData, error)),
            }
        };
        if let Some(answer) = done {
            return Ok(answer.status);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn answering(answer: &'static [u8]) -> Result<u16> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let server = std::thread::spawn(move || -> Result<()> {
            let (mut stream, _) = listener.accept()?;
            let mut asked = [0; 1024];
            let n = stream.read(&mut asked)?;
            assert!(asked[..n].starts_with(b"GET /health HTTP/1.1\r\nhost: shop.test\r\n"));
            stream.write_all(answer)
        });
        let status = probe(address, "shop.test", "/health", Nanos::from_secs(10));
        server.join().expect("no panic")?;
        status
    }

    #[test]
    fn it_reads_the_status() {
        let answer = b"HTTP/1.1 503 No\r\ncontent-length: 2\r\n\r\nno";
        assert_eq!(answering(answer).expect("a status"), 503);
        assert_eq!(
            answering(b"HTTP/1.0 200 OK\r\n\r\nfine").expect("a status"),
            200
        );
    }

    #[test]
    fn it_says_what_went_wrong() {
        let kind = |answer| answering(answer).map_err(|e| e.kind());
        assert_eq!(kind(b"SSH-2.0-x\r\n"), Err(ErrorKind::InvalidData));
        assert_eq!(
            kind(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"),
            Err(ErrorKind::UnexpectedEof)
        );
    }

    #[test]
    fn it_gives_up_in_time() {
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = silent.local_addr().expect("an address");
        let late = probe(address, "x", "/", Nanos::from_millis(30)).map_err(|e| e.kind());
        assert_eq!(late, Err(ErrorKind::TimedOut));
    }
}
