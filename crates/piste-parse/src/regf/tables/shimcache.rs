//! Dataset `registry.shimcache`: programs whose compatibility Windows looked up.
//!
//! In: the hive SYSTEM. Out: a row an entry of `AppCompatCache`, newest first by `CacheEntryPosition`. The row's time is
//! the file's last modification when it was looked up: not a run. `Executed` is `Yes` where the entry's own flag says so; one
//! that is not flagged may have run too. Sources: libyal's winreg-kb, "Application compatibility cache";
//! Andrew Davis (Mandiant), "Leveraging the Application Compatibility Cache in Forensic Investigations"; Matt Green for the
//! flag of Windows 10.

use piste_model::Instant;

use super::super::emit::{Emit, Timed};
use super::super::le::{filetime_at, place, u16_at, u32_at, u64_at, utf16_text};

const DATASET: &str = "registry.shimcache";
const BYTES_MAX: usize = 16 << 20;
/// Entries of one cache; Windows keeps 1,024.
const ENTRIES_MAX: usize = 65_536;
/// The bit of an entry's flags that the creation of its process sets.
const EXECUTED: u32 = 2;

/// An entry of the cache.
#[derive(Debug, PartialEq)]
struct Entry {
    path: String,
    modified: Option<Instant>,
    executed: Option<bool>,
    /// Of Windows XP alone.
    updated: Option<Instant>,
    size: Option<u64>,
}

pub(super) fn rows(emit: &mut Emit<'_, '_>) {
    let hive = emit.hive();
    for name in ["AppCompatCache", "AppCompatibility"] {
        let key = emit.open.in_use(&format!(r"Control\Session Manager\{name}"));
        let value = key.and_then(|key| Some((key, hive.named(key, "AppCompatCache")?)));
        let Some((key, value)) = value else { continue };
        let data = emit.bytes(value, BYTES_MAX);
        for (position, entry) in entries(&data).into_iter().enumerate() {
            emit.field("Path", &entry.path);
            emit.field("CacheEntryPosition", &position.to_string());
            emit.time("LastModifiedTimeUTC", entry.modified);
            emit.time("LastUpdateTimeUTC", entry.updated);
            emit.optional("Executed", entry.executed.map(|is| if is { "Yes" } else { "not flagged" }));
            emit.optional("Size", entry.size.map(|size| size.to_string()).as_deref());
            emit.time("CacheWritten", key.written());
            emit.field("ControlSet", "current");
            let own = Timed::some(entry.modified, "LastModifiedTimeUTC (of the file)");
            emit.row(DATASET, value.at, own, key);
        }
    }
}

fn entries(data: &[u8]) -> Vec<Entry> {
    match u32_at(data, 0) {
        Some(0xDEAD_BEEF) => of_xp(data),
        Some(0xBADC_0FFE) => fixed(data, 8, &[24, 32]),
        Some(0xBADC_0FEE) => fixed(data, 128, &[32, 48]),
        Some(head @ (48 | 52 | 128)) => signed(data, place(head)),
        // Later versions may have a longer header: the first entry's signature tells.
        Some(head) if data.get(place(head)..).is_some_and(|rest| rest.starts_with(b"10ts")) => {
            signed(data, place(head))
        }
        _ => Vec::new(),
    }
}

/// Windows 8 and later: entries of their own length, each behind a signature.
fn signed(data: &[u8], head: usize) -> Vec<Entry> {
    let mut found = Vec::new();
    let mut at = head;
    while let Some(entry) =
        data.get(at..).filter(|rest| rest.starts_with(b"10ts") || rest.starts_with(b"00ts"))
    {
        let Some(size) = u32_at(entry, 8).map(place) else { break };
        let Some(body) = entry.get(12..12_usize.saturating_add(size)) else { break };
        piste_model::guard::check();
        found.extend(if head == 128 { of_windows_8(body) } else { of_windows_10(body) });
        at += 12 + size;
        if found.len() >= ENTRIES_MAX {
            break;
        }
    }
    found
}

fn of_windows_10(body: &[u8]) -> Option<Entry> {
    let (path, rest) = path_and_rest(body)?;
    let data_bytes = place(u32_at(rest, 8)?);
    let data = rest.get(12..)?;
    let data = data.get(..data_bytes).unwrap_or(data);
    let executed =
        data.last_chunk::<4>().filter(|_| data.len() >= 4).map(|last| u32::from_le_bytes(*last) == 1);
    Some(Entry { path, modified: filetime_at(rest, 0), executed, updated: None, size: None })
}

/// Between path and flags may stand a package's name behind its length; what is left tells whether it does.
fn of_windows_8(body: &[u8]) -> Option<Entry> {
    let (path, rest) = path_and_rest(body)?;
    let fits = |skip: usize| {
        let tail = rest.get(skip..)?;
        let data_bytes = place(u32_at(tail, 16)?);
        (tail.len() == 20 + data_bytes).then_some(tail)
    };
    let package = usize::from(u16_at(rest, 0)?);
    let tail = fits(2 + package).or_else(|| fits(0))?;
    let executed = u32_at(tail, 0).map(|flags| flags & EXECUTED != 0);
    Some(Entry { path, modified: filetime_at(tail, 8), executed, updated: None, size: None })
}

fn path_and_rest(body: &[u8]) -> Option<(String, &[u8])> {
    let length = usize::from(u16_at(body, 0)?);
    let path = body.get(2..2 + length)?;
    Some((shown(&utf16_text(path)), body.get(2 + length..)?))
}

/// Windows 2003 to 7: entries of one length, of 32 or 64 bits; the paths lie elsewhere in the data.
fn fixed(data: &[u8], head: usize, widths: &[usize; 2]) -> Vec<Entry> {
    let count = u32_at(data, 4).map_or(0, place).min(ENTRIES_MAX);
    let [narrow, wide] = *widths;
    // Of 64 bits are those whose offsets have their upper half zero, behind four bytes of padding.
    let is_wide = u32_at(data, head + 4) == Some(0) && u32_at(data, head + 12) == Some(0);
    let width = if is_wide { wide } else { narrow };
    let bodies = data.get(head..).unwrap_or_default().chunks_exact(width).take(count);
    bodies.filter_map(|body| fixed_entry(data, body, is_wide, head == 128)).collect()
}

fn fixed_entry(data: &[u8], body: &[u8], is_wide: bool, of_windows_7: bool) -> Option<Entry> {
    let length = usize::from(u16_at(body, 0)?);
    let (offset, times) =
        if is_wide { (usize::try_from(u64_at(body, 8)?).ok()?, 16) } else { (place(u32_at(body, 4)?), 8) };
    let path = data.get(offset..offset.checked_add(length)?)?;
    let flags = u32_at(body, times + 8)?;
    let upper = u32_at(body, times + 12)?;
    // Windows 2003 has the file's size where Vista has two words of flags; flags are small.
    let is_size = !of_windows_7 && flags > 0xFFFF;
    let size = is_size.then(|| (u64::from(upper) << 32) | u64::from(flags));
    let executed = (!is_size).then_some(flags & EXECUTED != 0);
    Some(Entry {
        path: shown(&utf16_text(path)),
        modified: filetime_at(body, times),
        executed,
        updated: None,
        size,
    })
}

fn of_xp(data: &[u8]) -> Vec<Entry> {
    let count = u32_at(data, 4).map_or(0, place).min(ENTRIES_MAX);
    let bodies = data.get(400..).unwrap_or_default().chunks_exact(552).take(count);
    let entry = |body: &[u8]| Entry {
        path: shown(&utf16_text(body.get(..528).unwrap_or_default())),
        modified: filetime_at(body, 528),
        executed: None,
        updated: filetime_at(body, 544),
        size: u64_at(body, 536),
    };
    bodies.map(entry).collect()
}

/// Without the prefix of the object manager.
fn shown(path: &str) -> String {
    path.strip_prefix(r"\??\").unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::super::building::{WRITTEN, wide};
    use super::*;

    fn signed_cache(head: usize, tag: &[u8], middle: &[u8], tail: &[u8]) -> Vec<u8> {
        let mut data = vec![0; head];
        data[..4].copy_from_slice(&u32::try_from(head).unwrap().to_le_bytes());
        for name in [r"\??\C:\x\a.exe", r"C:\x\b.exe"] {
            let path = wide(name);
            let mut body = u16::try_from(path.len()).unwrap().to_le_bytes().to_vec();
            body.extend(path);
            body.extend(middle);
            body.extend(WRITTEN.to_le_bytes());
            body.extend(u32::try_from(tail.len()).unwrap().to_le_bytes());
            body.extend(tail);
            data.extend(tag);
            data.extend([0; 4]);
            data.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
            data.extend(body);
        }
        data
    }

    #[track_caller]
    fn check(data: &[u8], executed: Option<bool>) {
        let entries = entries(data);
        let paths: Vec<_> = entries.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, [r"C:\x\a.exe", r"C:\x\b.exe"]);
        for entry in &entries {
            assert_eq!(entry.modified, Instant::from_filetime(WRITTEN));
            assert_eq!(entry.executed, executed);
        }
        for cut in 0..data.len() {
            super::entries(&data[..cut]);
        }
    }

    #[test]
    fn each_version_is_read() {
        check(&signed_cache(52, b"10ts", &[], &[9, 9, 9, 9, 1, 0, 0, 0]), Some(true));
        check(&signed_cache(48, b"10ts", &[], &[]), None);
        check(&signed_cache(128, b"10ts", &[0, 0, 2, 0, 0, 0, 0, 0, 0, 0], &[]), Some(true));
        check(&signed_cache(128, b"10ts", &[4, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0], &[5]), Some(false));
        check(&signed_cache(128, b"00ts", &[2, 0, 0, 0, 0, 0, 0, 0], &[]), Some(true));
    }

    #[test]
    fn entries_of_one_length_are_read_in_both_widths() {
        for (magic, head, is_wide, pad) in [
            (0xBADC_0FEE_u32, 128, true, 16),
            (0xBADC_0FEE, 128, false, 8),
            (0xBADC_0FFE, 8, true, 0),
            (0xBADC_0FFE, 8, false, 0),
        ] {
            let names = [r"\??\C:\x\a.exe", r"C:\x\b.exe"].map(wide);
            let width = if is_wide { 32 } else { 24 } + pad;
            let mut data = vec![0; head];
            data[..4].copy_from_slice(&magic.to_le_bytes());
            data[4] = 2;
            let mut offset = head + 2 * width;
            for name in &names {
                let length = u16::try_from(name.len()).unwrap();
                data.extend(length.to_le_bytes());
                data.extend((length + 2).to_le_bytes());
                if is_wide {
                    data.extend([0; 4]);
                    data.extend((offset as u64).to_le_bytes());
                } else {
                    data.extend(u32::try_from(offset).unwrap().to_le_bytes());
                }
                data.extend(WRITTEN.to_le_bytes());
                data.extend([2, 0, 0, 0, 0, 0, 0, 0]);
                data.extend(vec![0; pad]);
                offset += name.len();
            }
            data.extend(names.concat());
            check(&data, Some(true));
        }
    }
}
