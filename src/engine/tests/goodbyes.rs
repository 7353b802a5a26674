//! Targets that end a connection together with an answer, as HTTP/2 servers do after so many.

use std::io::Write;
use std::sync::atomic::Ordering;

use super::server::{Server, load};
use crate::engine::Stop;
use crate::model::ErrorClass;
use crate::protocol::tests::authority::until_gone;
use crate::protocol::tests::http2_frames::{
    END_HEADERS, END_STREAM, HEADERS, OK, frame, goodbye, greet, next_request,
};
use crate::scenario::plan::{Load, Plan, Version};
use crate::schedule::sample;
use crate::units::Nanos;

/// Answers so many requests of a connection, each at once, and says goodbye with the last answer.
fn leaving_after(answers: usize) -> Server {
    Server::serving("127.0.0.1", move |mut stream, requests| {
        greet(&mut stream, &[]);
        for left in (0..answers).rev() {
            let Some(id) = next_request(&mut stream) else {
                return;
            };
            requests.fetch_add(1, Ordering::SeqCst);
            let mut frames = frame(HEADERS, END_HEADERS | END_STREAM, id, OK);
            if left == 0 {
                frames.extend(goodbye(id, 0));
            }
            // In one piece, so that both are read at once.
            drop(stream.write_all(&frames));
        }
        until_gone(stream);
    })
}

fn plan(clients: usize, streams: usize) -> Plan {
    let mut plan = sample::plan();
    plan.target.http.version = Version::Http2;
    plan.target.http.streams = streams;
    plan.phases[0].load = Load::Connections(clients);
    plan.phases[0].duration = Nanos::from_millis(200);
    plan
}

#[test]
fn the_next_connection_is_not_ended_with_the_last() {
    for clients in [1, 3] {
        let server = leaving_after(1);
        let outcome = load(plan(clients, 1), server.address, 1, &Stop::default());
        let tally = &outcome.sum.tally;
        assert!(tally.failures.is_empty(), "{tally:?}");
        assert!(tally.answered > 10, "{tally:?}");
        assert_eq!(tally.answered, server.requests());
    }
}

#[test]
fn what_a_goodbye_leaves_out_is_sent_once_more() {
    let server = leaving_after(20);
    let outcome = load(plan(1, 8), server.address, 1, &Stop::default());
    let tally = &outcome.sum.tally;
    assert!(tally.failures.is_empty(), "{tally:?}");
    assert!(tally.retried.count(ErrorClass::Closed) > 0, "{tally:?}");
    assert_eq!(tally.answered, server.requests());
}
