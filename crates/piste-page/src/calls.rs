//! Calls by a value: computed names, callbacks, objects that are called, and files that are included.
//!
//! In: what is called and what it is given. Out: the call's value; flows have been noted. PHP alone has them.

use super::expr::Operand;
use super::sinks::{PHP_RUNNERS, joined};
use super::value::{
    COMPUTED, DECODED, FILE, FILTERED, Items, MIXED, OTHER, PARTIAL, REMOTE, REQUEST, SCRAMBLED, SESSION,
    SOUGHT, UPLOAD, Value,
};
use super::walk::Walk;

/// Items of a list that a callback is given one by one.
const ITEMS_GIVEN: usize = 8;
/// Functions whose argument is a function.
const CALLBACKS: [(&str, usize); 37] = [
    ("array_map", 0),
    ("call_user_func", 0),
    ("call_user_func_array", 0),
    ("call_user_method", 0),
    ("register_shutdown_function", 0),
    ("ob_start", 0),
    ("register_tick_function", 0),
    ("forward_static_call", 0),
    ("forward_static_call_array", 0),
    ("header_register_callback", 0),
    ("set_error_handler", 0),
    ("set_exception_handler", 0),
    ("spl_autoload_register", 0),
    ("iterator_apply", 1),
    ("array_filter", 1),
    ("array_reduce", 1),
    ("array_walk", 1),
    ("array_walk_recursive", 1),
    ("assert_options", 1),
    ("usort", 1),
    ("uasort", 1),
    ("uksort", 1),
    ("preg_replace_callback", 1),
    ("mb_ereg_replace_callback", 1),
    ("array_diff_ukey", 2),
    ("array_diff_uassoc", 2),
    ("array_udiff", 2),
    ("array_udiff_assoc", 2),
    ("array_udiff_uassoc", 2),
    ("array_uintersect", 2),
    ("array_uintersect_assoc", 2),
    ("array_uintersect_uassoc", 2),
    ("array_intersect_ukey", 2),
    ("array_intersect_uassoc", 2),
    ("sqlite_create_function", 2),
    ("sqlite_create_aggregate", 2),
    ("ldap_set_rebind_proc", 1),
];

/// Which argument of a function is a function.
pub(super) fn callback_place(name: &str) -> Option<usize> {
    CALLBACKS.iter().find(|(known, _)| *known == name).map(|(_, place)| *place)
}

/// Whether a value is the name of a function that runs code or a command.
pub(super) fn is_runner(value: &Value) -> bool {
    PHP_RUNNERS.contains(&value.known().trim_start_matches('\\').to_ascii_lowercase().as_str())
}

impl Walk<'_> {
    /// `$f(...)`: a call of a value.
    pub(super) fn dynamic(&mut self, operand: &Operand, args: &[Value]) -> Value {
        let callee = operand.value.clone();
        let at = self.offset();
        let sent = args.iter().any(Value::reached);
        self.found.cap("dynamic-call", at);
        if let Some(name) = callee.class.as_deref().and_then(|class| class.strip_prefix("closure ")) {
            let name = name.to_owned();
            return self.call_own(&name, args).unwrap_or_default();
        }
        if let Some(value) = self.invoked(&callee, args) {
            return value;
        }
        if operand.path.starts_with('"') && sent {
            self.found.find(
                "dynamic-literal",
                70,
                at,
                "a text is called as a function and given the request",
            );
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
        let unset = callee.from & !(REQUEST | COMPUTED | OTHER | PARTIAL) == 0;
        let nameless = nameless || operand.path.starts_with("$$") && unset && self.tokens.len() < 300;
        if nameless && callee.text.is_none() {
            self.found.find(
                "dynamic-nameless",
                70,
                at,
                "a function is called by a name that was computed without a letter",
            );
        }
        if self.found.can("extract-request")
            && callee.from & !(OTHER | PARTIAL) == 0
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
        self.chosen(&callee, args, sent);
        let odd = if callee.from & (COMPUTED | DECODED | SCRAMBLED) != 0 { SCRAMBLED } else { 0 };
        Value::of(joined(args) & !UPLOAD | callee.from & (REQUEST | MIXED) | odd)
    }

    /// Where the name of the function that is called came from.
    fn chosen(&mut self, callee: &Value, args: &[Value], sent: bool) {
        let at = self.offset();
        if callee.from & REQUEST != 0 && callee.class.is_none() && callee.items.is_none() {
            let points = match (args.is_empty(), sent) {
                (_, true) => 100,
                (true, _) => 25,
                (false, _) if self.tokens.len() < 100 => 75,
                (false, _) => 50,
            };
            self.found.find("dynamic-request", points, at, "the request chooses the function that is called");
        } else if callee.from & (SOUGHT | REMOTE) != 0 && sent {
            let what = "a function is called whose name is read from elsewhere";
            self.found.find("dynamic-fetched", 80, at, what);
        } else if callee.tainted() && sent {
            let points = if self.tokens.len() < 200 && part_of_runner(callee) { 75 } else { 25 };
            self.found.find(
                "dynamic-part",
                points,
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
        } else if callee.from & COMPUTED == 0 && callee.text.is_none() && sent && self.tokens.len() < 200 {
            self.found.find(
                "dynamic-unset",
                20,
                at,
                "a function whose name the page does not set is given the request",
            );
        } else if callee.from & COMPUTED != 0 {
            self.found.cap(if sent { "dynamic-computed-sent" } else { "dynamic-computed" }, at);
        }
    }

    /// An object that is called: its `__invoke` runs.
    fn invoked(&mut self, callee: &Value, args: &[Value]) -> Option<Value> {
        let class = callee.class.as_deref()?;
        let object = !class.starts_with("closure ") && !class.starts_with("constant ");
        if object { self.call_own(&format!("{class}::__invoke"), args) } else { None }
    }

    /// A function whose argument at `place` is a function.
    pub(super) fn callback(&mut self, name: &str, place: usize, args: &[Value]) -> Option<Value> {
        let at = self.offset();
        let Some(callee) = args.get(place).cloned() else {
            // `usort(...$_GET)`
            if args.iter().any(|value| value.from & REQUEST != 0) && self.spread {
                self.chosen_callback(name, true);
            }
            return None;
        };
        let rest: Vec<Value> =
            args.iter().enumerate().filter(|(at, _)| *at != place).map(|(_, value)| value.clone()).collect();
        let mut rest = rest;
        if name == "ob_start" && self.found.can("echo-request") {
            // The callback is given what the page prints.
            rest.insert(0, Value::of(REQUEST));
        }
        if name.starts_with("array_walk") && rest.len() == 1 && rest.iter().all(|value| value.items.is_none())
        {
            // The keys come behind the values.
            rest.push(Value::of(joined(&rest)));
        }
        let known = callee.text.is_some()
            || callee.class.as_deref().is_some_and(|class| class.starts_with("closure "));
        if callee.from & REQUEST != 0 && callee.from & UPLOAD == 0 && callee.items.is_none() {
            self.chosen_callback(name, rest.iter().any(Value::reached));
            return Some(Value::of(joined(args)));
        }
        if let Some(value) = self.invoked(&callee, &rest) {
            return Some(value);
        }
        if !known && callee.from & (DECODED | SCRAMBLED | COMPUTED) == 0 {
            return Some(Value::of(joined(&rest)));
        }
        if let Some(value) = self.each_item(name, &callee, &rest) {
            return Some(value);
        }
        if is_runner(&callee) && rest.is_empty() && name == "ob_start" {
            self.found.find("buffer-runner", 50, at, "what the page prints goes to a function that runs it");
        }
        let operand = Operand { value: callee, path: "$".into(), dynamic: true, ..Operand::default() };
        let given: Vec<Value> = rest
            .iter()
            .map(|value| if value.text.is_some() { value.clone() } else { Value::of(value.from) })
            .collect();
        let value = self.dynamic(&operand, &given);
        Some(value.and(joined(&rest)))
    }

    /// The request chooses the function that `name` calls; `sent` if it is given the request too.
    fn chosen_callback(&mut self, name: &str, sent: bool) {
        let at = self.offset();
        let points = match (sent, self.tokens.len() < 1_500) {
            (true, true) => 95,
            (true, false) => 50,
            _ if self.tokens.len() < 60 => 75,
            _ => 30,
        };
        let what = format!("the request chooses the function that `{name}` calls");
        self.found.find("callback-request", points, at, what);
    }

    /// A callback over the known items of a list: `array_walk` gives them with their keys, `array_map` alone.
    fn each_item(&mut self, name: &str, callee: &Value, rest: &[Value]) -> Option<Value> {
        let items: Items = rest.iter().find_map(|value| value.items.clone())?;
        let own = match callee.class.as_deref().and_then(|class| class.strip_prefix("closure ")) {
            Some(name) => name.to_owned(),
            None => callee.known().to_ascii_lowercase(),
        };
        if name == "array_map"
            && !is_runner(callee)
            && let Some(value) = super::lists::mapped(&own, &items)
        {
            self.look_into(&value);
            return Some(value);
        }
        let keyed = name.starts_with("array_walk");
        let whole = name.starts_with("call_user");
        if !self.functions.contains_key(own.as_str()) || whole && !name.ends_with("array") {
            return None;
        }
        if whole {
            let given: Vec<Value> = items.iter().map(|(_, item)| item.clone()).collect();
            return self.call_own(&own, &given);
        }
        let mut out = Value::default();
        for (key, item) in items.iter().take(ITEMS_GIVEN) {
            let mut given = vec![item.clone()];
            if keyed {
                given.push(Value::of_text(key.clone()));
            }
            out = out.or(self.call_own(&own, &given)?);
        }
        Some(out.and(joined(rest)))
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
            let points = if self.tokens.len() < 60 { 75 } else { 60 };
            self.found.find("include-request", points, at, "the request chooses the file that is included");
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

/// Whether what is known of a name, if anything, begins or ends the name of a function that runs its argument.
fn part_of_runner(callee: &Value) -> bool {
    let runners = ["assert", "system", "exec", "shell_exec", "passthru", "popen", "eval", "create_function"];
    let known = callee.known().to_ascii_lowercase();
    runners.iter().any(|runner| runner.starts_with(&known) || runner.ends_with(&known))
}
