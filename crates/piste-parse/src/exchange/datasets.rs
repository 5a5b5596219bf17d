//! Which dataset a log of Exchange belongs to.
//!
//! In: its `#Log-type`, its columns and the folder that it lies in. Out: `exchange.httpproxy` and its like; `exchange.other` for what is not known,
//! so that a forged header cannot make datasets at will.

/// Where everything else goes.
pub(super) const OTHER: &str = "exchange.other";

/// Folder of the logs of the offline address book's generator: whatever their headers say, Microsoft looks for signs of
/// CVE-2021-26858 in it.
const OAB_FOLDER: &str = "oabgenerator";

/// Log types without their last word, `Log` or `Logs`, in lower case with `-` between words. How the words are parted does not
/// count: `OABGeneratorLog` is `oab-generator`.
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

/// The dataset of a log that lies at this path.
pub(super) fn dataset_of(log_type: Option<&str>, columns: &[String], path: &str) -> &'static str {
    if lies_with_oab(path) {
        return "exchange.oab-generator";
    }
    let slug = log_type.map(slug).unwrap_or_default();
    if slug.contains("mitigation") {
        return "exchange.mitigation-service";
    }
    if let Some((_, dataset)) = BY_TYPE.iter().find(|(name, _)| is_spelled(name, &slug)) {
        return dataset;
    }
    let has = |wanted: &str| columns.iter().any(|column| column == wanted);
    BY_COLUMNS.iter().find(|(one, two, _)| has(one) && has(two)).map_or(OTHER, |(_, _, dataset)| dataset)
}

/// Whether rows of a log need not fit its column list: the layout of these is not written down anywhere.
pub(super) fn is_free_text(log_type: Option<&str>, path: &str) -> bool {
    let slug = log_type.map(slug).unwrap_or_default();
    slug.starts_with("oabgenerator") || slug.contains("mitigation") || lies_with_oab(path)
}

fn lies_with_oab(path: &str) -> bool {
    let mut parts = path.rsplit(['/', '\\', '!']).skip(1);
    parts.any(|part| part.get(..OAB_FOLDER.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(OAB_FOLDER)))
}

/// Whether a name of the table, without its dashes, is this.
fn is_spelled(name: &str, slug: &str) -> bool {
    name.bytes().filter(|byte| *byte != b'-').eq(slug.bytes())
}

/// `ECP Server Log` is `ecpserver`, and so is `ECPServerLogs`.
fn slug(log_type: &str) -> String {
    let mut plain: String =
        log_type.chars().filter(char::is_ascii_alphanumeric).map(|one| one.to_ascii_lowercase()).collect();
    let end = ["logs", "log"].into_iter().find(|end| plain.ends_with(end)).map_or(0, str::len);
    plain.truncate(plain.len() - end);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(log_type: Option<&str>, columns: &[&str], dataset: &str) {
        let columns: Vec<_> = columns.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(dataset_of(log_type, &columns, "x.log"), dataset);
    }

    #[test]
    fn the_folder_of_the_address_books_generator_decides_whatever_the_header_says() {
        let folder =
            r"MX01/C/Program Files/Microsoft/Exchange Server/V15/Logging/OABGeneratorLog/OABGenerator1.LOG";
        for log_type in [Some("something"), None, Some("ECP Server Log")] {
            assert_eq!(dataset_of(log_type, &[], folder), "exchange.oab-generator");
            assert!(is_free_text(log_type, folder));
        }
        assert_eq!(
            dataset_of(None, &[], r"x.zip!V15\Logging\OABGeneratorSimpleLog\a.LOG"),
            "exchange.oab-generator"
        );
        assert_eq!(dataset_of(None, &[], "OABGeneratorLog.LOG"), OTHER, "a file's name is no folder");
    }

    #[test]
    fn log_types_and_columns_name_the_dataset() {
        check(Some("HttpProxy Logs"), &[], "exchange.httpproxy");
        check(Some("ECP Server Log"), &[], "exchange.ecp-server");
        check(Some("OAB Generator Log"), &[], "exchange.oab-generator");
        check(Some("Message Tracking Log"), &[], "exchange.message-tracking");
        check(Some("SMTP Receive Protocol Log"), &[], "exchange.smtp-receive");
        for spelling in ["OABGeneratorLog", "OABGeneratorLogs", "oab-generator log", "OAB Generator"] {
            check(Some(spelling), &[], "exchange.oab-generator");
        }
        check(Some("MessageTrackingLog"), &[], "exchange.message-tracking");
        check(Some("../../x Log"), &["a"], OTHER);
        check(Some("Something new"), &["DateTime", "ShellId", "CommandName"], "exchange.rps-http");
        check(None, &["DateTime", "AnchorMailbox", "RoutingHint"], "exchange.httpproxy");
        check(None, &[], OTHER);
    }
}
