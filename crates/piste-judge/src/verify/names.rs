//! Names of things in the form in which two sources can be compared.
//!
//! In: a path, a key, an account as some log, hive or listing writes it. Out: the same for the same thing. What Windows treats alike is
//! alike here: case, the two slashes, device paths, the variables of a service's path, the two views of a 64-bit registry.

/// Variables in paths, with what they stand for on a usual installation.
const VARIABLES: [(&str, &str); 8] = [
    ("%systemroot%", r"\windows"),
    ("%windir%", r"\windows"),
    (r"\systemroot", r"\windows"),
    ("%programdata%", r"\programdata"),
    ("%allusersprofile%", r"\programdata"),
    ("%programfiles%", r"\program files"),
    ("%programfiles(x86)%", r"\program files (x86)"),
    ("%systemdrive%", ""),
];

/// Folders that are a second name of another.
const LINKS: [(&str, &str); 3] = [
    (r"\users\all users\", r"\programdata\"),
    (r"\documents and settings\", r"\users\"),
    (r"\windows\sysnative\", r"\windows\system32\"),
];

/// Whether a path tells where a file is: short names, shares and pieces of paths do not.
pub(crate) fn is_a_place(path: &str) -> bool {
    let short = path.split('\\').any(|part| {
        part.rsplit_once('~').is_some_and(|(_, tail)| tail.starts_with(|sign: char| sign.is_ascii_digit()))
    });
    !short && !path.starts_with(r"\\") && path.len() > 2
}

/// A file's path from its volume's root on, in lower case; empty where there is none.
pub(crate) fn path(text: &str) -> String {
    let mut path = text.trim().trim_matches('"').replace('/', r"\").to_lowercase();
    for prefix in [r"\\?\globalroot", r"\\?\", r"\??\", r"\\.\"] {
        if let Some(rest) = path.strip_prefix(prefix) {
            path = rest.to_owned();
        }
    }
    for (name, value) in VARIABLES {
        if let Some(rest) = path.strip_prefix(name) {
            path = format!("{value}{rest}");
        }
    }
    if let Some(rest) = path.strip_prefix(r"\device\harddiskvolume") {
        path = rest.trim_start_matches(|sign: char| sign.is_ascii_digit()).to_owned();
    }
    let mut signs = path.chars();
    if signs.next().is_some_and(|letter| letter.is_ascii_alphabetic()) && signs.next() == Some(':') {
        path = path.get(2..).unwrap_or_default().to_owned();
    }
    let path =
        path.strip_prefix('.').filter(|rest| rest.starts_with('\\')).map_or(path.clone(), str::to_owned);
    // A path of a driver begins at the folder of Windows.
    let path = if path.starts_with(r"system32\") { format!(r"\windows\{path}") } else { path };
    let path = LINKS
        .iter()
        .find_map(|(link, to)| path.strip_prefix(link).map(|rest| format!("{to}{rest}")))
        .unwrap_or(path);
    let path = if path.is_empty() || path.starts_with('\\') { path } else { format!(r"\{path}") };
    path.trim_end_matches(['\\', ' ', '\0']).to_owned()
}

/// The drive's letter, where a path names one.
pub(crate) fn drive(text: &str) -> Option<char> {
    let text = text.trim().trim_matches('"');
    let text =
        [r"\\?\", r"\??\", r"\\.\"].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
    let mut signs = text.chars();
    let letter = signs.next().filter(char::is_ascii_alphabetic)?;
    (signs.next() == Some(':')).then(|| letter.to_ascii_lowercase())
}

/// The folder that a path lies in.
pub(crate) fn folder(path: &str) -> &str {
    path.rsplit_once('\\').map_or("", |(folder, _)| folder)
}

/// What a command line runs: its first word, or what stands in quotes, or all up to `.exe`.
pub(crate) fn program(command: &str) -> String {
    let command = command.trim();
    if let Some(rest) = command.strip_prefix('"') {
        return path(rest.split('"').next().unwrap_or_default());
    }
    let lower = command.to_lowercase();
    for end in [".exe", ".dll", ".sys", ".cmd", ".bat", ".ps1", ".vbs", ".scr", ".com"] {
        if let Some(at) = lower.find(end) {
            let after = at + end.len();
            let ends =
                lower.get(after..).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '"', ',']));
            if ends {
                return path(command.get(..after).unwrap_or_default());
            }
        }
    }
    path(command.split_whitespace().next().unwrap_or_default())
}

/// Programs of Windows that run what they are told to: that two things run them says nothing. Nor does it of what is installed where all
/// programs are.
const HOSTS: [&str; 16] = [
    "cmd.exe",
    "powershell.exe",
    "pwsh.exe",
    "rundll32.exe",
    "regsvr32.exe",
    "wscript.exe",
    "cscript.exe",
    "mshta.exe",
    "svchost.exe",
    "msiexec.exe",
    "schtasks.exe",
    "conhost.exe",
    "explorer.exe",
    "dllhost.exe",
    "wmic.exe",
    "installutil.exe",
];

/// Whether what runs tells one thing from another.
pub(crate) fn is_telling_program(path: &str) -> bool {
    let name = path.rsplit('\\').next().unwrap_or_default();
    let shipped =
        [r"\windows\system32\", r"\windows\syswow64\", r"\program files\", r"\program files (x86)\"];
    path.len() > 4
        && name.contains('.')
        && !HOSTS.contains(&name)
        && !shipped.iter().any(|folder| path.starts_with(folder))
}

/// A place in the registry: hives as Windows mounts them, one control set, one view.
pub(crate) fn registry(text: &str) -> String {
    let mut key = text.trim().replace('/', r"\").to_lowercase();
    for (long, short) in [
        ("hkey_local_machine", "hklm"),
        ("hkey_users", "hku"),
        ("hkey_current_user", "hkcu"),
        ("hkey_classes_root", "hkcr"),
        (r"\registry\machine", "hklm"),
        (r"\registry\user", "hku"),
        (r"\registry\a", "hka"),
        ("hklm:", "hklm"),
        ("hkcu:", "hkcu"),
    ] {
        if let Some(rest) = key.strip_prefix(long) {
            key = format!("{short}{rest}");
        }
    }
    for number in 1..=9 {
        key = key.replace(&format!(r"\system\controlset00{number}\"), r"\system\currentcontrolset\");
    }
    key.replace(r"\wow6432node\", r"\").replace(r"\(default)", r"\").trim_end_matches('\0').to_owned()
}

/// An account without its domain.
pub(crate) fn account(text: &str) -> String {
    let text = text.trim().to_lowercase();
    let plain = text.rsplit('\\').next().unwrap_or_default();
    let plain = plain.split('@').next().unwrap_or_default();
    // A distinguished name names the account in its first part.
    let plain = plain.strip_prefix("cn=").map_or(plain, |rest| rest.split(',').next().unwrap_or_default());
    plain.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Whether a name is that of a person or service, and not of the system, a computer or nobody.
pub(crate) fn is_of_somebody(account: &str) -> bool {
    let of_system =
        ["", "-", "system", "local service", "network service", "anonymous logon", "iusr", "defaultapppool"];
    !of_system.contains(&account)
        && !account.ends_with('$')
        && !account.starts_with("dwm-")
        && !account.starts_with("umfd-")
        && !account.ends_with("apppool")
        && !matches!(account, "s-1-5-18" | "s-1-5-19" | "s-1-5-20" | "s-1-0-0")
}

/// A task's path, `\Folder\Name`.
pub(crate) fn task(text: &str) -> String {
    let name = text.trim().replace('/', r"\").to_lowercase();
    if name.is_empty() || name.starts_with('\\') { name } else { format!(r"\{name}") }
}

/// A page's address without its query.
pub(crate) fn url(text: &str) -> String {
    let path = text.split(['?', '#']).next().unwrap_or_default().to_lowercase();
    let mut plain = String::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        plain.push('/');
        plain.push_str(part);
    }
    plain
}

/// Endings that a web server runs.
const PAGES: [&str; 12] =
    [".aspx", ".ashx", ".asmx", ".ascx", ".asp", ".cshtml", ".cer", ".asa", ".soap", ".php", ".jsp", ".svc"];

/// Whether a web server would run it.
pub(crate) fn is_page(path: &str) -> bool {
    PAGES.iter().any(|end| path.ends_with(end))
}

/// The address under which a page's file and its requests meet; empty where its file lies in no known web root.
pub(crate) fn page_address(place: &str) -> String {
    let key = crate::doors::page_key(place);
    if key.contains('\\') { String::new() } else { url(&key) }
}

/// 40 hexadecimal digits, in lower case.
pub(crate) fn thumbprint(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|sign| !matches!(sign, ' ' | ':' | '\u{200e}')).collect();
    (plain.len() == 40 && plain.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| plain.to_lowercase())
}

/// An address of the other side; none for what every host has.
pub(crate) fn address(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches("::ffff:");
    let address: std::net::IpAddr = text.parse().ok()?;
    let nobody = address.is_loopback() || address.is_unspecified() || address.is_multicast();
    (!nobody).then(|| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_has_one_path_whoever_writes_it() {
        let same = r"\programdata\adobe\sync.cmd";
        for text in [
            r"C:\ProgramData\Adobe\sync.cmd",
            r"\\?\C:\ProgramData\Adobe\sync.cmd",
            r"\??\C:\ProgramData\Adobe\sync.cmd",
            r"%ProgramData%\Adobe\sync.cmd",
            r"\Device\HarddiskVolume12\ProgramData\Adobe\sync.cmd",
            r".\ProgramData\Adobe\sync.cmd",
            "C:/ProgramData/Adobe/sync.cmd",
        ] {
            assert_eq!(path(text), same, "{text}");
        }
        assert_eq!(path(r"system32\drivers\x.sys"), r"\windows\system32\drivers\x.sys");
        assert_eq!(path(r"\SystemRoot\system32\x.dll"), r"\windows\system32\x.dll");
        assert_eq!(path(""), "");
        assert_eq!((drive(r"\\?\D:\x"), drive(r"\x")), (Some('d'), None));
    }

    #[test]
    fn what_runs_is_found_in_a_command_line() {
        assert_eq!(program(r#""C:\Program Files\a b\c.exe" -k x"#), r"\program files\a b\c.exe");
        assert_eq!(program(r"C:\Program Files\a b\c.exe -k x"), r"\program files\a b\c.exe");
        assert_eq!(
            program(r"%SystemRoot%\System32\svchost.exe -k netsvcs"),
            r"\windows\system32\svchost.exe"
        );
        assert!(!is_telling_program(&program("cmd.exe /c x")));
        assert!(is_telling_program(&program(r"C:\ProgramData\x.exe")));
    }

    #[test]
    fn one_place_of_the_registry_has_one_name() {
        let same = r"hklm\system\currentcontrolset\services\x\imagepath";
        assert_eq!(registry(r"HKLM\SYSTEM\ControlSet001\Services\x\ImagePath"), same);
        assert_eq!(registry(r"\REGISTRY\MACHINE\SYSTEM\CurrentControlSet\Services\x\ImagePath"), same);
        assert_eq!(
            registry(r"HKLM\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Run\u"),
            registry(r"HKEY_LOCAL_MACHINE\Software\Microsoft\Windows\CurrentVersion\Run\u")
        );
    }

    #[test]
    fn accounts_and_addresses() {
        for text in [
            "MIN\\svc-x",
            "svc-x@min.example",
            "CN=svc-x,OU=Users,DC=min,DC=example",
            "min.example/Users/svc-x",
        ] {
            assert_eq!(account(text), "svc-x", "{text}");
        }
        assert!(!is_of_somebody(&account("MX01$")));
        assert_eq!(address("::ffff:203.0.113.7").as_deref(), Some("203.0.113.7"));
        assert_eq!(address("127.0.0.1"), None);
        assert_eq!(url("//owa//auth/X.aspx?a=b"), "/owa/auth/x.aspx");
    }
}
