//! From what the client says of a failure to the class it is counted under.

use std::error::Error;
use std::io::{self, ErrorKind};

use rustix::io::Errno;

use crate::model::ErrorClass;

/// The class of a request that the client could not bring to its end.
pub(super) fn class_of(error: &reqwest::Error) -> ErrorClass {
    if error.is_timeout() {
        return if error.is_connect() {
            ErrorClass::TimeoutConnect
        } else {
            ErrorClass::TimeoutTotal
        };
    }
    let mut source = error.source();
    // The innermost cause that is known says most.
    let mut class = None;
    while let Some(cause) = source {
        class = of_cause(cause).or(class);
        source = cause.source();
    }
    class.unwrap_or(if error.is_connect() {
        ErrorClass::Refused
    } else {
        ErrorClass::Protocol
    })
}

fn of_cause(cause: &(dyn Error + 'static)) -> Option<ErrorClass> {
    if let Some(error) = cause.downcast_ref::<io::Error>() {
        return Some(of_io(error));
    }
    if let Some(error) = cause.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error));
    }
    if let Some(error) = cause.downcast_ref::<h2::Error>() {
        // A stream that is reset and a connection that says goodbye are the target's doing.
        let left = error.is_remote() && (error.is_reset() || error.is_go_away());
        return (!error.is_io()).then_some(if left {
            ErrorClass::Reset
        } else {
            ErrorClass::Protocol
        });
    }
    let error = cause.downcast_ref::<hyper::Error>()?;
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        Some(ErrorClass::Closed)
    } else if error.is_parse() {
        Some(ErrorClass::Protocol)
    } else {
        None
    }
}

fn of_io(error: &io::Error) -> ErrorClass {
    if let Some(tls) = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        return of_tls(tls);
    }
    match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
            return ErrorClass::GeneratorDescriptors;
        }
        Some(Errno::ADDRNOTAVAIL | Errno::ADDRINUSE) => return ErrorClass::GeneratorPorts,
        _ => {}
    }
    match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => {
            ErrorClass::Reset
        }
        ErrorKind::UnexpectedEof => ErrorClass::Closed,
        ErrorKind::TimedOut => ErrorClass::TimeoutConnect,
        ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::Other => ErrorClass::Protocol,
        _ => ErrorClass::Refused,
    }
}

fn of_tls(error: &rustls::Error) -> ErrorClass {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            ErrorClass::TlsCertificate
        }
        _ => ErrorClass::Tls,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_errors_have_the_class_of_their_cause() {
        let os = |errno: Errno| of_io(&io::Error::from(errno));
        assert_eq!(os(Errno::CONNREFUSED), ErrorClass::Refused);
        assert_eq!(os(Errno::HOSTUNREACH), ErrorClass::Refused);
        assert_eq!(os(Errno::CONNRESET), ErrorClass::Reset);
        assert_eq!(os(Errno::PIPE), ErrorClass::Reset);
        assert_eq!(os(Errno::TIMEDOUT), ErrorClass::TimeoutConnect);
        assert_eq!(os(Errno::MFILE), ErrorClass::GeneratorDescriptors);
        assert_eq!(os(Errno::ADDRNOTAVAIL), ErrorClass::GeneratorPorts);
        let eof = io::Error::from(ErrorKind::UnexpectedEof);
        assert_eq!(of_io(&eof), ErrorClass::Closed);
        let bad = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        let wrapped = io::Error::new(ErrorKind::InvalidData, bad);
        assert_eq!(of_io(&wrapped), ErrorClass::TlsCertificate);
        let alert = rustls::Error::HandshakeNotComplete;
        let wrapped = io::Error::new(ErrorKind::InvalidData, alert);
        assert_eq!(of_io(&wrapped), ErrorClass::Tls);
    }
}
