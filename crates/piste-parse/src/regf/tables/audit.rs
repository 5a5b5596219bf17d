//! Dataset `registry.audit`: which subcategories of events the host audits.
//!
//! In: the hive SECURITY. Out: a row a subcategory of `Policy\PolAdtEv`: `Setting` is `Success`, `Failure`, both or `No
//! Auditing`. The data says itself how many subcategories each category has; a number beyond the known names shows as such.
//! The row's time is the key's last write: since then the policy is so. Sources: the numbering of Microsoft's message tables
//! (%%12288 and on, of event 4719), which the data follows; libyal's winreg-kb.

use super::super::emit::Emit;
use super::super::le::{place, u16_at, u32_at};

const DATASET: &str = "registry.audit";
const BYTES_MAX: usize = 4_096;
/// Where the settings begin, two bytes each.
const HEAD: usize = 12;

struct Category {
    name: &'static str,
    subcategories: &'static [&'static str],
}

const fn category(name: &'static str, subcategories: &'static [&'static str]) -> Category {
    Category { name, subcategories }
}

const CATEGORIES: [Category; 9] = [
    category(
        "System",
        &[
            "Security State Change",
            "Security System Extension",
            "System Integrity",
            "IPsec Driver",
            "Other System Events",
        ],
    ),
    category(
        "Logon/Logoff",
        &[
            "Logon",
            "Logoff",
            "Account Lockout",
            "IPsec Main Mode",
            "Special Logon",
            "IPsec Quick Mode",
            "IPsec Extended Mode",
            "Other Logon/Logoff Events",
            "Network Policy Server",
            "User / Device Claims",
            "Group Membership",
            "Access Rights",
        ],
    ),
    category(
        "Object Access",
        &[
            "File System",
            "Registry",
            "Kernel Object",
            "SAM",
            "Other Object Access Events",
            "Certification Services",
            "Application Generated",
            "Handle Manipulation",
            "File Share",
            "Filtering Platform Packet Drop",
            "Filtering Platform Connection",
            "Detailed File Share",
            "Removable Storage",
            "Central Policy Staging",
        ],
    ),
    category(
        "Privilege Use",
        &["Sensitive Privilege Use", "Non Sensitive Privilege Use", "Other Privilege Use Events"],
    ),
    category(
        "Detailed Tracking",
        &[
            "Process Creation",
            "Process Termination",
            "DPAPI Activity",
            "RPC Events",
            "Plug and Play Events",
            "Token Right Adjusted Events",
        ],
    ),
    category(
        "Policy Change",
        &[
            "Audit Policy Change",
            "Authentication Policy Change",
            "Authorization Policy Change",
            "MPSSVC Rule-Level Policy Change",
            "Filtering Platform Policy Change",
            "Other Policy Change Events",
        ],
    ),
    category(
        "Account Management",
        &[
            "User Account Management",
            "Computer Account Management",
            "Security Group Management",
            "Distribution Group Management",
            "Application Group Management",
            "Other Account Management Events",
        ],
    ),
    category(
        "DS Access",
        &[
            "Directory Service Access",
            "Directory Service Changes",
            "Directory Service Replication",
            "Detailed Directory Service Replication",
        ],
    ),
    category(
        "Account Logon",
        &[
            "Credential Validation",
            "Kerberos Service Ticket Operations",
            "Other Account Logon Events",
            "Kerberos Authentication Service",
        ],
    ),
];

pub(super) fn rows(emit: &mut Emit<'_, '_>) {
    let hive = emit.hive();
    let Some(key) = emit.open.usual(r"Policy\PolAdtEv") else { return };
    let value = hive.named(key, "(Default)").or_else(|| hive.named(key, ""));
    let Some(value) = value else { return };
    for (category, name, setting) in settings(&emit.bytes(value, BYTES_MAX)) {
        emit.field("Category", category);
        emit.field("Subcategory", &name);
        emit.field("Setting", setting);
        emit.row(DATASET, value.at, None, key);
    }
}

/// Category, subcategory and setting of each; none where the data does not add up.
fn settings(data: &[u8]) -> Vec<(&'static str, String, &'static str)> {
    let counts_at = u32_at(data, 8).map_or(usize::MAX, place);
    let known = u32_at(data, 4).map_or(0, place);
    let counts: Option<Vec<usize>> = (0..CATEGORIES.len())
        .map(|at| u16_at(data, counts_at.checked_add(at * 2)?).map(usize::from))
        .collect();
    let Some(counts) = counts.filter(|_| known == CATEGORIES.len()) else { return Vec::new() };
    if HEAD + counts.iter().sum::<usize>() * 2 > counts_at {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut at = HEAD;
    for (category, count) in CATEGORIES.iter().zip(counts) {
        for number in 0..count {
            let Some(setting) = u16_at(data, at).and_then(setting_name) else { return found };
            let name = category
                .subcategories
                .get(number)
                .map_or_else(|| format!("subcategory {number}"), |name| (*name).to_owned());
            found.push((category.name, name, setting));
            at += 2;
        }
    }
    found
}

fn setting_name(setting: u16) -> Option<&'static str> {
    Some(match setting {
        0 => "No Auditing",
        1 => "Success",
        2 => "Failure",
        3 => "Success and Failure",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subcategories_are_counted_as_the_data_says() {
        let counts = [5_u16, 9, 12, 3, 4, 6, 6, 4, 4];
        let total: u16 = counts.iter().sum();
        let mut data = vec![0, 1, 0, 0, 9, 0, 0, 0];
        data.extend(u32::from(12 + total * 2).to_le_bytes());
        let mut values = vec![0_u16; usize::from(total)];
        (values[5], values[9], values[5 + 9 + 12 + 3]) = (3, 1, 2);
        data.extend(values.into_iter().flat_map(u16::to_le_bytes));
        data.extend(counts.into_iter().flat_map(u16::to_le_bytes));
        let set: Vec<_> =
            settings(&data).into_iter().filter(|(_, _, setting)| *setting != "No Auditing").collect();
        let shown: Vec<_> = set.iter().map(|(_, name, setting)| format!("{name}: {setting}")).collect();
        assert_eq!(
            shown,
            ["Logon: Success and Failure", "Special Logon: Success", "Process Creation: Failure"]
        );
        data[8] = 12;
        assert!(settings(&data).is_empty());
    }
}
