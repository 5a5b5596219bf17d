//! Exports of a directory (Active Directory), made by hand: what each object is, and when each attribute was changed.
//!
//! In: LDIF (`ldifde`), the text of `repadmin /showattr` and `/showobjmeta`, tables (`csvde`, ANSSI's `ADTimeline`,
//! PowerShell's `Get-ADUser` and `Get-ADReplicationAttributeMetadata`), JSON of `BloodHound` and `ldapdomaindump`. Out: rows of `directory.object`, whose time is
//! `whenCreated`, and of `directory.change`, whose time is the originating change: dates that no client can write. Columns are
//! the attributes' names as LDAP writes them. A secret attribute is named and its value is withheld. Texts are read by their
//! structure, so that the language of the tool does not matter.

mod attributes;
mod dumps;
mod ldif;
mod object;
mod repadmin;
mod table;

use std::io;
use std::sync::Arc;

use crate::random_access::{Companion, Opened, ReadAt};
use crate::{Context, Parsed};

pub use dumps::{parse_elements, recognise as recognise_dump};
pub use table::{parse_records, recognise as recognise_table};

/// Whether a file is a dump of a directory with its objects in a list inside one object.
pub fn recognise_wrapped(head: &[u8], name: &str) -> bool {
    recognise_dump(head, name) == Some(crate::Format::JsonWrapped)
}

/// Whether a file is a dump of a directory that is one list.
pub fn recognise_array(head: &[u8], name: &str) -> bool {
    recognise_dump(head, name) == Some(crate::Format::JsonArray)
}

use crate::dates::{Order, Shown};
use crate::text_pieces::{PieceText, TextFile, TextKind, TextLine, decoded, end_of, read};

/// Bytes of a beginning that must tell how dates are written.
const DATES_BYTES: usize = 4 << 20;

/// Which text an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ldif,
    /// `repadmin /showattr`, and which number of its dates stands first.
    Attributes(Order),
    /// `repadmin /showobjmeta`.
    Metadata,
}

impl TextKind for Kind {
    fn begins(&self, line: &str) -> bool {
        match self {
            Self::Ldif => ldif::begins(line),
            Self::Attributes(_) => repadmin::object_of(line).is_some(),
            Self::Metadata => repadmin::named_object(line).is_some() || repadmin::is_ruler(line),
        }
    }

    fn says(&self, line: &str) -> Option<String> {
        (*self == Self::Metadata).then(|| repadmin::named_object(line).map(str::to_owned))?
    }

    fn parse(&self, piece: &PieceText<'_>, cx: &Context<'_>, parsed: &mut Parsed) {
        match self {
            Self::Ldif => ldif::parse(piece, cx, parsed),
            Self::Attributes(order) => repadmin::parse_attributes(piece, *order, cx, parsed),
            Self::Metadata => repadmin::parse_metadata(piece, cx, parsed),
        }
    }

    fn record_end(&self, lines: &mut dyn Iterator<Item = TextLine<'_>>) -> u64 {
        match self {
            Self::Metadata => repadmin::change_end(lines),
            Self::Ldif | Self::Attributes(_) => self.object_end(lines),
        }
    }
}

impl Kind {
    fn of(head: &[u8]) -> Option<Self> {
        let text = decoded(head);
        if ldif::is_ldif(&text) {
            return Some(Self::Ldif);
        }
        if repadmin::is_attributes(&text) {
            return Some(Self::Attributes(Order::default()));
        }
        repadmin::is_metadata(&text).then_some(Self::Metadata)
    }

    /// Where an object ends: before the next, without the blank lines between them.
    fn object_end(self, lines: &mut dyn Iterator<Item = TextLine<'_>>) -> u64 {
        let mut end = 0;
        for (number, line) in lines.enumerate() {
            let goes_on = self == Self::Ldif && line.text.starts_with(' ');
            let blank = line.text.trim().is_empty();
            if !goes_on && ((number > 0 && self.begins(&line.text)) || (self == Self::Ldif && blank)) {
                break;
            }
            if goes_on || !blank {
                end = end_of(&line);
            }
        }
        end
    }
}

/// Whether a file is LDIF or a text of `repadmin`.
pub fn recognise(head: &[u8], _name: &str) -> bool {
    Kind::of(head).is_some()
}

/// Opens LDIF or a text of `repadmin`: records go on over lines, so pieces are cut between objects.
///
/// # Errors
/// What the medium answers, or that it is neither.
pub fn open(content: Arc<dyn ReadAt>, _companions: &[Companion], cx: &Context<'_>) -> io::Result<Opened> {
    let head = read(content.as_ref(), 0, crate::sniff::HEAD_BYTES)?;
    let none = || io::Error::new(io::ErrorKind::InvalidData, "it is no export of a directory");
    let mut kind = Kind::of(&head).ok_or_else(none)?;
    let mut parsed = Parsed::default();
    if let Kind::Attributes(order) = &mut kind {
        // Only these dates are in the language of the machine on which the tool ran.
        let text = decoded(&read(content.as_ref(), 0, DATES_BYTES)?);
        let shown: Shown = Order::shown_by(text.lines().filter_map(repadmin::date_in));
        *order = shown.order;
        shown.tell(cx, &mut parsed);
    }
    let file = TextFile::open(content, kind)?;
    Ok(Opened { file: Box::new(file), issues: parsed.issues })
}

#[cfg(test)]
mod tests;
