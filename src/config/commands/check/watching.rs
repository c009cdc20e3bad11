//! Whether a configuration says what to watch, or is one for `weir read`, which is told what to read.

use crate::config::NOTHING_TO_WATCH;
use crate::config::document::value;
use crate::config::keys::{TOP, is_of_read};
use crate::config::mistake::Mistake;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Each says what to watch.
const KEYS: [&str; 6] = ["interface", "netflow", "ipfix", "sflow", "ipfix_tcp", "ipfix_tls"];

/// That nothing is watched; of a file for `weir read` it is only said.
pub(super) fn mistake(tree: &DeTable<'_>, warnings: &mut Vec<String>) -> Option<Mistake> {
    let is_empty =
        |value: &Spanned<DeValue<'_>>| value.get_ref().as_array().is_some_and(|all| all.is_empty());
    if KEYS.iter().filter_map(|key| value(tree, key)).any(|value| !is_empty(value)) {
        return None;
    }
    if is_for_reading(tree) {
        warnings.push(
            "nothing to watch: this file is for `weir read` only; for `weir run` write interface = [\"NAME\"] or netflow = \
             [\"0.0.0.0:2055\"]"
                .to_owned(),
        );
        return None;
    }
    Some(Mistake::at(None, NOTHING_TO_WATCH, ""))
}

/// It has keys that `weir read` alone uses, or says what to look for and nothing that only a service uses.
fn is_for_reading(tree: &DeTable<'_>) -> bool {
    let names: Vec<&str> = tree.keys().map(|name| &**name.get_ref()).collect();
    let is_for_files = |name: &str| TOP.iter().any(|key| key.is_for_files && key.name == name);
    // A place for what is kept is what services have.
    let is_of_both = |name: &str| name != "state" && is_of_read(name);
    names.iter().any(|name| is_for_files(name))
        || (value(tree, "indicators").is_some() && names.iter().all(|name| is_of_both(name)))
}
