//! Requests and their answers.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};

use super::answer::Answer;
use super::course;
use super::endpoint::{Endpoint, Work, spin};
use super::pool::Counted;
use super::shop::Shop;
use super::{Ailment, Options};
use crate::units::Nanos;

/// The wait for the database that a miss of the cache costs.
const MISS: Nanos = Nanos::from_millis(20);
/// CPU that each request needs more at full strength.
const MORE_CPU: f64 = 0.06;

/// Answers a request; whatever is wrong with the target, it is wrong here.
pub(super) async fn answer(
    shop: &Arc<Shop>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let uri = request.uri();
    let endpoint = Endpoint::route(request.method(), uri.path(), uri.query());
    let mut body = request.into_body();
    while let Some(Ok(_)) = body.frame().await {}

    let answer = match endpoint {
        Ok(endpoint) if endpoint.is_probe() => {
            let answer = probe(shop, endpoint);
            held_back(shop).await;
            answer
        }
        _ => counted(shop, endpoint).await,
    };
    Ok(answer.into())
}

/// Asks how the target is: no work, and nothing that counts.
fn probe(shop: &Shop, endpoint: Endpoint) -> Answer {
    match endpoint {
        Endpoint::Metrics => Answer::metrics(shop.metrics()),
        Endpoint::Component(component) => {
            let (well, said) = shop.component(component);
            let status = if well {
                StatusCode::OK
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            Answer::json(status, said.to_string())
        }
        _ => {
            let said = json!({ "status": "up", "overall_score": shop.overall_score() });
            Answer::json(StatusCode::OK, said.to_string())
        }
    }
}

async fn counted(shop: &Arc<Shop>, endpoint: Result<Endpoint, StatusCode>) -> Answer {
    let start = Instant::now();
    shop.first.get_or_init(|| {
        course::begin(shop, start);
        start
    });
    let number = shop.number();
    let _in_flight = Counted::new(&shop.meters.in_flight);
    let hang_every = shop.options.hang_every;
    if hang_every.is_some_and(|every| number.is_multiple_of(every)) {
        pending::<()>().await;
    }
    let path = endpoint.map_or("other", Endpoint::path);
    let answer = match endpoint {
        Ok(endpoint) => admitted(shop, endpoint, number).await,
        Err(status) => Answer::refused(status),
    };
    shop.queue.publish(path);
    // The work is done before a stall holds the answer back, so that at the end of the stall all
    // answers leave together and none queues behind the work of another.
    held_back(shop).await;
    let took = Nanos::from_secs_f64(start.elapsed().as_secs_f64());
    shop.meters.answered(path, answer.status, took);
    answer
}

/// What happens to a request before its work, by the faults that meet each.
async fn admitted(shop: &Shop, endpoint: Endpoint, number: u64) -> Answer {
    if let Some(share) = shop.ails(Ailment::RateLimit)
        && one_of_share(number, share)
    {
        return Answer::too_many();
    }
    if shop.ails(Ailment::Deadlock).is_some() {
        shop.threads.get_stuck().await;
    }
    if let Some(strength) = shop.ails(Ailment::LockContention) {
        shop.threads.contend(strength).await;
    }
    if let Some(strength) = shop.ails(Ailment::Leak) {
        shop.leak.grow(strength);
    }
    let mut work = work(&shop.options, endpoint);
    let mut _core = None;
    if let Some(strength) = shop.ails(Ailment::CpuSaturation) {
        work.cpu += Nanos::from_secs_f64(strength * MORE_CPU);
        _core = Some(shop.core.lock().await);
    }
    served(shop, endpoint, work).await
}

async fn served(shop: &Shop, endpoint: Endpoint, work: Work) -> Answer {
    spin(work.cpu);
    let asked = match endpoint {
        Endpoint::Search | Endpoint::Pay => shop.ask(work.wait).await,
        Endpoint::Items => match shop.cache.miss() {
            None => Ok(()),
            Some(shelf) => {
                let asked = shop.ask(times(MISS, shop.options.scale)).await;
                if asked.is_ok() {
                    shop.cache.fill(shelf);
                }
                asked
            }
        },
        Endpoint::Slot(lasts) => {
            sleep_until(shop.slots.take(Instant::now(), lasts)).await;
            Ok(())
        }
        Endpoint::Wait(lasts) if lasts > Nanos::ZERO => {
            sleep(lasts.into()).await;
            Ok(())
        }
        _ => Ok(()),
    };
    match asked {
        Ok(()) => {
            let (status, text) = endpoint.answer();
            Answer::json(status, text)
        }
        Err(_) => Answer::refused(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// Waits for the end of the stall that it is in.
async fn held_back(shop: &Shop) {
    let (Some(stall), Some(first)) = (shop.options.stall, shop.first.get()) else {
        return;
    };
    let from = *first + stall.at.into();
    let to = from + stall.lasts.into();
    if (from..to).contains(&Instant::now()) {
        sleep_until(to).await;
    }
}

/// Whether this is one of so many among all, evenly spaced.
fn one_of_share(number: u64, share: f64) -> bool {
    let up_to = |n: u64| (n as f64 * share).floor();
    up_to(number) > up_to(number - 1)
}

fn work(options: &Options, endpoint: Endpoint) -> Work {
    let work = endpoint.work();
    if matches!(endpoint, Endpoint::Wait(_) | Endpoint::Slot(_)) {
        return work;
    }
    let slower: f64 = options
        .slow
        .iter()
        .filter(|(slowed, _)| *slowed == endpoint)
        .map(|(_, factor)| factor)
        .product();
    Work {
        cpu: times(work.cpu, options.scale * slower),
        wait: times(work.wait, options.scale),
    }
}

fn times(span: Nanos, factor: f64) -> Nanos {
    Nanos::from_secs_f64(span.as_secs_f64() * factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::Fault;

    #[test]
    fn a_slowed_endpoint_has_more_cpu_work_and_no_longer_wait() {
        let options = Options {
            scale: 2.0,
            ..Options::default().with(Fault::Slow(Endpoint::Pay, 1.2))
        };
        let pay = work(&options, Endpoint::Pay);
        assert_eq!(pay.cpu, Nanos(3_600_000));
        assert_eq!(pay.wait, Nanos::from_millis(2));
        assert_eq!(work(&options, Endpoint::Home).cpu, Nanos(100_000));
    }

    #[test]
    fn a_share_is_spaced_evenly() {
        let chosen = |share| (1..=20).filter(|&n| one_of_share(n, share)).count();
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(chosen), [0, 5, 10, 20]);
    }
}
