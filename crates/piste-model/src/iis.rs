//! What Windows, IIS and Exchange register with the web server: `catalog/iis-modules.csv`.
//!
//! In: an entry of IIS's configuration. Out: whose it is, or that no list knows it. A list cannot be whole: what it does not
//! know is for a person to look at, and what it knows may still be another file under the same path.

use std::sync::LazyLock;

/// The folder in which Exchange is installed by default, within that of programs.
const EXCHANGE: &str = "\\microsoft\\exchange server\\";

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

/// Whose name an entry has borrowed: it is called as something of theirs, and is not that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Borrowed {
    /// Whose name it is.
    pub by: &'static str,
    /// The end of the path at which their file lies, or what the names of their assemblies and types begin with.
    pub known: &'static str,
    /// Whether theirs is a file of Exchange, which nobody else calls a library after.
    pub of_exchange: bool,
}

/// Who ships such an entry with Windows, IIS or Exchange; `None` where the catalogue does not know it.
pub fn shipped_by(entry: Entry<'_>) -> Option<&'static str> {
    found("", entry)
}

/// The product that is known to add such an entry. A name alone can be borrowed: see whose file it is.
pub fn added_by(entry: Entry<'_>) -> Option<&'static str> {
    found("product-", entry)
}

/// Whether a module that only a log names, by its name, is one that Windows, IIS or Exchange call so. A name can be borrowed.
pub fn is_usual_name(name: &str) -> bool {
    let name = name.trim().to_lowercase();
    lines("", "name").any(|line| line.text == name)
}

/// Whose name an entry has that neither they nor a known product have registered; `None` where it has nobody's, or is theirs.
pub fn borrowed(entry: Entry<'_>) -> Option<Borrowed> {
    if shipped_by(entry).or_else(|| added_by(entry)).is_some() {
        return None;
    }
    let of =
        |line: &Line| Borrowed { by: line.by, known: line.text, of_exchange: line.text.contains(EXCHANGE) };
    match entry {
        Entry::Native(path) | Entry::Filter(path) | Entry::Script(path) => {
            let path = expand(path);
            let path = path.split(['|', '"']).next().unwrap_or_default().trim();
            let name = path.rsplit('\\').next().filter(|name| !name.is_empty())?;
            let libraries = ["native", "filter", "script"];
            let mut all = LINES.iter().filter(|line| libraries.contains(&line.section));
            all.find(|line| line.text.rsplit('\\').next() == Some(name)).map(of)
        }
        Entry::Type(name) => {
            let lower = name.to_lowercase();
            let (plain, assembly) = lower.split_once(',').unwrap_or((&lower, ""));
            let assembly = assembly.split(',').next().unwrap_or_default().trim();
            let by_assembly = lines("", "assembly").find(|line| assembly.starts_with(line.text));
            by_assembly.or_else(|| lines("", "type").find(|line| plain.trim().starts_with(line.text))).map(of)
        }
        Entry::Folder(_) => None,
    }
}

/// Folders in lower case that anybody may write to: no product keeps its libraries there, or serves pages from there.
const ANYBODYS: [&str; 10] = [
    ":\\programdata\\",
    ":\\users\\",
    ":\\documents and settings\\",
    ":\\windows\\temp\\",
    ":\\temp\\",
    ":\\perflogs\\",
    ":\\recycler\\",
    ":\\$recycle.bin\\",
    ":\\windows\\tasks\\",
    "\\appdata\\",
];

/// Whether a folder, or the folder of a file, is one that anybody may write to.
pub fn anybody_writes(path: &str) -> bool {
    let mut path = expand(path.trim_matches(['"', '\'']));
    path.push('\\');
    ANYBODYS.iter().any(|folder| path.contains(folder))
}

/// Where Exchange is installed, in lower case, and where it is by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeFolder {
    folder: String,
    default: &'static str,
}

impl ExchangeFolder {
    /// The folder that one of Exchange's own virtual directories leads to; `None` where the directory is none of Exchange's, or
    /// lies where anybody may write.
    pub fn of_directory(url: &str, folder: &str) -> Option<Self> {
        let folder = expand(folder);
        let folder = folder.trim_end_matches('\\');
        let service = match url.trim_end_matches('/').to_lowercase().as_str() {
            "/owa" => "owa",
            "/ecp" => "ecp",
            _ => return None,
        };
        let front = format!("\\frontend\\httpproxy\\{service}");
        let old = format!("\\clientaccess\\{service}");
        let (folder, default) = match (folder.strip_suffix(&front), folder.strip_suffix(&old)) {
            (Some(folder), _) => (folder, "c:\\program files\\microsoft\\exchange server\\v15"),
            (None, Some(folder)) => (folder, "c:\\program files\\microsoft\\exchange server\\v14"),
            (None, None) => return None,
        };
        let stands = !folder.is_empty() && !anybody_writes(folder);
        stands.then(|| Self { folder: folder.to_owned(), default })
    }

    /// A path within it as it is where Exchange is installed by default.
    pub fn by_default(&self, path: &str) -> Option<String> {
        let path = expand(path);
        let rest = path.strip_prefix(self.folder.as_str())?;
        rest.starts_with('\\').then(|| format!("{}{rest}", self.default))
    }
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
        ("%exchangeinstallpath%", "c:\\program files\\microsoft\\exchange server\\v15\\"),
        ("%programdata%", "c:\\programdata"),
        ("%temp%", "c:\\windows\\temp"),
        ("%tmp%", "c:\\windows\\temp"),
        ("%public%", "c:\\users\\public"),
    ] {
        path = path.replace(variable, value);
    }
    // Exchange's variable ends with a backslash, after which some write another.
    path.replace("\\v15\\\\", "\\v15\\")
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
                ["native", "filter", "script", "type", "token", "assembly", "folder", "name"]
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
            Some("Exchange 2013 to SE")
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
    fn a_borrowed_name_says_whose_it_is() {
        let native = |path| borrowed(Entry::Native(path)).map(|one| (one.by, one.of_exchange));
        assert_eq!(native(r"C:\Windows\Temp\cachuri.dll"), Some(("IIS", false)));
        assert_eq!(native(r"%windir%\System32\inetsrv\cachuri.dll"), None, "it is the one");
        assert_eq!(
            native(r"C:\Program Files\Microsoft\Exchange Server\V15\bin\owaauth.dll"),
            Some(("Exchange 2010", true)),
            "the first of those that have it"
        );
        assert_eq!(native(r"C:\Windows\System32\inetsrv\other.dll"), None);
        let managed = |name: String| borrowed(Entry::Type(&name)).map(|one| one.by);
        let key = "PublicKeyToken=32d89e1d5a5dfb8e";
        assert_eq!(
            managed(format!("Microsoft.Exchange.X, Microsoft.Exchange.X, {key}")),
            Some("Exchange by its name alone")
        );
        assert_eq!(managed("System.Web.Evil.Module, Evil".to_owned()), Some(".NET Framework"));
        assert_eq!(managed(format!("ClassLibrary2.Module, ClassLibrary2, {key}")), None);
        assert!(is_usual_name("ExpPW") && !is_usual_name("HttpLogCache"));
    }

    #[test]
    fn exchange_may_be_installed_anywhere_but_where_anybody_writes() {
        let root =
            ExchangeFolder::of_directory("/owa/", r"E:\Exchange\FrontEnd\HttpProxy\owa").expect("its folder");
        let moved = |path| root.by_default(path);
        let filter = moved(r"E:\Exchange\FrontEnd\HttpProxy\bin\owaauth.dll").expect("within it");
        assert_eq!(shipped_by(Entry::Filter(&filter)), Some("Exchange 2013 to SE"));
        assert_eq!(moved(r"E:\Exchange2\FrontEnd\HttpProxy\bin\owaauth.dll"), None);
        assert_eq!(ExchangeFolder::of_directory("/owa", r"C:\Users\Public\FrontEnd\HttpProxy\owa"), None);
        assert_eq!(ExchangeFolder::of_directory("/x", r"E:\Exchange\FrontEnd\HttpProxy\owa"), None);
        let old = ExchangeFolder::of_directory("/owa", r"D:\Ex14\ClientAccess\owa").expect("its folder");
        let filter = old.by_default(r"D:\Ex14\ClientAccess\owa\auth\owaauth.dll").expect("within it");
        assert_eq!(shipped_by(Entry::Filter(&filter)), Some("Exchange 2010"));
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
