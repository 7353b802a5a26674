//! Drives one connection the way the engine does: with events that come once for each change.

use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use crate::model::ErrorClass;
use crate::protocol::edges::Edges;
use crate::protocol::{Carrier, Happening, Keep, Look, Moved, Readiness, Transport};
use crate::scenario::plan::{Request, Template, Url};

/// Long enough for any machine; nothing here takes long.
const PATIENCE: Duration = Duration::from_secs(5);

/// The next event of a socket that has one coming.
pub(super) fn next(edges: &Edges) -> Readiness {
    let event = edges.within(PATIENCE).expect("a wait");
    event.expect("an event in time")
}

pub(super) fn socket(address: SocketAddr) -> OwnedFd {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_nonblocking(true).expect("a socket");
    stream.into()
}

/// A transport whose handshake is done.
pub(super) fn shake<T: Transport>(
    address: SocketAddr,
    setup: &T::Setup,
) -> Result<(T, Edges), ErrorClass> {
    let mut transport = T::new(socket(address), setup)?;
    let edges = Edges::of(&transport).expect("a socket");
    while !transport.handshake()? {
        next(&edges);
    }
    Ok((transport, edges))
}

/// A connection with its events and all that was told of it.
#[derive(Debug)]
pub(super) struct Driven<C> {
    pub(super) carrier: C,
    edges: Edges,
    scratch: Vec<u8>,
    pub(super) told: Vec<(usize, Happening)>,
}

impl<C: Carrier> Driven<C> {
    pub(super) fn open(address: SocketAddr, setup: &C::Setup) -> Result<Self, ErrorClass> {
        let mut carrier = C::new(socket(address), setup)?;
        let edges = Edges::of(&carrier).expect("a socket");
        while !carrier.establish()? {
            if !carrier.is_behind() {
                next(&edges);
            }
        }
        Ok(Self {
            carrier,
            edges,
            scratch: vec![0; 16 * 1024],
            told: Vec::new(),
        })
    }

    pub(super) fn begin(&mut self, stream: usize, request: &Request) -> Result<bool, ErrorClass> {
        let wire = wire::<C>(request);
        let look = Look {
            bodiless: request.method == "HEAD",
            head: true,
            body: Keep::Some,
        };
        self.carrier.begin(stream, &wire, look)
    }

    /// Goes on with the next event.
    pub(super) fn step(&mut self) -> Result<(), ErrorClass> {
        let event = if self.carrier.is_behind() {
            Readiness {
                readable: true,
                ..Readiness::default()
            }
        } else {
            next(&self.edges)
        };
        self.carrier
            .advance(event, &mut self.scratch, &mut self.told)
    }

    /// Goes on until something is true of the connection and what was told.
    pub(super) fn until(&mut self, is_true: impl Fn(&Self) -> bool) -> Result<(), ErrorClass> {
        while !is_true(self) {
            self.step()?;
        }
        Ok(())
    }

    /// The fate of a stream, once it is told.
    pub(super) fn fate(&mut self, stream: usize) -> Result<Happening, ErrorClass> {
        let fate = |told: &[(usize, Happening)]| {
            let mut all = told.iter();
            all.find(|(s, h)| *s == stream && is_fate(*h))
                .map(|(_, h)| *h)
        };
        self.until(|driven| fate(&driven.told).is_some())?;
        let found = fate(&self.told).expect("it was told");
        self.told.retain(|(s, _)| *s != stream);
        Ok(found)
    }

    /// Status and length of the answer to one request.
    pub(super) fn ask(
        &mut self,
        stream: usize,
        request: &Request,
    ) -> Result<(u16, u64), ErrorClass> {
        assert!(self.begin(stream, request)?, "the connection takes it");
        match self.fate(stream)? {
            Happening::Answered(answer) => Ok((answer.status, answer.body)),
            Happening::Failed(class) | Happening::Untouched(class) => Err(class),
            Happening::Written | Happening::Begun(_) => unreachable!("not a fate"),
        }
    }

    /// The fate of a stream of a connection that may be over by then.
    pub(super) fn fate_or_over(&mut self, stream: usize) -> Option<Happening> {
        if let Ok(fate) = self.fate(stream) {
            return Some(fate);
        }
        let mut all = self.told.iter();
        all.find(|(s, h)| *s == stream && is_fate(*h))
            .map(|(_, h)| *h)
    }

    pub(super) fn cancel(&mut self, stream: usize) -> bool {
        self.carrier.cancel(stream)
    }

    pub(super) fn is_usable(&mut self) -> bool {
        self.carrier.is_usable()
    }

    /// Fields and body of the latest answer.
    pub(super) fn reply(&self, stream: usize) -> Kept {
        let reply = self.carrier.reply(stream);
        let fields = reply.fields.iter();
        Kept {
            fields: fields.map(|(n, v)| (n.to_vec(), v.to_vec())).collect(),
            body: reply.body.to_vec(),
        }
    }

    pub(super) fn moved(&self, stream: usize) -> Moved {
        self.carrier.moved(stream)
    }
}

pub(super) fn wire<C: Carrier>(request: &Request) -> C::Wire {
    let mut fill = |template: &Template, out: &mut Vec<u8>| out.extend(template.constant());
    C::wire(request, &Url::http("localhost", 80), b"", false, &mut fill)
}

/// What was kept of an answer.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) fields: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

const fn is_fate(happening: Happening) -> bool {
    matches!(
        happening,
        Happening::Answered(_) | Happening::Failed(_) | Happening::Untouched(_)
    )
}
