//! Rows of Exchange's remaining text logs: EWS, remote `PowerShell`, the offline address book, message tracking, setup.
//!
//! In: what happened. Out: rows, with the columns and their order as artefacts.help shows them of 15.1.2375. The layout of
//! the address book's log is not public: its rows are free text here as they are for who reads them.

use super::wire::{Call, number, row};
use crate::moment::Moment;
use crate::random::Random;

pub(super) const EWS_COLUMNS: &str = "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,Ring,\
ClientRequestId,AuthenticationType,IsAuthenticated,AuthenticatedUser,Organization,UserAgent,VersionInfo,\
ClientIpAddress,ServerHostName,FrontEndServer,SoapAction,HttpStatus,RequestSize,ResponseSize,ErrorCode,\
ImpersonatedUser,ProxyAsUser,ActAsUser,Cookie,CorrelationGuid,PrimaryOrProxyServer,TaskType,RemoteBackendCount,\
LocalMailboxCount,RemoteMailboxCount,LocalIdCount,RemoteIdCount,BeginBudgetConnections,EndBudgetConnections,\
BeginBudgetHangingConnections,EndBudgetHangingConnections,BeginBudgetAD,EndBudgetAD,BeginBudgetCAS,EndBudgetCAS,\
BeginBudgetRPC,EndBudgetRPC,BeginBudgetFindCount,EndBudgetFindCount,BeginBudgetSubscriptions,\
EndBudgetSubscriptions,MDBResource,MDBHealth,MDBHistoricalLoad,ThrottlingPolicy,ThrottlingDelay,\
ThrottlingRequestType,TotalDCRequestCount,TotalDCRequestLatency,TotalMBXRequestCount,TotalMBXRequestLatency,\
RecipientLookupLatency,ExchangePrincipalLatency,HttpPipelineLatency,CheckAccessCoreLatency,AuthModuleLatency,\
CallContextInitLatency,PreExecutionLatency,CoreExecutionLatency,TotalRequestTime,DetailedExchangePrincipalLatency,\
ClientStatistics,GenericInfo,AuthenticationErrors,GenericErrors,Puid";

pub(super) const RPS_HTTP_COLUMNS: &str = "DateTime,StartTime,RequestId,MajorVersion,MinorVersion,BuildVersion,\
RevisionVersion,ClientRequestId,UrlHost,UrlStem,AuthenticationType,IsAuthenticated,AuthenticatedUser,Organization,\
ManagedOrganization,ClientIpAddress,ServerHostName,FrontEndServer,HttpStatus,SubStatus,ErrorCode,Action,CommandId,\
CommandName,SessionId,ShellId,FailFast,ContributeToFailFast,RequestBytes,ClientInfo,CPU,Memory,\
ActivityContextLifeTime,TotalTime,UrlQuery,GenericLatency,GenericInfo,GenericErrors";

pub(super) const RPS_CMDLET_COLUMNS: &str = "DateTime,StartTime,RequestId,ClientRequestId,MajorVersion,MinorVersion,\
BuildVersion,RevisionVersion,ServerHostName,ProcessId,ProcessName,ThreadId,CultureInfo,Organization,\
AuthenticatedUser,ExecutingUserSid,EffectiveOrganization,UserServicePlan,IsAdmin,ClientApplication,Cmdlet,\
Parameters,CmdletUniqueId,UserBudgetOnStart,ContributeToFailFast,RunspaceSettingsCreationHint,ADViewEntireForest,\
ADRecipientViewRoot,ADConfigurationDomainControllers,ADPreferredGlobalCatalogs,ADPreferredDomainControllers,\
ADUserConfigurationDomainController,ADUserPreferredGlobalCatalog,ADuserPreferredDomainControllers,ThrottlingInfo,\
DelayInfo,ThrottlingDelay,IsOutputObjectRedacted,CmdletProxyStage,CmdletProxyRemoteServer,\
CmdletProxyRemoteServerVersion,CmdletProxyMethod,ProxiedObjectCount,CmdletProxyLatency,OutputObjectCount,\
ParameterBinding,BeginProcessing,ProcessRecord,EndProcessing,StopProcessing,BizLogic,PowerShellLatency,\
UserInteractionLatency,ProvisioningLayerLatency,ActivityContextLifeTime,TotalTime,ErrorType,ExecutionResult,\
CacheHitCount,CacheMissCount,GenericLatency,GenericInfo,GenericErrors,ObjectGuid,ExternalDirectoryOrganizationId,\
ExternalDirectoryObjectId,NonPiiParameters";

pub(super) const TRACKING_COLUMNS: &str = "date-time,client-ip,client-hostname,server-ip,server-hostname,\
source-context,connector-id,source,event-id,internal-message-id,message-id,network-message-id,recipient-address,\
recipient-status,total-bytes,recipient-count,related-recipient-address,reference,message-subject,sender-address,\
return-path,message-info,directionality,tenant-id,original-client-ip,original-server-ip,custom-data,\
transport-traffic-type,log-id,schema-version";

pub(super) const OAB_COLUMNS: &str = "date-time,server,event,data";

/// The row of an operation of EWS.
pub(super) fn ews(call: &Call, soap: &str, server: &str, build: [&str; 4]) -> String {
    let request = &call.request;
    let user = call.back.as_ref().map_or(request.user.as_str(), |back| back.user.as_str());
    row(EWS_COLUMNS, |column| match column {
        "DateTime" => request.end.rfc3339(),
        "RequestId" => request.id.clone(),
        "Ring" => "Unknown".to_owned(),
        "AuthenticationType" => if user.is_empty() { "" } else { "Kerberos" }.to_owned(),
        "IsAuthenticated" => (!user.is_empty()).to_string(),
        "AuthenticatedUser" => user.to_owned(),
        "UserAgent" => request.agent.replace(',', " "),
        "VersionInfo" => "Target=None;Req=Exchange2013/Exchange2013;".to_owned(),
        "ClientIpAddress" => request.client.clone(),
        "ServerHostName" | "FrontEndServer" => server.to_owned(),
        "SoapAction" => soap.to_owned(),
        "HttpStatus" => request.status.to_string(),
        "RequestSize" => request.bytes.0.to_string(),
        "PrimaryOrProxyServer" => "PrimaryServer".to_owned(),
        "TaskType" => "LocalTask".to_owned(),
        "TotalRequestTime" => request.took_ms.to_string(),
        _ => number(column, build).unwrap_or_default(),
    })
}

/// The row of a request to remote `PowerShell`, at the back end. `user` is whom it acts as.
pub(super) fn rps_http(call: &Call, user: &str, fqdn: &str, server: &str, build: [&str; 4]) -> String {
    let request = &call.request;
    let back = call.back.as_ref();
    row(RPS_HTTP_COLUMNS, |column| match column {
        "DateTime" => request.end.rfc3339(),
        "StartTime" => request.end.plus_ms(-i64::from(request.took_ms.saturating_sub(2))).rfc3339(),
        "RequestId" => request.id.clone(),
        "UrlHost" => format!("{}:444", fqdn.to_lowercase()),
        "UrlStem" => back.map_or_else(|| request.stem.clone(), |back| back.stem.clone()),
        "AuthenticationType" => "Kerberos".to_owned(),
        "IsAuthenticated" => (!user.is_empty()).to_string(),
        "AuthenticatedUser" => user.to_owned(),
        "ClientIpAddress" => request.client.clone(),
        "ServerHostName" | "FrontEndServer" => server.to_owned(),
        "HttpStatus" => back.map_or(request.status, |back| back.status).to_string(),
        "SubStatus" => "0".to_owned(),
        "Action" => call.action.split(':').nth(1).unwrap_or_default().to_owned(),
        "CommandName" => call.action.split(':').next().unwrap_or_default().to_owned(),
        "RequestBytes" => request.bytes.0.to_string(),
        "ClientInfo" => request.agent.clone(),
        "ActivityContextLifeTime" | "TotalTime" => request.took_ms.to_string(),
        "UrlQuery" => match back {
            Some(back) if !back.query.is_empty() => format!("?{}", back.query),
            _ => String::new(),
        },
        _ => number(column, build).unwrap_or_default(),
    })
}

/// A cmdlet that somebody ran.
#[derive(Debug, Clone)]
pub(super) struct Cmdlet<'a> {
    pub(super) time: Moment,
    pub(super) name: &'a str,
    /// `-Identity "x" -Force "True"`
    pub(super) parameters: String,
    /// `adm.hendrickx`
    pub(super) account: &'a str,
    pub(super) sid: String,
    /// In remote `PowerShell`, else in the control panel.
    pub(super) remote: bool,
    /// Empty if it went well.
    pub(super) error: &'a str,
}

/// The row of a cmdlet in remote `PowerShell`.
pub(super) fn rps_cmdlet(random: &mut Random, ran: &Cmdlet<'_>, server: &str, build: [&str; 4]) -> String {
    let (id, request, pid) = (random.guid(), random.guid(), random.between(900, 4_000) * 4);
    let took = random.between(12, 900);
    row(RPS_CMDLET_COLUMNS, |column| match column {
        "DateTime" => ran.time.rfc3339(),
        "StartTime" => ran.time.plus_ms(-i64::from(took)).rfc3339(),
        "RequestId" => request.clone(),
        "ServerHostName" => server.to_owned(),
        "ProcessId" => pid.to_string(),
        "ProcessName" => "w3wp#MSExchangePowerShellAppPool".to_owned(),
        "ThreadId" => "41".to_owned(),
        "AuthenticatedUser" => ran.account.to_owned(),
        "ExecutingUserSid" => ran.sid.clone(),
        "IsAdmin" => "True".to_owned(),
        "ClientApplication" => "PowerShell".to_owned(),
        "Cmdlet" => ran.name.to_owned(),
        "Parameters" | "NonPiiParameters" => ran.parameters.clone(),
        "CmdletUniqueId" => id.clone(),
        "ADViewEntireForest" => "False".to_owned(),
        "OutputObjectCount" => "1".to_owned(),
        "ActivityContextLifeTime" | "TotalTime" => took.to_string(),
        "ErrorType" => if ran.error.is_empty() { "" } else { "ManagementObjectNotFoundException" }.to_owned(),
        "ExecutionResult" => if ran.error.is_empty() { "Success" } else { "Error" }.to_owned(),
        "GenericInfo" => format!("PSSenderInfo={};", ran.account),
        "GenericErrors" => ran.error.to_owned(),
        _ => number(column, build).unwrap_or_default(),
    })
}

/// A mail.
#[derive(Debug, Clone)]
pub(super) struct Mail<'a> {
    pub(super) time: Moment,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) subject: &'a str,
    /// `RECEIVE`, `SEND`, `DELIVER`
    pub(super) event: &'a str,
    /// `SMTP`, `STOREDRIVER`
    pub(super) source: &'a str,
    pub(super) client: &'a str,
}

/// The row of a mail.
pub(super) fn tracking(random: &mut Random, mail: &Mail<'_>, fqdn: &str, version: &str) -> String {
    let (message, network, log) = (random.hex(24), random.guid(), random.guid());
    let bytes = random.between(4_000, 900_000);
    let sender_domain = mail.from.split_once('@').map_or("", |(_, domain)| domain);
    row(TRACKING_COLUMNS, |column| match column {
        "date-time" => mail.time.rfc3339(),
        "client-ip" => mail.client.to_owned(),
        "server-hostname" => fqdn.split('.').next().unwrap_or_default().to_owned(),
        "source" => mail.source.to_owned(),
        "event-id" => mail.event.to_owned(),
        "internal-message-id" => (u64::from(bytes) * 7 + 41).to_string(),
        "message-id" => format!("<{message}@{sender_domain}>"),
        "network-message-id" => network.clone(),
        "recipient-address" => mail.to.clone(),
        "total-bytes" => bytes.to_string(),
        "recipient-count" => "1".to_owned(),
        "message-subject" => mail.subject.to_owned(),
        "sender-address" | "return-path" => mail.from.clone(),
        "directionality" => if mail.event == "SEND" { "Originating" } else { "Incoming" }.to_owned(),
        "custom-data" => "S:DeliveryPriority=Normal".to_owned(),
        "transport-traffic-type" => "Email".to_owned(),
        "log-id" => log.clone(),
        "schema-version" => version.to_owned(),
        _ => String::new(),
    })
}

/// The row of the address book's generator.
pub(super) fn oab(time: Moment, server: &str, text: &str) -> String {
    row(OAB_COLUMNS, |column| match column {
        "date-time" => time.rfc3339(),
        "server" => server.to_owned(),
        "event" => "OABGenerator".to_owned(),
        _ => text.to_owned(),
    })
}

/// An update, as the setup log tells it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Update<'a> {
    pub(super) from: Moment,
    pub(super) to: Moment,
    /// `Exchange 2016`
    pub(super) product: &'a str,
    /// `15.1.2176.9`
    pub(super) build: &'a str,
    /// Between the parts of a date: it follows the server's language.
    pub(super) mark: char,
}

/// Lines of `ExchangeSetup.log` of an update, with when each was written.
pub(super) fn setup(update: Update<'_>) -> Vec<(Moment, String)> {
    let (from, to) = (update.from, update.to);
    let year = update.product.rsplit(' ').next().unwrap_or_default();
    let half = from.plus_ms((to.unix_seconds() - from.unix_seconds()) * 500);
    let rule = "**********************************************".to_owned();
    let words = [
        (from, 0, rule.clone()),
        (from.plus_ms(1), 0, format!("Starting Microsoft Exchange Server {year} Setup")),
        (from.plus_ms(1), 0, rule.clone()),
        (from.plus_ms(9), 0, "Local time zone: (UTC+01:00) Brussels, Copenhagen, Madrid, Paris.".to_owned()),
        (from.plus_ms(9), 0, "Operating system version: Microsoft Windows NT 6.2.9200.0.".to_owned()),
        (from.plus_ms(13), 0, format!("Setup version: {}.", update.build)),
        (from.plus_ms(15), 0, "Logged on user: PROV\\adm.hendrickx.".to_owned()),
        (from.plus_ms(40), 0, "Command Line Parameter Name='mode', Value='Upgrade'.".to_owned()),
        (half, 1, "Finished executing component tasks.".to_owned()),
        (half.plus_ms(38), 1, "Ending processing Start-PostSetup".to_owned()),
        (to.plus_ms(-2_000), 0, "The Exchange Server setup operation completed successfully.".to_owned()),
        (to.plus_ms(-1_990), 0, "CurrentResult setupbase.maincore:396: 0".to_owned()),
        (to.plus_ms(-1_989), 0, "End of Setup".to_owned()),
        (to.plus_ms(-1_989), 0, rule),
    ];
    let line = |(at, depth, text): (Moment, u8, String)| {
        (at, format!("[{}] [{depth}] {text}", setup_time(at, update.mark)))
    };
    words.into_iter().map(line).collect()
}

/// `03.09.2021 19:42:10.0417`, in UTC; the mark is the language's.
fn setup_time(at: Moment, mark: char) -> String {
    let sysmon = at.sysmon();
    let (date, time) = sysmon.split_once(' ').unwrap_or((&sysmon, ""));
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    let (seconds, ms) = time.split_once('.').unwrap_or((time, "0"));
    let part = |text: Option<&str>| text.unwrap_or_default().to_owned();
    format!("{}{mark}{}{mark}{} {seconds}.0{ms}", part(month), part(day), part(year))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Request;
    use jiff::civil::Date;

    const BUILD: [&str; 4] = ["15", "1", "2242", "4"];

    fn at() -> Moment {
        Moment::midnight(Date::constant(2021, 8, 17)).plus_ms(18_751_417)
    }

    fn call() -> Call {
        let mut random = Random::new(1, &["rows"]);
        let request = Request::post(
            &mut random,
            at(),
            "/autodiscover/autodiscover.json",
            "203.0.113.77",
            "Python PSRP Client",
        );
        let request = Request { id: "i".into(), took_ms: 41, bytes: (512, 900), ..request };
        Call::bent(request, "/powershell", "X-Rps-CAT=VgEA", r"PROV\adm")
            .action("New-MailboxExportRequest:Command")
    }

    /// One of each kind of line.
    #[test]
    fn rows_are_as_exchange_writes_them() {
        let mut random = Random::new(1, &["rows"]);
        let ran = Cmdlet {
            time: at(),
            name: "New-MailboxExportRequest",
            parameters: r#"-Mailbox "x" -FilePath "\\127.0.0.1\c$\x.aspx""#.to_owned(),
            account: "adm.hendrickx",
            sid: "S-1-5-21-1".to_owned(),
            remote: true,
            error: "",
        };
        let mail = Mail {
            time: at(),
            from: "a@example.org".into(),
            to: "t@prov.example".into(),
            subject: "Minutes, draft",
            event: "RECEIVE",
            source: "SMTP",
            client: "203.0.113.4",
        };
        let lines = [
            ews(&call(), "CreateItem", "MX02", BUILD),
            rps_http(&call(), r"PROV\adm", "MX02.prov.example", "MX02", BUILD),
            rps_cmdlet(&mut random, &ran, "MX02", BUILD),
            tracking(&mut random, &mail, "MX02.prov.example", "15.01.2242.004"),
            oab(at(), "MX02", r"Download failed and temporary file 'C:\x.aspx' needs to be removed"),
        ];
        let widths = [EWS_COLUMNS, RPS_HTTP_COLUMNS, RPS_CMDLET_COLUMNS, TRACKING_COLUMNS, OAB_COLUMNS];
        for (line, columns) in lines.iter().zip(widths) {
            // A quoted cell with a comma in it counts twice; only the mail's subject has one here.
            let extra = usize::from(line.contains("Minutes, draft"));
            assert_eq!(line.split(',').count(), columns.split(',').count() + extra, "{line}");
        }
        let log = setup(Update {
            from: at(),
            to: at().plus_seconds(3_600),
            product: "Exchange 2016",
            build: "15.1.2242.12",
            mark: '/',
        });
        assert_eq!(log[5].1, "[08/17/2021 05:12:31.0430] [0] Setup version: 15.1.2242.12.");
        assert_eq!(log[0].0, at());
    }
}
