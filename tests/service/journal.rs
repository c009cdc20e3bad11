//! What the journal gets: entries with priorities, not lines. journald is played by a socket in a mount namespace of the test.

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Puts the folder of the test where the journal's socket is, in a namespace of its own, and says as systemd does that stderr is the
/// journal's.
const AS_A_SERVICE: &str = r#"
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && mount --bind "$1" /run/systemd/journal || exit 77
JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2) && export JOURNAL_STREAM
exec "$2" run --netflow 127.0.0.1:0 --listen off --sandbox off --control "$1/control" --indicators "$1/missing.txt"
"#;

#[test]
fn entries_have_a_priority_and_a_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = UnixDatagram::bind(folder.path().join("socket")).expect("a socket");
    let run = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", AS_A_SERVICE, "sh"])
        .arg(folder.path())
        .arg(env!("CARGO_BIN_EXE_weir"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output();
    let Ok(output) = run else {
        println!("skipped: no unshare (Debian package util-linux)");
        return;
    };
    if output.status.code() != Some(2) {
        println!("skipped: no mount namespace can be had: {}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let mut bytes = [0; 16 << 10];
    journal.set_read_timeout(Some(Duration::from_secs(10))).expect("a time");
    // At first it is tried whether anybody listens.
    let mut receive = || journal.recv(&mut bytes).expect("an entry");
    let length = match receive() {
        0 => receive(),
        length => length,
    };
    let entry = String::from_utf8_lossy(&bytes[..length]).into_owned();
    // A name, the length of the value in eight bytes, the value: as the journal's protocol has it.
    let error = [&b"PRIORITY\n"[..], &1_u64.to_le_bytes(), b"3\n"].concat();
    let has_priority = bytes[..length].windows(error.len()).any(|window| window == error);
    assert!(has_priority, "why it ends is an error: {entry}");
    assert!(entry.contains("SYSLOG_IDENTIFIER") && entry.contains("weir"), "{entry}");
    assert!(entry.contains("missing.txt"), "{entry}");
    assert!(output.stderr.is_empty(), "nothing is said twice: {}", String::from_utf8_lossy(&output.stderr));
}
