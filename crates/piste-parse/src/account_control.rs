//! What the bits of `userAccountControl` say, in a directory's database and in its exports.
//!
//! In: the attribute's number. Out: the names of its bits as Microsoft's reference of the attribute has them, so that one search
//! finds an account wherever it was read.

/// Each bit with its name.
const FLAGS: [(u32, &str); 22] = [
    (0x1, "SCRIPT"),
    (0x2, "ACCOUNTDISABLE"),
    (0x8, "HOMEDIR_REQUIRED"),
    (0x10, "LOCKOUT"),
    (0x20, "PASSWD_NOTREQD"),
    (0x40, "PASSWD_CANT_CHANGE"),
    (0x80, "ENCRYPTED_TEXT_PWD_ALLOWED"),
    (0x100, "TEMP_DUPLICATE_ACCOUNT"),
    (0x200, "NORMAL_ACCOUNT"),
    (0x800, "INTERDOMAIN_TRUST_ACCOUNT"),
    (0x1000, "WORKSTATION_TRUST_ACCOUNT"),
    (0x2000, "SERVER_TRUST_ACCOUNT"),
    (0x1_0000, "DONT_EXPIRE_PASSWORD"),
    (0x2_0000, "MNS_LOGON_ACCOUNT"),
    (0x4_0000, "SMARTCARD_REQUIRED"),
    (0x8_0000, "TRUSTED_FOR_DELEGATION"),
    (0x10_0000, "NOT_DELEGATED"),
    (0x20_0000, "USE_DES_KEY_ONLY"),
    (0x40_0000, "DONT_REQ_PREAUTH"),
    (0x80_0000, "PASSWORD_EXPIRED"),
    (0x100_0000, "TRUSTED_TO_AUTH_FOR_DELEGATION"),
    (0x400_0000, "PARTIAL_SECRETS_ACCOUNT"),
];

/// Names of the bits that are set, in order; empty for none that has a name.
pub(crate) fn names(bits: u32) -> Vec<&'static str> {
    FLAGS.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_have_their_names_in_order() {
        assert_eq!(names(0x1_0202), ["ACCOUNTDISABLE", "NORMAL_ACCOUNT", "DONT_EXPIRE_PASSWORD"]);
        assert_eq!(names(0x8000_0000), [] as [&str; 0]);
    }
}
