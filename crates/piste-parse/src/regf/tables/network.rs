//! Dataset `registry.network`: networks that the host was connected to.
//!
//! In: the hive SOFTWARE. Out: a row a profile of `NetworkList`, with the gateway's address of its signature. `FirstConnected`
//! and `LastConnected` are the host's local time, without zone, and stand so; the row's time is the key's last write, which
//! is UTC and follows the last connection. Source: libyal's winreg-kb; Microsoft, SYSTEMTIME.

use super::super::emit::Emit;
use super::super::hive::Key;
use super::super::le::u16_at;

const DATASET: &str = "registry.network";
const LIST: &str = r"Microsoft\Windows NT\CurrentVersion\NetworkList";
const PROFILES_MAX: usize = 65_536;

pub(super) fn rows(emit: &mut Emit<'_, '_>) {
    let hive = emit.hive();
    let Some(list) = emit.open.usual(LIST) else { return };
    let mut signatures = Vec::new();
    for kind in ["Managed", "Unmanaged"] {
        let Some(key) = hive.below(list, &format!(r"Signatures\{kind}")) else { continue };
        let named = hive.children(key, PROFILES_MAX).into_iter();
        signatures.extend(named.filter_map(|key| Some((emit.shown(key, "ProfileGuid")?, key))));
    }
    let Some(profiles) = hive.child(list, "Profiles") else { return };
    for key in hive.children(profiles, PROFILES_MAX) {
        let guid = key.name();
        let signature = signatures.iter().find(|(of, _)| of.eq_ignore_ascii_case(&guid)).map(|(_, key)| *key);
        push(emit, key, &guid, signature);
    }
}

fn push<'o>(emit: &mut Emit<'o, '_>, key: Key<'o>, guid: &str, signature: Option<Key<'o>>) {
    let hive = emit.hive();
    emit.value(key, "ProfileName", "ProfileName");
    emit.value(key, "Description", "Description");
    let kind = emit.shown(key, "NameType").map(|number| match number.as_str() {
        "6" => "wired".to_owned(),
        "23" => "VPN".to_owned(),
        "71" => "wireless".to_owned(),
        "243" => "mobile".to_owned(),
        _ => number,
    });
    emit.optional("NameType", kind.as_deref());
    let category = emit.shown(key, "Category").map(|number| match number.as_str() {
        "0" => "public".to_owned(),
        "1" => "private".to_owned(),
        "2" => "domain".to_owned(),
        _ => number,
    });
    emit.optional("Category", category.as_deref());
    for (value, name) in [("DateCreated", "FirstConnected"), ("DateLastConnected", "LastConnected")] {
        let data = hive.named(key, value).map(|value| emit.bytes(value, 16));
        emit.optional(name, data.and_then(|data| local_time(&data)).as_deref());
    }
    if let Some(signature) = signature {
        emit.value(signature, "DnsSuffix", "DnsSuffix");
        emit.value(signature, "FirstNetwork", "FirstNetwork");
        let address = hive.named(signature, "DefaultGatewayMac").map(|value| emit.bytes(value, 6));
        let shown =
            address.map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"));
        emit.optional("GatewayMac", shown.as_deref());
    }
    emit.field("ProfileGuid", guid);
    emit.row(DATASET, key.at, None, key);
}

/// A SYSTEMTIME as text without a zone.
fn local_time(data: &[u8]) -> Option<String> {
    let part = |at: usize| u16_at(data, at * 2);
    let (year, month, day) = (part(0)?, part(1)?, part(3)?);
    let (hour, minute, second, milli) = (part(4)?, part(5)?, part(6)?, part(7)?);
    let plausible = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && milli < 1_000;
    plausible.then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_local_time_has_no_zone() {
        let data: Vec<u8> =
            [2021_u16, 3, 5, 12, 10, 40, 12, 7].into_iter().flat_map(u16::to_le_bytes).collect();
        assert_eq!(super::local_time(&data).as_deref(), Some("2021-03-12T10:40:12.007"));
        assert_eq!(super::local_time(&[0; 16]), None);
    }
}
