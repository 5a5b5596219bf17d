//! Collections of after the eviction, each a case of its own below `after/`.
//!
//! In: paths. Out: each investigated by the same engine as any evidence, and read back with all that decides what it can show.

use std::fs;
use std::path::{Path, PathBuf};

use piste_judge::verify::{Afterwards, Collection};
use piste_lake::path_text;
use piste_model::Issue;
use piste_model::hash::sha256_hex;
use piste_model::summary::Summary;

use super::VerifyOptions;
use crate::cli::{Common, Investigate};
use crate::failure::Failure;
use crate::look::unreadable;
use crate::removal::{CaseResults, lines};
use crate::{investigate, out};

/// Folder of a case that holds them.
pub(crate) const AFTER: &str = "after";
/// Characters of a collection's name.
const NAME_MAX: usize = 60;

/// A collection that was investigated.
pub(super) struct Collected {
    name: String,
    given: Vec<String>,
    results: CaseResults,
    issues: Vec<Issue>,
    whole: bool,
}

impl Collected {
    /// A host's one name in it.
    pub(super) fn host_names(&self) -> impl Fn(&str) -> String + '_ {
        |name| self.results.names.full(name).to_owned()
    }

    /// As the judge takes it.
    pub(super) fn afterwards<'a>(&'a self, host: &'a dyn Fn(&str) -> String) -> Afterwards<'a> {
        Afterwards {
            collection: Collection {
                name: &self.name,
                lake: &self.results.seen.lake,
                evidence: &self.results.evidence,
                issues: &self.issues,
                visibility: &self.results.trail.visibility,
                host,
            },
            doors: &self.results.doors,
            exposures: &self.results.exposures,
            given: self.given.clone(),
            whole: self.whole,
        }
    }
}

/// Investigates what was given, and reads it and what earlier verifications were given; by name.
pub(super) fn gather(arguments: &VerifyOptions, common: &Common) -> Result<Vec<Collected>, Failure> {
    let folder = common.case.join(AFTER);
    let first = arguments.after.first().cloned().unwrap_or_default();
    let hunt = if arguments.after.is_empty() {
        None
    } else {
        Some(investigate::load_rules(&options(arguments, &first))?)
    };
    for path in &arguments.after {
        let full =
            path.canonicalize().map_err(|_| Failure::from(piste_lake::LakeError::Missing(path.clone())))?;
        let case = folder.join(name_of(&full));
        if !common.quiet {
            let shown = piste_report::escape::visible(&path_text(path)).into_owned();
            out::note(&format!(
                "Investigating {shown} in {}",
                piste_report::escape::visible(&path_text(&case))
            ));
        }
        fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
        let quiet = Common { quiet: true, ..common.of_case(case) };
        let stop = investigate::stop_on_ctrl_c();
        if let Some(hunt) = &hunt {
            investigate::into_case(&options(arguments, path), &quiet, hunt, &stop)?;
        }
    }
    let mut names: Vec<PathBuf> =
        fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    names.retain(|path| path.join("ledger.jsonl").is_file());
    names.sort();
    names.iter().map(|path| collected(path)).collect()
}

fn options(arguments: &VerifyOptions, path: &Path) -> Investigate {
    Investigate {
        as_host: arguments.as_host.clone(),
        which: arguments.which.clone(),
        password_file: arguments.password_file.clone(),
        ..Investigate::of(path.to_owned(), false)
    }
}

fn collected(case: &Path) -> Result<Collected, Failure> {
    let results = CaseResults::of(case)?;
    let text = results.seen.results.text(case, "summary.json")?;
    let summary: Summary = serde_json::from_str(&text).map_err(|error| unreadable("summary.json", &error))?;
    let given = results.seen.run.get("evidence").and_then(serde_json::Value::as_array);
    Ok(Collected {
        name: case.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        given: given.into_iter().flatten().filter_map(|path| path.as_str().map(str::to_owned)).collect(),
        issues: lines(&results.seen, case, "issues.jsonl")?,
        whole: summary.reading.is_whole(),
        results,
    })
}

/// The collection's own name and a hash of its path: readable, and never two in one.
fn name_of(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_');
    let plain: String =
        name.chars().map(|sign| if is_plain(sign) { sign } else { '_' }).take(NAME_MAX).collect();
    let hash: String = sha256_hex(path_text(path).as_bytes()).chars().take(6).collect();
    format!("{plain}-{hash}")
}

fn unwritable(folder: &Path, error: &std::io::Error) -> Failure {
    Failure::environment(
        "case-write",
        format!("`{}` cannot be made: {error}", folder.display()),
        "nothing was read",
        "see that the case's folder can be written",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_collections_of_one_name_are_two_cases() {
        let (one, other) = (name_of(Path::new("/a/MX01 new.zip")), name_of(Path::new("/b/MX01 new.zip")));
        assert!(one.starts_with("MX01_new_zip-") && other.starts_with("MX01_new_zip-"), "{one} {other}");
        assert_ne!(one, other);
    }
}
