//! The peer of `bench/yara.sh`: `yara-x` itself over files, without Piste about it.
//!
//! In: a file of rules, a folder, a number of threads. Out: files, bytes, matches, and MB a second on stdout. Files are read whole
//! and scanned in memory, as `yr scan` does with files of this size.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, rules, folder, threads] = arguments.as_slice() else {
        return tell("usage: yara_scan RULES.yar FOLDER THREADS");
    };
    let mut files = Vec::new();
    list(Path::new(folder), &mut files);
    let started = Instant::now();
    let mut compiler = yara_x::Compiler::new();
    compiler.relaxed_re_syntax(true);
    for name in piste_rules::yara::EXTERNALS {
        compiler.define_global(name, "").expect("each once");
    }
    let include = format!("include \"{rules}\"");
    if let Err(error) = compiler.add_source(include.as_str()) {
        return tell(&error.to_string());
    }
    let rules = compiler.build();
    let compiled = started.elapsed();
    let started = Instant::now();
    let (next, bytes, matches) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..threads.parse().unwrap_or(1_usize).max(1) {
            scope.spawn(|| {
                let mut scanner = yara_x::Scanner::new(&rules);
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let Ok(content) = std::fs::read(path) else { continue };
                    bytes.fetch_add(content.len() as u64, Ordering::Relaxed);
                    if let Ok(found) = scanner.scan(&content) {
                        matches.fetch_add(found.matching_rules().len() as u64, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = bytes.load(Ordering::Relaxed) as f64 / 1e6 / seconds;
    tell(&format!(
        "{} files, {} bytes, {} matches, compiled in {:.2} s, scanned in {seconds:.2} s, {rate:.0} MB/s",
        files.len(),
        bytes.load(Ordering::Relaxed),
        matches.load(Ordering::Relaxed),
        compiled.as_secs_f64(),
    ));
}

fn list(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { list(&path, into) } else { into.push(path) }
    }
}

#[expect(clippy::print_stdout, reason = "an example speaks to its user")]
fn tell(text: &str) {
    println!("{text}");
}
