//! How completely evidence was read: one value from which the exit code and every sentence about it follow.
//!
//! In: the evidence list, the issues, and what is known of kinds of files (`catalog/artefacts.yaml`, read by `piste-rules`).
//! Out: [`ReadingCompleteness`], part of `summary.json`: the holes, and by kind what was not examined, what it would answer
//! and one step that makes it readable. A file counts as a hole if its kind holds records of what happened; a picture or
//! a program does not.

use serde::{Deserialize, Serialize};

use crate::evidence::{Evidence, EvidenceState, LOCATOR_SEPARATOR};
use crate::issue::Issue;

/// A kind of file that Piste seals and does not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtefactKind {
    /// `registry hive`.
    pub kind: String,
    /// Formats by content, as `evidence.jsonl` names them; any if empty.
    #[serde(default)]
    pub formats: Vec<String>,
    /// Names of files, compared without case, `*` for any text; one with a `/` is compared with the end of the path. Any if
    /// empty.
    #[serde(default)]
    pub names: Vec<String>,
    /// Only larger files, in bytes.
    #[serde(default)]
    pub larger_than: u64,
    /// Only files that could not be read for this cause.
    #[serde(default)]
    pub cause: Option<UnreadCause>,
    /// Whether it holds records of what happened, so that leaving it out leaves a hole.
    #[serde(default = "yes")]
    pub records: bool,
    /// Whether it leaves no hole where the user's own YARA rules looked at it.
    #[serde(default)]
    pub looked_at_suffices: bool,
    /// What it would answer.
    #[serde(default)]
    pub would_answer: String,
    /// One step that makes it readable.
    #[serde(default)]
    pub hint: String,
}

fn yes() -> bool {
    true
}

/// Why a file that should have been read was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnreadCause {
    /// No password opened it.
    Encrypted,
    /// Damaged, refused or too large.
    Unreadable,
}

impl ArtefactKind {
    /// Whether a file is of this kind.
    fn fits(&self, file: &Evidence, cause: Option<UnreadCause>) -> bool {
        let format = self.formats.is_empty() || self.formats.contains(&file.format);
        let name = || self.names.is_empty() || self.names.iter().any(|name| is_named(&file.path, name));
        let unread = self.cause.is_none_or(|wanted| cause == Some(wanted));
        // What could not be read is told by its cause, unless its content says what it is.
        let known = self.cause.is_some() || cause.is_none() || !self.formats.is_empty();
        format && unread && known && file.bytes >= self.larger_than && name()
    }
}

/// Whether a locator ends in a name: `*` stands for any text; without a `/` the last part alone is compared.
pub fn is_named(path: &str, pattern: &str) -> bool {
    let path = path.replace(['\\', LOCATOR_SEPARATOR], "/").to_ascii_lowercase();
    let pattern = pattern.to_ascii_lowercase();
    let parts = pattern.matches('/').count();
    let start = path.rmatch_indices('/').nth(parts).map_or(0, |(at, _)| at + 1);
    path.get(start..).is_some_and(|end| fits_stars(end, &pattern))
}

/// Whether a text has the pattern's parts in their order, the first at its start and the last at its end.
pub fn fits_stars(text: &str, pattern: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return text == pattern };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        match text.find(part) {
            Some(at) => text = text.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

/// Files of one kind that were not examined.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotExamined {
    /// `registry hive`.
    pub kind: String,
    /// How many.
    pub files: u64,
    /// Their bytes; 0 where they could not be read.
    pub bytes: u64,
    /// What they would answer.
    pub would_answer: String,
    /// One step that makes them readable.
    pub hint: String,
    /// Whether such files hold records of what happened.
    pub records: bool,
}

/// Files and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFigures {
    /// How many.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl FileFigures {
    fn add(&mut self, file: &Evidence) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(file.bytes);
    }
}

/// Why the reading is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadingHole {
    /// No record of any file was read.
    NothingRead,
    /// Files that should have been read and were not.
    FilesUnread,
    /// Damage cost records of files that were read.
    RecordsLost,
    /// A limit or a refusal left something out: an issue names it.
    LeftOut,
    /// Files of kinds that hold records and that Piste does not read.
    NotExamined,
}

/// Issues that leave evidence out without a line of its own in the evidence list.
const LEAVE_OUT: [&str; 20] = [
    "archive-bomb",
    "archive-depth",
    "archive-members",
    "archive-names",
    "container-encrypted",
    "evidence-changed-while-read",
    "evidence-grew",
    "evidence-not-read",
    "evidence-taken-away",
    "evidence-unreadable",
    "file-timeout",
    "json-not-examined",
    "log-not-parsed",
    "page-too-long",
    "page-too-much-work",
    "reader-failed",
    "tar-damaged",
    "tar-sparse",
    "text-too-long",
    "zip-damaged",
];

/// How completely the evidence was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadingCompleteness {
    /// Why it is not whole; empty if it is.
    #[serde(default)]
    pub reading_holes: Vec<ReadingHole>,
    /// Files of which records were read.
    #[serde(default)]
    pub files_read: u64,
    /// Files that lost records to damage.
    #[serde(default)]
    pub files_damaged: u64,
    /// What was not examined, by kind, in the catalogue's order.
    #[serde(default)]
    pub not_examined: Vec<NotExamined>,
    /// Files that no records were taken from and whose lines indicators and `piste search` see.
    #[serde(default)]
    pub texts_searched: FileFigures,
    /// Other files that no records were taken from, such as programs and pictures: sealed and hashed.
    #[serde(default)]
    pub other_files: FileFigures,
}

/// What a run was asked for, as far as it decides what counts as reading.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The user's own YARA rules looked at files: who gives them may want files looked at and nothing else.
    pub files_looked_at: bool,
    /// Whether the lines of a file that no records were taken from are searched.
    pub is_searched: fn(&Evidence) -> bool,
    /// Whether a file that was read gave nothing, though its kind always has something: then it was not read.
    pub gave_nothing: fn(&Evidence) -> bool,
}

impl ReadingCompleteness {
    /// From all evidence, what was said of it, and the kinds of files that are not read.
    pub fn of(evidence: &[Evidence], issues: &[Issue], kinds: &[ArtefactKind], asked: Asked) -> Self {
        let mut reading = Self::default();
        let mut found: Vec<FileFigures> = vec![FileFigures::default(); kinds.len()];
        let locked: Vec<&str> = issues
            .iter()
            .filter(|issue| issue.slug == "container-encrypted")
            .map(|issue| issue.path.as_str())
            .collect();
        let (mut unread, mut records) = (false, 0);
        for file in evidence {
            records += file.records_read;
            reading.files_read += u64::from(file.records_read > 0);
            reading.files_damaged += u64::from(file.damage.iter().any(|damage| damage.lost != Some(0)));
            let cause = match file.state {
                EvidenceState::Unread => Some(cause_of(file, &locked)),
                EvidenceState::NotParsed => None,
                EvidenceState::Read if (asked.gave_nothing)(file) => Some(UnreadCause::Unreadable),
                _ => continue,
            };
            unread |= cause.is_some();
            match kinds.iter().position(|kind| kind.fits(file, cause)) {
                Some(at) => found.iter_mut().skip(at).take(1).for_each(|figures| figures.add(file)),
                None if (asked.is_searched)(file) => reading.texts_searched.add(file),
                None => reading.other_files.add(file),
            }
        }
        let counted = kinds.iter().zip(found).filter(|(_, figures)| figures.files > 0);
        for (kind, figures) in counted {
            if kind.records || !kind.would_answer.is_empty() {
                reading.not_examined.push(NotExamined {
                    kind: kind.kind.clone(),
                    files: figures.files,
                    bytes: figures.bytes,
                    would_answer: kind.would_answer.clone(),
                    hint: kind.hint.clone(),
                    records: kind.records && !(kind.looked_at_suffices && asked.files_looked_at),
                });
            } else {
                reading.other_files.files += figures.files;
                reading.other_files.bytes += figures.bytes;
            }
        }
        let left_out = issues.iter().any(|issue| LEAVE_OUT.contains(&issue.slug.as_ref()));
        let holes = [
            (records == 0 && !asked.files_looked_at, ReadingHole::NothingRead),
            (unread, ReadingHole::FilesUnread),
            (reading.files_damaged > 0, ReadingHole::RecordsLost),
            (left_out, ReadingHole::LeftOut),
            (reading.not_examined.iter().any(|one| one.records), ReadingHole::NotExamined),
        ];
        reading.reading_holes = holes.into_iter().filter(|(is, _)| *is).map(|(_, hole)| hole).collect();
        reading
    }

    /// Whether all that should be read was: the run may end with 0.
    pub fn is_whole(&self) -> bool {
        self.reading_holes.is_empty()
    }

    /// Whether this hole is there.
    pub fn has(&self, hole: ReadingHole) -> bool {
        self.reading_holes.contains(&hole)
    }
}

/// A file inside an archive of which no password opened all members, without content: it is encrypted.
fn cause_of(file: &Evidence, locked: &[&str]) -> UnreadCause {
    let inside = |archive: &&str| {
        file.path.strip_prefix(*archive).is_some_and(|rest| rest.starts_with(LOCATOR_SEPARATOR))
    };
    if file.sha256.is_empty() && locked.iter().any(inside) {
        UnreadCause::Encrypted
    } else {
        UnreadCause::Unreadable
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Damage, EvidenceId, HostByPlace, HostKnown};

    fn file(path: &str, format: &str, state: EvidenceState, records: u64) -> Evidence {
        Evidence {
            id: EvidenceId(1),
            path: path.to_owned(),
            format: format.to_owned(),
            bytes: 10,
            sha256: "aa".repeat(32),
            host: None,
            host_known: HostKnown::default(),
            collection: String::new(),
            host_by_place: HostByPlace::default(),
            shadow_copy: None,
            records_read: records,
            rows: records,
            duplicates: 0,
            first: None,
            last: None,
            damage: Vec::new(),
            state,
            same_as: None,
            origin: None,
            md5: None,
            sha1: None,
        }
    }

    fn kinds() -> Vec<ArtefactKind> {
        let one = |kind: &str, formats: &[&str], names: &[&str]| ArtefactKind {
            kind: kind.to_owned(),
            formats: formats.iter().map(|text| (*text).to_owned()).collect(),
            names: names.iter().map(|text| (*text).to_owned()).collect(),
            larger_than: 0,
            cause: None,
            records: true,
            looked_at_suffices: false,
            would_answer: "what ran".to_owned(),
            hint: "convert it".to_owned(),
        };
        vec![
            one("hive", &["regf"], &[]),
            one("prefetch", &[], &["*.pf"]),
            ArtefactKind { larger_than: 100, ..one("large", &["unknown"], &[]) },
            ArtefactKind { cause: Some(UnreadCause::Encrypted), ..one("encrypted", &[], &[]) },
            ArtefactKind { cause: Some(UnreadCause::Unreadable), ..one("unreadable", &[], &[]) },
            ArtefactKind { records: false, ..one("unknown", &["unknown"], &[]) },
        ]
    }

    fn read(evidence: &[Evidence], issues: &[Issue]) -> ReadingCompleteness {
        ReadingCompleteness::of(evidence, issues, &kinds(), asked(false))
    }

    fn asked(files_looked_at: bool) -> Asked {
        Asked {
            files_looked_at,
            is_searched: |file| file.format == "text",
            gave_nothing: |file| file.format == "regf" && file.records_read == 0,
        }
    }

    fn log() -> Evidence {
        file("Security.evtx", "evtx", EvidenceState::Read, 5)
    }

    #[test]
    fn logs_and_programs_alone_are_read_in_full() {
        let reading = read(&[log(), file("a.exe", "pe", EvidenceState::NotParsed, 0)], &[]);
        assert!(reading.is_whole());
        assert_eq!((reading.files_read, reading.other_files.files), (1, 1));
    }

    #[test]
    fn what_holds_records_and_is_not_read_is_a_hole_and_has_its_kind() {
        let reading = read(
            &[
                log(),
                file("a.zip!C/SYSTEM", "regf", EvidenceState::NotParsed, 0),
                file("a.zip!X.PF", "unknown", EvidenceState::NotParsed, 0),
            ],
            &[],
        );
        assert_eq!(reading.reading_holes, [ReadingHole::NotExamined]);
        let told: Vec<_> = reading.not_examined.iter().map(|one| (one.kind.as_str(), one.files)).collect();
        assert_eq!(told, [("hive", 1), ("prefetch", 1)]);
    }

    #[test]
    fn a_file_of_no_known_kind_is_named_and_is_a_hole_only_if_it_is_large() {
        let small = file("x.bin", "unknown", EvidenceState::NotParsed, 0);
        let reading = read(&[log(), small.clone()], &[]);
        assert!(reading.is_whole());
        assert_eq!(reading.not_examined.first().map(|one| one.kind.as_str()), Some("unknown"));
        assert!(!read(&[log(), Evidence { bytes: 1_000, ..small }], &[]).is_whole());
    }

    #[test]
    fn encrypted_members_are_told_from_damaged_files() {
        let member =
            Evidence { sha256: String::new(), ..file("a.zip!s.evtx", "unknown", EvidenceState::Unread, 0) };
        let issue = Issue::new("container-encrypted", "a.zip", "", "", "");
        let damaged = file("b.evtx", "evtx", EvidenceState::Unread, 0);
        let reading = read(&[log(), member, damaged], &[issue]);
        assert_eq!(
            reading.reading_holes,
            [ReadingHole::FilesUnread, ReadingHole::LeftOut, ReadingHole::NotExamined]
        );
        let told: Vec<_> = reading.not_examined.iter().map(|one| one.kind.as_str()).collect();
        assert_eq!(told, ["encrypted", "unreadable"]);
    }

    #[test]
    fn nothing_read_lost_records_and_what_a_limit_left_out_are_holes() {
        let text = file("note.txt", "text", EvidenceState::NotParsed, 0);
        assert_eq!(read(std::slice::from_ref(&text), &[]).reading_holes, [ReadingHole::NothingRead]);
        let looked = ReadingCompleteness::of(&[text], &[], &kinds(), asked(true));
        assert!(looked.is_whole());
        let damage = Damage { kind: "evtx-chunk-damaged".to_owned(), offset: 0, lost: None };
        let damaged = Evidence { damage: vec![damage], ..log() };
        assert_eq!(read(&[damaged], &[]).reading_holes, [ReadingHole::RecordsLost]);
        let issue = Issue::new("archive-members", "a.zip", "", "", "");
        assert_eq!(read(&[log()], &[issue]).reading_holes, [ReadingHole::LeftOut]);
    }

    #[test]
    fn names_are_compared_by_their_last_parts() {
        for (path, pattern) in [
            ("a.zip!C/Windows/Prefetch/CMD.EXE-1.pf", "*.pf"),
            ("a.zip!C/Users/ann/History", "history"),
            (r"a\b\WMI\Repository\OBJECTS.DATA", "repository/objects.data"),
            ("x!$UsnJrnl%3A$J", "*$j"),
            ("hiberfil.sys", "hiberfil.sys"),
            ("a/b/tasks/x", "tasks/*"),
            ("a-b-c", "a*b*c"),
        ] {
            assert!(is_named(path, pattern), "{path} {pattern}");
        }
        for (path, pattern) in [("a.pfx", "*.pf"), ("a/history/x", "history"), ("a-b", "a*b*c"), ("x", "y/x")]
        {
            assert!(!is_named(path, pattern), "{path} {pattern}");
        }
    }
}
