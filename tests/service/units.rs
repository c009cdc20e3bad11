//! The units, as systemd itself reads and judges them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Tenths: 2.0 of 10.
const MOST_EXPOSURE: &str = "20";

fn unit(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name)
}

fn analyze(arguments: &[&str], unit: &Path) -> Option<Output> {
    let output = Command::new("systemd-analyze").args(arguments).arg(unit).output().ok();
    if output.is_none() {
        println!("skipped: no systemd-analyze (Debian package systemd)");
    }
    output
}

#[test]
fn systemd_finds_them_hardly_exposed() {
    for name in ["weir.service", "weir@.service", "weir-clock.service"] {
        let threshold = format!("--threshold={MOST_EXPOSURE}");
        let judge = ["security", "--offline=yes", "--no-pager", &threshold];
        let Some(output) = analyze(&judge, &unit(name)) else { return };
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        println!("{}", said.lines().last().unwrap_or_default());
    }
}

#[test]
fn systemd_finds_no_mistake_in_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = std::fs::read_to_string(unit("weir.service")).expect("the unit");
    let here = text.replace("/usr/bin/weir ", concat!(env!("CARGO_BIN_EXE_weir"), " "));
    let without_manual = here.replace("Documentation=man:weir(1)\n", "");
    assert!(here != text && without_manual != here);
    let path = folder.path().join("weir.service");
    std::fs::write(&path, without_manual).expect("it is written");
    let Some(output) = analyze(&["verify", "--man=no"], &path) else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    // What systemd before 253 says of the line that newer ones know.
    let is_known = |line: &&str| line.contains("Failed to parse service type, ignoring: notify-reload");
    let of_weir: Vec<_> = said.lines().filter(|line| line.contains("weir")).collect();
    assert!(of_weir.iter().all(is_known), "{said}");
}

#[test]
fn the_unit_for_several_differs_in_names_alone() {
    let read = |name: &str| std::fs::read_to_string(unit(name)).expect("the unit");
    let settings = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let named = read("weir@.service")
        .replace(" --control /run/weir-%i/control.sock", "")
        .replace("/etc/weir/%i.toml", "/etc/weir/weir.toml")
        .replace("Weir %i:", "Weir:")
        .replace("weir-%i", "weir");
    assert_eq!(settings(&named), settings(&read("weir.service")));
}
