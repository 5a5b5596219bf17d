//! `piste schema`: the JSON schema of an output file.
//!
//! In: its name. Out: the schema as it stands in `docs/schemas/`, embedded in the binary.

use crate::cli::Schema;
use crate::failure::Failure;
use crate::out;

/// Name and text of every schema.
const SCHEMAS: &[(&str, &str)] = &[
    ("summary", include_str!("../../../docs/schemas/summary.json")),
    ("evidence", include_str!("../../../docs/schemas/evidence.json")),
    ("issues", include_str!("../../../docs/schemas/issues.json")),
    ("detections", include_str!("../../../docs/schemas/detections.json")),
    ("findings", include_str!("../../../docs/schemas/findings.json")),
    ("sightings", include_str!("../../../docs/schemas/sightings.json")),
    ("duties", include_str!("../../../docs/schemas/duties.json")),
    ("doors", include_str!("../../../docs/schemas/doors.json")),
    ("exposure", include_str!("../../../docs/schemas/exposure.json")),
    ("clocks", include_str!("../../../docs/schemas/clocks.json")),
    ("trail", include_str!("../../../docs/schemas/trail.json")),
    ("verify", include_str!("../../../docs/schemas/verify.json")),
    ("removal", include_str!("../../../docs/schemas/removal.json")),
    ("watchlist", include_str!("../../../docs/schemas/watchlist.json")),
    ("score", include_str!("../../../docs/schemas/score.json")),
    ("rules_not_run", include_str!("../../../docs/schemas/rules_not_run.json")),
];

/// Runs the command.
pub(crate) fn run(arguments: &Schema) -> Result<u8, Failure> {
    let names: Vec<&str> = SCHEMAS.iter().map(|(name, _)| *name).collect();
    let Some(wanted) = &arguments.name else {
        out::data(&format!("{}\n", names.join("\n")));
        return Ok(0);
    };
    let found = SCHEMAS.iter().find(|(name, _)| name == wanted);
    let Some((_, text)) = found else {
        return Err(Failure::usage(
            "schema-unknown",
            format!("there is no schema `{wanted}`"),
            "nothing was printed",
            format!("the schemas are {}", names.join(", ")),
        ));
    };
    out::data(text);
    Ok(0)
}
