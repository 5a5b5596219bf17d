//! What Windows, IIS and Exchange register with the web server: `catalog/iis-modules.csv`.
//!
//! In: an entry of IIS's configuration. Out: whose it is, or that no list knows it. A list cannot be whole: what it does not
//! know is for a person to look at, and what it knows may still be another file under the same path.

use std::sync::LazyLock;

const CATALOG: &str = include_str!("../../../catalog/iis-modules.csv");

/// A line of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line {
    section: &'static str,
    text: &'static str,
    by: &'static str,
}

static LINES: LazyLock<Vec<Line>> = LazyLock::new(|| {
    let lines = CATALOG.lines().filter(|line| !line.starts_with('#') && !line.starts_with("section,"));
    let read = |line: &'static str| {
        let (section, rest) = line.split_once(',')?;
        let (text, by) = rest.rsplit_once(',')?;
        Some(Line { section, text, by })
    };
    lines.filter_map(read).collect()
});

/// What an entry registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// The library of a native module.
    Native(&'a str),
    /// The library of an ISAPI filter.
    Filter(&'a str),
    /// The library or program that a handler hands requests to.
    Script(&'a str),
    /// The .NET type of a managed module or handler, with its assembly where it is written.
    Type(&'a str),
    /// The folder of a site, an application or a virtual directory.
    Folder(&'a str),
}

/// Who ships such an entry with Windows, IIS or Exchange; `None` where the catalogue does not know it.
pub fn shipped_by(entry: Entry<'_>) -> Option<&'static str> {
    found("", entry)
}

/// The product that is known to add such an entry. A name alone can be borrowed: see whose file it is.
pub fn added_by(entry: Entry<'_>) -> Option<&'static str> {
    found("product-", entry)
}

fn found(group: &str, entry: Entry<'_>) -> Option<&'static str> {
    match entry {
        Entry::Native(path) => ends(group, "native", path),
        Entry::Filter(path) => ends(group, "filter", path),
        Entry::Script(path) => ends(group, "script", path),
        Entry::Type(name) => managed(group, name),
        Entry::Folder(path) => {
            let path = expand(path);
            let folder = format!("{}\\", path.trim_end_matches('\\'));
            lines(group, "folder").find(|line| folder.starts_with(&expand(line.text))).map(|line| line.by)
        }
    }
}

fn lines(group: &str, section: &str) -> impl Iterator<Item = &'static Line> {
    LINES.iter().filter(move |line| line.section.strip_prefix(group) == Some(section))
}

/// A file by the end of its path: which drive Windows is on does not matter, which folder it is in does.
fn ends(group: &str, section: &str, path: &str) -> Option<&'static str> {
    let path = expand(path);
    // A handler's program may be followed by its arguments.
    let path = path.split(['|', '"']).next().unwrap_or_default().trim();
    let whole = path.get(1..3) == Some(":\\") && !path.contains("\\..\\");
    lines(group, section).find(|line| whole && path.ends_with(line.text)).map(|line| line.by)
}

/// A .NET type by the key that its assembly is signed with; by the assembly's name where no key is written; by its namespace
/// where no assembly is named: then it can only be the framework's own.
fn managed(group: &str, name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    let (plain, assembly) = lower.split_once(',').unwrap_or((&lower, ""));
    let token = assembly.split(',').find_map(|part| part.trim().strip_prefix("publickeytoken="));
    match token.map(str::trim).filter(|token| *token != "null") {
        Some(token) => lines(group, "token").find(|line| line.text == token).map(|line| line.by),
        None if assembly.trim().is_empty() => {
            lines(group, "type").find(|line| plain.trim().starts_with(line.text)).map(|line| line.by)
        }
        None => {
            let assembly = assembly.split(',').next().unwrap_or_default().trim();
            lines(group, "assembly").find(|line| assembly.starts_with(line.text)).map(|line| line.by)
        }
    }
}

/// A path in lower case with Windows' variables put in as they are where it was installed by default.
fn expand(path: &str) -> String {
    let mut path = path.trim().trim_matches('"').to_lowercase().replace('/', "\\");
    for (variable, value) in [
        ("%windir%", "c:\\windows"),
        ("%systemroot%", "c:\\windows"),
        ("%systemdrive%", "c:"),
        ("%iis_bin%", "c:\\windows\\system32\\inetsrv"), // IIS Express
        ("%programfiles%", "c:\\program files"),
        ("%programfiles(x86)%", "c:\\program files (x86)"),
        ("%commonprogramfiles%", "c:\\program files\\common files"),
    ] {
        path = path.replace(variable, value);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_catalogue_is_read_and_said_once() {
        let written = CATALOG.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count() - 1;
        assert_eq!(LINES.len(), written);
        let mut seen = std::collections::BTreeSet::new();
        for line in LINES.iter() {
            assert!(seen.insert((line.section, line.text)), "{line:?} stands twice");
            assert!(
                ["native", "filter", "script", "type", "token", "assembly", "folder"]
                    .contains(&line.section.trim_start_matches("product-")),
                "{line:?}"
            );
            assert_eq!(line.text, line.text.to_lowercase(), "{line:?}");
            assert!(!line.by.is_empty(), "{line:?}");
        }
    }

    #[test]
    fn a_shipped_name_in_another_folder_is_not_shipped() {
        let native = |path| shipped_by(Entry::Native(path));
        assert_eq!(native(r"%windir%\System32\inetsrv\cachuri.dll"), Some("IIS"));
        assert_eq!(native(r"D:\Windows\System32\inetsrv\cachuri.dll"), Some("IIS"));
        assert_eq!(native(r"C:\Windows\Temp\cachuri.dll"), None);
        assert_eq!(native(r"C:\Windows\Temp\..\System32\inetsrv\cachuri.dll"), None);
        assert_eq!(
            native(r"C:\Program Files\Microsoft\Exchange Server\V15\Bin\kerbauth.dll"),
            Some("Exchange 2013 to 2019")
        );
        assert_eq!(native(r"C:\Program Files\Microsoft\Exchange Server\V15\Bin\rgdoor.dll"), None);
        assert_eq!(native("cachuri.dll"), None);
    }

    #[test]
    fn a_type_is_known_by_the_key_of_its_assembly() {
        let managed = |name| shipped_by(Entry::Type(name));
        assert_eq!(managed("System.Web.Caching.OutputCacheModule"), Some(".NET Framework"));
        assert_eq!(
            managed(
                "Microsoft.Exchange.HttpProxy.ProxyModule,Microsoft.Exchange.FrontEndHttpProxy,Version=15.0.0.0,Culture=neutral,PublicKeyToken=31bf3856ad364e35"
            ),
            Some("Microsoft")
        );
        assert_eq!(
            managed(
                "ClassLibrary2.ClassLibrary2, ClassLibrary2, Version=1.0.0.0, PublicKeyToken=32d89e1d5a5dfb8e"
            ),
            None
        );
        assert_eq!(
            managed("Microsoft.Exchange.Clients.Owa.Core.OwaModule, Microsoft.Exchange.Clients.Owa"),
            Some("Exchange by its name alone")
        );
        let forged = "Microsoft.Exchange.X, Microsoft.Exchange.X, PublicKeyToken=32d89e1d5a5dfb8e";
        assert_eq!(managed(forged), None, "another's key");
        assert_eq!(managed("System.Web.Evil.Module, Evil"), None);
        let elmah = Entry::Type("Elmah.ErrorLogModule, Elmah");
        assert_eq!((shipped_by(elmah), added_by(elmah)), (None, Some("ELMAH by its name alone")));
        let borrowed = Entry::Type("Elmah.ErrorLogModule, Elmah, PublicKeyToken=32d89e1d5a5dfb8e");
        assert_eq!(added_by(borrowed), None, "a name with another's key");
        assert_eq!(added_by(Entry::Script(r"C:\PHP\php-cgi.exe|-c php.ini")), Some("PHP"));
        assert_eq!(managed(""), None);
    }

    #[test]
    fn folders_are_those_of_the_servers_own_sites() {
        let folder = |path| shipped_by(Entry::Folder(path));
        assert_eq!(folder(r"%SystemDrive%\inetpub\wwwroot"), Some("IIS"));
        assert_eq!(folder(r"C:\inetpub"), Some("IIS"));
        assert_eq!(folder(r"C:\inetpub2\x"), None);
        assert_eq!(
            folder(r"C:\Program Files\Microsoft\Exchange Server\V15\FrontEnd\HttpProxy\owa"),
            Some("Exchange")
        );
        assert_eq!(folder(r"C:\ProgramData\x"), None);
    }
}
