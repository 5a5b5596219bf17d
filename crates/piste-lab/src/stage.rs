//! Where the story is told: things that happen go in, and the lines that are still there end up on the shelf.
//!
//! In: requests, events and cmdlets, with the step that they belong to if they are an intruder's. Out: lines of the
//! logs that the scenario kept; what was rolled over is dropped here and nowhere else.

use crate::ecp::EcpRequest;
use crate::moment::Moment;
use crate::random::Random;
use crate::request::Request;
use crate::scenario::{Host, Scenario, Source};
use crate::shelf::{Layout, Shelf, StepIndex};
use crate::windows::Event;
use crate::{ecp, httpproxy, iis};

/// The scenario being told.
pub(crate) struct Stage<'s> {
    pub(crate) scenario: &'s Scenario,
    pub(crate) seed: u64,
    /// The mail server, of which a checked scenario has one.
    pub(crate) exchange: &'s Host,
    /// The step that is being told; `None` for ordinary life.
    pub(crate) step: Option<StepIndex>,
    pub(crate) shelf: Shelf,
}

impl Stage<'_> {
    /// A stream of chance of its own.
    pub(crate) fn random(&self, purpose: &[&str]) -> Random {
        Random::new(self.seed, purpose)
    }

    /// `MX01.min.example`
    pub(crate) fn fqdn(&self, host: &Host) -> String {
        format!("{}.{}", host.name, self.scenario.domain.dns)
    }

    /// `MIN\e.maes`
    pub(crate) fn logon_name(&self, account: &str) -> String {
        format!(r"{}\{account}", self.scenario.domain.netbios)
    }

    /// A Windows event on a host.
    pub(crate) fn event(&mut self, host: &Host, event: &Event) {
        if !host.keeps(event.provider.source, event.time) {
            return;
        }
        let path = match &host.collection {
            Some(zip) => format!("{zip}!C/Windows/System32/winevt/Logs/windows-events.jsonl"),
            None => format!("{}/windows-events.jsonl", host.name),
        };
        let line = event.line(&self.fqdn(host));
        self.shelf.put(path, Layout::JsonLines, event.time, line, self.step);
    }

    /// A request to the mail server.
    pub(crate) fn request(&mut self, request: &Request) {
        let server = self.exchange;
        if server.keeps(Source::Iis, request.end) {
            let path = iis::path(&server.name, request.end);
            let line = iis::line(request, &server.address);
            self.shelf.put(path, Layout::Iis, request.end, line, self.step);
        }
        if let Some(folder) = httpproxy::logs(request)
            && server.keeps(Source::HttpProxy, request.end)
        {
            let fqdn = self.fqdn(server);
            let build = self.scenario.mail.build(request.end.date());
            let public = self.scenario.mail.public_name();
            let answering = httpproxy::Server { name: &server.name, fqdn: &fqdn, public, build: &build };
            let path = httpproxy::path(&server.name, folder, request.end);
            let anchor = match request.user.rsplit('\\').next() {
                Some(account) if request.anchor.is_empty() && !account.is_empty() => {
                    format!("Sid~{}", self.scenario.sid(account))
                }
                _ => request.anchor.clone(),
            };
            let line = httpproxy::line(&Request { anchor, ..request.clone() }, folder, answering);
            self.shelf.put(path, httpproxy::LAYOUT, request.end, line, self.step);
        }
    }

    /// A cmdlet that the control panel ran.
    pub(crate) fn control_panel(&mut self, random: &mut Random, request: &EcpRequest) {
        let server = self.exchange;
        if server.keeps(Source::Ecp, request.time) {
            let build = self.scenario.mail.build(request.time.date()).join(".");
            let line = ecp::line(random, request, &server.name, &build);
            let path = ecp::path(&server.name, request.time);
            self.shelf.put(path, ecp::LAYOUT, request.time, line, self.step);
        }
    }

    /// IIS starts again and writes its header once more.
    pub(crate) fn restart_iis(&mut self, time: Moment) {
        if self.exchange.keeps(Source::Iis, time) {
            self.shelf.restart(&iis::path(&self.exchange.name, time), time);
        }
    }
}
