//! What a terminal shows while something is measured, what keys do, and how the terminal is left.
//!
//! `script` of util-linux makes the terminal; where it is missing there is nothing to try.

mod common;

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::{Workplace, alive};

const ROWS: usize = 24;
const COLUMNS: usize = 80;

/// Rounds of one second each, of two steps.
const SHOP: &str = r#"
name = "shop"

[target]
command = ["plimsoll", "demo-target", "--port", "{port}"]
ready = { get = "/health", status = 200, within = "20s" }

[[step]]
name = "home"
request = "GET /"

[[step]]
name = "items"
request = "GET /items"

[[phase]]
name = "steady"
rate = "100/s"
duration = "1s"
"#;

/// Nobody waits for the end of it.
fn long() -> String {
    SHOP.replace("\"1s\"", "\"120s\"")
}

/// What was written to a terminal, as it stands there now.
struct Picture {
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Picture {
    fn of(written: &[u8]) -> Self {
        let mut picture = Self {
            lines: vec![Vec::new()],
            row: 0,
            column: 0,
        };
        let text = String::from_utf8_lossy(written);
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\r' => picture.column = 0,
                '\n' => picture.feed(),
                '\u{1b}' => {
                    assert_eq!(letters.next(), Some('['), "only these sequences are used");
                    let mut number = String::new();
                    let last = letters.by_ref().find(|c| {
                        number.extend(Some(*c).filter(|c| !c.is_ascii_alphabetic()));
                        c.is_ascii_alphabetic()
                    });
                    picture.obey(last.expect("a whole sequence"), &number);
                }
                letter => picture.put(letter),
            }
        }
        picture
    }

    fn feed(&mut self) {
        self.row += 1;
        if self.row == self.lines.len() {
            self.lines.push(Vec::new());
        }
    }

    fn obey(&mut self, what: char, number: &str) {
        match what {
            // There is no way up beyond the first row that is shown.
            'A' => {
                let first = self.lines.len().saturating_sub(ROWS);
                let up: usize = number.parse().expect("a number of rows");
                self.row = self.row.saturating_sub(up).max(first);
            }
            'K' => self.lines[self.row].truncate(self.column),
            'J' => {
                self.lines[self.row].truncate(self.column);
                self.lines.truncate(self.row + 1);
            }
            'm' => {}
            other => panic!("nobody needs `{other}`"),
        }
    }

    fn put(&mut self, letter: char) {
        if self.column == COLUMNS {
            self.column = 0;
            self.feed();
        }
        let line = &mut self.lines[self.row];
        line.resize(line.len().max(self.column + 1), ' ');
        line[self.column] = letter;
        self.column += 1;
    }

    fn text(&self) -> String {
        let lines = self
            .lines
            .iter()
            .map(|line| line.iter().collect::<String>());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// How many lines begin so.
    fn count(&self, beginning: &str) -> usize {
        let text = self.text();
        text.lines().filter(|l| l.starts_with(beginning)).count()
    }
}

/// The binary on a terminal of its own.
struct OnTerminal {
    place: Workplace,
    script: Child,
    keys: ChildStdin,
    written: Arc<Mutex<Vec<u8>>>,
}

/// False, and said, where no terminal can be made.
#[expect(clippy::print_stdout, reason = "a test that skips says so")]
fn can_make_terminals() -> bool {
    let there = |name: &str, flag: &str| {
        let mut command = Command::new(name);
        command
            .arg(flag)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let can = there("script", "--version") && there("stty", "--version");
    if !can {
        println!("skipped: `script` or `stty` is missing here, so there is no terminal to try");
    }
    can
}

impl OnTerminal {
    /// Notes how the terminal was before and is afterwards, and the id of the process.
    fn start(scenario: &str, words: &[&str], env: &[(&str, &str)]) -> Self {
        let place = Workplace::new();
        place.write("scenarios/shop.toml", scenario);
        let quoted = |word: &&str| format!("'{word}'");
        let words: Vec<String> = words.iter().map(quoted).collect();
        place.write(
            "session.sh",
            &format!(
                "trap : INT QUIT TSTP\nulimit -c 0\nstty rows {ROWS} cols {COLUMNS}\nstty -g > before\n\
                 sh -c 'echo $$ > pid; exec \"$0\" \"$@\"' '{}' {}\n\
                 echo $? > code\nstty -g > after\n",
                env!("CARGO_BIN_EXE_plimsoll"),
                words.join(" ")
            ),
        );
        let mut script = Command::new("script")
            // What is between it and the shell would not know its traps.
            .args(["-q", "-f", "-c", "exec sh session.sh", "/dev/null"])
            .current_dir(place.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm")
            .env("LANG", "C.UTF-8")
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("script starts");
        let keys = script.stdin.take().expect("it is piped");
        let mut screen = script.stdout.take().expect("it is piped");
        let written = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&written);
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(n @ 1..) = screen.read(&mut piece) {
                heard
                    .lock()
                    .expect("nobody panics with it")
                    .extend(&piece[..n]);
            }
        });
        Self {
            place,
            script,
            keys,
            written,
        }
    }

    fn written(&self) -> Vec<u8> {
        self.written.lock().expect("nobody panics with it").clone()
    }

    fn press(&mut self, key: u8) {
        self.keys.write_all(&[key]).expect("somebody reads");
    }

    fn picture(&self) -> Picture {
        // What is written last may be cut in the middle of a sequence.
        let written = self.written();
        let end = written.iter().rposition(|b| *b == b'\n');
        Picture::of(&written[..end.map_or(0, |end| end + 1)])
    }

    fn waits_for(&self, what: &str) {
        self.waits_until(what, || self.picture().text().contains(what));
    }

    /// Waits for at most a generous time, and shows the terminal when it was in vain.
    fn waits_until(&self, what: &str, mut done: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !done() {
            let picture = self.picture().text();
            assert!(
                Instant::now() < deadline,
                "{what} never came true:\n{picture}"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn noted(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.place.path().join(name));
        text.unwrap_or_default().trim().to_owned()
    }

    fn pid(&self) -> u32 {
        self.waits_until("the process is there", || !self.noted("pid").is_empty());
        self.noted("pid").parse().expect("a process id")
    }

    fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let status = Command::new("kill").args([name, &pid]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Ends with that code, and the terminal is as it was.
    fn ends(mut self, code: u8) -> (Workplace, Picture) {
        self.waits_until("it ends", || !self.noted("after").is_empty());
        self.script.wait().expect("script ends");
        let picture = Picture::of(&self.written());
        assert_eq!(self.noted("code"), code.to_string(), "{}", picture.text());
        assert_eq!(
            self.noted("before"),
            self.noted("after"),
            "{}",
            picture.text()
        );
        assert!(!alive(self.noted("pid").parse().expect("a process id")));
        (self.place, picture)
    }
}

#[test]
fn keys_pause_stop_and_show_more_and_every_frame_takes_the_place_of_the_last() {
    if !can_make_terminals() {
        return;
    }
    let mut shop = OnTerminal::start(SHOP, &["run", "shop", "--rounds", "500"], &[]);
    shop.waits_for("answered");
    shop.waits_for("? keys");
    shop.press(b'p');
    shop.waits_for("paused: p goes on");
    let rounds = |shop: &OnTerminal| shop.picture().count("round ");
    let done = rounds(&shop);
    shop.press(b't');
    shop.waits_for("steps     home");
    shop.press(b'?');
    shop.waits_for("Ctrl-C  stop now");
    // All this time, and that of two rounds more, no other has begun.
    thread::sleep(Duration::from_millis(2_500));
    assert_eq!(rounds(&shop), done, "it is paused");
    shop.press(b'p');
    shop.waits_until("it goes on", || rounds(&shop) > done);
    shop.press(b's');
    let (place, picture) = shop.ends(0);
    let text = picture.text();
    for (beginning, times) in [
        ("requests  ", 1),
        ("phase  ", 0),
        ("keys  ", 0),
        ("paused: ", 1),
    ] {
        // The summary has a line of requests too.
        let found = picture.count(beginning) + picture.count(&format!("  {beginning}"));
        assert_eq!(found, times, "{beginning}\n{text}");
    }
    assert!(text.contains("stopped at the keyboard after"), "{text}");
    let json = place.run(&["report", "last", "--json"]).exits(0).json();
    let measured = json["rounds"].as_array().expect("a list").len();
    assert!((2..500).contains(&measured), "{measured} of 500 rounds");
    assert_eq!(json["verdict"]["word"], "measured", "{json:#}");
}

/// What ends a run from outside.
enum Way {
    Key(u8),
    Signal(&'static str),
}

#[test]
fn the_terminal_is_left_as_it_was_on_every_way_out() {
    if !can_make_terminals() {
        return;
    }
    let words = ["run", "shop"];
    let loaded = |scenario: &str| {
        let shop = OnTerminal::start(scenario, &words, &[]);
        shop.waits_for("answered");
        assert!(!shop.noted("before").is_empty());
        shop
    };
    let ways = [
        ("Ctrl-C", Way::Key(0x03), 130),
        ("SIGTERM", Way::Signal("-TERM"), 130),
        ("SIGHUP", Way::Signal("-HUP"), 130),
        ("Ctrl-\\", Way::Key(0x1c), 128 + 3),
    ];
    thread::scope(|scope| {
        for (name, way, code) in ways {
            let loaded = &loaded;
            scope.spawn(move || {
                let mut shop = loaded(&long());
                match way {
                    Way::Key(key) => shop.press(key),
                    Way::Signal(name) => shop.signal(name),
                }
                let (_, picture) = shop.ends(code);
                let text = picture.text();
                if code == 130 {
                    assert!(text.contains("PARTIAL"), "{name}: {text}");
                    assert!(!text.contains("0 rounds"), "{name}: {text}");
                    assert!(!text.contains("now: clean"), "{name}: {text}");
                }
            });
        }
        scope.spawn(|| {
            // The target ends by itself in the middle of a round.
            let target = format!(
                "[\"timeout\", \"3\", \"{}\"",
                env!("CARGO_BIN_EXE_plimsoll")
            );
            let dying = long().replace("[\"plimsoll\"", &target);
            let (_, picture) = loaded(&dying).ends(2);
            assert!(picture.text().contains("PL04"), "{}", picture.text());
        });
        scope.spawn(|| {
            let mut shop = loaded(&long());
            shop.press(0x03);
            shop.press(0x03);
            shop.ends(130);
        });
    });
}

#[test]
fn ctrl_z_gives_the_terminal_back_until_the_run_goes_on() {
    if !can_make_terminals() {
        return;
    }
    let mut shop = OnTerminal::start(&long(), &["run", "shop"], &[]);
    shop.waits_for("answered");
    let pid = shop.pid();
    let terminal = std::fs::read_link(format!("/proc/{pid}/fd/0")).expect("its terminal");
    let modes = || {
        let mut stty = Command::new("stty");
        let told = stty
            .arg("-g")
            .arg("-F")
            .arg(&terminal)
            .output()
            .expect("stty runs");
        String::from_utf8_lossy(&told.stdout).trim().to_owned()
    };
    shop.waits_until("the keys come singly", || modes() != shop.noted("before"));
    shop.press(0x1a);
    shop.waits_until("it is stopped", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with('T'))
    });
    assert_eq!(modes(), shop.noted("before"));
    shop.signal("-CONT");
    shop.waits_until("the keys come singly again", || {
        modes() != shop.noted("before")
    });
    shop.press(0x03);
    shop.ends(130);
}

#[test]
fn the_environment_decides_what_a_terminal_gets() {
    if !can_make_terminals() {
        return;
    }
    let written = |env: &[(&str, &str)]| {
        let shop = OnTerminal::start(SHOP, &["run", "shop"], env);
        shop.waits_until("it ends", || !shop.noted("after").is_empty());
        let mut shop = shop;
        shop.script.wait().expect("script ends");
        String::from_utf8(shop.written()).expect("UTF-8")
    };
    thread::scope(|scope| {
        let all = [
            &[][..],
            &[("NO_COLOR", "1")],
            &[("TERM", "dumb")],
            &[("CI", "true")],
            &[("LC_ALL", "C")],
        ];
        let all = all.map(|env| scope.spawn(move || written(env)));
        let [usual, plain, dumb, ci, ascii] = all.map(|one| one.join().expect("it ran"));
        let is_coloured = |text: &str| text.contains("\u{1b}[2m");
        let is_redrawn = |text: &str| text.contains("\u{1b}[J");
        assert!(is_coloured(&usual) && is_redrawn(&usual), "{usual}");
        assert!(!is_coloured(&plain) && is_redrawn(&plain), "{plain}");
        assert!(!dumb.contains('\u{1b}'), "{dumb}");
        assert!(is_coloured(&ci) && !is_redrawn(&ci), "{ci}");
        assert!(ascii.is_ascii() && is_redrawn(&ascii), "{ascii}");
        assert!(!usual.is_ascii());
    });
}
