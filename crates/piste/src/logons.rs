//! `piste logons`: who logged on from where to where, by which kind, and where somebody came as one account and went on as another.
//!
//! In: the lake's rows of logons. Out: a line an account, source, target and kind, with counts, first and last; and paths over two
//! logons with a change of credentials, which are leads and no proof. Memory is that of the groups, of which so many are kept apart.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::RecordBatch;
use clap::Args;
use piste_hunt::describe;
use piste_lake::scan::{Scan, text_at};
use piste_model::{Instant, schema};
use piste_report::columns::Table;
use piste_report::escape::terminal;
use serde::Serialize;
use serde_json::json;

use crate::cli::{Common, Range};
use crate::failure::Failure;
use crate::look::rows::int_at;
use crate::look::{HostNames, note_not_examined, refuse_unknown_hosts, seen};
use crate::metrics::logons::{COLUMNS, DATASETS, logon};
use crate::out;

/// Groups that are kept apart, and addresses of hosts.
const GROUPS_MAX: usize = 100_000;
/// Lines that are shown without `--all`.
const LINES: usize = 200;
/// Paths that are shown.
const PATHS_MAX: usize = 100;
/// How long after somebody came he may have gone on as another, in nanoseconds: half a day.
const GOES_ON: i64 = 12 * 3_600 * 1_000_000_000;
/// Kinds by which somebody comes from another computer.
const FROM_ELSEWHERE: [&str; 4] =
    ["3 network", "10 remote desktop", "8 network, password in clear", "remote access"];
/// Characters of a name.
const NAME_CHARS: usize = 60;
/// Columns that are read beside those of a logon.
const MORE: [&str; 6] =
    ["SubjectUserName", "SubjectDomainName", "TargetServerName", "SourceIp", "SourceHostname", "Initiated"];

/// Shows who logged on from where to where, by which kind, how often, first and last; and where an account was changed on the way.
///
/// Rows are those of Windows (4624, 4625, 4648, 4771, 4776) and of gateways for remote access. A source is a computer's name where an
/// address is known to be its own. What was not logged, or is not here, is not in it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  piste logons --host MX01\n  piste logons --account svc-mail --json\n  piste logons --paths"
)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct LogonsOptions {
    #[command(flatten)]
    range: Range,
    /// Only of this account, with or without its domain; may be given several times.
    #[arg(long, value_name = "ACCOUNT")]
    account: Vec<String>,
    /// Only where an account was changed on the way.
    #[arg(long)]
    paths: bool,
    /// Accounts of machines and of the system too.
    #[arg(long)]
    machines: bool,
    /// All lines, however many there are.
    #[arg(long)]
    all: bool,
    /// Print a JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Who from where to where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Way {
    account: String,
    from: String,
    to: String,
    kind: String,
}

/// How often, and when.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Figures {
    logons: u64,
    failed: u64,
    first: Option<Instant>,
    last: Option<Instant>,
}

/// Logons, and which addresses are a host's own.
#[derive(Default)]
struct Logons {
    ways: BTreeMap<Way, Figures>,
    own: BTreeMap<String, BTreeSet<String>>,
    not_kept: u64,
}

/// Runs the command.
pub(crate) fn run(arguments: &LogonsOptions, common: &Common) -> Result<u8, Failure> {
    let seen = seen(&common.case)?;
    refuse_unknown_hosts(&common.case, &arguments.range.host)?;
    let names = HostNames::of(&common.case, &seen)?;
    let mut columns = vec![
        schema::EVENT_TIME,
        schema::TIME_DIGITS,
        schema::HOST,
        schema::DATASET,
        schema::EVENT_CODE,
        schema::EVIDENCE_ID,
    ];
    columns.extend(COLUMNS);
    columns.extend(MORE);
    let wanted = |dataset: &str| DATASETS.contains(&dataset) || dataset == "windows.sysmon";
    let mut logons = Logons::default();
    seen.lake.scan(Scan { datasets: &wanted, columns: Some(&columns) }, &mut |batch| {
        for row in
            (0..batch.num_rows()).filter(|row| arguments.range.holds_time(describe::time_of(batch, *row)))
        {
            logons.add(batch, row, &names, arguments);
        }
        Ok(true)
    })?;
    let ways = logons.named();
    let paths = paths(&ways);
    print(arguments, &ways, &paths);
    if logons.not_kept > 0 {
        out::note(&format!(
            "warning: {} logons are in none of the lines: more groups than are kept apart",
            logons.not_kept
        ));
    }
    if ways.is_empty() {
        note_not_examined(&common.case);
    }
    Ok(0)
}

impl Logons {
    fn add(&mut self, batch: &RecordBatch, row: usize, names: &HostNames, arguments: &LogonsOptions) {
        let text = |name: &str| {
            let text = batch.column_by_name(name).and_then(|column| text_at(column, row)).unwrap_or_default();
            if text == "-" { "" } else { text }
        };
        let host = names.full(text(schema::HOST)).to_owned();
        if text(schema::DATASET) == "windows.sysmon" {
            // A host's own address is the one that it connects from.
            if int_at(batch, schema::EVENT_CODE, row) == Some(3) && text("Initiated") == "true" {
                self.own_address(text("SourceIp"), &host);
            }
            return;
        }
        let time = describe::time_of(batch, row);
        if let Some(explicit) = explicit(batch, row, &host, &text) {
            self.count(explicit, true, time, arguments);
        }
        let Some(one) = logon(batch, row) else { return };
        let way = Way { account: one.account, from: one.source, to: host, kind: one.way };
        self.count(way, one.succeeded, time, arguments);
    }

    fn own_address(&mut self, address: &str, host: &str) {
        let known = self.own.contains_key(address);
        if !address.is_empty()
            && !is_here(address)
            && !host.is_empty()
            && (known || self.own.len() < GROUPS_MAX)
        {
            self.own.entry(address.to_owned()).or_default().insert(host.to_owned());
        }
    }

    fn count(&mut self, way: Way, succeeded: bool, time: Option<Instant>, arguments: &LogonsOptions) {
        let wanted =
            arguments.account.is_empty() || arguments.account.iter().any(|one| is_account(one, &way.account));
        // A path runs over accounts: which of them is wanted is asked when paths are shown.
        if (!wanted && !arguments.paths) || (!arguments.machines && is_of_system(&way.account)) {
            return;
        }
        if !arguments.range.holds_host(&way.to) && !arguments.paths {
            return;
        }
        if self.ways.len() >= GROUPS_MAX && !self.ways.contains_key(&way) {
            self.not_kept += 1;
            return;
        }
        let figures = self.ways.entry(way).or_default();
        figures.logons += u64::from(succeeded);
        figures.failed += u64::from(!succeeded);
        if let Some(time) = time {
            figures.first = Some(figures.first.map_or(time, |first| first.min(time)));
            figures.last = figures.last.max(Some(time));
        }
    }

    /// The ways, an address that is one host's alone as that host.
    fn named(&self) -> BTreeMap<Way, Figures> {
        let mut named: BTreeMap<Way, Figures> = BTreeMap::new();
        for (way, figures) in &self.ways {
            let of_one = self.own.get(&way.from).filter(|hosts| hosts.len() == 1).and_then(BTreeSet::first);
            let from = of_one.cloned().unwrap_or_else(|| way.from.clone());
            let sum = named.entry(Way { from, ..way.clone() }).or_default();
            sum.logons += figures.logons;
            sum.failed += figures.failed;
            sum.first = sum.first.into_iter().chain(figures.first).min();
            sum.last = sum.last.max(figures.last);
        }
        named
    }
}

/// 4648: somebody on a host used another account's password, towards a server.
fn explicit<'t>(batch: &RecordBatch, row: usize, host: &str, text: &dyn Fn(&str) -> &'t str) -> Option<Way> {
    if int_at(batch, schema::EVENT_CODE, row) != Some(4648) {
        return None;
    }
    let account = match text("TargetDomainName") {
        "" => text("TargetUserName").to_owned(),
        domain => format!("{domain}\\{}", text("TargetUserName")),
    };
    let server = text("TargetServerName");
    let to = if server.is_empty() || server.eq_ignore_ascii_case("localhost") { host } else { server };
    let by = text("SubjectUserName");
    let kind = format!("explicit credentials, by {}", if by.is_empty() { "nobody named" } else { by });
    Some(Way { account, from: host.to_owned(), to: to.to_owned(), kind })
}

/// A way over two logons.
#[derive(Debug, Clone, Serialize)]
struct ChangedCredentials {
    came: Way,
    came_first: Option<Instant>,
    went: Way,
    went_first: Option<Instant>,
}

/// Where somebody came from elsewhere to a host as one account, and within half a day somebody went on from it as another.
fn paths(ways: &BTreeMap<Way, Figures>) -> Vec<ChangedCredentials> {
    let mut by_source: BTreeMap<String, Vec<(&Way, &Figures)>> = BTreeMap::new();
    for (way, figures) in ways.iter().filter(|(way, figures)| figures.logons > 0 && way.from != way.to) {
        by_source.entry(short(&way.from)).or_default().push((way, figures));
    }
    let mut found = Vec::new();
    for (came, figures) in ways.iter().filter(|(_, figures)| figures.logons > 0) {
        let comes =
            FROM_ELSEWHERE.contains(&came.kind.as_str()) && !came.from.is_empty() && !is_here(&came.from);
        let (Some(first), Some(last)) = (figures.first, figures.last) else { continue };
        if !comes || short(&came.from) == short(&came.to) {
            continue;
        }
        for (went, after) in by_source.get(&short(&came.to)).into_iter().flatten() {
            let Some(at) = after.first else { continue };
            let follows = at.nanos >= first.nanos && at.nanos <= last.nanos.saturating_add(GOES_ON);
            if follows && !plain(&went.account).eq_ignore_ascii_case(plain(&came.account)) {
                found.push(ChangedCredentials {
                    came: came.clone(),
                    came_first: figures.first,
                    went: (*went).clone(),
                    went_first: after.first,
                });
            }
        }
    }
    found.sort_by_key(|path| path.went_first.map(|at| at.nanos));
    found
}

/// `MX01.min.example` and `MX01` are one; an address stays as it is.
fn short(host: &str) -> String {
    let lower = host.to_lowercase();
    if lower.parse::<std::net::IpAddr>().is_ok() {
        return lower;
    }
    lower.split('.').next().unwrap_or_default().to_owned()
}

/// An account without its domain.
fn plain(account: &str) -> &str {
    account.rsplit('\\').next().unwrap_or(account)
}

fn is_account(wanted: &str, account: &str) -> bool {
    wanted.eq_ignore_ascii_case(account) || wanted.eq_ignore_ascii_case(plain(account))
}

/// Whether an address is the host's own loop.
fn is_here(address: &str) -> bool {
    address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

/// Accounts of machines and of the system: nobody's.
fn is_of_system(account: &str) -> bool {
    const NAMES: [&str; 5] = ["system", "local service", "network service", "anonymous logon", ""];
    let name = plain(account).to_lowercase();
    name.ends_with('$')
        || NAMES.contains(&name.as_str())
        || name.starts_with("dwm-")
        || name.starts_with("umfd-")
}

#[expect(clippy::too_many_lines, reason = "one table after the other, as they stand on the screen")]
fn print(arguments: &LogonsOptions, ways: &BTreeMap<Way, Figures>, paths: &[ChangedCredentials]) {
    let wanted = |way: &Way| {
        (arguments.account.is_empty() || arguments.account.iter().any(|one| is_account(one, &way.account)))
            && arguments.range.holds_host(&way.to)
    };
    let paths: Vec<&ChangedCredentials> =
        paths.iter().filter(|path| wanted(&path.came) || wanted(&path.went)).collect();
    if arguments.json {
        if !arguments.paths {
            for (way, figures) in ways {
                let mut object = json!(way);
                if let (Some(object), Some(more)) = (object.as_object_mut(), json!(figures).as_object()) {
                    object.extend(more.clone());
                }
                out::data(&format!("{object}\n"));
            }
        }
        for path in paths {
            out::data(&format!("{}\n", json!(path)));
        }
        return;
    }
    let shown = |name: &str| if name.is_empty() { "-".to_owned() } else { terminal(name, NAME_CHARS) };
    if !arguments.paths {
        let mut table = Table::new(&["logons", "failed", "account", "from", "to", "kind", "first", "last"]);
        table.right = vec![0, 1];
        let most = if arguments.all { usize::MAX } else { LINES };
        for (way, figures) in ways.iter().take(most) {
            let when = |at: Option<Instant>| {
                at.map_or_else(|| "-".to_owned(), |at| Instant { digits: 0, ..at }.to_string())
            };
            table.rows.push(vec![
                figures.logons.to_string(),
                figures.failed.to_string(),
                shown(&way.account),
                shown(&way.from),
                shown(&way.to),
                shown(&way.kind),
                when(figures.first),
                when(figures.last),
            ]);
        }
        out::data(&table.text(out::table_width()));
        if ways.len() > most {
            out::note(&format!("{} more lines; --all shows them", ways.len() - most));
        }
        if ways.is_empty() {
            out::data("No logon so chosen is in the rows.\n");
        }
    }
    if paths.is_empty() && !arguments.paths {
        return;
    }
    out::data("\nOne account in, another on, within half a day: a lead, for an administrator does so too\n");
    for path in paths.iter().take(PATHS_MAX) {
        let when = |at: Option<Instant>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        out::data(&format!(
            "  {}  {} from {} to {} ({})\n    {}  then {} from {} to {} ({})\n",
            when(path.came_first),
            shown(&path.came.account),
            shown(&path.came.from),
            shown(&path.came.to),
            shown(&path.came.kind),
            when(path.went_first),
            shown(&path.went.account),
            shown(&path.went.from),
            shown(&path.went.to),
            shown(&path.went.kind),
        ));
    }
    if paths.is_empty() {
        out::data("  none in these rows\n");
    }
    if paths.len() > PATHS_MAX {
        out::note(&format!(
            "{} more paths; --account, --host and --from narrow them down",
            paths.len() - PATHS_MAX
        ));
    }
}
