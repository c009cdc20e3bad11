//! What is in the files that settings name: certificates, secrets, templates. A renewed one is a difference as another name would be.

use super::{Effective, Shown};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use weir_net::secret;

/// Behind the key that names the file.
pub(super) const CONTENT: &str = " (its content)";

/// Keys that name a file which is read whole, at their end.
const KEYS: &[&str] = &[
    "file",
    "ca_file",
    "client_certificate",
    "client_key",
    "keytab",
    "template_file",
    "ipfix_tls_cert",
    "ipfix_tls_key",
    "ipfix_tls_client_ca",
];
/// Most bytes that are looked at: bundles of authorities have some hundred thousand. What is behind is not compared.
const MOST_BYTES: u64 = 4 << 20;

impl Effective {
    /// Looks into all files that are named; relative paths begin at `base`. What cannot be read is not the same as anything that can.
    pub(super) fn put_contents(&mut self, base: &Path) {
        let mut contents = Vec::new();
        for (key, shown) in &self.0 {
            let names_file = KEYS.contains(&key.rsplit('.').next().unwrap_or_default());
            if let Shown::Plain(value) = shown
                && let Some(path) = value.as_str().filter(|_| names_file)
            {
                contents.push((format!("{key}{CONTENT}"), content(&base.join(path))));
            }
        }
        self.0.extend(contents.into_iter().map(|(key, content)| (key, Shown::Fingerprint(content))));
    }
}

fn content(path: &Path) -> String {
    // A pipe has no content to compare, and would keep us waiting.
    let is_file = path.metadata().is_ok_and(|about| about.is_file());
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
        std::io::Result::Ok(secret::fingerprint(&bytes))
    };
    if is_file { read().unwrap_or_else(|_| UNREADABLE.to_owned()) } else { UNREADABLE.to_owned() }
}

const UNREADABLE: &str = "unreadable";
