//! The Debian package, made of the program under test: its contents, and what it does on a machine that has systemd (`package/run.sh`).

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "what goes wrong here shall fail, and what is skipped is said"
)]

use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What `package/run.sh` ends with where no copy of this machine can be made.
const CANNOT: i32 = 77;

fn output(command: &mut Command) -> Output {
    command.current_dir(ROOT).output().expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Makes the package; `None` where the tool for it is not there.
fn package(folder: &Path) -> Option<String> {
    if Command::new("cargo-deb").arg("--version").output().is_err() {
        println!("skipped: cargo-deb is not installed (make tools)");
        return None;
    }
    let made = output(
        Command::new("scripts/package.sh")
            .arg(env!("CARGO_BIN_EXE_weir"))
            .args([folder.as_os_str(), "--fast".as_ref()]),
    );
    assert!(made.status.success(), "{}", text(&made.stderr));
    let name = std::fs::read_dir(folder).expect("a folder").next().expect("a package").expect("an entry");
    Some(name.path().display().to_string())
}

/// Both in one, because making the package takes longest.
#[test]
fn the_package_has_what_it_should_and_works() {
    let folder = TempDir::new().expect("a folder");
    let Some(package) = package(folder.path()) else { return };
    has_what_it_should(&package);
    is_installed_started_reloaded_killed_upgraded_and_purged(&package);
}

fn has_what_it_should(package: &str) {
    let contents = text(&output(Command::new("dpkg-deb").args(["--contents", package])).stdout);
    for (path, mode) in [
        ("./usr/bin/weir", "-rwxr-xr-x"),
        ("./etc/weir/weir.toml", "-rw-r-----"),
        ("./usr/lib/systemd/system/weir.service", "-rw-r--r--"),
        ("./usr/lib/systemd/system/weir-clock.service", "-rw-r--r--"),
        ("./usr/lib/sysusers.d/weir.conf", "-rw-r--r--"),
        ("./usr/lib/tmpfiles.d/weir.conf", "-rw-r--r--"),
        ("./usr/share/man/man1/weir-run.1.gz", "-rw-r--r--"),
        ("./usr/share/bash-completion/completions/weir", "-rw-r--r--"),
        ("./usr/share/zsh/vendor-completions/_weir", "-rw-r--r--"),
        ("./usr/share/fish/vendor_completions.d/weir.fish", "-rw-r--r--"),
        ("./usr/share/weir/monitoring/grafana/weir.json", "-rw-r--r--"),
        ("./usr/share/doc/weir/copyright", "-rw-r--r--"),
        ("./usr/share/doc/weir/docs/FIRST-HOUR.md", "-rw-r--r--"),
    ] {
        let is_it = |line: &&str| line.ends_with(&format!(" {path}"));
        let line = contents.lines().find(is_it);
        assert!(
            line.is_some_and(|line| line.starts_with(&format!("{mode} 0/0"))),
            "{path}: {line:?}\n{contents}"
        );
    }
    let unpacked =
        format!("dpkg-deb --fsys-tarfile {package} | tar --extract --to-stdout ./etc/weir/weir.toml");
    let shipped = text(&output(Command::new("sh").args(["-c", &unpacked])).stdout);
    assert!(shipped.lines().any(|line| line == "state = \"/var/lib/weir\""), "{shipped}");
    let control = text(&output(Command::new("dpkg-deb").args(["--field", package])).stdout);
    assert!(control.contains(&format!("Version: {}-1\n", env!("CARGO_PKG_VERSION"))), "{control}");
    assert!(control.contains("libpcap0.8"), "libraries that it is linked with are dependencies: {control}");
    let settings = text(&output(Command::new("dpkg-deb").args(["--ctrl-tarfile", package])).stdout);
    assert!(settings.contains("/etc/weir/weir.toml"), "the configuration is the administrator's");
}

fn is_installed_started_reloaded_killed_upgraded_and_purged(package: &str) {
    let traces = "capture/traces/demo.pcap";
    let run = output(Command::new("tests/package/run.sh").args([
        package,
        traces,
        "capture/traces/demo-indicators.txt",
    ]));
    let said = text(&run.stdout);
    if run.status.code() == Some(CANNOT) {
        return println!("skipped: {said}");
    }
    println!("{said}");
    assert!(run.status.success(), "{said}{}", text(&run.stderr));
    assert!(said.lines().all(|line| !line.starts_with("wrong:")), "{said}");
    assert!(
        said.lines().filter(|line| line.starts_with("ok: ")).count() > 20 && said.contains("\ndone\n"),
        "{said}"
    );
}
