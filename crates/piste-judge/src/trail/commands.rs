//! What a command asks another computer for.
//!
//! In: a command line. Out: the computer that it names and what is to happen there: a service, a task, a program. The row of that
//! computer which says that this came about is the other end of one exchange. Sources of the forms: Microsoft's references of `sc`,
//! `schtasks`, `wmic`, `winrs` and `at`.

use super::programs::file_name;

/// What is to happen on the other computer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Asks {
    /// A service of this name, in lower case.
    Service(String),
    /// A task of this name, in lower case and without its folder's leading sign.
    Task(String),
    /// A program of this file name, in lower case.
    Program(String),
    /// Something that no name is given to.
    Anything,
}

/// A command to another computer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RemoteCommand {
    /// The computer as the command names it.
    pub(crate) host: String,
    pub(crate) asks: Asks,
}

/// The longest name of a computer.
const NAME_MAX: usize = 253;

/// The command of a line whose first word is the program that carries it out; `None` where it stays on its own computer.
pub(crate) fn remote(line: &str) -> Option<RemoteCommand> {
    let words = words(line);
    let tool = file_name(words.first()?);
    let tool = tool.strip_suffix(".exe").unwrap_or(&tool);
    let rest = words.get(1..).unwrap_or_default();
    match tool {
        "sc" => {
            let host = unc_host(rest.first()?)?;
            let name = rest.get(2).filter(|_| rest.get(1).is_some_and(|verb| verb.len() > 2));
            Some(told(host, name.map(|name| Asks::Service(name.to_lowercase()))))
        }
        "schtasks" => {
            let host = after(rest, "/s")?;
            let task = after(rest, "/tn").map(|name| name.trim_start_matches('\\').to_lowercase());
            Some(told(host.trim_start_matches('\\'), task.map(Asks::Task)))
        }
        "wmic" => {
            let host = behind(rest, &["/node:", "-node:"])?;
            Some(told(host.trim_start_matches('\\'), program_behind(rest, "create")))
        }
        "winrs" => {
            let host = behind(rest, &["-r:", "/r:", "-remote:", "/remote:"])?;
            let program =
                rest.iter().find(|word| !word.starts_with(['-', '/'])).and_then(|word| program(word));
            Some(told(host, program))
        }
        "psexec" | "psexec64" | "paexec" | "at" | "reg" | "net" | "net1" | "robocopy" | "xcopy" => {
            let host = rest.iter().find_map(|word| unc_host(word))?;
            Some(told(host, None))
        }
        _ => None,
    }
    .filter(|command| is_name(&command.host))
}

fn told(host: &str, asks: Option<Asks>) -> RemoteCommand {
    RemoteCommand { host: host.to_owned(), asks: asks.unwrap_or(Asks::Anything) }
}

/// Words as Windows divides a line: quotes hold one together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            letter if letter.is_whitespace() && !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            letter => word.push(letter),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// `DC01` of `\\DC01` and of `\\DC01\C$\x`.
fn unc_host(word: &str) -> Option<&str> {
    let host = word.strip_prefix(r"\\")?.split('\\').next()?;
    (!host.is_empty() && !matches!(host, "." | "?")).then_some(host)
}

/// The word after an option.
fn after<'a>(words: &'a [String], option: &str) -> Option<&'a str> {
    let at = words.iter().position(|word| word.eq_ignore_ascii_case(option))?;
    words.get(at + 1).map(String::as_str)
}

/// What stands behind an option in one word.
fn behind<'a>(words: &'a [String], options: &[&str]) -> Option<&'a str> {
    words.iter().find_map(|word| {
        let front =
            |option: &&str| word.get(..option.len()).is_some_and(|front| front.eq_ignore_ascii_case(option));
        word.get(options.iter().find(|option| front(option))?.len()..)
    })
}

fn program_behind(words: &[String], verb: &str) -> Option<Asks> {
    program(after(words, verb)?)
}

/// The program that a command line of its own begins with.
fn program(line: &str) -> Option<Asks> {
    let name = file_name(line.trim_start_matches('"').split([' ', '"']).next()?);
    let name = if name.contains('.') { name } else { format!("{name}.exe") };
    (name.len() > 4).then_some(Asks::Program(name))
}

fn is_name(host: &str) -> bool {
    let fits = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '.' | '_');
    let own = ["localhost", "127.0.0.1", ".", "-"];
    !host.is_empty()
        && host.len() <= NAME_MAX
        && host.chars().all(fits)
        && !own.iter().any(|one| host.eq_ignore_ascii_case(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Option<(&str, Asks)>) {
        let expected = expected.map(|(host, asks)| RemoteCommand { host: host.to_owned(), asks });
        assert_eq!(remote(line), expected, "{line}");
    }

    #[test]
    fn commands_name_the_computer_and_what_is_to_happen_there() {
        let service = |name: &str| Asks::Service(name.to_owned());
        check(r#"sc \\DC01 create WinNetSvc binPath= "C:\x y\w.exe""#, Some(("DC01", service("winnetsvc"))));
        check(
            r"C:\Windows\System32\sc.exe \\dc01.min.example start Evil",
            Some(("dc01.min.example", service("evil"))),
        );
        check("sc create Local binPath= x", None);
        check("sc query", None);
        let task = |name: &str| Some(Asks::Task(name.to_owned()));
        check(
            r"schtasks /create /s WS07 /ru SYSTEM /tn \AdobeFlashSync /tr C:\a.exe",
            task("adobeflashsync").map(|task| ("WS07", task)),
        );
        check(r"schtasks /create /tn Local /tr x", None);
        let program = |name: &str| Asks::Program(name.to_owned());
        check(r#"wmic /node:WS5 process call create "C:\P\w5.exe -q""#, Some(("WS5", program("w5.exe"))));
        check(r#"wmic /node:"WS5" process call create cmd"#, Some(("WS5", program("cmd.exe"))));
        check("winrs -r:WS6 whoami /all", Some(("WS6", program("whoami.exe"))));
        check(r"net use \\DC5\C$ /user:CORP\svc5 P", Some(("DC5", Asks::Anything)));
        check(r"psexec.exe -s \\WS9 cmd", Some(("WS9", Asks::Anything)));
        check(r"reg query \\.\HKLM", None);
        check(r"net use \\localhost\C$", None);
        check("", None);
        check(r#"""#, None);
    }
}
