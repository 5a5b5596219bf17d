//! Which dataset a log of Exchange belongs to.
//!
//! In: its `#Log-type` and its columns. Out: `exchange.httpproxy` and its like; `exchange.other` for what is not known,
//! so that a forged header cannot make datasets at will.

/// Where everything else goes.
pub(super) const OTHER: &str = "exchange.other";

/// Log types without their last word, `Log` or `Logs`, in lower case with `-` between words.
const BY_TYPE: [(&str, &str); 37] = [
    ("httpproxy", "exchange.httpproxy"),
    ("http-proxy", "exchange.httpproxy"),
    ("ecp-server", "exchange.ecp-server"),
    ("ecp-activity", "exchange.ecp-activity"),
    ("ews", "exchange.ews"),
    ("ews-protocol", "exchange.ews"),
    ("rps-http", "exchange.rps-http"),
    ("rps-cmdlet", "exchange.rps-cmdlet"),
    ("rps-authz", "exchange.rps-authz"),
    ("oab-generator", "exchange.oab-generator"),
    ("oab-generator-simple", "exchange.oab-generator"),
    ("message-tracking", "exchange.message-tracking"),
    ("mapihttp", "exchange.mapi-http"),
    ("mapi-http", "exchange.mapi-http"),
    ("smtp-receive-protocol", "exchange.smtp-receive"),
    ("smtp-send-protocol", "exchange.smtp-send"),
    ("transport-connectivity", "exchange.connectivity"),
    ("connectivity", "exchange.connectivity"),
    ("agent", "exchange.agent"),
    ("imap4", "exchange.imap4"),
    ("imap", "exchange.imap4"),
    ("pop3", "exchange.pop3"),
    ("owa", "exchange.owa"),
    ("autodiscover", "exchange.autodiscover"),
    ("eas", "exchange.activesync"),
    ("activesync", "exchange.activesync"),
    ("rpc-client-access", "exchange.rpc-client-access"),
    ("address-book", "exchange.address-book"),
    ("rpc-http", "exchange.rpc-http"),
    ("ecp", "exchange.ecp-server"),
    ("imap4-be", "exchange.imap4"),
    ("pop3-be", "exchange.pop3"),
    ("pop", "exchange.pop3"),
    ("http-request-filtering", "exchange.http-request-filtering"),
    ("anti-spam-agent", "exchange.agent"),
    ("audit", "exchange.admin-audit"),
    ("admin-audit", "exchange.admin-audit"),
];

/// Pairs of columns that only one log has, for files whose log type is missing or unknown.
const BY_COLUMNS: [(&str, &str, &str); 14] = [
    ("AnchorMailbox", "RoutingHint", "exchange.httpproxy"),
    ("SoapAction", "ImpersonatedUser", "exchange.ews"),
    ("ShellId", "CommandName", "exchange.rps-http"),
    ("Cmdlet", "ExecutingUserSid", "exchange.rps-cmdlet"),
    ("message-id", "recipient-address", "exchange.message-tracking"),
    ("MapiRequestId", "RequestType", "exchange.mapi-http"),
    ("RecordType", "Operation", "exchange.admin-audit"),
    ("sequence-number", "remote-endpoint", "exchange.smtp-protocol"),
    ("MailboxId", "ClientSoftware", "exchange.mapi-http"),
    ("EnteredOrgFromIP", "P1FromAddress", "exchange.agent"),
    ("destination", "direction", "exchange.connectivity"),
    ("ScanResult", "CookieNames", "exchange.http-request-filtering"),
    ("EventId", "EventData", "exchange.ecp-server"),
    ("seqNumber", "puid", "exchange.imap4"),
];

/// The dataset of a log.
pub(super) fn dataset_of(log_type: Option<&str>, columns: &[String]) -> &'static str {
    let slug = log_type.map(slug).unwrap_or_default();
    if slug.contains("mitigation") {
        return "exchange.mitigation-service";
    }
    if let Some((_, dataset)) = BY_TYPE.iter().find(|(name, _)| *name == slug) {
        return dataset;
    }
    let has = |wanted: &str| columns.iter().any(|column| column == wanted);
    BY_COLUMNS.iter().find(|(one, two, _)| has(one) && has(two)).map_or(OTHER, |(_, _, dataset)| dataset)
}

/// Whether rows of a log need not fit its column list: the layout of these is not written down anywhere.
pub(super) fn is_free_text(log_type: Option<&str>) -> bool {
    let slug = log_type.map(slug).unwrap_or_default();
    slug.starts_with("oab-generator") || slug.contains("mitigation")
}

/// `ECP Server Log` is `ecp-server`.
fn slug(log_type: &str) -> String {
    let lower = log_type.to_ascii_lowercase();
    let mut words: Vec<&str> = lower.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
    words.retain(|word| !word.is_empty());
    if words.last().is_some_and(|last| *last == "log" || *last == "logs") {
        words.pop();
    }
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(log_type: Option<&str>, columns: &[&str], dataset: &str) {
        let columns: Vec<_> = columns.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(dataset_of(log_type, &columns), dataset);
    }

    #[test]
    fn log_types_and_columns_name_the_dataset() {
        check(Some("HttpProxy Logs"), &[], "exchange.httpproxy");
        check(Some("ECP Server Log"), &[], "exchange.ecp-server");
        check(Some("OAB Generator Log"), &[], "exchange.oab-generator");
        check(Some("Message Tracking Log"), &[], "exchange.message-tracking");
        check(Some("SMTP Receive Protocol Log"), &[], "exchange.smtp-receive");
        check(Some("../../x Log"), &["a"], OTHER);
        check(Some("Something new"), &["DateTime", "ShellId", "CommandName"], "exchange.rps-http");
        check(None, &["DateTime", "AnchorMailbox", "RoutingHint"], "exchange.httpproxy");
        check(None, &[], OTHER);
    }
}
