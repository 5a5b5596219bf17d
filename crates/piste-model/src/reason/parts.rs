//! Values of reasons that are themselves one of several, or several together.
//!
//! In: nothing. Out: small enums and records that serialise to names, which the files of languages put into words.

use serde::{Deserialize, Serialize};

use crate::time::Instant;

/// Declares an enum without values, written as its names in kebab case.
macro_rules! names {
    ($( #[doc = $doc:literal] $name:ident { $( #[doc = $each:literal] $one:ident ),* $(,)? } )*) => {$(
        #[doc = $doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $( #[doc = $each] $one ),* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$( Self::$one ),*];
        }
    )*};
}

names! {
    /// What was done to an account.
    AccountChange {
        /// Made.
        Made,
        /// Enabled.
        Enabled,
        /// Disabled.
        Disabled,
        /// Deleted.
        Deleted,
        /// Put into a group that rules.
        PutIntoGroup,
        /// Taken out of one.
        TakenOutOfGroup,
    }

    /// Why a change of an account is no administrator's work.
    AccountSign {
        /// Its name ends as a machine's does.
        MachineName,
        /// A web worker started the command.
        WebWorker,
        /// The command ran as a web server's own account.
        WebAccount,
    }

    /// What a file's content reads as.
    PageReading {
        /// A web shell.
        Shell,
        /// A page with traits of one.
        Traits,
        /// An ordinary page.
        Ordinary,
    }

    /// What a configuration registers.
    ModuleKind {
        /// A native module.
        Native,
        /// An ISAPI filter.
        Filter,
        /// A managed module.
        Managed,
        /// A handler.
        Handler,
    }

    /// Why a granted access by VPN was not the owner's.
    VpnOddity {
        /// The address had guessed passwords before.
        Guessed,
        /// It is new to the account and to all others, while strangers were guessing.
        NewWhileGuessing,
    }

    /// What was counted.
    Counted {
        /// Requests that only looked.
        OnlyLooked,
        /// Attempts that were refused.
        Refused,
        /// Attempts whose answer does not tell.
        Unclear,
        /// Tests with the answer of an open server.
        OpenAnswers,
        /// Logons refused, or connections without one.
        LogonsRefused,
        /// Times one address went on at one account.
        WentOn,
        /// Connections accepted.
        Connections,
        /// Sign-ins refused.
        SignInsRefused,
    }

    /// A log that is missing, as people name it.
    LogName {
        /// IIS.
        Iis,
        /// The front end of Exchange.
        HttpProxy,
        /// The ECP server and `MSExchange Management`.
        ControlPanel,
        /// Remote PowerShell.
        RemotePowerShell,
        /// Cmdlets of remote PowerShell.
        RemoteCmdlets,
        /// Processes.
        Processes,
        /// The Security log.
        Security,
        /// Exchange web services.
        Ews,
        /// Exchange web services and MAPI.
        EwsAndMapi,
    }

    /// What a missing log would show.
    Would {
        /// Who asked for it, and when first and last.
        WhoAsked,
        /// Who asked for the page that was written.
        WhoAskedPage,
        /// Who asked for what, over the longest span.
        WhoAskedWhat,
        /// The back end asked, the account and the answer.
        BackEnd,
        /// Whether a directory was set to script.
        DirectorySet,
        /// Sessions by foreign clients and their cmdlets.
        ForeignSessions,
        /// Commands that web workers started.
        WorkerCommands,
        /// Commands that the page was used for.
        PageCommands,
        /// Who reached the control panel, and how.
        ControlPanelReached,
        /// Which mailboxes the holder opened.
        MailboxesOpened,
        /// Which mailboxes and folders were opened then.
        FoldersOpened,
        /// Each request's account, program and address.
        AccountProgramAddress,
        /// Which accounts were guessed at.
        AccountsGuessed,
        /// Whether the account was made.
        AccountMade,
        /// The path by which remote PowerShell was reached.
        RemotePath,
        /// Which cmdlets were run.
        CmdletsRun,
        /// The request that started the command.
        RequestOfCommand,
    }

    /// What the build in force says of a flaw.
    BuildSays {
        /// Nothing: no flaw was named, or no time.
        Nothing,
        /// The flaw is not in the catalogue.
        NotInCatalogue,
        /// No build of the host was seen.
        NoBuild,
        /// An older build follows a newer one.
        OlderAfterNewer,
        /// It has the flaw; a security update may have left the revision as it was.
        HasPerhapsUpdated,
        /// It has the flaw.
        Has,
        /// No build with the fix had been released.
        NoFixReleased,
        /// It does not have the flaw.
        HasNot,
        /// It does not, and updates do not take a fix away.
        HasNotSince,
        /// The security update is unknown.
        UpdateUnknown,
        /// The build does not prove it fixed.
        NotProven,
        /// When the next build was installed is unknown.
        InstallUnknown,
        /// No build after that.
        NoneAfter,
        /// No build before that.
        NoneBefore,
    }

    /// What of a web request points to a flaw, and how it was answered.
    RequestSign {
        /// A virtual directory was reset through a forged back end.
        ForgedReset,
        /// The back end that the cookie named answered.
        ForgedAnswered,
        /// A test with the answer of an open server.
        ForgedTest,
        /// A step of the chain was refused.
        ChainRefused,
        /// A step of the chain ended in an error.
        ChainError,
        /// A forged back end was named, no more.
        ForgedNamed,
        /// Remote PowerShell took a forged token.
        TokenTaken,
        /// Not refused, but nobody was logged on.
        NobodyLoggedOn,
        /// Another service answered through Autodiscover's path.
        AutodiscoverAnswered,
        /// A test of Autodiscover's path got the answer of an open server.
        AutodiscoverTest,
        /// The path reached a service and was sent elsewhere.
        AutodiscoverSentOn,
        /// A payload ended in an error.
        PayloadError,
        /// A forged token was refused.
        TokenRefused,
        /// A logged-on client was refused on the way to remote PowerShell.
        ShellRefused,
        /// The path was tried and led nowhere.
        PathTried,
        /// Remote PowerShell answered through OWA's path.
        OwaAnswered,
        /// OWA's path was not refused.
        OwaNotRefused,
        /// An error that tells neither.
        OwaError,
        /// A logged-on client was refused on OWA's path.
        OwaRefused,
        /// A view state too short to hold an object.
        ViewStateShort,
        /// A view state was refused or sent to log on.
        ViewStateRefused,
        /// A logged-on client sent a view state.
        ViewStateSent,
        /// A view state without a logon.
        ViewStateNoLogon,
        /// The panel reset a directory for the server's account.
        PanelReset,
        /// The panel set a directory for the server's account.
        PanelSet,
        /// A POST to a static file got 241.
        StaticProxied,
        /// A POST to a static file was answered as done.
        StaticDone,
        /// A POST to a static file ended in an error.
        StaticError,
        /// A POST to a static file was refused.
        StaticRefused,
        /// A script that Exchange does not have.
        ScriptAsked,
        /// The proxied logon got 241.
        ProxyLogonAnswered,
        /// The proxied logon did not answer.
        ProxyLogonAsked,
        /// An inbox rule was made without a logon.
        RuleMade,
        /// An inbox rule was asked for without a logon.
        RuleAsked,
        /// The panel was asked with a token.
        PanelToken,
        /// A link that runs script in the browser.
        ScriptLink,
        /// An object was posted to the picker.
        PickerPosted,
        /// The picker refused it.
        PickerRefused,
        /// The picker was asked for.
        PickerAsked,
        /// The tool pane answered without a logon.
        ToolPaneAnswered,
        /// The tool pane refused.
        ToolPaneRefused,
        /// The tool pane was entered; the answer does not tell.
        ToolPaneEntered,
        /// The tool pane was asked for from the sign-out page.
        ToolPaneAsked,
        /// A template was uploaded.
        TemplateUploaded,
        /// A template was refused.
        TemplateRefused,
    }
}

/// The days that a log covers, with its gaps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogDays {
    /// First row.
    pub first: Instant,
    /// Last row.
    pub last: Instant,
    /// Days that have rows.
    pub days: u64,
    /// Days from the first to the last.
    pub of: u64,
    /// The longest gaps.
    pub gaps: Vec<MissingDays>,
    /// Gaps beside these.
    pub more_gaps: u64,
}

/// Days of which a log has no row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MissingDays {
    /// The first, `2021-03-03`.
    pub from: String,
    /// The last.
    pub to: String,
    /// How many.
    pub days: u64,
}

/// A log that could have shown something, and what it covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogLooked {
    /// `web`, `processes`, `vpn`, `remote-desktop`.
    pub log: String,
    /// What it covers; `None` where there is none.
    pub days: Option<LogDays>,
}

/// Requests to one service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServiceCount {
    /// The service, as people name it.
    pub service: String,
    /// Requests.
    pub count: u64,
}

/// Which build was in force, and what that says of a flaw.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BuildBasis {
    /// What it says.
    pub says: BuildSays,
    /// The flaw.
    pub cve: String,
    /// The server.
    pub host: String,
    /// The build seen, with its name.
    pub build: String,
    /// What showed it.
    pub source: String,
    /// From when it was seen.
    pub first: Option<Instant>,
    /// Until when.
    pub last: Option<Instant>,
    /// The build seen next.
    pub next_build: Option<String>,
    /// From when.
    pub next_first: Option<Instant>,
}
