//! Pages that Exchange ships in folders where intruders leave theirs.
//!
//! In: the decoded path of a page. Out: whether it lies in such a folder under a name that no product ships.

/// Pages that Exchange ships in the folders in which intruders leave theirs.
const SHIPPED: [&str; 11] = [
    "/ecp/auth/timeoutlogout.aspx",
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
];

/// Whether a page, by its decoded path, lies in one of those folders under a name that is not shipped.
pub(crate) fn is_foreign(url: &str) -> bool {
    let folders = ["/owa/auth/", "/ecp/auth/", "/aspnet_client/", "/oab/"];
    folders.iter().any(|folder| url.starts_with(folder)) && !SHIPPED.contains(&url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_of_shipped_pages_are_foreign() {
        assert!(is_foreign("/owa/auth/redirsuiteserverproxy.aspx"));
        assert!(!is_foreign("/owa/auth/redirsuiteserviceproxy.aspx"));
        assert!(is_foreign("/aspnet_client/system_web/x.aspx"));
        assert!(!is_foreign("/ews/exchange.asmx"));
    }
}
