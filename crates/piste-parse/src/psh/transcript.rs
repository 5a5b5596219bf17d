//! PowerShell's transcripts, in any language.
//!
//! In: the whole file. Out: a row a command with what it answered. A header between two lines of stars says who, as whom, on
//! which machine, in which program; it is read by its order and the form of its values, since its words are in the system's
//! language. Times are the machine's own. A command's time is the one that stands before it, or where invocations have
//! no header, the transcript's start.

use piste_model::Instant;
use piste_model::schema::Role;

use crate::block::Block;
use crate::whole::{Table, text_of};
use crate::{Context, Parsed};

/// Stars of a line that divides: 22 are written.
const STARS_MIN: usize = 20;
/// Lines between two lines of stars that may be a header.
const HEADER_LINES_MAX: usize = 40;
/// Bytes of a command's answer that are kept.
const OUTPUT_BYTES_MAX: usize = 16 << 10;
/// Commands of one session; what follows is the answer to the last.
const COMMANDS_MAX: usize = 100_000;
/// Bytes of a file's beginning that tell.
const TELLING_BYTES: usize = 8 << 10;
/// What PowerShell writes behind a prompt without anybody having typed it.
const NOTES: [&str; 4] =
    ["TerminatingError(", "CommandInvocation(", "ParameterBinding(", ">> TerminatingError("];

/// Whether a file that begins so is a transcript.
pub fn recognise(head: &[u8], _name: &str) -> bool {
    let text = text_of(head.get(..head.len().min(TELLING_BYTES)).unwrap_or_default());
    let lines: Vec<&str> = text.lines().take(HEADER_LINES_MAX + 2).collect();
    match lines.iter().position(|line| !line.trim().is_empty()) {
        Some(first) => {
            lines.get(first).is_some_and(|line| is_stars(line))
                && Session::read(&between(&lines, first)).is_some()
        }
        None => false,
    }
}

fn is_stars(line: &str) -> bool {
    let line = line.trim();
    line.len() >= STARS_MIN && line.bytes().all(|byte| byte == b'*')
}

/// The lines between the stars at `at` and the next ones; none where those are far.
fn between<'t>(lines: &[&'t str], at: usize) -> Vec<&'t str> {
    let rest = lines.get(at + 1..).unwrap_or_default();
    let end = rest.iter().take(HEADER_LINES_MAX + 1).position(|line| is_stars(line));
    end.and_then(|end| rest.get(..end)).unwrap_or_default().to_vec()
}

/// `key: value`, in any language.
fn pair(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once([':', '：'])?;
    Some((key.trim(), value.trim()))
}

/// `20210303010203` in the machine's own time.
fn moment(text: &str) -> Option<Instant> {
    if text.len() != 14 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    Instant::parse(&format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    ))
}

/// What a header says, and the commands under it.
#[derive(Debug, Default)]
struct Session {
    start: Option<Instant>,
    end: Option<Instant>,
    machine: String,
    facts: Vec<(&'static str, String)>,
    commands: Vec<Command>,
}

impl Session {
    /// A header, by its form: a time, then the user, then the machine with its system in brackets.
    fn read(lines: &[&str]) -> Option<Self> {
        let pairs: Vec<(&str, &str)> = lines.iter().filter_map(|line| pair(line)).collect();
        let first = pairs.iter().position(|(_, value)| moment(value).is_some())?;
        let pairs = pairs.get(first..)?;
        let value = |at: usize| pairs.get(at).map_or("", |(_, value)| *value);
        let machine_at = pairs.iter().position(|(_, value)| value.contains(" (") && value.ends_with(')'))?;
        if machine_at == 0 || machine_at > 6 {
            return None;
        }
        let machine = value(machine_at).split(" (").next().unwrap_or_default().to_owned();
        let mut facts = vec![("User", value(1)), ("OperatingSystem", value(machine_at))];
        if machine_at > 2 {
            facts.push(("RunAsUser", value(2)));
        }
        facts.push(("HostApplication", value(machine_at + 1)));
        facts.push(("ProcessId", value(machine_at + 2)));
        let named = pairs.iter().filter_map(|(key, value)| {
            let names = ["PSVersion", "PSEdition"];
            names.into_iter().find(|name| name == key).map(|name| (name, *value))
        });
        facts.extend(named);
        Some(Self {
            start: moment(value(0)),
            machine,
            facts: facts.into_iter().map(|(name, value)| (name, value.to_owned())).collect(),
            ..Self::default()
        })
    }

    fn push_rows(&mut self, table: &mut Table<'_>) {
        // A session in which nobody typed is a row too: it was there.
        if self.commands.is_empty() {
            self.commands.push(Command::default());
        }
        for command in &self.commands {
            table.fields.clear();
            table.put("CommandLine", command.text.trim_end());
            if !command.text.is_empty() {
                table.fields.push("ScriptBlockText", command.text.trim_end(), Role::Copy);
            }
            for (name, value) in &self.facts {
                table.put(name, value);
            }
            table.time("TranscriptStart", self.start);
            table.time("TranscriptEnd", self.end);
            table.put("Output", command.output.trim_end());
            if command.output_bytes > command.output.len() {
                table.number("OutputBytes", Some(command.output_bytes));
            }
            table.number("Line", Some(command.line).filter(|line| *line > 0));
            let (time, basis) = match command.time {
                Some(time) => (Some(time), "command start, zone unknown"),
                None => (self.start, "transcript start, zone unknown"),
            };
            table.row(time, basis, &self.machine);
        }
    }
}

#[derive(Debug, Default)]
struct Command {
    time: Option<Instant>,
    text: String,
    output: String,
    /// Bytes of the answer, also of what is not kept.
    output_bytes: usize,
    line: usize,
}

impl Command {
    fn answer(&mut self, line: &str) {
        self.output_bytes += line.len() + 1;
        let room = OUTPUT_BYTES_MAX.saturating_sub(self.output.len() + 1);
        if room > 0 {
            self.output.push_str(line.get(..line.floor_char_boundary(room)).unwrap_or_default());
            self.output.push('\n');
        }
    }
}

/// Parses the file, which is one block.
pub fn parse_file(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut table = Table::of(block, cx, "powershell.transcript");
    let text = text_of(&block.bytes);
    let lines: Vec<&str> = text.lines().collect();
    let mut walk = Walk::default();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        piste_model::guard::check();
        let inner = if is_stars(line) { between(&lines, at) } else { Vec::new() };
        if !inner.is_empty() && walk.see_block(&inner, &mut table) {
            at += inner.len() + 2;
            continue;
        }
        walk.see_line(line, at + 1);
        at += 1;
    }
    match walk.session {
        Some(mut session) => session.push_rows(&mut table),
        None if table.rows() == 0 && !block.bytes.is_empty() => {
            let what = "it has no header of a transcript that can be read".to_owned();
            table.damaged("transcript-damaged", 0, None, what);
        }
        None => {}
    }
    table.finish()
}

/// The text as it is gone through.
#[derive(Default)]
struct Walk {
    session: Option<Session>,
    /// The time of the command that follows.
    time: Option<Instant>,
    /// The prompt's lines may go on.
    typing: bool,
}

impl Walk {
    /// Takes in what stands between two lines of stars, if it is a header, a command's time or the end.
    fn see_block(&mut self, inner: &[&str], table: &mut Table<'_>) -> bool {
        if let Some(session) = Session::read(inner) {
            if let Some(mut before) = self.session.replace(session) {
                before.push_rows(table);
            }
            (self.time, self.typing) = (None, false);
            return true;
        }
        let time = inner.last().and_then(|line| pair(line)).and_then(|(_, value)| moment(value));
        let Some(session) = self.session.as_mut().filter(|_| time.is_some() && inner.len() <= 2) else {
            return false;
        };
        if inner.len() == 1 {
            self.time = time;
        } else {
            session.end = time;
        }
        self.typing = false;
        true
    }

    fn see_line(&mut self, line: &str, number: usize) {
        let Some(session) = &mut self.session else { return };
        if let Some(typed) = typed(line) {
            if typed.trim().is_empty() {
                return;
            }
            let full = session.commands.len() >= COMMANDS_MAX;
            if !full && !NOTES.iter().any(|note| typed.starts_with(note)) {
                let command = Command {
                    time: self.time.take(),
                    text: typed.to_owned(),
                    line: number,
                    ..Command::default()
                };
                session.commands.push(command);
                self.typing = true;
                return;
            }
        } else if let Some(more) = line.strip_prefix(">> ").filter(|_| self.typing)
            && let Some(command) = session.commands.last_mut()
            && !NOTES.iter().any(|note| line.starts_with(note))
        {
            command.text.push('\n');
            command.text.push_str(more);
            return;
        }
        self.typing = false;
        // Behind a command's time stands the command, whatever its prompt looks like.
        if !line.trim().is_empty()
            && session.commands.len() < COMMANDS_MAX
            && typed(line).is_none()
            && let Some(time) = self.time.take()
        {
            let command =
                Command { time: Some(time), text: line.to_owned(), line: number, ..Command::default() };
            session.commands.push(command);
            self.typing = true;
            return;
        }
        // What stands before the first command is the session's own: a script that was run, or that the transcript began.
        if session.commands.is_empty() && !line.trim().is_empty() {
            session.commands.push(Command { line: number, ..Command::default() });
        }
        if let Some(command) = session.commands.last_mut() {
            command.answer(line);
        }
    }
}

/// What follows a prompt: `PS C:\> `, `PS>`, `[SRV01]: PS C:\> `.
fn typed(line: &str) -> Option<&str> {
    let local = match line.strip_prefix('[') {
        Some(remote) => remote.split_once("]: ")?.1,
        None => line,
    };
    let rest = local.strip_prefix("PS")?;
    if !rest.starts_with([' ', '>']) {
        return None;
    }
    let (_, typed) = rest.split_once('>')?;
    Some(typed.trim_start_matches('>').strip_prefix(' ').unwrap_or(typed.trim_start_matches('>')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whole::testing::{damage, members, read};

    const STARS: &str = "**********************";
    const SHOWN: [&str; 7] =
        ["event_time", "time_basis", "host", "User", "RunAsUser", "CommandLine", "Output"];

    fn german() -> String {
        let header = "Start der Windows PowerShell-Aufzeichnung\r\nStartzeit: 20210303010203\r\nBenutzername: CONTOSO\\ann\r\nRunAs-Benutzer: CONTOSO\\adm\r\nKonfigurationsname: \r\nComputer: WS07 (Microsoft Windows NT 10.0.19044.0)\r\nHostanwendung: C:\\ps.exe -enc AAAA\r\nProzess-ID: 18716\r\nPSVersion: 5.1.19041.1682";
        let body = format!(
            "Aufzeichnung gestartet.\r\n{STARS}\r\nBefehlsstartzeit: 20210303010210\r\n{STARS}\r\nPS C:\\> whoami\r\ncontoso\\ann\r\n{STARS}\r\nBefehlsstartzeit: 20210303010211\r\n{STARS}\r\nPS C:\\> foreach ($a in 1) {{\r\n>> ping $a\r\n>> }}\r\nPS C:\\> TerminatingError(): \"x\"\r\n{STARS}\r\nno header: 20210303\r\n{STARS}\r\n[SRV01]: PS C:\\> hostname\r\nSRV01\r\n"
        );
        let end = format!("{STARS}\r\nEnde der Aufzeichnung\r\nEndzeit: 20210303010300\r\n{STARS}\r\n");
        format!("\u{feff}{STARS}\r\n{header}\r\n{STARS}\r\n{body}{end}")
    }

    #[test]
    fn a_command_is_a_row_in_any_language() {
        let text = german();
        assert!(recognise(text.as_bytes(), "x.txt"));
        let found = read(parse_file, text.as_bytes(), "x.txt");
        assert_eq!(found.issues.len(), 1, "the zone is unknown: {:?}", found.issues);
        assert_eq!(
            found.columns(&SHOWN),
            [
                "2021-03-03T01:02:03Z | transcript start, zone unknown | WS07 | CONTOSO\\ann | CONTOSO\\adm | ~ | Aufzeichnung gestartet.".to_owned(),
                "2021-03-03T01:02:10Z | command start, zone unknown | WS07 | CONTOSO\\ann | CONTOSO\\adm | whoami | contoso\\ann".to_owned(),
                format!("2021-03-03T01:02:11Z | command start, zone unknown | WS07 | CONTOSO\\ann | CONTOSO\\adm | foreach ($a in 1) {{\nping $a\n}} | PS C:\\> TerminatingError(): \"x\"\n{STARS}\nno header: 20210303\n{STARS}"),
                "2021-03-03T01:02:03Z | transcript start, zone unknown | WS07 | CONTOSO\\ann | CONTOSO\\adm | hostname | SRV01".to_owned(),
            ]
        );
        assert_eq!(found.rows[1]["TranscriptEnd"], "2021-03-03T01:03:00Z");
        assert_eq!(
            (found.rows[1]["HostApplication"].as_str(), found.rows[1]["ProcessId"].as_str()),
            ("C:\\ps.exe -enc AAAA", "18716")
        );
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(recognise(&wide, "x.txt"));
        assert_eq!(read(parse_file, &wide, "x.txt").rows.len(), 4);
        let twice = format!("{text}{}", text.trim_start_matches('\u{feff}'));
        assert_eq!(read(parse_file, twice.as_bytes(), "x").rows.len(), 8);
        damage(parse_file, text.as_bytes(), "x.txt", 3_000);
    }

    #[test]
    fn a_prompt_of_ones_own_is_no_hindrance() {
        let text = german().replace("PS C:\\> whoami", "λ whoami");
        let found = read(parse_file, text.as_bytes(), "x");
        assert_eq!(
            found.columns(&["event_time", "CommandLine", "Output"])[1],
            "2021-03-03T01:02:10Z | λ whoami | contoso\\ann"
        );
    }

    #[test]
    fn old_transcripts_and_long_answers_are_read() {
        let text = format!(
            "{STARS}\nWindows PowerShell Transcript Start\nStart time: 20160615101213\nUsername  : CONTOSO\\ann \nMachine\t  : WS07 (Microsoft Windows NT 6.1.7601)\n{STARS}\nPS>dir\n{}",
            "x".repeat(40_000)
        );
        let found = read(parse_file, text.as_bytes(), "x");
        assert_eq!(
            found.columns(&["User", "RunAsUser", "CommandLine", "OutputBytes"]),
            ["CONTOSO\\ann | ~ | dir | 40001"]
        );
        assert!(found.rows[0]["Output"].len() <= OUTPUT_BYTES_MAX);
        assert!(!recognise(format!("{STARS}\nhello: world\n{STARS}\n").as_bytes(), "x"));
        assert!(!recognise(b"", "x"));
    }

    #[test]
    fn real_transcripts_are_read() {
        let Some(files) = members("small.zip") else { return };
        let find = |end: &str| files.iter().find(|(name, _)| name.ends_with(end)).expect("there");
        let (_, plain) = find("powershell_transcript.txt");
        let (_, german) = find("powershell_transcript_ger.txt");
        assert!(recognise(plain, "x") && recognise(german, "x"));
        assert_eq!(
            read(parse_file, plain, "x").columns(&SHOWN),
            [
                "2022-07-21T02:37:49Z | transcript start, zone unknown | MSEDGEWIN10 | MSEDGEWIN10\\IEUser | MSEDGEWIN10\\IEUser | whoami | msedgewin10\\ieuser"
            ]
        );
        assert_eq!(
            read(parse_file, german, "x").columns(&["event_time", "CommandLine"]),
            [
                "2022-08-24T12:21:11Z | ~",
                "2022-08-24T12:21:11Z | whoami",
                "2022-08-24T12:21:11Z | echo $null >> filename",
                "2022-08-24T12:21:11Z | ping 8.8.8.8",
                "2022-08-24T12:21:11Z | Get-Content .\\myfile.txt",
                "2022-08-24T12:31:14Z | ping 127.0.0.1 -n 5",
                "2022-08-24T12:42:37Z | rm .\\filename",
            ]
        );
    }
}
