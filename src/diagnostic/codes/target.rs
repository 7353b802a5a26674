//! PL04: the thing under load.

super::codes! {
    NOT_READY = "PL0401", "the target did not become ready",
        "Before any load is sent the target must answer the ready probe (by default: accept a connection). It did not within the time allowed.",
        "ready = { get = \"/health\", status = 200, within = \"10s\" }";
    NOT_FOUND = "PL0402", "the target's program was not found",
        "The first word of `command` is the program to start: a path from the directory Plimsoll runs in, or a name found on PATH. \
         There is no such program. Most often it has not been built yet.",
        "command = [\"target/release/shop\", \"--port\", \"{port}\"]     (target/release/shop does not exist)";
    CANNOT_START = "PL0403", "the target could not be started",
        "The operating system refused to start the program: it may not be executable, or a limit of processes or descriptors is reached.",
        "cannot start `./shop`: Permission denied";
    EXITED_EARLY = "PL0404", "the target ended by itself",
        "Plimsoll starts the target and stops it; in between it must run. It ended before that, and the last lines it wrote say most about why. \
         A round without its target is no measurement.",
        "the target ended with exit status 1: address already in use";
    BAD_FAULT = "PL0405", "no fault of the demo target",
        "The demo target can be made slow, stalled or hanging: `slow=ENDPOINT:SHARE` adds CPU work to one endpoint, `stall=AT:FOR` holds all \
         answers back for a while, counted from the first request, and `hang=SHARE` never answers that share of the requests. It can also be given \
         a symptom by its name, as `leak` or `leak:at=10s,for=20s,strength=0.8`; `plimsoll demo-target --help` lists them.",
        "plimsoll demo-target --fault slow=pay:20% --fault stall=5s:2s --fault leak:at=10s";
    NO_PORT = "PL0406", "no free local port",
        "A target that Plimsoll starts is given a free local port, and this machine has none to give.",
        "net.ipv4.ip_local_port_range = 60000 60010";
    UNRESOLVED = "PL0407", "the host has no address",
        "The host name of the target's URL does not resolve to an address on this machine.",
        "url = \"http://shop.invalid:8080\"";
    NOT_SERVING = "PL0408", "the demo target cannot serve",
        "The built-in demo target could not bind its port on 127.0.0.1 or start its threads.",
        "plimsoll demo-target --port 80        (permission denied)";
    PORT_TAKEN = "PL0409", "somebody else listens on the target's port",
        "The target is started by Plimsoll and listens on a port written in its URL, and something answered there before it was started: \
         most often an instance left running by hand. Its numbers would be taken for those of the target.",
        "url = \"http://127.0.0.1:8080\"\ncommand = [\"./shop\"]                         # another ./shop holds 8080";
    NO_TLS = "PL0410", "no TLS can be spoken with what the scenario gives",
        "The target's URL is https, and the certificates or the key that the scenario names cannot be used, or it names none to trust and this \
         system has none either. Nothing was sent.",
        "tls = { certificate = \"client.pem\", key = \"other.key\" }     (the key is not that of the certificate)";
    NO_PROCESS = "PL0411", "no process of the target was found",
        "The scenario says which processes the target is, and there are none. They may have another name, id or control group, or belong to \
         another user: who listens on a port is seen by looking through the descriptors of all processes, which only their owner and root may do.",
        "process = { port = 8080 }                                 # `ss -ltnp` shows who listens";
    UNHEALTHY = "PL0412", "the target is not well before the load",
        "Before each round every [[health]] probe must be answered as it says: in time, with its status or any 2xx. One was not. A target that \
         is already ill would be measured ill, and its numbers would be compared with those of a healthy one.",
        "[[health]]\nname = \"database\"\nget = \"/health/database\"                      # answered 503";
    LIMITS = "PL0413", "the limits of the target cannot be set",
        "`limits` of [target] holds each process of the command to an amount of memory and a number of open files. They are set on the way to \
         the program, and nobody may give others more than they have. The target was not started.",
        "limits = { open-files = 1000000 }                         # `ulimit -Hn` says 4096";
}
