//! Calls in C#, Visual Basic and `JScript`, and in classic ASP.
//!
//! In: a method, what it is called on, its arguments. Out: its value; flows have been noted.

use super::Language;
use super::expr::Operand;
use super::sinks::joined;
use super::value::{FILE, FILTERED, From, MIXED, REMOTE, REQUEST, SESSION, Value};
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
            "eval" if bare => Some(self.evaluates(&first)),
            "execute" | "executeglobal" if bare => Some(self.evaluates(&first)),
            "executestatement" | "addcode" | "eval" | "run"
                if class.contains("scriptcontrol") || matches!(name, "executestatement" | "addcode") =>
            {
                self.found.cap("script-control", at);
                Some(self.evaluates(&first))
            }
            "getobject" if bare && first.tainted() => {
                self.found.find("reflect-request", 60, at, "the request chooses an object");
                Some(Value::of(all))
            }
            "createobject" => {
                let text = first.known().to_ascii_lowercase();
                self.component(&text, first.from);
                Some(Value::object(&text, 0))
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
            "shell" if bare && self.language == Language::VbNet => {
                self.process(&first, "by-shell");
                Some(Value::default())
            }
            "load" | "unsafeloadfrom" | "loadfrom" if path.contains("assembly") => {
                self.loads(&first, "an assembly");
                Some(Value::object("assembly", all))
            }
            "getmethod" | "gettype" | "createinstance" if first.from & REQUEST != 0 => {
                self.found.find("reflect-request", 70, at, "the request chooses a type or method");
                Some(Value::of(all))
            }
            "getmethod" => {
                self.found.cap("reflect", at);
                let what = if first.known().eq_ignore_ascii_case("load") { "method load" } else { "method" };
                Some(Value::object(what, operand.receiver.from))
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
            "createtext" | "appendtext" | "openwrite" => {
                self.writes(first, None);
                return Some(Value { class: Some("writer".into()), ..first.cloned().unwrap_or_default() });
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
                }
            }
            "savetofile" => {
                self.found.cap("stream-save", at);
                self.writes(first, None);
                if first.is_some_and(Value::tainted) && self.found.can("stream-request") {
                    let whole = first.is_some_and(|path| path.from & MIXED == 0);
                    self.found.find(
                        "write-request",
                        if whole { 80 } else { 40 },
                        at,
                        "the request chooses a file and what is written to it",
                    );
                }
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
            "combine" => return Some(Value::of(all)),
            "getfilename" => return Some(Value::of(all | FILTERED)),
            _ => return None,
        }
        Some(Value::default())
    }

    /// A COM object of classic ASP.
    pub(super) fn component(&mut self, text: &str, from: From) {
        let at = self.offset();
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
