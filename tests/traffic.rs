//! Whatever traffic is made to order, the books of `weir read` balance and every packet is in a flow.

use std::process::Command;
use weir_bench::traffic::{Profile, Traffic};
use weir_capture::write::PcapWriter;
use weir_model::frame::LinkType;

const PACKETS: u64 = 20_000;
const PROFILES: [Profile; 5] =
    [Profile::Spread, Profile::Campus, Profile::Elephants, Profile::Synflood, Profile::Scan];

#[test]
fn the_ledger_balances_on_every_profile() {
    let folder = tempfile::tempdir().unwrap();
    for profile in PROFILES {
        let capture = folder.path().join("capture.pcap");
        let mut traffic = Traffic::new(profile, 7, 500);
        let mut writer = PcapWriter::new(Vec::new(), LinkType::ETHERNET).unwrap();
        for _ in 0..PACKETS {
            writer.write_frame(&traffic.next_frame()).unwrap();
        }
        std::fs::write(&capture, writer.finish().unwrap()).unwrap();
        let output =
            Command::new(env!("CARGO_BIN_EXE_weir")).arg("read").arg(&capture).output().expect("weir runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{profile:?}: {said}");
        assert!(said.contains("the ledger balances"), "{profile:?}: {said}");
        assert!(said.contains("20,000 in packets = 20,000 counted into flows"), "{profile:?}: {said}");
    }
}
