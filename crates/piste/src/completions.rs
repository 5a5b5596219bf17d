//! `piste completions` and `piste man`: what a shell completes, and the manual.
//!
//! In: the name of a shell, or a command. Out: a script for that shell, or a page in roff, on stdout, made from the same
//! definitions as `--help`.

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::out;

/// Prints what a shell needs to complete piste's commands.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  piste completions bash > ~/.local/share/bash-completion/completions/piste\n  piste completions zsh > \"${fpath[1]}/_piste\""
)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    shell: ShellName,
}

/// Shells that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ShellName {
    /// bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
    /// `PowerShell`.
    Powershell,
}

/// Prints the manual page, in roff.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste man | man -l -\n  piste man investigate > piste-investigate.1")]
pub(crate) struct Man {
    /// The command whose page is wanted, as `investigate` or `rules check`; the page of piste itself if not given.
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

/// Prints a shell's script.
pub(crate) fn run(arguments: &Completions) -> u8 {
    let shell = match arguments.shell {
        ShellName::Bash => Shell::Bash,
        ShellName::Zsh => Shell::Zsh,
        ShellName::Fish => Shell::Fish,
        ShellName::Powershell => Shell::PowerShell,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "piste", &mut script);
    out::data(&String::from_utf8_lossy(&script));
    0
}

/// Prints a manual page.
pub(crate) fn man(arguments: &Man) -> Result<u8, Failure> {
    let mut command = Cli::command();
    command.build();
    let mut name = "piste".to_owned();
    for part in &arguments.command {
        let Some(inner) = command.find_subcommand(part).cloned() else {
            return Err(Failure::usage(
                "command-unknown",
                format!("`{name}` has no command `{part}`"),
                "nothing was printed",
                format!("`{name} --help` lists its commands"),
            ));
        };
        command = inner;
        name = format!("{name} {part}");
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .title(name.replace(' ', "-"))
        .render(&mut page)
        .map_err(|error| Failure::output(format!("the page cannot be made: {error}")))?;
    out::data(&String::from_utf8_lossy(&page));
    Ok(0)
}
