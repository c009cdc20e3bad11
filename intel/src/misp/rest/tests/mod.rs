//! One instance that changes, and what is known of it afterwards: the same stories told to an instance that is only pretended, and to a
//! stand-in of PyMISP's own objects behind HTTP.

mod dialogue;
mod pretended;
mod shelf;
mod stories;

use super::api::Api;
use super::{MispProvider, MispSettings};
use crate::{Extent, Provider, SyncError};
use serde_json::{Value, json};
use shelf::Shelf;
use uuid::Uuid;
use weir_model::Timestamp;

/// Somebody works at an instance.
trait Control {
    /// Carries out a command; tests/python/misp_stand_in.py says which there are.
    fn command(&mut self, command: Value);
}

/// An instance, who asks it, and what is known of it.
struct World {
    control: Box<dyn Control>,
    provider: MispProvider,
    shelf: Shelf,
    now: u64,
}

const EVENT: u128 = 1 << 64;

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

impl World {
    fn new(control: Box<dyn Control>, provider: MispProvider) -> Self {
        Self { control, provider, shelf: Shelf::default(), now: 1_800_000_000 }
    }

    fn tell(&mut self, mut command: Value) {
        command["now"] = json!(self.now);
        self.control.command(command);
    }

    fn event(&mut self, event: u128) {
        let command =
            json!({"do": "event", "event": id(event), "info": "Emotet in depth", "tags": ["tlp:green"]});
        self.tell(command);
    }

    fn add(&mut self, event: u128, attribute: u128, kind: &str, value: &str) {
        let attribute = id(attribute);
        self.tell(
            json!({"do": "add", "event": id(event), "attribute": attribute, "type": kind, "value": value}),
        );
    }

    /// An event with so many names, published, some minutes ago.
    fn published(&mut self, event: u128, names: u128) {
        self.event(event);
        for number in 0..names {
            self.add(event, event + number + 1, "domain", &format!("n{number}.example"));
        }
        self.now += 60;
        self.publish(event);
        self.now += 600;
    }

    fn publish(&mut self, event: u128) {
        self.tell(json!({"do": "publish", "event": id(event)}));
    }

    fn edit(&mut self, attribute: u128, members: &Value) {
        let mut command = json!({"do": "edit", "attribute": id(attribute)});
        command.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        self.tell(command);
    }

    fn one(&mut self, what: &str, attribute: u128) {
        self.tell(json!({"do": what, "attribute": id(attribute)}));
    }

    /// A minute later, the instance is asked.
    fn sync(&mut self) -> Result<Extent, SyncError> {
        self.now += 60;
        let now = Timestamp::new(self.now, 0);
        self.shelf.deliver(|delivery| self.provider.deliver(delivery, now))
    }

    /// What is known afterwards.
    fn synced(&mut self) -> Vec<String> {
        self.sync().unwrap();
        self.shelf.values()
    }
}

fn provider(settings: MispSettings, api: impl Api + 'static) -> MispProvider {
    MispProvider::with_api("circl", settings, Box::new(api)).unwrap()
}
