//! From what was found to a score with its reasons.
//!
//! In: finds and what the page can do. Out: reasons, each with points and a place; the score is their sum, 100 at most. A
//! single flow from the request to code or a command is enough; traits of panels must meet.

use super::found::Found;
use super::remarks;
use super::segment::{has, place};
use super::{Language, Reason};

/// Words of the trade, in lower case, with points each. They speak only together with what the code does.
const WORDS: [(&str, u32); 64] = [
    ("webshell", 25),
    ("web shell", 20),
    ("backdoor", 20),
    ("c99shell", 40),
    ("c99_", 25),
    ("r57shell", 40),
    ("filesman", 40),
    ("b374k", 40),
    ("aspxspy", 40),
    ("aspspy", 40),
    ("phpspy", 40),
    ("jspspy", 40),
    ("hacked by", 25),
    ("h4x", 10),
    ("haxor", 15),
    ("hacker", 10),
    ("serv-u", 20),
    ("site maintenance", 30),
    ("-setusersetup", 30),
    ("pcanywhere", 15),
    ("georg says", 50),
    ("antsword", 25),
    ("behinder", 25),
    ("godzilla", 20),
    ("rebeyond", 30),
    ("e45e329feb5d925b", 40),
    ("3c6e0b8a9c15224a", 40),
    ("net user", 15),
    ("cmd.exe", 15),
    ("/etc/passwd", 15),
    ("uname -a", 15),
    ("safe_mode", 5),
    ("disable_functions", 5),
    ("xp_cmdshell", 20),
    ("sp_oacreate", 20),
    ("mass deface", 25),
    ("deface", 15),
    ("reverse shell", 20),
    ("back connect", 25),
    ("backconnect", 25),
    ("bind shell", 20),
    ("port scan", 10),
    ("brute force", 8),
    ("symlink", 5),
    ("bypass", 5),
    ("safe mode", 8),
    ("indoxploit", 40),
    ("mini shell", 30),
    ("marijuana", 10),
    ("priv8", 25),
    ("exploit-db", 15),
    ("tool shell", 15),
    ("/bin/sh", 10),
    ("command execute", 15),
    ("execute command", 15),
    ("shell command", 10),
    ("wso", 3),
    ("file manager", 5),
    ("\u{4e00}\u{53e5}\u{8bdd}", 25),
    ("\u{6728}\u{9a6c}", 25),
    ("\u{63d0}\u{6743}", 25),
    ("\u{5927}\u{9a6c}", 20),
    ("\u{514d}\u{6740}", 20),
    ("shell.users", 10),
];
/// The most that flows of a long library count together, of which none holds the request itself.
const LOOSE_MAX: u32 = 60;
/// The most that words count.
const WORDS_MAX: u32 = 40;

/// Reasons of one page, the weightiest first.
pub(super) fn reasons(
    found: &Found,
    text: &[u8],
    lower: &[u8],
    language: Language,
    code_bytes: usize,
) -> Vec<Reason> {
    let spoken = remarks::without(lower, &found.remarks);
    let (page, lower) = (lower, spoken.as_slice());
    let mut out = Vec::new();
    let mut add =
        |points: u32, at: usize, what: String| out.push(Reason { points, what, offset: at as u64, line: 0 });
    // In a long library names are shared by many functions, and a flow found there may be none.
    let long = language == Language::Php && code_bytes > 30_000;
    let mut left = LOOSE_MAX;
    let mut finds: Vec<_> = found.finds.iter().collect();
    finds.sort_by_key(|(_, find)| std::cmp::Reverse(find.points));
    for (kind, find) in finds {
        let hidden = kind.starts_with("hidden") || kind.ends_with("hidden");
        let sure = hidden || (runs(kind) && is_direct(lower, find.at));
        let loose = long && !sure;
        let form = *kind == "lookup-request" && find.points > 60 && has(lower, "<form");
        let points = match (loose, form) {
            (true, _) => (find.points * 6 / 10).min(left),
            // A sample asks for a name and shows what it finds there.
            (_, true) => 60,
            _ => find.points,
        };
        left -= if loose { points } else { 0 };
        if points > 0 {
            add(points, find.at, find.what.clone());
        }
    }
    panel(found, language, long, &mut add);
    if language == Language::Php {
        browser(found, code_bytes, &mut add);
        enters(lower, code_bytes, &mut add);
    }
    traits(found, language, code_bytes, lower, &mut add);
    if language == Language::VbScript {
        included(page, code_bytes, &mut add);
    }
    let worst = found.finds.values().map(|find| find.points).max().unwrap_or(0);
    hidden_text(text, lower, language, worst, found, &mut add);
    let code_bytes = if language == Language::Php { code_in_tags(text) } else { code_bytes };
    uploads(found, code_bytes, lower, &mut add);
    let acts = worst > 0
        || found.can("process")
        || found.can("write-path")
        || found.can("com-shell")
        || found.can("list")
        || found.can("sql-request")
        || found.can("upload")
        || found.can("socket")
        || found.can("eval")
        || found.can("fetch-request") && language != Language::Php;
    if acts {
        words(&remarks::without_markup(lower), &mut add);
    }
    out.sort_by(|a, b| {
        (std::cmp::Reverse(a.points), a.offset, &a.what).cmp(&(
            std::cmp::Reverse(b.points),
            b.offset,
            &b.what,
        ))
    });
    out
}

fn words(lower: &[u8], add: &mut impl FnMut(u32, usize, String)) {
    let mut left = WORDS_MAX;
    for (word, points) in WORDS {
        if left == 0 {
            return;
        }
        if let Some(at) = place(lower, word) {
            let points = points.min(left);
            left -= points;
            add(points, at, format!("says `{word}`"));
        }
    }
}

/// File manager, command box, database: what only meets in a panel.
/// Whether a kind of find is code or a command that runs.
fn runs(kind: &str) -> bool {
    kind.starts_with("eval") || kind.starts_with("process")
}

/// Whether the request itself stands in the statement at `at`, by none of the names that functions share: one line that was put
/// into a long library.
fn is_direct(lower: &[u8], at: usize) -> bool {
    const AROUND: usize = 160;
    let before = lower.get(at.saturating_sub(AROUND)..at.min(lower.len())).unwrap_or_default();
    let after = lower.get(at.min(lower.len())..(at + AROUND).min(lower.len())).unwrap_or_default();
    let from =
        before.iter().rposition(|byte| matches!(byte, b';' | b'{' | b'}' | b'\n')).map_or(0, |last| last + 1);
    let to = after.iter().position(|byte| *byte == b';').unwrap_or(after.len());
    let statement = [before.get(from..).unwrap_or_default(), after.get(..to).unwrap_or_default()].concat();
    ["$_post", "$_get", "$_request", "$_cookie"].iter().any(|name| has(&statement, name))
}

fn panel(found: &Found, language: Language, long: bool, add: &mut impl FnMut(u32, usize, String)) {
    let files = ["list", "delete", "rename", "mkdir", "chmod", "timestomp", "read", "write-path"];
    let known: Vec<&str> = files.iter().copied().filter(|cap| found.can(cap)).collect();
    let php = language == Language::Php;
    let points = match known.len() {
        0 | 1 => 0,
        2 if long => 10,
        2 => 20,
        3 if long => 20,
        3 if php => 35,
        3 => 70,
        4 if php => 50,
        _ => 70,
    };
    if points > 0 {
        let at = known.iter().map(|cap| found.place(cap)).min().unwrap_or(0);
        add(points, at, format!("the request chooses paths of files: {}", known.join(", ")));
    }
    let runners =
        ["by-system", "by-exec", "by-shell-exec", "by-passthru", "by-popen", "by-proc-open", "by-com"];
    let ways = runners.iter().filter(|cap| found.can(cap)).count();
    if ways >= 3 {
        let at = found.place("process");
        let points = match ways {
            3 => 40,
            4 => 60,
            5 => 65,
            _ => 75,
        };
        add(points, at, format!("{ways} ways to start a command"));
    }
    if found.can("sql-request") {
        let free = found.can("connect-request");
        let what = if free {
            "the request chooses a database and what it is asked"
        } else {
            "the request is a database query"
        };
        add(
            if free && php {
                35
            } else if free {
                70
            } else if found.can("connect-parts") {
                55
            } else {
                20
            },
            found.place("sql-request"),
            what.into(),
        );
    }
    let infos = ["info-uname", "info-disk", "info-owner", "info-user", "info-php", "info-perms"];
    let told = infos.iter().filter(|cap| found.can(cap)).count();
    if told >= 3 {
        add(
            20,
            infos.iter().filter(|cap| found.can(cap)).map(|cap| found.place(cap)).min().unwrap_or(0),
            "tells about the server: system, disk, owner, user".into(),
        );
    }
    if found.can("drives") && (found.can("list") || found.can("read")) {
        let walks = found.can("list") && !php;
        let points = match (walks, found.can("read")) {
            (true, true) => 50,
            (true, false) => 35,
            _ => 20,
        };
        add(points, found.place("drives"), "lists the drives of the server".into());
    }
    if found.can("sql-mixed")
        && (found.can("connect-request") || found.can("connect-parts"))
        && !found.can("sql-request")
        && !php
    {
        let what = "the request chooses a database server and what is read from it";
        let way = if found.can("connect-request") { "connect-request" } else { "connect-parts" };
        add(45, found.place(way), what.into());
    }
    if found.can("logon-request") && (found.can("list") || found.can("write-path") || found.can("delete")) {
        let what = "takes on an account that the request names, and its paths of files with it";
        add(55, found.place("logon-request"), what.into());
    }
    if found.can("registry") {
        add(25, found.place("registry"), "the request chooses registry keys".into());
    }
}

/// Small pages that show any folder or file, try passwords, or hide by having no names.
fn browser(found: &Found, code_bytes: usize, add: &mut impl FnMut(u32, usize, String)) {
    if found.can("list-whole") && found.can("read-whole") && code_bytes < 12_000 {
        let what = "lists any folder and shows any file that the request names";
        add(55, found.place("list-whole"), what.into());
    } else if found.can("read-whole") && code_bytes < 1_200 {
        add(40, found.place("read-whole"), "shows any file that the request names".into());
    }
    let logins = ["login-ftp", "login-ssh", "login-mail", "login-directory", "connect-request"];
    let kinds = logins.iter().filter(|cap| found.can(cap)).count();
    if kinds >= 3 && found.can("split-request") {
        let at = logins.iter().filter(|cap| found.can(cap)).map(|cap| found.place(cap)).min();
        add(
            75,
            at.unwrap_or(0),
            "tries the names and passwords that the request lists on other servers".into(),
        );
    }
    if found.can("extract-request") && found.can("process-unknown") && code_bytes < 12_000 {
        let what = "a variable that the request may set is started as a command";
        add(50, found.place("process-unknown"), what.into());
    }
    if found.can("nameless") && found.can("dynamic-call") {
        let what = "hardly a variable has a letter in its name, and one is called";
        add(75, found.place("nameless"), what.into());
    }
}

/// A page of its own that loads an application only to get into it: as a user, or with a new administrator.
fn enters(lower: &[u8], code_bytes: usize, add: &mut impl FnMut(u32, usize, String)) {
    let loads = ["wp-blog-header.php", "wp-load.php", "app/mage.php"].iter().any(|word| has(lower, word));
    if !loads || code_bytes > 8_000 {
        return;
    }
    let made = ["wp_insert_user(", "wp_create_user("].iter().find_map(|word| place(lower, word));
    if let Some(at) = place(lower, "wp_set_auth_cookie") {
        add(75, at, "logs whoever calls it in as a user of the site".into());
    } else if let Some(at) = made.filter(|_| has(lower, "administrator")) {
        add(75, at, "makes a new administrator of the site".into());
    } else if let Some(at) = place(lower, "admin/user").filter(|_| has(lower, "setdata")) {
        add(70, at, "makes a new administrator of the site".into());
    }
}

fn traits(
    found: &Found,
    language: Language,
    code_bytes: usize,
    lower: &[u8],
    add: &mut impl FnMut(u32, usize, String),
) {
    if found.can("class-loader") && (found.can("define-class") || has(lower, "defineclass")) {
        add(75, found.place("class-loader"), "defines a class loader of its own that takes bytes".into());
    }
    if found.can("inject") && (found.can("set-accessible") || has(lower, "standardcontext")) {
        add(80, found.place("inject"), "puts a filter, servlet or valve into the running server".into());
    }
    if found.can("com-shell") {
        let at = found.place("com-shell");
        add(
            if found.can("process") { 45 } else { 30 },
            at,
            "makes the component that starts programs".into(),
        );
    }
    if found.can("com-shell") && found.can("com-files") && found.can("com-stream") {
        add(20, found.place("com-files"), "shell, file and stream components together".into());
    }
    if found.can("socket") && (found.can("process") || has(lower, "/bin/sh") || has(lower, "cmd.exe")) {
        let small = code_bytes < 16_000 || language != Language::Php;
        add(if small { 60 } else { 15 }, found.place("socket"), "a connection and a command shell".into());
    }
    let headers = ["x-cmd", "x-target", "x-status", "x-error"].iter().filter(|word| has(lower, word)).count();
    if found.can("socket") && (headers >= 2 || found.finds.contains_key("socket-request")) {
        let session = has(lower, "session");
        add(
            if session || headers >= 2 { 60 } else { 30 },
            found.place("socket"),
            "carries the request's bytes to another host, as a tunnel does".into(),
        );
    }
    if found.can("cipher-request")
        && (found.can("load") || found.can("eval") || found.can("define-class") || found.can("reflect"))
    {
        add(40, found.place("cipher-request"), "what the request brings is deciphered".into());
    }
    if found.can("extract-request")
        && (found.can("eval")
            || found.can("process")
            || found.can("dynamic-computed")
            || found.can("dynamic-computed-sent"))
    {
        add(45, found.place("extract-request"), "the request sets variables where code is run".into());
    }
    if found.can("dynamic-computed-sent") && language == Language::Php {
        add(
            if code_bytes < 4_096 { 50 } else { 12 },
            found.place("dynamic-computed-sent"),
            "a function with a computed name is given the request".into(),
        );
    }
    if found.can("mail-request") && code_bytes < 30_000 {
        let many = found.can("split-request");
        let what = "the request chooses to whom mail goes and all that it says";
        add(if many { 75 } else { 40 }, found.place("mail-request"), what.into());
    }
    if found.can("mail-own") && code_bytes < 8_000 {
        add(40, found.place("mail-own"), "mails its own address to a fixed mailbox".into());
    }
    if found.can("info-uname") && has(lower, "safe_mode") && code_bytes < 2_000 {
        add(40, found.place("info-uname"), "shows the system and whether its limits are off".into());
    }
    if language == Language::Java && found.can("compile") && found.can("write-content") {
        add(75, found.place("compile"), "what the request brings is compiled and run".into());
    }
    let computed = found.caps.get("computed-variable").map_or(0, |(_, times)| *times);
    if computed >= 15 && language == Language::Php {
        add(45, found.place("computed-variable"), "the names of its variables are computed".into());
    }
    if found.can("connect-request") && (has(lower, "into dumpfile") || has(lower, "into outfile")) {
        add(
            70,
            found.place("connect-request"),
            "files are written through a database that the request chooses".into(),
        );
    }
    // Compressed bytes that hold `<?` by chance look so too.
    let packed = lower.iter().take(1 << 16).filter(|byte| **byte == 0).count() > 16;
    let bits = found.caps.get("text-bits").map_or(0, |(_, times)| *times);
    let calls = found.can("dynamic-call") || found.can("eval");
    if bits >= 18 && !packed && calls {
        // Three passes: six places.
        add(75, found.place("text-bits"), "texts are made by operations on the bits of other texts".into());
    }
    if found.can("names-unreadable") && !packed {
        let runs = found.can("eval") || found.can("process") || found.finds.contains_key("dynamic-hidden");
        add(
            if runs { 70 } else { 45 },
            found.place("names-unreadable"),
            "its names are bytes that no one can read".into(),
        );
    }
    if found.can("compile") && found.finds.keys().any(|kind| kind.ends_with("request")) {
        add(30, found.place("compile"), "compiles code".into());
    }
    // Declared and called: lists of a language's words name them too.
    let called = |word: &str| {
        memchr::memmem::find_iter(lower, word.as_bytes()).take(64).find(|at| {
            let rest = lower.get(at + word.len()..).unwrap_or_default();
            let name = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
            rest.get(name..).unwrap_or_default().trim_ascii_start().starts_with(b"(")
        })
    };
    if let Some(at) = called("wsasocket").filter(|_| called("createprocess").is_some()) {
        add(
            75,
            at,
            "gives a program to a connection that it opens by way of the system's own functions".into(),
        );
    }
    if found.can("remote-shown") && has(lower, "http_host") && code_bytes < 4_000 {
        let what = "shows what another server sends, and may tell that server where it stands";
        add(60, found.place("remote-shown"), what.into());
    }
    if found.can("remote-shown") && found.can("fetch-request") && language.is_server_page() {
        let what = "fetches what the request names and shows it, as an open proxy does";
        add(40, found.place("remote-shown"), what.into());
    }
    let unsafe_hidden = found.finds.get("hidden-name").filter(|find| find.what.contains("`unsafe`"));
    if let Some(find) = unsafe_hidden.filter(|_| found.can("eval")) {
        add(20, find.at, "hides that what it evaluates gets all rights".into());
    }
    if let Some(at) = place(lower, "virtualalloc").filter(|_| language != Language::Php)
        && has(lower, "dllimport")
        && (has(lower, "createthread") || has(lower, "getdelegateforfunctionpointer"))
    {
        add(75, at, "puts machine code into memory and runs it".into());
    }
}

/// Bytes of code between PHP's tags: a page may be mostly text.
fn code_in_tags(text: &[u8]) -> usize {
    let (mut rest, mut bytes) = (text, 0);
    while let Some(start) = place(rest, "<?") {
        let inside = rest.get(start..).unwrap_or_default();
        let length = place(inside, "?>").unwrap_or(inside.len());
        bytes += length;
        rest = inside.get(length..).unwrap_or_default();
    }
    bytes
}

/// `<!--#include file="x.jpg"-->`.
fn included(lower: &[u8], code_bytes: usize, add: &mut impl FnMut(u32, usize, String)) {
    let mut at = 0;
    while let Some(start) = place(lower.get(at..).unwrap_or_default(), "#include") {
        let from = at + start;
        let rest = lower.get(from..(from + 300).min(lower.len())).unwrap_or_default();
        let name = rest.get(..place(rest, "-->").unwrap_or(0)).unwrap_or_default().trim_ascii_end();
        let name = name.strip_suffix(b"\"").or_else(|| name.strip_suffix(b"'")).unwrap_or(name);
        if [".jpg", ".gif", ".png", ".bmp", ".jpeg", ".ico"].iter().any(|end| name.ends_with(end.as_bytes()))
        {
            add(if code_bytes < 500 { 75 } else { 40 }, from, "a picture is included as code".into());
            return;
        }
        if lower.len() < 200 && [".txt", ".log", ".dat"].iter().any(|end| name.ends_with(end.as_bytes())) {
            add(50, from, "the page is nothing but a text that is included as code".into());
            return;
        }
        at = from + 8;
    }
}

/// A small page that stores what it is sent under the name it is sent.
fn uploads(found: &Found, code_bytes: usize, lower: &[u8], add: &mut impl FnMut(u32, usize, String)) {
    // A name without its folders still ends as the client likes; a page that shows the form too does nothing else.
    let form = ["multipart/form-data", "type=\"file\"", "type='file'", "type=file"]
        .iter()
        .any(|word| has(lower, word));
    let direct = found.can("upload-name") || found.can("upload-base") && form;
    let base = if form { "upload-base" } else { "upload-name" };
    let ways = ["upload-name", "upload-beside", "upload-mapped", base];
    let Some(at) = ways.iter().filter(|cap| found.can(cap)).map(|cap| found.place(cap)).min() else {
        return;
    };
    let checks = [
        "getextension",
        "in_array",
        "allowed",
        "mime",
        "getimagesize",
        "extension",
        "->validate",
        "session",
        "login",
        "require",
        "include",
        "finfo",
        "ismatch",
        "preg_match",
        "token",
        "maxsize",
        "max_size",
    ];
    let checked = checks.iter().filter(|word| has(lower, word)).count();
    // A page that puts uploads beside itself lets the client add pages; who is let in does not change that.
    let sorted = ["getextension", "extension", "allowed", "contenttype", "endswith", ".jpg", "mime"];
    if found.can("upload-beside") && code_bytes < 12_000 && !sorted.iter().any(|word| has(lower, word)) {
        add(72, at, "stores an upload beside itself, under the name that the client gives".into());
        return;
    }
    if found.can("info-uname") && code_bytes < 8_000 {
        add(30, found.place("info-uname"), "tells about the server where it takes uploads".into());
    }
    let points = match (code_bytes, checked) {
        (0..8_000, 0..=2) if direct && form && found.can("password") => 70,
        (0..3_000, 0) if !direct => 40,
        _ if !direct => 15,
        (0..3_000, 0) => 70,
        (0..3_000, 1) if form => 50,
        (0..3_000, 1) => 40,
        (3_000..8_000, 0) => 45,
        _ => 15,
    };
    add(points, at, "stores an upload under the name that the client gives".into());
}

/// Text that nobody wrote by hand, beside code that is evaluated.
fn hidden_text(
    text: &[u8],
    lower: &[u8],
    language: Language,
    worst: u32,
    found: &Found,
    add: &mut impl FnMut(u32, usize, String),
) {
    if language == Language::Php {
        let escapes = memchr::memmem::find_iter(text, b"\\x").take(4_000).count();
        let gotos = memchr::memmem::find_iter(lower, b"goto ").take(4_000).count();
        if gotos > 20 && escapes > 50 {
            let acts = ["eval", "process", "write", "list", "read", "delete", "upload", "sql-request"];
            let acts = worst >= 20 || acts.iter().any(|cap| found.can(cap));
            add(
                if acts { 70 } else { 40 },
                place(lower, "goto ").unwrap_or(0),
                "its order and its texts are hidden by jumps and escapes".into(),
            );
        }
    }
    let acts = found.can("eval")
        || found.can("load")
        || found.can("dynamic-computed")
        || found.can("dynamic-computed-sent")
        || found.finds.contains_key("dynamic-hidden");
    if let Some((at, length)) = long_run(text)
        && acts
        && worst > 0
    {
        add(20, at, format!("{length} characters of encoded text"));
    }
    if language == Language::Java {
        class_in_text(text, lower, add);
    }
    if let Some(at) = place(text, "TVqQAAMAAAAEAAAA") {
        add(if language == Language::Php { 70 } else { 40 }, at, "an executable in Base64".into());
    }
}

/// How compiled code of Java begins: bare, in Base64, in Base64 twice over, in hex, and as BCEL writes it.
const CLASS_MARKS: [&str; 6] = [
    "yv66vgAAAD",
    "eXY2NnZnQUFB",
    "cafebabe0000003",
    "$$BCEL$$",
    "36,36,66,67,69,76,36,36",
    "36, 36, 66, 67, 69, 76, 36, 36",
];

/// Compiled code, or an object that carries some, in a text of a JSP page.
fn class_in_text(text: &[u8], lower: &[u8], add: &mut impl FnMut(u32, usize, String)) {
    let class =
        CLASS_MARKS.iter().find_map(|mark| place(text, mark)).or_else(|| place(lower, "cafebabe0000003"));
    if let Some(at) = class {
        add(80, at, "compiled code of Java stands in a text".into());
    } else if let Some(at) = place(text, "rO0ABX").filter(|_| has(lower, "readobject")) {
        add(75, at, "an object is read from a text of the page".into());
    }
}

/// The first run of more than 600 characters of Base64 or hex.
fn long_run(text: &[u8]) -> Option<(usize, usize)> {
    let mut start = 0;
    for (at, byte) in text.iter().enumerate() {
        if !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')) {
            if at - start > 600 {
                return Some((start, at - start));
            }
            start = at + 1;
        }
    }
    (text.len() - start > 600).then(|| (start, text.len() - start))
}
