//! `weir doctor` in namespaces in which each fault was made on purpose, and where there is none.
//!
//! Needs root (namespaces), `ip` and `ethtool`; says so and passes where there are none.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests: what goes wrong here shall fail, and what is skipped is said"
)]

mod common;

use serde_json::Value;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// A network namespace with a virtual wire: `tap0`, and `out0` at the other end.
struct Net(String);

/// Exit code, the whole, and verdicts by what they are about.
type Said = (i32, Value, Vec<(String, String)>);

impl Net {
    fn new() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let net = Self(format!("wd{}x{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        if Command::new("ethtool").arg("--version").output().is_err() || !run("ip", &["netns", "add", &net.0])
        {
            println!("skipped: needs root, ip and ethtool");
            return None;
        }
        net.inside(&["ip", "link", "add", "tap0", "type", "veth", "peer", "name", "out0"]);
        for interface in ["lo", "tap0", "out0"] {
            net.inside(&["ip", "link", "set", interface, "up"]);
        }
        Some(net)
    }

    fn inside(&self, command: &[&str]) {
        assert!(run("ip", &[&["netns", "exec", &self.0], command].concat()), "{command:?}");
    }

    /// What the doctor says of a configuration, after some commands of a shell that only it sees (mounts, limits).
    fn doctor(&self, folder: &Path, config: &str, before: &str, more: &str) -> Said {
        self.examined(folder, config, before, "", more)
    }

    /// The same where the kernel refuses a call.
    #[cfg(target_arch = "x86_64")]
    fn doctor_without(&self, call: &str, folder: &Path, config: &str) -> Said {
        let refusing =
            format!("python3 {} {call} --", common::root().join("tests/doctor/refuse.py").display());
        self.examined(folder, config, "", &refusing, "")
    }

    fn examined(&self, folder: &Path, config: &str, before: &str, by: &str, more: &str) -> Said {
        let file = folder.join("weir.toml");
        std::fs::write(&file, config).expect("a file");
        let weir = env!("CARGO_BIN_EXE_weir");
        let script = format!("{before} exec {by} {weir} doctor --json --config {} {more}", file.display());
        let output = output("ip", &["netns", "exec", &self.0, "unshare", "--mount", "sh", "-ec", &script]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let report: Value = serde_json::from_str(&said)
            .unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)));
        let finding = |finding: &Value| {
            let of = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            (of("about"), of("verdict"))
        };
        let findings = report["findings"].as_array().expect("findings").iter().map(finding).collect();
        (output.status.code().expect("it ends"), report, findings)
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        run("ip", &["netns", "del", &self.0]);
    }
}

fn output(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).current_dir(common::root()).output().expect("it runs")
}

fn run(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

fn of(findings: &[(String, String)], about: &str) -> String {
    findings
        .iter()
        .find(|(other, _)| other == about)
        .map_or_else(|| format!("nothing about it: {findings:?}"), |(_, verdict)| verdict.clone())
}

#[test]
fn each_fault_is_found_and_said_with_what_to_do() {
    let Some(net) = Net::new() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    // Of this namespace, so nobody listens there inside.
    let closed = server.local_addr().expect("an address").port();
    let tap = "interface = [\"tap0\"]\nflow_memory = \"16MiB\"\nring_size = \"4MiB\"\n";
    let quiet = "mount -t tmpfs -o size=3g none /mnt;";
    let state = format!("{tap}state = \"/mnt/state\"\nspool = {{ size = \"64MiB\" }}\n");
    let sink = format!("{state}[sink.soc]\ntype = \"syslog\"\nurl = \"tcp://127.0.0.1:{closed}\"\n");
    let (code, report, findings) = net.doctor(folder.path(), &state, quiet, "");
    let (_, _, unasked) = net.doctor(folder.path(), "flow_memory = \"16MiB\"\n", quiet, "");
    assert!(of(&unasked, "what to watch") == "note" && of(&unasked, "memory") == "fine", "{unasked:?}");
    let without_clock = findings.iter().filter(|(about, _)| about != "clock");
    assert!(without_clock.clone().all(|(_, verdict)| verdict != "wrong"), "{report:#}");
    for about in [
        "tap0",
        "tap0: GRO",
        "tap0: LRO",
        "right to capture",
        "kernel",
        "kernel: TPACKET_V3",
        "kernel: PACKET_FANOUT_CBPF",
        "kernel: Landlock",
        "kernel: seccomp",
        "state directory",
        "memory",
        "disk of /mnt/state",
        "cores",
    ] {
        assert!(findings.iter().any(|(other, _)| other == about), "{about}: {findings:?}");
    }
    assert_eq!(code, i32::from(of(&findings, "clock") == "wrong"));

    // (commands before, configuration, flags, what is wrong)
    let faults: [(&str, &str, &str, &str); 8] = [
        ("ethtool -K tap0 gro on;", tap, "", "tap0: GRO"),
        ("ip link set tap0 down;", tap, "", "tap0"),
        ("ip link set out0 down;", tap, "", "tap0"),
        ("", tap, "--interface tap7", "tap7"),
        ("mount -t tmpfs -o size=1m none /mnt;", &state, "", "disk of /mnt/state"),
        (quiet, &sink, "", "[sink.soc]"),
        ("", "interface = [\"tap0\"]\nflow_memory = \"900000GiB\"\n", "", "memory"),
        ("mount -t tmpfs -o ro none /mnt;", &state, "", "state directory"),
    ];
    for (before, config, flags, about) in faults {
        let (code, report, findings) = net.doctor(folder.path(), config, before, flags);
        assert_eq!((code, of(&findings, about)), (1, "wrong".to_owned()), "{before} {flags}: {report:#}");
        let finding =
            report["findings"].as_array().expect("findings").iter().find(|finding| finding["about"] == about);
        assert!(!finding.expect("it")["remedy"].as_str().expect("a remedy").is_empty());
        net.inside(&["sh", "-c", "ethtool -K tap0 gro off; ip link set tap0 up; ip link set out0 up"]);
    }
    let without_right = "exec setpriv --bounding-set -net_raw --inh-caps -net_raw --ambient-caps -all ";
    let weir = env!("CARGO_BIN_EXE_weir");
    let unprivileged = format!("{without_right} {weir} doctor --interface tap0");
    let said = output("ip", &["netns", "exec", &net.0, "sh", "-c", &unprivileged]);
    assert!(String::from_utf8_lossy(&said.stdout).contains("this user lacks CAP_NET_RAW"), "{said:?}");
}

/// `refuse.py` makes a kernel that lacks something.
#[test]
#[cfg(target_arch = "x86_64")]
fn what_the_kernel_lacks_is_found() {
    const SETSOCKOPT: &str = "54,1=263,2";
    const SECCOMP: &str = "317,0=2";
    const LANDLOCK: &str = "444";
    let (rings, dealing) = (format!("{SETSOCKOPT}=10"), format!("{SETSOCKOPT}=18"));
    let Some(net) = Net::new() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let tap = "interface = [\"tap0\"]\nworkers = 2\nflow_memory = \"16MiB\"\nring_size = \"4MiB\"\n";
    let held = format!("{tap}sandbox = \"on\"\n");
    let open = format!("{tap}sandbox = \"off\"\n");
    let nothing = "nothing about it";
    for (refused, config, about, verdict) in [
        (&*rings, tap, "kernel: TPACKET_V3", "wrong"),
        (&dealing, tap, "kernel: PACKET_FANOUT_CBPF", "wrong"),
        (LANDLOCK, tap, "kernel: Landlock", "note"),
        (LANDLOCK, &held, "kernel: Landlock", "wrong"),
        (LANDLOCK, &open, "kernel: Landlock", nothing),
        (SECCOMP, tap, "kernel: seccomp", "note"),
        (SECCOMP, &held, "kernel: seccomp", "wrong"),
        // Nothing that the others need.
        ("444,0=77", tap, "kernel: TPACKET_V3", "ok"),
    ] {
        let (_, report, findings) = net.doctor_without(refused, folder.path(), config);
        let found = of(&findings, about);
        let found = if found == "fine" { "ok" } else { &found };
        assert!(found.starts_with(verdict), "{refused} {about}: {found}, {report:#}");
    }
}

/// A virtual wire with several queues does not say how it deals to them, and no more does the doctor.
#[test]
fn queues_of_which_nothing_is_known_are_told_of() {
    let Some(net) = Net::new() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    net.inside(&["ip", "link", "del", "tap0"]);
    net.inside(&[
        "ip",
        "link",
        "add",
        "tap0",
        "numrxqueues",
        "4",
        "numtxqueues",
        "4",
        "type",
        "veth",
        "peer",
        "name",
        "out0",
    ]);
    net.inside(&["sh", "-c", "ip link set tap0 up; ip link set out0 up"]);
    let never = folder.path().join("never");
    std::fs::write(&never, "always madvise [never]\n").expect("a file");
    let huge = format!("mount --bind {} /sys/kernel/mm/transparent_hugepage/enabled;", never.display());
    let before = format!("ethtool -L tap0 rx 4 tx 4; {huge}");
    let config = "interface = [\"tap0\"]\nflow_memory = \"16MiB\"\nring_size = \"4MiB\"\n";
    let (_, report, findings) = net.doctor(folder.path(), config, &before, "");
    assert_eq!(of(&findings, "tap0: queues of the card"), "note", "{report:#}");
    assert!(report.to_string().contains("the driver does not say how it deals to them"), "{report:#}");
    if Path::new("/sys/kernel/mm/transparent_hugepage/enabled").exists() {
        assert_eq!(of(&findings, "huge pages"), "note", "{report:#}");
    }
}

#[test]
fn traffic_is_measured_and_says_what_to_set() {
    let Some(net) = Net::new() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let root = common::root();
    let send = format!(
        "(sleep 1; python3 {} 2000 {} out0 >/dev/null) & ",
        root.join("tests/tap/send.py").display(),
        root.join("capture/traces/demo.pcap").display()
    );
    let (_, report, _) = net.doctor(folder.path(), "interface = [\"tap0\"]\n", &send, "--size 3s");
    let size = &report["size"];
    let count = |key: &str| size[key].as_u64().unwrap_or_else(|| panic!("{key}: {report:#}"));
    assert!(count("packets") > 200 && count("flows") > 10 && count("names") > 10, "{size:#}");
    assert!(
        count("peak_packets") <= count("packets") && count("most_flows_open") <= count("flows"),
        "{size:#}"
    );
    assert_eq!(count("dropped"), 0);
}
