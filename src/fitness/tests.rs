//! What is said of machines that are made up.

use super::judge;
use crate::model::{
    Activity, Checkup, CpuQuota, DiskDelay, Fitness, Frequency, Hardware, HugePages,
    InstrumentError, LimitsFound, Readiness, Survey, Turbo, TurboSwitch,
};
use crate::units::{Bytes, Nanos};

/// A bare machine that is set up for measuring, and idle.
fn quiet() -> Survey {
    Survey {
        hardware: Hardware {
            model: Some("Test CPU".to_owned()),
            cpus: (0..4).collect(),
            allowed: (0..4).collect(),
            governors: vec!["performance".to_owned()],
            frequency: Some(Frequency {
                least: 800_000,
                base: Some(2_400_000),
                most: 3_600_000,
            }),
            turbo: Some(Turbo {
                on: false,
                switch: TurboSwitch::IntelPstate,
            }),
            clock_source: Some("tsc".to_owned()),
            huge_pages: Some(HugePages {
                enabled: "always".to_owned(),
                defrag: Some("madvise".to_owned()),
            }),
            ..Hardware::default()
        },
        activity: Activity {
            steal: Some(0.0),
            busy: Some(0.02),
            cpu_pressure: Some(0.01),
            memory_pressure: Some(0.0),
            io_pressure: Some(0.0),
            swapped_in: Some(0.0),
            lateness: Some(Nanos(60_000)),
            clock_reading: Some(Nanos(25)),
            load: Some(0.2),
            memory_available: Some(Bytes(8 << 30)),
        },
        limits: LimitsFound {
            descriptors: Some(65_536),
            descriptors_at_most: Some(65_536),
            ports: Some(28_232),
            backlog: Some(4096),
        },
        disk: Some(DiskDelay {
            median: Nanos(400_000),
            worst: Nanos::from_millis(2),
            writes: 20,
        }),
        instrument: Some(InstrumentError {
            schema: 2,
            measured_at: "2026-11-20T10:00:00Z".to_owned(),
            machine: "this".to_owned(),
            errors: [
                ("p50".to_owned(), Nanos(12_000)),
                ("p99".to_owned(), Nanos(116_000)),
            ]
            .into(),
        }),
    }
}

/// What is said against a machine.
fn said(checkup: &Checkup) -> String {
    let all = checkup.readings.iter().filter(|r| r.costs.is_some());
    let lines = all.map(|r| {
        let (costs, mend) = (r.costs.as_deref(), r.mend.as_deref());
        format!(
            "{}  {}: {}\n  {}\n  {}",
            r.verdict.word(),
            r.name,
            r.value,
            costs.unwrap_or("nothing"),
            mend.unwrap_or("nothing")
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_quiet_machine_is_fit_and_nothing_is_said_against_it() {
    let checkup = judge(&quiet());
    assert_eq!(said(&checkup), "");
    assert_eq!(checkup.verdict, Readiness::Fit);
}

#[test]
fn how_it_is_set_up_costs_by_numbers() {
    let mut survey = quiet();
    survey.hardware = Hardware {
        siblings: vec![vec![0, 2], vec![1, 3]],
        governors: vec!["powersave".to_owned()],
        turbo: Some(Turbo {
            on: true,
            switch: TurboSwitch::Boost,
        }),
        clock_source: Some("hpet".to_owned()),
        huge_pages: Some(HugePages {
            enabled: "always".to_owned(),
            defrag: Some("always".to_owned()),
        }),
        quota: Some(CpuQuota {
            time: Nanos::from_millis(150),
            period: Nanos::from_millis(100),
            throttled: Some(7),
        }),
        memory_limit: Some(Bytes(256 << 20)),
        ..survey.hardware
    };
    let checkup = judge(&survey);
    assert_eq!(checkup.verdict, Readiness::Costly);
    insta::assert_snapshot!(said(&checkup));
}

#[test]
fn what_happens_now_spoils_by_the_limits_of_a_round() {
    let mut survey = quiet();
    survey.activity = Activity {
        steal: Some(0.31),
        busy: Some(0.9),
        cpu_pressure: Some(0.6),
        memory_pressure: Some(0.2),
        io_pressure: Some(0.5),
        swapped_in: Some(400.0),
        lateness: Some(Nanos::from_millis(4)),
        clock_reading: Some(Nanos(1_100)),
        load: Some(7.5),
        memory_available: Some(Bytes(100 << 20)),
    };
    let checkup = judge(&survey);
    assert_eq!(checkup.verdict, Readiness::Unfit);
    assert_eq!(checkup.those_that(Fitness::Spoils).count(), 4);
    insta::assert_snapshot!(said(&checkup));
}

#[test]
fn what_a_load_may_run_into_is_said_with_how_much_is_left() {
    let mut survey = quiet();
    survey.limits = LimitsFound {
        descriptors: Some(1024),
        descriptors_at_most: Some(1_048_576),
        ports: Some(1000),
        backlog: Some(128),
    };
    survey.disk = Some(DiskDelay {
        median: Nanos::from_millis(3),
        worst: Nanos::from_millis(1200),
        writes: 20,
    });
    survey.instrument = None;
    let checkup = judge(&survey);
    assert_eq!(checkup.verdict, Readiness::Unfit, "the record falls behind");
    insta::assert_snapshot!(said(&checkup));
    survey.limits.descriptors_at_most = Some(1024);
    let raised = judge(&survey);
    let files = raised.readings.iter().find(|r| r.name == "open files");
    let mend = files.and_then(|r| r.mend.clone()).expect("a way out");
    assert!(mend.contains("hard limit"), "{mend}");
}

#[test]
fn a_machine_that_tells_nothing_is_not_held_against_it() {
    let checkup = judge(&Survey::default());
    assert_eq!(checkup.verdict, Readiness::Fit);
    let told: Vec<_> = checkup.those_that(Fitness::Fine).map(|r| r.name).collect();
    assert_eq!(
        told,
        ["CPU quota", "memory limit"],
        "no limit is said to be none"
    );
    let pressure = checkup.readings.iter().find(|r| r.name == "CPU pressure");
    assert!(pressure.is_some_and(|r| r.mend.is_some()));
}

#[test]
fn cpus_set_apart_are_offered_and_those_in_use_are_not() {
    let mut survey = quiet();
    survey.hardware.isolated = vec![2, 3];
    assert_eq!(said(&judge(&survey)), "", "they are used");
    survey.hardware.allowed = vec![0, 1];
    let said = said(&judge(&survey));
    assert!(said.contains("taskset -c 2-3 plimsoll"), "{said}");
    survey.hardware.allowed = vec![1];
    assert_eq!(judge(&survey).verdict, Readiness::Costly);
}
