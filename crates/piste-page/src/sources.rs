//! Where a page takes what the client sends.
//!
//! In: names and what they are taken from. Out: the origin of the value.

use super::value::{
    BESIDE, FILE, From, HEADER, MAPPED, MIXED, PEER, REMOTE, REQUEST, SESSION, UPLOAD, Value,
};

/// PHP's variables that the client fills.
pub(super) fn php(name: &str) -> Option<From> {
    Some(match name {
        "_GET" | "_POST" | "_REQUEST" | "_COOKIE" | "HTTP_RAW_POST_DATA" | "HTTP_POST_VARS"
        | "HTTP_GET_VARS" | "HTTP_COOKIE_VARS" => REQUEST,
        "_FILES" | "HTTP_POST_FILES" => REQUEST | UPLOAD,
        "_SERVER" | "_ENV" | "HTTP_SERVER_VARS" => 0,
        "_SESSION" => SESSION,
        _ => return None,
    })
}

/// The item `key` of what stands at `path` and has the origins `from`.
pub(super) fn item(path: &str, from: From, key: &str) -> From {
    if path.starts_with("$_SERVER") || path.starts_with("$HTTP_SERVER_VARS") {
        let sent =
            key.starts_with("HTTP_") && !matches!(key, "HTTP_HOST" | "HTTP_REFERER" | "HTTP_ACCEPT_LANGUAGE");
        let parts =
            matches!(key, "QUERY_STRING" | "PATH_INFO" | "PHP_AUTH_PW" | "PHP_AUTH_USER" | "ORIG_PATH_INFO");
        return match key {
            "HTTP_PROXY" | "HTTP_PROXY_REQUEST_FULLURI" => 0,
            _ if sent || parts => REQUEST,
            "HTTP_HOST" | "HTTP_REFERER" | "HTTP_ACCEPT_LANGUAGE" | "REQUEST_URI" => HEADER,
            "REMOTE_PORT" => PEER,
            _ => 0,
        };
    }
    if path.starts_with("$_FILES") && matches!(key, "tmp_name" | "size" | "error") {
        return (from & !REQUEST) | UPLOAD;
    }
    server_variable(path, key).unwrap_or(from)
}

/// What variables of the server hold. Headers that pages use every day speak only where they are run.
pub(super) fn server_variable(path: &str, key: &str) -> Option<From> {
    let key = key.to_ascii_lowercase();
    let fixed = path.ends_with("servervariables")
        && !key.is_empty()
        && !key.starts_with("http_")
        && !matches!(key.as_str(), "query_string" | "path_info" | "all_http" | "all_raw" | "auth_password");
    let harmless = matches!(
        key.as_str(),
        "http_referer"
            | "http_host"
            | "http_user_agent"
            | "http_x_forwarded_for"
            | "http_accept_language"
            | "http_accept_encoding"
    );
    let own = matches!(key.as_str(), "script_name" | "url" | "path_translated");
    if path.ends_with("servervariables") && harmless {
        return Some(HEADER);
    }
    fixed.then_some(if own { BESIDE } else { 0 })
}

/// Members of the request that say nothing the client chose.
const HARMLESS: [&str; 58] = [
    "physicalapplicationpath",
    "applicationpath",
    "physicalpath",
    "mappath",
    "httpmethod",
    "requesttype",
    "contentlength",
    "totalbytes",
    "contenttype",
    "isauthenticated",
    "userhostaddress",
    "userhostname",
    "browser",
    "useragent",
    "islocal",
    "issecureconnection",
    "getcontextpath",
    "getrealpath",
    "getservletpath",
    "getmethod",
    "getremoteaddr",
    "getremotehost",
    "getscheme",
    "getservername",
    "getserverport",
    "setcharacterencoding",
    "getcharacterencoding",
    "getlocale",
    "getsession",
    "getcontentlength",
    "getcontenttype",
    "length",
    "count",
    "url",
    "urlreferrer",
    "getrequesturl",
    "getrequesturi",
    "filepath",
    "currentexecutionfilepath",
    "path",
    "getattribute",
    "setattribute",
    "removeattribute",
    "getrequestdispatcher",
    "servervariables.count",
    "isempty",
    "equals",
    "equalsignorecase",
    "indexof",
    "startswith",
    "endswith",
    "contains",
    "gettype",
    "getclass",
    "clientcertificate",
    "anonymousid",
    "getauthtype",
    "isuserinrole",
];

/// Whether a member or method of a value from the request has nothing of it.
pub(super) fn harmless(name: &str) -> bool {
    HARMLESS.contains(&name)
}

/// A member of `base`; `control` if `base` is a control of the page's form.
pub(super) fn member(name: &str, base: &Value, control: bool) -> Value {
    if control
        && matches!(
            name,
            "text"
                | "value"
                | "innertext"
                | "innerhtml"
                | "selectedvalue"
                | "checked"
                | "selecteditem"
                | "commandargument"
        )
    {
        return Value::of(REQUEST);
    }
    if control && matches!(name, "postedfile" | "filebytes" | "filecontent" | "filename") {
        return Value::of(REQUEST | UPLOAD);
    }
    if name == "request" {
        return Value::object("request", REQUEST);
    }
    if matches!(name, "session" | "application") && base.from == 0 {
        return Value::object(name, SESSION);
    }
    if name == "standardinput" {
        return Value::object("standard input", 0);
    }
    let answers = matches!(name, "responsebody" | "responsetext" | "responsestream" | "responsexml");
    if answers && base.class.as_deref().is_some_and(|class| class.contains("http")) {
        return Value::of(REMOTE);
    }
    if name == "getrequest" {
        return Value::object("request", REQUEST);
    }
    if name == "physicalapplicationpath" {
        return Value::of(MAPPED);
    }
    if name == "physicalpath" {
        return Value::of(BESIDE);
    }
    if harmless(name) {
        return Value::default();
    }
    let upload = matches!(name, "files" | "postedfile" | "filename" | "inputstream");
    Value {
        from: base.from | if upload && base.from & (REQUEST | MIXED) != 0 { UPLOAD } else { 0 },
        class: base.class.clone(),
        ..Value::default()
    }
}

/// Functions that give what the client sent, or something else that matters.
pub(super) fn function(name: &str) -> Option<From> {
    Some(match name {
        "getallheaders" | "apache_request_headers" | "import_request_variables" => REQUEST,
        "get_defined_vars" | "session_id" => HEADER,
        "mappath" | "getrealpath" => MAPPED,
        "readalltext" | "readallbytes" | "readall" | "fread" | "fgets" | "file" | "readfile" => FILE,
        _ => return None,
    })
}
