//! Dataset `registry.amcache`: programs, their files and drivers that Windows took stock of.
//!
//! In: `Amcache.hve`. Out: a row a file (`InventoryApplicationFile`, `File` of older systems), a row an application
//! (`InventoryApplication`, `Programs`), a row a driver. The row's time is the key's last write: when it was taken stock of,
//! which for a file of `File` is its first run or installation; link dates are what the linker wrote. The SHA-1 covers the
//! file's first 31,457,280 bytes. Sources: Blanche Lagny (ANSSI), "Analysis of the `AmCache`"; libyal's winreg-kb.

use piste_model::Instant;

use super::super::emit::Emit;
use super::super::hive::Key;
use super::super::identity::number;
use super::super::le::filetime;

const DATASET: &str = "registry.amcache";
/// Keys of one list.
const LISTED_MAX: usize = 200_000;

/// A value, and the column that it becomes.
struct Column {
    value: &'static str,
    name: &'static str,
}

const fn column(value: &'static str, name: &'static str) -> Column {
    Column { value, name }
}

const FILE: [Column; 16] = [
    column("LowerCaseLongPath", "FullPath"),
    column("Name", "Name"),
    column("OriginalFileName", "OriginalFileName"),
    column("Publisher", "Publisher"),
    column("Version", "Version"),
    column("BinFileVersion", "BinFileVersion"),
    column("BinaryType", "BinaryType"),
    column("ProductName", "ProductName"),
    column("ProductVersion", "ProductVersion"),
    column("Size", "Size"),
    column("Language", "Language"),
    column("IsPeFile", "IsPeFile"),
    column("IsOsComponent", "IsOsComponent"),
    column("ProgramId", "ProgramId"),
    column("Usn", "Usn"),
    column("AppxPackageFullName", "AppxPackageFullName"),
];
const APPLICATION: [Column; 15] = [
    column("Name", "Name"),
    column("Version", "Version"),
    column("Publisher", "Publisher"),
    column("InstallDate", "InstallDate"),
    column("InstallDateMsi", "InstallDateMsi"),
    column("Source", "Source"),
    column("Type", "Type"),
    column("RootDirPath", "RootDirPath"),
    column("UninstallString", "UninstallString"),
    column("RegistryKeyPath", "RegistryKeyPath"),
    column("MsiProductCode", "MsiProductCode"),
    column("PackageFullName", "PackageFullName"),
    column("StoreAppType", "StoreAppType"),
    column("OSVersionAtInstallTime", "OSVersionAtInstallTime"),
    column("ProgramId", "ProgramId"),
];
const DRIVER: [Column; 13] = [
    column("DriverName", "Name"),
    column("DriverCompany", "Publisher"),
    column("DriverVersion", "Version"),
    column("Product", "ProductName"),
    column("ProductVersion", "ProductVersion"),
    column("Service", "Service"),
    column("Inf", "Inf"),
    column("DriverSigned", "DriverSigned"),
    column("DriverIsKernelMode", "DriverIsKernelMode"),
    column("DriverInBox", "DriverInBox"),
    column("ImageSize", "Size"),
    column("DriverLastWriteTime", "DriverLastWriteTime"),
    column("DriverPackageStrongName", "DriverPackage"),
];
/// Of a file before Windows 10's Creators Update: values are numbers.
const OLD_FILE: [Column; 10] = [
    column("15", "FullPath"),
    column("0", "ProductName"),
    column("1", "Publisher"),
    column("2", "ProductVersion"),
    column("3", "Language"),
    column("5", "Version"),
    column("6", "Size"),
    column("c", "Description"),
    column("100", "ProgramId"),
    column("8", "BinProductVersion"),
];
const OLD_PROGRAM: [Column; 6] = [
    column("0", "Name"),
    column("1", "Version"),
    column("2", "Publisher"),
    column("6", "Source"),
    column("d", "RootDirPath"),
    column("7", "RegistryKeyPath"),
];

pub(super) fn rows(emit: &mut Emit<'_, '_>) {
    let Some(root) = emit.open.root().and_then(|root| emit.hive().child(root, "Root")) else { return };
    let lists = |name| emit.hive().child(root, name).map(|list| emit.hive().children(list, LISTED_MAX));
    let (files, programs) = (lists("InventoryApplicationFile"), lists("InventoryApplication"));
    let (drivers, volumes, old) = (lists("InventoryDriverBinary"), lists("File"), lists("Programs"));
    for key in files.into_iter().flatten() {
        push_hash(emit, key, "FileId");
        push(emit, key, &FILE, "file", "LinkDate");
    }
    for key in programs.into_iter().flatten() {
        push(emit, key, &APPLICATION, "application", "");
    }
    for key in drivers.into_iter().flatten() {
        push_hash(emit, key, "DriverId");
        let linked = number(emit.hive(), key, "DriverTimeStamp").and_then(from_unix);
        emit.time("LinkDate", linked);
        emit.field("FullPath", &key.name());
        push(emit, key, &DRIVER, "driver", "");
    }
    for volume in volumes.into_iter().flatten() {
        for key in emit.hive().children(volume, LISTED_MAX) {
            push_old_file(emit, key, &volume.name());
        }
    }
    for key in old.into_iter().flatten() {
        emit.field("ProgramId", &key.name());
        let installed = emit.shown(key, "a").and_then(|text| text.parse().ok()).and_then(from_unix);
        emit.time("InstallDate", installed);
        push(emit, key, &OLD_PROGRAM, "application", "");
    }
}

fn push(emit: &mut Emit<'_, '_>, key: Key<'_>, columns: &[Column], kind: &str, linked: &str) {
    for column in columns {
        if let Some(text) = emit.shown(key, column.value)
            && emit.fields.get(column.name).is_none()
        {
            emit.field(column.name, &plain(column.name, &text));
        }
    }
    // Written as the computer's language has it, month first: not read as a time, which it may not be.
    if let Some(text) = emit.shown(key, linked).filter(|_| !linked.is_empty()) {
        emit.field("LinkDate", &text);
    }
    emit.field("Inventory", kind);
    emit.field("KeyName", &key.name());
    emit.row(DATASET, key.at, None, key);
}

/// A size stands in hex.
fn plain(name: &str, text: &str) -> String {
    let hex = text.strip_prefix("0x").filter(|_| name == "Size");
    hex.and_then(|hex| u64::from_str_radix(hex, 16).ok())
        .map_or_else(|| text.to_owned(), |size| size.to_string())
}

/// `0000` and the SHA-1.
fn push_hash(emit: &mut Emit<'_, '_>, key: Key<'_>, value: &str) {
    let id = emit.shown(key, value).filter(|id| id.len() == 44);
    if let Some(sha1) = id.as_deref().and_then(|id| id.strip_prefix("0000")) {
        emit.field("SHA1", sha1);
        emit.field("Hashes", &format!("SHA1={}", sha1.to_ascii_uppercase()));
    }
}

fn push_old_file(emit: &mut Emit<'_, '_>, key: Key<'_>, volume: &str) {
    let time = |name: &str| emit.shown(key, name).and_then(|text| text.parse().ok()).and_then(filetime);
    let (modified, created, again) = (time("11"), time("12"), time("17"));
    let linked = number(emit.hive(), key, "f").and_then(from_unix);
    push_hash(emit, key, "101");
    emit.time("FileModified", again.or(modified));
    emit.time("FileCreated", created);
    emit.time("LinkDate", linked);
    emit.field("Volume", volume);
    // The key's name is made of sequence and entry of the file's record in the MFT, without a mark between them.
    emit.field("FileReference", &key.name());
    push(emit, key, &OLD_FILE, "file", "");
}

fn from_unix(seconds: u32) -> Option<Instant> {
    let nanos = i64::from(seconds).checked_mul(1_000_000_000)?;
    (seconds > 0).then_some(Instant { nanos, digits: 0 })
}
