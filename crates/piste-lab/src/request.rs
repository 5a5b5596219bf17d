//! One request to the mail server, which IIS and Exchange's front end each log in their own way.
//!
//! In: who asks for what. Out: a [`Request`] that `iis.rs` and `httpproxy.rs` write, joined by its id.

use crate::moment::Moment;
use crate::random::Random;

/// A folder of the front end's log; the lab writes these three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folder {
    Owa,
    Ecp,
    Autodiscover,
}

impl Folder {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Owa => "Owa",
            Self::Ecp => "Ecp",
            Self::Autodiscover => "Autodiscover",
        }
    }

    /// The folder that a path's requests are logged in.
    pub(crate) fn of(stem: &str) -> Option<Self> {
        let application = stem.split('/').nth(1)?.to_ascii_lowercase();
        match application.as_str() {
            "owa" => Some(Self::Owa),
            "ecp" => Some(Self::Ecp),
            "autodiscover" => Some(Self::Autodiscover),
            _ => None,
        }
    }
}

/// One request and its answer.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// When it had been answered: both logs say that.
    pub(crate) end: Moment,
    pub(crate) took_ms: u32,
    /// IIS's `cafeReqId`, the front end's `RequestId`.
    pub(crate) id: String,
    pub(crate) method: &'static str,
    pub(crate) stem: String,
    /// As sent, without `?`; empty if none.
    pub(crate) query: String,
    /// `MIN\e.maes`; empty if anonymous.
    pub(crate) user: String,
    /// `FBA`, `Basic`, `NTLM`, `Negotiate`; the front end's word.
    pub(crate) authentication: &'static str,
    pub(crate) client: String,
    pub(crate) agent: String,
    /// `-` if none.
    pub(crate) referer: String,
    pub(crate) status: u16,
    pub(crate) substatus: u16,
    pub(crate) win32: u32,
    /// Sent and received, in bytes.
    pub(crate) bytes: (u32, u32),
    /// Where the front end sends it on; empty for the user's own mailbox, or nowhere.
    pub(crate) anchor: String,
    /// Why there; empty for its default.
    pub(crate) routing_hint: &'static str,
}

impl Request {
    /// An anonymous GET that is answered with 200.
    pub(crate) fn get(random: &mut Random, end: Moment, stem: &str, client: &str, agent: &str) -> Self {
        Self {
            end,
            took_ms: random.between(8, 160),
            id: random.guid(),
            method: "GET",
            stem: stem.to_owned(),
            query: String::new(),
            user: String::new(),
            authentication: "FBA",
            client: client.to_owned(),
            agent: agent.to_owned(),
            referer: "-".to_owned(),
            status: 200,
            substatus: 0,
            win32: 0,
            bytes: (0, random.between(700, 24_000)),
            anchor: String::new(),
            routing_hint: "",
        }
    }

    pub(crate) fn post(random: &mut Random, end: Moment, stem: &str, client: &str, agent: &str) -> Self {
        let request = Self::get(random, end, stem, client, agent);
        Self { method: "POST", bytes: (random.between(250, 3_000), request.bytes.1), ..request }
    }

    pub(crate) fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn query(self, query: impl Into<String>) -> Self {
        Self { query: query.into(), ..self }
    }

    pub(crate) fn signed_in(self, user: impl Into<String>, authentication: &'static str) -> Self {
        Self { user: user.into(), authentication, ..self }
    }

    /// An answer to somebody who has not signed in.
    pub(crate) fn unauthorised(self) -> Self {
        Self { status: 401, substatus: 1, win32: 2_148_074_254, authentication: "Anonymous", ..self }
    }

    /// Whether Exchange's front end sees it, or IIS alone.
    pub(crate) fn reaches_exchange(&self) -> bool {
        const APPLICATIONS: [&str; 9] = [
            "owa",
            "ecp",
            "autodiscover",
            "ews",
            "mapi",
            "oab",
            "rpc",
            "powershell",
            "microsoft-server-activesync",
        ];
        let application = self.stem.split('/').nth(1).unwrap_or_default().to_ascii_lowercase();
        APPLICATIONS.contains(&application.as_str())
    }
}
