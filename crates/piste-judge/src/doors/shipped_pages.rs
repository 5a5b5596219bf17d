//! Pages that Exchange ships in folders where intruders leave theirs.
//!
//! In: the decoded path of a page. Out: whether it lies in such a folder under a name that no product ships.

/// Pages that Exchange ships in the folders in which intruders leave theirs.
const SHIPPED: [&str; 17] = [
    "/autodiscover/autodiscover.svc",
    "/ecp/auth/timeoutlogout.aspx",
    "/ews/exchange.asmx",
    "/ews/services.asmx",
    "/mapi/emsmdb/default.aspx",
    "/microsoft-server-activesync/default.eas",
    "/owa/auth/error.aspx", // Exchange 2010
    "/owa/auth/errorfe.aspx",
    "/owa/auth/expiredpassword.aspx",
    "/owa/auth/frowny.aspx",
    "/owa/auth/logoff.aspx",
    "/owa/auth/logon.aspx",
    "/owa/auth/outlookcn.aspx",
    "/owa/auth/redirsuiteserviceproxy.aspx",
    "/owa/auth/signout.aspx",
    "/owa/auth/svmfeedback.aspx",
    "/pushnotifications/service.svc",
];

/// Folders in which intruders leave pages: those for everybody, and those of services that have no pages of their own.
const FOLDERS: [&str; 12] = [
    "/aspnet_client/",
    "/autodiscover/",
    "/ecp/auth/",
    "/ews/",
    "/mapi/",
    "/microsoft-server-activesync/",
    "/oab/",
    "/owa/auth/",
    "/powershell/",
    "/pushnotifications/",
    "/rpc/",
    "/rpcwithcert/",
];

/// Whether a page, by its decoded path, lies in one of those folders under a name that is not shipped.
pub(crate) fn is_foreign(url: &str) -> bool {
    FOLDERS.iter().any(|folder| url.starts_with(folder)) && !SHIPPED.contains(&url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_of_shipped_pages_are_foreign() {
        assert!(is_foreign("/owa/auth/redirsuiteserverproxy.aspx"));
        assert!(!is_foreign("/owa/auth/redirsuiteserviceproxy.aspx"));
        assert!(is_foreign("/aspnet_client/system_web/x.aspx"));
        assert!(is_foreign("/ews/x.aspx") && is_foreign("/autodiscover/x.aspx") && is_foreign("/rpc/x.aspx"));
        assert!(!is_foreign("/ews/exchange.asmx") && !is_foreign("/autodiscover/autodiscover.svc"));
    }
}
