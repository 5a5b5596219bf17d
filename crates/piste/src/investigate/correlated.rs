//! Correlations over all units.
//!
//! In: what each unit's rows contribute. Out: detections in sorted files, to be merged with those of single rows. However many
//! they are, only so many are held at once.

use std::fs;
use std::path::{Path, PathBuf};

use piste_hunt::correlate::{CorrelateError, correlation_detection};
use piste_hunt::told::Told;
use piste_lake::store::{Found, write_durably};
use piste_lake::{LakeError, Unit};
use piste_model::EvidenceId;

use super::Hunt;
use super::merged::written;
use super::read::correlate;
use crate::case::Case;

/// Detections that are held before they are written.
const HELD_MAX: usize = 20_000;

/// Computes the correlations; `path` gives the locator of a sealed file. The files are to be removed after use.
pub(super) fn detections(
    case: &Case,
    units: &[Unit],
    hunt: &Hunt,
    path: &dyn Fn(EvidenceId) -> String,
) -> Result<Vec<PathBuf>, LakeError> {
    let contributions = units.iter().map(|unit| case.lake.found(unit, &hunt.key, Found::Contributions));
    let runs: Vec<PathBuf> = contributions.filter(|run| run.exists()).collect();
    if hunt.correlator.is_empty() || runs.is_empty() {
        return Ok(Vec::new());
    }
    let mut files = Files { folder: case.lake.tmp(), held: Vec::new(), written: Vec::new() };
    let own = case.lake.tmp().join("correlate");
    fs::create_dir_all(&own).map_err(LakeError::write(&own))?;
    let swept = hunt.correlator.sweep(&runs, &own, &mut |hit| {
        let Some(correlation) = hunt.correlations.get(hit.correlation) else { return Ok(()) };
        files.held.push(Told::of(correlation_detection(correlation, &hit, path)));
        if files.held.len() >= HELD_MAX {
            files.write().map_err(|error| CorrelateError::Emit(Box::new(error)))?;
        }
        Ok(())
    });
    let _ = fs::remove_dir_all(&own); // what stays is in the way of nothing
    swept.map_err(correlate)?;
    files.write()?;
    Ok(files.written)
}

struct Files<'a> {
    folder: &'a Path,
    held: Vec<Told>,
    written: Vec<PathBuf>,
}

impl Files<'_> {
    fn write(&mut self) -> Result<(), LakeError> {
        let path = self.folder.join(format!("correlated-{}.detections", self.written.len()));
        write_durably(&path, &written(&mut self.held).map_err(LakeError::write(&path))?)?;
        self.held.clear();
        self.written.push(path);
        Ok(())
    }
}
