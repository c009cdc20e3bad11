//! What a run needs of the file system: what its settings name, and what the C library and TLS look at.

use crate::config::{Effective, RunSettings, Shown};
use crate::timekeeper;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Files and folders that stay within reach, folders with all that is in them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    /// Only to be read.
    pub reads: Vec<PathBuf>,
    /// To be read, written, made and removed.
    pub writes: Vec<PathBuf>,
}

/// What every process may have to read: names of hosts (getaddrinfo, with the libraries that it loads), authorities, time zones,
/// interfaces, limits of memory and cores.
pub(crate) const SYSTEM_READS: &[&str] = &[
    "/etc",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/share/zoneinfo",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/usr/share/pki",
    "/var/lib/ca-certificates",
    "/run/systemd/resolve",
    "/run/nscd",
    timekeeper::FOLDER,
    "/proc",
    "/sys/class/net",
    "/sys/devices",
    "/sys/fs/cgroup",
    "/sys/kernel/mm",
    "/dev/urandom",
    "/dev/random",
];
/// What every process may have to write to.
pub(crate) const SYSTEM_WRITES: &[&str] = &["/dev/null", "/dev/full", "/dev/zero"];
/// Variables of the environment that name what is read.
pub(crate) const READ_BY_VARIABLE: &[&str] = &["CREDENTIALS_DIRECTORY", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Keys that name a file that is written.
const WRITTEN: &[&str] = &["alerts", "flows", "names", "metrics"];

impl Access {
    /// What these settings need. What is named in them is allowed, wherever it lies: somebody who can write the configuration says so.
    pub(crate) fn of(settings: &RunSettings, control: &Path) -> Self {
        let mut access = Self::default();
        access.reads.extend(SYSTEM_READS.iter().map(PathBuf::from));
        access.writes.extend(SYSTEM_WRITES.iter().map(PathBuf::from));
        access.reads.extend(READ_BY_VARIABLE.iter().filter_map(std::env::var_os).map(PathBuf::from));
        let config = settings.common.config.as_deref();
        if let Some(file) = config {
            access.reads_file(file);
        }
        let base = config.and_then(Path::parent).unwrap_or(Path::new("")).to_owned();
        access.named(&settings.effective(), &base);
        // Where `/etc/resolv.conf` leads is somebody else's choice.
        access.reads_file(Path::new("/etc/resolv.conf"));
        access.writes.extend(settings.common.state.clone());
        access.writes_file(control);
        access.settle();
        access
    }

    fn named(&mut self, effective: &Effective, base: &Path) {
        for (key, shown) in effective.shown() {
            let Shown::Plain(value) = shown else { continue };
            for text in texts(value) {
                if WRITTEN.contains(&key) || is_sinks_file(effective, key) {
                    self.writes_file(&base.join(text));
                } else {
                    candidates(text).for_each(|path| self.reads_file(&base.join(path)));
                }
            }
        }
    }

    /// A file that may be replaced by another of its name, so that its folder is what counts; and where links lead.
    fn reads_file(&mut self, path: &Path) {
        for path in [Some(path.to_owned()), path.canonicalize().ok()].into_iter().flatten() {
            match path.metadata() {
                Ok(about) if about.is_file() => self.reads.push(folder_of(&path)),
                Ok(_) => self.reads.push(path),
                Err(_) => {}
            }
        }
    }

    /// A file that is made, rotated and removed in its folder.
    fn writes_file(&mut self, path: &Path) {
        if path.as_os_str() == "-" || path.ends_with("-") {
            return;
        }
        for path in [Some(path.to_owned()), path.canonicalize().ok()].into_iter().flatten() {
            match path.metadata() {
                // A pipe or a device.
                Ok(about) if !about.is_file() && !is_socket(&about) => self.writes.push(path),
                _ => self.writes.push(folder_of(&path)),
            }
        }
    }

    /// Each place once, without links.
    fn settle(&mut self) {
        for places in [&mut self.reads, &mut self.writes] {
            *places = places.iter().filter_map(|path| path.canonicalize().ok()).collect();
            places.sort();
            places.dedup();
        }
    }
}

/// Whether a key is the `path` of a sink that writes files.
fn is_sinks_file(effective: &Effective, key: &str) -> bool {
    let Some(sink) = key.strip_suffix(".path").filter(|sink| sink.starts_with("sink.")) else {
        return false;
    };
    let kind = format!("{sink}.type");
    effective.shown().any(|(key, shown)| *key == *kind && *shown == Shown::Plain("file".into()))
}

fn is_socket(about: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    about.file_type().is_socket()
}

/// The folder of a file, or where it will be made; of a file right below the root itself, because that would be everything.
fn folder_of(path: &Path) -> PathBuf {
    let here = Path::new(".");
    let folders =
        path.ancestors().skip(1).map(|folder| if folder.as_os_str().is_empty() { here } else { folder });
    let there = folders.take_while(|folder| *folder != Path::new("/")).find(|folder| folder.is_dir());
    there.map_or_else(|| path.to_owned(), Path::to_owned)
}

/// All texts in a value.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// What may be a path in a text: all of it, or what stands behind a format (`csv,value=3:PATH`). An address of a server is none.
fn candidates(text: &str) -> impl Iterator<Item = &str> {
    let behind = text.split_once(':').map(|(_, path)| path).filter(|path| !path.starts_with("//"));
    [Some(text), behind].into_iter().flatten().filter(|path| !path.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{CommonArguments, RunArguments};
    use crate::config::Settings;

    #[test]
    fn what_settings_name_is_within_reach_and_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().canonicalize().unwrap().join(name);
        for name in ["etc", "lists", "out", "state", "log", "link", "elsewhere"] {
            std::fs::create_dir(place(name)).unwrap();
        }
        std::fs::write(place("lists/bad.csv"), "192.0.2.1\n").unwrap();
        std::fs::write(place("elsewhere/bad.txt"), "192.0.2.1\n").unwrap();
        std::os::unix::fs::symlink(place("elsewhere/bad.txt"), place("link/bad.txt")).unwrap();
        let written = "interface = [\"lo\"]\nindicators = [\"csv,value=1:../lists/bad.csv\", \"../link/bad.txt\"]\n\
                       state = \"../state\"\nflows = \"../out/flows.jsonl\"\n\
                       [sink.disk]\ntype = \"file\"\npath = \"../log/alerts.jsonl\"\n";
        std::fs::write(place("etc/weir.toml"), written).unwrap();
        let common = CommonArguments { config: Some(place("etc/weir.toml")), ..CommonArguments::default() };
        let settings = Settings::for_run(&RunArguments { common, ..RunArguments::default() }).unwrap();
        let access = Access::of(&settings, &place("control.sock"));
        let reads = |name: &str| access.reads.contains(&place(name));
        let writes = |name: &str| access.writes.contains(&place(name));
        assert!(["etc", "lists", "link", "elsewhere"].into_iter().all(reads), "{access:?}");
        assert!(["state", "out", "log", ""].iter().all(|name| writes(name)), "{access:?}");
        assert!(!["etc", "lists", "link"].into_iter().any(writes), "{access:?}");
        assert!(!access.writes.contains(&"/".into()) && !access.reads.contains(&"/".into()));
    }

    #[test]
    fn a_folder_that_is_not_there_is_made_in_the_one_that_is() {
        assert_eq!(folder_of(Path::new("/etc/no/such/file")), Path::new("/etc"));
        assert_eq!(folder_of(Path::new("/no-such-file")), Path::new("/no-such-file"));
        assert_eq!(folder_of(Path::new("alerts.jsonl")), Path::new("."));
        assert_eq!(candidates("http://192.0.2.1/etc").collect::<Vec<_>>(), ["http://192.0.2.1/etc"]);
    }
}
