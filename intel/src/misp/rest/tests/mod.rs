//! One instance that changes, and what is known of it afterwards: the same stories told to an instance that is only pretended, and to a
//! stand-in of PyMISP's own objects behind HTTP.

mod dialogue;
mod pretended;
mod shelf;
mod stories;

use super::api::Api;
use super::{MispProvider, MispSettings};
use crate::library::{Guard, Library, Policies, Policy};
use crate::{Extent, SyncError};
use serde_json::{Value, json};
use shelf::Shelf;
use tempfile::TempDir;
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
    library: Library,
    now: u64,
    _folder: TempDir,
}

const EVENT: u128 = 1 << 64;

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

impl World {
    fn new(control: Box<dyn Control>, provider: MispProvider) -> Self {
        let folder = TempDir::new().unwrap();
        let library = Library::open(&folder.path().join("library")).unwrap();
        Self { control, provider, shelf: Shelf::default(), library, now: 1_800_000_000, _folder: folder }
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

    /// A minute later, the instance is asked. The library must know what the simplest place knows.
    fn sync(&mut self) -> Result<Extent, SyncError> {
        self.now += 60;
        let now = Timestamp::new(self.now, 0);
        let guard = Guard { floor: 0, least_share: 0.0, most_times: 0.0 };
        let policy = Policy { guard, ..Policy::default() };
        let mut noted = self.shelf.noted(&mut self.provider);
        let delivered = self.library.deliver("circl", &policy, &mut noted, now, &mut ());
        let extent = delivered.map(|_| self.shelf.commit(noted));
        let mut values = self.shelf.values();
        values.dedup();
        let mut composed = Vec::new();
        let policies = Policies::default();
        self.library.compose(&policies, now, &mut |one| composed.push(one.value.to_string())).unwrap();
        composed.sort();
        assert_eq!(composed, values);
        extent
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
