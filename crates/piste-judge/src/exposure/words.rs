//! What is not known of a server, and what evidence would tell.
//!
//! In: a server with its builds and spans. Out: sentences for its `unknown`, one a gap.

use std::collections::BTreeSet;

use piste_model::Exposure;
use piste_model::exchange::Version;

/// What would settle an unknown update.
const ASK: &str = "ask for ExchangeSetup.log, the file version of bin\\ExSetup.exe or a HealthChecker report";

/// Fills in the sentences.
pub fn explain(server: &mut Exposure) {
    let mut said = Vec::new();
    let full = server
        .builds
        .iter()
        .any(|seen| Version::parse(&seen.build).is_some_and(|one| one.revision.is_some()));
    if !full {
        said.push(format!("only the cumulative update was seen, not its security update: {ASK}"));
    }
    if server.builds.iter().any(|seen| seen.perhaps_updated) {
        said.push(format!(
            "the logs name the cumulative update's own build, which a security update may leave as it was: {ASK}"
        ));
    }
    for seen in server.builds.iter().filter(|seen| seen.older) {
        let first = seen.first.map(|first| first.to_string()).unwrap_or_default();
        said.push(format!(
            "{} was seen from {first} on after a newer build: an update was taken back, the server was set up anew, or two servers share the name",
            seen.build
        ));
    }
    for pair in server.builds.windows(2) {
        let [before, after] = pair else { continue };
        let (Some(last), Some(first)) = (before.last, after.first) else { continue };
        if first.nanos.saturating_sub(last.nanos) > 86_400_000_000_000 && !after.older {
            said.push(format!(
                "between {last} and {first} nothing says when {} gave way to {}: {ASK}",
                before.build, after.build
            ));
        }
    }
    let names: BTreeSet<&str> = server.unknown_spans.iter().map(|span| span.name.as_str()).collect();
    if !names.is_empty() {
        let names: Vec<&str> = names.into_iter().collect();
        said.push(format!("whether these were open is unknown for a time: {}", names.join(", ")));
    }
    server.unknown.extend(said);
}
