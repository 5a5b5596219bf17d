//! IIS's configuration: `applicationHost.config` and `web.config`, an entry a row of `iis.configuration`.
//!
//! In: the first bytes of a configuration file. Out: a row for each module, handler, ISAPI filter, site folder that it
//! registers, with who ships such a thing by `catalog/iis-modules.csv`. What an entry under `<location>` is for is in
//! `Location`. XML that breaks off gives what came before, and an issue; comments are passed over, as IIS does.

use piste_model::hash::record_hash;
use piste_model::iis::{Entry, ExchangeFolder, added_by, shipped_by};
use piste_model::schema::Role;
use quick_xml::events::{BytesStart, Event};

use crate::block::Block;
use crate::fields::Fields;
use crate::rows::{Head, Rows};
use piste_page::charset;

use crate::{Context, Parsed};

/// Dataset of the rows.
pub const DATASET: &str = "iis.configuration";
/// Nesting that is followed; IIS's own schema needs less than a dozen.
const DEPTH_MAX: usize = 128;
/// Entries of one file; a default installation has some two hundred.
const ENTRIES_MAX: usize = 10_000;
/// Characters of a value.
const VALUE_CHARS_MAX: usize = 1_024;
/// Bytes of one element that are read again to show it.
pub const ELEMENT_BYTES_MAX: usize = 64 << 10;

/// An element's attributes of interest, by lower-case name.
#[derive(Default)]
struct Attributes(Vec<(String, String)>);

impl Attributes {
    fn of(element: &BytesStart<'_>) -> Self {
        let mut attributes = element.attributes();
        let all = attributes.with_checks(false).filter_map(Result::ok).map(|one| {
            let name = one.key.as_ref().to_ascii_lowercase();
            (name, unescaped(&one.value))
        });
        Self(all.take(64).collect())
    }

    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// Characters that are written by name or number put in; another name stays as it is written.
fn unescaped(value: &str) -> String {
    let (mut text, mut rest) = (String::new(), value);
    while let Some((before, after)) = rest.split_once('&') {
        text.push_str(before);
        let known = after.split_once(';').and_then(|(name, more)| Some((character(name)?, more)));
        rest = if let Some((sign, more)) = known {
            text.push(sign);
            more
        } else {
            text.push('&');
            after
        };
    }
    text.push_str(rest);
    text.chars().take(VALUE_CHARS_MAX).collect()
}

/// `amp`, `#101`, `#x65`.
fn character(name: &str) -> Option<char> {
    let known = [("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\''), ("amp", '&')];
    if let Some((_, sign)) = known.iter().find(|(known, _)| *known == name) {
        return Some(*sign);
    }
    let number = name.strip_prefix('#')?;
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    code.ok().and_then(char::from_u32)
}

/// Where in the file the reader is.
#[derive(Default)]
struct Walk {
    /// Names of the open elements, in lower case.
    path: Vec<String>,
    /// `path` of the open `<location>` elements, with their depth.
    locations: Vec<(usize, String)>,
    site: String,
    application: String,
    /// Where Exchange is installed, by the sites that it set up, which stand before the modules.
    exchange: Option<ExchangeFolder>,
    entries: usize,
}

/// Adds the rows of a configuration file.
pub(crate) fn read(block: &Block, cx: &Context<'_>, parsed: &mut Parsed, rows: &mut Rows<'_>) {
    let bytes = block.bytes.get(..block.bytes.len().min(crate::page::BYTES_MAX)).unwrap_or_default();
    let decoded = charset::decoded(bytes);
    let text = plain(&decoded.bytes);
    let mut reader = quick_xml::Reader::from_str(&text);
    let mut walk = Walk::default();
    let mut places = decoded.places();
    let mut fields = Fields::default();
    loop {
        let from = position(&reader);
        let event = match reader.read_event() {
            Ok(Event::Eof) if walk.path.is_empty() => break,
            Ok(Event::Eof) => break cut(parsed, cx, from as u64, "it ends within an element"),
            Ok(event) => event,
            Err(error) => break cut(parsed, cx, from as u64, &error.to_string()),
        };
        let (element, closed) = match event {
            Event::Start(element) => (element, false),
            Event::Empty(element) => (element, true),
            Event::End(_) => {
                walk.close();
                continue;
            }
            _ => continue,
        };
        let name = element.local_name().as_ref().to_ascii_lowercase();
        let attributes = Attributes::of(&element);
        fields.clear();
        if walk.describe(&name, &attributes, &mut fields) {
            // The element begins at its bracket: text before it is not part of what is shown.
            let whole = text.get(from..position(&reader)).unwrap_or_default();
            let start = from + whole.find('<').unwrap_or_default();
            let (offset, line) = places.of(start);
            let end = places.of(position(&reader)).0;
            let element = element_of(bytes, offset, end);
            walk.entries += 1;
            fields.push("ConfigPath", cx.path, Role::Data);
            if is_server_wide(cx.path) {
                fields.push("ServerWide", "yes", Role::Data);
            }
            fields.push("Line", &line.to_string(), Role::Data);
            push(rows, cx, &fields, offset, element, walk.entries);
        }
        if walk.entries >= ENTRIES_MAX {
            break cut(parsed, cx, from as u64, "it has more than 10,000 entries");
        }
        if !closed && !walk.open(name, &attributes) {
            break cut(parsed, cx, from as u64, "its elements are nested too deep");
        }
    }
    parsed.records += walk.entries as u64;
}

/// Whether a configuration is the server's, the Default Web Site's or Exchange's own: there, other products register little.
fn is_server_wide(path: &str) -> bool {
    let path = path.to_ascii_lowercase().replace('\\', "/");
    path.ends_with("applicationhost.config")
        || path.ends_with("/wwwroot/web.config")
        || path.contains("/microsoft/exchange server/")
}

fn position(reader: &quick_xml::Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

fn element_of(bytes: &[u8], from: u64, to: u64) -> &[u8] {
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    range.and_then(|(from, to)| bytes.get(from..to)).unwrap_or_default()
}

/// The bytes as text of the same length: what is no UTF-8 is put over.
fn plain(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
    text
}

fn cut(parsed: &mut Parsed, cx: &Context<'_>, offset: u64, what: &str) {
    parsed.damaged(
        cx,
        "configuration-cut",
        offset,
        None,
        format!("the configuration cannot be read on: {what}"),
        "look at the rest by hand: IIS itself refuses a file that is not whole",
    );
}

fn push(rows: &mut Rows<'_>, cx: &Context<'_>, fields: &Fields, offset: u64, element: &[u8], number: usize) {
    let head = Head {
        dataset: Some(DATASET),
        channel: "",
        provider: "",
        event_code: None,
        time: None,
        time_basis: "",
        host: cx.host_or_hint(""),
        // 1 is the file's own row.
        record: i64::try_from(number).unwrap_or(i64::MAX).saturating_add(1),
        offset,
        hash: record_hash(element.get(..element.len().min(ELEMENT_BYTES_MAX)).unwrap_or_default()),
    };
    rows.push(&head, fields);
}

impl Walk {
    /// Goes into an element; false where that is too deep.
    fn open(&mut self, name: String, attributes: &Attributes) -> bool {
        match name.as_str() {
            "location" => self.locations.push((self.path.len(), attributes.get("path").to_owned())),
            "site" => attributes.get("name").clone_into(&mut self.site),
            "application" => attributes.get("path").clone_into(&mut self.application),
            _ => {}
        }
        self.path.push(name);
        self.path.len() <= DEPTH_MAX
    }

    fn close(&mut self) {
        match self.path.pop().as_deref() {
            Some("site") => self.site.clear(),
            Some("application") => self.application.clear(),
            _ => {}
        }
        while self.locations.last().is_some_and(|(depth, _)| *depth >= self.path.len()) {
            self.locations.pop();
        }
    }

    /// Puts what an entry registers into `fields`; false where the element is none.
    fn describe(&mut self, name: &str, attributes: &Attributes, fields: &mut Fields) -> bool {
        let section = self.path.last().map_or("", String::as_str);
        let get = |name: &str| attributes.get(name);
        let kind = match (section, name) {
            ("globalmodules", "add") => "globalModules",
            ("modules", "add") => "modules",
            ("httpmodules", "add") => "httpModules",
            ("handlers", "add") => "handlers",
            ("httphandlers", "add") => "httpHandlers",
            ("isapifilters", "filter") => "isapiFilters",
            ("application", "virtualdirectory") => "virtualDirectory",
            _ => return false,
        };
        let image = match kind {
            "globalModules" => get("image"),
            "isapiFilters" => get("path"),
            "handlers" => get("scriptprocessor"),
            _ => "",
        };
        if kind == "virtualDirectory" && self.exchange.is_none() && get("path") == "/" {
            self.exchange = ExchangeFolder::of_directory(&self.application, get("physicalpath"));
        }
        let moved = self.exchange.as_ref().and_then(|root| root.by_default(image));
        let library = moved.as_deref().unwrap_or(image);
        let entry = match kind {
            "globalModules" => Some(Entry::Native(library)),
            "isapiFilters" => Some(Entry::Filter(library)),
            "handlers" if !library.is_empty() => Some(Entry::Script(library)),
            "virtualDirectory" => Some(Entry::Folder(get("physicalpath"))),
            // A module or handler without a type refers to a native module that stands elsewhere with its file.
            _ if get("type").is_empty() => None,
            _ => Some(Entry::Type(get("type"))),
        };
        let (shipped, by) = match entry {
            None => ("yes", "(a native module)"),
            Some(entry) => match (shipped_by(entry), added_by(entry)) {
                (Some(by), _) => ("yes", by),
                (None, Some(by)) => ("product", by),
                (None, None) => ("no", ""),
            },
        };
        let mut push = |name: &str, value: &str| {
            if !value.is_empty() {
                fields.push(name, value, Role::Data);
            }
        };
        push("Section", kind);
        push("EntryName", get("name"));
        push("Image", image);
        push("Type", get("type"));
        if matches!(kind, "handlers" | "httpHandlers") {
            push("UrlPath", get("path"));
            push("Verb", get("verb"));
            push("Modules", get("modules"));
        }
        if kind == "virtualDirectory" {
            let url = format!("{}{}", self.application.trim_end_matches('/'), get("path"));
            push("UrlPath", &url);
            push("PhysicalPath", get("physicalpath"));
            push("Site", &self.site);
        }
        push("PreCondition", get("precondition"));
        push("Location", self.locations.last().map_or("", |(_, path)| path));
        push("Shipped", shipped);
        push("ShippedBy", by);
        true
    }
}

#[cfg(test)]
mod tests {
    use piste_model::EvidenceId;
    use piste_model::sources::Sources;

    use super::*;
    use crate::Splitter;
    use crate::file::{self, FileFacts};
    use crate::sniff::{Format, sniff};
    use crate::testing::{Read, read_at};

    const HOST: &str = r#"<?xml version="1.0"?>
<configuration>
  <system.applicationHost>
    <sites>
      <site name="Default Web Site" id="1">
        <application path="/"><virtualDirectory path="/" physicalPath="%SystemDrive%\inetpub\wwwroot" /></application>
        <application path="/owa">
          <virtualDirectory path="/" physicalPath="C:\Program Files\Microsoft\Exchange Server\V15\FrontEnd\HttpProxy\owa" />
          <virtualDirectory path="/img" physicalPath="C:\ProgramData\x" />
        </application>
      </site>
    </sites>
  </system.applicationHost>
  <system.webServer>
    <globalModules>
      <add name="UriCacheModule" image="%windir%\System32\inetsrv\cachuri.dll" />
      <!-- <add name="Gone" image="C:\x.dll" /> -->
      <add name="HttpLog&amp;Cache" image="C:\Windows\Temp\httplog.dll" />
    </globalModules>
    <isapiFilters><filter name="f" path="C:\x\owaauth.dll" /></isapiFilters>
  </system.webServer>
  <location path="Default Web Site/owa">
    <system.webServer>
      <modules><remove name="x" /><add name="Owa" type="ClassLibrary2.ClassLibrary2, ClassLibrary2, Version=1.0.0.0, PublicKeyToken=32d89e1d5a5dfb8e" /></modules>
      <handlers><add name="cfg" path="*.config" verb="*" modules="IsapiModule" scriptProcessor="%windir%\system32\inetsrv\asp.dll" /></handlers>
    </system.webServer>
  </location>
</configuration>
"#;

    fn parse(text: &str) -> Read {
        assert_eq!(sniff(text.as_bytes(), "a.config"), Format::WebPage);
        let mut read = read_at(Format::WebPage, text.as_bytes(), "a.config", 1 << 20);
        read.rows.retain(|row| row["dataset"] == DATASET);
        read
    }

    #[test]
    fn entries_are_rows_that_say_who_ships_them() {
        let read = parse(HOST);
        assert_eq!(read.issues, Vec::<String>::new());
        let names = ["Line", "Section", "EntryName", "UrlPath", "Shipped", "ShippedBy", "Location"];
        insta::assert_snapshot!(read.columns(&names).join("\n"), @"
        6 | virtualDirectory | ~ | / | yes | IIS | ~
        8 | virtualDirectory | ~ | /owa/ | yes | Exchange | ~
        9 | virtualDirectory | ~ | /owa/img | no | ~ | ~
        16 | globalModules | UriCacheModule | ~ | yes | IIS | ~
        18 | globalModules | HttpLog&Cache | ~ | no | ~ | ~
        20 | isapiFilters | f | ~ | no | ~ | ~
        24 | modules | Owa | ~ | no | ~ | Default Web Site/owa
        25 | handlers | cfg | *.config | yes | IIS ASP | Default Web Site/owa
        ");
    }

    #[test]
    fn a_configuration_in_utf_16_gives_the_same_rows_at_their_places() {
        let names = ["Line", "Section", "EntryName", "UrlPath", "Shipped", "ShippedBy", "Location"];
        let expected = parse(HOST).columns(&names);
        for (mark, big) in [("\u{feff}", false), ("\u{feff}", true), ("", false)] {
            let units = format!("{mark}{HOST}");
            let units = units.encode_utf16();
            let bytes: Vec<u8> = if big {
                units.flat_map(u16::to_be_bytes).collect()
            } else {
                units.flat_map(u16::to_le_bytes).collect()
            };
            assert_eq!(sniff(&bytes, "applicationHost.config"), Format::WebPage);
            let mut read = read_at(Format::WebPage, &bytes, "applicationHost.config", 1 << 20);
            read.rows.retain(|row| row["dataset"] == DATASET);
            assert_eq!(read.issues, Vec::<String>::new());
            assert_eq!(read.columns(&names), expected);
            let offset: usize = read.rows[4]["offset"].parse().expect("a number");
            let element: Vec<u8> =
                bytes[offset..].iter().copied().filter(|byte| *byte != 0).take(9).collect();
            assert_eq!(element, b"<add name");
        }
    }

    #[test]
    fn a_file_that_breaks_off_gives_what_came_before() {
        let at = HOST.find("<isapiFilters>").expect("it is there");
        let read = parse(&HOST[..at + 30]);
        assert_eq!(read.rows.len(), 5);
        assert_eq!(read.issues.len(), 1);
        assert!(read.issues[0].starts_with("configuration-cut: "), "{:?}", read.issues);
    }

    #[test]
    fn characters_that_are_written_as_numbers_are_read() {
        assert_eq!(
            unescaped("C:\\Us&#101;rs\\Publ&#x69;c &amp;lt; &nbsp; & x"),
            "C:\\Users\\Public &lt; &nbsp; & x"
        );
        let text = HOST.replace("cachuri.dll", "&#99;achuri.dll");
        let read = parse(&text);
        assert_eq!(read.rows[3]["Shipped"], "yes");
    }

    #[test]
    fn nesting_without_end_is_left() {
        let text = format!("<configuration>{}", "<a>".repeat(100_000));
        let read = parse(&text);
        assert_eq!(read.issues.len(), 1);
        assert!(read.issues[0].contains("too deep"), "{:?}", read.issues);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(at in 0_usize..2_400, with in ".{0,8}") {
            let mut text = HOST.to_owned();
            let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
            text.insert_str(at, &with);
            let mut bytes = text.as_bytes();
            let sources = Sources::default();
            let cx = Context { evidence: EvidenceId(1), path: "web.config", sources: &sources, host_hint: None };
            if let Some(block) = Splitter::of_file(crate::Format::WebPage).next_block(&mut bytes).expect("reads") {
                file::parse(Format::WebPage, &block, &cx, &FileFacts::default());
            }
        }
    }
}
