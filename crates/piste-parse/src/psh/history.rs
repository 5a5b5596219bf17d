//! `ConsoleHost_history.txt`: the last commands of a user, without times.
//!
//! In: the whole file. Out: a row a command; one that goes on over lines, each of which ends in a backtick, is one. The user is
//! whose profile the file lies in.

use crate::block::Block;
use crate::file::name_of;
use crate::whole::{Table, text_of, user_in_path};
use crate::{Context, Parsed};

/// Bytes of a command that are taken.
const COMMAND_BYTES_MAX: usize = 64 << 10;

/// Whether a file is such a history: by its name, since the content is what anybody types.
pub fn recognise(head: &[u8], name: &str) -> bool {
    let name = name_of(name).to_ascii_lowercase();
    name.ends_with("host_history.txt") && crate::text::encoding_of(head).is_some()
}

/// Parses the file, which is one block.
pub fn parse_file(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut table = Table::of(block, cx, "powershell.history");
    let text = text_of(&block.bytes);
    let user = user_in_path(cx.path).unwrap_or_default().to_owned();
    let (mut command, mut first, mut cut) = (String::new(), 0, 0_u64);
    for (number, line) in text.lines().enumerate() {
        if command.is_empty() {
            first = number + 1;
        }
        let open = line.strip_suffix('`');
        let part = open.unwrap_or(line);
        if command.len() + part.len() <= COMMAND_BYTES_MAX {
            command.push_str(part);
        } else {
            let room = COMMAND_BYTES_MAX.saturating_sub(command.len());
            command.push_str(part.get(..part.floor_char_boundary(room)).unwrap_or_default());
            cut += 1;
        }
        if open.is_some() {
            command.push('\n');
        } else {
            push(&mut command, first, &user, &mut table);
        }
    }
    push(&mut command, first, &user, &mut table);
    if cut > 0 {
        let what = format!(
            "{cut} lines belong to commands longer than {COMMAND_BYTES_MAX} bytes, of which the first are taken"
        );
        table.damaged("history-command-cut", 0, Some(0), what);
    }
    table.finish()
}

fn push(command: &mut String, line: usize, user: &str, table: &mut Table<'_>) {
    if !command.trim().is_empty() {
        table.fields.clear();
        table.put("CommandLine", command.trim_end());
        table.put("User", user);
        table.number("Line", Some(line));
        table.row(None, "", "");
    }
    command.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whole::testing::{damage, read};

    #[test]
    fn a_command_is_a_row_even_over_lines() {
        let text = b"whoami\r\n\r\nforeach ($a in 1..3) {`\r\n  ping $a`\r\n}\r\nInvoke-Mimikatz";
        let path =
            "C/Users/ann/AppData/Roaming/Microsoft/Windows/PowerShell/PSReadLine/ConsoleHost_history.txt";
        assert!(recognise(text, path) && !recognise(b"\0\0", path) && !recognise(text, "x.txt"));
        let found = read(parse_file, text, path);
        assert_eq!(found.issues, [""; 0]);
        assert_eq!(
            found.columns(&["record", "Line", "User", "CommandLine"]),
            [
                "1 | 1 | ann | whoami",
                "2 | 3 | ann | foreach ($a in 1..3) {\n  ping $a\n}",
                "3 | 6 | ann | Invoke-Mimikatz"
            ]
        );
        let many = read(parse_file, "a\n".repeat(262_150).as_bytes(), path);
        assert_eq!((many.rows.len(), many.damage[0].lost), (262_144, Some(6)));
        let endless = "é`\n".repeat(60_000);
        let found = read(parse_file, endless.as_bytes(), path);
        assert_eq!((found.rows.len(), found.damage.len()), (1, 1));
        damage(parse_file, text, path, 2_000);
    }
}
