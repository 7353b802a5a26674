//! The machine at that moment.

use super::super::machine::fingerprint;
use super::patient::Patient;
use super::{Wanted, take};
use crate::model::{Exhibit, Snapshot, Unread};

/// Taken as they are.
const FILES: [(&str, &str); 11] = [
    ("loadavg", "how many tasks were runnable"),
    ("meminfo", "the memory of the machine"),
    ("pressure/cpu", "how much tasks waited for a CPU"),
    ("pressure/memory", "how much they waited for memory"),
    ("pressure/io", "how much they waited for disks"),
    ("vmstat", "paging, swapping and reclaiming"),
    ("stat", "CPU time by kind, steal included"),
    ("uptime", "how long it has been up"),
    ("net/sockstat", "sockets and their memory"),
    ("net/snmp", "retransmissions, resets and refusals"),
    ("sys/fs/file-nr", "open files and the most there may be"),
];

/// Reads the machine.
pub(super) fn read(patient: &mut Patient, snapshot: &mut Snapshot) {
    let wanted = FILES.map(|(name, tells)| Wanted {
        from: format!("/proc/{name}"),
        to: format!("host/{}", name.replace('/', "-")),
        tells,
    });
    take(patient, wanted.to_vec(), snapshot);
    let found = patient.gather(|tell| {
        let _ = tell.send(fingerprint(env!("CARGO_PKG_VERSION")));
    });
    match (found.pieces.into_iter().next(), found.end) {
        (Some(machine), _) => {
            let text = format!(
                "cpu {}\ncores {}\narchitecture {}\nkernel {}\nmemory {} MiB\nCPU quota of Plimsoll {}\ngovernor {}\n",
                machine.cpu_model,
                machine.cores,
                machine.architecture,
                machine.kernel,
                machine.memory_mib,
                machine.cpu_quota,
                machine.governor,
            );
            let tells = "processor, kernel and size of the machine";
            snapshot
                .exhibits
                .push(Exhibit::new("host/machine.txt", tells, text));
        }
        (None, end) => {
            let why = end.err().map_or_else(String::new, |why| why.to_string());
            snapshot.unread.push(Unread::new("what machine it is", why));
        }
    }
}
