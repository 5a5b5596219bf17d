//! Pages that lie in the collection, and what listings say of them.
//!
//! In: rows of `file.content` (what the structural reader says of a page), rows of `file.listing` (when a file came and whether it
//! is still there). Out: for each page, under the key at which its requests and writes meet too, what it is and since when.
//! A page that reads as a shell is a door whether or not any log names it.

use std::collections::{BTreeMap, BTreeSet};

use piste_lake::{Lake, LakeError};
use piste_model::locator::{shadow_copy, windows_path};
use piste_model::reason::PageReading;
use piste_model::{Instant, ReasonKind, schema};

use super::decode::{is_page, page_key, url_of_file};
use super::fact::Fact;
use super::paths::file_name;
use super::rows::{Row, scan};
use super::shipped_pages::is_foreign;
use super::words::quoted;

/// Folders kept of one host's configuration.
const FOLDERS_MAX: usize = 2_000;
/// Pages kept; a hostile collection could hold more.
const PAGES_MAX: usize = 20_000;

/// What the structural reader takes a page for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reading {
    Clean,
    Suspicious,
    Accused,
}

/// A page of the collection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Content {
    pub(crate) reading: Reading,
    /// Whether it was taken from the volume itself, and not from a shadow copy of an earlier time.
    pub(crate) live: bool,
    pub(crate) fact: Fact,
    /// Its path on the server where the collection tells it, else its URL.
    pub(crate) place: String,
}

/// A row of a listing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Listed {
    pub(crate) fact: Fact,
    /// The file's path, in the listing's own form.
    pub(crate) path: String,
    pub(crate) deleted: bool,
    /// Whether its times do not fit each other.
    pub(crate) altered: bool,
}

/// All pages, by host and key.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pages: BTreeMap<(String, String), Content>,
    listed: BTreeMap<(String, String), BTreeSet<Listed>>,
    compiled: BTreeMap<(String, String), BTreeSet<Fact>>,
    /// Folders that IIS's configuration gives to URL paths, by host: the path with a slash at its end, then the folder.
    mapped: BTreeMap<String, BTreeSet<(String, String)>>,
    /// File names of accused and suspicious pages, to their places.
    names: BTreeMap<String, BTreeSet<(String, String)>>,
}

impl Collected {
    /// Reads the datasets.
    pub(crate) fn read(lake: &Lake, host: &dyn Fn(&str) -> String) -> Result<Self, LakeError> {
        let mut all = Self::default();
        let content = [
            "Path",
            "Kind",
            "Language",
            "Score",
            "Verdict",
            "Reasons",
            "SHA256",
            "Size",
            "VirtualPath",
            "Assembly",
        ];
        scan(lake, "file.content", &content, &mut |row| all.of_content(row, host))?;
        let listing = [
            "TargetFilename",
            "created",
            "modified",
            "fn_created",
            "size",
            "deleted",
            "is_directory",
            schema::TIME_BASIS,
        ];
        for dataset in ["file.listing", "file.mft"] {
            scan(lake, dataset, &listing, &mut |row| all.of_listing(row, host))?;
        }
        let folders = ["Section", "UrlPath", "PhysicalPath"];
        scan(lake, "iis.configuration", &folders, &mut |row| all.of_configuration(row, host))?;
        Ok(all)
    }

    fn of_configuration(&mut self, row: Row<'_, '_>, host: &dyn Fn(&str) -> String) {
        let (url, folder) = (row.text("UrlPath"), row.text("PhysicalPath"));
        if row.text("Section") != "virtualDirectory" || folder.is_empty() {
            return;
        }
        let folders = self.mapped.entry(host(row.host())).or_default();
        if folders.len() < FOLDERS_MAX {
            let front = format!("{}/", url.to_lowercase().trim_end_matches('/'));
            folders.insert((front, folder.to_lowercase().trim_end_matches('\\').to_owned()));
        }
    }

    /// The keys of the files that a URL, decoded and in lower case, leads to by the configuration of a host; the closest first.
    pub(crate) fn mapped<'a>(&'a self, host: &str, url: &'a str) -> impl Iterator<Item = String> + 'a {
        let folders = self.mapped.get(host).into_iter().flatten();
        let mut found: Vec<(&String, String)> = folders
            .filter_map(|(front, folder)| {
                let rest = url.strip_prefix(front.as_str())?;
                Some((front, page_key(&format!("{folder}\\{}", rest.replace('/', "\\")))))
            })
            .collect();
        found.sort_by_key(|(front, _)| std::cmp::Reverse(front.len()));
        found.into_iter().map(|(_, key)| key)
    }

    fn of_content(&mut self, row: Row<'_, '_>, host: &dyn Fn(&str) -> String) {
        let path = row.text("Path");
        let here = host(row.host());
        if row.text("Kind") == "compiled page" {
            let url = row.text("VirtualPath");
            if !url.is_empty() {
                let (page, file) = (quoted(url), quoted(&file_name(path)));
                let assembly = quoted(row.text("Assembly"));
                let said = ReasonKind::CompiledCopyCollected { page, file, assembly };
                let fact = Fact::new("collected file", None, row.place(), said);
                self.compiled.entry((here, page_key(url))).or_default().insert(fact);
            }
            return;
        }
        let reading = match row.text("Verdict") {
            "accused" => Reading::Accused,
            "suspicious" => Reading::Suspicious,
            _ => Reading::Clean,
        };
        let place = windows_path(path);
        let url = url_of_file(&place);
        // An ordinary page is no door; it is kept since logs may say that it was written and asked for.
        let ordinary = reading == Reading::Clean;
        let page = is_page(&place.to_lowercase()) && row.text("Kind") != "configuration";
        let most = if ordinary { PAGES_MAX / 2 } else { PAGES_MAX };
        if (ordinary && !page) || self.pages.len() >= most {
            return;
        }
        let key = url.unwrap_or_else(|| page_key(&place));
        let shadow = shadow_copy(path);
        let live = shadow.is_none();
        let said = ReasonKind::FileReadsAs {
            file: quoted(&file_name(path)),
            reads: match reading {
                Reading::Accused => PageReading::Shell,
                Reading::Suspicious => PageReading::Traits,
                Reading::Clean => PageReading::Ordinary,
            },
            score: quoted(row.text("Score")),
            sha256: quoted(row.text("SHA256")),
            traits: Some(row.text("Reasons")).filter(|traits| !traits.is_empty()).map(quoted),
            shadow_copy: shadow,
        };
        let content = Content {
            reading,
            live,
            fact: Fact::new("collected file", None, row.place(), said).page(&key),
            place,
        };
        if reading != Reading::Clean {
            self.names.entry(file_name(path)).or_default().insert((here.clone(), key.clone()));
        }
        let known = self.pages.entry((here, key)).or_insert_with(|| content.clone());
        // Of several copies the gravest stands.
        *known = known.clone().max(content);
    }

    fn of_listing(&mut self, row: Row<'_, '_>, host: &dyn Fn(&str) -> String) {
        let path = row.text("TargetFilename");
        let lower = path.to_lowercase();
        if !is_page(&lower) && !self.names.contains_key(&file_name(&lower))
            || row.text("is_directory").eq_ignore_ascii_case("true")
        {
            return;
        }
        let (Some(url), here) = (url_of_file(path), host(row.host())) else { return };
        if !(is_foreign(&url) || self.has_name(&url)) || self.listed.len() >= PAGES_MAX {
            return;
        }
        let deleted = matches!(row.text("deleted"), "True" | "true" | "yes" | "1");
        let (created, named) = (Instant::parse(row.text("created")), Instant::parse(row.text("fn_created")));
        let altered = created.zip(named).is_some_and(|(si, file)| si.nanos + 1_000_000_000 < file.nanos);
        let basis = row.text(schema::TIME_BASIS);
        let sure = basis.contains("created") && !basis.contains("zone unknown");
        // The file name's own time is harder to set; the later of the two is when the file came.
        let time = row.time().filter(|_| sure).map(|time| named.map_or(time, |named| named.max(time)));
        let value = |column: &str| Some(row.text(column)).filter(|text| !text.is_empty()).map(quoted);
        let said = ReasonKind::FileListed {
            path: quoted(path),
            created: value("created"),
            modified: value("modified"),
            size: value("size"),
            deleted,
        };
        let fact = Fact::new("file listing", time, row.place(), said);
        let listed = Listed { fact, path: path.to_owned(), deleted, altered };
        self.listed.entry((here, page_key(&url))).or_default().insert(listed);
    }

    /// Whether a page of this key is a shell, or has traits of one, on any host.
    pub(crate) fn is_shell(&self, key: &str) -> bool {
        let name = key.rsplit(['/', '\\']).next().unwrap_or_default();
        self.names.get(name).is_some_and(|places| places.iter().any(|(_, one)| one == key))
    }

    /// Whether a page of this file name is.
    pub(crate) fn has_name(&self, path: &str) -> bool {
        self.names.contains_key(path.rsplit('/').next().unwrap_or_default())
    }

    /// The key of a shell that a URL, decoded and in lower case, leads to on a host.
    pub(crate) fn key_of(&self, host: &str, url: &str) -> Option<&str> {
        let name = url.rsplit('/').next().unwrap_or_default();
        let places = self.names.get(name)?;
        let of_host = |place: &&(String, String)| place.0 == host;
        let url_key = page_key(url);
        let same = places.iter().filter(of_host).find(|(_, key)| *key == url_key);
        let by_folder = || {
            let keys: Vec<String> = self.mapped(host, url).collect();
            places.iter().filter(of_host).find(|(_, key)| keys.contains(key))
        };
        // A site may have its root anywhere: then the folders behind it are those of the URL.
        let tail = || {
            places.iter().filter(of_host).find(|(_, key)| {
                key.contains('\\') && key.replace('\\', "/").ends_with(url) && url.matches('/').count() > 0
            })
        };
        same.or_else(by_folder).or_else(tail).map(|(_, key)| key.as_str())
    }

    /// What a page is.
    pub(crate) fn content(&self, host: &str, key: &str) -> Option<&Content> {
        self.pages.get(&(host.to_owned(), key.to_owned()))
    }

    /// What listings say of a page.
    pub(crate) fn listed(&self, host: &str, key: &str) -> impl Iterator<Item = &Listed> {
        self.listed.get(&(host.to_owned(), key.to_owned())).into_iter().flatten()
    }

    /// Compiled copies of a page.
    pub(crate) fn compiled(&self, host: &str, key: &str) -> impl Iterator<Item = &Fact> {
        self.compiled.get(&(host.to_owned(), key.to_owned())).into_iter().flatten()
    }

    /// Keys of a host's pages that are doors by themselves: shells, and pages that the server does not ship in folders in
    /// which there are no others.
    pub(crate) fn keys<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a str> {
        let shells =
            self.pages.iter().filter(|(_, content)| content.reading == Reading::Accused).map(|(at, _)| at);
        shells.chain(self.listed.keys()).filter(move |(one, _)| one == host).map(|(_, key)| key.as_str())
    }

    /// Hosts that have such pages.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.pages.keys().chain(self.listed.keys()).map(|(host, _)| host.as_str())
    }
}
