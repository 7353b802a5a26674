//! The sockets of a network namespace: `/proc/PID/net/tcp` and `tcp6`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::observe) struct Socket {
    /// The kernel's number of the state; see [`state`].
    pub(in crate::observe) state: u8,
    /// Of its own end.
    pub(in crate::observe) port: u16,
    /// Bytes not read yet; of a listening socket, connections not accepted yet.
    pub(in crate::observe) received: u64,
    /// What descriptors name it by; 0 when none does.
    pub(in crate::observe) inode: u64,
}

/// The kernel's number for a socket that listens.
pub(in crate::observe) const LISTEN: u8 = 0x0A;

/// All sockets; lines that are none are passed over.
pub(in crate::observe) fn sockets(text: &str) -> impl Iterator<Item = Socket> {
    text.lines().skip(1).filter_map(socket)
}

fn socket(line: &str) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    let queues = fields.next()?;
    let inode = fields.nth(4)?;
    Some(Socket {
        state: u8::from_str_radix(state, 16).ok()?,
        port: u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()?,
        received: u64::from_str_radix(queues.split_once(':')?.1, 16).ok()?,
        inode: inode.parse().ok()?,
    })
}

/// Both ends of a socket, for people to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::observe) struct Connection {
    pub(in crate::observe) socket: Socket,
    pub(in crate::observe) local: SocketAddr,
    pub(in crate::observe) remote: SocketAddr,
    /// Bytes not acknowledged yet; of a listening socket, the most that may wait.
    pub(in crate::observe) sent: u64,
}

/// All sockets with their ends.
pub(in crate::observe) fn connections(text: &str) -> impl Iterator<Item = Connection> {
    text.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (local, remote) = (fields.next()?, fields.next()?);
        let (sent, _) = fields.nth(1)?.split_once(':')?;
        Some(Connection {
            socket: socket(line)?,
            local: end(local)?,
            remote: end(remote)?,
            sent: u64::from_str_radix(sent, 16).ok()?,
        })
    })
}

/// `0100007F:1F90`: the address in words of four bytes, each as the machine keeps a number.
fn end(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| u32::from_str_radix(address.get(at..at + 8)?, 16).ok();
    let address: IpAddr = match address.len() {
        8 => Ipv4Addr::from(word(0)?.to_ne_bytes()).into(),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let mut bytes = [0; 16];
            for (four, word) in bytes.chunks_mut(4).zip(words) {
                four.copy_from_slice(&word.to_ne_bytes());
            }
            Ipv6Addr::from(bytes).into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

/// A state by name, as `ss` has it.
pub(in crate::observe) const fn state(number: u8) -> &'static str {
    match number {
        0x01 => "established",
        0x02 => "syn-sent",
        0x03 | 0x0C => "syn-received",
        0x04 => "fin-wait-1",
        0x05 => "fin-wait-2",
        0x06 => "time-wait",
        0x07 => "closed",
        0x08 => "close-wait",
        0x09 => "last-ack",
        LISTEN => "listen",
        0x0B => "closing",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     \n\
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 12345 1 0000000000000000 100 0 0 10 0                     \n\
   1: 0100007F:1F90 0100007F:D2A4 08 00000010:00000001 02:000AF5C1 00000000  1000        0 777 2 0000000000000000 20 4 30 10 -1                   \n\
   2: 0100007F:D2A4 0100007F:1F90 06 00000000:00000000 03:00000C2D 00000000     0        0 0 3 0000000000000000\n";

    #[test]
    fn states_ports_queues_and_inodes_are_read() {
        let read: Vec<_> = sockets(TCP)
            .map(|s| (state(s.state), s.port, s.received, s.inode))
            .collect();
        assert_eq!(
            read,
            [
                ("listen", 8080, 3, 12345),
                ("close-wait", 8080, 1, 777),
                ("time-wait", 53924, 0, 0),
            ]
        );
    }

    #[test]
    fn version_6_has_the_same_form() {
        let text = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0000000000000000 100 0 0 10 0\n";
        let read: Vec<_> = sockets(text).map(|s| (s.port, s.inode)).collect();
        assert_eq!(read, [(80, 4242)]);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn both_ends_are_read() {
        let read: Vec<_> = connections(TCP).collect();
        assert_eq!(read.len(), 3);
        assert_eq!(read[1].local.to_string(), "127.0.0.1:8080");
        assert_eq!(read[1].remote.to_string(), "127.0.0.1:53924");
        assert_eq!((read[1].sent, read[1].socket.received), (16, 1));
        let loopback = end("00000000000000000000000001000000:0050").unwrap();
        assert_eq!(loopback.to_string(), "[::1]:80");
        for none in ["", "7F:1", "0100007F", "0100007F:x"] {
            assert_eq!(end(none), None);
        }
    }

    #[test]
    fn what_is_no_socket_is_passed_over() {
        assert_eq!(sockets("head\n  0: x y z\n\n 1: 0:0\n").count(), 0);
        assert_eq!(sockets("").count(), 0);
    }
}
