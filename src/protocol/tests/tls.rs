//! TLS: whom it trusts, what it says when it does not, and that no byte is lost.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use rustls::SupportedProtocolVersion;

use super::authority::{
    Authority, Manner, Served, TlsStream, answer_once, server_config, take_request, until_gone,
};
use super::driver::{next, shake, socket};
use crate::model::ErrorClass;
use crate::protocol::edges::Edges;
use crate::protocol::{Read, TlsPart, TlsSetup, TlsSetupError, TlsTransport, Transport};
use crate::scenario::plan::{Certificate, Tls, Version};

const ONLY_1_2: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
const ONLY_1_3: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// Writes all of a request and reads until the other side closes.
fn exchange(
    (mut transport, edges): (TlsTransport, Edges),
    mut request: &[u8],
    piece: usize,
) -> Result<Vec<u8>, (Vec<u8>, ErrorClass)> {
    let mut seen = Vec::new();
    let mut buffer = vec![0; piece];
    loop {
        while !request.is_empty() || transport.has_unsent() {
            match transport.write(request) {
                Ok(0) if transport.has_unsent() || !request.is_empty() => break,
                Ok(n) => request = &request[n..],
                Err(class) => return Err((seen, class)),
            }
        }
        loop {
            match transport.read(&mut buffer) {
                Ok(Read::Bytes { n, more }) => {
                    seen.extend_from_slice(&buffer[..n]);
                    if !more {
                        break;
                    }
                }
                Ok(Read::Waiting) => break,
                Ok(Read::Closed) => return Ok(seen),
                Err(class) => return Err((seen, class)),
            }
        }
        // As carriers do: after a close no event comes, so reading goes on until it is seen.
        if next(&edges).closing {
            loop {
                match transport.read(&mut buffer) {
                    Ok(Read::Bytes { n, .. }) => seen.extend_from_slice(&buffer[..n]),
                    Ok(Read::Waiting) => break,
                    Ok(Read::Closed) => return Ok(seen),
                    Err(class) => return Err((seen, class)),
                }
            }
        }
    }
}

/// What a client that trusts as `tls` says gets from a server that shows `own`.
fn outcome(
    tls: &Tls,
    host: &str,
    own: &Certificate,
    manner: &Manner<'_>,
) -> Result<(), ErrorClass> {
    let server = Served::tls(server_config(own, manner), 1, |s| answer_once(s, b"hello"));
    let setup = TlsSetup::new(tls, host, Version::Http1).expect("a setup");
    let shaken = shake::<TlsTransport>(server.address, &setup)?;
    let seen = exchange(shaken, REQUEST, 4096).map_err(|(_, class)| class)?;
    assert!(seen.ends_with(b"\r\n\r\nhello"), "{seen:?}");
    Ok(())
}

#[test]
fn a_certificate_is_trusted_for_its_name_and_while_it_is_valid() {
    let authority = Authority::new();
    let tls = authority.trusted();
    let own = authority.sign("localhost", 2500);
    let with = |host| outcome(&tls, host, &own, &Manner::default());
    assert_eq!(with("localhost"), Ok(()));
    assert_eq!(with("other.test"), Err(ErrorClass::TlsCertificate));
    assert_eq!(with("127.0.0.1"), Err(ErrorClass::TlsCertificate));

    let by_address = authority.sign("127.0.0.1", 2500);
    assert_eq!(
        outcome(&tls, "127.0.0.1", &by_address, &Manner::default()),
        Ok(())
    );

    let expired = authority.sign("localhost", 2010);
    assert_eq!(
        outcome(&tls, "localhost", &expired, &Manner::default()),
        Err(ErrorClass::TlsCertificate)
    );
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused_unless_nothing_is_verified() {
    let own = Authority::new().sign("other.test", 2010);
    let stranger = Authority::new().trusted();
    assert_eq!(
        outcome(&stranger, "localhost", &own, &Manner::default()),
        Err(ErrorClass::TlsCertificate)
    );
    let unverified = Tls {
        unverified: true,
        ..Tls::default()
    };
    assert_eq!(
        outcome(&unverified, "localhost", &own, &Manner::default()),
        Ok(())
    );
}

#[test]
fn the_server_name_replaces_the_host() {
    let authority = Authority::new();
    let tls = Tls {
        server_name: Some("shop.test".to_owned()),
        ..authority.trusted()
    };
    let own = authority.sign("shop.test", 2500);
    assert_eq!(outcome(&tls, "localhost", &own, &Manner::default()), Ok(()));
}

#[test]
fn tls_1_2_is_spoken_where_there_is_no_other() {
    let authority = Authority::new();
    let own = authority.sign("localhost", 2500);
    let manner = Manner {
        versions: Some(ONLY_1_2),
        ..Manner::default()
    };
    assert_eq!(
        outcome(&authority.trusted(), "localhost", &own, &manner),
        Ok(())
    );
}

#[test]
fn a_client_certificate_is_shown_when_asked_for() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let own = authority.sign("localhost", 2500);
    for versions in [ONLY_1_2, ONLY_1_3] {
        let manner = Manner {
            clients: Some(&clients),
            versions: Some(versions),
            ..Manner::default()
        };
        let known = Tls {
            certificate: Some(clients.sign("client.test", 2500)),
            ..authority.trusted()
        };
        assert_eq!(outcome(&known, "localhost", &own, &manner), Ok(()));
    }
}

#[test]
fn a_missing_client_certificate_is_no_fault_of_the_targets_certificate() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let own = authority.sign("localhost", 2500);
    let manner = Manner {
        clients: Some(&clients),
        ..Manner::default()
    };
    let server = Served::tls(server_config(&own, &manner), 1, |mut stream| {
        // The handshake fails on reading; what the client sent after it is read as well, since a
        // socket that is closed with bytes in it is reset, and the alert lost.
        assert!(stream.read(&mut [0; 16]).is_err());
        drop(stream.flush());
        until_gone(stream.sock);
    });
    let setup = TlsSetup::new(&authority.trusted(), "localhost", Version::Http1).expect("a setup");
    let ended = shake::<TlsTransport>(server.address, &setup)
        .and_then(|shaken| exchange(shaken, b"", 4096).map_err(|(_, class)| class));
    assert_eq!(ended, Err(ErrorClass::Tls));
}

#[test]
fn what_is_no_tls_is_told_from_what_closes() {
    let setup =
        TlsSetup::new(&Authority::new().trusted(), "localhost", Version::Http1).expect("a setup");
    let garbage = Served::clear(1, |mut stream| {
        stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").expect("sent");
        until_gone(stream);
    });
    let shaken = shake::<TlsTransport>(garbage.address, &setup);
    assert_eq!(shaken.map(|_| ()), Err(ErrorClass::Tls));

    let closes = Served::clear(1, |mut stream| {
        // With the hello read it is closed and not reset.
        assert!(stream.read(&mut [0; 4096]).expect("a hello") > 0);
    });
    let shaken = shake::<TlsTransport>(closes.address, &setup);
    assert_eq!(shaken.map(|_| ()), Err(ErrorClass::Closed));
}

#[test]
fn a_stalled_handshake_waits() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let setup =
        TlsSetup::new(&Authority::new().trusted(), "localhost", Version::Http1).expect("a setup");
    let address = silent.local_addr().expect("an address");
    let mut transport = TlsTransport::new(socket(address), &setup).expect("a session");
    let edges = Edges::of(&transport).expect("a socket");
    assert_eq!(transport.handshake(), Ok(false));
    while edges
        .within(Duration::from_millis(5))
        .expect("a wait")
        .is_some()
    {}
    assert_eq!(transport.handshake(), Ok(false));
}

#[test]
fn a_body_that_ends_without_a_goodbye_is_cut_off() {
    let authority = Authority::new();
    let config = server_config(&authority.sign("localhost", 2500), &Manner::default());
    let server = Served::tls(config, 1, |mut stream| {
        assert!(take_request(&mut stream));
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhel")
            .expect("sent");
        stream.flush().expect("sent");
        stream
            .sock
            .shutdown(std::net::Shutdown::Write)
            .expect("closed");
        until_gone(stream.sock);
    });
    let setup = TlsSetup::new(&authority.trusted(), "localhost", Version::Http1).expect("a setup");
    let shaken = shake::<TlsTransport>(server.address, &setup).expect("a session");
    let (seen, class) = exchange(shaken, REQUEST, 4096).expect_err("cut off");
    assert_eq!(class, ErrorClass::Closed);
    assert!(seen.ends_with(b"hel"), "what came before is handed out");
}

#[test]
fn large_bodies_go_both_ways_in_pieces_of_any_size() {
    let authority = Authority::new();
    let config = server_config(&authority.sign("localhost", 2500), &Manner::default());
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
    let length = bytes.len();
    let server = Served::tls(config, 2, move |mut stream: TlsStream| {
        let mut got = vec![0; length];
        stream.read_exact(&mut got).expect("all of it");
        stream.write_all(&got).expect("sent");
        stream.conn.send_close_notify();
        drop(stream.flush());
        until_gone(stream);
    });
    let setup = TlsSetup::new(&authority.trusted(), "localhost", Version::Http1).expect("a setup");
    for piece in [1000, 64 * 1024] {
        let shaken = shake::<TlsTransport>(server.address, &setup).expect("a session");
        let seen = exchange(shaken, &bytes, piece).map_err(|(n, class)| (n.len(), class));
        assert!(seen.expect("a goodbye") == bytes);
    }
}

#[test]
fn alpn_agrees_on_a_version_or_says_that_it_cannot() {
    let authority = Authority::new();
    let own = authority.sign("localhost", 2500);
    let negotiated = |alpn: &[&str], version| {
        let manner = Manner {
            alpn,
            ..Manner::default()
        };
        let server = Served::tls(server_config(&own, &manner), 1, |mut stream| {
            // Reading brings the handshake about, and goes on until the client has gone.
            drop(stream.read(&mut [0; 16]));
            until_gone(stream.sock);
        });
        let setup = TlsSetup::new(&authority.trusted(), "localhost", version).expect("a setup");
        shake::<TlsTransport>(server.address, &setup).map(|(t, _)| t.negotiated())
    };
    let both: &[&str] = &["http/1.1", "h2"];
    assert_eq!(negotiated(both, Version::Http1), Ok(Some(Version::Http1)));
    assert_eq!(negotiated(both, Version::Http2), Ok(Some(Version::Http2)));
    assert_eq!(
        negotiated(&["http/1.1"], Version::Auto),
        Ok(Some(Version::Http1))
    );
    assert_eq!(negotiated(&[], Version::Auto), Ok(None));
    assert_eq!(negotiated(&[], Version::Http2), Err(ErrorClass::Protocol));
    assert_eq!(
        negotiated(&["http/1.1"], Version::Http2),
        Err(ErrorClass::Protocol)
    );
}

#[test]
fn sessions_are_resumed() {
    let authority = Authority::new();
    let config = server_config(&authority.sign("localhost", 2500), &Manner::default());
    let (tell, told) = std::sync::mpsc::channel();
    let server = Served::tls(config, 2, move |mut stream| {
        assert!(take_request(&mut stream));
        tell.send(stream.conn.handshake_kind()).expect("heard");
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").expect("sent");
        stream.conn.send_close_notify();
        drop(stream.flush());
        until_gone(stream);
    });
    let setup = TlsSetup::new(&authority.trusted(), "localhost", Version::Http1).expect("a setup");
    for kind in [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed] {
        let shaken = shake::<TlsTransport>(server.address, &setup).expect("a session");
        exchange(shaken, REQUEST, 4096).expect("an answer");
        assert_eq!(told.recv().expect("a handshake"), Some(kind));
    }
}

#[test]
fn a_setup_that_cannot_work_says_why() {
    let (authority, other) = (Authority::new(), Authority::new());
    let own = authority.sign("client.test", 2500);
    let said = |tls: Tls, host: &str| {
        TlsSetup::new(&tls, host, Version::Http1)
            .expect_err("it cannot work")
            .to_string()
    };
    let with = |chain: &[u8], key: &[u8]| Tls {
        certificate: Some(Certificate {
            chain: chain.to_vec(),
            key: key.to_vec(),
        }),
        ..authority.trusted()
    };
    let ca = |pem: &[u8]| Tls {
        ca: Some(pem.to_vec()),
        ..Tls::default()
    };
    let other_key = other.sign("client.test", 2500).key;
    let no_base64 = b"-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n";
    let no_der = b"-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
    let cases = [
        said(ca(b"hello"), "localhost"),
        said(ca(b"-----BEGIN CERTIFICATE-----\n*\n"), "localhost"),
        said(ca(no_base64), "localhost"),
        said(ca(no_der), "localhost"),
        said(ca(&own.key), "localhost"),
        said(with(&own.key, &own.key), "localhost"),
        said(with(&own.chain, &own.chain), "localhost"),
        said(with(&own.chain, &other_key), "localhost"),
        said(with(no_der, &own.key), "localhost"),
        said(authority.trusted(), "no host"),
    ];
    insta::assert_snapshot!(cases.join("\n"), @"
    `ca` holds no certificate
    `ca` is no PEM: a section does not end
    `ca` is no PEM: a section is no Base64
    `ca` holds a certificate that cannot be used: its contents are no X.509
    `ca` holds no certificate
    `certificate` holds no certificate
    `key` holds no private key without a passphrase
    `key` is not the key of the first certificate in `certificate`
    `certificate` holds a certificate that cannot be used: its contents are no X.509
    `no host` is neither a host name nor an IP address, so no certificate can be for it
    ");
    assert_eq!(
        TlsSetup::new(&ca(b""), "localhost", Version::Auto).map(|_| ()),
        Err(TlsSetupError::NoCertificate(TlsPart::Ca))
    );
}
