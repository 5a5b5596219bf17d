//! A value and its type, understood.
//!
//! In: text, defanged or not, and what the source calls it, if anything. Out: the test in its normal form, or the reason why
//! it is not looked for. Where the source's type and the value's form do not agree, the form of an address, a hash or a web
//! address decides: nothing else looks like one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::kind::Hint;
use super::refang::refang;
use super::test::normal_url;
use super::{Kind, Test, Tests, normal_path};

/// Bytes of the longest value.
const VALUE_BYTES_MAX: usize = 4_096;
/// Characters of a reason that quotes the value.
const QUOTED_CHARS: usize = 100;
/// Endings of files that are also top-level domains, or look like one.
const FILE_ENDINGS: &[&str] = &[
    "exe", "dll", "sys", "ps1", "psm1", "bat", "cmd", "vbs", "vbe", "js", "jse", "hta", "lnk", "scr", "cpl",
    "msi", "jar", "zip", "rar", "7z", "cab", "iso", "img", "aspx", "ashx", "asmx", "ascx", "asp", "php",
    "jsp", "jspx", "config", "txt", "log", "dat", "tmp", "bin", "doc", "docx", "docm", "xls", "xlsx", "xlsm",
    "pdf", "rtf", "dmp",
];
/// Folders that variables stand for, on any drive.
pub const VARIABLES: &[(&str, &str)] = &[
    ("%windir%", "windows"),
    ("%systemroot%", "windows"),
    ("%system%", "windows\\system32"),
    ("%temp%", "temp"),
    ("%tmp%", "temp"),
    ("%appdata%", "appdata\\roaming"),
    ("%localappdata%", "appdata\\local"),
    ("%programdata%", "programdata"),
    ("%allusersprofile%", "programdata"),
    ("%programfiles%", "program files"),
    ("%programfiles(x86)%", "program files (x86)"),
    ("%public%", "users\\public"),
    ("%exchangeinstallpath%", "exchange server\\v15"),
    ("%startup%", "start menu\\programs\\startup"),
];
/// Names of hives, in lower case.
const HIVES: &[&str] = &[
    "hkey_local_machine",
    "hkey_current_user",
    "hkey_users",
    "hkey_classes_root",
    "hkey_current_config",
    "hklm",
    "hkcu",
    "hku",
    "hkcr",
    "hkcc",
    "registry\\machine",
    "registry\\user",
];

/// Why a value is not looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// It is no value of its kind.
    NotUnderstood(String),
    /// Piste does not look for this kind.
    NotSupported(String),
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) kind: Kind,
    pub(super) tests: Tests,
    pub(super) shown: Option<Box<str>>,
}

impl Value {
    pub(super) fn of(test: Test) -> Self {
        Self { kind: test.kind(), tests: Tests::One(test), shown: None }
    }
}

/// Reads a value; `hint` is what the source calls it.
pub(super) fn read(text: &str, hint: Hint) -> Result<Value, Why> {
    let plain = refang(text);
    let text = plain.as_ref();
    if text.is_empty() || text.len() > VALUE_BYTES_MAX || text.contains(['\0', '\n']) {
        return Err(not(text, "is empty, too long or broken over lines"));
    }
    match hint {
        Hint::Not => Err(Why::NotSupported("its type is not one that Piste looks for".to_owned())),
        Hint::Any => any(text),
        Hint::Address => address(text)
            .or_else(|| of_form(text))
            .ok_or_else(|| not(text, "is neither an address nor a network")),
        Hint::Is(kind) => of_kind(text, kind),
    }
}

fn not(text: &str, what: &str) -> Why {
    let shown: String = text.chars().take(QUOTED_CHARS).collect();
    Why::NotUnderstood(format!("`{shown}` {what}"))
}

/// Values that nothing else looks like.
fn of_form(text: &str) -> Option<Value> {
    hash(text).or_else(|| address(text)).or_else(|| text.contains("://").then(|| url(text)).flatten())
}

fn any(text: &str) -> Result<Value, Why> {
    if let Some(value) = of_form(text) {
        return Ok(value);
    }
    if let Some(value) = mail(text).or_else(|| pipe(text, false)).or_else(|| registry(text)) {
        return Ok(value);
    }
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("mozilla/") {
        return Ok(Value::of(Test::Agent(lower.into())));
    }
    if ["global\\", "local\\"].iter().any(|space| lower.starts_with(space)) {
        return mutex(text).ok_or_else(|| not(text, "is a mutex without a name"));
    }
    if is_path(text) {
        return path(text).ok_or_else(|| not(text, "is a path without a name"));
    }
    if let Some((head, _)) = text.split_once('/')
        && domain(head).is_some()
        && let Some(value) = url(text)
    {
        return Ok(value);
    }
    let ending = lower.rsplit_once('.').map(|(_, ending)| ending);
    if ending.is_some_and(|ending| FILE_ENDINGS.contains(&ending)) && !text.contains('/') {
        return path(text).ok_or_else(|| not(text, "is no file name"));
    }
    domain(text).ok_or_else(|| {
        let long_hash = text.len() > 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if long_hash {
            return Why::NotSupported(
                "hashes other than MD5, SHA-1 and SHA-256 are not looked for".to_owned(),
            );
        }
        not(text, "looks like no kind of indicator; give its type")
    })
}

fn of_kind(text: &str, kind: Kind) -> Result<Value, Why> {
    let lower = || text.to_lowercase().into_boxed_str();
    let value = match kind {
        Kind::Ipv4Addr | Kind::Ipv6Addr | Kind::Network => address(text),
        Kind::DomainName => of_form(text).or_else(|| domain(text)),
        Kind::Url => url_like(text),
        Kind::FileHash => hash(text),
        Kind::FilePath | Kind::FileName => path(text),
        Kind::EmailAddr => mail(text),
        Kind::UserAgent => (text.len() > 2).then(|| Value::of(Test::Agent(agent(text).into()))),
        Kind::Mutex => mutex(text),
        Kind::NamedPipe => pipe(text, true),
        Kind::WindowsRegistryKey => registry(text).or_else(|| key(text)),
        Kind::ProcessCommandLine => (text.len() > 3).then(|| Value::of(Test::CommandLine(lower()))),
        Kind::Pattern => None,
    };
    value.ok_or_else(|| not(text, &format!("is no {kind}")))
}

/// IIS writes a `+` for a blank; both are one.
fn agent(text: &str) -> String {
    let lower = text.to_lowercase();
    if lower.contains(' ') { lower } else { lower.replace('+', " ").trim().to_owned() }
}

fn hash(text: &str) -> Option<Value> {
    let digits = text.rsplit_once([':', '=']).map_or(text, |(name, digits)| {
        let known =
            ["md5", "sha1", "sha-1", "sha256", "sha-256"].contains(&name.to_ascii_lowercase().as_str());
        if known { digits.trim() } else { text }
    });
    let hex = matches!(digits.len(), 32 | 40 | 64) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex.then(|| Value::of(Test::Hash(digits.to_ascii_lowercase().into())))
}

/// An address, a network, or an address with a port.
fn address(text: &str) -> Option<Value> {
    if let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Some(Value::of(one(address)));
    }
    if let Ok(net) = text.parse::<IpNet>() {
        let net = net.trunc();
        let whole = net.prefix_len() == net.max_prefix_len();
        return Some(Value::of(if whole { one(net.addr()) } else { Test::Net(net) }));
    }
    let (host, port) = text.rsplit_once(':')?;
    let host: IpAddr = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inside) => inside.parse::<Ipv6Addr>().ok()?.into(),
        None => host.parse::<Ipv4Addr>().ok()?.into(),
    };
    with_port(one(host), port)
}

/// A version 6 address that only wraps one of version 4 is that one.
fn one(address: IpAddr) -> Test {
    match address {
        IpAddr::V4(address) => Test::V4(address),
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or(Test::V6(address), Test::V4),
    }
}

/// An address or a name together with a port.
pub(super) fn with_port(host: Test, port: &str) -> Option<Value> {
    let port: u16 = port.trim().parse().ok().filter(|port| *port > 0)?;
    let shown = match &host {
        Test::V6(address) => format!("[{address}]:{port}"),
        host => format!("{}:{port}", host.text()),
    };
    Some(Value {
        kind: host.kind(),
        tests: Tests::All([host, Test::Port(port)].into()),
        shown: Some(shown.into()),
    })
}

/// A host name of at least two labels; a leading `*.` or `.` says what holds anyway: all below it.
fn domain(text: &str) -> Option<Value> {
    let name = text.trim_start_matches("*.").trim_start_matches('.').trim_end_matches('.').to_lowercase();
    let label = |label: &str| {
        let inner = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        !label.is_empty() && label.chars().count() <= 63 && label.chars().all(inner)
    };
    let labels: Vec<&str> = name.split('.').collect();
    let top = labels.last().copied().unwrap_or_default();
    let real = labels.len() >= 2
        && name.len() <= 253
        && labels.iter().all(|one| label(one))
        && top.len() >= 2
        && (top.starts_with("xn--") || top.chars().all(char::is_alphabetic));
    real.then(|| Value::of(Test::Domain(name.into())))
}

fn url(text: &str) -> Option<Value> {
    if let Some(value) = connection(text) {
        return Some(value);
    }
    let url = normal_url(text)?;
    let host = super::host_of_url(&url);
    let host = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') { name } else { host }
    });
    let named = domain(host).is_some() || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    named.then(|| Value::of(Test::Url(url.into())))
}

/// `tcp://203.0.113.7:443`: no web address, but where a connection goes.
fn connection(text: &str) -> Option<Value> {
    const SCHEMES: [&str; 8] = ["tcp", "udp", "ssl", "tls", "rdp", "ssh", "smb", "dns"];
    let (scheme, rest) = text.split_once("://")?;
    let rest = rest.trim_end_matches('/');
    if !SCHEMES.iter().any(|one| one.eq_ignore_ascii_case(scheme)) || rest.contains('/') {
        return None;
    }
    if let Some(value) = address(rest) {
        return Some(value);
    }
    match rest.rsplit_once(':') {
        Some((host, port)) => match domain(host)?.tests {
            Tests::One(host) => with_port(host, port),
            Tests::All(_) => None,
        },
        None => domain(rest),
    }
}

/// A web address; one without host is a path, which web logs have.
fn url_like(text: &str) -> Option<Value> {
    if text.starts_with('/') { path(text) } else { url(text) }
}

fn mail(text: &str) -> Option<Value> {
    let (local, host) = text.rsplit_once('@')?;
    let plain = |c: char| c.is_alphanumeric() || "._%+-'=&~#!/".contains(c);
    let whole = !local.is_empty() && local.len() <= 64 && local.chars().all(plain) && !text.contains("//");
    (whole && domain(host).is_some())
        .then(|| Value::of(Test::Mail(text.trim_end_matches('.').to_lowercase().into())))
}

fn pipe(text: &str, named: bool) -> Option<Value> {
    let path = normal_path(text);
    let name = match path.split_once("pipe\\") {
        Some(("" | ".\\", name)) => name,
        Some((host, name)) if text.starts_with("\\\\") && host.ends_with('\\') => name,
        _ if named => &path,
        _ => return None,
    };
    (name.len() > 1).then(|| Value::of(Test::Pipe(name.into())))
}

/// Separators as in paths: rows are brought to the same form.
fn mutex(text: &str) -> Option<Value> {
    let name = normal_path(text);
    let telling = name.chars().filter(|c| c.is_alphanumeric()).count() > 2;
    telling.then(|| Value::of(Test::Mutex(name.into())))
}

fn registry(text: &str) -> Option<Value> {
    let path = normal_path(text);
    let rest = HIVES.iter().find_map(|hive| path.strip_prefix(hive)?.strip_prefix([':', '\\']))?;
    key(rest)
}

/// A key of at least two parts.
fn key(text: &str) -> Option<Value> {
    let path = normal_path(text);
    path.contains('\\').then(|| Value::of(Test::Registry(path.into())))
}

fn is_path(text: &str) -> bool {
    let bytes = text.as_bytes();
    let drive = matches!(bytes, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    drive
        || text.starts_with(['\\', '%'])
        || text.contains('\\')
        || (text.starts_with('/') && !text.contains("//"))
}

/// A path or one part of one; variables stand for their folders.
fn path(text: &str) -> Option<Value> {
    let mut path = normal_path(text);
    if let Some((folder, rest)) =
        VARIABLES.iter().find_map(|(name, folder)| Some((folder, path.strip_prefix(name)?)))
    {
        path = format!("{folder}{rest}");
    } else if path.starts_with('%') {
        // Where another variable leads is not known: at least two parts must be left.
        let (_, rest) = path.split_once('\\')?;
        path = rest.contains('\\').then(|| rest.to_owned())?;
    }
    let name = path.rsplit('\\').next().unwrap_or_default();
    let telling =
        name.chars().filter(|c| c.is_alphanumeric()).count() >= 2 && !path.contains(['*', '?', '"']);
    telling.then(|| Value::of(Test::Path(path.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, kind: Kind, value: &str) {
        let found = read(text, Hint::Any).unwrap_or_else(|why| panic!("{text}: {why:?}"));
        let shown = found
            .shown
            .as_deref()
            .map_or_else(|| found.tests.all().iter().map(Test::text).collect::<String>(), str::to_owned);
        assert_eq!((found.kind, shown.as_str()), (kind, value), "{text}");
    }

    #[test]
    fn a_values_form_tells_its_kind() {
        check("203[.]0[.]113[.]7", Kind::Ipv4Addr, "203.0.113.7");
        check("203.0.113.7:443", Kind::Ipv4Addr, "203.0.113.7:443");
        check("::ffff:203.0.113.7", Kind::Ipv4Addr, "203.0.113.7");
        check("2001:DB8::7", Kind::Ipv6Addr, "2001:db8::7");
        check("[2001:db8::7]:443", Kind::Ipv6Addr, "[2001:db8::7]:443");
        check("203.0.113.9/24", Kind::Network, "203.0.113.0/24");
        check("203.0.113.9/32", Kind::Ipv4Addr, "203.0.113.9");
        check("*.Evil.example.", Kind::DomainName, "evil.example");
        check("hxxps://Evil[.]example/Gate.php?x=1", Kind::Url, "evil.example/Gate.php?x=1");
        check("evil.example/gate.php", Kind::Url, "evil.example/gate.php");
        check(
            "SHA256=E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
            Kind::FileHash,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        );
        check("someone[at]evil[.]example", Kind::EmailAddr, "someone@evil.example");
        check(
            r"C:\inetpub\wwwroot\aspnet_client\Shell.aspx",
            Kind::FilePath,
            r"c:\inetpub\wwwroot\aspnet_client\shell.aspx",
        );
        check("/owa/auth/ohyeah.aspx", Kind::FilePath, r"owa\auth\ohyeah.aspx");
        check(r"%windir%\Temp\x.exe", Kind::FilePath, r"windows\temp\x.exe");
        check("evil.exe", Kind::FileName, "evil.exe");
        check(r"\\.\pipe\evil-01", Kind::NamedPipe, "evil-01");
        check(r"HKLM\SOFTWARE\Evil\Run", Kind::WindowsRegistryKey, r"software\evil\run");
        check("Mozilla/5.0 (X)", Kind::UserAgent, "mozilla/5.0 (x)");
        check(r"Global\Evil", Kind::Mutex, r"global\evil");
    }

    #[test]
    fn what_is_no_value_is_said() {
        for text in [
            "",
            "evil",
            "999.1.1.1",
            "a..b",
            "%foo%\\x.exe",
            "-",
            "1.2.3.4.5",
            "hello world",
            &"a".repeat(128),
        ] {
            assert!(read(text, Hint::Any).is_err(), "{text}");
        }
        assert!(matches!(read("x", Hint::of("yara")), Err(Why::NotSupported(_))));
        assert!(matches!(read("zz", Hint::of("md5")), Err(Why::NotUnderstood(_))));
    }

    #[test]
    fn a_sources_type_decides_what_the_form_does_not() {
        let kind = |text: &str, name: &str| read(text, Hint::of(name)).map(|value| value.kind);
        assert_eq!(kind("evil.zip", "domain"), Ok(Kind::DomainName));
        assert_eq!(kind("evil-pipe", "named pipe"), Ok(Kind::NamedPipe));
        assert_eq!(kind("antSword/v2.1", "User-Agent"), Ok(Kind::UserAgent));
        assert_eq!(kind("203.0.113.7", "domain"), Ok(Kind::Ipv4Addr));
        assert_eq!(kind("/owa/auth/x.aspx", "url"), Ok(Kind::FilePath));
        assert_eq!(kind("Evil_Mutex", "mutex"), Ok(Kind::Mutex));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken_or_refused(text in "\\PC{0,80}", name in "[a-z0-9-]{0,12}") {
            let _ = read(&text, Hint::of(&name));
        }
    }
}
