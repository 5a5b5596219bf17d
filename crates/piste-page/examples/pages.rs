//! Measures the page reader: folders in, one line a language and size out, and with `-v` one line an accused file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use piste_page::{Verdict, read};

#[expect(clippy::print_stdout, reason = "a measuring tool")]
fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let shown = args.first().is_some_and(|arg| arg == "-v");
    let missed = args.first().is_some_and(|arg| arg == "-m");
    args.retain(|arg| !arg.starts_with('-'));
    let mut files = Vec::new();
    for arg in &args {
        walk(Path::new(arg), &mut files);
    }
    files.sort();
    let mut tally: BTreeMap<(String, &str), [u64; 3]> = BTreeMap::new();
    let (started, mut bytes) = (Instant::now(), 0);
    for path in files {
        let Ok(content) = std::fs::read(&path) else { continue };
        bytes += content.len();
        let name = path.to_string_lossy();
        let before = Instant::now();
        let reading = read(&content, &name);
        if before.elapsed().as_millis() > 1_500 {
            println!("slow {} ms {} bytes {name}", before.elapsed().as_millis(), content.len());
        }
        let language = reading.language.map_or("none", |language| language.name()).to_owned();
        let size = match content.len() {
            0..1_000 => "< 1 kB",
            1_000..10_000 => "< 10 kB",
            10_000..100_000 => "< 100 kB",
            _ => "more",
        };
        let row = tally.entry((language, size)).or_default();
        let verdict = reading.verdict();
        if let Some(count) = row.get_mut(verdict as usize) {
            *count += 1;
        }
        if shown && verdict == Verdict::Accused || missed && verdict != Verdict::Accused {
            println!("{} {} {name}", reading.score, reading.language.map_or("-", |language| language.name()));
            for reason in reading.reasons.iter().take(4) {
                println!("    +{} line {}: {}", reason.points, reason.line, reason.what);
            }
        }
    }
    println!("{:<10} {:<9} {:>7} {:>10} {:>7}", "language", "size", "clean", "suspicious", "accused");
    for ((language, size), [clean, suspicious, accused]) in tally {
        println!("{language:<10} {size:<9} {clean:>7} {suspicious:>10} {accused:>7}");
    }
    println!("{bytes} bytes in {} ms", started.elapsed().as_millis());
}

fn walk(path: &Path, files: &mut Vec<PathBuf>) {
    if let Ok(entries) = std::fs::read_dir(path) {
        for entry in entries.flatten() {
            walk(&entry.path(), files);
        }
    } else if path.is_file() && !path.is_symlink() {
        files.push(path.to_owned());
    }
}
