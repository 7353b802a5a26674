//! Load goes to hosts that were named, to nobody else, and stops when it does harm.

use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use crate::common::listener::{Listener, answer};
use crate::common::{Ended, Manner, Server, Workplace};
use plimsoll::mutant::Mutant;
use plimsoll::scenario::{Astray, check_address, check_host, parse_url};

#[cfg_attr(
    not(feature = "mutants"),
    expect(dead_code, reason = "read by mutants")
)]
pub(crate) const KILLS: &[(Mutant, &str)] = &[
    (
        Mutant::MetadataAllowed,
        "hosts::a_metadata_service_is_never_loaded_however_it_is_written",
    ),
    (
        Mutant::HostsUnasked,
        "hosts::whoever_was_not_named_is_not_loaded",
    ),
    (
        Mutant::ResolvedUnseen,
        "hosts::where_a_name_leads_is_looked_at",
    ),
    (
        Mutant::NameNotPinned,
        "hosts::the_address_that_was_looked_at_is_the_one_connected_to",
    ),
    (
        Mutant::RedirectAnywhere,
        "hosts::a_redirect_to_another_host_is_not_followed",
    ),
    (
        Mutant::GuardUnheard,
        "hosts::the_load_stops_within_a_second_of_the_guard",
    ),
];

/// The metadata services of clouds as one would write them in a URL, each more hidden than the last.
const METADATA: [&str; 49] = [
    "169.254.169.254",
    "169.254.169.254.",
    "169.254.169.253",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    // The same as one number, in parts, in octal, in hexadecimal, in several of them.
    "2852039166",
    "0xA9FEA9FE",
    "0xa9fea9fe",
    "025177524776",
    "169.254.43518",
    "169.16689662",
    "0xa9.254.169.254",
    "0251.0376.0251.0376",
    "0xa9.0xfe.0xa9.0xfe",
    "0251.254.0xa9.254",
    "169.254.169.0xfe",
    "00000251.0376.0251.0376",
    "4294967296169.254.169.254",
    "425.510.425.510",
    // IPv6 that leads to it.
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[0:0:0:0:0:ffff:a9fe:a9fe]",
    "[::169.254.169.254]",
    "[::a9fe:a9fe]",
    "[::ffff:0:a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b:1::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]",
    "[2002:a9fe:a9fe::1]",
    "[fe80::5efe:a9fe:a9fe]",
    "[fe80::200:5efe:169.254.169.254]",
    "[::ffff:100.100.100.200]",
    "[fd00:ec2::254]",
    "[FD00:0EC2:0000::0254]",
    "[fd00:ec2::253]",
    "[fd20:ce::254]",
    // Names.
    "metadata.google.internal",
    "metadata.google.internal.",
    "METADATA.Google.Internal",
    "metadata.goog",
    "instance-data",
    "instance-data.ec2.internal",
    // What some programs take for it.
    "169.254.169.254%00.shop.example",
    "shop.example@169.254.169.254",
    "169。254。169。254",
    "①⑥⑨.②⑤④.①⑥⑨.②⑤④",
];

#[test]
fn a_metadata_service_is_never_loaded_however_it_is_written() {
    for written in METADATA {
        let bare = written.trim_matches(['[', ']']).trim_end_matches('.');
        // Allowed by every name it could have.
        let allowed: Vec<String> = [written, bare, "169.254.169.254", "shop.example"]
            .into_iter()
            .flat_map(|host| [host.to_owned(), format!("{host}:80")])
            .collect();
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{written}:80/latest/meta-data");
            let loaded = parse_url(&url).and_then(|url| check_host(&url, &allowed).map(|()| url));
            let refused = loaded.expect_err(written).code.id;
            assert!(["PL0118", "PL0121"].contains(&refused), "{url}: {refused}");
        }
    }
    // The whole way, by every door: a quick run, a scenario, the place connected to, a hook.
    let place = Workplace::new();
    let scenario = |target: &str| {
        format!(
            "name = \"a\"\n[target]\n{target}\n[[step]]\nname = \"s\"\nrequest = \"GET /\"\n\
             [[phase]]\nname = \"p\"\nrate = \"1/s\"\nduration = \"1s\"\n"
        )
    };
    place.write(
        "scenarios/url.toml",
        &scenario("url = \"http://169.254.169.254\""),
    );
    place.write(
        "scenarios/elsewhere.toml",
        &scenario(
            "url = \"http://127.0.0.1:9\"\nhttp = { connect-to = \"[::ffff:a9fe:a9fe]:80\" }",
        ),
    );
    place.write(
        "scenarios/fine.toml",
        &scenario("url = \"http://127.0.0.1:9\""),
    );
    place.write("plimsoll.toml", "allow-hosts = [\"169.254.169.254\"]\n");
    for args in [
        &["run", "http://169.254.169.254/"][..],
        &["run", "http://[64:ff9b::a9fe:a9fe]/"],
        &["run", "url"],
        &["run", "elsewhere"],
        &["run", "fine", "--notify", "http://169.254.169.254/"],
        &["check", "fine", "--against-url", "http://169.254.169.254/"],
    ] {
        let ended = place.run(args).exits(2);
        assert!(
            ended.stderr.contains("PL0121"),
            "{args:?}: {}",
            ended.stderr
        );
    }
    assert!(place.runs().is_empty(), "nothing was begun");
    println!(
        "S9: metadata services in {} of {} spellings refused, and by 6 of 6 doors",
        METADATA.len(),
        METADATA.len()
    );
}

#[test]
fn whoever_was_not_named_is_not_loaded() {
    const STRANGERS: [&str; 24] = [
        "shop.example",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "0.0.0.0",
        "8.8.8.8",
        "255.255.255.255",
        "224.0.0.1",
        "169.254.1.1",
        "128.0.0.1",
        "126.255.255.255",
        "[::]",
        "[fe80::1]",
        "[fd00::1]",
        "[2001:db8::1]",
        "[::ffff:10.0.0.1]",
        "[::ffff:8.8.8.8]",
        "localhost.example",
        "127.0.0.1.example",
        "localhost.localdomain",
        "notlocalhost",
        "local-host",
        "loopback",
        "ip6-localhost",
    ];
    let check = |host: &str, allowed: &[&str]| {
        let allowed: Vec<_> = allowed.iter().map(|&a| a.to_owned()).collect();
        let url = parse_url(&format!("http://{host}:8080")).expect("a URL");
        check_host(&url, &allowed).map_err(|d| d.code.id)
    };
    for host in STRANGERS {
        let bare = host.trim_matches(['[', ']']);
        assert_eq!(check(host, &[]), Err("PL0120"), "{host}");
        assert_eq!(
            check(host, &["example", "*", "", ".", &format!("{bare}:1")]),
            Err("PL0120")
        );
    }
    // Nothing is sent to a stranger: not a little, and not slowly.
    let place = Workplace::new();
    let refused = |args: &[&str]| {
        let ended = place.run(args).exits(2);
        assert!(
            ended.stderr.contains("PL0120"),
            "{args:?}: {}",
            ended.stderr
        );
    };
    let url = "http://stranger.invalid:8080/";
    refused(&["run", url, "--rate", "1/s", "--for", "1s"]);
    refused(&["run", url, "--dry-run"]);
    // Named in the file of the project, or on the command line, it is.
    place.write(
        "plimsoll.toml",
        "allow-hosts = [\"stranger.invalid:8080\"]\n",
    );
    place.run(&["run", url, "--dry-run"]).exits(0);
    refused(&["run", "http://stranger.invalid/", "--dry-run"]);
    let other = "http://other.invalid/";
    place
        .run(&["run", other, "--dry-run", "--allow-host", "other.invalid"])
        .exits(0);
    refused(&["run", other, "--dry-run"]);
    println!(
        "S9: {} of {} strangers refused without permission",
        STRANGERS.len(),
        STRANGERS.len()
    );
}

#[test]
fn where_a_name_leads_is_looked_at() {
    let to = |host: &str, address: &str| {
        check_address(host, address.parse::<IpAddr>().expect("an address"))
    };
    for never in [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "fd00:ec2::254",
        "100.100.100.200",
    ] {
        for host in ["shop.example", "localhost", never] {
            assert_eq!(to(host, never), Err(Astray::Metadata), "{host} → {never}");
        }
    }
    for here in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(to("localhost", here), Ok(()), "{here}");
        assert_eq!(to("shop.example", here), Ok(()), "{here}");
    }
    for elsewhere in [
        "10.0.0.1",
        "8.8.8.8",
        "fe80::1",
        "::ffff:10.0.0.1",
        "0.0.0.0",
    ] {
        assert_eq!(
            to("localhost", elsewhere),
            Err(Astray::Elsewhere),
            "{elsewhere}"
        );
        assert_eq!(to("shop.example", elsewhere), Ok(()), "it was asked for");
    }
    assert_eq!(to("LocalHost", "10.0.0.1"), Err(Astray::Elsewhere));
}

#[test]
fn a_name_in_the_hosts_file_that_leads_astray_is_refused() {
    // In a name space of its own the file is another one.
    let within = |place: &Workplace, hosts: &str, args: &[&str]| {
        let file = place.write("hosts", hosts);
        let binary = place.command(args);
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
        command.arg("mount --bind \"$0\" /etc/hosts && exec \"$@\"");
        command
            .arg(file)
            .arg(binary.get_program())
            .args(binary.get_args());
        command.current_dir(place.path());
        Ended::from(command.output().expect("unshare starts"))
    };
    let able = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "true"])
        .status();
    if !able.is_ok_and(|status| status.success()) {
        println!("skipped: no name spaces can be made here");
        return;
    }
    let place = Workplace::new();
    let run = |hosts: &str, url: &str| {
        let args = [
            "run",
            url,
            "--rate",
            "5/s",
            "--for",
            "1s",
            "--allow-host",
            "shop.invalid",
        ];
        within(&place, hosts, &args)
    };
    let ended = run("169.254.169.254 shop.invalid\n", "http://shop.invalid/").exits(2);
    assert!(ended.stderr.contains("PL0121"), "{}", ended.stderr);
    let ended = run(
        "::ffff:169.254.169.254 shop.invalid\n",
        "http://shop.invalid/",
    )
    .exits(2);
    assert!(ended.stderr.contains("PL0121"), "{}", ended.stderr);
    let ended = run("192.0.2.1 localhost\n", "http://localhost/").exits(2);
    assert!(ended.stderr.contains("PL0120"), "{}", ended.stderr);
    let server = Server::start(Manner::Prompt);
    let url = server.url().replace("127.0.0.1", "shop.invalid");
    run("127.0.0.1 shop.invalid\n", &url).exits(0);
    assert!(server.requests() > 0);
    println!("S9: 3 of 3 names that the hosts file leads astray refused, and 1 of 1 others loaded");
}

#[test]
fn the_address_that_was_looked_at_is_the_one_connected_to() {
    // The name of the target leads nowhere: whoever looked it up again would reach nobody.
    let server = Server::start(Manner::Prompt);
    let address = server.url();
    let address = address.trim_start_matches("http://").trim_end_matches('/');
    let place = Workplace::new();
    for (name, load) in [("engine", "rate = \"20/s\""), ("users", "users = 2")] {
        let before = server.requests();
        let text = format!(
            "name = \"{name}\"\n[target]\nurl = \"http://shop.invalid\"\nhttp = {{ connect-to = \"{address}\" }}\n\
             [[step]]\nname = \"s\"\nrequest = \"GET /\"\n[[phase]]\nname = \"p\"\n{load}\nduration = \"1s\"\n"
        );
        place.write(&format!("scenarios/{name}.toml"), &text);
        let ended = place.run(&["run", name, "--allow-host", "shop.invalid"]);
        assert!(server.requests() > before + 2, "{name}: {}", ended.stderr);
        ended.exits(0);
    }
}

#[test]
fn a_redirect_to_another_host_is_not_followed() {
    const ELSEWHERE: [&str; 8] = [
        "http://10.0.0.1/followed",
        "https://127.0.0.1/followed",
        "http://169.254.169.254/followed",
        "http://localhost/followed",
        "//shop.example/followed",
        "http://127.0.0.1:1/followed",
        "file:///followed",
        "gopher://127.0.0.1/followed",
    ];
    let target = Listener::answering(|asked| {
        let number: usize = asked.path.trim_start_matches('/').parse().unwrap_or(0);
        let location = ELSEWHERE[number % ELSEWHERE.len()];
        format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
    });
    let place = Workplace::new();
    for (name, load) in [("engine", "rate = \"40/s\""), ("users", "users = 4")] {
        let steps: String = (0..ELSEWHERE.len())
            .map(|i| format!("[[step]]\nname = \"s{i}\"\nrequest = \"GET /{i}\"\nredirects = 3\n"))
            .collect();
        let text = format!(
            "name = \"{name}\"\n[target]\nurl = \"http://{}\"\n{steps}[[phase]]\nname = \"p\"\n{load}\nduration = \"1s\"\n",
            target.address
        );
        place.write(&format!("scenarios/{name}.toml"), &text);
        place.run(&["run", name]);
    }
    let asked = target.asked();
    assert!(asked.len() > 40, "it was loaded: {}", asked.len());
    let followed = asked.iter().filter(|a| a.path.contains("followed"));
    assert_eq!(
        followed.count(),
        0,
        "a redirect was taken for one of the target's own"
    );
    println!(
        "S9: 0 of {} redirects to {} kinds of other places followed",
        asked.len(),
        ELSEWHERE.len()
    );
}

#[test]
fn no_proxy_of_the_environment_is_used() {
    let proxy = Listener::answering(|_| answer("200 OK", ""));
    let server = Server::start(Manner::Prompt);
    let place = Workplace::new();
    let text = format!(
        "name = \"both\"\n[target]\nurl = \"{}\"\n[[step]]\nname = \"s\"\nrequest = \"GET /\"\n\
         [[phase]]\nname = \"a\"\nrate = \"20/s\"\nduration = \"500ms\"\n\
         [[phase]]\nname = \"b\"\nusers = 2\nduration = \"500ms\"\n",
        server.url()
    );
    place.write("scenarios/both.toml", &text);
    let hook = server.url();
    let mut command = place.command(&["run", "both", "--notify", &hook, "--notify-on", "always"]);
    for name in [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "all_proxy",
    ] {
        command.env(name, format!("http://{}", proxy.address));
    }
    Ended::from(command.output().expect("it starts")).exits(0);
    assert!(server.requests() > 10);
    assert_eq!(proxy.asked().len(), 0, "it was asked");
}

#[test]
fn the_load_stops_within_a_second_of_the_guard() {
    const REST: Duration = Duration::from_secs(4);
    const LEAST: Duration = Duration::from_secs(3);
    let target = Listener::answering(|_| answer("500 Broken", ""));
    let place = Workplace::new();
    let text = format!(
        "name = \"harm\"\n[target]\nurl = \"http://{}\"\n[[step]]\nname = \"s\"\nrequest = \"GET /\"\n\
         [[phase]]\nname = \"p\"\nrate = \"100/s\"\nduration = \"7s\"\n\
         [guard]\nerrors-over = \"50%\"\nwithin = \"1s\"\nrest = \"4s\"\n",
        target.address
    );
    place.write("scenarios/harm.toml", &text);
    let ended = place.run(&["run", "harm"]).exits(1);
    assert!(
        ended.stderr.contains("the guard opened"),
        "{}",
        ended.stderr
    );
    let asked = target.asked();
    // What it had sent when the guard opened is still on its way; then it is silent for the rest.
    let gaps = asked.windows(2).map(|pair| pair[1].at - pair[0].at);
    let silence = gaps.max().expect("requests");
    assert!(silence >= LEAST, "{silence:?} of {REST:?} were silent");
    println!(
        "S9: silent for {:.2} s of the 4 s that the guard was open: stopped after {:.2} s",
        silence.as_secs_f64(),
        REST.saturating_sub(silence).as_secs_f64()
    );
}
