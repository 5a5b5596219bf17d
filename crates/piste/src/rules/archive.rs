//! What a source of rules holds: a folder, a zip, a tar or a tar.gz.
//!
//! In: a path. Out: its rule and licence files by a safe relative name, in memory. An archive comes from elsewhere: names
//! that lead out of the folder, links, bombs and odd sizes are refused as a whole, and nothing is written here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use piste_model::hash::sha256_hex;
use sha2::{Digest, Sha256};

/// The largest archive.
pub(super) const MAX_ARCHIVE_BYTES: u64 = 512 * 1024 * 1024;
/// The largest file: the loader reads no larger one.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;
/// The most that all kept files come to.
const MAX_TOTAL_BYTES: u64 = 256 * 1024 * 1024;
/// The most entries of an archive.
const MAX_ENTRIES: usize = 200_000;
/// The most that is unpacked to pass over what is not kept.
const MAX_UNPACKED_BYTES: u64 = 2 * 1024 * 1024 * 1024;
const TAR_BLOCK: usize = 512;

/// The files of a source.
#[derive(Debug, Default)]
pub(super) struct Holding {
    /// Relative name with `/` to content.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// SHA-256 of the archive, or of a folder's listing as `sha256sum` prints it.
    pub(super) sha256: String,
    total: u64,
    entries: usize,
}

/// Reads a source.
///
/// # Errors
/// One line of what is wrong.
pub(super) fn read(path: &Path) -> Result<Holding, String> {
    let said = |error: io::Error| error.to_string();
    if fs::metadata(path).map_err(said)?.is_dir() {
        return read_folder(path);
    }
    let mut file = File::open(path).map_err(said)?;
    let mut holding = Holding { sha256: hash(&mut file)?, ..Holding::default() };
    let mut magic = Vec::new();
    file.by_ref().take(4).read_to_end(&mut magic).map_err(said)?;
    file.seek(SeekFrom::Start(0)).map_err(said)?;
    match magic.as_slice() {
        [b'P', b'K', ..] => read_zip(file, &mut holding)?,
        [0x1f, 0x8b, ..] => {
            read_tar(flate2::read::MultiGzDecoder::new(file).take(MAX_UNPACKED_BYTES), &mut holding)?;
        }
        _ => read_tar(file.take(MAX_UNPACKED_BYTES), &mut holding)?,
    }
    holding.strip_common_folder();
    Ok(holding)
}

fn hash(file: &mut File) -> Result<String, String> {
    let mut sum = Sha256::new();
    let mut buffer = vec![0_u8; 64 * 1024];
    let mut bytes = 0_u64;
    loop {
        let count = file.read(&mut buffer).map_err(|error| error.to_string())?;
        if count == 0 {
            break;
        }
        bytes += u64::try_from(count).unwrap_or(u64::MAX);
        if bytes > MAX_ARCHIVE_BYTES {
            return Err(format!("it is over {MAX_ARCHIVE_BYTES} bytes, which no set of rules is"));
        }
        sum.update(buffer.get(..count).unwrap_or_default());
    }
    file.seek(SeekFrom::Start(0)).map_err(|error| error.to_string())?;
    Ok(piste_model::hash::hex(&sum.finalize()))
}

fn read_zip(file: File, holding: &mut Holding) -> Result<(), String> {
    let damaged = |error: zip::result::ZipError| format!("the zip is damaged: {error}");
    let mut archive = zip::ZipArchive::new(file).map_err(damaged)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(damaged)?;
        let name = entry.name().map_err(damaged)?.into_owned();
        holding.count_entry()?;
        if entry.is_file() && !entry.is_symlink() && Holding::wants(&name)? {
            holding.keep(&name, &mut entry)?;
        }
    }
    Ok(())
}

/// Reads a tar of the common forms: ustar, GNU long names and the path of pax headers.
fn read_tar(mut input: impl Read, holding: &mut Holding) -> Result<(), String> {
    let mut long_name: Option<String> = None;
    let mut first = true;
    loop {
        let mut header = Vec::with_capacity(TAR_BLOCK);
        let block = u64::try_from(TAR_BLOCK).unwrap_or(u64::MAX);
        input
            .by_ref()
            .take(block)
            .read_to_end(&mut header)
            .map_err(|error| format!("the archive is damaged: {error}"))?;
        if header.len() < TAR_BLOCK || header.iter().all(|&byte| byte == 0) {
            return if first {
                Err("it is neither a folder nor a zip, tar or tar.gz".to_owned())
            } else {
                Ok(())
            };
        }
        if !is_sound(&header) {
            let what = "it is neither a folder nor a zip, tar or tar.gz";
            return Err(if first {
                what.to_owned()
            } else {
                "the tar is damaged: a header's sum is wrong".to_owned()
            });
        }
        first = false;
        holding.count_entry()?;
        let size = octal(header.get(124..136).unwrap_or_default())
            .ok_or("the tar is damaged: a size is no number")?;
        let padding = size.next_multiple_of(block) - size;
        let kind = header.get(156).copied().unwrap_or_default();
        let mut content = input.by_ref().take(size);
        match kind {
            b'L' | b'x' => {
                let mut bytes = Vec::new();
                content
                    .by_ref()
                    .take(64 * 1024)
                    .read_to_end(&mut bytes)
                    .map_err(|error| error.to_string())?;
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let named =
                    if kind == b'L' { Some(text.trim_end_matches('\0').to_owned()) } else { pax_path(&text) };
                long_name = named.or(long_name);
            }
            b'0' | 0 => {
                let name = long_name.take().unwrap_or_else(|| tar_name(&header));
                if Holding::wants(&name)? {
                    holding.keep(&name, &mut content)?;
                }
            }
            b'g' => {}
            _ => long_name = None, // folders, links and devices hold no rule
        }
        io::copy(&mut content, &mut io::sink()).map_err(|error| error.to_string())?;
        if content.limit() > 0 {
            return Err("the tar ends inside a file".to_owned());
        }
        io::copy(&mut input.by_ref().take(padding), &mut io::sink()).map_err(|error| error.to_string())?;
    }
}

/// Whether a header's checksum holds.
fn is_sound(header: &[u8]) -> bool {
    let sum: u64 = header
        .iter()
        .enumerate()
        .map(|(at, &byte)| if (148..156).contains(&at) { u64::from(b' ') } else { u64::from(byte) })
        .sum();
    octal(header.get(148..156).unwrap_or_default()) == Some(sum)
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
}

fn tar_name(header: &[u8]) -> String {
    let text = |range: std::ops::Range<usize>| {
        let field = header.get(range).unwrap_or_default();
        let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
        String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned()
    };
    let prefix = if header.get(257..262) == Some(b"ustar") { text(345..500) } else { String::new() };
    if prefix.is_empty() { text(0..100) } else { format!("{prefix}/{}", text(0..100)) }
}

/// The `path` of a pax header: lines of `LENGTH key=value`.
fn pax_path(text: &str) -> Option<String> {
    text.lines().find_map(|line| Some(line.split_once(' ')?.1.strip_prefix("path=")?.to_owned()))
}

/// Reads a folder; links are not followed.
pub(super) fn read_folder(root: &Path) -> Result<Holding, String> {
    let mut holding = Holding::default();
    let mut open = vec![(String::new(), root.to_owned())];
    while let Some((prefix, folder)) = open.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))? {
            let entry = entry.map_err(|error| error.to_string())?;
            let kind = entry.file_type().map_err(|error| error.to_string())?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            holding.count_entry()?;
            if kind.is_dir() && !entry.file_name().to_string_lossy().starts_with('.') {
                open.push((format!("{name}/"), entry.path()));
            } else if kind.is_file() && Holding::wants(&name)? {
                let mut file = File::open(entry.path()).map_err(|error| format!("{name}: {error}"))?;
                holding.keep(&name, &mut file)?;
            }
        }
    }
    holding.sha256 = holding.listing();
    Ok(holding)
}

impl Holding {
    /// SHA-256 of the files' listing.
    pub(super) fn listing(&self) -> String {
        let lines = self.files.iter().map(|(name, bytes)| format!("{}  {name}\n", sha256_hex(bytes)));
        sha256_hex(lines.collect::<String>().as_bytes())
    }

    fn count_entry(&mut self) -> Result<(), String> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            return Err(format!("it has over {MAX_ENTRIES} entries"));
        }
        Ok(())
    }

    /// Whether a file is kept; refuses a name that is not safe to write.
    fn wants(name: &str) -> Result<bool, String> {
        let last = name.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
        let is_rule = [".yml", ".yaml"].iter().any(|end| last.ends_with(end));
        let is_licence =
            ["license", "licence", "copying", "notice"].iter().any(|start| last.starts_with(start));
        let hidden = name.split('/').any(|part| part.starts_with('.') && part != "." && part != "..");
        if hidden || !(is_rule || is_licence) {
            return Ok(false);
        }
        let odd = |part: &str| {
            part.is_empty()
                || matches!(part, "." | "..")
                || part.ends_with(['.', ' '])
                || part.chars().any(|sign| sign.is_control() || r#"\:<>"|?*"#.contains(sign))
        };
        let parts: Vec<&str> = name.split('/').collect();
        if name.len() > 512 || parts.len() > 32 || parts.iter().any(|part| odd(part)) {
            return Err(format!("the name `{name}` in it is not safe to write"));
        }
        Ok(true)
    }

    fn keep(&mut self, name: &str, input: &mut dyn Read) -> Result<(), String> {
        let mut bytes = Vec::new();
        input
            .take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("`{name}` in it cannot be read: {error}"))?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if length > MAX_FILE_BYTES {
            return Err(format!("`{name}` in it is over 8 MiB, which no rule is"));
        }
        self.total += length;
        if self.total > MAX_TOTAL_BYTES {
            return Err(format!("its rules come to over {MAX_TOTAL_BYTES} bytes"));
        }
        if self.files.insert(name.to_owned(), bytes).is_some() {
            return Err(format!("it has `{name}` twice"));
        }
        Ok(())
    }

    /// Takes off the one folder in which archives of a repository hold everything.
    fn strip_common_folder(&mut self) {
        let top_of = |name: &String| name.split_once('/').map_or("", |(top, _)| top).to_owned();
        let tops: BTreeSet<String> = self.files.keys().map(top_of).collect();
        let mut tops = tops.into_iter();
        let (Some(top), None) = (tops.next(), tops.next()) else { return };
        // A folder that is called as rule folders are is part of the set.
        if top.is_empty() || top.starts_with("rules") {
            return;
        }
        let prefix = format!("{top}/");
        let files = std::mem::take(&mut self.files);
        self.files = files
            .into_iter()
            .map(|(name, bytes)| (name.strip_prefix(&prefix).unwrap_or(&name).to_owned(), bytes))
            .collect();
    }
}
