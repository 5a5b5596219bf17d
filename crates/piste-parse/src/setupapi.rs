//! `setupapi.dev.log`, `setupapi.setup.log` and XP's `setupapi.log`: which device or driver was installed when.
//!
//! In: the whole file. Out: dataset `device.install`, a row a section: what was done, to which device, by which command, how it
//! ended. The row's time is the section's start by the host's own clock. Source: Microsoft's `SetupAPI` text logs.

use piste_model::Instant;

use crate::block::Block;
use crate::whole::{Table, text_of};
use crate::{Context, Parsed};

/// Bytes of one value that are taken.
const VALUE_BYTES_MAX: usize = 4 << 10;

/// Whether a file that begins so is such a log.
pub fn recognise(head: &[u8], name: &str) -> bool {
    let text = text_of(head.get(..head.len().min(4_096)).unwrap_or_default());
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    match lines.next() {
        Some("[Device Install Log]" | "[SetupAPI Log]") => true,
        Some(first) => {
            let named = crate::file::name_of(name).to_ascii_lowercase().starts_with("setupapi");
            // A log that was cut at its front, or turned over.
            named
                && (first.starts_with(">>>  [")
                    || first.starts_with("[BeginLog]")
                    || old_section(first).is_some())
        }
        None => false,
    }
}

/// A section so far.
#[derive(Default)]
struct Section {
    line: usize,
    title: String,
    start: Option<Instant>,
    end: Option<Instant>,
    status: String,
    command: String,
    description: String,
    inf: String,
    device: String,
    errors: u64,
    first_error: String,
}

/// Parses the file, which is one block.
pub fn parse_file(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut table = Table::of(block, cx, "device.install");
    let text = text_of(&block.bytes);
    let mut section: Option<Section> = None;
    for (number, line) in text.lines().enumerate() {
        piste_model::guard::check();
        let opened =
            line.strip_prefix(">>>  [").and_then(|rest| rest.strip_suffix(']')).map(|title| (title, None));
        let opened = opened.or_else(|| old_section(line).map(|(time, title)| (title, Some(time))));
        if let Some((title, start)) = opened {
            finish(section.take(), &mut table);
            section =
                Some(Section { line: number + 1, title: title.to_owned(), start, ..Section::default() });
        } else if let Some(open) = &mut section {
            if let Some(rest) = line.strip_prefix("<<<  [Exit status: ") {
                rest.trim_end_matches(']').clone_into(&mut open.status);
                finish(section.take(), &mut table);
            } else {
                open.see(line);
            }
        }
    }
    finish(section, &mut table);
    table.finish()
}

impl Section {
    fn see(&mut self, line: &str) {
        if let Some(time) = line.strip_prefix(">>>  Section start ") {
            self.start = moment(time);
        } else if let Some(time) = line.strip_prefix("<<<  Section end ") {
            self.end = moment(time);
        } else {
            self.see_text(line);
        }
    }

    fn see_text(&mut self, line: &str) {
        let failed = line.starts_with("!!!") || line.starts_with("#E");
        let text = line.trim_start_matches(['!', ' ']);
        if failed {
            self.errors += 1;
            take(&mut self.first_error, text);
        }
        // `dvi:      Description - [x]`, `cmd: x`
        let text =
            text.split_once(':').filter(|(source, _)| source.len() == 3).map_or(text, |(source, rest)| {
                if source == "cmd" {
                    take(&mut self.command, rest.trim());
                }
                rest.trim()
            });
        if let Some((key, value)) = text.split_once(" - ") {
            let value = value.trim().trim_matches(['[', ']', '"']);
            match key.trim() {
                "Description" | "DevDesc" => take(&mut self.description, value),
                "InfFile" | "InfName" => take(&mut self.inf, value),
                _ => {}
            }
        }
        self.see_old(text);
    }

    /// Lines of XP: `#-199 Executing "x" with command line: y`, `#-019 Searching for hardware ID(s): a,b`, `#I123 Doing full install of "c".`
    fn see_old(&mut self, text: &str) {
        if let Some((_, command)) = text.split_once(" with command line: ") {
            take(&mut self.command, command.trim());
        } else if let Some((_, device)) = text.split_once(" install of \"") {
            take(&mut self.device, device.split('"').next().unwrap_or_default());
        } else if let Some((_, ids)) = text.split_once("Searching for hardware ID(s): ") {
            take(&mut self.description, ids.trim());
        }
    }
}

/// Keeps the first value.
fn take(place: &mut String, value: &str) {
    if place.is_empty() {
        value.get(..value.floor_char_boundary(VALUE_BYTES_MAX)).unwrap_or_default().clone_into(place);
    }
}

/// `2015/11/22 17:59:28.110`
fn moment(text: &str) -> Option<Instant> {
    Instant::parse(&text.trim().replace('/', "-"))
}

/// `[2005/04/12 10:11:12 724.3 Driver Install]`: time and title.
fn old_section(line: &str) -> Option<(Instant, &str)> {
    let inner = line.strip_prefix('[')?.trim_end().strip_suffix(']')?;
    let time = inner.get(..19).and_then(moment)?;
    let rest = inner.get(19..)?.trim_start();
    let numbered = rest
        .split_once(' ')
        .filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
    Some((time, numbered.map_or("", |(_, title)| title)))
}

fn finish(section: Option<Section>, table: &mut Table<'_>) {
    let Some(section) = section else { return };
    table.fields.clear();
    let (kind, target) = section.title.split_once(" - ").unwrap_or((&section.title, ""));
    table.put("SectionType", kind);
    // A device's instance has its enumerator first; a path has a drive or a server.
    let path = target.get(1..2) == Some(":") || target.starts_with('\\') || target.starts_with('{');
    let device = target.contains('\\') && !path;
    table.put("DeviceInstanceId", if device { target } else { &section.device });
    table.put("Target", if device { "" } else { target });
    table.put("Description", &section.description);
    table.put("InfFile", &section.inf);
    table.put("CommandLine", &section.command);
    table.time("SectionEnd", section.end);
    table.put("ExitStatus", &section.status);
    if section.errors > 0 {
        table.number("Errors", Some(section.errors));
        table.put("FirstError", &section.first_error);
    }
    table.number("Line", Some(section.line));
    table.row(section.start, "section start, zone unknown", "");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whole::testing::{damage, members, read};

    const LOG: &str = "[Device Install Log]\r\n     OS Version = 10.0.10240\r\n\r\n[BeginLog]\r\n\r\n\
        >>>  [Device Install (Hardware initiated) - USBSTOR\\Disk&Ven_X\\4C53&0]\r\n>>>  Section start 2021/03/03 01:02:03.498\r\n      cmd: C:\\x.exe -a\r\n     dvi:      Description - [Stick]\r\n     dvi:      InfFile     - [c:\\disk.inf]\r\n!!!  dvi: it failed\r\n<<<  Section end 2021/03/03 01:02:04.000\r\n<<<  [Exit status: FAILURE(0x00000490)]\r\n\r\n\
        >>>  [Setup Import Driver Package - C:\\Temp\\evil.inf]\r\n>>>  Section start 2021/03/03 01:02:05.000\r\n";
    const SHOWN: [&str; 9] = [
        "event_time",
        "SectionType",
        "DeviceInstanceId",
        "Target",
        "Description",
        "InfFile",
        "CommandLine",
        "ExitStatus",
        "FirstError",
    ];

    #[test]
    fn a_section_is_a_row() {
        assert!(recognise(LOG.as_bytes(), "x"));
        let found = read(parse_file, LOG.as_bytes(), "setupapi.dev.log");
        assert_eq!(
            found.columns(&SHOWN),
            [
                r"2021-03-03T01:02:03.498000000Z | Device Install (Hardware initiated) | USBSTOR\Disk&Ven_X\4C53&0 | ~ | Stick | c:\disk.inf | C:\x.exe -a | FAILURE(0x00000490) | dvi: it failed",
                r"2021-03-03T01:02:05Z | Setup Import Driver Package | ~ | C:\Temp\evil.inf | ~ | ~ | ~ | ~ | ~",
            ]
        );
        damage(parse_file, LOG.as_bytes(), "x", 2_000);
    }

    #[test]
    fn logs_of_xp_are_read() {
        let log = "[SetupAPI Log]\r\nOS Version = 5.1.2600\r\n[2005/04/12 10:11:12 724.3 Driver Install]\r\n#-019 Searching for hardware ID(s): usb\\vid_1\r\n#-199 Executing \"C:\\a.exe\" with command line: a.exe /x\r\n#I123 Doing full install of \"USB\\VID_1\\5&2\".\r\n";
        assert!(recognise(log.as_bytes(), "x"));
        assert_eq!(
            read(parse_file, log.as_bytes(), "x").columns(&SHOWN[..7]),
            [r"2005-04-12T10:11:12Z | Driver Install | USB\VID_1\5&2 | ~ | usb\vid_1 | ~ | a.exe /x"]
        );
    }

    /// As plaso counts them.
    #[test]
    fn real_logs_have_as_many_sections_as_others_count() {
        let Some(files) = members("small.zip") else { return };
        for (end, count) in [("setupapi.dev.log", 194), ("setupapi.setup.log", 16)] {
            let (name, bytes) = files.iter().find(|(name, _)| name.ends_with(end)).expect("there");
            assert!(recognise(bytes, name));
            let found = read(parse_file, bytes, name);
            assert_eq!(found.rows.len(), count, "{name}");
            assert!(
                found.rows.iter().all(|row| row.contains_key("event_time") && row.contains_key("ExitStatus")),
                "{name}"
            );
        }
    }
}
