//! Tasks that the tests write.

use crate::task::{parse_file, parse_job, recognise, recognise_job};
use crate::whole::testing::{damage, members, read};

const XML: &str = r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Date>2021-03-03T01:02:03.1234567</Date><Author>CONTOSO\ann</Author><URI>\Microsoft\Updater &amp; more</URI></RegistrationInfo>
  <Triggers>
    <LogonTrigger><Enabled>true</Enabled><UserId>CONTOSO\ann</UserId></LogonTrigger>
    <CalendarTrigger><StartBoundary>2021-03-03T01:00:00</StartBoundary><Repetition><Interval>PT5M</Interval></Repetition><ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay></CalendarTrigger>
    <BootTrigger/>
  </Triggers>
  <Principals><Principal id="Author"><UserId>S-1-5-18</UserId><LogonType>Password</LogonType><RunLevel>HighestAvailable</RunLevel></Principal></Principals>
  <Settings><Hidden>true</Hidden><Enabled>true</Enabled></Settings>
  <Actions Context="Author">
    <Exec><Command>powershell.exe</Command><Arguments>-enc &#65;&#x41;AA</Arguments><WorkingDirectory>C:\Temp</WorkingDirectory></Exec>
    <ComHandler><ClassId>{11111111-2222-3333-4444-555555555555}</ClassId><Data><![CDATA[x]]></Data></ComHandler>
  </Actions>
</Task>"#;

fn wide(text: &str) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

const SHOWN: [&str; 11] = [
    "event_time",
    "time_basis",
    "URI",
    "TaskName",
    "Author",
    "UserId",
    "RunLevel",
    "Hidden",
    "ActionType",
    "CommandLine",
    "ClassId",
];

#[test]
fn a_task_is_a_row_an_action_in_both_encodings() {
    for bytes in [wide(XML), XML.as_bytes().to_vec()] {
        assert!(recognise(&bytes, "Updater"));
        let found = read(parse_file, &bytes, "C/Windows/System32/Tasks/Microsoft/Updater");
        assert_eq!(found.issues.len(), 1, "its zone is unknown: {:?}", found.issues);
        assert_eq!(
            found.columns(&SHOWN),
            [
                r"2021-03-03T01:02:03.123456700Z | RegistrationDate, zone unknown | \Microsoft\Updater & more | \Microsoft\Updater & more | CONTOSO\ann | S-1-5-18 | HighestAvailable | true | Exec | powershell.exe -enc AAAA | ~",
                r"2021-03-03T01:02:03.123456700Z | RegistrationDate, zone unknown | \Microsoft\Updater & more | \Microsoft\Updater & more | CONTOSO\ann | S-1-5-18 | HighestAvailable | true | ComHandler | ~ | {11111111-2222-3333-4444-555555555555}",
            ]
        );
        assert_eq!(
            found.rows[0]["Triggers"],
            r"at logon: LogonTrigger, UserId=CONTOSO\ann; on a calendar: CalendarTrigger, StartBoundary=2021-03-03T01:00:00, Repetition.Interval=PT5M, ScheduleByDay.DaysInterval=1; when the system starts: BootTrigger"
        );
    }
    damage(parse_file, XML.as_bytes(), "x", 2_000);
    damage(parse_file, &wide(XML), "x", 1_000);
}

#[test]
fn a_task_without_a_date_has_no_time_and_the_name_of_its_file() {
    let text =
        r#"<Task xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task"><RegistrationInfo/></Task>"#;
    let found = read(parse_file, text.as_bytes(), "a.zip!C/Windows/System32/Tasks/A/B");
    assert_eq!(found.columns(&["event_time", "TaskName"]), [r"~ | \A\B"]);
    assert_eq!(found.issues, [""; 0]);
    let zoned = XML.replace("4567<", "4567+02:00<");
    let found = read(parse_file, zoned.as_bytes(), "x");
    assert_eq!(found.columns(&SHOWN[..2])[0], "2021-03-02T23:02:03.123456700Z | RegistrationDate");
}

#[test]
fn a_task_that_is_cut_keeps_what_it_had() {
    let found = read(parse_file, &XML.as_bytes()[..XML.len() - 150], "x");
    assert_eq!(found.columns(&["CommandLine"])[0], "powershell.exe -enc AAAA");
    assert_eq!(found.damage[0].lost, Some(0));
    let deep = format!("<Task>{}", "<a>".repeat(100));
    assert_eq!(read(parse_file, deep.as_bytes(), "x").damage[0].lost, Some(1));
}

fn job() -> Vec<u8> {
    let mut file = vec![0; 70];
    for (at, number) in
        [(0, 0x0501_u16), (2, 1), (20, 70), (52, 2009), (54, 7), (58, 14), (60, 1), (62, 2), (64, 3), (66, 4)]
    {
        file[at..at + 2].copy_from_slice(&number.to_le_bytes());
    }
    file[48..52].copy_from_slice(&0x204_u32.to_le_bytes());
    for text in ["C:\\x.exe\0", "/q\0", "", "ann\0", "why\0"] {
        let units: Vec<u16> = text.encode_utf16().collect();
        file.extend(u16::try_from(units.len()).expect("short").to_le_bytes());
        file.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
    }
    file.extend([0, 0, 2, 0, 9, 9]);
    let mut trigger = vec![1, 0];
    for number in [48_u16, 0, 2009, 7, 14, 0, 0, 0, 1, 30, 0, 0, 5, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0] {
        trigger.extend(number.to_le_bytes());
    }
    file.extend(trigger);
    file
}

#[test]
fn a_job_of_xp_is_a_row() {
    let file = job();
    assert!(recognise_job(&file, "x"));
    let found = read(parse_job, &file, "C/WINDOWS/Tasks/At1.job");
    assert_eq!(
        found.columns(&[
            "event_time",
            "time_basis",
            "TaskName",
            "CommandLine",
            "Author",
            "Description",
            "Enabled",
            "Hidden",
            "Triggers"
        ]),
        [
            "2009-07-14T01:02:03.004000000Z | LastRun, zone unknown | At1 | C:\\x.exe /q | ann | why | false | true | on a calendar: every 2 days, from 2009-07-14 at 01:30, every 5 minutes for 0 minutes"
        ]
    );
    for cut in 1..file.len() {
        read(parse_job, &file[..cut], "x");
    }
    damage(parse_job, &file, "x", 2_000);
}

/// As plaso reads it.
#[test]
fn a_real_job_is_read() {
    let Some(files) = members("small.zip") else { return };
    let (name, bytes) = files.iter().find(|(name, _)| name.ends_with("wintask.job")).expect("there");
    assert!(recognise_job(bytes, name));
    let found = read(parse_job, bytes, name);
    assert_eq!(
        found.columns(&["event_time", "CommandLine", "Author"]),
        [
            r"2013-08-24T12:42:00.112000000Z | C:\Program Files (x86)\Google\Update\GoogleUpdate.exe /ua /installsource scheduler | Brian"
        ]
    );
    assert!(
        found.rows[0]["Triggers"].starts_with("on a calendar: every 1 days, from 2013-07-12 at 15:42"),
        "{}",
        found.rows[0]["Triggers"]
    );
}
