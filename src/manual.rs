//! Manual pages and completions for shells, made from the command line: `scripts/package.sh` puts them into the Debian package.

use crate::Outcome;
use crate::cli::{Cli, CompletionsArguments, ManualArguments};
use crate::output;
use anyhow::{Context as _, Result};
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use std::io::Write as _;
use std::path::Path;

/// Prints what a shell wants to know to complete a command line.
pub(crate) fn completions(arguments: &CompletionsArguments) -> Result<Outcome> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "weir", &mut text);
    // Whoever closed standard output does not want to know.
    drop(output::open(Path::new("-"))?.write_all(&text));
    Ok(Outcome::Clean)
}

/// Writes a page for the program and one for each of its commands: `weir.1`, `weir-intel-sync.1` ...
pub(crate) fn manual(arguments: &ManualArguments) -> Result<Outcome> {
    let folder = &arguments.folder;
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    std::fs::create_dir_all(folder)
        .map_err(Into::into)
        .and_then(|()| pages(&command, folder))
        .with_context(|| format!("cannot write manual pages to {}", folder.display()))?;
    Ok(Outcome::Clean)
}

fn pages(command: &Command, folder: &Path) -> Result<()> {
    let name = page_name(command);
    let page = Man::new(command.clone().display_name(&name))
        .title(name.to_uppercase())
        .source(format!("weir {}", env!("CARGO_PKG_VERSION")))
        .manual("Weir");
    let mut text = Vec::new();
    page.render(&mut text)?;
    std::fs::write(folder.join(format!("{name}.1")), text)?;
    let shown = command.get_subcommands().filter(|inner| !inner.is_hide_set());
    shown.into_iter().try_for_each(|inner| pages(inner, folder))
}

/// `weir intel sync` has its page under `weir-intel-sync`.
fn page_name(command: &Command) -> String {
    command.get_bin_name().unwrap_or_else(|| command.get_name()).replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command as Process;

    #[test]
    fn every_command_has_a_page_that_troff_reads_without_complaint() {
        let folder = tempfile::tempdir().unwrap();
        manual(&ManualArguments { folder: folder.path().to_owned() }).unwrap();
        let mut names: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        for name in ["weir.1", "weir-run.1", "weir-intel-sync.1", "weir-mute-list.1"] {
            assert!(names.iter().any(|other| other == name), "{name} is not in {names:?}");
        }
        assert!(!names.iter().any(|name| name.contains("help") || name.contains("manual")), "{names:?}");
        let Ok(checked) = Process::new("man")
            .args(["--warnings=w", "--encoding=utf8", "--local-file"])
            .args(names.iter().map(|name| folder.path().join(name)))
            .env("MANPAGER", "cat")
            .output()
        else {
            return println!("skipped: there is no man to read them");
        };
        let said = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success() && said.is_empty(), "{said}");
        let shown = String::from_utf8_lossy(&checked.stdout);
        assert!(shown.contains("weir run --interface eth1"), "examples are shown");
    }

    #[test]
    fn shells_are_told_of_every_command() {
        for shell in [clap_complete::Shell::Bash, clap_complete::Shell::Zsh, clap_complete::Shell::Fish] {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "weir", &mut text);
            let text = String::from_utf8(text).unwrap();
            for word in ["rehearse", "unmute", "flow-memory"] {
                assert!(text.contains(word), "{shell}: {word}");
            }
        }
    }
}
