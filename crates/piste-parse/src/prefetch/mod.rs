//! Prefetch: which program ran, when (up to eight times), and which files it loaded.
//!
//! In: a `.pf` file, SCCA of version 17 (XP, 2003), 23 (Vista, 7), 26 (8), 30 and 31 (10, 11), plain or compressed. Out: dataset
//! `execution.prefetch`, a row a run, all with the same facts and in `Data` the files that were loaded. The row's time is the
//! run's. Source: libyal's description of the format (libscca), compared with libscca on real files.

mod xpress;

use piste_model::Instant;

use crate::block::{Block, FILE_BYTES_MAX};
use crate::whole::{Bytes, Table, utf16};
use crate::{Context, Parsed};

const DATASET: &str = "execution.prefetch";
const DAMAGED: &str = "prefetch-damaged";
/// Bytes of a header; behind them the facts of the file begin.
const HEADER_BYTES: usize = 84;
/// Signs that the header has room for.
const NAME_SIGNS: usize = 29;
/// Loaded files that are looked at; Windows watches some hundred.
const FILES_MAX: usize = 65_536;
/// Signs of a volume's name.
const VOLUME_SIGNS_MAX: usize = 1_024;
/// Volumes that are told; a program rarely needs two.
const VOLUMES_MAX: usize = 16;

/// Whether a file that begins so is prefetch: by what is packed, since superfetch's databases are packed alike.
pub fn recognise(head: &[u8], _name: &str) -> bool {
    let signed = |bytes: &[u8]| bytes.get(4..8) == Some(b"SCCA");
    match packed_at(head) {
        Some(at) => signed(&xpress::decode(head.get(at..).unwrap_or_default(), 8).bytes),
        None => signed(head),
    }
}

/// Where the packed bytes begin, in a file that is packed.
fn packed_at(file: &[u8]) -> Option<usize> {
    match file {
        [b'M', b'A', b'M', 0x04, ..] => Some(8),
        [b'M', b'A', b'M', 0x84, ..] => Some(12), // a checksum stands before it
        _ => None,
    }
}

/// Where a version keeps its facts. Source: libscca.
struct Layout {
    /// Times of runs.
    runs: usize,
    runs_max: usize,
    run_count: usize,
    volume_bytes: usize,
}

impl Layout {
    fn of(version: u32, metrics_at: usize) -> Option<Self> {
        Some(match version {
            17 => Self { runs: 120, runs_max: 1, run_count: 144, volume_bytes: 40 },
            23 => Self { runs: 128, runs_max: 1, run_count: 152, volume_bytes: 104 },
            26 => Self { runs: 128, runs_max: 8, run_count: 208, volume_bytes: 104 },
            // The second variant has facts that are eight bytes shorter, and so has what follows them.
            30 | 31 if metrics_at == 296 => Self { runs: 128, runs_max: 8, run_count: 200, volume_bytes: 96 },
            30 | 31 => Self { runs: 128, runs_max: 8, run_count: 208, volume_bytes: 96 },
            _ => return None,
        })
    }
}

/// Parses the file, which is one block.
pub fn parse_file(block: &Block, cx: &Context<'_>) -> Parsed {
    let mut table = Table::of(block, cx, DATASET);
    if block.bytes.is_empty() {
        return table.finish();
    }
    let unpacked = unpacked(&block.bytes, &mut table);
    let bytes = Bytes(unpacked.as_deref().unwrap_or(&block.bytes));
    let known = bytes.u32(0).zip(bytes.size(84)).and_then(|(version, at)| Layout::of(version, at));
    match known {
        Some(layout) if bytes.slice(4, 4) == Some(b"SCCA") => read(bytes, &layout, &mut table),
        _ => {
            let version = bytes.u32(0).unwrap_or_default();
            let what =
                format!("it is no prefetch file of a known version (it says {version}), or ends too early");
            table.damaged(DAMAGED, 0, Some(1), what);
        }
    }
    table.finish()
}

/// What a compressed file holds; nothing where it is plain.
fn unpacked(file: &[u8], table: &mut Table<'_>) -> Option<Vec<u8>> {
    let start = packed_at(file)?;
    let claimed = Bytes(file).size(4).unwrap_or_default();
    let decoded = xpress::decode(file.get(start..).unwrap_or_default(), claimed.min(FILE_BYTES_MAX));
    let got = decoded.bytes.len();
    if let Some(why) = decoded.stopped {
        let what = format!("of {claimed} bytes only {got} can be unpacked: {why}");
        table.damaged(DAMAGED, start, Some(u64::from(got < HEADER_BYTES)), what);
    } else if claimed > FILE_BYTES_MAX {
        let what = format!("it says that {claimed} bytes are packed in it; the first {got} were taken");
        table.damaged(DAMAGED, 4, Some(0), what);
    }
    Some(decoded.bytes)
}

fn read(bytes: Bytes<'_>, layout: &Layout, table: &mut Table<'_>) {
    let image = Bytes(bytes.slice_or_less(16, 60)).utf16(0);
    table.put("Image", &image);
    let files = files_loaded(bytes, table);
    push_path(&files, &image, table);
    table.put("Hash", &bytes.u32(76).map(|hash| format!("{hash:08X}")).unwrap_or_default());
    table.number("Version", bytes.u32(0));
    table.number("RunCount", bytes.u32(layout.run_count));
    table.number("FilesLoaded", Some(files.len()));
    push_volumes(bytes, layout, table);
    for path in &files {
        table.fields.push_data(path);
    }
    let times: Vec<Instant> =
        (0..layout.runs_max).filter_map(|run| bytes.filetime(layout.runs + 8 * run)).collect();
    table.time("LastRun", times.first().copied());
    if times.is_empty() {
        table.row(None, "", "");
    }
    let hold = std::mem::take(&mut table.fields);
    for (back, time) in times.iter().enumerate() {
        table.fields.clear();
        for (name, value, role) in hold.iter() {
            table.fields.push(name, value, role);
        }
        for path in hold.data() {
            table.fields.push_data(path);
        }
        table.number("RunsBack", Some(back));
        table.row(Some(*time), "RunTime", "");
    }
}

/// The program's own path: the loaded file of its name. Where several have it, none of them is claimed to be the one.
fn push_path(files: &[String], image: &str, table: &mut Table<'_>) {
    let mut paths: Vec<&str> = files.iter().filter(|path| is_of(path, image)).map(String::as_str).collect();
    paths.sort_unstable();
    paths.dedup();
    match paths.as_slice() {
        [] => {}
        [path] => table.put("Path", path),
        several => table.put("PathCandidates", &several.join("; ")),
    }
}

/// Whether a path is the program's, whose name the header may have had to cut.
fn is_of(path: &str, image: &str) -> bool {
    let name = path.rsplit('\\').next().unwrap_or(path);
    let cut = image.encode_utf16().count() >= NAME_SIGNS;
    !image.is_empty()
        && (name.eq_ignore_ascii_case(image)
            || (cut && name.get(..image.len()).is_some_and(|start| start.eq_ignore_ascii_case(image))))
}

/// The names in the order in which they were loaded.
fn files_loaded(bytes: Bytes<'_>, table: &mut Table<'_>) -> Vec<String> {
    let (Some(at), Some(length)) = (bytes.size(100), bytes.size(104)) else { return Vec::new() };
    let names = bytes.slice_or_less(at, length);
    if names.len() < length {
        let what = format!("of its list of loaded files, {length} bytes long, {} are there", names.len());
        table.damaged(DAMAGED, at, Some(0), what);
    }
    let units: Vec<&[u8]> = names.chunks_exact(2).collect();
    let names = units.split(|unit| *unit == [0, 0]);
    names.filter(|name| !name.is_empty()).take(FILES_MAX).map(|name| utf16(&name.concat())).collect()
}

/// The volumes from which files were loaded.
fn push_volumes(bytes: Bytes<'_>, layout: &Layout, table: &mut Table<'_>) {
    let (Some(at), Some(count)) = (bytes.size(108), bytes.size(112)) else { return };
    table.number("VolumeCount", Some(count));
    let volumes = bytes.from(at);
    for number in 0..count.min(VOLUMES_MAX) {
        let entry = volumes.from(number * layout.volume_bytes);
        let (Some(name_at), Some(signs)) = (entry.size(0), entry.size(4)) else {
            let what = format!("of {count} volumes {number} are there");
            table.damaged(DAMAGED, at, Some(0), what);
            break;
        };
        let name = utf16(volumes.slice_or_less(name_at, signs.min(VOLUME_SIGNS_MAX) * 2));
        table.put(&format!("Volume{number}Name"), &name);
        table.put(
            &format!("Volume{number}Serial"),
            &entry.u32(16).map(|serial| format!("{serial:08X}")).unwrap_or_default(),
        );
        table.time(&format!("Volume{number}Created"), entry.filetime(8));
    }
}

#[cfg(test)]
mod tests;
