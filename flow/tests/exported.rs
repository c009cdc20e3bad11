//! Exported records to flows: which become one, who began, what is told.

#[path = "exported/kit.rs"]
mod kit;

use kit::{Told, Twin, With, record, seconds};
use weir_model::flow::{EndReason, Orientation};

#[test]
fn both_directions_and_successive_records_become_one_flow() {
    let mut twin = Twin::new();
    twin.put(&record("10.0.0.1:50000 > 192.0.2.1:443").counts(10, 5_000).times(0, 60).received(61));
    twin.put(&record("192.0.2.1:443 > 10.0.0.1:50000").counts(20, 25_000).times(0, 60).received(62));
    twin.put(&record("10.0.0.1:50000 > 192.0.2.1:443").counts(1, 100).times(60, 70).received(100));
    let flows = twin.finish();
    assert_eq!(flows.len(), 1);
    let flow = &flows[0];
    assert_eq!(
        (flow.initiator.to_string(), flow.responder.to_string()),
        ("10.0.0.1:50000".into(), "192.0.2.1:443".into())
    );
    assert_eq!((flow.forward.packets, flow.forward.ip_bytes), (11, 5_100));
    assert_eq!((flow.reverse.packets, flow.reverse.ip_bytes), (20, 25_000));
    assert_eq!((flow.first, flow.last, flow.end), (seconds(0), seconds(70), EndReason::EndOfInput));
    assert_eq!(flow.orientation, Orientation::Ports);
    assert!(matches!(twin.told[..], [Told::Began(_), Told::Ended(_)]), "{:?}", twin.told);
    assert!(twin.flows.stats().balances());
}
