//! Arguments of `weir completions` and `weir manual`.

use clap::Args;
use clap_complete::Shell;
use std::path::PathBuf;

/// Arguments of `weir completions`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  weir completions bash > ~/.local/share/bash-completion/completions/weir
  weir completions zsh > ~/.zfunc/_weir
  weir completions fish > ~/.config/fish/completions/weir.fish
The Debian package installs them.")]
pub(crate) struct CompletionsArguments {
    /// For which shell
    pub shell: Shell,
}

/// Arguments of `weir manual`.
#[derive(Args, Debug)]
pub(crate) struct ManualArguments {
    /// The folder to write them to; it is created
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}
