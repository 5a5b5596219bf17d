//! Every kind of reason, with its values.
//!
//! In: nothing. Out: one enum, whose slugs are the names in outputs and the names of messages in the files of languages. A kind is
//! added here and in each of these files; a test in `piste-words` fails until it stands there with its values.

use serde::{Deserialize, Serialize};

use super::Reason;
use super::parts::{
    AccountChange, AccountSign, BuildBasis, Counted, LogDays, LogLooked, LogName, ModuleKind, PageReading,
    RequestSign, ServiceCount, VpnOddity, Would,
};
use crate::time::Instant;

/// Declares the kinds: a line of documentation, the name, and its values.
macro_rules! kinds {
    ($( #[doc = $doc:literal] $slug:literal $name:ident { $( $field:ident : $type:ty ),* $(,)? } )*) => {
        /// What a reason says, with the values of its sentence.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(tag = "reason", content = "values")]
        pub enum ReasonKind {
            $(
                #[doc = $doc]
                #[serde(rename = $slug)]
                $name { $( #[doc = concat!("The value `", stringify!($field), "`.")] $field: $type ),* },
            )*
        }

        impl ReasonKind {
            /// The slug of every kind and the names of its values.
            pub const EXAMPLES: &'static [(&'static str, &'static [&'static str])] =
                &[$( ($slug, &[$( stringify!($field) ),*]) ),*];

            /// The name in outputs and in the files of languages.
            pub fn slug(&self) -> &'static str {
                match self { $( Self::$name { .. } => $slug ),* }
            }
        }
    };
}

kinds! {
    // What single rows say.

    /// An account or its membership was changed.
    "account-changed" AccountChanged { change: AccountChange, account: String, group: Option<String>, by: String }
    /// A command asked for such a change.
    "account-change-asked" AccountChangeAsked { change: AccountChange, account: String, group: Option<String>, command: String }
    /// An account logged on.
    "account-logged-on" AccountLoggedOn { logon_type: String, account: String }
    /// `Get-App` failed as the exploit makes it fail.
    "get-app-failed" GetAppFailed {}
    /// The URL of a virtual directory was set to script.
    "directory-set-to-script" DirectorySetToScript { directory: String, failed: bool, script: String }
    /// A virtual directory was removed.
    "directory-removed" DirectoryRemoved { directory: String }
    /// A virtual directory was made anew.
    "directory-made-anew" DirectoryMadeAnew { directory: String }
    /// A virtual directory was reset, which writes its settings to a file.
    "directory-reset" DirectoryReset { directory: String }
    /// The URL of a virtual directory was cleared.
    "directory-cleared" DirectoryCleared { directory: String }
    /// A cmdlet was directed to write a page.
    "page-written-by-cmdlet" PageWrittenByCmdlet { cmdlet: String, failed: bool, path: String }
    /// An export of a mailbox was asked for.
    "mailbox-export-asked" MailboxExportAsked { command: String }
    /// A role that reads every mailbox was given.
    "role-given" RoleGiven { role: String, holder: Option<String>, failed: bool }
    /// A policy was made from a template of the caller's own.
    "policy-template-given" PolicyTemplateGiven {}
    /// The address book's generator wrote a file outside its folder.
    "address-book-outside" AddressBookOutside { path: String }
    /// A view state was refused for its signature.
    "view-state-refused" ViewStateRefused {}
    /// An object was read out of a view state.
    "view-state-read" ViewStateRead {}
    /// Unified Messaging read an object that is no voice message's.
    "voice-message-other-type" VoiceMessageOtherType {}
    /// A compiled copy of a page was collected.
    "compiled-copy-collected" CompiledCopyCollected { page: String, file: String, assembly: String }
    /// A compiled copy of a page that ran lies in the collection.
    "compiled-copy-ran" CompiledCopyRan { page: String, assembly: String }
    /// What a collected file reads as.
    "file-reads-as" FileReadsAs { file: String, reads: PageReading, score: String, sha256: String, traits: Option<String>, shadow_copy: Option<String> }
    /// A file stands in a listing.
    "file-listed" FileListed { path: String, created: Option<String>, modified: Option<String>, size: Option<String>, deleted: bool }
    /// A configuration registers code.
    "module-registered" ModuleRegistered { config: String, line: String, module: ModuleKind, entry: String, url: Option<String>, location: Option<String>, loads: String }
    /// IIS was given a module.
    "module-added" ModuleAdded { module: String, file: Option<String>, setting: String }
    /// A URL leads to a folder.
    "url-leads-to" UrlLeadsTo { url: String, folder: String }
    /// Exchange answered a logged-on request.
    "mailbox-answered" MailboxAnswered { service: String, agent: Option<String> }
    /// A web server's worker logged the account on.
    "worker-logged-on" WorkerLoggedOn {}
    /// A logon by HTTP was refused.
    "http-logon-refused" HttpLogonRefused { account: String, status: String, win32: String }
    /// The sign-in page was shown again.
    "sign-in-shown-again" SignInShownAgain {}
    /// ASP.NET compiled a page.
    "page-compiled" PageCompiled { page: String, own_time: Option<Instant>, seconds: Option<i64> }
    /// A process started another.
    "process-started" ProcessStarted { parent: String, pool: Option<String>, child: String, command: String, own_time: Option<Instant>, seconds: Option<i64> }
    /// The worker of Unified Messaging wrote a file.
    "voice-worker-wrote" VoiceWorkerWrote { path: String }
    /// A page was written.
    "page-written" PageWritten { path: String, by: Option<String>, own_time: Option<Instant>, seconds: Option<i64> }
    /// A page was opened for writing over a share.
    "page-opened-over-share" PageOpenedOverShare { path: String, share: String }
    /// A machine's account logged on over the network.
    "machine-logged-on" MachineLoggedOn { account: String, workstation: String }
    /// The same session changed rights in the directory.
    "directory-rights-changed" DirectoryRightsChanged { object: String }
    /// A web request that a flaw explains.
    "flaw-request" FlawRequest { method: String, url: String, status: String, sign: RequestSign, anchor: Option<String>, cookie: Option<String>, hint: Option<String> }
    /// A page was asked for and answered.
    "page-answered" PageAnswered { method: String, url: String, status: String }
    /// A page was asked for and failed.
    "page-failed" PageFailed { method: String, url: String, status: String }
    /// A page was asked for and did not answer.
    "page-not-answered" PageNotAnswered { method: String, url: String, status: String }
    /// A push subscription was asked for.
    "subscription-asked" SubscriptionAsked { agent: String, status: String }
    /// A session of remote PowerShell.
    "remote-shell-session" RemoteShellSession { client: Option<String>, token: bool, account: String, status: String }
    /// Logons of one account from one address were refused that day.
    "refused-that-day" RefusedThatDay { count: u64, account: String, address: String }
    /// A session of Remote Desktop.
    "desktop-session" DesktopSession { account: String, address: String }
    /// A connection of Remote Desktop was accepted.
    "desktop-accepted" DesktopAccepted { account: String, address: String }
    /// A logon of Remote Desktop.
    "desktop-logon" DesktopLogon { account: String, address: String }
    /// Somebody connected to Remote Desktop.
    "desktop-connected" DesktopConnected { address: String }
    /// Somebody sent Remote Desktop a wrong name or password.
    "desktop-wrong-password" DesktopWrongPassword { address: String }
    /// A logon was refused.
    "logon-refused" LogonRefused { account: String, address: String }
    /// Access by VPN was refused.
    "access-refused" AccessRefused { account: String, address: String }
    /// Access by VPN was granted.
    "access-granted" AccessGranted { account: String, address: String, odd: Option<VpnOddity> }

    // What many rows say together.

    /// Rows of one kind, counted.
    "counted" Counted { what: Counted, count: u64, first: Option<Instant>, last: Option<Instant>, addresses: u64, address: Option<String>, earliest: Option<Box<Reason>> }
    /// Rows beyond those that are shown.
    "more-rows" MoreRows { more: u64 }
    /// The bound by the event's own clock.
    "own-clock" OwnClock { corrected: Instant, header: Instant, offset_ms: i64, samples: u64 }
    /// Two clocks of this host differ.
    "two-clocks" TwoClocks { between: String, seconds: i64, dataset: String, samples: u64 }
    /// What could have shown it, and which days that covers.
    "looked-through" LookedThrough { host: String, logs: Vec<LogLooked> }
    /// The web logs have no answered request.
    "no-answered-request" NoAnsweredRequest { host: String, days: LogDays }
    /// One source shows it open, another closed.
    "sources-disagree" SourcesDisagree {}

    // Pages.

    /// The page had been taken away.
    "page-taken-away" PageTakenAway { at: Instant, logs_end: Option<Instant> }
    /// The page was asked for in vain as well.
    "page-asked-in-vain" PageAskedInVain { at: Option<Instant>, request: Box<ReasonKind> }
    /// How often a page was asked for.
    "page-requests" PageRequests { count: u64, methods: String, days: u64 }
    /// Sizes of answers and requests.
    "page-sizes" PageSizes { sent_least: Option<u64>, sent_most: Option<u64>, received_least: Option<u64>, received_most: Option<u64> }
    /// Programs by which a page was asked for.
    "page-programs" PagePrograms { programs: String, more: u64 }
    /// Visits to a page, pauses and hours.
    "page-rhythm" PageRhythm { at_least: bool, visits: u64, pause: Option<i64>, from_hour: u64, to_hour: u64 }
    /// The page appeared after a directory had been set to script.
    "page-after-script" PageAfterScript {}
    /// Used: the worker ran commands.
    "page-used-commands" PageUsedCommands {}
    /// Used: it was asked for and answered.
    "page-used-answered" PageUsedAnswered {}
    /// Used: no other page can have asked for the commands.
    "page-used-alone" PageUsedAlone {}
    /// There, and reads as a shell.
    "page-there-shell" PageThereShell {}
    /// There; no use was seen.
    "page-there" PageThere {}
    /// The collected file is suspicious, no more.
    "file-suspicious" FileSuspicious {}
    /// The collected file is clean.
    "file-clean" FileClean {}
    /// What the page holds was not seen.
    "page-not-seen" PageNotSeen { written: bool, compiled: bool }
    /// Only a shadow copy has it.
    "shadow-copy-alone" ShadowCopyAlone {}
    /// Its file times were altered.
    "file-times-altered" FileTimesAltered {}
    /// No request stands beside the commands.
    "commands-without-request" CommandsWithoutRequest {}
    /// The page is gone, its compiled copy stayed.
    "page-removed" PageRemoved {}
    /// Its folder is not in the collection.
    "page-folder-missing" PageFolderMissing {}
    /// The page was there and was asked for.
    "page-was-there" PageWasThere {}
    /// Only the compiled copy shows it.
    "compiled-copy-alone" CompiledCopyAlone {}

    // Flaws.

    /// Used: commands or pages came through it.
    "flaw-used" FlawUsed {}
    /// Succeeded: what only success leaves is there.
    "flaw-left-traces" FlawLeftTraces {}
    /// Succeeded: the server answered as an open one.
    "flaw-let-through" FlawLetThrough {}
    /// Failed.
    "flaw-failed" FlawFailed {}
    /// No more than an attempt is proven.
    "flaw-attempted" FlawAttempted {}
    /// Only probed.
    "flaw-probed" FlawProbed {}
    /// The flaw was open then.
    "flaw-was-open" FlawWasOpen { basis: BuildBasis }
    /// The flaw was closed then.
    "flaw-was-closed" FlawWasClosed { basis: BuildBasis }
    /// Remote PowerShell's own log has no session of it.
    "remote-shell-silent" RemoteShellSilent { days: LogDays }
    /// All of it rests on web logs.
    "web-logs-alone" WebLogsAlone {}
    /// Going through it takes a logon.
    "takes-a-logon" TakesALogon {}
    /// Its sources are addresses of the inside.
    "sources-inside" SourcesInside {}

    // Configuration.

    /// No list has the entry.
    "module-unknown" ModuleUnknown {}
    /// No list has a module of this name.
    "module-name-unknown" ModuleNameUnknown {}
    /// Its file lies where anybody may write.
    "module-anybody-writes" ModuleAnybodyWrites {}
    /// Its file lies among the pages.
    "module-among-pages" ModuleAmongPages {}
    /// Its file is loaded from another computer.
    "module-from-elsewhere" ModuleFromElsewhere {}
    /// It is named as signed code and is not.
    "module-named-as-signed" ModuleNamedAsSigned { known: String }
    /// It has another's file name.
    "module-named-as-file" ModuleNamedAsFile { by: String, known: String }
    /// Its file lies at an odd place or has a borrowed name.
    "module-odd-place" ModuleOddPlace {}
    /// A worker ran commands that nothing explains.
    "worker-unexplained" WorkerUnexplained {}
    /// To be looked at: a registered entry.
    "module-to-look-at" ModuleToLookAt {}
    /// There: a registered entry.
    "module-there" ModuleThere {}
    /// To be looked at: an added module.
    "added-module-to-look-at" AddedModuleToLookAt {}
    /// There: an added module.
    "added-module-there" AddedModuleThere {}
    /// Products register such code.
    "products-register" ProductsRegister {}
    /// Products add modules.
    "products-add" ProductsAdd {}
    /// Whatever lies in the folder is served.
    "mapped-there" MappedThere {}
    /// Installers make directories too.
    "installers-make" InstallersMake {}
    /// The directory was removed or reset after.
    "directory-covered" DirectoryCovered {}
    /// Used: a page came of the directory.
    "directory-used" DirectoryUsed {}
    /// Succeeded: the server took the script.
    "directory-succeeded" DirectorySucceeded {}
    /// The cmdlet did not succeed.
    "cmdlet-failed" CmdletFailed {}

    // Accounts and rights.

    /// It is no administrator's work.
    "no-administrators-work" NoAdministratorsWork { sign: AccountSign }
    /// Rights were given and taken back within a day.
    "rights-brief" RightsBrief {}
    /// Used: made that way, and logged on.
    "account-used" AccountUsed {}
    /// The rights were given.
    "account-given" AccountGiven {}
    /// It was asked for, no more.
    "account-asked" AccountAsked {}
    /// Administrators do so too.
    "administrators-too" AdministratorsToo {}
    /// Used: the holder had a mailbox exported.
    "role-used" RoleUsed {}
    /// The role stands open.
    "role-open" RoleOpen {}
    /// The export names nobody.
    "export-unnamed" ExportUnnamed {}
    /// Products are given these roles.
    "roles-on-purpose" RolesOnPurpose {}

    // Logons from outside.

    /// Used: somebody on the Internet logged on.
    "remote-used" RemoteUsed {}
    /// Somebody came in whom habit does not explain.
    "came-in-unexplained" CameInUnexplained {}
    /// Failed: no stranger's logon succeeded.
    "remote-failed" RemoteFailed {}
    /// Within reach of the Internet.
    "remote-in-reach" RemoteInReach {}
    /// Owners log on from the Internet too.
    "owners-from-internet" OwnersFromInternet {}
    /// A client that is nobody's own held a session.
    "foreign-client" ForeignClient {}
    /// No request of a flaw stands beside it.
    "no-request-beside" NoRequestBeside {}
    /// Used: a worker ran commands.
    "worker-used" WorkerUsed {}
    /// Monitoring products start commands too.
    "monitoring-starts" MonitoringStarts {}
    /// One address with one program.
    "mailbox-stay" MailboxStay { address: String, agent: Option<String>, requests: u64, days: u64, services: Vec<ServiceCount>, operations: Vec<String> }
    /// A sign: one program came as several accounts.
    "sign-several-accounts" SignSeveralAccounts { address: String, accounts: u64, names: Vec<String> }
    /// A sign: the address tried a flaw.
    "sign-tried-flaw" SignTriedFlaw { address: String, flaw: String }
    /// A sign: the address asked for a page that is none of the server's.
    "sign-asked-for-page" SignAskedForPage { address: String, page: String }
    /// A sign: the address had been refused before.
    "sign-refused-before" SignRefusedBefore { address: String }
    /// A sign: a script signed in.
    "sign-script" SignScript { agent: String, address: String }
    /// Unusual: the address is new.
    "odd-address" OddAddress { address: String, days: u64, habit_known: bool }
    /// Unusual: a library came.
    "odd-library" OddLibrary { agent: String }
    /// Unusual: days of rest.
    "odd-weekdays" OddWeekdays {}
    /// Unusual: hours of rest.
    "odd-hours" OddHours {}
    /// Unusual: nobody else on the server has the program.
    "odd-program-on-server" OddProgramOnServer { programs: Vec<String> }
    /// Unusual: strangers had guessed before.
    "odd-guessed" OddGuessed {}
    /// Unusual: a service that the account never used.
    "odd-service" OddService { service: String }
    /// Unusual: a program that the account never used.
    "odd-program" OddProgram { programs: Vec<String> }
    /// Unusual: the owner was in OWA at the time.
    "odd-at-once-owa" OddAtOnceOwa {}
    /// Unusual: the account was in use inside before and after.
    "odd-inside" OddInside {}
    /// Unusual: a network that the account was never seen in.
    "odd-network" OddNetwork { address: String }
    /// Unusual: the owner's Outlook was at work at the time.
    "odd-at-once-outlook" OddAtOnceOutlook {}
    /// Unusual: one strange program from several networks.
    "odd-several-networks" OddSeveralNetworks {}
    /// Used: not the owner.
    "mailbox-used" MailboxUsed {}
    /// Only unusual.
    "mailbox-unusual" MailboxUnusual {}
    /// Nothing but oddities.
    "only-oddities" OnlyOddities {}
    /// The owner can tell.
    "owner-can-tell" OwnerCanTell {}
    /// Failed: one account was gone on at.
    "guessing-failed" GuessingFailed {}
    /// Passwords were guessed.
    "passwords-guessed" PasswordsGuessed {}

    // Whose computer it is.

    /// That files are of a host is what a person said.
    "host-stated" HostStated { files: Vec<String>, more: u64, host: String }
    /// That it is this host is a guess.
    "host-guessed" HostGuessed { host: String }
    /// Nothing says which host it is.
    "host-unknown" HostUnknown {}

    // What would settle it.

    /// The same place on other computers may be the same door.
    "settle-same-place" SettleSamePlace { others: Vec<String> }
    /// A log covers another time.
    "settle-log-elsewhere" SettleLogElsewhere { log: LogName, host: String, first: Instant, last: Instant, time: Instant, would: Would }
    /// A log has a gap at that time.
    "settle-log-gap" SettleLogGap { log: LogName, host: String, day: String, days: LogDays, would: Would }
    /// A log was not read.
    "settle-log-absent" SettleLogAbsent { log: LogName, host: String, would: Would }
    /// The page's file, or a listing.
    "settle-page-file" SettlePageFile {}
    /// A listing or file events.
    "settle-listing" SettleListing {}
    /// Whether a farm's build had the flaw.
    "settle-farm-build" SettleFarmBuild {}
    /// Which build was in force.
    "settle-build" SettleBuild {}
    /// A registered entry's file and when it came.
    "settle-entry-file" SettleEntryFile {}
    /// A module's file and the configuration.
    "settle-module-file" SettleModuleFile {}
    /// The configuration and a listing of the folder.
    "settle-folder" SettleFolder {}
    /// The assembly of a compiled page.
    "settle-assembly" SettleAssembly {}
}
