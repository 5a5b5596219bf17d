//! Dataset `registry.install`: installed software, as Windows lists it for its removal.
//!
//! In: SOFTWARE, or a user's hive. Out: a row an entry of `Uninstall`, of 32-bit programs too, and of Windows Installer's
//! products. The row's time is the key's last write; `InstallDate` is what the installer wrote, a day of the host's own.
//! Source: Microsoft, "Uninstall Registry Key".

use super::super::emit::Emit;
use super::super::hive::Key;
use super::super::identity::Kind;

const DATASET: &str = "registry.install";
const ENTRIES_MAX: usize = 100_000;
const COLUMNS: [&str; 14] = [
    "DisplayName",
    "DisplayVersion",
    "Publisher",
    "InstallDate",
    "InstallLocation",
    "InstallSource",
    "UninstallString",
    "QuietUninstallString",
    "ModifyPath",
    "URLInfoAbout",
    "EstimatedSize",
    "SystemComponent",
    "ParentDisplayName",
    "LocalPackage",
];
const UNINSTALL: &str = r"Microsoft\Windows\CurrentVersion\Uninstall";
const PRODUCTS: &str = r"Microsoft\Windows\CurrentVersion\Installer\UserData";

pub(super) fn rows(emit: &mut Emit<'_, '_>) {
    let hive = emit.hive();
    let base = if emit.open.identity.kind == Kind::User { r"Software\" } else { "" };
    for below in ["", r"Wow6432Node\"] {
        let Some(list) = emit.open.usual(&format!("{base}{below}{UNINSTALL}")) else { continue };
        for key in hive.children(list, ENTRIES_MAX) {
            push(emit, key, &key.name(), if below.is_empty() { "Uninstall" } else { "Uninstall (32-bit)" });
        }
    }
    let Some(users) = emit.open.usual(&format!("{base}{PRODUCTS}")) else { return };
    for user in hive.children(users, ENTRIES_MAX) {
        let Some(products) = hive.child(user, "Products") else { continue };
        for product in hive.children(products, ENTRIES_MAX) {
            if let Some(key) = hive.child(product, "InstallProperties") {
                emit.field("UserSid", &user.name());
                push(emit, key, &product.name(), "Windows Installer");
            }
        }
    }
}

fn push(emit: &mut Emit<'_, '_>, key: Key<'_>, name: &str, source: &str) {
    for column in COLUMNS {
        emit.value(key, column, column);
    }
    if emit.fields.iter().next().is_none() {
        return;
    }
    emit.field("KeyName", name);
    emit.field("Source", source);
    emit.row(DATASET, key.at, None, key);
}
