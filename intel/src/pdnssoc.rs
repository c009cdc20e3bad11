//! The configuration of Unicor and pDNSSOC as it stands: it names the files that `fetch-iocs` writes, and MISP instances.
//!
//! Of the YAML, only lines `key: text` are of interest, and what they are called is fixed; of API keys nothing is kept.

use crate::collect::{Collector, Origin};
use crate::format::Format;
use crate::lines::{Lines, MAX_LINE_BYTES};
use crate::source::Source;
use crate::{Place, RefusalReason};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Most bytes that are looked at: real ones have two thousand.
const MAX_CONFIGURATION_BYTES: u64 = 4 * MAX_LINE_BYTES as u64;

/// A configuration.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Configuration {
    /// The lists of indicators.
    lists: Vec<PathBuf>,
    /// MISP instances, with their lines.
    instances: Vec<(u32, String)>,
}

/// Reads the configuration that a source names. Only one that was named itself: a file that merely lies in a folder of lists must
/// not make us open others. `None`: it is something else.
pub(crate) fn open(source: &Source) -> Option<Configuration> {
    let is_named = source.reading.format == Some(Format::Pdnssoc);
    if !is_named && source.reading.format.is_some() {
        return None;
    }
    let path = source.path();
    let file = File::open(path).ok().filter(|_| path.is_file())?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let (configuration, is_one) = parse(BufReader::new(file.take(MAX_CONFIGURATION_BYTES)), folder);
    (is_named || is_one).then_some(configuration)
}

impl Configuration {
    /// The lists, as sources.
    pub(crate) fn sources(&self) -> impl Iterator<Item = Source> + '_ {
        self.lists.iter().map(|path| Source::of_path(path))
    }

    /// Says what files cannot give.
    pub(crate) fn refuse_instances(&self, origin: &Origin, collector: &mut Collector<'_>) {
        for (line, address) in &self.instances {
            collector.refuse(origin, Place::Line(*line), address, RefusalReason::NotAFile);
        }
    }
}

/// The configuration, and whether the text is one.
fn parse(input: impl BufRead, folder: &Path) -> (Configuration, bool) {
    let mut configuration = Configuration::default();
    let mut section = String::new();
    let mut has_instances = false;
    let mut lines = Lines::new(input);
    while let Ok(Some(line)) = lines.next() {
        let Ok(text) = line.text else { break };
        let is_section = text.starts_with(|c: char| c.is_ascii_alphabetic());
        let Some((key, value)) = text.split_once(':') else { continue };
        let key = key.trim_start_matches([' ', '-']).trim();
        if is_section {
            key.clone_into(&mut section);
            has_instances |= section == "misp_servers";
        }
        let value = scalar(value);
        match (section.as_str(), key) {
            ("misp_servers", "domain") if !value.is_empty() => {
                configuration.instances.push((line.number, value.to_owned()));
            }
            ("correlation", "malicious_domains_file" | "malicious_ips_file") if !value.is_empty() => {
                configuration.lists.push(folder.join(value));
            }
            _ => {}
        }
    }
    let is_one = has_instances && !configuration.lists.is_empty();
    (configuration, is_one)
}

/// `"text" # comment`, `text # comment`
fn scalar(text: &str) -> &str {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            return rest.split(quote).next().unwrap_or_default();
        }
    }
    let text = text.split(" #").next().unwrap_or(text).trim();
    if text.starts_with('#') { "" } else { text }
}

#[cfg(test)]
mod tests {
    use crate::RefusalReason;
    use crate::tests::load_path;
    use std::fs;
    use std::path::Path;
    use tempfile::TempDir;

    const CONFIGURATION: &str = "logging_level: \"INFO\" # x\nmisp_servers:\n - domain: \"https://misp.example/\" # <-- here\n\
        \x20  api_key: \"secret\"\n   args:\n     enforce_warninglist: True\ncorrelation: # x\n  input_dir: /var/unicor/matches\n\
        \x20 malicious_domains_file: domains.txt # from MISP\n  malicious_ips_file: 'ips.txt'\nalerting:\n  slack:\n";

    #[test]
    fn the_lists_that_it_names_are_read_and_instances_are_told_of() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("config.yml");
        fs::write(&path, CONFIGURATION).unwrap();
        fs::write(folder.path().join("domains.txt"), "evil.example\n").unwrap();
        fs::write(folder.path().join("ips.txt"), "192.0.2.1\n").unwrap();
        let loaded = load_path(&path);
        let values: Vec<_> = loaded.indicators.iter().map(|indicator| indicator.value.to_string()).collect();
        assert_eq!(values, ["evil.example", "192.0.2.1"]);
        let refused: Vec<_> =
            loaded.refused.iter().map(|refusal| (refusal.text.as_str(), refusal.reason)).collect();
        assert_eq!(refused, [("https://misp.example/", RefusalReason::NotAFile)]);
        assert_eq!(&*loaded.indicators[0].contexts[0].source, "domains.txt");
        let named = format!("pdnssoc:{}", path.display());
        assert_eq!(load_path(Path::new(&named)).indicators.len(), 2);
    }

    /// A feed must not make us open files of its choice.
    #[test]
    fn one_that_lies_among_lists_leads_nowhere() {
        let (folder, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let list = outside.path().join("list.txt");
        fs::write(&list, "evil.example\n").unwrap();
        let text = CONFIGURATION.replace("domains.txt", &list.display().to_string());
        fs::write(folder.path().join("config.yml"), text).unwrap();
        assert!(
            !load_path(folder.path())
                .indicators
                .iter()
                .any(|indicator| indicator.value.to_string() == "evil.example")
        );
    }
}
