//! Command lines that make or take away what stays.
//!
//! In: the command line of a process. Out: the account, membership, task, service, value or consumer that it speaks of. A command that
//! was run may have failed: what it names is looked for all the same. Sources: Microsoft's documentation of net, schtasks, sc, reg,
//! appcmd and wmic.

use piste_model::removal::{NameSort, TraceKind};

use super::names::{account, is_of_somebody, is_telling_program, path, program, task};
use super::rows::Row;
use super::trace::{Act, Trace};

/// Characters of a command line that are read.
const LINE_MAX: usize = 8_192;

pub(super) fn read(row: &Row<'_>, found: &mut Vec<Trace>) {
    let is_process = matches!((row.dataset, row.code()), ("windows.sysmon", 1) | ("windows.security", 4688))
        || row.dataset == "defender.process";
    if is_process {
        of_line(row.first(&["CommandLine", "ProcessCommandLine"]), found);
    }
}

fn of_line(line: &str, found: &mut Vec<Trace>) {
    let line: String = line.chars().take(LINE_MAX).collect();
    // What a shell is told to run stands behind /c, and several commands behind each other.
    for part in line.split(['&', '|', ';']) {
        let words = words(part);
        let starts = words.iter().position(|word| tool(word).is_some());
        let Some(start) = starts else { continue };
        let (Some(tool), Some(rest)) = (words.get(start).and_then(|word| tool(word)), words.get(start + 1..))
        else {
            continue;
        };
        match tool {
            "net" | "net1" => net(rest, found),
            "schtasks" => schtasks(rest, found),
            "sc" => sc(rest, found),
            "reg" => reg(rest, found),
            "appcmd" => appcmd(rest, found),
            _ => wmic(part, found),
        }
    }
}

/// The tool that a word names.
fn tool(word: &str) -> Option<&'static str> {
    let lower = word.to_lowercase();
    let name = lower.rsplit(['\\', '/']).next().unwrap_or_default();
    let name = name.strip_suffix(".exe").unwrap_or(name);
    ["net", "net1", "schtasks", "sc", "reg", "appcmd", "wmic"].into_iter().find(|tool| *tool == name)
}

/// Words of a command line; quotes hold one together, a quoted quote ends as Windows has it.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for sign in text.chars() {
        match sign {
            '"' => {
                quoted = !quoted;
                begun = true;
            }
            sign if sign.is_whitespace() && !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            sign => {
                word.push(sign);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// The word behind a switch, `/tn NAME` or `-tn NAME`.
fn behind<'w>(words: &'w [String], switch: &str) -> Option<&'w str> {
    let is_it =
        |word: &String| word.strip_prefix(['/', '-']).is_some_and(|name| name.eq_ignore_ascii_case(switch));
    let at = words.iter().position(is_it)?;
    words.get(at + 1).map(String::as_str)
}

fn has(words: &[String], switch: &str) -> bool {
    words
        .iter()
        .any(|word| word.strip_prefix(['/', '-']).is_some_and(|name| name.eq_ignore_ascii_case(switch)))
}

fn net(words: &[String], found: &mut Vec<Trace>) {
    let act = if has(words, "add") {
        Act::Made
    } else if has(words, "delete") {
        Act::Removed
    } else {
        return;
    };
    let plain: Vec<&String> = words.iter().filter(|word| !word.starts_with('/')).collect();
    let (what, first, second) = (plain.first(), plain.get(1), plain.get(2));
    match (what.map(|word| word.to_lowercase()).as_deref(), first, second) {
        (Some("user"), Some(name), _) => {
            let plain = account(name);
            if is_of_somebody(&plain) {
                found.push(Trace::new(TraceKind::Account, act, name).named(NameSort::Name, plain));
            }
        }
        (Some("localgroup" | "group"), Some(group), Some(member)) => {
            let (plain, who) = (account(group), account(member));
            let trace = Trace::new(TraceKind::GroupRight, act, &format!("{group} <- {member}"));
            found.push(trace.named(NameSort::Name, format!("{plain} <- {who}")));
        }
        _ => {}
    }
}

fn schtasks(words: &[String], found: &mut Vec<Trace>) {
    let act = if has(words, "create") {
        Act::Made
    } else if has(words, "delete") {
        Act::Removed
    } else {
        return;
    };
    // One that is made on another computer is not of this row's.
    let (Some(name), false) = (behind(words, "tn"), has(words, "s")) else { return };
    let mut trace = Trace::new(TraceKind::Task, act, name).named(NameSort::Name, task(name));
    let runs = behind(words, "tr").map(program).unwrap_or_default();
    if is_telling_program(&runs) {
        trace = trace.named(NameSort::Runs, runs);
    }
    found.push(trace);
}

fn sc(words: &[String], found: &mut Vec<Trace>) {
    if words.first().is_some_and(|word| word.starts_with(r"\\")) {
        return; // on another computer
    }
    let act = match words.first().map(|word| word.to_lowercase()).as_deref() {
        Some("create") => Act::Made,
        Some("delete") => Act::Removed,
        _ => return,
    };
    let Some(name) = words.get(1) else { return };
    let mut trace = Trace::new(TraceKind::Service, act, name).named(NameSort::Name, name.to_lowercase());
    let at = words.iter().position(|word| word.to_lowercase().starts_with("binpath="));
    let image = at.and_then(|at| {
        let own = words.get(at).and_then(|word| word.get("binpath=".len()..)).filter(|rest| !rest.is_empty());
        own.or_else(|| words.get(at + 1).map(String::as_str))
    });
    let runs = image.map(program).unwrap_or_default();
    if is_telling_program(&runs) {
        trace = trace.named(NameSort::Runs, runs);
    }
    found.push(trace);
}

fn reg(words: &[String], found: &mut Vec<Trace>) {
    let act = match words.first().map(|word| word.to_lowercase()).as_deref() {
        Some("add") => Act::Made,
        Some("delete") => Act::Removed,
        _ => return,
    };
    let (Some(key), Some(name)) = (words.get(1), behind(words, "v")) else { return };
    let long = [("hklm", "HKEY_LOCAL_MACHINE"), ("hku", "HKEY_USERS")];
    let lower = key.to_lowercase();
    let known = long.iter().any(|(short, whole)| {
        lower.starts_with(&format!(r"{short}\")) || lower.starts_with(&format!(r"{}\", whole.to_lowercase()))
    });
    if known {
        let object = format!(r"{key}\{name}");
        super::autostart::value(&object, behind(words, "d").unwrap_or_default(), act, found);
    }
}

fn appcmd(words: &[String], found: &mut Vec<Trace>) {
    let act = match words.first().map(|word| word.to_lowercase()).as_deref() {
        Some("install" | "add") => Act::Made,
        Some("uninstall" | "delete") => Act::Removed,
        _ => return,
    };
    if !words.get(1).is_some_and(|word| word.eq_ignore_ascii_case("module")) {
        return;
    }
    let value = |name: &str| {
        words
            .iter()
            .find_map(|word| word.to_lowercase().starts_with(name).then(|| word.get(name.len()..)).flatten())
    };
    let bare = words.get(2).map(String::as_str).filter(|word| !word.starts_with('/'));
    let Some(name) = value("/name:").or(bare) else { return };
    let mut trace = Trace::new(TraceKind::Module, act, name).named(NameSort::Name, name.to_lowercase());
    let image = value("/image:").map(path).unwrap_or_default();
    if is_telling_program(&image) {
        trace = trace.named(NameSort::Runs, image);
    }
    found.push(trace);
}

/// `wmic /namespace:\\root\subscription PATH CommandLineEventConsumer CREATE Name="x", …`
fn wmic(line: &str, found: &mut Vec<Trace>) {
    let lower = line.to_lowercase();
    if !lower.contains("eventconsumer") {
        return;
    }
    let act = if lower.contains(" create ") {
        Act::Made
    } else if lower.contains(" delete") {
        Act::Removed
    } else {
        return;
    };
    let Some(at) = lower.find("name=") else { return };
    let rest = line.get(at + "name=".len()..).unwrap_or_default();
    let name: String = rest
        .trim_start_matches(['\\', '"', '\''])
        .chars()
        .take_while(|sign| !matches!(sign, '"' | '\'' | '\\' | ','))
        .collect();
    found.push(Trace::new(TraceKind::WmiConsumer, act, &name).named(NameSort::Name, name.to_lowercase()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> Vec<String> {
        let mut found = Vec::new();
        of_line(line, &mut found);
        found.iter().map(|one| format!("{} {:?} {}", one.kind.as_str(), one.act, one.place)).collect()
    }

    #[test]
    fn commands_that_make_something_stay_are_read() {
        for (line, wanted) in [
            ("net user helper P@ss /add /domain", "account Made helper"),
            ("C:\\Windows\\system32\\net1 user helper /delete", "account Removed helper"),
            (
                "cmd /c net localgroup Administrators MIN\\helper /add",
                "group-right Made Administrators <- MIN\\helper",
            ),
            ("schtasks /create /tn \"Upd\" /tr C:\\ProgramData\\u.exe /sc daily", "task Made Upd"),
            ("sc create Upd binpath= \"C:\\ProgramData\\u.exe -k\"", "service Made Upd"),
            (
                "reg add HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Run /v Upd /d C:\\ProgramData\\u.exe",
                "run-value Made HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\Upd",
            ),
            ("appcmd.exe install module /name:Log /image:C:\\ProgramData\\l.dll", "module Made Log"),
            (
                "wmic /namespace:\\\\root\\subscription PATH CommandLineEventConsumer CREATE Name=\"Upd\", X=1",
                "wmi-consumer Made Upd",
            ),
        ] {
            assert_eq!(told(line), [wanted], "{line}");
        }
        for line in [
            "net user",
            "net group \"Domain Admins\" /domain",
            "schtasks /query",
            "sc \\\\DC01 create X binpath= y",
            "reg query HKLM\\x",
        ] {
            assert_eq!(told(line), Vec::<String>::new(), "{line}");
        }
    }
}
