//! Dataset `registry.usb`: devices that were plugged in.
//!
//! In: the hive SYSTEM. Out: a row a device of `Enum\USBSTOR`, `Enum\USB` and `Enum\SCSI` (sticks that speak UAS, and the
//! host's own disks), with the times of its properties: first installed, installed, last arrival, last removal. The row's time is the last arrival, else the key's last write. Sources:
//! libyal's winreg-kb, "USB storage"; Microsoft, `DEVPKEY_Device_LastArrivalDate` and its like (`{83da6326-…}` 100 to 103).

use piste_model::Instant;

use super::super::emit::{Emit, Timed};
use super::super::hive::Key;
use super::super::le::filetime_at;

const DATASET: &str = "registry.usb";
const DEVICES_MAX: usize = 65_536;
const TIMES: &str = r"Properties\{83da6326-97a6-4088-9453-a1923f573b29}";

pub(super) fn rows(emit: &mut Emit<'_, '_>) {
    let hive = emit.hive();
    for bus in ["USBSTOR", "USB", "SCSI"] {
        let Some(list) = emit.open.in_use(&format!(r"Enum\{bus}")) else { continue };
        for device in hive.children(list, DEVICES_MAX) {
            for serial in hive.children(device, DEVICES_MAX) {
                push(emit, bus, &device.name(), serial);
            }
        }
    }
}

fn push<'o>(emit: &mut Emit<'o, '_>, bus: &str, device: &str, key: Key<'o>) {
    let serial = key.name();
    let times = emit.hive().below(key, TIMES);
    let time = |number: &str| times.and_then(|times| property(emit, times, number));
    let (first, installed, arrived, removed) = (time("0064"), time("0065"), time("0066"), time("0067"));
    emit.field("Device", device);
    emit.field("SerialNumber", &serial);
    emit.field("Bus", bus);
    emit.value(key, "FriendlyName", "FriendlyName");
    emit.value(key, "DeviceDesc", "DeviceDesc");
    emit.value(key, "Mfg", "Manufacturer");
    emit.value(key, "Service", "Service");
    emit.value(key, "ContainerID", "ContainerID");
    emit.value(key, "ParentIdPrefix", "ParentIdPrefix");
    emit.value(key, "LocationInformation", "LocationInformation");
    // A serial whose second letter is & is Windows's own: the device has none.
    let has_none = serial.as_bytes().get(1) == Some(&b'&');
    emit.field("SerialIsOfWindows", if has_none { "true" } else { "false" });
    emit.time("FirstInstalled", first);
    emit.time("Installed", installed);
    emit.time("LastArrival", arrived);
    emit.time("LastRemoval", removed);
    emit.time("KeyWritten", key.written());
    emit.field("ControlSet", "current");
    emit.row(DATASET, key.at, Timed::some(arrived, "LastArrival"), key);
}

/// A property's time: its default value since Windows 8, before that `Data` one key below.
fn property(emit: &Emit<'_, '_>, times: Key<'_>, number: &str) -> Option<Instant> {
    let hive = emit.hive();
    let of = |key: Key<'_>, name: &str| filetime_at(&hive.data(hive.named(key, name)?, 8)?, 0);
    if let Some(key) = hive.child(times, number) {
        return of(key, "");
    }
    let old = hive.child(times, &format!("0000{number}"))?;
    of(hive.child(old, "00000000")?, "Data")
}
