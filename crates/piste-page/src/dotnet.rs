//! Calls in C#, Visual Basic and `JScript`, and in classic ASP.
//!
//! In: a method, what it is called on, its arguments. Out: its value; flows have been noted.

use super::Language;
use super::expr::Operand;
use super::sinks::{is_script, joined};
use super::value::{BESIDE, FILE, FILTERED, From, MAPPED, MIXED, REMOTE, REQUEST, SESSION, UPLOAD, Value};
use super::walk::Walk;

impl Walk<'_> {
    /// C#, Visual Basic and `JScript`, with classic ASP's.
    pub(super) fn call_dotnet(
        &mut self,
        name: &str,
        path: &str,
        operand: &Operand,
        args: &[Value],
    ) -> Option<Value> {
        let at = self.offset();
        let first = args.first().cloned().unwrap_or_default();
        let all = joined(args);
        let bare = !path.contains('.');
        let class = operand.receiver.class.clone().unwrap_or_default();
        match name {
            // In C# and Visual Basic `Eval` binds data; it evaluates no code.
            "eval"
                if bare
                    && (matches!(self.language, Language::VbScript | Language::JScript)
                        || args.get(1).is_some_and(|rights| rights.known() == "unsafe")) =>
            {
                Some(self.evaluates(&first))
            }
            "execute" | "executeglobal" if bare && self.language == Language::VbScript => {
                Some(self.evaluates(&first))
            }
            "logonuser" | "logonusera" | "logonuserw" if all & (REQUEST | MIXED) != 0 => {
                self.found.cap("logon-request", at);
                Some(Value::default())
            }
            "getrequeststream" | "getrequeststreamasync" => Some(Value::object("net stream", 0)),
            "winexec" | "createprocess" | "createprocessa" | "shellexecutea" | "shellexecutew" if bare => {
                self.process(&Value { text: None, ..Value::of(all) }, "by-process");
                Some(Value::default())
            }
            "jscriptevaluate" | "jscriptevaluatealloweval" => Some(self.evaluates(&first)),
            "write" | "writeline" | "writeasync" | "writelineasync"
                if path.contains("standardinput") || class.as_ref() == "standard input" =>
            {
                self.process(&Value::of(all), "by-process");
                Some(Value::default())
            }
            "addscript" | "invokescript" | "addcommand" if all & (REQUEST | MIXED) != 0 => {
                self.process(&Value { text: None, ..Value::of(all | REQUEST) }, "by-powershell");
                Some(Value::default())
            }
            "gettypefromprogid" | "gettypefromclsid" => {
                let text = first.known().to_ascii_lowercase();
                self.component(&text, first.from);
                Some(Value::object(component_of(&text), first.from))
            }
            "parse" | "load" if path.contains("xamlreader") && all & (REQUEST | MIXED) != 0 => {
                self.found.find("markup-request", 75, at, "the request brings markup that makes objects");
                Some(Value::of(all))
            }
            "parsecontrol" if first.from & REQUEST != 0 => {
                self.found.find("markup-request", 75, at, "the request brings markup that makes objects");
                Some(Value::of(all))
            }
            "executestatement" | "addcode" | "eval" | "run"
                if class.contains("scriptcontrol") || matches!(name, "executestatement" | "addcode") =>
            {
                self.found.cap("script-control", at);
                Some(self.evaluates(&first))
            }
            "getobject" if first.known().to_ascii_lowercase().starts_with("winmgmts") => {
                self.found.cap("wmi", at);
                Some(Value::object("wmi", first.from))
            }
            "invokemethod" if first.known().eq_ignore_ascii_case("create") => {
                self.process(&Value { text: None, ..Value::of(all) }, "by-wmi");
                Some(Value::default())
            }
            "evaluateasync" | "runasync" if path.contains("csharpscript") => Some(self.evaluates(&first)),
            "create" if class.as_ref() == "wmi" || class.contains("wbemscripting") => {
                self.process(&first, "by-wmi");
                Some(Value::default())
            }
            "getobject" if first.known().to_ascii_lowercase().starts_with("new:") => {
                let text = first.known().to_ascii_lowercase();
                self.component(&text, first.from);
                Some(Value::object(component_of(&text), 0))
            }
            "getobject" if bare && first.tainted() => {
                self.found.find("reflect-request", 60, at, "the request chooses an object");
                Some(Value::of(all))
            }
            "createobject" => {
                let text = first.known().to_ascii_lowercase();
                self.component(&text, first.from);
                Some(Value::object(component_of(&text), 0))
            }
            "start" if path.contains("process") || class.as_ref() == "process" => {
                let value =
                    if args.len() > 1 { Value { text: first.text.clone(), ..Value::of(all) } } else { first };
                self.process(&value, "by-process");
                Some(Value::object("process", 0))
            }
            "run" | "exec" | "shellexecute"
                if class.contains("wscript.shell")
                    || class.contains("shell.application")
                    || self.found.can("com-shell") =>
            {
                let value = if name == "shellexecute" {
                    Value { text: first.text.clone(), ..Value::of(all) }
                } else {
                    first
                };
                self.process(&value, "by-com");
                Some(Value::object("com-process", 0))
            }
            "shell" if bare && self.language == Language::VbNet || path.contains("interaction") => {
                self.process(&first, "by-shell");
                Some(Value::default())
            }
            "load" | "unsafeloadfrom" | "loadfrom"
                if path.contains("assembly") || path.contains("currentdomain") =>
            {
                self.loads(&first, "an assembly");
                Some(Value::object("assembly", all))
            }
            "getmethod" | "gettype" | "createinstance" if first.from & REQUEST != 0 => {
                self.found.find("reflect-request", 70, at, "the request chooses a type or method");
                Some(Value::of(all))
            }
            "gettype" if first.known().to_ascii_lowercase().starts_with("system.diagnostics.process") => {
                self.found.cap("reflect", at);
                Some(Value::object("type process", 0))
            }
            "getmethod" => {
                self.found.cap("reflect", at);
                let what = match first.known().to_ascii_lowercase().as_str() {
                    "load" => "method load",
                    "start" if class.as_ref() == "type process" => "method process",
                    _ => "method",
                };
                Some(Value::object(what, operand.receiver.from))
            }
            "createinstance" if first.class.as_deref() == Some("type process") => {
                Some(Value::object("process", 0))
            }
            "createinstance" if args.first().is_some_and(is_runner) => Some(first),
            "invoke" | "invokemember" if matches!(class.as_ref(), "method process" | "type process") => {
                self.process(&Value::of(all), "by-process");
                Some(Value::object("process", 0))
            }
            "invokemember" if is_runner(&operand.receiver) || args.iter().any(is_runner) => {
                self.process(&Value::of(all), "by-com");
                Some(Value::of(all))
            }
            "createinstance"
                if operand.receiver.from & (REQUEST | SESSION) != 0 || class.as_ref() == "assembly" =>
            {
                self.found.find(
                    "instance-stored",
                    60,
                    at,
                    "an object is made of an assembly that the page was sent",
                );
                Some(Value::of(REQUEST))
            }
            "invoke" | "dynamicinvoke" | "invokemember" => {
                if class.as_ref() == "method load" && all != 0 {
                    self.loads(&Value::of(all), "an assembly");
                } else if all & (REQUEST | MIXED) != 0 && self.found.can("reflect") {
                    self.found.find(
                        "reflect-invoke",
                        45,
                        at,
                        "a method is taken by its name and given the request",
                    );
                }
                Some(Value::of(all | operand.receiver.from))
            }
            "compileassemblyfromsource" | "compileassemblyfromfile" | "createcompiler" | "parsetext" => {
                self.found.cap("compile", at);
                if all & (REQUEST | MIXED) != 0 {
                    self.found.find("compile-request", 100, at, "source text from the request is compiled");
                }
                Some(Value::object("assembly", all))
            }
            "deserialize" if all & (REQUEST | MIXED) != 0 => {
                self.found.find("deserialize", 70, at, "an object is read from the request");
                Some(Value::of(all))
            }
            _ => self.dotnet_files(name, path, operand, args),
        }
    }

    pub(super) fn dotnet_files(
        &mut self,
        name: &str,
        path: &str,
        operand: &Operand,
        args: &[Value],
    ) -> Option<Value> {
        let at = self.offset();
        let (first, second) = (args.first(), args.get(1));
        let all = joined(args);
        let class = operand.receiver.class.clone().unwrap_or_default();
        match name {
            "writealltext" | "writeallbytes" | "appendalltext" | "writealllines" => {
                self.writes(first, second);
            }
            "write" | "binarywrite"
                if (path.ends_with("response.write") || path.ends_with("response.binarywrite"))
                    && all & REMOTE != 0 =>
            {
                self.found.cap("remote-shown", at);
            }
            "create" if path.ends_with("file.create") => self.writes(first, None),
            "createtext" | "appendtext" | "openwrite" => {
                let path = first.or(Some(&operand.receiver).filter(|_| class.as_ref() == "file"));
                self.writes(path, None);
                return Some(Value { class: Some("writer".into()), ..path.cloned().unwrap_or_default() });
            }
            "open" if class.contains("http") => {
                if let Some(target) = second.filter(|target| target.tainted()) {
                    self.found.cap("fetch-request", at);
                    let own = ["http://127.0.0.1", "http://localhost"];
                    if own.iter().any(|start| target.known().to_ascii_lowercase().starts_with(start)) {
                        let what = "the request is sent on to a service of this server";
                        self.found.find("relay-request", 40, at, what);
                    }
                }
            }
            "createtextfile" | "opentextfile" => {
                let reads = name == "opentextfile"
                    && second.is_none_or(|mode| mode.known().is_empty() || mode.known() == "1");
                if reads {
                    self.file("read", first);
                    return Some(Value::of(FILE));
                }
                self.writes(first, None);
                return Some(Value { class: Some("writer".into()), ..first.cloned().unwrap_or_default() });
            }
            "write" | "writeline" | "writetext"
                if class.as_ref() == "writer"
                    || class.contains("adodb.stream")
                    || class.contains("stream") =>
            {
                let target = Value { class: None, ..operand.receiver.clone() };
                let content = Value::of(all);
                if class.as_ref() == "writer" {
                    self.writes(Some(&target), Some(&first.cloned().unwrap_or(content)));
                } else if content.tainted() {
                    self.found.cap("stream-request", at);
                    if content.from & UPLOAD == 0 {
                        self.found.cap("stream-typed", at);
                    }
                } else if content.from & REMOTE != 0 {
                    self.found.cap("stream-remote", at);
                }
            }
            "savetofile" => {
                self.found.cap("stream-save", at);
                self.writes(first, None);
                self.saved(first);
            }
            "saveas" => self.upload(first.map(|path| path.clone().and(0)).as_ref()),
            "delete" | "deletefile" | "deletefolder" | "kill" => {
                self.file("delete", first.or(Some(&operand.receiver)));
            }
            "move" | "copy" | "movefile" | "copyfile" | "movefolder" | "copyfolder" | "copyto" | "moveto" => {
                self.file("rename", first.or(Some(&operand.receiver)));
            }
            "createdirectory" | "createfolder" => self.file("mkdir", first),
            "getdirectories"
            | "getfiles"
            | "getfolder"
            | "getfilesystementries"
            | "namespace"
            | "getfilesysteminfos"
            | "enumeratefiles" => {
                self.file("list", first.or(Some(&operand.receiver)));
                return Some(Value::of(all & (REQUEST | MIXED) | FILE));
            }
            "getlogicaldrives" | "getdrives" => {
                self.found.cap("drives", at);
                return Some(Value::of(FILE));
            }
            "setlastwritetime" | "setcreationtime" | "setlastaccesstime" | "setattributes" => {
                self.file("timestomp", first);
            }
            "writefile" | "transmitfile" | "readalltext" | "readallbytes" | "opentext" | "loadfromfile"
            | "openread" | "getfile" | "opentextstream" => {
                self.file("read", first);
                return Some(Value::of(
                    FILE | all & (REQUEST | MIXED) & if name == "getfile" { REQUEST | MIXED } else { 0 },
                ));
            }
            "open" if class.contains("adodb.connection") => self.connects(first),
            "execute" if path.contains('.') => self.sql(first),
            "connect" => self.socket(first),
            "opensubkey" | "regread" | "regwrite" | "getvalue" if all & (REQUEST | MIXED) != 0 => {
                self.found.cap("registry", at);
            }
            "managementobjectsearcher" => self.found.cap("wmi", at),
            "downloadfile" | "downloadstring" | "downloaddata" => {
                self.found.cap("fetch", at);
                if all & (REQUEST | MIXED) != 0 {
                    self.found.cap("fetch-request", at);
                }
                let target = args.get(1).filter(|target| target.tainted() && target.from & FILTERED == 0);
                if target.is_some() && first.is_some_and(Value::tainted) {
                    let what = "the request chooses what is fetched and where on the server it is stored";
                    self.found.find("fetch-write", 75, at, what);
                }
                return Some(Value::of(REMOTE));
            }
            "load" | "transform"
                if class.contains("xslcompiledtransform") || class.contains("xsltransform") =>
            {
                if all & (REQUEST | MIXED) != 0 {
                    self.found.find(
                        "xslt-request",
                        if path.ends_with("load") { 75 } else { 20 },
                        at,
                        "the request brings a style sheet, which may hold script",
                    );
                }
            }
            "combine" => {
                let named = args.iter().any(Value::names_folder);
                return Some(Value::of(if named { all & !BESIDE } else { all }));
            }
            "getfilename" => return Some(Value::of(all | FILTERED)),
            _ => return None,
        }
        Some(Value::default())
    }

    /// What a stream holds is saved under a path.
    fn saved(&mut self, path: Option<&Value>) {
        let Some(path) = path else { return };
        let at = self.offset();
        if self.found.can("stream-remote")
            && (is_script(path.known()) || path.tainted() && path.from & (MAPPED | FILTERED) == 0)
        {
            self.found.find("write-remote", 75, at, "what another server sends is written as a page");
        }
        if path.tainted() && self.found.can("stream-request") {
            let whole = path.from & MIXED == 0;
            // Uploads are saved under their names everywhere; a typed text under a typed name is not.
            let typed = path.from & UPLOAD == 0 && self.found.can("stream-typed");
            self.found.find(
                "write-request",
                if whole {
                    80
                } else if typed {
                    72
                } else {
                    40
                },
                at,
                "the request chooses a file and what is written to it",
            );
        }
    }

    /// An `<object runat=server>` of the page.
    pub(super) fn placed(&mut self, id: &str, class: &str) {
        self.component(class, 0);
        self.names.put(0, id, Value::object(component_of(class), 0));
    }

    /// A COM object of classic ASP.
    pub(super) fn component(&mut self, text: &str, from: From) {
        let at = self.offset();
        let text = component_of(text);
        if text.contains("wscript.shell")
            || text.contains("shell.application")
            || text.contains("wscript.network")
        {
            self.found.cap("com-shell", at);
        }
        if text.contains("scripting.filesystemobject") {
            self.found.cap("com-files", at);
        }
        if text.contains("adodb.stream") {
            self.found.cap("com-stream", at);
        }
        if text.contains("scriptcontrol") {
            self.found.cap("script-control", at);
        }
        if text.contains("xmlhttp") || text.contains("winhttp") {
            self.found.cap("fetch", at);
        }
        if from & REQUEST != 0 {
            self.found.find("reflect-request", 60, at, "the request chooses a component");
        }
    }
}

/// The name of a component that is given by its class id.
fn component_of(text: &str) -> &str {
    let known = [
        ("72c24dd5-d70a-438b-8a42-98424b88afb8", "wscript.shell"),
        ("f935dc22-1cf0-11d0-adb9-00c04fd58a0b", "wscript.shell"),
        ("13709620-c279-11ce-a49e-444553540000", "shell.application"),
        ("093ff999-1ea0-4079-9525-9614c3504b74", "wscript.network"),
        ("0d43fe01-f093-11cf-8940-00a0c9054228", "scripting.filesystemobject"),
        ("00000566-0000-0010-8000-00aa006d2ea4", "adodb.stream"),
        ("0e59f1d5-1fbe-11d0-8ff2-00a0d10038bc", "msscriptcontrol.scriptcontrol"),
    ];
    known.iter().find(|(id, _)| text.contains(id)).map_or(text, |(_, name)| name)
}

/// Whether a value is a component that starts programs, or its type.
fn is_runner(value: &Value) -> bool {
    let class = value.class.as_deref().unwrap_or_default();
    class.contains("wscript.shell") || class.contains("shell.application")
}
