//! Calls as PHP makes them, those by a computed name among them.
//!
//! In: a function's name and its arguments. Out: its value; flows have been noted.

use super::calls::{callback_place, is_runner};
use super::expr::Operand;
use super::lists;
use super::sinks::{is_script, joined, regex_flags};
use super::value::{
    CHECKED, CIPHER, COMPUTED, DECODED, FIELD, FILE, FILTERED, HEADER, MAPPED, MIXED, OWN_FILE, QUOTED,
    REMOTE, REQUEST, SCRAMBLED, SOUGHT, UPLOAD, Value,
};
use super::walk::Walk;

impl Walk<'_> {
    pub(super) fn call_php(&mut self, name: &str, path: &str, args: &[Value]) -> Option<Value> {
        let first = args.first();
        let method = path.contains('.');
        let none = Value::default();
        match name {
            "eval" => return Some(self.evaluates(first.unwrap_or(&none))),
            "get_defined_vars" => return Some(Value::object("globals", HEADER)),
            "assert" if !method => {
                let text = first.is_some_and(|value| {
                    value.tainted()
                        || value.text.is_some()
                        || value.from & (DECODED | SCRAMBLED | REMOTE) != 0
                });
                return Some(if text { self.evaluates(first.unwrap_or(&none)) } else { Value::default() });
            }
            "create_function" => {
                let code = args.get(1).unwrap_or(&none).clone();
                self.evaluates(&code);
                if runs_its_argument(first.map_or("", Value::known), code.known()) {
                    let at = self.offset();
                    self.found.find("made-runner", 75, at, "a function made of text runs what it is given");
                }
                return Some(Value { class: Some("closure \0".into()), ..Value::default() });
            }
            "system"
            | "exec"
            | "shell_exec"
            | "passthru"
            | "popen"
            | "proc_open"
            | "pcntl_exec"
            | "expect_popen"
            | "win_shell_execute"
            | "w32api_invoke_function"
                if !method =>
            {
                let by = match name {
                    "system" => "by-system",
                    "exec" => "by-exec",
                    "shell_exec" => "by-shell-exec",
                    "passthru" => "by-passthru",
                    "popen" => "by-popen",
                    _ => "by-proc-open",
                };
                self.process(first.unwrap_or(&none), by);
                return Some(Value::default());
            }
            "run" | "exec" | "shellexecute" if method && self.found.can("com-shell") => {
                self.process(first.unwrap_or(&none), "by-com");
                return Some(Value::default());
            }
            _ => {}
        }
        if let Some(place) = callback_place(name).filter(|_| !method) {
            let value = self.callback(name, place, args);
            // Of a list only what others have too, or have not: nothing of the others comes in.
            let of_first = name.starts_with("array_intersect") || name.starts_with("array_diff");
            let own = first.map_or(0, |first| first.from);
            return if of_first && own == 0 { Some(Value::default()) } else { value };
        }
        if method {
            self.php_method(name, args);
            if is_field_of_request(path) {
                return Some(Value::of(FIELD));
            }
        }
        self.php_text(name, args)
            .or_else(|| self.php_files(name, path, args))
            .or_else(|| self.php_other(name, args))
            .or_else(|| self.php_server(name, args))
    }

    /// Methods of PHP's own objects that run code.
    fn php_method(&mut self, name: &str, args: &[Value]) {
        let at = self.offset();
        match name {
            "sqlitecreatefunction" | "createfunction" | "createaggregate" | "createcollation"
                if args.iter().any(is_runner) =>
            {
                self.found.find(
                    "query-runner",
                    75,
                    at,
                    "a function that runs code is made part of a database's language",
                );
            }
            "cdef" => {
                let text = args.first().map_or("", Value::known);
                if ["system", "popen", "exec", "mprotect"].iter().any(|word| text.contains(word)) {
                    self.found.find(
                        "foreign-runner",
                        80,
                        at,
                        "a function of the system that starts programs is declared",
                    );
                }
            }
            _ => {}
        }
    }

    /// What reaches past the page: the environment, the mail program, the server's settings.
    fn php_server(&mut self, name: &str, args: &[Value]) -> Option<Value> {
        let (first, second) = (args.first(), args.get(1));
        let text = first.map_or("", Value::known);
        let at = self.offset();
        Some(match name {
            "getenv" | "apache_getenv" => Value::of(super::sources::item("$_SERVER", 0, text)),
            "fromcallable" => first.cloned().unwrap_or_default(),
            "define" => {
                if let (Some(name), Some(value)) = (first.and_then(|value| value.text.clone()), second) {
                    let key = format!("constant {}", name.to_lowercase());
                    self.assign_constant(&key, value.clone());
                }
                Value::default()
            }
            "putenv" if text.to_ascii_uppercase().contains("LD_PRELOAD") => {
                self.found.find(
                    "preload",
                    75,
                    at,
                    "a library is put before those of every program that is started",
                );
                Value::default()
            }
            "mail" | "mb_send_mail" => {
                let sent = |at: usize| {
                    args.get(at).is_some_and(|value| value.tainted() && value.from & FILTERED == 0)
                };
                if sent(0) && sent(1) && sent(2) {
                    self.found.cap("mail-request", at);
                } else if text.contains('@') && args.get(2).is_some_and(|value| value.from & HEADER != 0) {
                    self.found.cap("mail-own", at);
                }
                Value::default()
            }
            "error_log" if args.get(1).is_some_and(|kind| kind.known() == "3") => {
                self.writes(args.get(2), first);
                Value::default()
            }
            "ini_set" | "ini_alter" if text.starts_with("auto_") && text.ends_with("_file") => {
                if second.is_some_and(|value| value.tainted() || value.known().contains(':')) {
                    self.found.find(
                        "include-request",
                        75,
                        at,
                        "the file that each page includes is set to what is sent",
                    );
                }
                Value::default()
            }
            "filter_var" | "filter_var_array" | "filter_input" | "filter_input_array" => {
                let sent = name.contains("input") || first.is_some_and(Value::reached);
                if let Some(callee) = args.iter().find_map(|value| option_of(value, 0)).filter(|_| sent) {
                    let operand =
                        Operand { value: callee, path: "$".into(), dynamic: true, ..Operand::default() };
                    self.dynamic(&operand, &[Value::of(REQUEST)]);
                }
                Value::of(joined(args) | if name.contains("input") { REQUEST } else { 0 })
            }
            "import_request_variables" => {
                self.found.cap("extract-request", at);
                Value::default()
            }
            _ => return None,
        })
    }

    /// Whether there are steps left for what a function makes of lists: each item may go over each text.
    fn takes(&self, args: &[Value]) -> bool {
        let items: usize =
            args.iter().filter_map(|value| value.items.as_ref()).map(|items| items.len()).sum();
        let bytes: usize = args.iter().map(|value| value.known().len()).sum();
        self.work.take(items + items * (bytes / 64))
    }

    /// Functions on text.
    pub(super) fn php_text(&mut self, name: &str, args: &[Value]) -> Option<Value> {
        let worded: Vec<Value>;
        let args = if args.iter().any(|value| value.word().is_some()) {
            worded = args.iter().map(|value| value.clone().worded()).collect();
            &worded
        } else {
            args
        };
        let first = args.first().cloned().unwrap_or_default();
        let lists_of_texts = args.iter().any(|value| value.items.is_some());
        if lists_of_texts && !self.takes(args) {
            return Some(Value::of(joined(args) | COMPUTED));
        }
        if (lists_of_texts || !matches!(name, "str_replace" | "str_ireplace" | "strtr"))
            && name != "preg_replace"
            && let Some(value) = lists::call(name, args)
        {
            self.look_into(&value);
            return Some(value);
        }
        Some(match name {
            "preg_replace" | "preg_filter" | "mb_ereg_replace" | "mb_eregi_replace" => {
                if name == "preg_replace"
                    && super::guards::is_sieve(first.known())
                    && args.get(1).is_some_and(|by| by.text.as_deref() == Some(""))
                    && args.get(2).is_some_and(|value| value.tainted() && value.items.is_none())
                {
                    return Some(Value::of(args.get(2).map_or(0, |value| value.from) | CHECKED | FILTERED));
                }
                let flags = if name.starts_with("mb_") {
                    args.get(3).map(|value| value.known().to_owned())
                } else {
                    regex_flags(first.known())
                };
                if flags.is_some_and(|flags| flags.contains('e')) {
                    let code = args
                        .get(1)
                        .cloned()
                        .unwrap_or_default()
                        .and(args.get(2).map_or(0, |value| value.from));
                    return Some(self.evaluates(&code));
                }
                if name == "preg_replace"
                    && let Some(value) = lists::call(name, args).filter(|value| value.text.is_some())
                {
                    self.look_into(&value);
                    return Some(value);
                }
                Value::of(
                    args.get(1).map_or(0, |value| value.from)
                        | args.get(2).map_or(0, |value| value.from & (REQUEST | MIXED | FILE | REMOTE)),
                )
            }
            "array_intersect_key" | "array_intersect" | "array_diff_key" | "array_diff" => {
                Value { items: None, ..first }
            }
            "implode" | "join" => {
                let items = args.iter().find_map(|value| value.items.clone());
                let glue = args
                    .iter()
                    .find(|value| value.items.is_none())
                    .map(|value| value.known().to_owned())
                    .unwrap_or_default();
                let texts: Option<Vec<&str>> = items
                    .as_ref()
                    .and_then(|items| items.iter().map(|(_, item)| item.text.as_deref()).collect());
                match texts {
                    Some(texts) => {
                        let value = Value::of_text(texts.join(&glue)).and(joined(args) | COMPUTED);
                        self.look_into(&value);
                        value
                    }
                    None => Value::of(joined(args) | COMPUTED),
                }
            }
            "explode" | "str_split" | "preg_split" | "split" => {
                if args.get(1).is_some_and(Value::tainted) {
                    let at = self.offset();
                    self.found.cap("split-request", at);
                }
                let (glue, text) = if name == "str_split" {
                    ("", first.known())
                } else {
                    (first.known(), args.get(1).map_or("", Value::known))
                };
                let pieces: Vec<String> = if text.is_empty() || text.len() > 200_000 || name == "preg_split" {
                    Vec::new()
                } else if glue.is_empty() {
                    text.chars().take(4_096).map(String::from).collect()
                } else {
                    text.split(glue).take(4_096).map(str::to_owned).collect()
                };
                self.work.take(pieces.len() * 4);
                let items = pieces
                    .into_iter()
                    .enumerate()
                    .map(|(n, piece)| (n.to_string().into(), Value::of_text(piece)));
                let items: Vec<_> = items.collect();
                Value {
                    from: joined(args),
                    items: (!items.is_empty()).then(|| items.into()),
                    ..Value::default()
                }
            }
            "basename" | "pathinfo" if first.text.is_some() && first.from == 0 => {
                return super::decode::call(name, args).map(Value::of_text);
            }
            "realpath" => Value { text: None, items: None, ..Value::object("realpath", joined(args)) },
            "json_encode" | "serialize" => Value::of(joined(args) | QUOTED),
            // A value as code that holds nothing but that value.
            "var_export" if args.len() > 1 => Value::default(),
            "escapeshellarg" | "escapeshellcmd" | "basename" | "pathinfo" => {
                Value::of(joined(args) | FILTERED)
            }
            "base64_encode" | "bin2hex" | "md5" | "sha1" | "crypt" | "hash" | "crc32" | "uniqid" | "time"
            | "date" | "rand" | "mt_rand" | "is_array" | "is_string" | "is_numeric" | "in_array"
            | "isset" | "empty" | "count" | "sizeof" | "strlen" | "strpos" | "stripos" | "strrpos"
            | "strcmp" | "strcasecmp" | "intval" | "floatval" | "abs" | "ceil" | "floor" | "defined"
            | "function_exists" | "class_exists" | "file_exists" | "is_file" | "is_dir" | "is_writable"
            | "is_readable" | "array_key_exists" | "method_exists" | "is_callable" | "ctype_alnum"
            | "ctype_digit" | "filesize" | "filemtime" | "substr_count" => Value::default(),
            _ => return None,
        })
    }

    /// Functions on files and other servers.
    pub(super) fn php_files(&mut self, name: &str, path: &str, args: &[Value]) -> Option<Value> {
        let (first, second) = (args.first(), args.get(1));
        let text = first.map_or("", Value::known).to_ascii_lowercase();
        Some(match name {
            "file_get_contents"
            | "file"
            | "fopen"
            | "readfile"
            | "highlight_file"
            | "show_source"
            | "stream_get_contents"
            | "fread"
            | "fgets"
            | "gzfile" => {
                self.file("read", first);
                let mode = second.map_or("", |mode| mode.word().unwrap_or(mode.known()));
                if name == "fopen" && (mode.starts_with(['w', 'a', 'x']) || mode.contains('+')) {
                    self.writes(first, None);
                    let path = first.cloned().unwrap_or_default();
                    if mode.starts_with(['w', 'a', 'x']) && path.from & MIXED == 0 {
                        // What is written through the handle goes where the path says.
                        return Some(Value { class: None, items: None, ..path.and(FILE) });
                    }
                }
                if text.starts_with("php://input") {
                    return Some(Value::of(REQUEST));
                }
                let remote =
                    ["http://", "https://", "ftp://", "//"].iter().any(|start| text.starts_with(start));
                let own = path.contains("__file__")
                    || first.is_some_and(|value| value.class.as_deref() == Some("constant __file__"));
                let from = first.map_or(0, |value| value.from);
                let from = if from & UPLOAD != 0 {
                    from
                } else {
                    from & !(REQUEST | MIXED)
                        | if name == "fread" || name == "fgets" || name == "stream_get_contents" {
                            from
                        } else {
                            0
                        }
                };
                let chosen = first.is_some_and(|path| {
                    let whole = path.from & REQUEST != 0 && path.from & MIXED == 0;
                    // `"php".$x` may be `php://input`.
                    let stream =
                        path.from & MIXED != 0 && matches!(path.known(), "php" | "php:" | "php://" | "data:");
                    (whole || stream) && path.from & (FILTERED | MAPPED | UPLOAD | FILE) == 0
                });
                let from = from | if chosen { SOUGHT } else { 0 };
                Value::of(from | FILE | if remote { REMOTE } else { 0 } | if own { OWN_FILE } else { 0 })
            }
            "curl_exec" | "wp_remote_get" | "curl_init" | "curl_setopt" => {
                if args.iter().any(Value::tainted) {
                    let at = self.offset();
                    self.found.cap("fetch-request", at);
                }
                Value::of(if name == "curl_exec" || name == "wp_remote_get" { REMOTE } else { 0 })
            }
            "file_put_contents" | "fwrite" | "fputs" | "gzwrite" => {
                let target = if name == "file_put_contents" {
                    first
                } else {
                    let whole = second.is_some_and(|content| content.from & REQUEST != 0);
                    first.filter(|value| {
                        value.from & FILE == 0 || value.tainted() || value.text.is_some() && whole
                    })
                };
                self.writes(target, second);
                Value::default()
            }
            "move_uploaded_file" => {
                self.upload(second);
                Value::default()
            }
            "copy" | "rename" => {
                let loaded = first.is_some_and(|value| value.from & UPLOAD != 0);
                if loaded {
                    self.upload(second);
                } else {
                    let fetched = first.is_some_and(|value| value.from & REQUEST != 0 && value.is_whole());
                    if name == "copy" && fetched && second.is_some_and(Value::tainted) {
                        let at = self.offset();
                        let points = if self.tokens.len() < 400 { 75 } else { 25 };
                        let what = "the request chooses a file and where its content is fetched";
                        self.found.find("write-remote", points, at, what);
                    }
                    self.file("rename", second);
                    if text.starts_with("http") && second.is_some_and(|value| is_script(value.known())) {
                        let at = self.offset();
                        self.found.find(
                            "write-remote",
                            75,
                            at,
                            "what another server sends is written as a page",
                        );
                    }
                }
                Value::default()
            }
            "unlink" | "rmdir" => {
                self.file("delete", first);
                Value::default()
            }
            "mkdir" => {
                self.file("mkdir", first);
                Value::default()
            }
            "chmod" => {
                self.file("chmod", first);
                Value::default()
            }
            "touch" => {
                self.file("timestomp", first);
                Value::default()
            }
            "opendir" | "scandir" | "glob" | "dir" | "chdir" | "readdir" => {
                self.file("list", first);
                Value::of(FILE | joined(args) & (REQUEST | MIXED))
            }
            "ftp_login" | "ssh2_auth_password" | "imap_open" | "ldap_bind"
                if args.iter().skip(1).filter(|value| value.tainted()).count() > 1 =>
            {
                let at = self.offset();
                let kind = match name {
                    "ftp_login" => "login-ftp",
                    "ssh2_auth_password" => "login-ssh",
                    "imap_open" => "login-mail",
                    _ => "login-directory",
                };
                self.found.cap(kind, at);
                Value::default()
            }
            "fsockopen" | "pfsockopen" | "stream_socket_client" | "socket_connect" => {
                let host = if name == "socket_connect" { second } else { first };
                self.socket(host);
                Value::of(REMOTE)
            }
            "mysql_connect" | "mysqli_connect" | "mssql_connect" | "pg_connect" | "oci_connect"
            | "odbc_connect" | "mysql_pconnect" => {
                self.connects(first);
                Value::default()
            }
            "mysql_query" | "mysqli_query" | "mssql_query" | "pg_query" | "pg_exec" | "odbc_exec"
            | "sqlite_query" => {
                let query = if name == "mysqli_query"
                    || args.len() > 1 && first.is_some_and(|value| value.from == 0)
                {
                    second
                } else {
                    first
                };
                self.sql(query);
                Value::default()
            }
            _ => return None,
        })
    }

    /// The rest of PHP's functions that matter.
    pub(super) fn php_other(&mut self, name: &str, args: &[Value]) -> Option<Value> {
        let at = self.offset();
        Some(match name {
            "parse_str" | "mb_parse_str" if args.len() > 1 => {
                if let Some(name) = self.given.get(1).cloned().flatten() {
                    let from = args.first().map_or(0, |value| value.from);
                    self.assign(&name, Value::of(from), false);
                }
                Value::default()
            }
            "extract" | "parse_str" | "mb_parse_str" => {
                if args.first().is_some_and(super::value::Value::tainted) {
                    self.found.cap("extract-request", at);
                }
                Value::default()
            }
            "php_uname" | "phpversion" | "getmyuid" | "get_current_user" | "posix_getpwuid"
            | "posix_getuid" | "posix_geteuid" | "getmypid" | "disk_total_space" | "disk_free_space"
            | "phpinfo" | "ini_get" | "get_cfg_var" | "posix_getgrgid" | "posix_getegid" | "fileperms"
            | "safe_mode" => {
                let cap = match name {
                    "php_uname" => "info-uname",
                    "disk_total_space" | "disk_free_space" => "info-disk",
                    "posix_getpwuid" | "posix_getgrgid" => "info-owner",
                    "posix_getuid" | "posix_geteuid" | "posix_getegid" | "getmyuid" | "get_current_user" => {
                        "info-user"
                    }
                    "phpinfo" => "info-php",
                    "fileperms" => "info-perms",
                    _ => "info-ini",
                };
                self.found.cap(cap, at);
                Value::default()
            }
            "call_user_method" => Value::of(joined(args)),
            "exif_read_data" => Value::of(FILE | SCRAMBLED),
            "openssl_decrypt" | "mcrypt_decrypt" | "mcrypt_cbc" => {
                if args.iter().any(Value::tainted) {
                    self.found.cap("cipher-request", at);
                }
                Value::of(joined(args) & !FILTERED | CIPHER | DECODED)
            }
            "unserialize" if args.first().is_some_and(|value| value.from & REQUEST != 0) => {
                self.found.find("deserialize", 15, at, "an object is built from the request");
                if self.tokens.len() < 600 {
                    // Its fields are what was sent, whatever class of the page it is of.
                    self.found.cap("fields-request", at);
                }
                Value::of(REQUEST)
            }
            "set_time_limit" | "ignore_user_abort" => {
                self.found.cap("info-limit", at);
                Value::default()
            }
            "preg_match" | "preg_match_all" | "ereg" | "eregi" => {
                let from = args.get(1).map_or(0, |value| value.from);
                if let Some(name) = self.given.get(2).cloned().flatten().filter(|_| from != 0) {
                    self.assign(&name, Value::of(from), false);
                }
                Value::default()
            }
            _ => return None,
        })
    }
}

/// `$request->get`, as frameworks hand the request to their actions.
fn is_field_of_request(path: &str) -> bool {
    let Some((object, method)) = path.trim_start_matches('$').split_once('.') else { return false };
    matches!(object.to_ascii_lowercase().as_str(), "request" | "req" | "input")
        && matches!(
            method,
            "get" | "post" | "input" | "query" | "param" | "getparam" | "getpost" | "getquery"
        )
}

/// The function that the `options` of a filter name, which may stand in a list within a list.
fn option_of(value: &Value, depth: u32) -> Option<Value> {
    let items = value.items.as_ref()?;
    let direct =
        items.iter().find(|(key, _)| key.eq_ignore_ascii_case("options")).map(|(_, item)| item.clone());
    direct.filter(|callee| is_runner(callee) || callee.from & REQUEST != 0 || callee.class.is_some()).or_else(
        || (depth < 2).then(|| items.iter().find_map(|(_, item)| option_of(item, depth + 1))).flatten(),
    )
}

/// Whether code hands one of `params`, written `$a, $b`, straight to what runs it.
fn runs_its_argument(params: &str, code: &str) -> bool {
    if params.len() > 1_000 || code.len() > 100_000 {
        return false;
    }
    let code: String =
        code.to_ascii_lowercase().chars().filter(|letter| !" @\t\n(".contains(*letter)).collect();
    let names = params.split(',').map(|name| name.trim().trim_start_matches('&').to_ascii_lowercase());
    let runners = ["eval", "assert", "system", "exec", "passthru", "popen"];
    names.filter(|name| name.len() > 1 && name.starts_with('$')).any(|name| {
        runners.iter().any(|runner| {
            code.match_indices(&format!("{runner}{name}")).any(|(at, all)| {
                !code
                    .get(at + all.len()..)
                    .is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
            })
        })
    })
}
