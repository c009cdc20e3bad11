//! The command line. Every flag of `weir read` has a key of the same name (with `_` for `-`) in the configuration file.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Weir turns packets into flows and names, and says which of them meet something known to be bad.
#[derive(Debug, Parser)]
#[command(name = "weir", version, propagate_version = true, max_term_width = 110)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What Weir can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read captures; print alerts as JSON lines on stdout and a summary on stderr.
    Read(Box<ReadArguments>),
}

/// Arguments of `weir read`.
#[derive(Args, Debug, Default)]
#[command(after_help = "\
Exit codes: 0 nothing found, 1 alerts raised, 2 usage or configuration, 3 input unreadable or truncated
(what was readable is still processed and reported).

Examples:
  weir read capture.pcap --indicators bad.txt --home-net 192.0.2.0/24
  weir read *.pcap.gz --indicators lists/ --flows flows.jsonl --names names.jsonl
  zstdcat day.pcapng.zst | weir read - --indicators bad.csv --bpf 'not port 22'")]
pub(crate) struct ReadArguments {
    /// Capture files or folders of them; `-` is standard input. pcap or pcapng, plain, gzip or zstd
    #[arg(required = true, value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,

    /// Indicators: a list, a CSV file, or a folder of them (may be given several times)
    #[arg(short, long, value_name = "PATH", help_heading = "What is bad")]
    pub indicators: Vec<PathBuf>,

    /// Networks that are inside; private ranges when not given (may be given several times, or separated by commas)
    #[arg(long, value_name = "CIDR", value_delimiter = ',', help_heading = "Your network")]
    pub home_net: Vec<String>,

    /// What a host is for: resolver, mail, proxy, nat, scanner, honeypot or tor (`resolver=10.0.0.53`)
    #[arg(long, value_name = "ROLE=CIDR", help_heading = "Your network")]
    pub role: Vec<String>,

    /// Where alerts go; `-` is standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub alerts: Option<PathBuf>,

    /// Write a JSON line for every flow
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub flows: Option<PathBuf>,

    /// Write a JSON line for every DNS message, TLS or QUIC handshake, HTTP request and certificate
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub names: Option<PathBuf>,

    /// Write the counters of the run in Prometheus text format (for node_exporter's textfile collector)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub metrics: Option<PathBuf>,

    /// No progress, no summary; only errors are said
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// Only packets that match this filter (pcap-filter(7))
    #[arg(long, value_name = "EXPRESSION", help_heading = "What is read")]
    pub bpf: Option<String>,

    /// A TCP flow ends after this long without a packet [default: 5m]
    #[arg(long, value_name = "TIME", help_heading = "Flows")]
    pub tcp_idle_timeout: Option<String>,

    /// Any other flow ends after this long without a packet [default: 1m]
    #[arg(long, value_name = "TIME", help_heading = "Flows")]
    pub idle_timeout: Option<String>,

    /// A flow that lasts longer is reported in parts of this length [default: 30m]
    #[arg(long, value_name = "TIME", help_heading = "Flows")]
    pub active_timeout: Option<String>,

    /// Memory for open flows; when it is full, flows that never got an answer go first [default: 1GiB]
    #[arg(long, value_name = "BYTES", help_heading = "Flows")]
    pub flow_memory: Option<String>,

    /// Read settings from this file; flags win over it
    #[arg(short, long, value_name = "FILE", help_heading = "Settings")]
    pub config: Option<PathBuf>,

    /// Remember incidents here between runs, to link the next with the same indicator and host; one process at a time
    #[arg(long, value_name = "DIR", help_heading = "Settings")]
    pub state: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;
    use std::fmt::Write as _;

    /// `docs/CONFIG.md` is made from the command line: `WEIR_UPDATE_DOCS=1 cargo test -p weir config_reference`.
    #[test]
    fn config_reference_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CONFIG.md");
        let written = reference();
        if std::env::var_os("WEIR_UPDATE_DOCS").is_some() {
            std::fs::write(path, &written).unwrap();
        }
        assert!(
            std::fs::read_to_string(path).unwrap() == written,
            "docs/CONFIG.md differs: see this test's comment"
        );
    }

    fn reference() -> String {
        let mut text = String::from(
            "<!-- Made from src/cli.rs by a test of the same file; do not edit. -->\n\
             # Settings\n\n\
             Every flag of `weir read` is also a key of the configuration file (`--config weir.toml`), with `_` for `-`.\n\
             Flags win over the file; a flag that may be given several times replaces the file's list (roles add up).\n\
             Paths in the file are relative to its folder. A key that does not exist is refused, with its line.\n\n",
        );
        text.push_str(EXAMPLE);
        let mut command = Cli::command();
        command.build();
        let read = command.find_subcommand("read").unwrap();
        text.push_str("| flag | key | meaning |\n|---|---|---|\n");
        for argument in read
            .get_arguments()
            .filter(|argument| argument.get_long().is_some_and(|long| long != "help" && long != "version"))
        {
            let long = argument.get_long().unwrap();
            let key = if long == "config" { "-".to_owned() } else { format!("`{}`", long.replace('-', "_")) };
            let value = argument.get_value_names().filter(|_| argument.get_action().takes_values());
            let value =
                value.and_then(|names| names.first()).map_or(String::new(), |name| format!(" {name}"));
            writeln!(text, "| `--{long}{value}` | {key} | {} |", argument.get_help().unwrap()).unwrap();
        }
        text
    }

    const EXAMPLE: &str = r#"```toml
indicators = ["lists/", "own.csv"]
home_net = ["192.0.2.0/24", "2001:db8:20::/48"]
flows = "flows.jsonl"
idle_timeout = "90s"

[role]
resolver = ["192.0.2.53"]
mail = ["192.0.2.25", "192.0.2.26"]
```

"#;

    #[test]
    fn the_documented_example_is_a_valid_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weir.toml");
        std::fs::write(
            &path,
            EXAMPLE.lines().filter(|line| !line.starts_with("```")).collect::<Vec<_>>().join("\n"),
        )
        .unwrap();
        let flags = ReadArguments { config: Some(path), ..ReadArguments::default() };
        let settings = crate::config::Settings::new(&flags).unwrap();
        assert_eq!(settings.flows.unwrap(), folder.path().join("flows.jsonl"));
        assert_eq!(settings.roles.len(), 3);
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
