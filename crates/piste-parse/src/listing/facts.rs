//! What a row of a file listing says of one file, whoever listed it.
//!
//! In: values by the meaning of their column. Out: copies under one set of names (`TargetFilename`, `size`, `created`,
//! `modified`, `changed`, `accessed`, `fn_created` ..., `md5`, `sha1`, `sha256`, `Hashes`, `deleted`, `is_directory`) beside the
//! columns as written, and the row's time: its creation, or where the listing has none, the time that it has.

use std::fmt::Write as _;

use piste_model::Instant;
use piste_model::schema::Role;

use crate::dates::{Exchanged, Order};
use crate::fields::Fields;

/// What a column of a listing holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    Path,
    Folder,
    Name,
    Size,
    Created,
    Modified,
    Changed,
    Accessed,
    FnCreated,
    FnModified,
    FnChanged,
    FnAccessed,
    Md5,
    Sha1,
    Sha256,
    /// A hash whose kind another column names.
    Hash,
    Algorithm,
    /// Whether the file's record is in use: false for a deleted file.
    InUse,
    IsDirectory,
    Host,
}

/// Number of meanings.
const COUNT: usize = Meaning::Host as usize + 1;

/// Columns by name in lower case: what they hold, and whether a time there is surely UTC.
const COLUMNS: [(&str, Meaning, bool); 52] = [
    ("fullname", Meaning::Path, true),
    ("ospath", Meaning::Path, true),
    ("fullpath", Meaning::Path, true),
    ("filepath", Meaning::Path, true),
    ("path", Meaning::Path, true),
    ("targetfilename", Meaning::Path, true),
    ("parentpath", Meaning::Folder, true),
    ("directoryname", Meaning::Folder, true),
    ("directory", Meaning::Folder, true),
    ("filename", Meaning::Name, true),
    ("name", Meaning::Name, true),
    ("filesize", Meaning::Size, true),
    ("length", Meaning::Size, true),
    ("size", Meaning::Size, true),
    ("created0x10", Meaning::Created, true),
    ("creationtimeutc", Meaning::Created, true),
    ("btime", Meaning::Created, true),
    ("crtime", Meaning::Created, true),
    ("stat.btime", Meaning::Created, true),
    ("creationtime", Meaning::Created, false),
    ("lastmodified0x10", Meaning::Modified, true),
    ("lastwritetimeutc", Meaning::Modified, true),
    ("mtime", Meaning::Modified, true),
    ("stat.mtime", Meaning::Modified, true),
    ("modtime", Meaning::Modified, true),
    ("lastwritetime", Meaning::Modified, false),
    ("lastrecordchange0x10", Meaning::Changed, true),
    ("ctime", Meaning::Changed, true),
    ("stat.ctime", Meaning::Changed, true),
    ("lastaccess0x10", Meaning::Accessed, true),
    ("lastaccesstimeutc", Meaning::Accessed, true),
    ("atime", Meaning::Accessed, true),
    ("stat.atime", Meaning::Accessed, true),
    ("lastaccesstime", Meaning::Accessed, false),
    ("created0x30", Meaning::FnCreated, true),
    ("lastmodified0x30", Meaning::FnModified, true),
    ("lastrecordchange0x30", Meaning::FnChanged, true),
    ("lastaccess0x30", Meaning::FnAccessed, true),
    ("md5", Meaning::Md5, true),
    ("hash.md5", Meaning::Md5, true),
    ("sha1", Meaning::Sha1, true),
    ("hash.sha1", Meaning::Sha1, true),
    ("sha256", Meaning::Sha256, true),
    ("hash.sha256", Meaning::Sha256, true),
    ("hash", Meaning::Hash, true),
    ("algorithm", Meaning::Algorithm, true),
    ("inuse", Meaning::InUse, true),
    ("isdirectory", Meaning::IsDirectory, true),
    ("isdir", Meaning::IsDirectory, true),
    ("psiscontainer", Meaning::IsDirectory, true),
    ("fqdn", Meaning::Host, true),
    ("pscomputername", Meaning::Host, true),
];

/// Columns of what collectors write about the files that they copied: KAPE's copy log, Velociraptor's metadata of its targets.
/// Such words are used for other things too, so they count only beside [`COPIED_FROM`].
const COPIED: [(&str, Meaning, bool); 9] = [
    (COPIED_FROM, Meaning::Path, true),
    ("created", Meaning::Created, false),
    ("createdonutc", Meaning::Created, true),
    ("modified", Meaning::Modified, false),
    ("modifiedonutc", Meaning::Modified, true),
    ("lastaccessed", Meaning::Accessed, false),
    ("lastaccessedonutc", Meaning::Accessed, true),
    ("sourcefilesha1", Meaning::Sha1, true),
    ("sourcefilesha256", Meaning::Sha256, true),
];
/// Column that names the file on the host.
const COPIED_FROM: &str = "sourcefile";

/// Columns of DFIR-ORC's tables of files, which its own words stand beside ([`super::ntfs_tables`]).
const ORC: [(&str, Meaning, bool); 13] = [
    ("computername", Meaning::Host, true),
    ("file", Meaning::Name, true),
    ("parentname", Meaning::Folder, true),
    ("sizeinbytes", Meaning::Size, true),
    ("creationdate", Meaning::Created, true),
    ("lastmodificationdate", Meaning::Modified, true),
    ("lastattrchangedate", Meaning::Changed, true),
    ("lastaccessdate", Meaning::Accessed, true),
    ("filenamecreationdate", Meaning::FnCreated, true),
    ("filenamelastmodificationdate", Meaning::FnModified, true),
    ("filenamelastattrmodificationdate", Meaning::FnChanged, true),
    ("filenamelastaccessdate", Meaning::FnAccessed, true),
    ("recordinuse", Meaning::InUse, true),
];

/// Whose words the columns of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Words {
    /// Of any tool that lists files.
    Common,
    /// Of collectors about what they copied.
    Copied,
    /// Of DFIR-ORC.
    Orc,
}

impl Words {
    /// By the columns of a table.
    pub(crate) fn of<'a>(mut columns: impl Iterator<Item = &'a str>) -> Self {
        if columns.any(|column| column.eq_ignore_ascii_case(COPIED_FROM)) {
            Self::Copied
        } else {
            Self::Common
        }
    }

    /// What a column holds, and whether its times are surely UTC.
    pub(crate) fn meaning(self, column: &str) -> Option<(Meaning, bool)> {
        let own: &[(&str, Meaning, bool)] = match self {
            Self::Common => &[],
            Self::Copied => &COPIED,
            Self::Orc => &ORC,
        };
        let known = own.iter().chain(&COLUMNS).find(|(name, _, _)| column.eq_ignore_ascii_case(name));
        known.map(|(_, meaning, utc)| (*meaning, *utc))
    }
}

/// Whether a time says its own zone.
fn has_zone(text: &str) -> bool {
    text.ends_with(['Z', 'z']) || text.get(19..).is_some_and(|tail| tail.contains(['+', '-']))
}

/// The bases of a row's time: of a creation, of another time, each in UTC or in an unknown zone.
const BASES: [(Meaning, &str, &str); 4] = [
    (Meaning::Created, "file created", "file created, zone unknown"),
    (
        Meaning::Modified,
        "file modified, creation not listed",
        "file modified, creation not listed, zone unknown",
    ),
    (
        Meaning::Changed,
        "file changed, creation not listed",
        "file changed, creation not listed, zone unknown",
    ),
    (Meaning::FnCreated, "file created by $FILE_NAME", "file created by $FILE_NAME, zone unknown"),
];

/// Times and the columns that they are copied to.
const TIMES: [(Meaning, &str); 8] = [
    (Meaning::Created, "created"),
    (Meaning::Modified, "modified"),
    (Meaning::Changed, "changed"),
    (Meaning::Accessed, "accessed"),
    (Meaning::FnCreated, "fn_created"),
    (Meaning::FnModified, "fn_modified"),
    (Meaning::FnChanged, "fn_changed"),
    (Meaning::FnAccessed, "fn_accessed"),
];

/// The facts of one row; its memory is used again for the next.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    text: [String; COUNT],
    /// Set where a time's zone is not told.
    local: [bool; COUNT],
    /// How dates are written here.
    order: Order,
    /// Dates that are written otherwise.
    pub(crate) exchanged: Exchanged,
    scratch: String,
}

impl Facts {
    /// For dates that are written so.
    pub(crate) fn written(order: Order) -> Self {
        Self { order, ..Self::default() }
    }

    /// Reads a date of this file.
    pub(crate) fn read(&mut self, text: &str) -> Option<Instant> {
        self.exchanged.moment(text, self.order)
    }

    pub(crate) fn clear(&mut self) {
        for text in &mut self.text {
            text.clear();
        }
        self.local = [false; COUNT];
    }

    /// Takes in a value; the first column of a meaning wins, an empty one says nothing.
    pub(crate) fn set(&mut self, meaning: Meaning, value: &str, utc: bool) {
        let at = meaning as usize;
        if let Some(text) = self.text.get_mut(at)
            && text.is_empty()
        {
            text.push_str(value);
            if let Some(local) = self.local.get_mut(at) {
                *local = !utc && !has_zone(value);
            }
        }
    }

    pub(crate) fn get(&self, meaning: Meaning) -> &str {
        self.text.get(meaning as usize).map(String::as_str).unwrap_or_default()
    }

    /// The file's path as Windows writes it, or as the listing does where it is another system's.
    pub(crate) fn path(&self) -> String {
        let path = self.get(Meaning::Path);
        let path = if path.is_empty() {
            let (folder, name) = (self.get(Meaning::Folder), self.get(Meaning::Name));
            match folder {
                "" | "." => format!("\\{name}"),
                _ => format!("{}\\{name}", folder.strip_prefix('.').unwrap_or(folder).trim_end_matches('\\')),
            }
        } else {
            path.to_owned()
        };
        windows_path(path)
    }

    /// Adds the copies; gives the row's time and what it is.
    pub(crate) fn push(&mut self, fields: &mut Fields) -> Option<(Instant, &'static str)> {
        let path = self.path();
        fields.push("TargetFilename", &path, Role::Copy);
        if !self.get(Meaning::Size).is_empty() {
            fields.push("size", self.get(Meaning::Size), Role::Copy);
        }
        let mut time = None;
        for (meaning, name) in TIMES {
            let Some(moment) = self.moment(meaning) else { continue };
            self.scratch.clear();
            let _ = write!(self.scratch, "{moment}");
            fields.push(name, &self.scratch, Role::Copy);
            let basis = BASES.iter().find(|(this, _, _)| *this == meaning);
            if let Some((_, utc, local)) = basis
                && time.is_none()
            {
                let is_local = self.local.get(meaning as usize) == Some(&true);
                time = Some((moment, if is_local { *local } else { *utc }));
            }
        }
        self.push_hashes(fields);
        let flag = |text: &str| ["true", "1", "y"].iter().any(|yes| text.eq_ignore_ascii_case(yes));
        if !self.get(Meaning::InUse).is_empty() {
            let deleted = if flag(self.get(Meaning::InUse)) { "false" } else { "true" };
            fields.push("deleted", deleted, Role::Copy);
        }
        if !self.get(Meaning::IsDirectory).is_empty() {
            let is = if flag(self.get(Meaning::IsDirectory)) { "true" } else { "false" };
            fields.push("is_directory", is, Role::Copy);
        }
        time
    }

    fn moment(&mut self, meaning: Meaning) -> Option<Instant> {
        let Self { text, exchanged, order, .. } = self;
        let text = text.get(meaning as usize).map(String::as_str).filter(|text| !text.is_empty())?;
        Instant::parse(text).or_else(|| exchanged.moment(text, *order)).filter(|time| time.nanos != 0)
    }

    /// Each hash under its own name, and all in one text as Sysmon writes them.
    fn push_hashes(&mut self, fields: &mut Fields) {
        let algorithm = self.get(Meaning::Algorithm).to_ascii_uppercase();
        let mut all = String::new();
        let kinds = [
            (Meaning::Md5, "md5", "MD5", 32),
            (Meaning::Sha1, "sha1", "SHA1", 40),
            (Meaning::Sha256, "sha256", "SHA256", 64),
        ];
        for (meaning, name, label, digits) in kinds {
            let own = self.get(meaning);
            let hash = if own.is_empty() && algorithm == label { self.get(Meaning::Hash) } else { own };
            if hash.len() != digits || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                continue;
            }
            fields.push(name, &hash.to_ascii_lowercase(), Role::Copy);
            if !all.is_empty() {
                all.push(',');
            }
            all.extend([label, "=", &hash.to_ascii_uppercase()]);
        }
        if !all.is_empty() {
            fields.push("Hashes", &all, Role::Copy);
        }
    }
}

/// First folders of systems whose paths keep their slashes.
const UNIX_FOLDERS: [&str; 18] = [
    "bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root", "run",
    "sbin", "srv", "sys", "usr", "var",
];

/// `\\.\C:\x`, `\\?\C:\x` and `C:/x` are `C:\x`; what lies in `/var` and its like is left as it is.
fn windows_path(path: String) -> String {
    for device in [r"\\.\", r"\\?\"] {
        let rest = path.strip_prefix(device);
        if let Some(rest) = rest.filter(|rest| rest.as_bytes().get(1) == Some(&b':')) {
            return rest.to_owned();
        }
    }
    if path.contains('\\') || !path.contains('/') {
        return path;
    }
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    if path.starts_with('/') && UNIX_FOLDERS.contains(&first) {
        return path;
    }
    let path = path.replace('/', "\\");
    let drive = path.strip_prefix('\\').filter(|rest| rest.as_bytes().get(1) == Some(&b':'));
    drive.map(str::to_owned).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_as_rules_look_for_them() {
        let check = |path: &str, shown: &str| assert_eq!(windows_path(path.to_owned()), shown);
        check(r"\\.\C:\inetpub\x.aspx", r"C:\inetpub\x.aspx");
        check(
            r"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy1\x",
            r"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy1\x",
        );
        check("/inetpub/wwwroot/x.aspx", r"\inetpub\wwwroot\x.aspx");
        check("/C:/inetpub/x", r"C:\inetpub\x");
        check("/var/www/x.php", "/var/www/x.php");
        let mut facts = Facts::default();
        facts.set(Meaning::Folder, r".\inetpub\wwwroot", true);
        facts.set(Meaning::Name, "x.aspx", true);
        assert_eq!(facts.path(), r"\inetpub\wwwroot\x.aspx");
        facts.clear();
        facts.set(Meaning::Folder, ".", true);
        facts.set(Meaning::Name, "$MFT", true);
        assert_eq!(facts.path(), r"\$MFT");
    }
}
