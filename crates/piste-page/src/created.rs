//! Objects that a page makes, and properties that it sets.
//!
//! In: the class and the arguments, or the property and its value. Out: the object; flows have been noted.

use super::Language;
use super::decode;
use super::expr::Operand;
use super::sinks::{PHP_RUNNERS, joined};
use super::value::{COMPUTED, MAPPED, MIXED, OTHER, REMOTE, REQUEST, Value};
use super::walk::Walk;

impl Walk<'_> {
    /// `new X(args)`.
    pub(super) fn created(&mut self, path: &str, args: &[Value], named: &Value) -> Value {
        let at = self.offset();
        let name = path
            .trim_start_matches("new ")
            .trim_start_matches('.')
            .rsplit('.')
            .next()
            .unwrap_or_default()
            .to_owned();
        let first = args.first().cloned().unwrap_or_default();
        let all = joined(args);
        if named.from & REQUEST != 0 && self.language == Language::Php {
            let sent = all & REQUEST != 0 && self.tokens.len() < 600 && named.from & OTHER == 0;
            self.found.find("new-request", if sent { 70 } else { 15 }, at, "the request chooses a class");
        }
        if self.language == Language::Php {
            self.call_own(&format!("{name}::__construct"), args);
        }
        if name.ends_with("writer") && matches!(first.class.as_deref(), Some("net stream" | "socket")) {
            return Value::object("net stream", 0); // what is written goes to another server, to no file
        }
        match name.as_str() {
            "expression" | "statement" if self.language == Language::Java && args.len() == 3 => {
                if args.get(2).is_some_and(Value::tainted) {
                    self.found.find(
                        "reflect-invoke",
                        90,
                        at,
                        "a method is named in a text and given the request",
                    );
                }
                return Value::object("process", all);
            }
            "filehandler" if self.language == Language::Java && first.tainted() => {
                self.found.find(
                    "log-request",
                    75,
                    at,
                    "the request chooses the file that a log is written to",
                );
            }
            "reflectionclass" => {
                return Value {
                    class: Some("reflectionclass".into()),
                    text: first.text.clone(),
                    ..Value::of(all)
                };
            }
            "templatesimpl" => self.found.cap("templates", at),
            "com" | "activexobject" => {
                self.component(&first.known().to_ascii_lowercase(), first.from);
                return Value::object(&first.known().to_ascii_lowercase(), 0);
            }
            "function" if self.language == Language::JScript => {
                return self.evaluates(&args.last().cloned().unwrap_or_default());
            }
            "processbuilder" => {
                self.process(&Value { text: first.text.clone(), ..Value::of(all) }, "by-builder");
                return Value::object("processbuilder", all);
            }
            "processstartinfo" => {
                self.process(&Value { text: first.text.clone(), ..Value::of(all) }, "by-process");
                return Value::object("startinfo", 0);
            }
            "process" => return Value::object("process", 0),
            "streamwriter"
            | "filestream"
            | "fileoutputstream"
            | "filewriter"
            | "printwriter"
            | "randomaccessfile"
            | "bufferedwriter"
            | "bufferedoutputstream"
            | "outputstreamwriter"
            | "dataoutputstream"
            | "printstream"
            | "splfileobject" => {
                if matches!(
                    name.as_str(),
                    "streamwriter"
                        | "filestream"
                        | "fileoutputstream"
                        | "filewriter"
                        | "randomaccessfile"
                        | "printwriter"
                ) {
                    let read = name == "filestream" && args.iter().any(|value| value.known() == "r");
                    if !read && first.class.as_deref() != Some("writer") {
                        self.writes(args.first(), None);
                    }
                }
                return Value {
                    class: Some("writer".into()),
                    text: first.text.clone(),
                    from: all,
                    items: None,
                };
            }
            "socket" | "tcpclient" | "inetsocketaddress" | "ipendpoint" => {
                self.socket(args.first());
                return Value::object("socket", all & !REQUEST | REMOTE);
            }
            "sqlconnection" | "oledbconnection" | "odbcconnection" => {
                self.connects(args.first());
                return Value::object("connection", 0);
            }
            "sqlcommand" | "oledbcommand" | "odbccommand" | "sqldataadapter" | "oledbdataadapter"
            | "mysqlcommand" => {
                self.sql(args.first());
                return Value::default();
            }
            "mysqli" | "pdo" => {
                self.connects(args.first());
                return Value::object("connection", 0);
            }
            "directoryinfo" | "file" | "fileinfo" | "directoryiterator" | "recursivedirectoryiterator" => {
                let value = first.clone();
                if matches!(name.as_str(), "directoryinfo" | "directoryiterator") {
                    self.file("list", Some(&value));
                }
                return Value {
                    from: all,
                    class: Some("file".into()),
                    text: first.text.clone(),
                    items: None,
                };
            }
            "csharpcodeprovider" | "vbcodeprovider" | "jscriptcodeprovider" => {
                self.found.cap("compile", at);
                return Value::object("compiler", 0);
            }
            "fileinputstream" | "filereader" => {
                self.file("read", args.first());
                return Value {
                    from: all,
                    class: Some("file".into()),
                    text: first.text.clone(),
                    items: None,
                };
            }
            "objectinputstream" | "xmldecoder" => return Value { from: all, ..Value::default() },
            "url" | "urlclassloader" => {
                if name == "urlclassloader" {
                    self.loads(&Value::of(all), "a class");
                }
                if all & (REQUEST | MIXED) != 0 {
                    self.found.cap("fetch-request", at);
                }
                let own = all & MAPPED != 0 && all & (REQUEST | MIXED) == 0;
                return Value::of(if own || args.is_empty() { all } else { REMOTE | all });
            }
            "reflectionfunction" | "reflectionmethod" => {
                if first.from & REQUEST != 0 {
                    let points =
                        if name == "reflectionfunction" && self.tokens.len() < 600 { 80 } else { 20 };
                    self.found.find("reflect-request", points, at, "the request chooses a function");
                } else if first
                    .text
                    .as_deref()
                    .is_some_and(|text| PHP_RUNNERS.contains(&text.to_ascii_lowercase().as_str()))
                {
                    self.found.find(
                        "reflect-runtime",
                        70,
                        at,
                        "a function that runs code is taken by its name",
                    );
                }
                return Value::of(all);
            }
            "string" | "stringbuilder" | "stringbuffer" => {
                let known = first.items.as_ref().map(|items| {
                    items
                        .iter()
                        .filter_map(|(_, item)| super::value::number_of(item.known()))
                        .map(|n| char::from(decode::byte_of(n)))
                        .collect::<String>()
                });
                if let Some(text) = known.filter(|text| !text.is_empty()) {
                    let value = Value::of_text(text).and(COMPUTED | all);
                    self.look_into(&value);
                    return value;
                }
                return Value { text: first.text.clone(), ..Value::of(all) };
            }
            _ => {}
        }
        if name.ends_with("classloader") && all & (REQUEST | MIXED) != 0 {
            self.loads(&Value::of(all), "a class");
        }
        if let Some(value) = self.call_own(&name, args) {
            return Value { from: value.from | all, ..Value::default() };
        }
        if name.contains("proxy") || name.contains("datatable") {
            return Value::default();
        }
        Value::object(&name, all)
    }

    /// `x.Arguments = value`: what starts a program is set, not called.
    pub(super) fn property(&mut self, operand: &Operand, value: &Value) {
        let name = operand.path.rsplit('.').next().unwrap_or_default();
        if !operand.path.contains('.') || self.language == Language::Php {
            return;
        }
        let at = self.offset();
        match name {
            "arguments" | "filename"
                if operand.path.contains("startinfo")
                    || self.found.can("by-process")
                    || operand.receiver.class.as_deref() == Some("startinfo") =>
            {
                if name == "filename" && value.known().to_ascii_lowercase().contains("cmd") {
                    self.found.cap("cmd", at);
                }
                self.process(value, "by-process");
            }
            "attributes" | "modifydate" | "datelastmodified" | "lastwritetime" | "creationtime"
            | "lastaccesstime" => self.file("timestomp", Some(&operand.receiver)),
            "connectionstring" => self.connects(Some(value)),
            "commandtext" | "selectcommand" => self.sql(Some(value)),
            _ => {}
        }
    }
}
