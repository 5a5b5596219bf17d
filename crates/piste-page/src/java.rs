//! Calls as pages in Java make them.
//!
//! In: a method, what it is called on, its arguments. Out: its value; flows have been noted.

use super::expr::Operand;
use super::sinks::{EVAL, joined};
use super::value::{DECODED, FILE, MAPPED, MIXED, REQUEST, SCRAMBLED, SESSION, UPLOAD, Value};
use super::walk::Walk;

impl Walk<'_> {
    /// Java.
    pub(super) fn call_java(
        &mut self,
        name: &str,
        path: &str,
        operand: &Operand,
        args: &[Value],
    ) -> Option<Value> {
        let at = self.offset();
        let first = args.first().cloned().unwrap_or_default();
        let all = joined(args);
        match name {
            "exec" => {
                let value = first.clone().and(all & (REQUEST | MIXED));
                let value = if first.items.is_some() {
                    Value::of(all | if all & REQUEST != 0 { REQUEST } else { 0 })
                } else {
                    value
                };
                self.process(&value, "by-runtime");
                Some(Value::of(FILE))
            }
            "command"
                if path.contains("builder")
                    || operand.receiver.class.as_deref() == Some("processbuilder") =>
            {
                self.process(&Value::of(all), "by-builder");
                Some(operand.receiver.clone())
            }
            "defineclass" | "defineanonymousclass" | "definehiddenclass" => {
                let value = Value::of(all & !SESSION);
                self.loads(&value, "a class");
                self.found.cap("define-class", at);
                Some(Value::of(all))
            }
            "loadclass" | "forname" => {
                let text = first.known().to_ascii_lowercase();
                if first.from & REQUEST != 0 {
                    self.found.find("reflect-request", 70, at, "the request chooses a class");
                } else if text.contains("$$bcel$$") {
                    self.found.find("load-decoded", 90, at, "a class is loaded from text");
                } else if ["java.lang.runtime", "java.lang.process", "java.lang.unixprocess"]
                    .iter()
                    .any(|start| text.starts_with(start))
                {
                    self.found.find(
                        "reflect-runtime",
                        70,
                        at,
                        "the class that starts programs is taken by its name",
                    );
                } else if first.from & (DECODED | SCRAMBLED) != 0 {
                    self.found.find("reflect-hidden", 65, at, "a class is taken by a hidden name");
                }
                Some(Value::object("class", all))
            }
            "getmethod" | "getdeclaredmethod" => {
                let text = first.known().to_ascii_lowercase();
                self.found.cap("reflect", at);
                if first.from & REQUEST != 0 {
                    self.found.find("reflect-request", 70, at, "the request chooses a method");
                } else if first.from & (DECODED | SCRAMBLED) != 0 {
                    self.found.find("reflect-hidden", 70, at, "a method is taken by a hidden name");
                    return Some(Value::object("method", all | operand.receiver.from));
                } else if text == "defineclass" {
                    self.found.find(
                        "reflect-define",
                        70,
                        at,
                        "the method that defines classes is taken by its name",
                    );
                    return Some(Value::object("method defineclass", 0));
                } else if matches!(text.as_str(), "exec" | "getruntime") {
                    self.found.find(
                        "reflect-runtime",
                        70,
                        at,
                        "the method that starts programs is taken by its name",
                    );
                }
                Some(Value::object("method", all | operand.receiver.from))
            }
            "invoke" => {
                let class = operand.receiver.class.clone().unwrap_or_default();
                if class.as_ref() == "method defineclass" {
                    self.loads(&Value::of(all), "a class");
                } else if all & (REQUEST | MIXED) != 0 {
                    self.found.find(
                        "reflect-invoke",
                        45,
                        at,
                        "a method is taken by its name and given the request",
                    );
                }
                Some(Value::of(all))
            }
            "eval"
            | "evaluate"
            | "parseexpression"
            | "compile"
            | "getvalue"
            | "createvalueexpression"
            | "compilescript"
            | "executescript"
                if all & (REQUEST | MIXED) != 0 && !path.starts_with("pattern") =>
            {
                let mild = matches!(name, "compile" | "getvalue") && !path.contains("ognl");
                let points = if mild { 20 } else { 100 };
                self.found.find("eval-request", points, at, EVAL);
                Some(Value::of(all))
            }
            "eval"
                if first.text.as_ref().is_some_and(|text| text.len() > 16)
                    || first.from & (DECODED | SCRAMBLED) != 0 =>
            {
                self.found.find("script-engine", 45, at, "a script within the page is evaluated");
                if first.from & (DECODED | SCRAMBLED) != 0 {
                    self.found.find("eval-hidden", 60, at, "a text that had to be decoded is evaluated");
                }
                Some(Value::of(all))
            }
            "cook" if all & (REQUEST | MIXED) != 0 => {
                self.found.find("eval-request", 100, at, EVAL);
                Some(Value::of(all))
            }
            // A resource of the application itself.
            "getresource" | "getresourceasstream" | "getresourcepaths" if all & (REQUEST | MIXED) == 0 => {
                Some(Value::of(MAPPED))
            }
            "getpart" => Some(Value::object("part", REQUEST | UPLOAD)),
            "write" if operand.receiver.class.as_deref() == Some("part") => {
                self.upload(args.first());
                Some(Value::default())
            }
            "setdatasourcename" if first.tainted() => {
                self.found.find("lookup-request", 80, at, "the request chooses a name that is looked up");
                Some(Value::default())
            }
            "getrequest" => Some(Value::object("request", REQUEST)),
            "newtransformer" | "newtemplates" if first.tainted() => {
                self.found.find("xslt-request", 75, at, "the request brings the style sheet that is run");
                Some(Value::of(all))
            }
            "getsystemjavacompiler" => {
                self.found.cap("compile", at);
                Some(Value::object("compiler", 0))
            }
            "getoutputproperties" if self.found.can("templates") => {
                self.found.find("load-decoded", 70, at, "compiled code within an object is started");
                Some(Value::default())
            }
            "write" | "writestring"
                if path.ends_with("files.write") || path.ends_with("files.writestring") =>
            {
                self.writes(args.first(), args.get(1));
                Some(Value::default())
            }
            "writestringtofile" | "writebytearraytofile" => {
                self.writes(args.first(), args.get(1));
                Some(Value::default())
            }
            "copyinputstreamtofile" | "copyurltofile" => {
                self.writes(args.get(1), args.first());
                Some(Value::default())
            }
            "lookup" | "dolookup" if first.tainted() => {
                // Behind `java:` the server's own names stand.
                let own = first.known().trim_start().to_ascii_lowercase().starts_with("java:");
                self.found.find(
                    "lookup-request",
                    if own { 15 } else { 80 },
                    at,
                    "the request chooses a name that is looked up",
                );
                Some(Value::of(all))
            }
            "readobject" if operand.receiver.tainted() => {
                self.found.find("deserialize", 70, at, "an object is read from the request");
                Some(Value::of(REQUEST))
            }
            "addfiltermap"
            | "addfiltermapbefore"
            | "addfilterdef"
            | "addservletmappingdecoded"
            | "addapplicationeventlistener"
            | "addvalve"
            | "addservletmapping"
            | "setapplicationeventlisteners"
            | "addchild" => {
                self.found.cap("inject", at);
                None
            }
            "setaccessible" => {
                self.found.cap("set-accessible", at);
                Some(Value::default())
            }
            "listfiles" | "list" | "listroots" if operand.receiver.tainted() || name == "listroots" => {
                self.found.cap("list", at);
                Some(Value::of(REQUEST))
            }
            "delete" | "renameto" | "mkdir" | "mkdirs" | "createnewfile" | "setlastmodified"
                if operand.receiver.tainted() =>
            {
                let cap = match name {
                    "delete" => "delete",
                    "renameto" => "rename",
                    "setlastmodified" => "timestomp",
                    _ => "mkdir",
                };
                self.found.cap(cap, at);
                Some(Value::default())
            }
            "write" | "print" | "println" | "append"
                if operand.receiver.class.as_deref() == Some("writer") =>
            {
                let target = Value::of(operand.receiver.from);
                let target = Value { text: operand.receiver.text.clone(), ..target };
                self.writes(Some(&target), Some(&first.and(all & (REQUEST | MIXED))));
                Some(Value::default())
            }
            "executequery" | "executeupdate" | "execute" | "preparestatement" => {
                self.sql(args.first());
                Some(Value::default())
            }
            "getconnection" => {
                self.connects(args.first());
                Some(Value::default())
            }
            "connect" => {
                self.socket(args.first());
                Some(Value::default())
            }
            "println" | "print" | "write" | "append" if operand.path.starts_with("out.") => {
                Some(Value::default())
            }
            "getname" | "getpath" | "getabsolutepath" | "getparent" | "getcanonicalpath" => {
                Some(operand.receiver.clone())
            }
            "parseint" | "parsebyte" | "valueof" | "parseshort" if args.len() == 2 => {
                // Digits of another base are a text in disguise.
                Some(Value::of(all & (REQUEST | MIXED | DECODED | SCRAMBLED)))
            }
            "cast" | "doubleclick" => Some(Value::default()),
            "readline" | "read" | "readallbytes" if operand.receiver.tainted() => {
                // What is read goes into the buffer that was given.
                if let Some(buffer) = self.given.first().cloned().flatten() {
                    let value = self.lookup(&buffer).cloned().unwrap_or_default();
                    self.assign(&buffer, value.and(operand.receiver.from & (REQUEST | MIXED)), false);
                }
                Some(Value::of(operand.receiver.from))
            }
            _ => None,
        }
    }
}
