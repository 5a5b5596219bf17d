//! What is said of how completely evidence was read.
//!
//! In: the [`ReadingCompleteness`] that also decides the exit code. Out: sentences for the terminal, the report and the
//! triage, without markup. No sentence here reassures where there is a hole.

use piste_model::summary::Summary;
use piste_model::{NotExamined, ReadingCompleteness, ReadingHole};

use crate::figures::{bytes, counted, thousands};

/// Kinds that one sentence names.
const NAMED: usize = 6;

/// What is said of the reading as a whole, one sentence an entry.
pub(crate) fn sentences(summary: &Summary) -> Vec<String> {
    let reading = &summary.reading;
    let mut told = Vec::new();
    if reading.is_whole() && reading.files_read == 1 {
        told.push("Every record of the one file that Piste takes records from was read.".to_owned());
    } else if reading.is_whole() && reading.files_read > 1 {
        let files = thousands(reading.files_read);
        told.push(format!("Every record of the {files} files that Piste takes records from was read."));
    }
    told.extend(reading.reading_holes.iter().map(|hole| of_hole(*hole, summary)));
    told.extend(of_texts(reading));
    told.extend(of_others(reading));
    told
}

fn of_hole(hole: ReadingHole, summary: &Summary) -> String {
    let reading = &summary.reading;
    match hole {
        ReadingHole::NothingRead => {
            "No record was read: of all that was given, nothing is of a kind that Piste takes records from, or \
             nothing of it could be read."
                .to_owned()
        }
        ReadingHole::FilesUnread => {
            format!("{} could not be read at all.", counted(summary.evidence.unread, "file", "files"))
        }
        ReadingHole::RecordsLost => {
            format!("{} lost records to damage.", counted(reading.files_damaged, "file", "files"))
        }
        ReadingHole::LeftOut => {
            "Something was left out or refused before it was read: the issues name it.".to_owned()
        }
        ReadingHole::NotExamined => {
            let holes = || reading.not_examined.iter().filter(|one| one.records);
            let files: u64 = holes().map(|one| one.files).sum();
            let size: u64 = holes().map(|one| one.bytes).sum();
            let kinds = counted(holes().count() as u64, "kind that holds", "kinds that hold");
            let files = counted(files, "file", "files");
            format!("{files} ({}) of {kinds} records of what happened: not examined.", bytes(size))
        }
    }
}

/// Texts that no records were taken from and that are searched.
fn of_texts(reading: &ReadingCompleteness) -> Option<String> {
    let texts = reading.texts_searched;
    (texts.files > 0).then(|| {
        format!(
            "The lines of {} ({}) can be searched: by indicators and by `piste search`. They are no events.",
            counted(texts.files, "text", "texts"),
            bytes(texts.bytes)
        )
    })
}

/// Files that no records were taken from.
fn of_others(reading: &ReadingCompleteness) -> Option<String> {
    let others = reading.other_files;
    (others.files > 0).then(|| {
        format!(
            "From {} ({}), such as programs and pictures, no records are taken: sealed and hashed.",
            counted(others.files, "other file", "other files"),
            bytes(others.bytes)
        )
    })
}

/// `registry hive × 71 (41.9 MB)`.
pub(crate) fn kind_and_figures(one: &NotExamined) -> String {
    let size = if one.bytes == 0 { String::new() } else { format!(" ({})", bytes(one.bytes)) };
    format!("{} × {}{size}", one.kind, thousands(one.files))
}

/// What stands beside a sentence that says nothing was found: what was not looked at. `None` where all was read.
pub fn beside_nothing_found(summary: &Summary) -> Option<String> {
    let reading = &summary.reading;
    if reading.is_whole() {
        return None;
    }
    let kinds: Vec<String> =
        reading.not_examined.iter().filter(|one| one.records).map(kind_and_figures).collect();
    if kinds.is_empty() {
        let told: Vec<String> = reading.reading_holes.iter().map(|hole| of_hole(*hole, summary)).collect();
        return Some(told.join(" "));
    }
    let rest = kinds.len().saturating_sub(NAMED);
    let more = if rest > 0 {
        format!(" and {}", counted(rest as u64, "more kind", "more kinds"))
    } else {
        String::new()
    };
    let named = kinds.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
    Some(format!("Not examined: {named}{more}."))
}

/// What known indicators were not looked for in, or only by name and hash. `None` where there is nothing of the kind.
pub fn not_searched(summary: &Summary) -> Option<String> {
    let others = summary.reading.other_files;
    let by_name = (others.files > 0).then(|| {
        format!(
            "Of {} ({}), such as programs and pictures, only names, paths and hashes were compared.",
            counted(others.files, "other file", "other files"),
            bytes(others.bytes)
        )
    });
    let told: Vec<String> = beside_nothing_found(summary).into_iter().chain(by_name).collect();
    (!told.is_empty()).then(|| told.join(" "))
}

#[cfg(test)]
mod tests {
    use piste_model::reading::FileFigures;
    use piste_model::summary::EvidenceFigures;

    use super::*;

    fn hive() -> NotExamined {
        NotExamined {
            kind: "registry hive".to_owned(),
            files: 2,
            bytes: 3 << 20,
            would_answer: "persistence".to_owned(),
            hint: "RECmd".to_owned(),
            records: true,
        }
    }

    fn summary(holes: &[ReadingHole], not_examined: Vec<NotExamined>) -> Summary {
        let reading = ReadingCompleteness {
            reading_holes: holes.to_vec(),
            files_read: 2,
            not_examined,
            ..ReadingCompleteness::default()
        };
        let evidence = EvidenceFigures { unread: 1, ..EvidenceFigures::default() };
        Summary { reading, evidence, ..Summary::default() }
    }

    #[test]
    fn every_record_was_read_is_said_only_where_there_is_no_hole() {
        let whole = sentences(&summary(&[], Vec::new())).join(" ");
        assert!(whole.contains("Every record of the 2 files"), "{whole}");
        assert_eq!(beside_nothing_found(&summary(&[], Vec::new())), None);
        for hole in [
            ReadingHole::NothingRead,
            ReadingHole::FilesUnread,
            ReadingHole::RecordsLost,
            ReadingHole::LeftOut,
            ReadingHole::NotExamined,
        ] {
            let holed = summary(&[hole], Vec::new());
            assert!(!sentences(&holed).join(" ").contains("Every record"), "{hole:?}");
            assert!(beside_nothing_found(&holed).is_some(), "{hole:?}");
        }
    }

    #[test]
    fn what_was_not_examined_is_named_with_its_figures() {
        let holed = summary(&[ReadingHole::NotExamined], vec![hive()]);
        assert_eq!(
            beside_nothing_found(&holed).as_deref(),
            Some("Not examined: registry hive × 2 (3.0 MiB).")
        );
        assert!(sentences(&holed).join(" ").contains("2 files (3.0 MiB) of 1 kind that holds records"));
        let mut others = summary(&[], Vec::new());
        others.reading.other_files = FileFigures { files: 4, bytes: 10 };
        assert!(sentences(&others).join(" ").contains("From 4 other files (10 bytes)"));
        let told = not_searched(&others).expect("a sentence");
        assert!(told.contains("Of 4 other files (10 bytes)") && told.contains("only names"), "{told}");
        assert_eq!(not_searched(&summary(&[], Vec::new())), None);
    }
}
