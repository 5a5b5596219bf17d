//! Streams of files that lie inside files.
//!
//! In: a place: a path on disk and the steps into it (member 3 of a zip, a gzip stream). Out: a reader over the innermost
//! bytes. A zip inside another archive is copied to the case's `tmp/`, since a zip is read from its end; at most
//! [`OPEN_MAX`] stay open. Nothing is unpacked under a name that the archive chose, and the list of a zip's members, which
//! may be made to unpack to gigabytes, is read within a limit.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use piste_model::{Instant, guard};
use serde::{Deserialize, Serialize};
use zip::ZipArchive;
use zip::extra_fields::ExtraField;
use zip::result::ZipError;

use crate::LakeError;
use crate::gzip::GzipMembers;
use crate::hidden::{self, Beside, Listed};
use crate::limits::{Limits, NAMES_BYTES_MAX};
use crate::metered::Metered;
use crate::open::evidence_file;
use crate::salvage::{self, Most};
use crate::tar;

/// Archives kept open at once.
const OPEN_MAX: usize = 4;
/// Bytes of a single file's buffer, of which there may be as many as there are files; long reads pass it by.
const FILE_BUFFER_BYTES: usize = 32 * 1024;
/// Bytes of the buffer over an archive: each member is begun by a jump, which empties it.
const ARCHIVE_BUFFER_BYTES: usize = 32 * 1024;
/// Bytes of a copy's buffer.
const BUFFER_BYTES: usize = 256 * 1024;
/// Bytes that a zip's list of members may have for each member that is allowed, its name not counted.
const LIST_BYTES_PER_MEMBER: u64 = 128;

/// Bytes that a zip's list may have.
fn list_bytes(most: Most) -> u64 {
    let heads = LIST_BYTES_PER_MEMBER.saturating_mul(most.members as u64);
    heads.saturating_add(most.names).max(1 << 20)
}

/// One step into a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    /// Member of a zip, by its index.
    Zip(usize),
    /// Member of a zip that lost its end, by the offset of the member's own header.
    Local(u64),
    /// Member of a tape archive: where its bytes begin, and how many there are.
    Tar {
        /// Offset in the archive.
        data: u64,
        /// Its length.
        bytes: u64,
    },
    /// Only so many bytes: what follows is damaged.
    First(u64),
    /// The stream of a gzip file.
    Gzip,
    /// The stream of a Zstandard file.
    Zstd,
}

/// Where the bytes of an item are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    #[serde(rename = "file", with = "crate::path")]
    pub(crate) disk: PathBuf,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) steps: Vec<Step>,
}

impl Place {
    pub(crate) fn on_disk(path: PathBuf) -> Self {
        Self { disk: path, steps: Vec::new() }
    }

    /// Whether it is a file as it was given, not one inside another.
    pub fn is_file(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether its file on disk is `path`, or lies under it.
    pub fn lies_under(&self, path: &Path) -> bool {
        self.disk.starts_with(path)
    }

    pub(crate) fn inside(&self, step: Step) -> Self {
        let mut steps = self.steps.clone();
        steps.push(step);
        Self { disk: self.disk.clone(), steps }
    }
}

/// Opens places, keeping the last archives open.
#[derive(Debug)]
pub(crate) struct Opener {
    tmp: PathBuf,
    passwords: Vec<Vec<u8>>,
    list_bytes_max: u64,
    /// The most recently used last.
    open: Vec<OpenArchive>,
    spools: u64,
}

/// A zip as readers see it.
type Archive = ZipArchive<BufReader<Metered<File>>>;

#[derive(Debug)]
struct OpenArchive {
    place: Place,
    /// Where its bytes are: the file itself, or the spool.
    path: PathBuf,
    /// `None` until its list of members is asked for, and where it has none.
    archive: Option<Archive>,
    _spool: Option<Spool>,
}

/// A file in `tmp/` that goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Spool(PathBuf);

impl Spool {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0); // what stays is removed when the case is next opened
    }
}

/// The case's `tmp/` does not take a copy: a fault of the case, not of the evidence.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{path}`")]
struct SpoolFailed {
    path: PathBuf,
    source: io::Error,
}

/// What stops the run in an error that [`Opener`] answered; what is wrong with the evidence comes back.
pub(crate) fn case_fault(error: io::Error) -> Result<io::Error, LakeError> {
    match error.downcast::<SpoolFailed>() {
        Ok(SpoolFailed { path, source }) => Err(LakeError::Write { path, source }),
        Err(error) => Ok(error),
    }
}

/// What a zip says of one member.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) step: Step,
    pub(crate) encrypted: bool,
    pub(crate) folder: bool,
    pub(crate) link: bool,
    /// When it was last written: RFC 3339 where the archive says so, else local to whoever packed it; empty if not said.
    pub(crate) modified: String,
}

/// The members of a zip.
#[derive(Debug)]
pub(crate) struct Members {
    pub(crate) list: Vec<Member>,
    /// Some names stand twice: of each, the list gives one member, and the others were found by their own headers.
    pub(crate) name_twice: bool,
    /// How many at the end of the list the zip's own list does not name.
    pub(crate) hidden: usize,
    /// What else is to be said of the list.
    pub(crate) beside: Beside,
}

impl Opener {
    /// Copies go to `tmp`.
    pub(crate) fn new(tmp: &Path, passwords: Vec<Vec<u8>>) -> Self {
        let list_bytes_max =
            list_bytes(Most { members: Limits::default().members_max, names: NAMES_BYTES_MAX });
        Self { tmp: tmp.to_owned(), passwords, list_bytes_max, open: Vec::new(), spools: 0 }
    }

    /// Hands a reader over the bytes at `place` to `read`.
    pub(crate) fn with_reader<T>(
        &mut self,
        place: &Place,
        read: &mut dyn FnMut(&mut dyn Read) -> io::Result<T>,
    ) -> io::Result<T> {
        let into_zip = |step: &Step| matches!(step, Step::Zip(_) | Step::Local(_) | Step::Tar { .. });
        let Some(at) = place.steps.iter().rposition(into_zip) else {
            let mut file = BufReader::with_capacity(FILE_BUFFER_BYTES, evidence_file(&place.disk)?);
            return through(&mut file, &place.steps, read);
        };
        let (outer, inner) = place.steps.split_at(at);
        let Some((step, rest)) = inner.split_first() else {
            return Err(io::Error::other("a step into a zip is expected here"));
        };
        let container = Place { disk: place.disk.clone(), steps: outer.to_vec() };
        match step {
            Step::Local(offset) => {
                let mut member = salvage::open(evidence_file(&self.opened(&container)?.path)?, *offset)?;
                through(&mut member, rest, read)
            }
            Step::Tar { data, bytes } => {
                let mut member = tar::open(evidence_file(&self.opened(&container)?.path)?, *data, *bytes)?;
                through(&mut member, rest, read)
            }
            Step::Zip(index) => {
                let passwords = self.passwords.clone();
                let archive = self.archive(&container)?;
                let mut member = open_member(archive, *index, &passwords)?;
                through(&mut member, rest, read)
            }
            Step::First(_) | Step::Gzip | Step::Zstd => {
                Err(io::Error::other("a step into a zip is expected here"))
            }
        }
    }

    /// Closes all archives: one whose reader failed half-way is not to be trusted.
    pub(crate) fn close_all(&mut self) {
        self.open.clear();
    }

    /// How many passwords there are to try.
    pub(crate) fn passwords(&self) -> usize {
        self.passwords.len()
    }

    /// Lists the members of the zip at `place`: those of its list, then what stands beside. The list itself is read only
    /// where it keeps to about as many bytes as so many members have.
    pub(crate) fn members(&mut self, place: &Place, most: Most) -> io::Result<Members> {
        let usual = std::mem::replace(&mut self.list_bytes_max, list_bytes(most));
        let opened = self.archive(place).map(drop);
        self.list_bytes_max = usual;
        opened?;
        let path = self.opened(place)?.path.clone();
        let archive = self.archive(place)?;
        let name_twice = archive.has_duplicate_names();
        let directory = archive.central_directory_start();
        let (mut list, mut listed) = (Vec::new(), Vec::new());
        for index in 0..archive.len() {
            guard::check();
            let file = archive.by_index_raw(index).map_err(zip_error)?;
            listed.push(Listed {
                header: file.header_start(),
                packed: file.compressed_size(),
                name: String::from_utf8_lossy(file.name_raw()).into_owned(),
            });
            list.push(Member {
                name: file.name().map_or_else(|_| format!("member-{index}"), |name| name.to_string()),
                step: Step::Zip(index),
                encrypted: file.encrypted(),
                folder: file.is_dir() && file.size() == 0, // one with content is a file, whatever its name says
                link: file.is_symlink(),
                modified: modified(&file),
            });
        }
        let left = Most { members: most.members.saturating_sub(list.len()), names: most.names };
        let mut beside = hidden::look(evidence_file(&path)?, listed, directory, left)?;
        let mut others = std::mem::take(&mut beside.members);
        // Of a name that stands twice the list itself has both; this reader of it gives one.
        let (twice, hidden) = if name_twice {
            let names: BTreeSet<String> = list.iter().map(|member| member.name.clone()).collect();
            others.into_iter().partition(|one| names.contains(&one.name))
        } else {
            (Vec::new(), std::mem::take(&mut others))
        };
        list.extend(twice);
        let count = hidden.len();
        list.extend(hidden);
        Ok(Members { list, name_twice, hidden: count, beside })
    }

    /// Lists the members of the tape archive at `place`.
    pub(crate) fn tar_members(&mut self, place: &Place, members_max: usize) -> io::Result<tar::Listing> {
        tar::list(evidence_file(&self.opened(place)?.path)?, members_max)
    }

    /// Looks for members by their own headers in a zip whose list cannot be read.
    pub(crate) fn salvage(&mut self, place: &Place, most: Most) -> io::Result<Vec<Member>> {
        salvage::members(evidence_file(&self.opened(place)?.path)?, most)
    }

    fn archive(&mut self, place: &Place) -> io::Result<&mut Archive> {
        let list_bytes_max = self.list_bytes_max;
        let opened = self.opened(place)?;
        if opened.archive.is_none() {
            let (file, meter) = Metered::new(evidence_file(&opened.path)?, list_bytes_max);
            let archive =
                ZipArchive::new(BufReader::with_capacity(ARCHIVE_BUFFER_BYTES, file)).map_err(zip_error)?;
            meter.stop();
            opened.archive = Some(archive);
        }
        opened.archive.as_mut().ok_or_else(|| io::Error::other("no archive is open"))
    }

    fn opened(&mut self, place: &Place) -> io::Result<&mut OpenArchive> {
        if let Some(at) = self.open.iter().position(|open| open.place == *place) {
            let used = self.open.remove(at);
            self.open.push(used);
        } else {
            let spool = if place.steps.is_empty() { None } else { Some(self.spool(place)?) };
            let path = spool.as_ref().map_or_else(|| place.disk.clone(), |spool| spool.0.clone());
            if self.open.len() >= OPEN_MAX {
                self.open.remove(0);
            }
            self.open.push(OpenArchive { place: place.clone(), path, archive: None, _spool: spool });
        }
        self.open.last_mut().ok_or_else(|| io::Error::other("no archive is open"))
    }

    /// Copies the bytes at `place` to a file in `tmp/`.
    fn spool(&mut self, place: &Place) -> io::Result<Spool> {
        let next = self.next_spool();
        self.with_reader(place, &mut |reader| spool(reader, &next))
    }

    /// Where the next copy goes.
    pub(crate) fn next_spool(&mut self) -> PathBuf {
        self.spools += 1;
        self.tmp.join(format!("spool-{}", self.spools))
    }
}

/// Copies what `reader` gives to a new file, which goes when the result is dropped.
pub(crate) fn spool(reader: &mut dyn Read, path: &Path) -> io::Result<Spool> {
    let failed = |source| io::Error::other(SpoolFailed { path: path.to_owned(), source });
    let mut file = File::create(path).map_err(failed)?;
    let spool = Spool(path.to_owned());
    copy(reader, &mut file, &failed)?;
    Ok(spool)
}

/// As `io::copy`, but a failed write is told from a failed read.
fn copy(reader: &mut dyn Read, file: &mut File, failed: &dyn Fn(io::Error) -> io::Error) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        guard::check();
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => file.write_all(buffer.get(..read).unwrap_or_default()).map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Applies the remaining steps, all of them streams.
fn through<T>(
    reader: &mut dyn Read,
    steps: &[Step],
    read: &mut dyn FnMut(&mut dyn Read) -> io::Result<T>,
) -> io::Result<T> {
    match steps.split_first() {
        None => read(reader),
        Some((Step::First(bytes), rest)) => through(&mut reader.take(*bytes), rest, read),
        Some((Step::Gzip, rest)) => through(&mut GzipMembers::new(BufReader::new(reader)), rest, read),
        Some((Step::Zstd, rest)) => {
            let mut decoder = zstd::stream::read::Decoder::new(reader)?;
            decoder.window_log_max(27)?; // 128 MiB: what the format asks every decoder to support, and no more
            through(&mut decoder, rest, read)
        }
        Some((Step::Zip(_) | Step::Local(_) | Step::Tar { .. }, _)) => {
            Err(io::Error::other("an archive cannot be read as a stream"))
        }
    }
}

/// Opens a member, with the password that fits where it is encrypted.
fn open_member<'a>(
    archive: &'a mut Archive,
    index: usize,
    passwords: &[Vec<u8>],
) -> io::Result<zip::read::ZipFile<'a, BufReader<Metered<File>>>> {
    if !archive.by_index_raw(index).map_err(zip_error)?.encrypted() {
        return archive.by_index(index).map_err(zip_error);
    }
    let mut fits: Vec<&Vec<u8>> =
        passwords.iter().filter(|password| archive.by_index_decrypt(index, password).is_ok()).collect();
    if fits.len() > 1 {
        // An archive checks a password by a byte or two: one in 256 wrong ones passes. Only the content tells.
        let whole = |password: &&Vec<u8>| {
            let member = archive.by_index_decrypt(index, password).map_err(zip_error);
            member.and_then(|mut member| io::copy(&mut member, &mut io::sink())).is_ok()
        };
        let right = fits.iter().copied().find(whole);
        fits = right.into_iter().chain(fits).collect();
    }
    match fits.first() {
        Some(password) => archive.by_index_decrypt(index, password).map_err(zip_error),
        None => Err(io::Error::new(io::ErrorKind::PermissionDenied, "no password given opens it")),
    }
}

/// When a member was last written. NTFS times and Unix times are in UTC; the older form knows no zone and two seconds.
fn modified<R: Read>(file: &zip::read::ZipFile<'_, R>) -> String {
    let exact = file.extra_data_fields().find_map(|field| match field {
        ExtraField::Ntfs(times) => Instant::from_filetime(times.mtime()),
        ExtraField::ExtendedTimestamp(times) => {
            times.mod_time().map(|time| Instant { nanos: i64::from(time) * 1_000_000_000, digits: 0 })
        }
        _ => None,
    });
    if let Some(time) = exact {
        return time.to_string();
    }
    // 1980-01-01 is what writers put that know no time.
    let local = file.last_modified().filter(|time| (time.year(), time.month(), time.day()) != (1980, 1, 1));
    local.map_or(String::new(), |time| {
        format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02} (zone unknown)",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second()
        )
    })
}

fn zip_error(error: ZipError) -> io::Error {
    match error {
        ZipError::Io(error) => error,
        ZipError::CompressionMethodNotSupported(method) => io::Error::new(
            io::ErrorKind::Unsupported,
            format!("its compression method {method} is not supported"),
        ),
        other => io::Error::new(io::ErrorKind::InvalidData, other.to_string()),
    }
}
