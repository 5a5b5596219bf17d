//! SRUM, the System Resource Usage Monitor (`SRUDB.dat`): which program moved how many bytes, hour by hour.
//!
//! In: tables named by their provider's GUID; their `AppId` and `UserId` are numbers into `SruDbIdMapTable`. Out: a row a
//! record under `srum.*`, with the program and the security identifier looked up. The row's time is `TimeStamp`: when the
//! hour's figures were written, so what they count happened in the hour before it.
//!
//! Column names are those of the database, and `ExeInfo`, `Sid`, `BytesReceived` as `SrumECmd` writes them. Sources:
//! `SrumECmd`'s columns, Khatri's "Forensic implications of System Resource Usage Monitor", the registry's
//! `SRUM\Extensions`.

use std::collections::HashMap;

use super::bytes::{LastNumber, u32_at, u64_at};
use super::catalog::Table;
use super::record::{Record, kind};
use super::sink::{Sink, describe, filetime, jet_time, sid};
use super::values::{Values, number};
use super::{Database, Maker, Meaning};

/// Entries of the map of ids that are kept, and bytes of their text.
const IDS_MAX: usize = 500_000;
const ID_BYTES_MAX: usize = 64 << 20;

/// A provider's table.
struct Provider {
    guid: &'static str,
    dataset: &'static str,
    name: &'static str,
}

const OTHER: &str = "srum.other";
/// The tables that are known; all others are `srum.other` by their GUID alone.
const PROVIDERS: [Provider; 16] = [
    Provider {
        guid: "{973F5D5C-1D90-4944-BE8E-24B94231A174}",
        dataset: "srum.network_usage",
        name: "network usage",
    },
    Provider {
        guid: "{DD6636C4-8929-4683-974E-22C046A43763}",
        dataset: "srum.network_connectivity",
        name: "network connectivity",
    },
    Provider {
        guid: "{D10CA2FE-6FCF-4F6D-848E-B2E99266FA89}",
        dataset: "srum.application",
        name: "application resources",
    },
    Provider {
        guid: "{D10CA2FE-6FCF-4F6D-848E-B2E99266FA86}",
        dataset: "srum.push",
        name: "push notifications",
    },
    Provider { guid: "{FEE4E14F-02A9-4550-B5CE-5FA2DA202E37}", dataset: "srum.energy", name: "energy usage" },
    Provider {
        guid: "{FEE4E14F-02A9-4550-B5CE-5FA2DA202E37}LT",
        dataset: "srum.energy",
        name: "energy usage, long term",
    },
    Provider {
        guid: "{DA73FB89-2BEA-4DDC-86B8-6E048C6DA477}",
        dataset: "srum.energy",
        name: "energy estimates",
    },
    Provider {
        guid: "{97C2CE28-A37B-4920-B1E9-8B76CD341EC5}",
        dataset: "srum.energy",
        name: "energy estimates",
    },
    Provider {
        guid: "{B6D82AF1-F780-4E17-8077-6CB9AD8A6FC4}",
        dataset: "srum.energy",
        name: "tagged energy",
    },
    Provider { guid: "{5C8CF1C7-7257-4F13-B223-970EF5939312}", dataset: OTHER, name: "application timeline" },
    Provider {
        guid: "{7ACBBAA3-D029-4BE4-9A7A-0885927F1D8F}",
        dataset: OTHER,
        name: "foreground use (vfuprov)",
    },
    Provider { guid: "{17F4D97B-F26A-5E79-3A82-90040A47D13D}", dataset: OTHER, name: "data sharing: volume" },
    Provider {
        guid: "{841A7317-3805-518B-C2EA-AD224CB4AF84}",
        dataset: OTHER,
        name: "data sharing: physical disk",
    },
    Provider {
        guid: "{DC3D3B50-BB90-5066-FA4E-A5F90DD8B677}",
        dataset: OTHER,
        name: "data sharing: processor",
    },
    Provider {
        guid: "{EEE2F477-0659-5C47-EF03-6D6BEFD441B3}",
        dataset: OTHER,
        name: "data sharing: network",
    },
    Provider {
        guid: "{38AD6548-9313-58F8-45C7-D293BAFDC879}",
        dataset: OTHER,
        name: "data sharing: counters",
    },
];

/// Columns that hold a FILETIME as a number.
const FILETIMES: [&str; 5] = ["ConnectStartTime", "EndTime", "StartTime", "EventTimestamp", "LastSeenTime"];
/// What stands for no value in the application timeline.
const UNSET: [i64; 2] = [0x2a2a_2a2a, 0x2a2a_2a2a_2a2a_2a2a];

/// Kinds of network interfaces, as `IFTYPE` numbers them.
const INTERFACES: [(u64, &str); 8] = [
    (1, "other"),
    (6, "Ethernet"),
    (23, "PPP"),
    (24, "loopback"),
    (71, "Wi-Fi"),
    (131, "tunnel"),
    (243, "mobile broadband (GSM)"),
    (244, "mobile broadband (CDMA)"),
];

/// What a number of the map stands for.
#[derive(Debug)]
enum Id {
    /// A program, service or package, as written.
    App(String),
    /// A user.
    User(String),
}

/// The database with its map of ids.
#[derive(Debug)]
pub(super) struct Srum {
    ids: HashMap<u32, Id>,
}

impl Srum {
    pub(super) fn read(database: &Database) -> Self {
        let mut ids = HashMap::new();
        let mut bytes = 0;
        let table = database.table("SruDbIdMapTable");
        let columns = table.and_then(|table| {
            Some((table, table.column("IdType")?, table.column("IdIndex")?, table.column("IdBlob")?))
        });
        let Some((table, of_type, of_index, of_blob)) = columns else { return Self { ids } };
        let mut blob = Vec::new();
        database.each_row(table, |record, values| {
            let Some(index) = record.get(of_index).and_then(|stored| u32_at(stored.bytes, 0)) else { return };
            let is_user = record.get(of_type).is_some_and(|stored| stored.bytes == [3]);
            let has = record.get(of_blob).is_some_and(|stored| values.one(table, stored, &mut blob));
            if !has || ids.len() >= IDS_MAX || bytes >= ID_BYTES_MAX {
                return;
            }
            bytes += blob.len();
            let id = if is_user {
                Id::User(sid(&blob, LastNumber::LittleEndian))
            } else {
                let (text, _) = encoding_rs::UTF_16LE.decode_without_bom_handling(&blob);
                Id::App(text.trim_end_matches('\0').to_owned())
            };
            ids.insert(index, id);
        });
        Self { ids }
    }
}

impl Meaning for Srum {
    fn maker<'d>(&'d self, _database: &'d Database, table: &'d Table) -> Option<Box<dyn Maker + 'd>> {
        let is_provider = table.name.starts_with('{') && table.column("TimeStamp").is_some();
        let provider = PROVIDERS.iter().find(|provider| provider.guid.eq_ignore_ascii_case(&table.name));
        is_provider.then(|| {
            let maker = SrumMaker { ids: &self.ids, table, provider, value: Vec::new(), text: String::new() };
            Box::new(maker) as Box<dyn Maker>
        })
    }
}

struct SrumMaker<'d> {
    ids: &'d HashMap<u32, Id>,
    table: &'d Table,
    provider: Option<&'static Provider>,
    value: Vec<u8>,
    text: String,
}

impl Maker for SrumMaker<'_> {
    fn make(&mut self, record: &Record<'_>, values: &mut Values, sink: &mut Sink<'_>) {
        let mut time = None;
        sink.field("Provider", &self.table.name);
        sink.field("ProviderName", self.provider.map_or("", |provider| provider.name));
        for column in &self.table.columns {
            let Some(stored) = record.get(column) else { continue };
            if !values.one(self.table, stored, &mut self.value) {
                continue;
            }
            let bytes = self.value.as_slice();
            match column.name.as_str() {
                "TimeStamp" => time = jet_time(bytes),
                "AppId" => push_app(self.ids, u32_at(bytes, 0).unwrap_or_default(), sink),
                "UserId" => push_user(self.ids, u32_at(bytes, 0).unwrap_or_default(), sink),
                "InterfaceLuid" => push_interface(u64_at(bytes, 0).unwrap_or_default(), sink),
                name => {
                    let whole = number(column, bytes);
                    let is_number =
                        !matches!(column.kind, kind::LONG_BINARY | kind::BINARY | kind::LONG_TEXT);
                    if is_number && whole.is_some_and(|whole| UNSET.contains(&whole)) {
                        continue;
                    }
                    // SrumECmd's word.
                    let name = if name == "BytesRecvd" { "BytesReceived" } else { name };
                    if FILETIMES.contains(&name) {
                        sink.time(name, whole.and_then(filetime));
                    } else {
                        self.text.clear();
                        describe(column, bytes, &mut self.text);
                        sink.field(name, &self.text);
                    }
                }
            }
        }
        let dataset = self.provider.map_or(OTHER, |provider| provider.dataset);
        sink.push(dataset, time, "TimeStamp", "");
    }
}

fn push_user(ids: &HashMap<u32, Id>, id: u32, sink: &mut Sink<'_>) {
    sink.number("UserId", id);
    if let Some(Id::User(sid)) = ids.get(&id) {
        sink.field("Sid", sid);
    }
}

/// A program: a path, a package, a service, or `!!name!when it was linked!checksum!description`.
fn push_app(ids: &HashMap<u32, Id>, id: u32, sink: &mut Sink<'_>) {
    sink.number("AppId", id);
    let app = match ids.get(&id) {
        Some(Id::App(app)) => app,
        Some(Id::User(sid)) => return sink.field("ExeInfo", sid),
        None => return,
    };
    if let Some(parts) = app.strip_prefix("!!") {
        let mut parts = parts.splitn(4, '!');
        let mut next = || parts.next().unwrap_or_default();
        sink.field("ExeInfo", next());
        let linked = next();
        sink.field("ExeTimestamp", &linked.replacen('/', "-", 2).replacen(':', "T", 1));
        let _checksum = next();
        sink.field("ExeInfoDescription", next());
        return;
    }
    sink.field("ExeInfo", app);
    // `…\svchost.exe [netsvcs]` names the group of services behind the program.
    let image = app.split_once(" [").map_or(app.as_str(), |(image, _)| image);
    if image.starts_with("\\Device\\") || image.get(1..3) == Some(":\\") {
        sink.copy("Image", image);
    }
}

/// The upper 16 bits of a LUID are the kind of interface.
fn push_interface(luid: u64, sink: &mut Sink<'_>) {
    sink.number("InterfaceLuid", luid);
    let kind = luid >> 48;
    if let Some((_, name)) = INTERFACES.iter().find(|(number, _)| *number == kind) {
        sink.field("InterfaceType", name);
    }
}
