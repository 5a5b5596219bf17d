//! Programs that ask for mail, by what stays the same over their versions.
//!
//! In: a user agent as IIS or Exchange logged it. Out: its family: names of products and the operating system, without
//! numbers that change with every update; and whether it is a library or a script instead of a program for people.

use super::words::quoted;

/// Characters of an agent that are looked at.
const CHARS_MAX: usize = 400;
/// Words of a family.
const WORDS_MAX: usize = 8;
/// Products that say nothing, since nearly every agent names them.
const EVERYWHERE: [&str; 7] = ["mozilla", "applewebkit", "gecko", "khtml", "like", "safari", "version"];
/// Scripts, in lower case: beginnings of the agents that they send by themselves.
const SCRIPTS: [&str; 14] = [
    "python",
    "exchangelib",
    "curl",
    "wget",
    "go-http-client",
    "zgrab",
    "libwww-perl",
    "lwp",
    "ruby",
    "aiohttp",
    "httpx",
    "powershell",
    "mozilla/5.0 (windows nt; windows nt",
    "exchangeservicesclient/0.0.0.0",
];
/// Libraries that applications use too, for rooms, customers or signatures.
const LIBRARIES: [&str; 9] = [
    "exchangeservicesclient",
    "java/",
    "okhttp",
    "axios",
    "node",
    "apache-httpclient",
    "restsharp",
    "winhttp",
    "ewsclient",
];

/// The family of an agent: `firefox windows nt 6.1`, `microsoft outlook`, `apple-iphone`. Empty for an empty agent.
pub(crate) fn family(agent: &str) -> String {
    let text: String = agent
        .chars()
        .take(CHARS_MAX)
        .map(|letter| if matches!(letter, '+' | ',' | '\t') { ' ' } else { letter.to_ascii_lowercase() })
        .collect();
    if matches!(text.trim(), "" | "-") {
        return String::new();
    }
    let mut words: Vec<String> = Vec::new();
    for part in text.split(['(', ')', ';', ' ']).map(product) {
        let told = part.len() > 1 && !EVERYWHERE.contains(&part.as_str());
        if told && words.len() < WORDS_MAX && !words.contains(&part) {
            words.push(part);
        }
    }
    if let Some(system) = system(&text) {
        words.push(system);
    }
    words.sort_unstable();
    words.join(" ")
}

/// The name of a product without its version; empty for what is only a number, or an operating system, which is told apart.
fn product(part: &str) -> String {
    let name = part.split('/').next().unwrap_or_default();
    // `Apple-iPhone12C1`: the model changes only with the device, its build with every update.
    let name = name.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
    let plain =
        ["windows", "nt", "win64", "wow64", "x64", "x86_64", "linux", "x11", "intel", "mac", "os", "cpu"];
    let number = name.chars().all(|letter| letter.is_ascii_digit() || matches!(letter, '.' | '_' | '-'));
    let revision = name.starts_with("rv:") || name.starts_with("trident");
    if number || revision || plain.contains(&name) { String::new() } else { name.to_owned() }
}

/// The operating system, with the version of Windows, which stays for years.
fn system(text: &str) -> Option<String> {
    if let Some(rest) = text.split("windows nt ").nth(1) {
        let version: String =
            rest.chars().take_while(|letter| letter.is_ascii_digit() || *letter == '.').collect();
        return Some(format!("on windows {version}"));
    }
    [
        ("android", "on android"),
        ("iphone", "on ios"),
        ("ipad", "on ios"),
        ("mac os x", "on macos"),
        ("linux", "on linux"),
    ]
    .iter()
    .find(|(mark, _)| text.contains(mark))
    .map(|(_, name)| (*name).to_owned())
}

/// An agent as people write it: IIS has plus signs where blanks were.
pub(crate) fn shown(agent: &str) -> String {
    let blanks = if agent.contains(' ') { agent.to_owned() } else { agent.replace('+', " ") };
    quoted(&blanks)
}

/// Whether an agent is that of a script.
pub(crate) fn is_script(agent: &str) -> bool {
    let lower = agent.trim_start().to_ascii_lowercase().replace('+', " ");
    SCRIPTS.iter().any(|front| lower.starts_with(front)) || lower.contains("zgrab")
}

/// Whether an agent is that of a library that applications use.
pub(crate) fn is_library(agent: &str) -> bool {
    let lower = agent.trim_start().to_ascii_lowercase();
    !is_script(agent) && LIBRARIES.iter().any(|front| lower.starts_with(front))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_family_outlives_updates_and_not_another_browser() {
        let firefox = |version: u32, windows: &str| {
            format!(
                "Mozilla/5.0 (Windows NT {windows}; WOW64; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
            )
        };
        assert_eq!(family(&firefox(52, "6.1")), family(&firefox(68, "6.1")));
        assert_ne!(family(&firefox(52, "6.1")), family(&firefox(52, "10.0")));
        let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0.4430.85 Safari/537.36";
        // IIS writes blanks as plus signs, the front end drops commas.
        let logged = chrome.replace(' ', "+");
        assert_eq!(family(chrome), family(&logged));
        assert_eq!(family(chrome), family(&chrome.replace(", like", "  like")));
        let edge = format!("{chrome} Edg/90.0.818.46");
        assert_ne!(family(chrome), family(&edge));
        assert_eq!(family("Apple-iPhone12C1/1806.72"), family("Apple-iPhone12C1/1902.101"));
        assert_eq!(family("-"), "");
        let outlook = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.4266; Pro)";
        assert_eq!(family(outlook), family(&outlook.replace("4266", "5110")));
    }

    #[test]
    fn libraries_are_told_from_programs_for_people() {
        for agent in ["python-requests/2.25.1", "ExchangeServicesClient/0.0.0.0", "Go-http-client/1.1"] {
            assert!(is_script(agent) && !is_library(agent), "{agent}");
        }
        assert!(is_library("ExchangeServicesClient/15.00.0847.030"));
        for agent in
            ["Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "Microsoft Office/16.0", "MacOutlook/16.1", "-"]
        {
            assert!(!is_script(agent) && !is_library(agent), "{agent}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_grow(agent in "\\PC{0,600}") {
            prop_assert!(family(&agent).len() <= 4 * CHARS_MAX + 40);
        }
    }
}
