//! Captures cut anywhere and with bytes changed at random: no panic, no hang, bounded memory, balanced books.
//!
//! `WEIR_HOSTILE_CASES` says how many of each kind per capture (`make hostile`: 50). Shipped captures are always used,
//! the corpora when they are there.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: what goes wrong here shall fail, and a hang is told by the clock"
)]

mod common;

use common::Chance;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Cases of each kind per capture unless `WEIR_HOSTILE_CASES` says otherwise.
const DEFAULT_CASES: usize = 2;
/// A capture larger than this gets its cases only from `make hostile`.
const LARGE_BYTES: usize = 8 << 20;
/// Address space that the program may use, in KiB: with 64 MiB for flows it needs far less.
const MEMORY_KIB: u64 = 3 << 20;
/// Far longer than any of these captures takes, also in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

#[test]
fn no_capture_however_mangled_does_harm() {
    let cases = std::env::var("WEIR_HOSTILE_CASES").ok().and_then(|text| text.parse().ok());
    let mut captures = common::captures_below(&common::root().join("capture/traces"));
    captures.extend(common::captures_below(&common::root().join("tests/scenarios")));
    captures.extend(common::corpora().iter().flat_map(|folder| common::captures_below(folder)));
    assert!(!captures.is_empty());
    let queue = Mutex::new(captures.into_iter());
    let failures = Mutex::new(Vec::new());
    let runs = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(capture) = { queue.lock().unwrap().next() } {
                    let (count, mut wrong) = mangle(&capture, cases);
                    *runs.lock().unwrap() += count;
                    failures.lock().unwrap().append(&mut wrong);
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    println!("{} runs", runs.into_inner().unwrap());
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// Runs a capture whole, cut, and changed.
fn mangle(capture: &Path, cases: Option<usize>) -> (usize, Vec<String>) {
    let bytes = std::fs::read(capture).expect("the capture is readable");
    let cases = match cases {
        None if bytes.len() > LARGE_BYTES => return (0, Vec::new()),
        None => DEFAULT_CASES,
        Some(cases) => cases,
    };
    let mut chance = Chance::new(&capture.file_name().unwrap_or_default().to_string_lossy());
    let mut wrong = Vec::new();
    let mut run = |what: String, bytes: &[u8]| {
        if let Err(problem) = read(bytes) {
            let kept = keep(capture, bytes);
            wrong.push(format!("{} {what} (kept as {}): {problem}", capture.display(), kept.display()));
        }
    };
    run("whole".to_owned(), &bytes);
    for _ in 0..cases {
        let length = chance.below(bytes.len().max(1));
        run(format!("cut to {length} bytes"), bytes.get(..length).unwrap_or_default());
    }
    for case in 0..cases {
        let mut changed = bytes.clone();
        for _ in 0..=chance.below(32) {
            let position = chance.below(changed.len().max(1));
            let bit = 1_u8 << chance.below(8);
            if let Some(byte) = changed.get_mut(position) {
                *byte = if chance.below(2) == 0 { *byte ^ bit } else { chance.below(256) as u8 };
            }
        }
        run(format!("changed, case {case}"), &changed);
    }
    (1 + 2 * cases, wrong)
}

/// Feeds bytes to the program and judges how it ends.
fn read(bytes: &[u8]) -> Result<(), String> {
    let mut child = Command::new("bash")
        .arg("-c")
        .arg(format!(
            "ulimit -v {MEMORY_KIB}; exec \"$0\" read - --flow-memory 64MiB --alerts /dev/null --flows /dev/null --names /dev/null --indicators \"$1\""
        ))
        .arg(env!("CARGO_BIN_EXE_weir"))
        .arg(common::root().join("capture/traces/demo-indicators.txt"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut stdin = child.stdin.take().expect("piped");
    let mut stderr = child.stderr.take().expect("piped");
    let started = Instant::now();
    std::thread::scope(|scope| {
        // The program may stop reading early (a file that makes no sense): then the pipe breaks, which is right.
        scope.spawn(move || drop(stdin.write_all(bytes)));
        let said = scope.spawn(move || {
            let mut text = String::new();
            drop(stderr.read_to_string(&mut text));
            text
        });
        let status = loop {
            if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
                break status;
            }
            if started.elapsed() > PATIENCE {
                drop(child.kill());
                return Err("hangs".to_owned());
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let said = said.join().expect("reads stderr");
        match status.code() {
            Some(0 | 1 | 3) if said.contains("the ledger balances") => Ok(()),
            // Nothing could be read: why is all there is to say.
            Some(3) if said.starts_with("weir: standard input: ") && said.lines().count() == 1 => Ok(()),
            code => Err(format!("exit code {code:?} ({status}): {said}")),
        }
    })
}

/// Keeps what did harm, for the next look.
fn keep(capture: &Path, bytes: &[u8]) -> PathBuf {
    let hash = bytes
        .iter()
        .fold(0_u64, |hash, byte| hash.rotate_left(5) ^ u64::from(*byte).wrapping_mul(0x9e37_79b9));
    let name = capture.file_name().unwrap_or_default().to_string_lossy();
    let path = std::env::temp_dir().join(format!("weir-hostile-{hash:016x}-{name}"));
    drop(std::fs::write(&path, bytes));
    path
}
