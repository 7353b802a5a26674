//! The page of a bundle: one offline file that lists all others.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Occasion, Waiting};
use crate::model::{ProcessSeen, Unread};
use crate::units::Bytes;
use crate::untrusted::Untrusted;

/// Groups of threads that are shown.
const GROUPS: usize = 30;

/// What the page shows.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) occasion: &'a Occasion,
    pub(super) processes: &'a [ProcessSeen],
    pub(super) groups: &'a [Waiting],
    pub(super) listed: &'a [Listed],
    pub(super) unread: &'a [Unread],
    /// How many were looked for.
    pub(super) secrets: usize,
    /// True when there are others.
    pub(super) partial: bool,
}

/// A file of the bundle.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    pub(super) path: String,
    pub(super) tells: String,
    pub(super) bytes: usize,
    /// True when there was more of it.
    pub(super) cut: bool,
    /// Places where a secret was taken out.
    pub(super) redacted: usize,
}

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}\
table{border-collapse:collapse;width:100%}\
th,td{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #8884}\
td.number{text-align:right;font-variant-numeric:tabular-nums}\
code,li.where{font-family:ui-monospace,monospace;font-size:.92em}";

/// Well-formed as XML too; it asks for nothing.
pub(super) fn html(page: &Page<'_>) -> String {
    let occasion = page.occasion;
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n\
         <title>Diagnostic bundle: {subject}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>Diagnostic bundle: {subject}</h1>\n<p>{why}</p>\n\
         <p>Taken at {at} by Plimsoll {version}. {secrets}</p>\n",
        subject = escaped(&occasion.subject),
        why = escaped(&occasion.why),
        at = escaped(&occasion.taken_at),
        version = escaped(&occasion.version),
        secrets = secrets(page),
    );
    waiting(&mut out, page.groups);
    processes(&mut out, page.processes);
    files(&mut out, page.listed);
    unread(&mut out, page.unread);
    out.push_str("</body>\n</html>\n");
    out
}

fn escaped(text: &str) -> String {
    Untrusted::from(text).markup()
}

fn secrets(page: &Page<'_>) -> String {
    let cut: usize = page.listed.iter().map(|l| l.redacted).sum();
    let looked = match page.secrets {
        0 => "No secret was known to look for; what follows a telling name, such as <code>password=</code>, was taken out of what others wrote.".to_owned(),
        n => format!("{n} secrets were looked for in every file, in every encoding, and taken out in {cut} places."),
    };
    if page.partial {
        format!("{looked} Others are not known here, so what others wrote is left out.")
    } else {
        looked
    }
}

fn waiting(out: &mut String, groups: &[Waiting]) {
    if groups.is_empty() {
        return;
    }
    out.push_str("<h2>What the threads wait for</h2>\n<ul>\n");
    for group in groups.iter().take(GROUPS) {
        let _ = writeln!(
            out,
            "<li class=\"where\">{}</li>",
            escaped(&group.sentence())
        );
    }
    out.push_str("</ul>\n");
    if groups.len() > GROUPS {
        let more = groups.len() - GROUPS;
        let _ = writeln!(
            out,
            "<p>{more} more groups are in <code>threads.txt</code>.</p>"
        );
    }
}

fn processes(out: &mut String, processes: &[ProcessSeen]) {
    if processes.is_empty() {
        return;
    }
    out.push_str("<h2>Processes</h2>\n<table>\n<tr><th>id</th><th>name</th><th>state</th><th>threads</th><th>resident</th><th>descriptors</th></tr>\n");
    for process in processes {
        let number = |n: Option<String>| n.unwrap_or_else(|| "–".to_owned());
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
            process.pid,
            process.name.markup(),
            escaped(&process.state.to_string()),
            process.threads,
            number(process.resident.map(|b| b.to_string())),
            number(process.descriptors.map(|n| n.to_string())),
        );
    }
    out.push_str("</table>\n");
}

fn files(out: &mut String, listed: &[Listed]) {
    out.push_str("<h2>Files</h2>\n<table>\n<tr><th>file</th><th>tells</th><th>size</th></tr>\n");
    for file in listed {
        let path = escaped(&file.path);
        let cut = if file.cut { "; not all of it" } else { "" };
        let _ = writeln!(
            out,
            "<tr><td><a href=\"{path}\">{path}</a></td><td>{}{cut}</td><td class=\"number\">{}</td></tr>",
            escaped(&file.tells),
            Bytes(file.bytes as u64),
        );
    }
    out.push_str("</table>\n");
}

fn unread(out: &mut String, unread: &[Unread]) {
    out.push_str("<h2>What is not here</h2>\n");
    if unread.is_empty() {
        out.push_str("<p>Everything could be read.</p>\n");
        return;
    }
    out.push_str("<table>\n<tr><th>what</th><th>why</th></tr>\n");
    for missing in unread {
        let (what, why) = (escaped(&missing.what), escaped(&missing.why));
        let _ = writeln!(out, "<tr><td>{what}</td><td>{why}</td></tr>");
    }
    out.push_str("</table>\n");
}
