//! How fast the row engine, the oracle of the tests, is on the rows of a case.
//!
//! In: a case folder and a rules folder. Out: rows, hits and rows a second of `rsigma-eval` on one core, for the comparison in
//! `bench/`. Reading the lake is not counted. A third argument ends the run after so many rows.

#![expect(clippy::print_stdout, reason = "an example prints its figures")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use piste_hunt::vector::shapes_in;
use piste_hunt::{Engine, RowEngine};
use piste_lake::copies::keep_rows;
use piste_lake::scan::Table;
use piste_lake::{Batch, Lake};
use piste_rules::LoadOptions;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: rowwise CASE RULES [ROWS]";
    let case = PathBuf::from(arguments.next().ok_or(usage)?);
    let rules = PathBuf::from(arguments.next().ok_or(usage)?);
    let most: usize = arguments.next().map_or(Ok(usize::MAX), |text| text.parse())?;
    let sources = piste_rules::catalog::sources()?;
    let rules = piste_rules::load(&LoadOptions::of(&[rules], true), &sources)?;
    let (engine, _) = RowEngine::new(&rules);
    let (mut rows, mut hits, mut spent) = (0, 0, Duration::ZERO);
    let lake = Lake::at(&case);
    for unit in lake.done_units()? {
        for (dataset, path) in lake.tables(&unit)? {
            let table = Table::open(&path)?;
            for group in 0..table.groups() {
                table.read(group, &|_| true, None, &mut |all| {
                    for (shape, of) in shapes_in(&dataset, all) {
                        if rows >= most {
                            return Ok(());
                        }
                        let mut keep = vec![false; all.num_rows()];
                        for row in of {
                            if let Some(keep) = keep.get_mut(row) {
                                *keep = true;
                            }
                        }
                        let Ok(of) = keep_rows(all, &keep) else { continue };
                        let batch = Batch { shape, further: Vec::new(), rows: of };
                        let start = Instant::now();
                        hits += engine.hits(&batch).len();
                        spent += start.elapsed();
                        rows += batch.rows.num_rows();
                    }
                    Ok(())
                })?;
            }
        }
    }
    let seconds = spent.as_secs_f64().max(1e-9);
    println!(
        "{rows} rows, {hits} hits, {seconds:.2} s, {:.0} rows a second on one core",
        f64::from(u32::try_from(rows)?) / seconds
    );
    Ok(())
}
