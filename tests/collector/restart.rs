//! What outlives the program: killed and started again, it knows the templates at once.

use crate::build::{self, Part, Told};
use crate::run::{Exporter, Run};
use std::path::Path;

const RECORDS: u8 = 20;

fn start(root: &Path, threads: &str) -> Run {
    let state = root.join("state").to_string_lossy().into_owned();
    Run::start_in(root.to_owned(), &["--state", &state, "--collectors", threads])
}

fn exporters(run: &Run) -> Vec<Exporter> {
    (2..10).map(|last| Exporter::new([127, 0, 0, last], run)).collect()
}

/// Data without a template: of half of the exporters v9, of the others IPFIX.
fn send_data(exporters: &[Exporter], sequence: u32) {
    let told: Vec<_> = (0..RECORDS).map(|last| Told::new([10, 0, 0, last], [192, 0, 2, last])).collect();
    for (index, exporter) in exporters.iter().enumerate() {
        let parts = [Part::Data(&told)];
        let first = sequence * u32::from(RECORDS);
        exporter.send(&if index.is_multiple_of(2) {
            build::v9(sequence, &parts)
        } else {
            build::ipfix(first, &parts)
        });
    }
}

fn send_templates(exporters: &[Exporter]) {
    for (index, exporter) in exporters.iter().enumerate() {
        let parts = [Part::Template];
        exporter.send(&if index.is_multiple_of(2) { build::v9(0, &parts) } else { build::ipfix(0, &parts) });
    }
}

fn records(run: &Run) -> u64 {
    let threads = run.status()["collector"]["threads"].as_array().cloned().unwrap_or_default();
    threads.iter().filter_map(|thread| thread["records"].as_u64()).sum()
}

#[test]
fn killed_and_started_again_it_reads_every_record_at_once_with_any_number_of_threads() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut run = start(folder.path(), "2");
    let senders = exporters(&run);
    send_templates(&senders);
    send_data(&senders, 1);
    run.wait_for("all is read", || records(&run) == 8 * u64::from(RECORDS));
    let kept = folder.path().join("state/templates");
    let whole = |path: &Path| std::fs::read(path).map_or(0, |bytes| bytes.len());
    // A template and its exporter take more than a hundred bytes.
    run.wait_for("all templates are kept", || whole(&kept) > 8 * 100);
    let (code, _) = run.end("-KILL");
    assert_eq!(code, None, "killed");
    drop(run);
    for threads in ["1", "3", "2"] {
        let mut run = start(folder.path(), threads);
        send_data(&exporters(&run), 2);
        run.wait_for("all is read", || records(&run) == 8 * u64::from(RECORDS));
        let waited = run.status()["collector"]["others"].to_string();
        assert!(
            !waited.contains(r#""waiting_bytes":1"#) && waited.contains(r#""waiting_bytes":0"#),
            "{waited}"
        );
        run.end("-KILL");
    }
}

#[test]
fn a_state_that_is_damaged_is_told_set_aside_and_not_fatal() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut run = start(folder.path(), "1");
    send_templates(&exporters(&run));
    run.wait_for("all is counted", || run.taken() == 8);
    let (code, said) = run.end("-TERM");
    assert_eq!(code, Some(0), "{said}");
    let file = folder.path().join("state/templates");
    let mut bytes = std::fs::read(&file).expect("what was kept at the end");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&file, &bytes).expect("it can be damaged");
    let mut run = start(folder.path(), "1");
    assert!(run.said().contains("cannot be used (the checksum is wrong)"), "{}", run.said());
    assert_eq!(std::fs::read(folder.path().join("state/templates.damaged")).expect("set aside"), bytes);
    let senders = exporters(&run);
    send_data(&senders, 1);
    run.wait_for("data waits", || run.exporter("127.0.0.2")["waiting_bytes"].as_u64() > Some(0));
    send_templates(&senders);
    run.wait_for("what waited is read", || records(&run) == 8 * u64::from(RECORDS));
    let (code, said) = run.end("-TERM");
    assert!(code == Some(0) && said.contains("the ledger balances"), "{said}");
}
