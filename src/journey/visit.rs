//! One visitor on its way through a journey.

use super::find::Searched;
use super::jar::Jar;
use super::location::{location, method_after, resolve};
use super::{Redirection, Reply, encoding, pause, rows};
use crate::model::ErrorClass;
use crate::scenario::plan::{Part, Plan, Source, Template, Url};
use crate::units::Nanos;

/// One visitor on its way through a journey; it can be used for one visit after the other.
#[derive(Debug, Clone, Default)]
pub struct Visit {
    pub number: u64,
    pub journey: usize,
    /// By number; those not captured yet are empty.
    variables: Vec<Vec<u8>>,
    jar: Jar,
    /// Method and path of the request that the latest redirect asked for.
    hop: Option<(String, String)>,
}

impl Visit {
    /// A visitor that is nowhere yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts anew as visit `number`, keeping its memory.
    ///
    /// # Errors
    /// [`ErrorClass::GeneratorData`] when a `unique` data set that the journey uses is used up.
    pub fn begin(&mut self, plan: &Plan, journey: usize, number: u64) -> Result<(), ErrorClass> {
        self.number = number;
        self.journey = journey;
        for value in &mut self.variables {
            value.clear();
        }
        let variables = plan.journeys[journey].variables;
        self.variables.resize_with(variables, Vec::new);
        self.jar.clear();
        self.hop = None;
        if rows::has_rows(plan, journey, number) {
            Ok(())
        } else {
            Err(ErrorClass::GeneratorData)
        }
    }

    /// Appends a template to `out` with the visit's values, each encoded for its place.
    pub fn fill(&self, plan: &Plan, template: &Template, out: &mut Vec<u8>) {
        for part in &template.parts {
            match part {
                Part::Fixed(text) => out.extend_from_slice(text),
                Part::Secret(secret) => out.extend_from_slice(secret.value.as_bytes()),
                Part::Gap {
                    source, encoding, ..
                } => match *source {
                    Source::Variable(variable) => {
                        encoding::write(&self.variables[variable], *encoding, out);
                    }
                    Source::Field { data, column } => {
                        // `begin` has seen to it that there is a row.
                        let row = rows::row(plan, data, self.number);
                        let text = row.and_then(|r| r.get(column)).map_or("", String::as_str);
                        encoding::write(text.as_bytes(), *encoding, out);
                    }
                    Source::Visit => out.extend_from_slice(self.number.to_string().as_bytes()),
                },
            }
        }
    }

    /// Value of the cookie header for the next request; empty for none.
    pub fn cookie(&self) -> &[u8] {
        self.jar.header()
    }

    /// Takes captures, and cookies when the journey keeps them, from an answer that is as expected.
    ///
    /// Cookies that a redirect sets on the way are taken by [`redirect`](Self::redirect).
    ///
    /// # Errors
    /// [`ErrorClass::CaptureFailed`] when a value is not there, [`ErrorClass::Protocol`] when the
    /// body does not unpack.
    pub fn learn(&mut self, plan: &Plan, step: usize, reply: &Reply<'_>) -> Result<(), ErrorClass> {
        self.keep_cookies(plan, reply);
        let mut searched = Searched::new(reply, plan.steps[step].gzip);
        for capture in &plan.steps[step].captures {
            searched.find(&capture.find, &mut self.variables[capture.variable])?;
        }
        Ok(())
    }

    /// Pause after a step.
    pub fn think(&self, plan: &Plan, step: usize) -> Nanos {
        pause::think(plan, step, self.number)
    }

    /// Pause before attempt `attempt`, the first retry being 1, when a failure is to be tried again.
    /// `status` is that of the answer, if there was one.
    pub fn retry(
        &self,
        plan: &Plan,
        step: usize,
        attempt: u32,
        failure: ErrorClass,
        status: Option<u16>,
    ) -> Option<Nanos> {
        pause::retry(plan, step, self.number, attempt, (failure, status))
    }

    /// The request that an answer redirects to; None when there is nothing to follow. `followed`
    /// counts the redirects of this attempt so far; 0 means that the step's own request is answered.
    ///
    /// # Errors
    /// [`ErrorClass::Redirect`] when there were too many, or it leads elsewhere.
    pub fn redirect(
        &mut self,
        plan: &Plan,
        step: usize,
        followed: u8,
        reply: &Reply<'_>,
        url: &Url,
    ) -> Result<Option<Redirection>, ErrorClass> {
        if followed == 0 {
            self.hop = None;
        }
        let most = plan.steps[step].redirects;
        let Some(location) = location(reply).filter(|_| most > 0) else {
            return Ok(None);
        };
        if followed >= most {
            return Err(ErrorClass::Redirect);
        }
        let request = &plan.steps[step].request;
        let (method, current) = self.hop.take().unwrap_or_else(|| {
            let mut path = url.base.clone().into_bytes();
            self.fill(plan, &request.path, &mut path);
            let path = String::from_utf8_lossy(&path).into_owned();
            (request.method.clone(), path)
        });
        let path = resolve(location, &current, url).ok_or(ErrorClass::Redirect)?;
        let method = method_after(reply.status, &method).to_owned();
        self.keep_cookies(plan, reply);
        self.hop = Some((method.clone(), path.clone()));
        Ok(Some(Redirection {
            keeps_body: method == request.method,
            method,
            path,
        }))
    }

    fn keep_cookies(&mut self, plan: &Plan, reply: &Reply<'_>) {
        if plan.journeys[self.journey].cookies {
            self.jar.take(reply);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::plan::{
        Capture, DataOrder, DataSet, Encoding, Find, Journey, Request, Secret, Step,
    };
    use crate::schedule::sample;

    fn gap(source: Source, encoding: Encoding) -> Part {
        let name = "x".to_owned();
        Part::Gap {
            name,
            source,
            encoding,
        }
    }

    fn template(parts: Vec<Part>) -> Template {
        Template { parts }
    }

    fn set(order: DataOrder, rows: &[&str]) -> DataSet {
        DataSet {
            name: "users".to_owned(),
            columns: vec!["name".to_owned()],
            rows: rows.iter().map(|r| vec![(*r).to_owned()]).collect(),
            order,
        }
    }

    /// A journey of two steps that captures one value and keeps cookies, then a lonely step.
    fn plan() -> Plan {
        let mut plan = sample::plan();
        let mut first = Step::new("login", Request::new("POST", "/login"));
        first.captures = vec![Capture {
            name: "token".to_owned(),
            variable: 0,
            find: Find::Json("/token".to_owned()),
        }];
        first.redirects = 2;
        let second = Step::new("cart", Request::new("GET", "/cart"));
        let lonely = Step::new("home", Request::new("GET", "/"));
        plan.set_steps(vec![(first, 1), (second, 1), (lonely, 1)]);
        let journey = |name: &str, steps, variables| Journey {
            name: name.to_owned(),
            weight: 1,
            steps,
            variables,
            cookies: variables > 0,
        };
        plan.journeys = vec![journey("shop", 0..2, 1), journey("home", 2..3, 0)];
        plan
    }

    fn visit(plan: &Plan, journey: usize, number: u64) -> Visit {
        let mut visit = Visit::new();
        assert_eq!(visit.begin(plan, journey, number), Ok(()));
        visit
    }

    fn filled(visit: &Visit, plan: &Plan, parts: Vec<Part>) -> String {
        let mut out = Vec::new();
        visit.fill(plan, &template(parts), &mut out);
        String::from_utf8(out).expect("text")
    }

    fn reply<'a>(status: u16, fields: &[(&'a str, &'a str)], body: &'a str) -> Reply<'a> {
        let fields = fields.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()));
        Reply {
            status,
            fields: fields.collect(),
            body: body.as_bytes(),
        }
    }

    #[test]
    fn gaps_are_filled_with_what_the_visit_knows() {
        let mut plan = plan();
        plan.data = vec![set(DataOrder::Sequential, &["a b", "c\"d"])];
        let mut visit = visit(&plan, 0, 7);
        let answer = reply(200, &[], r#"{"token":"t/1"}"#);
        assert_eq!(visit.learn(&plan, 0, &answer), Ok(()));
        let field = Source::Field { data: 0, column: 0 };
        let text = filled(
            &visit,
            &plan,
            vec![
                Part::Fixed(b"v=".to_vec()),
                gap(Source::Variable(0), Encoding::Percent),
                Part::Fixed(b" n=".to_vec()),
                gap(Source::Visit, Encoding::Percent),
                Part::Fixed(b" f=".to_vec()),
                gap(field, Encoding::Json),
                Part::Secret(Secret {
                    name: "env.KEY".to_owned(),
                    value: " s=%".to_owned(),
                    plain: Vec::new(),
                }),
            ],
        );
        assert_eq!(text, "v=t%2F1 n=7 f=c\\\"d s=%");
    }

    #[test]
    fn a_visit_begins_without_what_the_last_one_knew() {
        let plan = plan();
        let mut visit = visit(&plan, 0, 1);
        let answer = reply(200, &[("set-cookie", "sid=1")], r#"{"token":"old"}"#);
        assert_eq!(visit.learn(&plan, 0, &answer), Ok(()));
        assert_eq!(visit.cookie(), b"sid=1");
        assert_eq!(visit.begin(&plan, 0, 2), Ok(()));
        assert_eq!(visit.cookie(), b"");
        let token = vec![gap(Source::Variable(0), Encoding::Plain)];
        assert_eq!(filled(&visit, &plan, token), "");
        assert_eq!((visit.number, visit.journey), (2, 0));
    }

    #[test]
    fn cookies_are_kept_only_where_the_journey_says_so() {
        let plan = plan();
        let mut visit = visit(&plan, 1, 1);
        let answer = reply(200, &[("set-cookie", "sid=1")], "");
        assert_eq!(visit.learn(&plan, 2, &answer), Ok(()));
        assert_eq!(visit.cookie(), b"");
    }

    #[test]
    fn a_value_that_is_not_there_fails_the_visit() {
        let mut plan = plan();
        plan.steps[0].gzip = true;
        let mut visit = visit(&plan, 0, 1);
        let missing = visit.learn(&plan, 0, &reply(200, &[], "{}"));
        assert_eq!(missing, Err(ErrorClass::CaptureFailed));
        let packed = reply(200, &[("content-encoding", "gzip")], "no gzip");
        assert_eq!(visit.learn(&plan, 0, &packed), Err(ErrorClass::Protocol));
    }

    fn names(plan: &Plan, numbers: std::ops::Range<u64>) -> Vec<String> {
        let field = Source::Field { data: 0, column: 0 };
        let name = |n| filled(&visit(plan, 1, n), plan, vec![gap(field, Encoding::Plain)]);
        numbers.map(name).collect()
    }

    #[test]
    fn rows_are_dealt_by_the_number_of_the_visit() {
        let mut plan = plan();
        plan.data = vec![set(DataOrder::Sequential, &["a", "b", "c"])];
        assert_eq!(names(&plan, 1..6), ["b", "c", "a", "b", "c"]);
        plan.data[0].order = DataOrder::Random;
        let random = names(&plan, 0..300);
        assert_eq!(random, names(&plan, 0..300));
        for name in ["a", "b", "c"] {
            let n = random.iter().filter(|r| *r == name).count();
            assert!((70..130).contains(&n), "{name}: {n}");
        }
        plan.seed += 1;
        assert_ne!(random, names(&plan, 0..300));
    }

    #[test]
    fn unique_rows_are_used_up_for_those_who_use_them() {
        let mut plan = plan();
        let data = set(DataOrder::Unique, &["a", "b"]);
        plan.data = vec![data.clone(), data];
        let field = Source::Field { data: 1, column: 0 };
        let name = template(vec![gap(field, Encoding::Header)]);
        plan.steps[1].request.headers = vec![("x-name".to_owned(), name)];
        let mut visit = Visit::new();
        assert_eq!(visit.begin(&plan, 0, 1), Ok(()));
        let used_up = Err(ErrorClass::GeneratorData);
        assert_eq!(visit.begin(&plan, 0, 2), used_up);
        assert_eq!(visit.begin(&plan, 0, u64::MAX), used_up);
        assert_eq!(visit.begin(&plan, 1, 2), Ok(()));
    }

    #[test]
    fn redirects_are_followed_from_where_the_last_one_led() {
        let plan = plan();
        let mut visit = visit(&plan, 0, 1);
        let url = Url {
            base: "/api".to_owned(),
            ..Url::http("shop.test", 80)
        };
        let mut follow = |followed, status, to: &str| {
            let fields = [("location", to), ("set-cookie", "seen=1")];
            visit.redirect(&plan, 0, followed, &reply(status, &fields, ""), &url)
        };
        let to = |method: &str, path: &str| {
            Ok(Some(Redirection {
                keeps_body: method == "POST",
                method: method.to_owned(),
                path: path.to_owned(),
            }))
        };
        assert_eq!(follow(0, 303, "done/now"), to("GET", "/api/done/now"));
        // It was turned into a GET before, and 307 keeps what it is now.
        assert_eq!(follow(1, 307, "later"), to("GET", "/api/done/later"));
        assert_eq!(follow(2, 302, "again"), Err(ErrorClass::Redirect));
        // A new attempt begins with the step's own request.
        assert_eq!(follow(0, 307, "there"), to("POST", "/api/there"));
        assert_eq!(
            follow(0, 302, "http://evil.test/"),
            Err(ErrorClass::Redirect)
        );
        assert_eq!(follow(0, 200, "/x"), Ok(None));
        assert_eq!(visit.cookie(), b"seen=1");
        let answer = reply(302, &[("location", "/x")], "");
        assert_eq!(visit.redirect(&plan, 1, 0, &answer, &url), Ok(None));
    }
}
