//! `piste triage`: many collections, one line a server.
//!
//! In: collections, each a zip, a file or a folder of its own. Out: `triage.json`, `triage.csv` and `triage.html` under the
//! triage's folder, and a case for each collection. Collections are investigated one after the other, so that memory does not
//! grow with their number; one that cannot be read is a line that says so. What is done is not done again.

mod line;
mod page;
pub(crate) mod role;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;
use piste_lake::scan::{Scan, text_at};
use piste_lake::store::write_durably;
use piste_lake::{FileTime, Lake, path_text};
use piste_model::guard::guarded;
use piste_model::hash::sha256_hex;
use piste_model::schema;
use serde_json::json;

use self::line::{Done, Investigated, Line};
use self::role::HostRole;
use crate::cli::{Common, Investigate};
use crate::failure::{self, Failure};
use crate::investigate::{self, Hunt};
use crate::look::rows::int_at;
use crate::out;
use crate::rules::arguments::RuleOptions;

/// Hosts whose roles are told apart in one collection.
const HOSTS_MAX: usize = 1_000;

/// Sorts many collections: one line a server, unattended.
///
/// Each collection is investigated in a case of its own under --out. One bad collection stops nothing: its line says what
/// happened. Running the same command again finishes a triage that was cut off and takes in new collections.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  piste triage collections/*.zip --out triage")]
pub(crate) struct Triage {
    /// Collections: each a zip, a file or a folder.
    #[arg(required = true, value_name = "COLLECTION")]
    pub(crate) collections: Vec<PathBuf>,
    /// Folder of the triage.
    #[arg(long, value_name = "DIR", default_value = "piste-triage")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) which: RuleOptions,
    /// Passwords for encrypted archives, one a line.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Threads; all cores if not given.
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Seconds that one file may take, and one more for every 2 MiB of it; 0 for no limit.
    #[arg(long, value_name = "SECONDS", default_value_t = FileTime::USUAL_SECONDS)]
    pub(crate) file_timeout: u32,
    /// Print triage.json to stdout in place of the table.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Triage {
    fn investigate(&self, collection: &Path) -> Investigate {
        Investigate {
            which: self.which.clone(),
            password_file: self.password_file.clone(),
            threads: self.threads,
            file_timeout: self.file_timeout,
            ..Investigate::of(collection.to_owned(), false)
        }
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &Triage, common: &Common) -> Result<u8, Failure> {
    let Some(first) = arguments.collections.first() else { return Ok(0) };
    let hunt = investigate::load_rules(&arguments.investigate(first))?;
    let roles = role::catalogue()?;
    let stop = investigate::stop_on_ctrl_c();
    let cases = arguments.out.join("cases");
    std::fs::create_dir_all(&cases).map_err(|error| unwritable(&cases, &error))?;
    let mut lines: Vec<Line> = Vec::new();
    for (at, collection) in arguments.collections.iter().enumerate() {
        if stop.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(piste_lake::LakeError::Stopped.into());
        }
        if !common.quiet {
            let name = piste_report::escape::visible(&path_text(collection)).into_owned();
            out::note(&format!("[{}/{}] {name}", at + 1, arguments.collections.len()));
        }
        lines.extend(one(
            arguments,
            common,
            &Tools { hunt: &hunt, roles: &roles, stop: &stop },
            (&cases, collection),
        )?);
        write(&arguments.out, &lines)?;
    }
    if arguments.json {
        out::data(&format!("{}\n", json!({ "lines": lines })));
    } else if !common.quiet {
        out::data(&page::table(&lines, out::table_width()));
    }
    let incomplete = lines.iter().any(|line| line.status != "read");
    Ok(if incomplete { failure::UNREAD } else { 0 })
}

/// What every collection is looked at with.
struct Tools<'a> {
    hunt: &'a Hunt,
    roles: &'a [HostRole],
    stop: &'a investigate::Stop,
}

/// One collection's lines: from an earlier run where nothing has changed, else by investigating it.
fn one(
    arguments: &Triage,
    common: &Common,
    tools: &Tools<'_>,
    (cases, collection): (&Path, &Path),
) -> Result<Vec<Line>, Failure> {
    let Tools { hunt, roles, stop } = *tools;
    let full = collection.canonicalize().unwrap_or_else(|_| collection.to_owned());
    let name = path_text(collection);
    let folder = cases.join(folder_name(&full));
    let state = line::state_of(&full, &hunt.key);
    let record = folder.join("triage.json");
    if let Some(done) = std::fs::read_to_string(&record).ok().and_then(|text| Done::parse(&text, &state)) {
        return Ok(done.lines);
    }
    let common = Common { quiet: true, ..common.of_case(folder.clone()) };
    let options = arguments.investigate(collection);
    let outcome = guarded(|| investigate::into_case(&options, &common, hunt, stop));
    let lines = match outcome {
        Ok(Ok((case, written))) => line::lines(&Investigated {
            case: &folder,
            collection: &name,
            summary: &written.summary,
            coverage: &written.coverage,
            security_events: security_events(&case.lake, roles)?,
            roles,
        }),
        // A stop is no fault of the collection.
        Ok(Err(_)) if stop.load(std::sync::atomic::Ordering::Relaxed) => {
            return Err(piste_lake::LakeError::Stopped.into());
        }
        Ok(Err(failure)) => return Ok(vec![Line::failed(&name, failure.what())]),
        Err(_) => return Ok(vec![Line::failed(&name, "Piste met a bug in it; please report it")]),
    };
    let text = json!({"state": state, "lines": lines}).to_string();
    write_durably(&record, text.as_bytes())?;
    Ok(lines)
}

/// Host to the event ids of its Security log that tell a role: of each row two columns are read.
pub(crate) fn security_events(
    lake: &Lake,
    roles: &[HostRole],
) -> Result<BTreeMap<String, BTreeSet<i32>>, Failure> {
    let telling = role::telling_events(roles);
    let mut found: BTreeMap<String, BTreeSet<i32>> = BTreeMap::new();
    let columns = [schema::HOST, schema::EVENT_CODE];
    let security = |dataset: &str| dataset == "windows.security";
    lake.scan(Scan { datasets: &security, columns: Some(&columns) }, &mut |batch| {
        for row in 0..batch.num_rows() {
            let code = int_at(batch, schema::EVENT_CODE, row).and_then(|code| i32::try_from(code).ok());
            let Some(code) = code.filter(|code| telling.contains(code)) else { continue };
            let host = batch.column_by_name(schema::HOST).and_then(|column| text_at(column, row));
            let host = host.unwrap_or_default();
            // A forged log may name any number of hosts: what is beyond has no role.
            if !found.contains_key(host) && found.len() < HOSTS_MAX {
                found.insert(host.to_owned(), BTreeSet::new());
            }
            if let Some(codes) = found.get_mut(host) {
                codes.insert(code);
            }
        }
        Ok(true)
    })?;
    Ok(found)
}

/// The collection's name and a hash of its path: readable, and never two in one.
fn folder_name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    let plain: String =
        name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).take(60).collect();
    let hash: String = sha256_hex(path_text(path).as_bytes()).chars().take(8).collect();
    format!("{plain}-{hash}")
}

fn write(folder: &Path, lines: &[Line]) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(&json!({ "lines": lines })).unwrap_or_default();
    write_durably(&folder.join("triage.json"), format!("{json}\n").as_bytes())?;
    write_durably(&folder.join("triage.csv"), page::csv(lines).as_bytes())?;
    write_durably(&folder.join("triage.html"), page::html(lines).as_bytes())?;
    Ok(())
}

fn unwritable(folder: &Path, error: &std::io::Error) -> Failure {
    Failure::environment(
        "triage-write",
        format!("the triage's folder `{}` cannot be made: {error}", folder.display()),
        "nothing was read",
        "give a folder that can be written with --out",
    )
}
