//! Calls: what a page does with its values.
//!
//! In: the called path, the value it is called on, the arguments. Out: the call's value; flows into evaluation, processes,
//! code loading, files, databases and sockets have been noted.

use super::Language;
use super::calls::is_runner;
use super::decode;
use super::each::pieces;
use super::expr::Operand;
use super::sources;
use super::value::{
    BESIDE, CHECKED, CHOSEN, CIPHER, COMPUTED, DECODED, ENDED, FIELD, FILE, FILTERED, From, HEADER, MAPPED,
    MIXED, OTHER, OWN_FILE, PARTIAL, PEER, QUOTED, REMOTE, REQUEST, SCRAMBLED, SESSION, SOUGHT, UPLOAD,
    Value, bytes_of, unchecked,
};
use super::walk::Walk;

/// Names that run code or a command, as PHP's dynamic calls reach them.
pub(super) const PHP_RUNNERS: [&str; 12] = [
    "assert",
    "eval",
    "system",
    "exec",
    "shell_exec",
    "passthru",
    "popen",
    "proc_open",
    "pcntl_exec",
    "create_function",
    "expect_popen",
    "call_user_func",
];
/// Reasons that more than one place gives.
pub(super) const EVAL: &str = "the request reaches code that is evaluated";

impl Walk<'_> {
    /// A call of `operand`, whose value is what it is called on.
    pub(super) fn call(&mut self, operand: &Operand, args: Vec<Value>) -> Value {
        // What is done with a text goes over it a few times.
        let given = args.iter().chain([&operand.receiver, &operand.value]);
        let bytes: usize = given.map(|value| value.known().len()).sum();
        if !self.work.take_bytes(bytes * 4) {
            return Value::default();
        }
        let path = operand.path.as_str();
        let name = path.rsplit('.').next().unwrap_or_default().trim_start_matches('\\').to_owned();
        if operand.dynamic
            && (path.starts_with(['$', '"']) || path.is_empty() || path.contains('(') || path.ends_with("[]"))
        {
            return self.dynamic(operand, &args);
        }
        if name.starts_with("->") {
            return Value::of(joined(&args) & (REQUEST | MIXED));
        }
        if self.language == Language::Php
            && !path.contains('.')
            && let Some(value) = self.lookup(&format!("constant {}", name.to_lowercase())).cloned()
            && is_runner(&value)
        {
            // `define('RUN', 'system'); RUN($x);`
            return self
                .dynamic(&Operand { value, path: "$".into(), dynamic: true, ..Operand::default() }, &args);
        }
        if self.language == Language::Php
            && matches!(name.as_str(), "uasort" | "uksort")
            && path.contains('.')
        {
            let given = [operand.receiver.clone(), args.first().cloned().unwrap_or_default()];
            return self.callback(&name, 1, &given).unwrap_or_default();
        }
        if self.language == Language::Php && name.starts_with("newinstance") {
            let own = format!("{}::__construct", operand.receiver.known().to_ascii_lowercase());
            let items = args.first().and_then(|value| value.items.clone()).filter(|_| name.ends_with("args"));
            let given = items.map_or(args, |items| items.iter().map(|(_, item)| item.clone()).collect());
            return self.call_own(&own, &given).unwrap_or_default();
        }
        let value = match self.language {
            Language::Php => self.call_php(&name, path, &args),
            Language::Java => self.call_java(&name, path, operand, &args),
            _ => self.call_dotnet(&name, path, operand, &args),
        };
        let value = value.or_else(|| self.call_own(&name, &args));
        self.fills(&name, operand, &args);
        match value {
            Some(value) => value,
            None => self.plain(&name, path, operand, &args),
        }
    }

    /// A method that puts its arguments into what it is called on.
    pub(super) fn fills(&mut self, name: &str, operand: &Operand, args: &[Value]) {
        let fills = matches!(
            name,
            "loadxml"
                | "load"
                | "append"
                | "appendline"
                | "appendformat"
                | "add"
                | "push"
                | "put"
                | "insert"
                | "update"
                | "read"
                | "init"
                | "setvalue"
                | "setdata"
                | "addall"
                | "loadhtml"
                | "offer"
                | "addelement"
                | "setproperty"
                | "write"
        );
        self.filled(name, operand);
        // What is written into a file says nothing of its name.
        let fills = fills && !(name == "write" && operand.receiver.class.as_deref() == Some("writer"));
        let kept = REQUEST | MIXED | DECODED | SCRAMBLED | CIPHER | REMOTE;
        let from = joined(args) & kept;
        if let Some(holder) =
            operand.holder.clone().filter(|_| fills && from != 0 && self.language != Language::Php)
        {
            let value = self.lookup(&holder).cloned().unwrap_or_default();
            self.assign(&holder, value.and(from), false);
        }
    }

    /// `stream.Read(buffer, 0, n)`: what is read stands in the argument.
    fn filled(&mut self, name: &str, operand: &Operand) {
        let from = operand.receiver.from & (REQUEST | MIXED | UPLOAD | REMOTE);
        let reads = matches!(name, "read" | "readblock" | "copyto");
        let buffer = self.given.first().cloned().flatten();
        if let Some(buffer) = buffer.filter(|_| reads && from != 0 && self.language == Language::CSharp) {
            let value = self.lookup(&buffer).cloned().unwrap_or_default();
            self.assign(&buffer, value.and(from), false);
        }
    }

    /// A function that nothing is known of: what goes in may come out.
    pub(super) fn plain(&mut self, name: &str, path: &str, operand: &Operand, args: &[Value]) -> Value {
        let worded: Vec<Value>;
        let args = if self.language == Language::Php && args.iter().any(|value| value.word().is_some()) {
            worded = args.iter().map(|value| value.clone().worded()).collect();
            &worded
        } else {
            args
        };
        let base64 = name == "decode" && self.language == Language::Java && path.contains("base64");
        let name = if base64 { "decodebuffer" } else { name };
        let of_text = self.language == Language::Java || self.language.is_server_page();
        let method = path.contains('.') || of_text && operand.receiver.text.is_some();
        let mut all: Vec<Value> = Vec::new();
        if method && (operand.receiver.text.is_some() || args.is_empty()) {
            all.push(operand.receiver.clone());
        }
        all.extend(args.iter().cloned());
        if self.language.is_server_page()
            && let Some(value) = pieces(name, path, &operand.receiver, args)
        {
            self.work.take(value.items.as_ref().map_or(0, |items| items.len() * 4));
            self.look_into(&value);
            return value;
        }
        if let Some(value) = self.in_turn(&all, |values| decode::call(name, values)) {
            return value.and(COMPUTED);
        }
        if let Some(text) = decode::call(name, &all).filter(|text| self.work.take_bytes(text.len() * 4)) {
            // A quotation mark or a line's end that is written as its number hides nothing.
            let letter = matches!(name, "chr" | "chrw" | "chrb") && self.language.is_server_page();
            let from = joined(&all)
                | if letter {
                    COMPUTED
                } else if decode::is_decoder(name) {
                    DECODED
                } else {
                    0
                };
            let value = Value::of_text(text).and(from);
            self.look_into(&value);
            return value;
        }
        if name == "mappath" || name == "getrealpath" {
            return mapped(args);
        }
        let inner = operand.receiver.from | if operand.path == name { operand.value.from } else { 0 };
        if sources::harmless(name) || clean(name) || name == "parse" && !path.contains("ipaddress") {
            return Value::default();
        }
        if let Some(from) = sources::function(name) {
            return Value::of(from | joined(args) & !REQUEST);
        }
        if inner & REQUEST != 0 || operand.value.class.as_deref() == Some("request") {
            let key = args.first().map_or("", Value::known);
            if let Some(from) = sources::server_variable(path, key) {
                return Value::of(from);
            }
            let from = operand.value.from | operand.receiver.from;
            let body = if name == "binaryread" { UPLOAD } else { 0 };
            return Value {
                from: from | body,
                class: operand.receiver.class.clone().filter(|_| args.is_empty()),
                ..Value::default()
            };
        }
        let decoded = if decode::is_decoder(name) { DECODED } else { 0 };
        let cipher = if name.contains("decrypt") || matches!(name, "transformfinalblock" | "dofinal") {
            CIPHER
        } else {
            0
        };
        if cipher != 0 && joined(args) & (REQUEST | MIXED) != 0 {
            let at = self.offset();
            self.found.cap("cipher-request", at);
        }
        let class = operand.receiver.class.clone().filter(|class| !class.starts_with("constant"));
        // What a method of an object makes of what it is given is its own affair.
        let other = if self.language == Language::Php && path.contains('.') { OTHER } else { 0 };
        Value {
            from: joined(args) | operand.receiver.from | operand.value.from | decoded | cipher | other,
            class,
            ..Value::default()
        }
    }

    /// A known text may hold a page or code of its own.
    pub(super) fn look_into(&mut self, value: &Value) {
        let Some(text) = &value.text else { return };
        let at = self.offset();
        if super::found::is_hidden_name(text, self.language) && value.from & (DECODED | COMPUTED) != 0 {
            self.found.hidden(text, at);
        }
        if text.len() > 24 && (text.contains("<?") || text.contains("<%") || text.contains("$_")) {
            self.found.embed(text, at);
        }
    }

    /// Evaluation of `value`.
    pub(super) fn evaluates(&mut self, value: &Value) -> Value {
        let at = self.offset();
        self.found.cap("eval", at);
        let layers = if self.layers() > 0 { ", in a layer of text" } else { "" };
        // What is put together with a value that is not known is no text that was hidden whole: templates are made so.
        let open = value.from & (DECODED | SCRAMBLED | CIPHER) == 0;
        let partial = value.from & PARTIAL != 0 && (self.language.is_server_page() || open);
        let hidden = !partial && value.from & (DECODED | COMPUTED | SCRAMBLED) != 0;
        if value.tainted() && value.from & CHECKED != 0 {
            let what = "digits and signs of the request are evaluated, all else was kept out";
            self.found.find("eval-checked", 10, at, what);
            return Value::of(value.from & (REQUEST | MIXED | CHECKED));
        }
        if value.tainted() {
            self.found.find("eval-request", 100, at, format!("{EVAL}{layers}"));
        } else if value.from & FIELD != 0 {
            self.found.find("eval-request", 90, at, "a field of the request is evaluated as code");
        } else if value.from & HEADER != 0 {
            self.found.find(
                "eval-request",
                90,
                at,
                "a header of the request, or a variable that it fills, is evaluated as code",
            );
        } else if self.found.can("extract-request")
            && value.from & !PARTIAL == 0
            && value.text.is_none()
            && value.class.is_none()
            && self.tokens.len() < 400
        {
            self.found.find(
                "eval-request",
                80,
                at,
                "a variable that the request may set is evaluated as code",
            );
        } else if value.from & SOUGHT != 0 {
            self.found.find(
                "eval-chosen",
                95,
                at,
                "what stands where the request points is evaluated as code",
            );
        } else if value.from & REMOTE != 0 {
            self.found.find("eval-remote", 95, at, "what another server sends is evaluated");
        } else if value.from & UPLOAD != 0 {
            self.found.find("eval-upload", 95, at, "an uploaded file is evaluated");
        } else if value.from & OWN_FILE != 0 {
            self.found.find("eval-own", 70, at, "the page evaluates what it decodes from its own file");
        } else if value.from & SESSION != 0 {
            self.found.find("eval-session", 70, at, "what a request left in the session is evaluated");
        } else if value.from & SCRAMBLED != 0 {
            self.found.find("eval-scrambled", 75, at, "a text that the page unscrambles itself is evaluated");
        } else if (partial || value.text.is_none()) && value.from & (DECODED | CIPHER) != 0 {
            self.found.find("eval-decoded", 55, at, "a decoded text that cannot be followed is evaluated");
        }
        if let Some(text) = value.text.clone().filter(|_| !value.tainted()) {
            if hidden && text.len() > 8 {
                let points = if text.len() > 400 { 60 } else { 45 };
                self.found.find("eval-hidden", points, at, "a text that had to be decoded is evaluated");
            }
            return self.layer(&text).and(value.from & REQUEST);
        }
        Value::of(value.from & (REQUEST | MIXED))
    }

    /// A command: `value` starts a program.
    pub(super) fn process(&mut self, value: &Value, by: &'static str) {
        let at = self.offset();
        self.found.cap("process", at);
        self.found.cap(by, at);
        if fetches_and_runs(value.known()) {
            self.found.find("process-fetched", 80, at, "a command fetches a program and runs it");
        }
        if value.from & FIELD != 0 && !value.tainted() {
            let what = "a field of the request is started as a command";
            self.found.find("process-request", 90, at, what);
        }
        if self.language == Language::Php
            && value.text.as_deref().is_none_or(|text| text.starts_with(' '))
            && value.from & !(COMPUTED | OTHER | PARTIAL) == 0
        {
            self.found.cap("process-unknown", at);
        }
        if value.from & PEER != 0 {
            let what = "a command is told the client's port, by which it finds the client's connection";
            self.found.find("process-peer", 75, at, what);
        }
        if !value.tainted() {
            let command = value.known().to_ascii_lowercase();
            if self.language.is_server_page() && self.found.written.iter().any(|path| command.contains(path))
            {
                self.found.find("process-written", 60, at, "the page writes a file and starts it");
            }
            if value.from & HEADER != 0 {
                self.found.find("process-request", 90, at, "a header of the request is started as a command");
            } else if value.from & (SESSION | REMOTE) != 0 {
                self.found.find(
                    "process-stored",
                    45,
                    at,
                    "a command from the session or another server is started",
                );
            }
            return;
        }
        if value.from & FILTERED != 0 {
            self.found.find(
                "process-filtered",
                10,
                at,
                "a filtered value of the request is part of a command",
            );
            return;
        }
        let start = value.known().trim_start().to_ascii_lowercase();
        let shell = start.is_empty()
            || [
                "cmd",
                "/c",
                "-c",
                "\"/c",
                "c:\\windows\\system32\\cmd",
                "sh ",
                "/bin/sh",
                "/bin/bash",
                "bash",
                "powershell",
                "2>&1",
                "%comspec%",
                "\"",
                " 2>",
                "exec ",
                "cd ",
                "sudo ",
            ]
            .iter()
            .any(|word| start.starts_with(word))
            || start.contains("cmd.exe")
            || start.contains("2>&1");
        let (points, what) = if value.from & REQUEST != 0 || shell {
            (100, "the request chooses the command that is started")
        } else {
            (40, "the request is part of a command that is started")
        };
        self.found.find("process-request", points, at, what);
    }

    /// Code that is loaded: an assembly, a class.
    pub(super) fn loads(&mut self, value: &Value, what: &str) {
        let at = self.offset();
        self.found.cap("load", at);
        if value.tainted() {
            self.found.find("load-request", 100, at, format!("{what} is loaded from the request"));
        } else if value.from & (REMOTE | SESSION) != 0 {
            self.found.find(
                "load-stored",
                75,
                at,
                format!("{what} is loaded from the session or another server"),
            );
        } else if value.items.as_ref().is_some_and(|items| items.len() > 64) {
            self.found.find("load-decoded", 80, at, format!("{what} is loaded from bytes in the page"));
        } else if value.from & (DECODED | SCRAMBLED | CIPHER) != 0 {
            self.found.find("load-decoded", 80, at, format!("{what} is loaded from decoded text"));
        }
    }

    /// A file is written: `path` and `content`.
    pub(super) fn writes(&mut self, path: Option<&Value>, content: Option<&Value>) {
        let at = self.offset();
        let chosen = path.is_some_and(|path| {
            path.tainted() && path.from & FILTERED == 0 && !(path.from & ENDED != 0 && is_data(path.known()))
        });
        let fed = content.is_some_and(Value::tainted);
        let script = path.is_some_and(|path| is_script(path.known()));
        self.found.cap("write", at);
        self.beside(path);
        if let Some(path) = path.filter(|path| !path.tainted()) {
            self.found.wrote(path.known());
        }
        if chosen && path.is_some_and(|path| path.from & (MAPPED | UPLOAD) == 0) {
            self.found.cap("write-path", at);
        }
        if let Some(content) = content {
            if let Some(text) = content.text.as_ref().filter(|text| text.len() > 16) {
                self.found.embed(text, at);
            }
            if content.from & REMOTE != 0 && (script || chosen) {
                self.found.find("write-remote", 75, at, "what another server sends is written as a page");
            } else if content.from & SOUGHT != 0
                && self.language == Language::Php
                && path.is_some_and(Value::tainted)
                && (chosen || self.tokens.len() < 400)
            {
                self.found.find(
                    "write-remote",
                    75,
                    at,
                    "the request chooses a file and where its content is fetched",
                );
            }
            if chosen && !fed && content.from & DECODED != 0 && self.tokens.len() < 100 {
                self.found.find("write-decoded", 70, at, "decoded text is written where the request says");
            }
            if content.from & UPLOAD != 0 && self.language == Language::Php {
                self.upload(path);
            }
            if content.from & DECODED != 0 && content.known().starts_with("#!") {
                self.found.find("write-program", 50, at, "a decoded program is written to a file");
            }
            if content.from & DECODED != 0 && script && content.known().contains("<?") {
                self.found.find("write-decoded", 60, at, "a decoded text is written as a page");
            }
        }
        if fed {
            self.found.cap("write-content", at);
        }
        let own = path.is_some_and(|path| {
            path.from & BESIDE != 0 && path.from & (REQUEST | MIXED | UPLOAD | OTHER) == 0
        });
        if fed && own && self.language.is_server_page() {
            let what = "the page writes over itself what the request sends";
            self.found.find("write-request", 75, at, what);
        }
        let whole = path.is_some_and(|path| {
            path.from & REQUEST != 0 && path.from & (MIXED | MAPPED | FILTERED | OTHER) == 0
        });
        if fed
            && whole
            && content.is_some_and(|content| content.from & UPLOAD != 0)
            && self.language != Language::Php
        {
            self.found.find(
                "write-request",
                72,
                at,
                "the request chooses the whole path of a file and what is written to it",
            );
        }
        if fed && (chosen || script) && content.is_none_or(|content| content.from & UPLOAD == 0) {
            let mapped = path.is_some_and(|path| path.from & MAPPED != 0) && !script;
            // Services that take files for a folder of theirs are common.
            let kept = self.found.can("web-method")
                && !script
                && path.is_some_and(|path| path.from & (MAPPED | MIXED | OTHER) != 0);
            let what = "the request chooses a file and what is written to it";
            let settings = "what the request sends is put into the texts of a page of settings";
            let set = content.is_some_and(|content| is_settings_page(content) || fills_template(content));
            let (points, what) = match (mapped, !chosen && set) {
                (_, true) => (30, settings),
                _ if kept => (40, what),
                // An application keeps its own data so.
                _ if !script && content.is_some_and(|content| content.from & QUOTED != 0) => (30, what),
                (true, _) => (72, what),
                _ => (80, what),
            };
            self.found.find("write-request", points, at, what);
        }
    }

    /// Notes an upload that is stored in the page's own folder under its own name.
    fn beside(&mut self, path: Option<&Value>) {
        if path.is_some_and(|path| path.from & UPLOAD != 0 && path.from & BESIDE != 0) {
            let at = self.offset();
            self.found.cap("upload-beside", at);
        }
    }

    pub(super) fn upload(&mut self, target: Option<&Value>) {
        let at = self.offset();
        self.found.cap("upload", at);
        self.beside(target);
        let named = target.is_some_and(|target| {
            let typed =
                target.from & (REQUEST | MIXED) != 0 && target.from & (UPLOAD | FILTERED | OTHER) == 0;
            let whole = typed && target.from & MIXED == 0;
            whole || target.from & MAPPED == 0 && (target.from & CHOSEN != 0 || typed)
        });
        if named && self.language != Language::Php {
            self.found.find(
                "upload-folder",
                75,
                at,
                "the request chooses where on the server an upload is stored",
            );
        }
        if let Some(target) = target.filter(|target| target.tainted() && target.from & FILTERED == 0) {
            // A folder of the site that the page names is what upload forms have.
            let named = target.from & MAPPED != 0 && self.language.is_server_page();
            self.found.cap(if named { "upload-mapped" } else { "upload-name" }, at);
        } else if target.is_some_and(Value::tainted)
            && matches!(self.language, Language::Php | Language::Java)
        {
            self.found.cap("upload-base", at);
        }
        if target.is_some_and(|target| is_script(target.known())) {
            self.found.find("upload-script", 75, at, "an uploaded file is stored as a page");
        }
    }

    /// A file operation on a path that the request chooses.
    pub(super) fn file(&mut self, cap: &'static str, path: Option<&Value>) {
        if let Some(path) = path.filter(|path| self.language == Language::Php && path.is_whole()) {
            let at = self.offset();
            match cap {
                "list" => self.found.cap("list-whole", at),
                "read" if path.from & (FILE | REMOTE) == 0 => self.found.cap("read-whole", at),
                _ => {}
            }
        }
        if path.is_some_and(|path| path.tainted() && path.from & (FILTERED | MAPPED) == 0) {
            let at = self.offset();
            self.found.cap(cap, at);
        }
    }

    pub(super) fn sql(&mut self, query: Option<&Value>) {
        let at = self.offset();
        if query.is_some_and(|query| query.from & REQUEST != 0) {
            self.found.cap("sql-request", at);
        } else if query.is_some_and(Value::tainted) {
            self.found.cap("sql-mixed", at);
        }
    }

    pub(super) fn connects(&mut self, target: Option<&Value>) {
        let Some(target) = target.filter(|target| target.tainted()) else { return };
        let at = self.offset();
        let known = target.known().to_ascii_lowercase();
        let form = ["provider=", "driver=", "data source", "server="].iter().any(|word| known.contains(word));
        // The file or server of a connection whose form the page lays down; a panel takes it as a whole.
        let parts = form && target.from & REQUEST == 0 && self.language.is_server_page();
        self.found.cap(if parts { "connect-parts" } else { "connect-request" }, at);
    }

    pub(super) fn socket(&mut self, host: Option<&Value>) {
        let at = self.offset();
        self.found.cap("socket", at);
        if host.is_some_and(Value::tainted) {
            self.found.find("socket-request", 60, at, "the request chooses a host that the page connects to");
        }
    }
}

/// A path under the site's root. Of its text only a page's name is kept: what follows it is no part of a command.
fn mapped(args: &[Value]) -> Value {
    let path = args.first().map_or("", Value::known);
    let beside = args.len() == 1 && matches!(path.trim_start_matches("~/"), "." | "./" | ".\\")
        || path.is_empty() && args.iter().all(|value| value.text.is_some());
    let text = is_script(path).then(|| path.into());
    Value { text, ..Value::of(MAPPED | joined(args) | if beside { BESIDE } else { 0 }) }
}

/// Origins of all.
pub(super) fn joined(values: &[Value]) -> From {
    let from = values.iter().fold(0, |from, value| from | value.from);
    let from = unchecked(from, values.iter().map(|value| value.from));
    // A value of the request among others is part of what they make.
    let other = values.iter().any(|value| value.text.as_ref().is_some_and(|text| text.len() > 3));
    if from & REQUEST != 0 && other && values.len() > 1 { from | MIXED } else { from }
}

/// Functions whose result says nothing of the argument.
pub(super) fn clean(name: &str) -> bool {
    matches!(
        name,
        "isnullorempty"
            | "isnullorwhitespace"
            | "len"
            | "instr"
            | "instrrev"
            | "isnumeric"
            | "isempty"
            | "isnull"
            | "isarray"
            | "cint"
            | "clng"
            | "ubound"
            | "lbound"
            | "parseint"
            | "toint32"
            | "int32"
            | "tryparse"
            | "strcomp"
            | "isobject"
            | "typename"
            | "vartype"
            | "valueof"
            | "computehash"
            | "gethashcode"
            | "hashpasswordforstoringinconfigfile"
            | "formatdatetime"
            | "now"
            | "date"
            | "isdate"
            | "exists"
            | "fileexists"
            | "folderexists"
            | "md5"
            | "htmlencode"
            | "urlencode"
            | "isinstanceoftype"
            | "redirect"
            | "matches"
            | "ismatch"
            | "test"
            | "encodeforhtml"
            | "digest"
            | "size"
    )
}

/// Whether a text is a page that begins with settings, and what the request sends stands in quotes in it: what the
/// set-up of an application writes.
fn is_settings_page(content: &Value) -> bool {
    let begins = content.known().trim_end();
    let set = ["define(", "=>", "="].iter().any(|word| begins.contains(word));
    let runs = ["eval", "system", "exec", "passthru", "assert", "include", "popen", "`"];
    content.from & MIXED != 0
        && content.from & (REQUEST | DECODED | UPLOAD | SOUGHT) == 0
        && begins.starts_with("<?")
        && (begins.ends_with(['\'', '"']) || begins.contains("''") || begins.contains("\"\""))
        && set
        && !runs.iter().any(|word| begins.contains(word))
}

/// Whether marks of a page that lies on the server are replaced by what is sent, as a set-up fills its sample of settings.
fn fills_template(content: &Value) -> bool {
    content.from & FILE != 0
        && content.from & MIXED != 0
        && content.from & (DECODED | UPLOAD | SOUGHT | REMOTE | OTHER) == 0
}

/// Letters behind a regular expression's end.
pub(super) fn regex_flags(text: &str) -> Option<String> {
    let open = text.trim_start().chars().next()?;
    let close = match open {
        '(' => ')',
        '{' => '}',
        '[' => ']',
        '<' => '>',
        other if !other.is_alphanumeric() && other != '\\' => other,
        _ => return None,
    };
    let end = text.rfind(close)?;
    let flags = text.get(end + close.len_utf8()..)?;
    (flags.len() < 12 && flags.chars().all(|letter| letter.is_ascii_alphabetic())).then(|| flags.to_owned())
}

/// Whether a path ends as a page that the server runs.
pub(super) fn is_script(path: &str) -> bool {
    if path.len() > 4_096 {
        return false;
    }
    let path = path.trim().to_ascii_lowercase();
    let ends = [
        ".php", ".asp", ".aspx", ".ashx", ".asmx", ".jsp", ".jspx", ".asa", ".cer", ".phtml", ".php5", ".cdx",
    ];
    ends.iter().any(|end| path.ends_with(end)) && bytes_of(&path).len() < 400
}

/// Whether a path ends as a file of data, which no server runs.
fn is_data(path: &str) -> bool {
    let ends = [
        ".json", ".txt", ".log", ".xml", ".csv", ".cache", ".yml", ".yaml", ".css", ".dat", ".db", ".sql",
        ".html",
    ];
    path.len() < 400 && ends.iter().any(|end| path.to_ascii_lowercase().ends_with(end))
}

/// Whether a command loads a file from another server and hands it to a shell or interpreter.
fn fetches_and_runs(command: &str) -> bool {
    let command = command.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| command.contains(word));
    let runs = [
        "perl ",
        "python ",
        "|sh",
        "| sh",
        "|bash",
        "| bash",
        ";sh ",
        "; sh ",
        "bash ",
        "chmod +x",
        "chmod 777",
        "./",
    ];
    command.contains([';', '|', '&'])
        && has(&["wget ", "curl ", "lwp-download ", "lynx -source ", "fetch ", "certutil ", "bitsadmin "])
        && has(&["http:", "https:", "ftp:"])
        && has(&runs)
}
