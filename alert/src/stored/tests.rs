use super::*;
use crate::samples;

fn stored(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(message, &mut bytes).unwrap();
    bytes
}

fn messages() -> Vec<Message> {
    let alerts = samples::full_alerts().into_iter().map(Message::from);
    alerts.chain(samples::notices().into_iter().map(Message::from)).collect()
}

#[test]
fn what_was_stored_is_read_back() {
    for message in messages() {
        assert_eq!(decode(&stored(&message)), Ok(message));
    }
}
