//! `Report.wer`: a program that crashed or hung, with the modules that it had loaded.
//!
//! In: the whole file, lines `key=value` in UTF-16. Out: one row of `execution.crash`, with the loaded modules in `Data`. The
//! row's time is the event's, a FILETIME in UTC. Which number of a signature is what depends on the kind of event, since its
//! names are in the system's language. Source: Microsoft's Windows Error Reporting, files of Windows 7 to 11.

use piste_model::Instant;

use crate::block::Block;
use crate::whole::{Table, text_of};
use crate::{Context, Parsed};

/// Where an event's signature has the module at fault and the exception's code.
struct Kind {
    name: &'static str,
    module: u32,
    exception: u32,
}

const KINDS: [Kind; 4] = [
    Kind { name: "APPCRASH", module: 3, exception: 6 },
    Kind { name: "BEX", module: 3, exception: 7 },
    Kind { name: "BEX64", module: 3, exception: 7 },
    Kind { name: "MoAppCrash", module: 4, exception: 7 },
];

/// Keys and columns.
const COLUMNS: [(&str, &str); 10] = [
    ("EventType", "EventType"),
    ("AppPath", "Image"),
    ("AppName", "AppName"),
    ("NsAppName", "OriginalFileName"),
    ("FriendlyEventName", "EventName"),
    ("ReportIdentifier", "ReportId"),
    ("TargetAppId", "TargetAppId"),
    ("TargetAppVer", "TargetAppVersion"),
    ("OriginalFilename", "OriginalFileName"),
    ("ReportDescription", "Description"),
];

/// Whether a file that begins so is a report.
pub fn recognise(head: &[u8], _name: &str) -> bool {
    let text = text_of(head.get(..head.len().min(4_096)).unwrap_or_default());
    text.starts_with("Version=") && text.contains("\nEventType=") && text.contains("\nEventTime=")
}

/// Parses the file, which is one block.
pub fn parse_file(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut table = Table::of(block, cx, "execution.crash");
    if block.bytes.is_empty() {
        return table.finish();
    }
    let text = text_of(&block.bytes);
    let pairs = || text.lines().filter_map(|line| line.split_once('='));
    let value = |key: &str| pairs().find(|(one, _)| *one == key).map_or("", |(_, value)| value.trim());
    let filetime =
        |key: &str| value(key).parse().ok().filter(|ticks| *ticks != 0).and_then(Instant::from_filetime);
    for (key, column) in COLUMNS {
        if table.fields.get(column).is_none() {
            table.put(column, value(key));
        }
    }
    let kind = KINDS.iter().find(|kind| kind.name == value("EventType"));
    if let Some(kind) = kind {
        table.put("Module", value(&format!("Sig[{}].Value", kind.module)));
        table.put("ExceptionCode", value(&format!("Sig[{}].Value", kind.exception)));
    }
    // `W:0006<program>!0000<SHA-1>!x.exe`
    let hash = value("TargetAppId")
        .split('!')
        .filter_map(|part| part.strip_prefix("0000"))
        .find(|hash| hash.len() == 40);
    if let Some(hash) = hash.filter(|hash| hash.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        table.put("Hashes", &format!("SHA1={}", hash.to_ascii_uppercase()));
    }
    table.put("Signature", &signature(&text));
    table.time("UploadTime", filetime("UploadTime"));
    for (key, module) in pairs() {
        if key.starts_with("LoadedModule[") {
            table.fields.push_data(module.trim());
        }
    }
    let time = filetime("EventTime");
    if time.is_none() {
        table.damaged("wer-damaged", 0, Some(0), "it has no time of its event that can be read".to_owned());
    }
    table.row(time, "EventTime", "");
    table.finish()
}

/// Pairs of a signature that are told.
const SIGNATURE_MAX: usize = 32;

/// What tells this crash from others: `Application Name=x.exe; …`, in the system's words.
fn signature(text: &str) -> String {
    let mut told: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("Sig[")) {
        let Some((key, value)) = line.split_once('=') else { continue };
        if key.ends_with("].Name") && told.len() < SIGNATURE_MAX {
            told.push(value.trim().to_owned());
        } else if let Some(last) =
            told.last_mut().filter(|last| key.ends_with("].Value") && !last.contains('='))
        {
            last.push('=');
            last.push_str(value.trim());
        }
    }
    told.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whole::testing::{damage, read};

    const REPORT: &str = "Version=1\r\nEventType=APPCRASH\r\nEventTime=132592069230000000\r\nReportType=2\r\nReportIdentifier=11111111-2222-3333-4444-555555555555\r\nNsAppName=w3wp.exe\r\nTargetAppId=W:0006aaaa!0000da39a3ee5e6b4b0d3255bfef95601890afd80709!w3wp.exe\r\nSig[0].Name=Anwendungsname\r\nSig[0].Value=w3wp.exe\r\nSig[3].Name=Fehlermodulname\r\nSig[3].Value=evil.dll\r\nSig[6].Name=Ausnahmecode\r\nSig[6].Value=c0000005\r\nLoadedModule[0]=c:\\windows\\system32\\inetsrv\\w3wp.exe\r\nLoadedModule[1]=C:\\Temp\\evil.dll\r\nAppPath=c:\\windows\\system32\\inetsrv\\w3wp.exe\r\n";
    const SHOWN: [&str; 9] = [
        "event_time",
        "time_basis",
        "EventType",
        "Image",
        "Module",
        "ExceptionCode",
        "Hashes",
        "Signature",
        "Data",
    ];

    #[test]
    fn a_crash_names_program_module_and_what_was_loaded() {
        let wide: Vec<u8> = format!("\u{feff}{REPORT}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [wide.as_slice(), REPORT.as_bytes()] {
            assert!(recognise(bytes, "Report.wer"));
            let found = read(parse_file, bytes, "Report.wer");
            assert_eq!(found.issues, [""; 0]);
            assert_eq!(
                found.columns(&SHOWN),
                [
                    r"2021-03-03T01:02:03Z | EventTime | APPCRASH | c:\windows\system32\inetsrv\w3wp.exe | evil.dll | c0000005 | SHA1=DA39A3EE5E6B4B0D3255BFEF95601890AFD80709 | Anwendungsname=w3wp.exe; Fehlermodulname=evil.dll; Ausnahmecode=c0000005 | c:\windows\system32\inetsrv\w3wp.exe|C:\Temp\evil.dll"
                ]
            );
            damage(parse_file, bytes, "x", 1_500);
        }
        assert!(!recognise(b"Version=1\r\n", "Report.wer"));
    }
}
