//! `docs/SANDBOX.md`, made from the code: `WEIR_UPDATE_DOCS=1 cargo nextest run --workspace -E 'test(sandbox_reference)'`.

use super::access::{READ_BY_VARIABLE, SYSTEM_READS, SYSTEM_WRITES};
use super::calls::{Limit, PURPOSES};
use std::fmt::Write as _;

#[test]
#[cfg(target_arch = "x86_64")]
fn sandbox_reference_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/SANDBOX.md");
    let written = reference();
    if std::env::var_os("WEIR_UPDATE_DOCS").is_some() {
        std::fs::write(path, &written).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap() == written,
        "docs/SANDBOX.md differs: see this file's comment"
    );
}

fn reference() -> String {
    let mut text = HEAD.to_owned();
    for place in SYSTEM_READS {
        writeln!(text, "- `{place}`").unwrap();
    }
    for variable in READ_BY_VARIABLE {
        writeln!(text, "- what `${variable}` names").unwrap();
    }
    text.push_str("\nThese can be written to besides: ");
    let written: Vec<_> = SYSTEM_WRITES.iter().map(|place| format!("`{place}`")).collect();
    writeln!(text, "{}.\n\n{CALLS}", written.join(", ")).unwrap();
    for purpose in PURPOSES {
        write!(text, "| {} |", purpose.text).unwrap();
        for (index, call) in purpose.calls.iter().enumerate() {
            let limit =
                if call.limit == Limit::Any { String::new() } else { format!(" ({})", call.limit.text()) };
            let comma = if index == 0 { "" } else { "," };
            write!(text, "{comma} `{}`{limit}", call.manual_name()).unwrap();
        }
        text.push_str(" |\n");
    }
    text
}

const HEAD: &str = "\
<!-- Made from src/sandbox by a test (src/sandbox/reference.rs); do not edit. -->
# What a confined Weir can still do

`weir run` confines itself when its ports are open, before it reads anything of strangers and before it starts any other thread:
`sandbox = \"auto\"` (the default) where a service manager started it, `\"on\"` always, and then it does not start where something does not
hold, `\"off\"` never. `weir status` says what holds. docs/SERVICE.md says how to loosen it.

## Capabilities

None are left: neither effective, permitted, inheritable nor ambient ones, and the bounding set is empty where the process had the right to empty
it. Interfaces are opened by the capture helper, a process of its own, which keeps `CAP_NET_RAW` and nothing else (docs/TAP.md).
`no_new_privs` is set: no program that it could start would get any back, and it can start none.

## Files (Landlock, Linux 5.13 and later; ABI 7 is asked for)

What the settings name is within reach, wherever it lies. Of a file it is the folder, since files are replaced by others of their name, rotated and
removed:

| to be read | to be written, made and removed |
|---|---|
| the folder of the configuration; files and folders of indicators, of sources, of screening; certificates, keys, secrets and templates | the state directory; the folders of `alerts`, `flows`, `names` and of sinks that write files; the folder of the control socket |

Nothing can be executed; no device, pipe, socket or symbolic link can be made. No TCP port can be bound (ABI 4), and neither abstract Unix
sockets (ABI 6) nor processes outside can be reached (signals, ABI 6; ptrace).

These can be read besides, as far as they are there:

";

const CALLS: &str = "\
## Calls of the kernel (seccomp)

Whatever is not in this list answers ENOSYS, among it `execve`, `fork`, `clone3`, `ptrace`, `bind`, `listen`, `mount`, `bpf`, `io_uring_setup`, `keyctl`,
`setns`, `unshare`, `kill`, `process_vm_readv`, `init_module`. Calls of another architecture kill the process.

| for | calls |
|---|---|";
