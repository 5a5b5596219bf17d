//! What files are called: each locator names one file, and what is wrong with a file is told under its own.
//!
//! In: files whose names repeat, or are no text. Out: items and issues under locators that tell them apart.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use piste_lake::pipeline;
use piste_lake::plan::plan;
use piste_lake::seal::Intake;
use piste_lake::{LakeError, Sealed, Sealer};
use piste_model::sources::Sources;

const LINE: &[u8] = b"{\"EventID\":1,\"Channel\":\"Security\",\"Hostname\":\"MX01\"}\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).expect("a vector takes all");
    writer.finish().expect("it ends")
}

/// A gzip file that breaks off in its second member.
fn broken_gzip() -> Vec<u8> {
    let mut bytes = [gzip(LINE), gzip(LINE)].concat();
    bytes.truncate(bytes.len() - 12);
    bytes
}

fn write(path: &Path, bytes: &[u8]) -> PathBuf {
    std::fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("the folder is made");
    std::fs::write(path, bytes).expect("a file is written");
    path.to_owned()
}

fn seal(given: &[PathBuf]) -> Intake {
    let tmp = tempfile::tempdir().expect("a scratch folder");
    Sealer::new(&tmp.path().join("case/tmp"), Vec::new(), &|_| {}).seal(given).expect("it is sealed")
}

/// Seals and names the items and the issues.
#[track_caller]
fn check(given: &[PathBuf], items: &[&str], issues: &[(&str, &str)]) -> Intake {
    let intake = seal(given);
    let found: Vec<&str> = intake.items.iter().map(|item| item.path.as_str()).collect();
    assert_eq!(found, items);
    let told: Vec<(&str, &str)> =
        intake.issues.iter().map(|issue| (issue.slug.as_ref(), issue.path.as_str())).collect();
    assert_eq!(told, issues);
    intake
}

#[test]
fn files_of_one_name_are_told_apart_by_their_folders() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let at = |path: &str, bytes: &[u8]| write(&folder.path().join(path), bytes);
    let (one, two) = (at("n1/Security.json", LINE), at("n2/Security.json", b"{}"));
    let deep = at("x/n2/Security.json", b"[]");
    check(std::slice::from_ref(&one), &["Security.json"], &[]);
    check(&[one.clone(), two.clone()], &["n1/Security.json", "n2/Security.json"], &[]);
    // The same path twice is one file; `n2` alone tells nothing here.
    let scratch = folder.path().file_name().expect("it has a name").to_string_lossy().into_owned();
    let all = [one.clone(), two, deep, one];
    let names = seal(&all).items.into_iter().map(|item| item.path).collect::<Vec<_>>();
    let mut expected = ["n1/Security.json", &format!("{scratch}/n2/Security.json"), "x/n2/Security.json"];
    expected.sort_unstable();
    assert_eq!(names, expected);
}

#[test]
fn an_issue_names_the_file_that_it_is_of() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let whole = write(&folder.path().join("g1/a.json.gz"), &gzip(LINE));
    let broken = write(&folder.path().join("g2/a.json.gz"), &broken_gzip());
    let items = ["g1/a.json.gz", "g1/a.json.gz!a.json", "g2/a.json.gz", "g2/a.json.gz!a.json"];
    let intake = check(&[whole, broken], &items, &[("evidence-unreadable", "g2/a.json.gz!a.json")]);
    let damage: Vec<(&str, &str, u64)> = intake
        .items
        .iter()
        .flat_map(|item| item.damage.iter().map(|one| (item.path.as_str(), one.kind.as_str(), one.offset)))
        .collect();
    assert_eq!(damage, [("g2/a.json.gz!a.json", "stream-damaged", intake.items[3].bytes)]);
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_are_sealed_and_read_back() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().expect("a scratch folder");
    let at = |name: &[u8], bytes: &[u8]| {
        write(&folder.path().join("e").join(std::ffi::OsStr::from_bytes(name)), bytes)
    };
    let place = at(b"caf\xe9.json", LINE);
    // What is left of these two is the same text; the second breaks off.
    at(b"x\xe8.gz", &gzip(LINE));
    at(b"x\xe9.gz", &broken_gzip());
    let intake = check(
        &[folder.path().join("e")],
        &[
            "e/caf\u{fffd}.json",
            "e/x\u{fffd}.gz",
            "e/x\u{fffd}.gz!x\u{fffd}",
            "e/x\u{fffd}.gz#2",
            "e/x\u{fffd}.gz#2!x\u{fffd}",
        ],
        &[("evidence-unreadable", "e/x\u{fffd}.gz#2!x\u{fffd}")],
    );
    let item = intake.items.first().expect("there is one");
    let json = serde_json::to_string(&item.seal()).expect("it is written");
    assert!(json.contains("636166e92e6a736f6e"), "{json}");
    let sealed: Sealed = serde_json::from_str(&json).expect("it reads");
    assert_eq!(sealed, item.seal());
    assert!(place.exists());
    let again = piste_lake::reread(
        &sealed,
        &[],
        piste_lake::Record { dataset: "", offset: 0 },
        true,
        folder.path(),
        Vec::new(),
    )
    .expect("it is found again");
    assert_eq!(again.file_sha256.as_deref(), Some(item.sha256.as_str()));
}

#[test]
fn another_case_inside_the_evidence_is_left_out_unless_it_is_given() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let root = folder.path().join("e");
    write(&root.join("old/ledger.jsonl"), b"{\"kind\":\"case.created\",\"seq\":1}\n{}\n");
    write(&root.join("old/x.bin"), b"x");
    write(&root.join("app/ledger.jsonl"), b"{\"kind\":\"payment\"}\n");
    let left_out = root.join("old").display().to_string();
    check(std::slice::from_ref(&root), &["e/app/ledger.jsonl"], &[("evidence-case-folder", &left_out)]);
    check(&[root.join("old")], &["old/ledger.jsonl", "old/x.bin"], &[]);
}

#[test]
fn work_that_panics_ends_the_run_with_an_error() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let given: Vec<PathBuf> =
        (0..50).map(|n| write(&folder.path().join(format!("{n:02}.jsonl")), LINE)).collect();
    let intake = seal(&given);
    let units = plan(&intake.items, "test", "");
    let input = pipeline::Input {
        items: &intake.items,
        units: &units,
        done: &[false],
        left_out: &std::collections::BTreeSet::new(),
        tmp: folder.path(),
        passwords: &[],
        sources: &Sources::default(),
        threads: 2,
        time: piste_lake::FileTime::default(),
        stop: &AtomicBool::new(false),
        progress: &|_| {},
    };
    let work = |item: &piste_lake::Item, _| assert_ne!(item.path, "20.jsonl", "a bug in the hunt");
    let mut steps = 0;
    let error = pipeline::run(&input, &work, &mut |_| {
        steps += 1;
        Ok(())
    })
    .expect_err("a block is missing");
    assert!(matches!(&error, LakeError::Panicked(said) if said.contains("a bug in the hunt")), "{error:?}");
    assert_eq!(steps, 20, "what came before was told");
}
