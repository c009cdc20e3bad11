//! Whose the files of a state directory are, and who can read them.

use crate::Room;
use crate::run::Run;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

const NOBODY: u32 = 65_534;
const SETTINGS: &str = "home_net = [\"10.0.0.0/8\"]\n[source.own]\ntype = \"feed\"\npath = \"own.txt\"\n\
     [sink.soc]\ntype = \"file\"\npath = \"soc.jsonl\"\nsend = [\"flows\"]\nspool = [\"flows\"]\n";

fn room() -> Room {
    let room = Room::new(SETTINGS);
    room.write("own.txt", "192.0.2.1\n");
    room
}

/// All that is in a folder, with the folder itself: from the folder on, of whom it is, and its rights.
fn all(folder: &Path) -> Vec<(String, u32, u32, u32)> {
    let (mut found, mut left) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(path) = left.pop() {
        let seen = path.symlink_metadata().expect("it is there");
        let name = path.strip_prefix(folder).expect("below").display().to_string();
        found.push((name, seen.uid(), seen.gid(), seen.mode() & 0o777));
        if seen.is_dir() {
            left.extend(
                std::fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("a file").path()),
            );
        }
    }
    found.sort();
    found
}

fn must_have(found: &[(String, u32, u32, u32)], names: &[&str]) {
    for name in names {
        assert!(found.iter().any(|file| file.0 == *name), "{name} in {found:?}");
    }
}

#[test]
fn what_root_makes_in_the_directory_of_a_service_is_the_services() {
    let room = room();
    let state = room.path("state");
    std::fs::create_dir(&state).unwrap();
    if chown(&state, Some(NOBODY), Some(NOBODY)).is_err() {
        println!("skipped: only root can give files away");
        return;
    }
    let ok = |words: &[&str]| {
        let said = room.weir(words);
        assert_eq!(said.code, Some(0), "{words:?}: {}{}", said.out, said.error);
        for (name, user, group, _) in all(&state) {
            assert_eq!((user, group), (NOBODY, NOBODY), "{name} after {words:?}");
        }
    };
    ok(&["intel", "sync", "--config", "weir.toml"]);
    must_have(&all(&state), &["lock", "version.json", "intel.db", "indicators.set"]);
    ok(&["mute", "192.0.2.1", "--for", "1h", "--reason", "tried", "--state", "state"]);
    ok(&["state", "backup", "backup.zip", "--state", "state"]);
    ok(&["state", "restore", "backup.zip", "--state", "state"]);
    must_have(&all(&state), &["mutes.json", "audit.jsonl", "before-restore", "before-restore/intel.db"]);
    std::fs::write(state.join("intel.db"), "no library").unwrap();
    ok(&["intel", "sync", "--config", "weir.toml"]);
    must_have(&all(&state), &["intel.db.damaged"]);

    let config = room.path("weir.toml");
    let mut run = Run::start_in(room.path(""), &["--config", config.to_str().unwrap()]);
    let running = all(&state);
    must_have(&running, &["intel.db-wal", "intel.db-shm", "spool.sqlite", "freight", "freight/soc.sqlite"]);
    run.end("-TERM");
    for (name, user, group, _) in running.into_iter().chain(all(&state)) {
        assert_eq!((user, group), (NOBODY, NOBODY), "{name}");
    }
}

#[test]
fn a_state_directory_that_weir_makes_is_closed_to_others() {
    let room = room();
    let config = room.path("weir.toml");
    // Without a mask every file is as open as the program makes it.
    let starter = ["sh", "-c", "umask 0; exec \"$@\"", "sh"];
    let arguments = ["--netflow", "127.0.0.1:0", "--config", config.to_str().unwrap()];
    let mut run = Run::within(&starter, room.path(""), &arguments);
    run.wait_for("the file is read", || room.path("state/indicators.set").exists());
    let running = all(&room.path("state"));
    must_have(&running, &["intel.db-wal", "intel.db-shm", "spool.sqlite-wal", "freight/soc.sqlite-wal"]);
    run.end("-TERM");
    for (name, _, _, mode) in running.into_iter().chain(all(&room.path("state"))) {
        let most = if name.is_empty() || matches!(name.as_str(), "freight") { 0o700 } else { 0o640 };
        assert_eq!(mode & !most, 0, "{name} is {mode:o}");
    }
}
