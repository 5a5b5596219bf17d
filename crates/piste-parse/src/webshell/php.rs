//! Calls as PHP makes them, those by a computed name among them.
//!
//! In: a function's name and its arguments. Out: its value; flows have been noted.

use super::expr::Operand;
use super::sinks::{CALLBACKS, PHP_RUNNERS, is_script, joined, regex_flags};
use super::value::{
    CIPHER, COMPUTED, DECODED, FILE, FILTERED, MIXED, OWN_FILE, REMOTE, REQUEST, SCRAMBLED, SESSION, UPLOAD,
    Value,
};
use super::walk::Walk;

impl Walk<'_> {
    pub(super) fn call_php(&mut self, name: &str, path: &str, args: &[Value]) -> Option<Value> {
        let first = args.first();
        let method = path.contains('.');
        let none = Value::default();
        match name {
            "eval" => return Some(self.evaluates(first.unwrap_or(&none))),
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
        if let Some((_, place)) = CALLBACKS.iter().find(|(known, _)| *known == name).filter(|_| !method) {
            return self.callback(name, *place, args);
        }
        self.php_text(name, args)
            .or_else(|| self.php_files(name, path, args))
            .or_else(|| self.php_other(name, args))
    }

    /// Functions on text.
    pub(super) fn php_text(&mut self, name: &str, args: &[Value]) -> Option<Value> {
        let first = args.first().cloned().unwrap_or_default();
        Some(match name {
            "preg_replace" | "preg_filter" | "mb_ereg_replace" | "mb_eregi_replace" => {
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
                Value::of(
                    args.get(1).map_or(0, |value| value.from)
                        | args.get(2).map_or(0, |value| value.from & (REQUEST | MIXED | FILE | REMOTE)),
                )
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
            "str_replace" | "str_ireplace" if args.iter().any(|value| value.items.is_some()) => {
                Value::of(joined(args) | COMPUTED)
            }
            "range" => Value::of(0),
            "end" | "current" | "reset" | "pos" | "array_pop" | "array_shift" | "next" | "key"
            | "array_values" | "array_keys" | "array_flip" | "array_reverse" | "array_merge" | "each"
            | "func_get_args" => Value::of(joined(args)),
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
                let mode = second.map_or("", Value::known);
                if name == "fopen" && (mode.starts_with(['w', 'a', 'x']) || mode.contains('+')) {
                    self.writes(first, None);
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
                    first.filter(|value| value.from & FILE == 0 || value.tainted())
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
            "extract" | "parse_str" => {
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

    /// `$f(...)`: a call of a value.
    pub(super) fn dynamic(&mut self, operand: &Operand, args: &[Value]) -> Value {
        let callee = operand.value.clone();
        let at = self.offset();
        let sent = args.iter().any(Value::tainted);
        if let Some(name) = callee.class.as_deref().and_then(|class| class.strip_prefix("closure ")) {
            let name = name.to_owned();
            return self.call_own(&name, args).unwrap_or_default();
        }
        if let Some(text) = callee
            .text
            .clone()
            .filter(|text| !text.is_empty() && text.len() < 80 && callee.from & (REQUEST | MIXED) == 0)
        {
            let name = text.trim_start_matches('\\').to_ascii_lowercase();
            let hidden = callee.from & (DECODED | COMPUTED) != 0;
            if PHP_RUNNERS.contains(&name.as_str()) {
                let points = if sent {
                    100
                } else if hidden {
                    60
                } else {
                    20
                };
                self.found.find(
                    "dynamic-runner",
                    points,
                    at,
                    format!("`{name}` is called by a name in a variable"),
                );
            }
            let inner = Operand { path: name, ..Operand::default() };
            return self.call(&inner, args.to_vec());
        }
        let nameless =
            operand.path.len() > 1 && operand.path.trim_start_matches('$').chars().all(|c| c == '_');
        if nameless && callee.text.is_none() {
            self.found.find(
                "dynamic-nameless",
                70,
                at,
                "a function is called by a name that was computed without a letter",
            );
        }
        if self.found.can("extract-request")
            && callee.from == 0
            && callee.class.is_none()
            && callee.text.is_none()
        {
            self.found.find(
                "dynamic-extract",
                if self.tokens.len() < 400 { 80 } else { 20 },
                at,
                "the request may set the variable whose function is called",
            );
        }
        if callee.from & REQUEST != 0 && callee.class.is_none() && callee.items.is_none() {
            let points = match (args.is_empty(), sent) {
                (_, true) => 100,
                (true, _) => 25,
                (false, _) => 50,
            };
            self.found.find("dynamic-request", points, at, "the request chooses the function that is called");
        } else if callee.tainted() && sent {
            self.found.find(
                "dynamic-part",
                25,
                at,
                "the request is part of the name of the function that is called",
            );
        } else if callee.from & (DECODED | SCRAMBLED) != 0 {
            let points = if sent { 85 } else { 45 };
            self.found.find("dynamic-hidden", points, at, "a function is called by a hidden name");
        } else if callee.from & SESSION != 0 && sent {
            self.found.find(
                "dynamic-session",
                60,
                at,
                "the session chooses a function that is given the request",
            );
        } else if callee.from & COMPUTED != 0 {
            self.found.cap(if sent { "dynamic-computed-sent" } else { "dynamic-computed" }, at);
        }
        let odd = if callee.from & (COMPUTED | DECODED | SCRAMBLED) != 0 { SCRAMBLED } else { 0 };
        Value::of(joined(args) & !UPLOAD | callee.from & (REQUEST | MIXED) | odd)
    }

    /// A function whose argument at `place` is a function.
    pub(super) fn callback(&mut self, name: &str, place: usize, args: &[Value]) -> Option<Value> {
        let callee = args.get(place)?.clone();
        let rest: Vec<Value> =
            args.iter().enumerate().filter(|(at, _)| *at != place).map(|(_, value)| value.clone()).collect();
        let known = callee.text.is_some()
            || callee.class.as_deref().is_some_and(|class| class.starts_with("closure "));
        let at = self.offset();
        if callee.from & REQUEST != 0 && callee.from & UPLOAD == 0 && callee.items.is_none() {
            let sent = rest.iter().any(Value::tainted);
            let small = self.tokens.len() < 1_500;
            let points = match (sent, small) {
                (true, true) => 95,
                (true, false) => 50,
                _ => 30,
            };
            self.found.find(
                "callback-request",
                points,
                at,
                format!("the request chooses the function that `{name}` calls"),
            );
            return Some(Value::of(joined(args)));
        }
        if !known && callee.from & (DECODED | SCRAMBLED | COMPUTED) == 0 {
            return Some(Value::of(joined(&rest)));
        }
        let operand = Operand { value: callee, path: "$".into(), dynamic: true, ..Operand::default() };
        let given: Vec<Value> = rest
            .iter()
            .map(|value| if value.text.is_some() { value.clone() } else { Value::of(value.from) })
            .collect();
        let value = self.dynamic(&operand, &given);
        Some(value.and(joined(&rest)))
    }

    /// `include` and its like.
    pub(super) fn include(&mut self, value: &Value) {
        let at = self.offset();
        let text = value.known().to_ascii_lowercase();
        let remote = ["http:", "https:", "ftp:", "data:", "php://input", "php://filter"]
            .iter()
            .any(|start| text.starts_with(start));
        if value.from & UPLOAD != 0 {
            self.found.find("include-upload", 95, at, "an uploaded file is included");
        } else if value.from & REQUEST != 0 && value.from & FILTERED == 0 {
            self.found.find("include-request", 60, at, "the request chooses the file that is included");
        } else if value.tainted() {
            self.found.find(
                "include-part",
                15,
                at,
                "the request is part of the name of a file that is included",
            );
        } else if remote {
            let points = if text.starts_with("data:") { 60 } else { 85 };
            self.found.find("include-remote", points, at, "code of another server is included");
        } else if value.from & (DECODED | SCRAMBLED) != 0 && value.from & FILE == 0 {
            self.found.find("include-hidden", 60, at, "the name of an included file is hidden");
        }
        let odd = [".jpg", ".jpeg", ".png", ".gif", ".ico", ".txt", ".zip", ".bmp", ".css"]
            .iter()
            .any(|end| text.ends_with(end));
        if odd && !value.tainted() {
            let small = self.tokens.len() < 60;
            self.found.find(
                "include-image",
                if small { 75 } else { 35 },
                at,
                "a picture or text is included as code",
            );
        }
    }
}
