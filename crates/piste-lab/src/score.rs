//! How near an investigation came to the truth.
//!
//! In: a [`Truth`] and what `doors.json` and `exposure.json` of a case say. Out: a [`Score`]. A found door stands for the
//! true door that it shares a host and a flaw, a page or a kind with; what stands for none is false. The gravest error is
//! counted apart: a door said to have been opened that was not.

use std::collections::{BTreeMap, BTreeSet};

use piste_model::{DoorVerdict, Instant};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::truth::{DoorTruth, ServerTruth, Truth};

/// A time within this many seconds of the true one is right.
const SECONDS_RIGHT: i64 = 120;
/// A span of exposure that ends within this many seconds of the true end is right: what shows the new build comes later.
const EXPOSURE_RIGHT: i64 = 86_400;
/// Words for doors without a flaw.
const PERSONAL: [&str; 3] = ["account", "remote-access", "password"];

/// What was scored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Score {
    /// Always null: the intrusions of a case are not told yet.
    pub intrusions: Option<Value>,
    /// Always null, as above.
    pub first_trace: Option<Value>,
    /// Always null, as above.
    pub steps: Option<Value>,
    /// Ways in.
    pub doors: DoorScore,
    /// Always null, as above.
    pub hosts: Option<Value>,
    /// Always null, as above.
    pub accounts: Option<Value>,
    /// Spans in which flaws were open; null where the case has none, or the truth knows no flaw.
    pub exposure: Option<ExposureScore>,
}

/// How well ways in were found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DoorScore {
    /// Share of the visible true doors that were found; 1 if there are none.
    pub recall: f64,
    /// Share of the found doors that are true; 1 if none was found.
    pub precision: f64,
    /// True doors that something is left of.
    #[serde(rename = "true")]
    pub visible: usize,
    /// Doors in the case.
    pub found: usize,
    /// Doors in the case that stand for no true one.
    #[serde(rename = "false")]
    pub invented: usize,
    /// Doors whose verdict is right, of `judged`.
    pub right: usize,
    /// True doors that a verdict is expected of, and found ones that are false.
    pub judged: usize,
    /// Doors said to have been opened that were not: false alarms of the gravest kind.
    pub grave: usize,
    /// True verdict, then found verdict or `none`, then how many.
    pub verdicts: BTreeMap<String, BTreeMap<String, usize>>,
    /// First times of doors that were opened: right, of how many, and the largest error in seconds.
    pub first_times: TimeScore,
    /// True doors that nothing is left of.
    pub invisible: usize,
    /// Those of them of which the case says that its logs could not show them.
    pub said_invisible: usize,
    /// What was wrong, one sentence each.
    pub wrong: Vec<String>,
}

/// How well times were found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeScore {
    /// Within two minutes.
    pub right: usize,
    /// Doors that have such a time.
    pub of: usize,
    /// In seconds; null if there is none.
    pub worst_seconds: Option<i64>,
}

/// How well exposure was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExposureScore {
    /// Flaws of servers whose span is right.
    pub right: usize,
    /// Flaws of servers that the truth knows.
    pub of: usize,
}

/// A door as the case tells it: what scoring needs of `doors.json`.
#[derive(Debug, Clone, Deserialize)]
struct FoundDoor {
    #[serde(default)]
    id: String,
    kind: String,
    #[serde(default)]
    cve: Vec<String>,
    host: String,
    #[serde(default)]
    place: String,
    verdict: DoorVerdict,
    #[serde(default)]
    opened: Option<Opened>,
    #[serde(default)]
    first_used: Option<Instant>,
    #[serde(default)]
    missing: Vec<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Opened {
    not_after: Option<Instant>,
}

/// Scores a case. `doors` is the content of `doors.json`, `exposure` that of `exposure.json`.
pub fn score(truth: &Truth, doors: &Value, exposure: Option<&Value>) -> Result<Score, serde_json::Error> {
    let found: Vec<FoundDoor> = match doors.get("doors") {
        Some(list) => Vec::deserialize(list)?,
        None => Vec::new(),
    };
    Ok(Score {
        intrusions: None,
        first_trace: None,
        steps: None,
        doors: score_doors(truth, &found, (doors, exposure)),
        hosts: None,
        accounts: None,
        exposure: exposure.and_then(|told| score_exposure(&truth.servers, told)),
    })
}

fn score_doors(truth: &Truth, found: &[FoundDoor], told: (&Value, Option<&Value>)) -> DoorScore {
    let stands_for: Vec<Option<usize>> = found.iter().map(|door| counterpart(&truth.doors, door)).collect();
    let mut score = DoorScore { found: found.len(), ..DoorScore::default() };
    let mut seen = 0;
    for (index, door) in truth.doors.iter().enumerate() {
        let all = found.iter().zip(&stands_for).filter(|(_, stands)| **stands == Some(index));
        let of_it: Vec<&FoundDoor> = all.map(|(found, _)| found).collect();
        let verdict = of_it.iter().map(|found| found.verdict).max();
        if !door.visible {
            score.invisible += 1;
            score.said_invisible += usize::from(says_invisible(door, &of_it, told));
            continue;
        }
        if verdict.is_none() && door.optional {
            continue;
        }
        score.visible += 1;
        seen += usize::from(verdict.is_some());
        score.judge(door, verdict);
        score.time(door, &of_it);
    }
    for (door, _) in found.iter().zip(&stands_for).filter(|(_, stands)| stands.is_none()) {
        score.invented += 1;
        score.judged += 1;
        score.grave += usize::from(door.verdict >= DoorVerdict::Succeeded);
        score.count("none", word(door.verdict));
        score.wrong.push(format!(
            "{} {} at {} is no door: {}",
            door.id,
            door.kind,
            door.place,
            word(door.verdict)
        ));
    }
    score.recall = share(seen, score.visible);
    score.precision = share(found.len() - score.invented, found.len());
    score
}

impl DoorScore {
    fn judge(&mut self, door: &DoorTruth, verdict: Option<DoorVerdict>) {
        self.judged += 1;
        self.count(word(door.verdict), verdict.map_or("none", word));
        let right = verdict.is_some_and(|verdict| verdict == door.verdict || door.also.contains(&verdict));
        if right {
            self.right += 1;
            return;
        }
        let opened = |verdict: DoorVerdict| verdict >= DoorVerdict::Succeeded;
        self.grave += usize::from(verdict.is_some_and(opened) && !opened(door.verdict));
        self.wrong.push(format!(
            "{} {} at {} is {}, found {}",
            door.id,
            door.kind,
            door.place,
            word(door.verdict),
            verdict.map_or("none", word)
        ));
    }

    fn count(&mut self, truth: &str, found: &str) {
        *self.verdicts.entry(truth.to_owned()).or_default().entry(found.to_owned()).or_default() += 1;
    }

    /// The earliest time that the gravest doors give, against the true ones that are as good.
    fn time(&mut self, door: &DoorTruth, found: &[&FoundDoor]) {
        let gravest = found.iter().map(|one| one.verdict).max();
        if door.verdict < DoorVerdict::Succeeded || gravest.is_none_or(|one| one < DoorVerdict::Succeeded) {
            return;
        }
        self.first_times.of += 1;
        let times = found
            .iter()
            .filter(|one| Some(one.verdict) == gravest)
            .flat_map(|one| one.first_used.into_iter().chain(one.opened.and_then(|opened| opened.not_after)));
        let Some(first) = times.min() else {
            self.wrong.push(format!("{} has no first time", door.id));
            return;
        };
        let right = [door.first_visible, door.first_used, door.opened];
        let error = |time: &Instant| (first.nanos - time.nanos).abs() / 1_000_000_000;
        let Some(error) = right.iter().flatten().map(error).min() else { return };
        self.first_times.right += usize::from(error <= SECONDS_RIGHT);
        let worst = self.first_times.worst_seconds.unwrap_or(0).max(error);
        self.first_times.worst_seconds = Some(worst);
        if error > SECONDS_RIGHT {
            self.wrong.push(format!("{} first at {first}, {error} s off", door.id));
        }
    }
}

fn share(part: usize, of: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "doors are few")]
    if of == 0 { 1.0 } else { part as f64 / of as f64 }
}

fn word(verdict: DoorVerdict) -> &'static str {
    match verdict {
        DoorVerdict::Probed => "probed",
        DoorVerdict::Failed => "failed",
        DoorVerdict::Succeeded => "succeeded",
        DoorVerdict::Used => "used",
    }
}

/// The true door that a found one stands for.
fn counterpart(doors: &[DoorTruth], found: &FoundDoor) -> Option<usize> {
    let nearness = |door: &DoorTruth| {
        let same_page = door.kind == "webshell" && last_part(&door.place) == last_part(&found.place);
        if found.kind == "webshell" || same_page {
            return usize::from(same_page && same_host(&door.host, &found.host)) * 100;
        }
        let personal = |kind: &str| PERSONAL.contains(&kind);
        if personal(&door.kind) || personal(&found.kind) {
            return usize::from(personal(&door.kind) && personal(&found.kind));
        }
        if !same_host(&door.host, &found.host) {
            return 0;
        }
        let shared = door.cve.iter().filter(|one| found.cve.contains(one)).count();
        // The first flaw of a door is the one that names it; later ones are shared between doors.
        let first = usize::from(door.cve.first().is_some_and(|one| found.cve.contains(one)));
        let address_book =
            found.kind == "oab-external-url" && door.cve.iter().any(|one| one == "CVE-2021-27065");
        10 * first + shared + usize::from(address_book)
    };
    let best =
        doors.iter().enumerate().map(|(index, door)| (nearness(door), std::cmp::Reverse(index))).max()?;
    let (near, std::cmp::Reverse(index)) = best;
    (near > 0).then_some(index)
}

fn last_part(place: &str) -> String {
    place.rsplit(['/', '\\']).next().unwrap_or(place).to_ascii_lowercase()
}

fn same_host(one: &str, other: &str) -> bool {
    let short = |name: &str| name.split('.').next().unwrap_or(name).to_ascii_lowercase();
    short(one) == short(other)
}

/// Whether the case says of a door that nothing is left of that its logs could not show it: beside the doors for the whole host,
/// in what is missing at a door of the same flaw, in the server's unknowns, or in whatever else stands beside the doors and names the flaw or the host.
fn says_invisible(
    door: &DoorTruth,
    found: &[&FoundDoor],
    (doors, exposure): (&Value, Option<&Value>),
) -> bool {
    if found.iter().any(|one| !one.missing.is_empty()) {
        return true;
    }
    let names = |text: &str| {
        let text = text.to_ascii_lowercase();
        door.cve.iter().any(|cve| text.contains(&cve.to_ascii_lowercase()))
            || (door.cve.is_empty() && text.contains(&door.host.to_ascii_lowercase()))
    };
    // A sentence on all that a host's logs could have shown before they begin counts for what was over by then.
    let of_host = |one: &Value| {
        let text = |name: &str| one.get(name).and_then(Value::as_str);
        let all = one.get("cve").and_then(Value::as_array).is_some_and(Vec::is_empty);
        let to = text("to").and_then(Instant::parse);
        all && text("host").is_some_and(|host| same_host(host, &door.host))
            && door.last_used.is_none_or(|last| to.is_some_and(|to| last <= to))
    };
    if doors.get("not_visible").and_then(Value::as_array).into_iter().flatten().any(of_host) {
        return true;
    }
    let beside = doors.as_object().into_iter().flatten().filter(|(key, _)| *key != "doors");
    if beside.into_iter().any(|(_, value)| names(&value.to_string())) {
        return true;
    }
    let servers = exposure.and_then(|told| told.get("servers")).and_then(Value::as_array);
    let unknown = servers.into_iter().flatten().filter_map(|server| server.get("unknown"));
    unknown
        .filter(|list| list.as_array().is_some_and(|list| !list.is_empty()))
        .any(|list| names(&list.to_string()))
}

fn score_exposure(servers: &[ServerTruth], told: &Value) -> Option<ExposureScore> {
    let known: Vec<_> =
        servers.iter().flat_map(|server| server.cve.iter().map(move |cve| (server, cve))).collect();
    if known.is_empty() {
        return None;
    }
    let list = told.get("servers").and_then(Value::as_array);
    let right = known.iter().filter(|(server, cve)| {
        let host = |one: &&Value| {
            one.get("host").and_then(Value::as_str).is_some_and(|host| same_host(host, &server.host))
        };
        let spans = list
            .into_iter()
            .flatten()
            .filter(host)
            .filter_map(|one| one.get("open"))
            .filter_map(Value::as_array);
        let of_flaw: Vec<_> = spans
            .flatten()
            .filter(|span| span.get("cve").and_then(Value::as_str) == Some(cve.as_str()))
            .collect();
        span_is_right(server, &of_flaw)
    });
    Some(ExposureScore { right: right.count(), of: known.len() })
}

/// Open until the first build gave way to the next, and not after.
fn span_is_right(server: &ServerTruth, spans: &[&Value]) -> bool {
    let ends: BTreeSet<Option<Instant>> =
        spans.iter().map(|span| span.get("to").and_then(Value::as_str).and_then(Instant::parse)).collect();
    let patched = server.builds.first().and_then(|build| build.to);
    match (patched, ends.iter().next_back(), ends.contains(&None)) {
        (None, Some(_), open) => open,
        (Some(at), Some(Some(end)), false) => (end.nanos - at.nanos).abs() <= EXPOSURE_RIGHT * 1_000_000_000,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn truth() -> Truth {
        let door = |kind: &str, cve: &[&str], place: &str, verdict, visible| {
            json!({"id": "TD", "kind": kind, "cve": cve, "host": "MX02", "place": place, "verdict": verdict,
                "opened": null, "first_used": "2021-03-09T03:00:00Z", "last_used": null, "visible": visible,
                "first_visible": "2021-03-09T03:00:00Z", "sources": [], "accounts": [], "leaves": []})
        };
        serde_json::from_value(json!({
            "scenario": "x", "seed": 1, "from": "2021-03-02T00:00:00Z", "to": "2021-03-19T00:00:00Z", "intrusions": [],
            "doors": [
                door("exploit", &["CVE-2021-26855", "CVE-2021-27065"], "/ecp/", "used", true),
                door("webshell", &[], r"C:\inetpub\wwwroot\aspnet_client\a.aspx", "used", true),
                door("exploit", &["CVE-2020-0688"], "/ecp/default.aspx", "probed", true),
                door("exploit", &["CVE-2021-34473"], "/autodiscover/autodiscover.json", "succeeded", false),
            ],
            "servers": [{"host": "MX02", "product": "Exchange 2016", "cve": ["CVE-2021-26855"],
                "builds": [{"build": "15.1.2176.2", "from": null, "to": "2021-03-12T20:00:00Z"}]}],
        }))
        .expect("a truth")
    }

    fn found(kind: &str, cve: &[&str], place: &str, verdict: &str, first: &str) -> Value {
        json!({"id": "D", "kind": kind, "cve": cve, "host": "mx02.prov.example", "place": place, "verdict": verdict,
            "first_used": first})
    }

    #[test]
    fn all_right_is_all_right() {
        let doors = json!({"doors": [
            found("exploit", &["CVE-2021-26855"], "/ecp/y.js", "succeeded", "2021-03-09T03:00:30Z"),
            found("oab-external-url", &["CVE-2021-27065"], "OAB", "used", "2021-03-09T03:01:00Z"),
            found("webshell", &[], "/aspnet_client/A.aspx", "used", "2021-03-09T03:00:10Z"),
            found("exploit", &["CVE-2020-0688"], "/ecp/default.aspx", "probed", "2021-03-09T03:00:10Z"),
        ], "not_visible": ["CVE-2021-34473 on MX02: the logs begin on 2021-03-13"]});
        let exposure = json!({"servers": [{"host": "MX02.prov.example",
            "open": [{"cve": "CVE-2021-26855", "from": null, "to": "2021-03-12T20:40:00Z"}]}]});
        let score = score(&truth(), &doors, Some(&exposure)).expect("scores");
        let of = &score.doors;
        assert_eq!((of.right, of.judged, of.grave, of.invented), (3, 3, 0, 0), "{of:?}");
        assert_eq!((of.first_times.right, of.first_times.of), (2, 2));
        assert_eq!((of.invisible, of.said_invisible), (1, 1));
        assert_eq!((of.recall, of.precision), (1.0, 1.0));
        assert_eq!(score.exposure, Some(ExposureScore { right: 1, of: 1 }));
    }

    #[test]
    fn what_is_wrong_is_counted_and_said() {
        let doors = json!({"doors": [
            found("exploit", &["CVE-2020-0688"], "/ecp/default.aspx", "used", "2021-03-09T03:00:10Z"),
            found("webshell", &[], "/owa/auth/logon.aspx", "used", "2021-03-09T03:00:10Z"),
            found("exploit", &["CVE-2021-26855"], "/ecp/y.js", "used", "2021-03-09T09:00:00Z"),
        ]});
        let exposure = json!({"servers": [{"host": "MX02", "open": [{"cve": "CVE-2021-26855", "from": null, "to": null}]}]});
        let score = score(&truth(), &doors, Some(&exposure)).expect("scores");
        let of = &score.doors;
        assert_eq!((of.right, of.judged, of.grave, of.invented), (1, 4, 2, 1), "{of:?}");
        assert_eq!((of.first_times.right, of.first_times.worst_seconds), (0, Some(21_600)));
        assert_eq!((of.invisible, of.said_invisible), (1, 0));
        assert_eq!(of.verdicts["probed"]["used"], 1);
        assert_eq!(of.wrong.len(), 4, "{:?}", of.wrong);
        assert_eq!(score.exposure, Some(ExposureScore { right: 0, of: 1 }));
    }

    #[test]
    fn nothing_found_where_nothing_is_is_right() {
        let quiet = Truth { doors: Vec::new(), servers: Vec::new(), ..truth() };
        let score = score(&quiet, &json!({"doors": []}), None).expect("scores");
        assert_eq!((score.doors.right, score.doors.judged, score.doors.recall), (0, 0, 1.0));
        assert_eq!(score.exposure, None);
    }
}
