//! Which hive this is, and how its keys are called on the host.
//!
//! In: a hive and the path of its file. Out: `HKLM\SYSTEM`, `HKU\S-1-5-21-…`, whose it is, and which control set was in
//! use. What the hive holds decides, then the name under which it was loaded, then the file's own name.

use super::hive::{Hive, Key, is_same_name};
use super::le::{sid_at, u16_at, u32_at};
use super::text::push_details;

/// Kinds of hives of which tables are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    System,
    Software,
    Sam,
    Security,
    User,
    Classes,
    Amcache,
    Other,
}

/// What a hive is.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) kind: Kind,
    /// How its root is called: `HKLM\SYSTEM`.
    pub(super) root: String,
    /// In the column `Hive`: `SYSTEM`.
    pub(super) hive: String,
    /// What of the usual path the root already stands for: a saved key is a hive of its own.
    pub(super) below: &'static str,
    pub(super) user: Option<String>,
    /// Number of the control set that was in use.
    pub(super) current: Option<u32>,
    /// The computer that the hive names.
    pub(super) host: Option<String>,
}

/// The key below which a user's settings of programs lie.
const USER_SOFTWARE: &str = "Software";
/// Folders whose folders are called as users are.
const PROFILES: [&str; 3] = ["Users", "Documents and Settings", "ServiceProfiles"];

/// Hives by the name under which they were loaded or saved, and how Windows calls them.
const NAMED: [(&str, Kind, &str); 11] = [
    ("system", Kind::System, r"HKLM\SYSTEM"),
    ("software", Kind::Software, r"HKLM\SOFTWARE"),
    ("sam", Kind::Sam, r"HKLM\SAM"),
    ("security", Kind::Security, r"HKLM\SECURITY"),
    ("ntuser.dat", Kind::User, ""),
    ("ntuser.man", Kind::User, ""),
    ("usrclass.dat", Kind::Classes, ""),
    ("amcache.hve", Kind::Amcache, "Amcache.hve"),
    ("bcd", Kind::Other, r"HKLM\BCD00000000"),
    ("components", Kind::Other, r"HKLM\COMPONENTS"),
    ("drivers", Kind::Other, r"HKLM\DRIVERS"),
];

impl Identity {
    pub(super) fn of(hive: &Hive, root: Option<Key<'_>>, path: &str) -> Self {
        let loaded = hive.base.loaded_as();
        let (kind, below) = match root.and_then(|root| by_content(hive, root)) {
            Some(known) => known,
            None => (by_name(&loaded).or_else(|| by_name(path)).map_or(Kind::Other, |(kind, _)| kind), ""),
        };
        let mut identity = Self {
            kind,
            root: String::new(),
            hive: String::new(),
            below,
            user: None,
            current: None,
            host: None,
        };
        match kind {
            Kind::User | Kind::Classes => identity.name_user(hive, root, &loaded, path),
            _ => {
                let of_kind = NAMED.iter().find(|(_, known, _)| *known == kind && kind != Kind::Other);
                let named = of_kind.map(|(_, _, root)| *root).or_else(|| {
                    by_name(&loaded)
                        .or_else(|| by_name(path))
                        .map(|(_, root)| root)
                        .filter(|root| !root.is_empty())
                });
                identity.root = named.map_or_else(|| file_name(path).to_owned(), str::to_owned);
                identity.hive = file_name(&identity.root).to_owned();
            }
        }
        if let Some(root) = root.filter(|_| kind == Kind::System) {
            identity.current = hive.below(root, "Select").and_then(|key| number(hive, key, "Current"));
            identity.host = identity.computer(hive, root);
        }
        identity
    }

    fn name_user(&mut self, hive: &Hive, root: Option<Key<'_>>, loaded: &str, path: &str) {
        let root_name = root.map(Key::name).unwrap_or_default();
        let mut sid =
            root_name.strip_suffix("_Classes").filter(|sid| sid.starts_with("S-1-")).map(str::to_owned);
        let explorer = root
            .and_then(|root| self.start(hive, root, r"Software\Microsoft\Windows\CurrentVersion\Explorer"))
            .and_then(|key| text(hive, key, "Logon User Name"));
        let is_profile = file_name(loaded).to_ascii_lowercase().starts_with("ntuser.");
        let of_loaded =
            folder_name(loaded).filter(|name| is_profile && !name.is_empty() && !name.contains(':'));
        self.user = explorer.or(of_loaded.map(str::to_owned)).or_else(|| profile_in(path));
        let is_default = file_name(loaded).eq_ignore_ascii_case("default")
            || (loaded.is_empty() && file_name(path).eq_ignore_ascii_case("default"));
        if self.kind == Kind::User && is_default {
            (sid, self.user) = (Some(".DEFAULT".to_owned()), Some("SYSTEM".to_owned()));
        }
        let service = self.user.as_deref().and_then(|user| match user.to_ascii_lowercase().as_str() {
            "localservice" => Some("S-1-5-19"),
            "networkservice" => Some("S-1-5-20"),
            _ => None,
        });
        let of_rights = || root.and_then(|root| hive.security(root)).and_then(only_person);
        let sid = sid.or(service.map(str::to_owned)).or_else(of_rights);
        let who = sid.as_deref().or(self.user.as_deref()).unwrap_or("?");
        (self.hive, self.root) = if self.kind == Kind::Classes {
            ("UsrClass.dat".to_owned(), format!(r"HKU\{who}_Classes"))
        } else if self.below.is_empty() {
            ("NTUSER.DAT".to_owned(), format!(r"HKU\{who}"))
        } else {
            ("NTUSER.DAT".to_owned(), format!(r"HKU\{who}\{}", self.below))
        };
    }

    /// The key of a usual path, from the root of this hive on.
    pub(super) fn start<'h>(&self, hive: &'h Hive, root: Key<'h>, path: &str) -> Option<Key<'h>> {
        hive.below(root, self.cut(path)?)
    }

    /// A usual path without what the root stands for.
    pub(super) fn cut<'p>(&self, path: &'p str) -> Option<&'p str> {
        if self.below.is_empty() {
            return Some(path);
        }
        let (head, rest) = path.split_at_checked(self.below.len())?;
        is_same_name(head, self.below).then_some(rest.trim_start_matches('\\'))
    }

    /// Name of the control set in use: `ControlSet001`.
    pub(super) fn control_set(&self) -> Option<String> {
        self.current.map(|number| format!("ControlSet{number:03}"))
    }

    /// As event logs name the computer: with its domain, where it has one.
    fn computer(&self, hive: &Hive, root: Key<'_>) -> Option<String> {
        let set = hive.below(root, &self.control_set()?)?;
        let name = hive.below(set, r"Control\ComputerName\ComputerName");
        let name = text(hive, name?, "ComputerName").filter(|name| !name.is_empty())?;
        let network = hive.below(set, r"Services\Tcpip\Parameters");
        let domain =
            network.and_then(|key| text(hive, key, "Domain").or_else(|| text(hive, key, "NV Domain")));
        Some(match domain.filter(|domain| !domain.is_empty()) {
            Some(domain) => format!("{name}.{domain}"),
            None => name,
        })
    }
}

/// A text value of a key.
pub(super) fn text(hive: &Hive, key: Key<'_>, name: &str) -> Option<String> {
    let value = hive.named(key, name).filter(|value| super::text::is_text(value.kind))?;
    let data = hive.data(value, super::text::TEXT_BYTES_MAX)?;
    let mut text = String::new();
    push_details(value.kind, &data, data.len(), &mut text);
    Some(text)
}

/// A number value of a key.
pub(super) fn number(hive: &Hive, key: Key<'_>, name: &str) -> Option<u32> {
    let value = hive.named(key, name)?;
    u32_at(&hive.data(value, 4)?, 0)
}

/// What the root's subkeys tell.
fn by_content(hive: &Hive, root: Key<'_>) -> Option<(Kind, &'static str)> {
    let has = |path| hive.below(root, path).is_some();
    let known = if has(r"Select") && has("ControlSet001")
        || has(r"ControlSet001\Control")
        || has(r"ControlSet001\Services")
    {
        (Kind::System, "")
    } else if has(r"SAM\Domains") {
        (Kind::Sam, "")
    } else if has(r"Policy\PolAdtEv") || has(r"Policy\Accounts") && has("RXACT") {
        (Kind::Security, "")
    } else if has(r"Microsoft\Windows NT\CurrentVersion\ProfileList")
        || has(r"Classes\CLSID") && has("Microsoft")
    {
        (Kind::Software, "")
    } else if has(r"Root\InventoryApplicationFile") || has(r"Root\InventoryApplication") || has(r"Root\File")
    {
        (Kind::Amcache, "")
    } else if has("Software")
        && (has("Control Panel") || has("Environment") || has("Keyboard Layout") || has("AppEvents"))
    {
        (Kind::User, "")
    } else if root.name().ends_with("_Classes") || has(r"Local Settings\Software\Microsoft\Windows") {
        (Kind::Classes, "")
    } else if has(r"Microsoft\Windows\CurrentVersion\Explorer")
        && (has("AppDataLow") || root.name() == USER_SOFTWARE)
    {
        (Kind::User, USER_SOFTWARE)
    } else {
        return None;
    };
    Some(known)
}

fn by_name(path: &str) -> Option<(Kind, &'static str)> {
    let name = file_name(path).to_ascii_lowercase();
    NAMED.iter().find(|(known, _, _)| *known == name).map(|(_, kind, root)| (*kind, *root))
}

/// What stands behind the last separator.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit(['\\', '/', '!']).next().unwrap_or(path)
}

fn folder_name(path: &str) -> Option<&str> {
    path.rsplit(['\\', '/', '!']).nth(1)
}

/// The folder below that of profiles.
fn profile_in(path: &str) -> Option<String> {
    let mut parts = path.split(['\\', '/', '!']);
    parts.find(|part| PROFILES.iter().any(|known| part.eq_ignore_ascii_case(known)))?;
    parts.next().filter(|name| parts.next().is_some() && !name.is_empty()).map(str::to_owned)
}

/// The one person to whom the rights of a profile's root are given.
fn only_person(descriptor: &[u8]) -> Option<String> {
    let list_at = usize::try_from(u32_at(descriptor, 16)?).ok()?;
    let count = u16_at(descriptor, list_at + 4)?;
    let mut at = list_at + 8;
    let mut person: Option<String> = None;
    for _ in 0..count {
        let size = usize::from(u16_at(descriptor, at + 2)?);
        let sid = sid_at(descriptor, at + 8).filter(|sid| sid.starts_with("S-1-5-21-"));
        match (sid, &person) {
            (Some(sid), Some(known)) if sid != *known => return None,
            (Some(sid), None) => person = Some(sid),
            _ => {}
        }
        at += size.max(8);
    }
    person
}
