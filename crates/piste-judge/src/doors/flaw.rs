//! The flaws that doors go through: what each is called, where it is entered and how it is closed.
//!
//! In: nothing. Out: one row a flaw. Which builds have them stands in `catalog/`; what their use leaves in logs, in `web.rs`,
//! `cmdlets.rs` and `processes.rs`.

/// One flaw, or a chain of flaws that is known under one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// Front end sent to a back end of the client's choice, then a file written through the OAB directory.
    ProxyLogon,
    /// Autodiscover path confusion without a logon, remote PowerShell as another account, mailbox exported as a page.
    ProxyShell,
    /// The same confusion with a logon, then code through remote PowerShell.
    ProxyNotShell,
    /// OWA path to remote PowerShell, then code there.
    Owassrf,
    /// View state signed with the key that every server had.
    ViewState,
    /// Code in a data loss policy's template.
    DataLossPolicy,
    /// Serialised object in a mailbox's auto-tag model.
    AutoTag,
    /// Push subscription makes the server log on elsewhere.
    PushSubscription,
    /// A token that the front end passes on and the back end does not check.
    ProxyToken,
    /// Cookie decrypted through error answers.
    ProxyOracle,
    /// Object in a user's configuration read back by `Get-App`.
    GetApp,
    /// Serialised object in a voice message.
    UnifiedMessaging,
    /// Serialised object in the entity picker.
    SharePointPicker,
    /// Tool pane entered from the sign-out page.
    SharePointToolPane,
}

/// What is known of a flaw beforehand.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// Its common name.
    pub name: &'static str,
    /// Its identifiers, sorted.
    pub cve: &'static [&'static str],
    /// Where it is entered.
    pub place: &'static str,
    /// One step that closes it.
    pub close: &'static str,
}

impl Flaw {
    /// What is known of it beforehand.
    #[expect(clippy::too_many_lines, reason = "a table: one entry a flaw")]
    pub fn about(self) -> About {
        let (name, cve, place, close): (_, &'static [&'static str], _, _) = match self {
            Self::ProxyLogon => (
                "ProxyLogon",
                &["CVE-2021-26855", "CVE-2021-27065"],
                "/ecp",
                "install the March 2021 security update or a later one; until then take ECP and OWA off the Internet",
            ),
            Self::ProxyShell => (
                "ProxyShell",
                &["CVE-2021-31207", "CVE-2021-34473", "CVE-2021-34523"],
                "/autodiscover/autodiscover.json",
                "install the May 2021 security update or a later one; until then take Autodiscover and remote PowerShell off the Internet",
            ),
            Self::ProxyNotShell => (
                "ProxyNotShell",
                &["CVE-2022-41040", "CVE-2022-41082"],
                "/autodiscover/autodiscover.json (with a logon)",
                "install the November 2022 security update or a later one and change the password of the account that was used",
            ),
            Self::Owassrf => (
                "OWASSRF",
                &["CVE-2022-41080", "CVE-2022-41082"],
                "/owa/…/powershell",
                "install the November 2022 security update or a later one; URL rewrite rules do not stop this path",
            ),
            Self::ViewState => (
                "static validation key",
                &["CVE-2020-0688"],
                "/ecp/default.aspx",
                "install the February 2020 security update or a later one and change the password of the account that was used",
            ),
            Self::DataLossPolicy => (
                "data loss policy template",
                &["CVE-2020-16875", "CVE-2020-17132"],
                "New-DlpPolicy",
                "install the December 2020 security update or a later one and review who holds the Data Loss Prevention role",
            ),
            Self::AutoTag => (
                "auto-tag model",
                &["CVE-2020-17144"],
                "/ews/exchange.asmx (MRM.AutoTag.Model)",
                "install the December 2020 update for Exchange 2010 and delete the configuration item from the mailbox",
            ),
            Self::PushSubscription => (
                "push subscription relay",
                &["CVE-2018-8581"],
                "/ews/exchange.asmx (Subscribe)",
                "install the February 2019 update, delete DisableLoopbackCheck and take Exchange's right to write the domain's ACL",
            ),
            Self::ProxyToken => (
                "ProxyToken",
                &["CVE-2021-33766"],
                "/ecp/…/RulesEditor/InboxRules.svc",
                "install the April 2021 security update or a later one and review inbox rules that forward",
            ),
            Self::ProxyOracle => (
                "ProxyOracle",
                &["CVE-2021-31195", "CVE-2021-31196"],
                "/owa/auth/frowny.aspx",
                "install the July 2021 security update or a later one and change the passwords of those who followed such links",
            ),
            Self::GetApp => (
                "Get-App deserialisation",
                &["CVE-2021-42321"],
                "Get-App",
                "install the November 2021 security update or a later one and change the password of the account that was used",
            ),
            Self::UnifiedMessaging => (
                "Unified Messaging deserialisation",
                &["CVE-2021-26857"],
                "UMWorkerProcess.exe",
                "install the March 2021 security update or a later one, or stop the Unified Messaging service",
            ),
            Self::SharePointPicker => (
                "SharePoint entity picker",
                &["CVE-2019-0604"],
                "/_layouts/…/picker.aspx",
                "install SharePoint's security updates of February to April 2019 or later ones",
            ),
            Self::SharePointToolPane => (
                "SharePoint tool pane",
                &["CVE-2025-49706", "CVE-2025-53770"],
                "/_layouts/…/ToolPane.aspx",
                "install SharePoint's security update of July 2025 or a later one, then change the machine keys",
            ),
        };
        About { name, cve, place, close }
    }

    /// The flaw of the chain through which it is entered: while that one is closed, nobody comes in this way.
    pub fn entry(self) -> &'static [&'static str] {
        match self {
            Self::ProxyLogon => &["CVE-2021-26855"],
            Self::ProxyShell => &["CVE-2021-34473"],
            Self::ProxyNotShell => &["CVE-2022-41040"],
            Self::Owassrf => &["CVE-2022-41080"],
            _ => self.about().cve,
        }
    }

    /// Whether exploiting it takes an account's password or session.
    pub fn needs_logon(self) -> bool {
        matches!(
            self,
            Self::ProxyNotShell
                | Self::Owassrf
                | Self::ViewState
                | Self::DataLossPolicy
                | Self::AutoTag
                | Self::PushSubscription
                | Self::GetApp
        )
    }

    /// The application pool that its code runs in, in lower case; empty where that is not settled.
    pub fn pool(self) -> &'static str {
        match self {
            Self::ProxyNotShell | Self::Owassrf => "msexchangepowershellapppool",
            Self::ViewState => "msexchangeecpapppool",
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flaw_has_a_sorted_list_of_identifiers() {
        for flaw in [Flaw::ProxyLogon, Flaw::ProxyShell, Flaw::Owassrf, Flaw::SharePointToolPane] {
            let about = flaw.about();
            assert!(about.cve.windows(2).all(|pair| pair[0] < pair[1]), "{}", about.name);
            assert!(!about.close.is_empty() && !about.place.is_empty());
        }
    }
}
