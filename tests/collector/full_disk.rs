//! A `weir run` whose state directory lies on a disk that is full for a while.

use crate::build::{self, Told};
use crate::run::{BAD, Exporter, Run};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Mounts a small disk where its first argument says, for itself alone, and becomes the rest of them.
const ON_A_SMALL_DISK: &str = r#"mount -t tmpfs -o size=3m small "$0" && exec "$@""#;

fn may_mount() -> bool {
    let tried = Command::new("unshare").args(["--mount", "true"]).output();
    tried.is_ok_and(|tried| tried.status.success())
}

/// Takes all room that is left.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).expect("a file");
    while file.write_all(&[0; 4096]).is_ok() {}
    while file.write_all(&[0; 1]).is_ok() {}
}

#[test]
fn what_happens_while_the_disk_is_full_is_told_when_there_is_room() {
    if !may_mount() {
        println!("skipped: mounting a small disk needs root and unshare");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let state = root.join("state");
    std::fs::create_dir(&state).expect("a folder");
    let config = root.join("weir.toml");
    let text = "state = \"state\"\n[sink.here]\ntype = \"file\"\npath = \"here\"\nrotate = false\n";
    std::fs::write(&config, text).expect("a configuration");
    let starter = ["unshare", "--mount", "sh", "-c", ON_A_SMALL_DISK, state.to_str().expect("Unicode")];
    let arguments = ["--netflow", "127.0.0.1:0", "--config", config.to_str().expect("Unicode")];
    let mut run = Run::within(&starter, root.to_owned(), &arguments);
    // As the process sees it, which alone has the disk.
    let seen = PathBuf::from(format!("/proc/{}/root{}", run.process(), state.display())).join("fill");
    fill(&seen);
    Exporter::new([127, 0, 0, 2], &run).send(&build::v5(0, &[Told::new([10, 0, 0, 5], BAD)]));
    run.wait_for("it is held", || run.left("messages", "held until the spool takes them") == 1);
    assert_eq!(run.lines("here").len(), 0, "nothing is told before it is durable");
    std::fs::remove_file(seen).expect("it is there");
    run.wait_for("it is told, and that it is late", || run.lines("here").len() == 2);
    let actions = run.lines("here").into_iter().map(|line| line["event"]["action"].clone());
    assert_eq!(actions.collect::<Vec<_>>(), ["opened", "delayed"]);
    let (_, said) = run.end("-TERM");
    assert!(said.contains("nothing can be told for now") && said.contains("told again"), "{said}");
    assert!(said.contains("the ledger balances") && !said.contains("DOES NOT"), "{said}");
}
