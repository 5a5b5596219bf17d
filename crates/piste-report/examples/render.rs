//! Renders an invented run into a folder, to look at: `cargo run -p piste-report --example render -- FOLDER`.
//!
//! In: a folder. Out: `report.html` and `summary.txt` (with colours) in it.

#[path = "../tests/invented/mod.rs"]
mod invented;

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| ".".into()));
    let invented = invented::invented();
    let style = piste_report::Style { colour: true, width: 100 };
    std::fs::write(folder.join("summary.txt"), piste_report::terminal::summary(&invented.run(style)))?;
    std::fs::write(folder.join("report.html"), invented.html())
}
