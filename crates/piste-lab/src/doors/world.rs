//! Where a story is told: calls, cmdlets and events go in, and the lines that a collection still held come out.
//!
//! In: things that happen, with the step that they belong to if they mean something. Out: the shelf, laid out as a
//! collector lays out a server: `MX02/C/…` with the paths that the files had, or the same in one zip a server. What was
//! rolled over is dropped here and nowhere else.

use std::borrow::Cow;
use std::fmt::Write as _;

use piste_model::DoorVerdict;

use super::plan::Plan;
use super::story::{DoorScenario, Variant};
use super::wire::{self, Answering, Call, LINK_LOCAL};
use super::{exchange_logs, windows_logs};
use crate::ecp::{self, EcpRequest};
use crate::httpproxy::COLUMNS;
use crate::iis;
use crate::moment::Moment;
use crate::random::Random;
use crate::request::Request;
use crate::scenario::Source;
use crate::shelf::{Head, Layout, Shelf, StepIndex};
use crate::windows::Event;

/// Folder of Exchange, below the drive.
pub(super) const EXCHANGE: &str = "C/Program Files/Microsoft/Exchange Server/V15";

/// A story while it is told.
pub(super) struct World<'s> {
    pub(super) story: &'s DoorScenario,
    pub(super) variant: &'s Variant,
    pub(super) plan: Plan,
    pub(super) seed: u64,
    /// One zip a server instead of a folder.
    pub(super) zip: bool,
    /// The step that is being told; `None` for ordinary life.
    pub(super) step: Option<StepIndex>,
    pub(super) shelf: Shelf,
    /// Events by host, in the order told.
    pub(super) events: Vec<(String, Event, Option<StepIndex>)>,
    /// What was planted: ways in, and steps through them.
    pub(super) doors: Vec<DoorDraft>,
    pub(super) steps: Vec<StepDraft>,
}

/// A way in, as it becomes known while the story is told.
#[derive(Debug, Clone)]
pub(super) struct DoorDraft {
    pub(super) kind: &'static str,
    pub(super) cve: Vec<String>,
    pub(super) host: String,
    pub(super) place: String,
    pub(super) verdict: DoorVerdict,
    /// What may be said as well, where words draw the line and not facts.
    pub(super) also: Vec<DoorVerdict>,
    /// A way in that another one implies: right if named, not wrong if not.
    pub(super) optional: bool,
    pub(super) opened: Option<Moment>,
    pub(super) used: Option<(Moment, Moment)>,
    pub(super) sources: Vec<String>,
    pub(super) accounts: Vec<String>,
}

impl DoorDraft {
    pub(super) fn new(kind: &'static str, host: &str, place: &str, verdict: DoorVerdict) -> Self {
        Self {
            kind,
            cve: Vec::new(),
            host: host.to_owned(),
            place: place.to_owned(),
            verdict,
            also: Vec::new(),
            optional: false,
            opened: None,
            used: None,
            sources: Vec::new(),
            accounts: Vec::new(),
        }
    }
}

/// Something done to a way in.
#[derive(Debug, Clone)]
pub(super) struct StepDraft {
    /// Indices of the ways in that it shows.
    pub(super) doors: Vec<usize>,
    pub(super) time: Moment,
    pub(super) tactic: &'static str,
    pub(super) technique: &'static str,
    pub(super) account: Option<String>,
    pub(super) text: String,
    /// Done by somebody who got nowhere.
    pub(super) noise: bool,
}

impl<'s> World<'s> {
    /// Knows a way in. Another of the same kind, flaws and place is the same one; the graver verdict stays, and with it
    /// the time of first use.
    pub(super) fn door(&mut self, draft: DoorDraft) -> usize {
        let same = |one: &DoorDraft| {
            one.kind == draft.kind
                && one.cve == draft.cve
                && (!one.cve.is_empty() || one.place == draft.place)
        };
        if let Some(at) = self.doors.iter().position(same) {
            if let Some(known) = self.doors.get_mut(at) {
                let sources = [std::mem::take(&mut known.sources), draft.sources.clone()].concat();
                if draft.verdict > known.verdict {
                    *known = draft;
                }
                known.sources = sources;
            }
            at
        } else {
            self.doors.push(draft);
            self.doors.len() - 1
        }
    }

    /// A way in was used.
    pub(super) fn used(&mut self, door: usize, at: Moment) {
        if let Some(door) = self.doors.get_mut(door) {
            door.used = Some(door.used.map_or((at, at), |(from, to)| (from.min(at), to.max(at))));
        }
    }

    /// Begins a step: what is told from here on belongs to it.
    pub(super) fn begin(&mut self, step: StepDraft) {
        self.steps.push(step);
        self.step = Some(self.steps.len() - 1);
    }

    /// Back to ordinary life.
    pub(super) fn end(&mut self) {
        self.step = None;
    }

    /// A stream of chance of its own.
    pub(super) fn random(&self, purpose: &[&str]) -> Random {
        Random::new(self.seed, purpose)
    }

    pub(super) fn mx(&self) -> &'s str {
        &self.story.server.name
    }

    pub(super) fn fqdn(&self) -> String {
        format!("{}.{}", self.mx(), self.story.place.dns)
    }

    /// `PROV\t.verhulst`
    pub(super) fn logon_name(&self, account: &str) -> String {
        format!(r"{}\{account}", self.story.place.netbios)
    }

    /// The computer's own account: `PROV\MX02$`.
    pub(super) fn machine_name(&self) -> String {
        self.logon_name(&format!("{}$", self.mx()))
    }

    pub(super) fn sid(&self, rid: u32) -> String {
        format!("{}-{rid}", self.story.place.sid)
    }

    /// The path of a file of a host's, in the collection.
    pub(super) fn path(&self, host: &str, file: &str) -> String {
        if self.zip { format!("{host}.zip!{file}") } else { format!("{host}/{file}") }
    }

    /// Whether a log still reaches back to this time.
    pub(super) fn keeps(&self, source: Source, time: Moment) -> bool {
        if time > self.story.to {
            return false;
        }
        let days = self.variant.kept_days.get(&source).copied();
        days.is_none_or(|days| time >= self.story.to.plus_ms(-i64::from(days) * 86_400_000))
    }

    /// The build in force: `["15", "1", "2176", "2"]`.
    pub(super) fn build(&self, time: Moment) -> [&'s str; 4] {
        let builds = &self.story.builds;
        let text = if self.plan.is_patched(time) { &builds.fixed } else { &builds.open };
        let mut parts = text.split('.');
        std::array::from_fn(|_| parts.next().unwrap_or("0"))
    }

    /// `15.01.2176.002`, as the headers of logs and `ExSetup.exe` write it.
    pub(super) fn padded_build(&self, time: Moment) -> String {
        let [major, minor, build, revision] = self.build(time);
        format!("{major:0>2}.{minor:0>2}.{build:0>4}.{revision:0>3}")
    }

    /// Adds a line of an Exchange log, begun anew after an update.
    pub(super) fn exchange_line(
        &mut self,
        (folder, stem, hourly): (&str, &str, bool),
        (log_type, fields): (&'static str, &'static str),
        time: Moment,
        line: String,
    ) {
        let civil = time.civil();
        let mut stamp = format!("{:04}{:02}{:02}", civil.year(), civil.month(), civil.day());
        if hourly {
            let _ = write!(stamp, "{:02}", civil.hour()); // writing to a String cannot fail
        }
        let number =
            if self.plan.patch.is_some_and(|(_, to)| to <= time && to.date() == time.date()) { 2 } else { 1 };
        let path = self.path(self.mx(), &format!("{EXCHANGE}/{folder}/{stem}{stamp}-{number}.LOG"));
        let version =
            if log_type.starts_with("ECP") { "15.0.0.0".to_owned() } else { self.padded_build(time) };
        let layout = Layout::Exchange {
            software: "Microsoft Exchange Server",
            version: Cow::Owned(version),
            log_type,
            fields,
            head: if self.plan.bare_columns && hourly { Head::Columns } else { Head::Plain },
        };
        self.shelf.put(path, layout, time, line, self.step);
    }

    /// A request to the mail server. During the update nothing answers but `http.sys`.
    pub(super) fn call(&mut self, call: &Call) {
        let request = &call.request;
        let end = request.end;
        if self.plan.is_down(end) {
            if request.client != "::1" {
                self.http_error(end, &request.client, request.method, &request.stem, 503, "AppOffline");
            }
            return;
        }
        let mx = self.mx();
        if self.keeps(Source::Iis, end) {
            let line = iis::line(request, &self.story.server.address);
            self.shelf.put(self.iis_path("W3SVC1", end), Layout::Iis, end, line, self.step);
            if let Some(back) = &call.back {
                let line = wire::back_line(call, back, end);
                self.shelf.put(self.iis_path("W3SVC2", end), Layout::Iis, end, line, self.step);
            }
        }
        let silent = request.status == 401 && request.user.is_empty();
        if let Some(protocol) = wire::protocol(&request.stem)
            && !silent
            && self.keeps(Source::HttpProxy, end)
        {
            let fqdn = self.fqdn();
            let server =
                Answering { name: mx, fqdn: &fqdn, public: &self.story.place.public, build: self.build(end) };
            let line = wire::proxy_row(&self.anchored(call), protocol, server);
            let folder = format!("Logging/HttpProxy/{protocol}");
            self.exchange_line((&folder, "HttpProxy_", true), ("HttpProxy Logs", COLUMNS), end, line);
        }
    }

    /// What is handed on for somebody is anchored at his SID.
    fn anchored<'c>(&self, call: &'c Call) -> Cow<'c, Call> {
        let account = call.request.user.rsplit('\\').next().unwrap_or_default();
        let place = &self.story.place;
        let rid = place.users.iter().chain([&place.admin]).find(|user| user.name == account);
        let rid = rid.map(|user| user.rid).or_else(|| (account == place.health_mailbox).then_some(1150));
        match rid {
            Some(rid) if call.request.anchor.is_empty() && call.back.is_some() => {
                let anchor = format!("Sid~{}", self.sid(rid));
                let request = Request { anchor, ..call.request.clone() };
                Cow::Owned(Call { request, ..call.clone() })
            }
            _ => Cow::Borrowed(call),
        }
    }

    fn iis_path(&self, site: &str, time: Moment) -> String {
        let day = time.date();
        let (year, month, day) = (day.year() % 100, day.month(), day.day());
        let file = format!("C/inetpub/logs/LogFiles/{site}/u_ex{year:02}{month:02}{day:02}.log");
        self.path(self.mx(), &file)
    }

    /// IIS starts again and writes its header once more.
    pub(super) fn restart_iis(&mut self, time: Moment) {
        for site in ["W3SVC1", "W3SVC2"] {
            let path = self.iis_path(site, time);
            self.shelf.restart(&path, time);
        }
    }

    /// What `http.sys` notes of a request that reached no application.
    pub(super) fn http_error(
        &mut self,
        time: Moment,
        client: &str,
        method: &str,
        url: &str,
        status: u16,
        reason: &str,
    ) {
        if !self.keeps(Source::HttpErr, time) {
            return;
        }
        let pool = match wire::protocol(url) {
            Some("Owa") => "MSExchangeOWAAppPool",
            Some("Ecp") => "MSExchangeECPAppPool",
            Some(_) => "MSExchangeAutodiscoverAppPool",
            None => "DefaultAppPool",
        };
        let port = Random::new(self.seed, &["port", client, &time.iis()]).between(49_152, 65_535);
        let address = &self.story.server.address;
        let line = format!(
            "{} {client} {port} {address} 443 HTTP/1.1 {method} {} - {status} 1 {reason} {pool}",
            time.iis(),
            url.replace(' ', "%20"),
        );
        let path = self.path(self.mx(), "C/Windows/System32/LogFiles/HTTPERR/httperr1.log");
        self.shelf.put(path, Layout::HttpErr, time, line, self.step);
    }

    /// A page of the control panel ran a cmdlet.
    pub(super) fn panel(&mut self, random: &mut Random, request: &EcpRequest) {
        if self.keeps(Source::Ecp, request.time) && !self.plan.is_down(request.time) {
            let build = self.build(request.time).join(".");
            let line = ecp::line(random, request, self.mx(), &build);
            self.exchange_line(
                ("Logging/ECP/Server", "ECPServer", false),
                ("ECP Server Log", ecp::COLUMNS),
                request.time,
                line,
            );
        }
    }

    /// A Windows event of the mail server.
    pub(super) fn event(&mut self, event: Event) {
        if self.keeps(event.provider.source, event.time) && !self.plan.is_down(event.time) {
            self.events.push((self.mx().to_owned(), event, self.step));
        }
    }

    /// An operation of EWS, which the back end notes.
    pub(super) fn ews(&mut self, call: &Call, soap: &str) {
        let end = call.request.end;
        if self.keeps(Source::Ews, end) && !self.plan.is_down(end) {
            let line = exchange_logs::ews(call, soap, self.mx(), self.build(end));
            let columns = ("EWS Logs", exchange_logs::EWS_COLUMNS);
            self.exchange_line(("Logging/Ews", "Ews_", true), columns, end, line);
        }
    }

    /// Remote `PowerShell` over HTTP, which the back end notes.
    pub(super) fn remote_shell(&mut self, call: &Call, user: &str) {
        let end = call.request.end;
        if self.keeps(Source::CmdletInfra, end) && !self.plan.is_down(end) {
            let line = exchange_logs::rps_http(call, user, &self.fqdn(), self.mx(), self.build(end));
            let columns = ("Rps Http Logs", exchange_logs::RPS_HTTP_COLUMNS);
            let place = ("Logging/CmdletInfra/Powershell-Proxy/Http", "Rps_Http_", true);
            self.exchange_line(place, columns, end, line);
        }
    }

    /// A cmdlet, in Exchange's own log of them and in the Windows log. `error` is empty if it went well.
    pub(super) fn cmdlet(&mut self, random: &mut Random, ran: &exchange_logs::Cmdlet<'_>) {
        let time = ran.time;
        if self.keeps(Source::CmdletInfra, time) && !self.plan.is_down(time) && ran.remote {
            let line = exchange_logs::rps_cmdlet(random, ran, self.mx(), self.build(time));
            let columns = ("Rps Cmdlet Logs", exchange_logs::RPS_CMDLET_COLUMNS);
            let place = ("Logging/CmdletInfra/Powershell-Proxy/Cmdlet", "Rps_Cmdlet_", true);
            self.exchange_line(place, columns, time, line);
        }
        if !ran.name.starts_with("Get-") {
            let event = windows_logs::cmdlet(random, ran, &self.story.place.dns);
            self.event(event); // the Windows log has only what changes something
        }
    }

    /// A line of the offline address book's generator.
    pub(super) fn oab(&mut self, time: Moment, text: &str) {
        if self.keeps(Source::Oab, time) && !self.plan.is_down(time) {
            let line = exchange_logs::oab(time, self.mx(), text);
            let columns = ("OAB Generator Log", exchange_logs::OAB_COLUMNS);
            self.exchange_line(("Logging/OABGeneratorLog", "OABGenerator", false), columns, time, line);
        }
    }

    /// A mail on its way.
    pub(super) fn mail(&mut self, random: &mut Random, mail: &exchange_logs::Mail<'_>) {
        if self.keeps(Source::Tracking, mail.time) && !self.plan.is_down(mail.time) {
            let line = exchange_logs::tracking(random, mail, &self.fqdn(), &self.padded_build(mail.time));
            let columns = ("Message Tracking Log", exchange_logs::TRACKING_COLUMNS);
            self.exchange_line(
                ("TransportRoles/Logs/MessageTracking", "MSGTRK", true),
                columns,
                mail.time,
                line,
            );
        }
    }

    /// A request that the server's health checks make.
    pub(super) fn own_address() -> &'static str {
        LINK_LOCAL
    }
}
