//! Sealing: every file is hashed and named before anything is read from it.
//!
//! In: the paths given. Out: items with SHA-256, size, format and locator, containers and their members alike, in the order
//! of their locators; and an issue for each file that is refused or cannot be read. Limits on depth, members and inflated
//! bytes keep a hostile archive from filling the disk or the day. A stream that is damaged is read up to its damage.

mod tars;
mod zips;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use piste_model::evidence::EvidenceState;
use piste_model::guard::{self, Broken, guarded, guarded_within};
use piste_model::{Damage, EvidenceId, Issue};
use piste_parse::file::FileFacts;
use piste_parse::sniff::HEAD_BYTES;
use piste_parse::{Format, Treatment, sniff};
use serde::{Deserialize, Serialize};

use crate::LakeError;
use crate::archive::{Opener, Place, Step, case_fault};
use crate::computers::{self, Named, tells_the_client};
use crate::content::{Content, Older, read_all};
use crate::copies::{Log, holds_events, log_of};
use crate::host_names::client_name;
use crate::limits::{Budget, Limits, Overdrawn};
use crate::names::{Name, Names};
use crate::origin::{Origin, of_folder, unpacked};
use crate::plan::ReadAs;
use crate::walk::{Found, walk};

/// Bytes of one read while sealing.
const READ_BYTES: usize = 256 * 1024;
/// Bytes of one read up to a damaged place: a decoder drops what it had unpacked in the read that met the damage.
const CAREFUL_READ_BYTES: usize = 512;

/// What the ledger records of one sealed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// `E-1`.
    pub id: EvidenceId,
    /// Locator.
    pub path: String,
    /// Size of the decompressed content.
    pub bytes: u64,
    /// SHA-256, 64 hex digits.
    pub sha256: String,
    /// Format by content.
    pub format: String,
    /// Where its bytes were when it was sealed.
    #[serde(flatten)]
    pub place: Place,
}

/// One sealed file, and how to read it again.
#[derive(Debug, Clone)]
pub struct Item {
    /// Given by the ledger once all are sealed.
    pub id: EvidenceId,
    /// Locator.
    pub path: String,
    /// Format by content.
    pub format: Format,
    /// Size of the decompressed content.
    pub bytes: u64,
    /// SHA-256, 64 hex digits; empty where the file could not be read to its end.
    pub sha256: String,
    /// That of the beginning of a longer file, as far as files that are no logs are looked at.
    pub beginning: Option<String>,
    /// What became of it so far.
    pub state: EvidenceState,
    /// The item of the same content that stands for this one.
    pub same_as: Option<EvidenceId>,
    /// The computer that it is of, by its place.
    pub computer: computers::Place,
    /// Tool that made its container.
    pub origin: Option<String>,
    /// Where its stream breaks off.
    pub damage: Vec<Damage>,
    /// MD5 and SHA-1: of a file that is no log and no archive, of any where asked for.
    pub older: Option<Older>,
    /// When its archive says it was last written; empty where it lies in none, or the archive does not say.
    pub modified: String,
    /// The one log that it holds, for finding logs that overlap; `None` for several, or for another format.
    pub log: Option<Log>,
    /// Where its bytes are.
    pub place: Place,
}

impl Item {
    /// Whether records are taken from it.
    pub fn is_log(&self) -> bool {
        self.state == EvidenceState::Read && self.format != Format::WebPage
    }

    /// Whether it is looked at as a file: a page, an artefact, or what no parser takes records from. It has one row, and YARA
    /// rules look at its bytes.
    pub fn is_file(&self) -> bool {
        match self.state {
            EvidenceState::Read => self.format == Format::WebPage || self.format.is_artefact(),
            EvidenceState::NotParsed => self.bytes > 0,
            _ => false,
        }
    }

    /// Bytes of it that are read one way or the other.
    pub fn bytes_read(&self) -> u64 {
        let all = [ReadAs::Records, ReadAs::File];
        all.into_iter().map(|read_as| self.bytes_read_as(read_as)).sum()
    }

    /// What its row says of it.
    pub fn facts(&self) -> FileFacts {
        let (md5, sha1) =
            self.older.as_ref().map(|older| (older.md5.clone(), older.sha1.clone())).unwrap_or_default();
        FileFacts {
            bytes: Some(self.bytes),
            sha256: self.sha256.clone(),
            md5,
            sha1,
            modified: self.modified.clone(),
            lines: self.format.is_text(),
        }
    }

    /// Bytes of it that are read: of a file that is no log its beginning, of a text so much that its lines can be searched.
    pub(crate) fn bytes_read_as(&self, read_as: ReadAs) -> u64 {
        match read_as {
            ReadAs::Records if self.is_log() => self.bytes,
            ReadAs::File if !self.is_file() => 0,
            ReadAs::File if self.format.is_text() => self.bytes.min(piste_parse::text::TEXT_BYTES_MAX),
            ReadAs::File => self.bytes.min(piste_parse::file::SCANNED_BYTES_MAX as u64),
            ReadAs::Records => 0,
        }
    }

    /// What the ledger records of it.
    pub fn seal(&self) -> Sealed {
        Sealed {
            id: self.id,
            path: self.path.clone(),
            bytes: self.bytes,
            sha256: self.sha256.clone(),
            format: self.format.name().to_owned(),
            place: self.place.clone(),
        }
    }
}

/// All that was sealed.
#[derive(Debug, Default)]
pub struct Intake {
    /// In the order of their locators.
    pub items: Vec<Item>,
    /// Refused, encrypted, damaged.
    pub issues: Vec<Issue>,
    /// Files as given, containers counted once.
    pub files: u64,
    /// Their bytes on disk.
    pub bytes: u64,
}

/// Seals files one after another.
pub struct Sealer<'p> {
    opener: Opener,
    intake: Intake,
    names: Names,
    limits: Limits,
    /// The case's own folder, which is no evidence.
    case: Option<PathBuf>,
    progress: &'p dyn Fn(u64),
    older_hashes: bool,
    /// What reading one given file may take.
    time: FileTime,
    /// The given file at hand has had its time.
    out_of_time: bool,
    /// What collectors' own files say of their client, by the locators of these files.
    clients: BTreeMap<String, String>,
    /// Called before each reading.
    #[cfg(test)]
    on_read: &'p dyn Fn(),
}

/// A container being read: what it is called and what it may still inflate to.
struct Container<'a> {
    origin: &'a Origin,
    depth: usize,
    encrypted: bool,
    /// When the archive says that the member at hand was last written.
    modified: &'a str,
    budget: &'a mut Budget,
}

impl<'p> Sealer<'p> {
    /// `tmp` is the case's folder for zips that lie inside archives; the case itself is never read as evidence.
    /// `progress` is told the bytes on disk of each file given, once read.
    pub fn new(tmp: &Path, passwords: Vec<Vec<u8>>, progress: &'p dyn Fn(u64)) -> Self {
        Self::with_limits(tmp, passwords, Limits::default(), progress)
    }

    /// As [`Sealer::new`], with other limits.
    pub fn with_limits(
        tmp: &Path,
        passwords: Vec<Vec<u8>>,
        limits: Limits,
        progress: &'p dyn Fn(u64),
    ) -> Self {
        let case = tmp.canonicalize().ok().and_then(|tmp| tmp.parent().map(Path::to_owned));
        let opener = Opener::new(tmp, passwords);
        Self {
            opener,
            intake: Intake::default(),
            names: Names::default(),
            limits,
            case,
            progress,
            older_hashes: false,
            time: FileTime::default(),
            out_of_time: false,
            clients: BTreeMap::new(),
            #[cfg(test)]
            on_read: &|| {},
        }
    }

    /// Also makes MD5 and SHA-1, by which older indicators name files.
    #[must_use]
    pub fn with_older_hashes(self, older_hashes: bool) -> Self {
        Self { older_hashes, ..self }
    }

    /// Gives each file given a limit of time.
    #[must_use]
    pub fn with_time(self, time: FileTime) -> Self {
        Self { time, ..self }
    }

    /// Seals everything under `given`. Where two files would be called the same, the one given first keeps the name.
    ///
    /// # Errors
    /// [`LakeError::Missing`] where a path does not exist, [`LakeError::Write`] where the case takes no copy of a zip
    /// inside an archive; all else is an issue.
    pub fn seal(mut self, given: &[PathBuf]) -> Result<Intake, LakeError> {
        let found = walk(given, self.case.as_deref(), &mut self.intake.issues)?;
        let unpacked = unpacked(found.iter().map(|file| file.name.as_str()));
        for file in &found {
            let folder = unpacked.iter().rfind(|folder| file.name.starts_with(**folder));
            self.seal_given(file, &folder.map_or_else(Origin::default, |folder| of_folder(folder)))?;
        }
        self.tell_computers();
        Ok(self.intake)
    }

    /// Says of each item which computer it is of: that takes the names of all.
    fn tell_computers(&mut self) {
        let clients = &self.clients;
        let named = |item: &'_ Item| -> Option<String> { clients.get(&item.path).cloned() };
        let clients: Vec<Option<String>> = self.intake.items.iter().map(named).collect();
        let files: Vec<Named<'_>> = self
            .intake
            .items
            .iter()
            .zip(&clients)
            .map(|(item, client)| Named { path: &item.path, client: client.as_deref() })
            .collect();
        let places = computers::places(&files);
        for (item, place) in self.intake.items.iter_mut().zip(places) {
            item.computer = place;
        }
    }

    fn seal_given(&mut self, file: &Found, origin: &Origin) -> Result<(), LakeError> {
        let size = file.path.metadata().map_or(0, |metadata| metadata.len());
        self.intake.files += 1;
        self.intake.bytes += size;
        let mut budget = Budget::new(&self.limits, size);
        let mut top = Container { origin, depth: 0, encrypted: false, modified: "", budget: &mut budget };
        let name = self.names.given(&file.name);
        self.out_of_time = false;
        let place = Place::on_disk(file.path.clone());
        let sealed =
            guarded_within(self.time.ticks(size), || self.seal_place(place.clone(), &name, &mut top));
        match sealed {
            Ok(sealed) => sealed?,
            Err(broken) => self.reader_failed(self.intake.items.len(), place, &name, &broken, &top),
        }
        (self.progress)(size);
        Ok(())
    }

    /// Seals one file and all that it holds; a reader that panics costs that file.
    fn seal_place(&mut self, place: Place, name: &Name, within: &mut Container<'_>) -> Result<(), LakeError> {
        let at = self.intake.items.len();
        let mut seal = |sealer: &mut Self| sealer.seal_content(place.clone(), name, within);
        match guarded(|| seal(self)) {
            Ok(sealed) => sealed,
            Err(Broken::Stopped) => Err(LakeError::Stopped),
            Err(broken) => {
                self.reader_failed(at, place, name, &broken, within);
                Ok(())
            }
        }
    }

    /// Names the file at index `at` as unread; it may be in the list already.
    fn reader_failed(
        &mut self,
        at: usize,
        place: Place,
        name: &Name,
        broken: &Broken,
        within: &Container<'_>,
    ) {
        self.opener.close_all();
        self.out_of_time |= *broken == Broken::OutOfTime;
        self.intake.issues.push(self.time.issue(&name.path, broken));
        match self.intake.items.get_mut(at) {
            Some(item) => item.state = EvidenceState::Unread,
            None => self.push_unread(place, name, within),
        }
    }

    fn seal_content(
        &mut self,
        place: Place,
        name: &Name,
        within: &mut Container<'_>,
    ) -> Result<(), LakeError> {
        #[cfg(test)]
        (self.on_read)();
        let (path, older) = (name.path.as_str(), self.older_hashes);
        // The file as given does not count against what it may inflate to.
        let budget = if place.steps.is_empty() { u64::MAX } else { within.budget.bytes };
        let read = self
            .opener
            .with_reader(&place, &mut |reader| Ok(read_all(reader, &name.shown, budget, READ_BYTES, older)));
        let (content, place, damage) =
            match read.and_then(|content| self.up_to_damage(content, place.clone(), path, within)) {
                Ok(sealed) => sealed,
                Err(error) => {
                    self.unread(place, name, &case_fault(error)?, within);
                    return Ok(());
                }
            };
        if budget != u64::MAX {
            within.budget.bytes = budget.saturating_sub(content.bytes);
        }
        let format = sniff(content.head.get(..HEAD_BYTES).unwrap_or(&content.head), &name.shown);
        self.hear_client(name, &content.head);
        let item = Item {
            id: EvidenceId(0),
            path: path.to_owned(),
            format,
            bytes: content.bytes,
            sha256: content.sha256.clone(),
            beginning: content.beginning.clone(),
            older: content.older.clone(),
            state: state_of(format),
            same_as: None,
            computer: computers::Place::default(),
            origin: within.origin.tool.map(str::to_owned),
            damage,
            modified: within.modified.to_owned(),
            log: log_of(&content.head, content.record_ids),
            place: place.clone(),
        };
        if content.over_budget {
            self.over_budget(item, within);
            return Ok(());
        }
        self.push_by_treatment(item, &content, name, within)
    }

    /// Lists a sealed file, and reads on what it holds.
    fn push_by_treatment(
        &mut self,
        mut item: Item,
        content: &Content,
        name: &Name,
        within: &mut Container<'_>,
    ) -> Result<(), LakeError> {
        let (format, place) = (item.format, item.place.clone());
        let at = self.intake.items.len();
        match format.treatment() {
            Treatment::Unreadable(command) => {
                item.state = EvidenceState::Unread;
                let what = format!("Piste does not read {} files", format.name());
                self.issue("evidence-not-read", &name.path, &what, "nothing in it was examined", command);
            }
            Treatment::Container if within.depth >= self.limits.depth_max => {
                item.state = EvidenceState::Unread;
                self.too_deep(&name.path);
            }
            Treatment::Container => {
                self.intake.items.push(item);
                return self.open_container(format, &place, name, at, within);
            }
            Treatment::Rows
                if within.origin.wrote(&name.shown)
                    && !format.lists_files()
                    && !holds_events(format, &content.head) =>
            {
                item.state = EvidenceState::NotParsed;
            }
            Treatment::Seal if content.ends_as_zip() => {
                self.intake.items.push(item);
                return self.open_zip_behind(format, &place, name, at, within);
            }
            Treatment::Rows | Treatment::Seal => {
                self.note_empty(format, name);
                self.note_other_log(format, name, &content.head);
            }
        }
        self.intake.items.push(item);
        Ok(())
    }

    fn too_deep(&mut self, path: &str) {
        let what = format!("it lies deeper than {} containers", self.limits.depth_max);
        let hint = "extract it by hand and give the folder";
        self.issue("archive-depth", path, &what, "nothing in it was examined", hint);
    }

    /// Keeps what a collector's own file says of its client.
    fn hear_client(&mut self, name: &Name, head: &[u8]) {
        let own_name = name.shown.rsplit(['/', '\\', '!']).next().unwrap_or_default();
        if tells_the_client(own_name)
            && let Some(client) = client_name(head)
        {
            self.clients.insert(name.path.clone(), client);
        }
    }

    /// A file that was read no further, since its container holds too much.
    fn over_budget(&mut self, mut item: Item, within: &mut Container<'_>) {
        within.budget.overdrawn = Some(Overdrawn::Bytes);
        item.state = EvidenceState::Unread;
        self.issue(
            "archive-bomb",
            &item.path,
            "it inflates to more than its container may hold",
            "it was read no further, since it would fill the disk; what was read is hashed",
            "extract it by hand on a machine with room, and give the folder",
        );
        self.intake.items.push(item);
    }

    /// What can be read of a stream that breaks off: all, or the part before the damage, which is named.
    fn up_to_damage(
        &mut self,
        content: Content,
        place: Place,
        path: &str,
        within: &Container<'_>,
    ) -> io::Result<(Content, Place, Vec<Damage>)> {
        let Some(error) = content.failure else { return Ok((content, place, Vec::new())) };
        // A wrong password gives noise before it fails.
        if within.encrypted {
            return Err(error);
        }
        let budget = within.budget.bytes;
        let older = self.older_hashes;
        let careful = self.opener.with_reader(&place, &mut |reader| {
            Ok(read_all(reader, path, budget, CAREFUL_READ_BYTES, older))
        })?;
        if careful.bytes == 0 {
            return Err(error);
        }
        self.issue(
            "evidence-unreadable",
            path,
            &format!("it can be read only up to byte {}: {error}", careful.bytes),
            "what lies before was sealed and examined; what follows is lost",
            "check the medium, or ask for a fresh copy",
        );
        let place = place.inside(Step::First(careful.bytes));
        let damage = Damage { kind: "stream-damaged".to_owned(), offset: careful.bytes, lost: None };
        Ok((Content { failure: None, ..careful }, place, vec![damage]))
    }

    fn note_empty(&mut self, format: Format, name: &Name) {
        let log = [".evtx", ".jsonl", ".json", ".log"]
            .iter()
            .any(|end| name.shown.to_ascii_lowercase().ends_with(end));
        if format == Format::Empty && log {
            self.issue(
                "evidence-empty",
                &name.path,
                "this file has no content",
                "it was sealed; there is nothing to read",
                "ask whether the log was empty on the host or lost in the copy",
            );
        }
    }

    /// A log whose kind is known and whose records no parser takes.
    fn note_other_log(&mut self, format: Format, name: &Name, head: &[u8]) {
        if format != Format::W3cOther {
            return;
        }
        let text = String::from_utf8_lossy(head);
        let software = text.lines().take(16).find_map(|line| line.strip_prefix("#Software:"));
        let software: String = software.unwrap_or_default().trim().chars().take(80).collect();
        self.issue(
            "log-not-parsed",
            &name.path,
            &format!(
                "this is a log of `{software}` in W3C's extended format, which Piste does not take apart"
            ),
            "its lines are searched as text; its requests are on no timeline and tell no door",
            "search it: piste search TEXT; or read it with the tool of its maker",
        );
    }

    fn open_container(
        &mut self,
        format: Format,
        place: &Place,
        name: &Name,
        at: usize,
        within: &mut Container<'_>,
    ) -> Result<(), LakeError> {
        let step = match format {
            Format::Gzip => Step::Gzip,
            Format::Zstd => Step::Zstd,
            Format::Tar => return self.open_tar(place, name, at, within),
            _ => return self.open_zip(place, name, at, within),
        };
        let shown = name.shown.rsplit(['/', '\\', '!']).next().unwrap_or(&name.shown);
        let inner = shown.rsplit_once('.').map_or("content", |(stem, _)| stem);
        let inside_name = self.names.member(name, inner);
        let mut inside = Container { depth: within.depth + 1, budget: &mut *within.budget, ..*within };
        self.seal_place(place.inside(step), &inside_name, &mut inside)
    }

    /// A file of which nothing can be read is named, not sealed.
    fn unread(&mut self, place: Place, name: &Name, error: &io::Error, within: &Container<'_>) {
        match error.kind() {
            io::ErrorKind::PermissionDenied if within.encrypted => {} // told once for the archive
            io::ErrorKind::Unsupported => self.issue(
                "zip-method",
                &name.path,
                &format!("this member cannot be read: {error}"),
                "it was not examined",
                "extract it and give the folder: 7z x ARCHIVE -oFOLDER",
            ),
            _ => self.issue(
                "evidence-unreadable",
                &name.path,
                &format!("it cannot be read: {error}"),
                "it was neither sealed nor examined",
                "check the permissions and the medium, or ask for a fresh copy",
            ),
        }
        self.push_unread(place, name, within);
    }

    fn push_unread(&mut self, place: Place, name: &Name, within: &Container<'_>) {
        self.intake.items.push(Item {
            id: EvidenceId(0),
            computer: computers::Place::default(),
            path: name.path.clone(),
            format: Format::Unknown,
            bytes: 0,
            sha256: String::new(),
            beginning: None,
            older: None,
            state: EvidenceState::Unread,
            same_as: None,
            origin: within.origin.tool.map(str::to_owned),
            damage: Vec::new(),
            modified: within.modified.to_owned(),
            log: None,
            place,
        });
    }

    fn issue(&mut self, slug: &'static str, path: &str, what: &str, effect: &str, hint: &str) {
        self.intake.issues.push(Issue::new(slug, path, what, effect, hint));
    }
}

/// How long one file may take. The larger it is, the longer: an honest file of a terabyte is read to its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileTime {
    /// Seconds, whatever the file's size; `None` for no limit.
    pub seconds: Option<u32>,
}

impl FileTime {
    /// A file has one more second for so many bytes.
    pub const BYTES_A_SECOND: u64 = 2 << 20;
    /// What a file has where the user says nothing.
    pub const USUAL_SECONDS: u32 = 600;

    /// Ticks that a file of this size has.
    pub(crate) fn ticks(self, bytes: u64) -> u32 {
        let Some(seconds) = self.seconds else { return guard::NO_LIMIT };
        let more = u32::try_from(bytes / Self::BYTES_A_SECOND).unwrap_or(guard::NO_LIMIT);
        seconds.saturating_add(more).saturating_mul(guard::TICKS_A_SECOND)
    }

    /// What is to be said where a file could not be worked through.
    pub(crate) fn issue(self, path: &str, broken: &Broken) -> Issue {
        match broken {
            Broken::OutOfTime => Issue::new(
                "file-timeout",
                path,
                format!("this file took longer than it may, {} seconds", self.seconds.unwrap_or_default()),
                "what was read until then is there; what follows in it was not examined",
                "look at what it is; give it alone and more time: --file-timeout SECONDS",
            ),
            other => reader_failed(path, &other.to_string()),
        }
    }
}

/// A reader failed on a file: a bug, which costs that file and not the run.
pub(crate) fn reader_failed(path: &str, said: &str) -> Issue {
    Issue::new(
        "reader-failed",
        path,
        format!("the reader of this kind of file failed on it: {said}"),
        "what follows in it was not examined",
        "extract it by hand and give the folder; report this as a bug, with the file if it may be shared",
    )
}

fn state_of(format: Format) -> EvidenceState {
    match format.treatment() {
        Treatment::Rows => EvidenceState::Read,
        Treatment::Container => EvidenceState::Container,
        Treatment::Unreadable(_) => EvidenceState::Unread,
        Treatment::Seal => EvidenceState::NotParsed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_panics_costs_its_file() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let given = folder.path().join("a.bin");
        std::fs::write(&given, b"x").expect("it is written");
        // The reading of the second file panics, as a bug in a decoder would.
        let files = std::cell::Cell::new(0);
        let on_read = || {
            files.set(files.get() + 1);
            assert_ne!(files.get(), 2, "a bug");
        };
        let mut sealer = Sealer::new(&folder.path().join("tmp"), Vec::new(), &|_| {});
        sealer.on_read = &on_read;
        let more = ["b.bin", "c.bin"].map(|name| folder.path().join(name));
        for path in &more {
            std::fs::write(path, b"x").expect("it is written");
        }
        let intake = sealer.seal(&[&[given], more.as_slice()].concat()).expect("the run goes on");
        let states: Vec<_> = intake.items.iter().map(|item| (item.path.as_str(), item.state)).collect();
        let (lost, kept) = (EvidenceState::Unread, EvidenceState::NotParsed);
        assert_eq!(states, [("a.bin", kept), ("b.bin", lost), ("c.bin", kept)]);
        let issues: Vec<_> = intake.issues.iter().map(|one| (one.slug.as_ref(), one.path.as_str())).collect();
        assert_eq!(issues, [("reader-failed", "b.bin")]);
    }
}
