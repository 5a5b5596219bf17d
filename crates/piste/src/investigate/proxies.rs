//! Proxies whose word on who spoke with them is taken: `--trusted-proxy`.
//!
//! In: the networks given now, and those that earlier runs of the case were given. Out: all of them, for the run and for the entry
//! that begins it. Addresses of clients must not change because a later run, over one more log, forgot the flag.

use ipnet::IpNet;
use serde_json::{Value, json};

/// Member of the entry that begins a run.
const MEMBER: &str = "trusted_proxies";

/// Networks of this run and of earlier ones, each once, in order; only those of this run if the earlier ones are to be forgotten.
pub(super) fn with_earlier(earlier: &[IpNet], given: &[IpNet], forget: bool) -> Vec<IpNet> {
    let earlier = if forget { &[] } else { earlier };
    let mut all: Vec<IpNet> = earlier.iter().chain(given).map(IpNet::trunc).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Adds them to the body of a run's first entry.
pub(super) fn tell(proxies: &[IpNet], body: &mut Value) {
    if let Some(body) = body.as_object_mut().filter(|_| !proxies.is_empty()) {
        let networks: Vec<String> = proxies.iter().map(ToString::to_string).collect();
        body.insert(MEMBER.to_owned(), json!(networks));
    }
}

/// Those that the run which began with such an entry was given.
pub(crate) fn of_entry(body: &Value) -> Vec<IpNet> {
    let listed = body.get(MEMBER).and_then(Value::as_array).into_iter().flatten();
    listed.filter_map(|one| one.as_str()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_add_up_over_runs() {
        let [first, second]: [IpNet; 2] =
            ["198.51.100.77/26", "203.0.113.9/32"].map(|text| text.parse().expect("a network"));
        let mut body = json!({});
        tell(&with_earlier(&[], &[first], false), &mut body);
        assert_eq!(body, json!({"trusted_proxies": ["198.51.100.64/26"]}));
        let earlier = of_entry(&body);
        assert_eq!(with_earlier(&earlier, &[second, first], false), [first.trunc(), second]);
        assert_eq!(with_earlier(&earlier, &[second], true), [second]);
        assert_eq!(of_entry(&json!({"trusted_proxies": ["x", 7]})), [] as [IpNet; 0]);
    }
}
