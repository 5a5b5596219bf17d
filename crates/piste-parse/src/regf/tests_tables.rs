//! What an investigation asks of each hive, out of small ones of our own.

use super::building::{K, WRITTEN, hive, k, wide};
use super::tests::read;

const TIME: &str = "2021-03-12T10:40:12.9870000Z";
const ROW_TIME: &str = "2021-03-12T10:40:12.987000000Z";

/// A hive of each kind, with something of every table.
pub(super) fn all() -> Vec<(&'static str, K)> {
    vec![
        ("SYSTEM", system()),
        ("SOFTWARE", software()),
        ("ntuser.dat", user()),
        ("UsrClass.dat", classes()),
        ("SAM", sam()),
        ("SECURITY", security()),
        ("Amcache.hve", amcache()),
    ]
}

fn system() -> K {
    let service = k("Evil")
        .text("ImagePath", r"C:\x\evil.exe")
        .dword("Start", 2)
        .dword("Type", 0x10)
        .text("ObjectName", "LocalSystem");
    let service = service.with(k("Parameters").text("ServiceDll", r"C:\x\evil.dll"));
    let path = wide(r"C:\x\a.exe");
    let mut cache = vec![52, 0, 0, 0];
    cache.resize(52, 0);
    cache.extend(b"10ts\0\0\0\0");
    cache.extend(u32::try_from(path.len() + 14).unwrap().to_le_bytes());
    cache.extend(u16::try_from(path.len()).unwrap().to_le_bytes());
    cache.extend(path);
    cache.extend(WRITTEN.to_le_bytes());
    cache.extend([0; 4]);
    let device = k("Disk&Ven_X").with(k("1234&0").text("FriendlyName", "X Stick").at(
        r"Properties\{83da6326-97a6-4088-9453-a1923f573b29}",
        k("0066").value("", 0xFFFF_0010, &WRITTEN.to_le_bytes()),
    ));
    let mut run = WRITTEN.to_le_bytes().to_vec();
    run.resize(24, 0);
    let set = k("ControlSet001")
        .at("Services", service)
        .at(r"Services\bam\State\UserSettings", k("S-1-5-21-1-2-3-1001").value(r"\Device\x\run.exe", 3, &run))
        .at(r"Services\Tcpip", k("Parameters").text("Domain", "example.test"))
        .at(r"Control\ComputerName", k("ComputerName").text("ComputerName", "SRV01"))
        .at(r"Control\Session Manager", k("AppCompatCache").value("AppCompatCache", 3, &cache))
        .at(r"Enum\USBSTOR", device);
    k("ROOT").with(set).with(k("Select").dword("Current", 1))
}

fn software() -> K {
    let id = "{11111111-2222-3333-4444-555555555555}";
    let mut actions = vec![3, 0];
    let text = |to: &mut Vec<u8>, text: &str| {
        let bytes = wide(text);
        to.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
        to.extend(bytes);
    };
    text(&mut actions, "Author");
    actions.extend([0x66, 0x66]);
    for part in ["", r"C:\x\t.exe", "-z", ""] {
        text(&mut actions, part);
    }
    actions.extend([0, 0]);
    let mut info = vec![3, 0, 0, 0];
    info.extend(WRITTEN.to_le_bytes());
    info.extend(WRITTEN.to_le_bytes());
    info.resize(28, 0);
    info.extend(WRITTEN.to_le_bytes());
    let cache = r"Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache";
    let task = k(id).text("Path", r"\Hidden one").text("Author", r"X\a").value("Actions", 3, &actions).value(
        "DynamicInfo",
        3,
        &info,
    );
    let day: Vec<u8> = [2021_u16, 3, 5, 12, 10, 40, 12, 7].into_iter().flat_map(u16::to_le_bytes).collect();
    let profile =
        k("{AAAA}").text("ProfileName", "corp").dword("NameType", 6).value("DateLastConnected", 3, &day);
    k("ROOT")
        .at(r"Microsoft\Windows NT\CurrentVersion", k("ProfileList"))
        .at(&format!(r"{cache}\Tasks"), task)
        .at(&format!(r"{cache}\Tree"), k("Hidden one").text("Id", id))
        .at(&format!(r"{cache}\Tree\Folder"), k("Gone").text("Id", "{99}"))
        .at(
            r"Wow6432Node\Microsoft\Windows\CurrentVersion\Uninstall",
            k("Tool").text("DisplayName", "Tool 1"),
        )
        .at(r"Microsoft\Windows NT\CurrentVersion\NetworkList\Profiles", profile)
}

fn user() -> K {
    let explorer = r"Software\Microsoft\Windows\CurrentVersion\Explorer";
    let mut entry = vec![0; 72];
    entry[4] = 3;
    entry[60..68].copy_from_slice(&WRITTEN.to_le_bytes());
    let assist = k("Count").value(r"{1NP14R77-02R7-4R5Q-O744-2RO1NR5198O7}\pzq.rkr", 3, &entry);
    let run = k("RunMRU").text("a", r"cmd\1").text("b", r"notepad\1").text("MRUList", "ba");
    k("ROOT")
        .with(k("Environment"))
        .at(&format!(r"{explorer}\UserAssist\{{CEBFF5CD-ACE2-4F4F-9178-9926F41749EA}}"), assist)
        .at(explorer, run)
        .at(
            explorer,
            k("RecentDocs").value("0", 3, &wide("plan.txt\0")).value(
                "MRUListEx",
                3,
                &[0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF],
            ),
        )
        .at(r"Software\Microsoft\Internet Explorer", k("TypedURLs").text("url1", "http://x.test/"))
}

fn classes() -> K {
    let drive = [7, 0, 0x2F, b'C', b':', b'\\', 0, 0, 0];
    let folder = b"\x18\0\x31\0\0\0\0\0\x6C\x52\xA6\x55\x10\0tools\0\0\0\0\0\0\0";
    let bags = k("BagMRU").value("0", 3, &drive).value("MRUListEx", 3, &[0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
    let bags = bags.with(k("0").value("0", 3, folder).dword("NodeSlot", 4).with(k("0").dword("NodeSlot", 5)));
    k("S-1-5-21-1-2-3-1001_Classes")
        .at(r"Local Settings\Software\Microsoft\Windows\Shell", bags)
        .at("CLSID", k("{X}").with(k("InprocServer32").text("", r"C:\x\com.dll")))
}

fn sid(numbers: &[u32]) -> Vec<u8> {
    let mut bytes = vec![1, u8::try_from(numbers.len()).unwrap(), 0, 0, 0, 0, 0, 5];
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    bytes
}

fn sam() -> K {
    let name = wide("ann");
    let mut texts = vec![0; 0xCC];
    texts[16] = u8::try_from(name.len()).unwrap();
    texts.extend(name);
    let mut facts = vec![0; 80];
    facts[8..16].copy_from_slice(&WRITTEN.to_le_bytes());
    facts[48..52].copy_from_slice(&1001_u32.to_le_bytes());
    facts[56] = 0x11;
    facts[66] = 9;
    let member = sid(&[21, 1, 2, 3, 1001]);
    let group_name = wide("Administrators");
    let mut group = vec![0; 52];
    group[20] = u8::try_from(group_name.len()).unwrap();
    group[40] = u8::try_from(group_name.len()).unwrap();
    group[44] = u8::try_from(member.len()).unwrap();
    group[48] = 1;
    group.extend(group_name);
    group.extend(member);
    let mut machine = vec![7; 8];
    machine.extend(sid(&[21, 1, 2, 3]));
    k("ROOT")
        .at(r"SAM\Domains\Builtin\Aliases", k("00000220").value("C", 3, &group))
        .at(r"SAM\Domains\Account\Users", k("000003E9").value("V", 3, &texts).value("F", 3, &facts))
        .at(r"SAM\Domains\Account\Users\Names", k("ann").value("", 1001, &[]))
        .at(r"SAM\Domains", k("Other"))
        .at(r"SAM\Domains\Account", k("Aliases"))
        .add_to(r"SAM\Domains\Account", "V", &machine)
}

fn security() -> K {
    let counts = [5_u16, 11, 14, 3, 6, 6, 6, 4, 4];
    let total: u16 = counts.iter().sum();
    let mut data = vec![0, 1, 0, 0, 9, 0, 0, 0];
    data.extend(u32::from(12 + total * 2).to_le_bytes());
    let mut values = vec![0_u16; usize::from(total)];
    values[33] = 1;
    data.extend(values.into_iter().flat_map(u16::to_le_bytes));
    data.extend(counts.into_iter().flat_map(u16::to_le_bytes));
    k("ROOT")
        .at("Policy", k("PolAdtEv").value("", 0, &data))
        .at(r"Policy\Secrets\DPAPI_SYSTEM", k("CurrVal").value("", 0, b"very secret bytes"))
}

fn amcache() -> K {
    let file = k("a.exe|1")
        .text("FileId", "0000da39a3ee5e6b4b0d3255bfef95601890afd80709")
        .text("LowerCaseLongPath", r"c:\x\a.exe")
        .text("Publisher", "x inc")
        .text("LinkDate", "03/12/2021 10:40:12");
    let old = k("100001b116")
        .text("15", r"c:\y\b.exe")
        .text("101", "0000da39a3ee5e6b4b0d3255bfef95601890afd80709")
        .value("17", 11, &WRITTEN.to_le_bytes())
        .dword("f", 1_600_000_000);
    k("ROOT").at(r"Root\InventoryApplicationFile", file).at(r"Root\File\vol", old)
}

impl K {
    /// Adds a binary value to the key of this path.
    fn add_to(mut self, path: &str, name: &str, data: &[u8]) -> Self {
        let (first, rest) = path.split_once('\\').unwrap_or((path, ""));
        for kid in &mut self.kids {
            if kid.name == first {
                let own = std::mem::take(kid);
                *kid = if rest.is_empty() { own.value(name, 3, data) } else { own.add_to(rest, name, data) };
            }
        }
        self
    }
}

#[track_caller]
fn check(which: &str, dataset: &str, columns: &[&str], expected: &[&str]) {
    let root = all().into_iter().find(|(name, _)| *name == which).unwrap().1;
    let whole = read("collected/x", &hive(which, &root));
    assert!(whole.read.issues.is_empty(), "{:?}", whole.read.issues);
    assert_eq!(whole.of(dataset).columns(columns), expected);
}

#[test]
fn services_have_their_files_and_the_host_its_name() {
    check(
        "SYSTEM",
        "registry.service",
        &[
            "ServiceName",
            "ImagePath",
            "ServiceDll",
            "StartType",
            "ServiceType",
            "AccountName",
            "host",
            "event_time",
        ],
        &[&format!(
            r"Evil | C:\x\evil.exe | C:\x\evil.dll | auto start | user mode service | LocalSystem | SRV01.example.test | {ROW_TIME}"
        )],
    );
}

#[test]
fn runs_and_devices_have_their_own_times() {
    check(
        "SYSTEM",
        "registry.bam",
        &["Path", "UserSid", "LastExecuted", "time_basis"],
        &[&format!(r"\Device\x\run.exe | S-1-5-21-1-2-3-1001 | {TIME} | LastExecuted")],
    );
    check(
        "SYSTEM",
        "registry.shimcache",
        &["Path", "CacheEntryPosition", "LastModifiedTimeUTC", "Executed"],
        &[&format!(r"C:\x\a.exe | 0 | {TIME} | ~")],
    );
    check(
        "SYSTEM",
        "registry.usb",
        &["Device", "SerialNumber", "FriendlyName", "LastArrival", "time_basis"],
        &[&format!("Disk&Ven_X | 1234&0 | X Stick | {TIME} | LastArrival")],
    );
}

#[test]
fn a_task_that_windows_does_not_show_is_named_so() {
    check(
        "SOFTWARE",
        "registry.task",
        &["TaskName", "Command", "Arguments", "Principal", "Created", "LastStop", "Hidden"],
        &[
            &format!(
                r"\Hidden one | C:\x\t.exe | -z | Author | {TIME} | {TIME} | no security descriptor in Tree"
            ),
            r"\Folder\Gone | ~ | ~ | ~ | ~ | ~ | no key in Tasks",
        ],
    );
}

#[test]
fn software_and_networks_are_listed() {
    check("SOFTWARE", "registry.install", &["DisplayName", "Source"], &["Tool 1 | Uninstall (32-bit)"]);
    check(
        "SOFTWARE",
        "registry.network",
        &["ProfileName", "NameType", "LastConnected", "time_basis"],
        &["corp | wired | 2021-03-12T10:40:12.007 | LastWriteTime"],
    );
}

#[test]
fn what_a_person_did_is_decoded() {
    check(
        "ntuser.dat",
        "registry.userassist",
        &["ProgramName", "Path", "RunCounter", "LastExecuted"],
        &[&format!(
            r"{{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}}\cmd.exe | %SystemRoot%\System32\cmd.exe | 3 | {TIME}"
        )],
    );
    let newest = "LastWriteTime of the list, whose newest entry this is";
    let later = "LastWriteTime of the list, later than this entry's use";
    check(
        "ntuser.dat",
        "registry.recent",
        &["List", "Entry", "MruPosition", "time_basis"],
        &[
            &format!("RecentDocs | plan.txt | 0 | {newest}"),
            &format!("RunMRU | cmd | 1 | {later}"),
            &format!("RunMRU | notepad | 0 | {newest}"),
            &format!("TypedURLs | http://x.test/ | 0 | {newest}"),
        ],
    );
}

#[test]
fn folders_that_were_opened_have_their_paths() {
    check(
        "UsrClass.dat",
        "registry.shellbag",
        &["AbsolutePath", "ShellType", "ModifiedLocal", "NodeSlot"],
        &[r"C:\ | volume | ~ | 4", r"C:\tools | folder | 2021-03-12T10:45:12 | 5"],
    );
    check(
        "UsrClass.dat",
        "registry.value",
        &["TargetObject", "Details", "Place"],
        &[r"HKU\S-1-5-21-1-2-3-1001_Classes\CLSID\{X}\InprocServer32\(Default) | C:\x\com.dll | COM server"],
    );
}

#[test]
fn accounts_have_their_groups_and_no_hash() {
    check(
        "SAM",
        "registry.account",
        &["User", "Rid", "UserSid", "AccountType", "Flags", "LogonCount", "Groups", "LastLogon", "Data"],
        &[
            "Administrators | 544 | S-1-5-32-544 | group | ~ | ~ | ~ | ~ | S-1-5-21-1-2-3-1001",
            &format!(
                "ann | 1001 | S-1-5-21-1-2-3-1001 | user | disabled, normal | 9 | Administrators | {TIME} | ~"
            ),
        ],
    );
    let whole = read("x", &hive("SAM", &sam()));
    let data = whole.of("registry.key").columns(&["Key", "Data"]);
    assert!(
        data.contains(&"000003E9 | V=(withheld: 210 bytes)|F=(withheld: 80 bytes)".to_owned()),
        "{data:?}"
    );
}

#[test]
fn the_audit_policy_is_named_by_subcategory() {
    let whole = read("x", &hive("SECURITY", &security()));
    let rows = whole.of("registry.audit").columns(&["Category", "Subcategory", "Setting"]);
    assert_eq!(rows.len(), 59);
    assert!(rows.contains(&"Detailed Tracking | Process Creation | Success".to_owned()), "{rows:?}");
    assert!(!format!("{:?}", whole.read.rows).contains("very secret"));
}

#[test]
fn files_that_were_taken_stock_of_have_their_hash() {
    check(
        "Amcache.hve",
        "registry.amcache",
        &["FullPath", "SHA1", "Publisher", "LinkDate", "FileModified", "Inventory"],
        &[
            r"c:\x\a.exe | da39a3ee5e6b4b0d3255bfef95601890afd80709 | x inc | 03/12/2021 10:40:12 | ~ | file",
            &format!(
                r"c:\y\b.exe | da39a3ee5e6b4b0d3255bfef95601890afd80709 | ~ | 2020-09-13T12:26:40Z | {TIME} | file"
            ),
        ],
    );
}
