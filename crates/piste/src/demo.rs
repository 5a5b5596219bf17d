//! `piste demo`: a small intrusion to try Piste on.
//!
//! In: nothing. Out: `piste-demo/evidence`, what really happened in `piste-demo/truth.json`, and the investigation in
//! `piste-demo/case`. The evidence is invented, the same each time; all names and addresses are ones set aside for examples.

use std::path::{Path, PathBuf};

use crate::cli::{Common, Demo, Investigate};
use crate::failure::{Failure, chain};
use crate::{investigate, out};

const FOLDER: &str = "piste-demo";
const SCENARIO: &str = "ministry";
const SEED: u64 = 1;

/// Where the demo's case lies.
pub(crate) fn case() -> PathBuf {
    Path::new(FOLDER).join("case")
}

/// Runs the command.
pub(crate) fn run(arguments: &Demo, common: &Common) -> Result<u8, Failure> {
    let folder = Path::new(FOLDER);
    let (evidence, truth) = (folder.join("evidence"), folder.join("truth.json"));
    // The truth is written last: with it, the evidence of an earlier run is whole and is used again.
    if !truth.exists() {
        if evidence.exists() {
            std::fs::remove_dir_all(&evidence).map_err(|error| {
                Failure::environment(
                    "demo-write",
                    format!("`{}` of an earlier run cannot be removed: {error}", evidence.display()),
                    "nothing was written",
                    "remove the folder piste-demo and run the demo again",
                )
            })?;
        }
        let scenario = piste_lab::built_in(SCENARIO).ok_or_else(|| {
            Failure::environment(
                "demo-scenario",
                "the built-in scenario is not there",
                "nothing was written",
                "report this as a bug",
            )
        })?;
        if !common.quiet {
            out::note(&format!("Writing invented evidence to {}: {}", evidence.display(), scenario.summary));
        }
        piste_lab::generate(&scenario, SEED, &evidence, &truth).map_err(|error| {
            Failure::environment(
                "demo-write",
                chain(&error),
                "the demo ended here",
                "make room, or run it in another folder",
            )
        })?;
    }
    let common = common.of_case(case());
    let code = investigate::run(&Investigate::of(evidence, arguments.json), &common)?;
    if !common.quiet {
        out::note(&format!(
            "Open {} in a browser, or look on: piste show F-1 --case {}\nWhat really happened stands in {}",
            common.case.join("out").join("report.html").display(),
            common.case.display(),
            truth.display()
        ));
    }
    Ok(code)
}
