//! Keys of persons: Ed25519, in two small text files.
//!
//! In: 32 random bytes and a name, or a key file. Out: signatures over the bytes given, and answers whether one holds. A key
//! says who held a file, no more: that the name is right is what the people who exchange public keys make sure of.
//!
//! ```text
//! piste secret key 1            piste public key 1
//! name: Ann Peeters             name: Ann Peeters
//! public: 64 hex digits         public: 64 hex digits
//! secret: 64 hex digits
//! ```
//!
//! Source: RFC 8032; verification is the strict one, which refuses weak keys and second forms of one signature.

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use piste_model::hash::{hex, sha256_hex};

const SECRET_HEAD: &str = "piste secret key 1";
const PUBLIC_HEAD: &str = "piste public key 1";
/// Bytes of a name.
const NAME_BYTES_MAX: usize = 200;

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is no key file.
    #[error("it is not a {0}")]
    NotAKey(&'static str),
    /// A public key was given where a secret one is needed.
    #[error("it is a public key; the secret one is needed to sign")]
    OnlyPublic,
    /// A name that cannot stand in a key file.
    #[error("a name is one line of 1 to {NAME_BYTES_MAX} bytes")]
    Name,
    /// Public and secret part do not belong together.
    #[error("its public part is not that of its secret part")]
    Mismatch,
}

/// A person's public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Whose it is said to be.
    pub name: String,
    key: VerifyingKey,
}

impl PublicKey {
    /// Reads a public key file; of a secret key file its public part.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`] for any other text.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        const WHAT: KeyError = KeyError::NotAKey("public key of Piste");
        let fields = Fields::of(text);
        if fields.head != PUBLIC_HEAD && fields.head != SECRET_HEAD {
            return Err(WHAT);
        }
        let (Some(name), Some(public)) = (fields.get("name"), fields.get("public")) else {
            return Err(WHAT);
        };
        Self::of(name, public).ok_or(WHAT)
    }

    /// From its 64 hex digits.
    pub fn of(name: &str, digits: &str) -> Option<Self> {
        let key = VerifyingKey::from_bytes(&unhex::<32>(digits)?).ok()?;
        Some(Self { name: name.to_owned(), key })
    }

    /// The file's text.
    pub fn to_text(&self) -> String {
        format!("{PUBLIC_HEAD}\nname: {}\npublic: {}\n", self.name, self.hex())
    }

    /// 64 hex digits.
    pub fn hex(&self) -> String {
        hex(self.key.as_bytes())
    }

    /// The head of its SHA-256 in groups of four: short enough to be read out over the telephone.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.hex())
    }

    /// Whether `signature` (128 hex digits) over `message` was made with the secret part.
    pub fn holds(&self, message: &[u8], signature: &str) -> bool {
        let Some(bytes) = unhex::<64>(signature) else { return false };
        self.key.verify_strict(message, &Signature::from_bytes(&bytes)).is_ok()
    }
}

/// Fingerprint of a public key's hex digits.
pub fn fingerprint(key: &str) -> String {
    let digest = sha256_hex(key.as_bytes());
    let groups = [digest.get(0..4), digest.get(4..8), digest.get(8..12), digest.get(12..16)];
    groups.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// A person's secret key. It never shows itself in a debug line.
#[derive(Clone)]
pub struct SecretKey {
    name: String,
    key: SigningKey,
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({:?}, {})", self.name, self.public().fingerprint())
    }
}

impl SecretKey {
    /// A new key from 32 random bytes of the system.
    ///
    /// # Errors
    /// [`KeyError::Name`].
    pub fn new(name: &str, random: &[u8; 32]) -> Result<Self, KeyError> {
        let name = name.trim();
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
            return Err(KeyError::Name);
        }
        Ok(Self { name: name.to_owned(), key: SigningKey::from_bytes(random) })
    }

    /// Reads a secret key file.
    ///
    /// # Errors
    /// As [`KeyError`] says.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        const WHAT: KeyError = KeyError::NotAKey("secret key of Piste");
        let fields = Fields::of(text);
        match fields.head {
            SECRET_HEAD => {}
            PUBLIC_HEAD => return Err(KeyError::OnlyPublic),
            _ => return Err(WHAT),
        }
        let bytes = fields.get("secret").and_then(unhex::<32>).ok_or(WHAT)?;
        let secret = Self::new(fields.get("name").unwrap_or_default(), &bytes)?;
        if fields.get("public") != Some(secret.public().hex().as_str()) {
            return Err(KeyError::Mismatch);
        }
        Ok(secret)
    }

    /// The file's text. Whoever reads it can sign in this person's name.
    pub fn to_text(&self) -> String {
        let secret = hex(&self.key.to_bytes());
        format!("{SECRET_HEAD}\nname: {}\npublic: {}\nsecret: {secret}\n", self.name, self.public().hex())
    }

    /// Whose it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public part.
    pub fn public(&self) -> PublicKey {
        PublicKey { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// Signs; 128 hex digits. The same message gives the same signature.
    pub fn sign(&self, message: &[u8]) -> String {
        hex(&self.key.sign(message).to_bytes())
    }
}

/// The lines of a key file.
struct Fields<'a> {
    head: &'a str,
    lines: Vec<(&'a str, &'a str)>,
}

impl<'a> Fields<'a> {
    fn of(text: &'a str) -> Self {
        let mut lines = text.lines().map(str::trim);
        let head = lines.next().unwrap_or_default();
        let lines = lines.take(16).filter_map(|line| line.split_once(':'));
        Self { head, lines: lines.map(|(name, value)| (name, value.trim())).collect() }
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.lines.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

/// Reads exactly `N` bytes of lower-case hex: one value has one text.
fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if text.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    for (to, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *to = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_file_and_signs_what_it_is_given() {
        let secret = SecretKey::new(" Ann Peeters ", &[7; 32]).unwrap();
        let again = SecretKey::parse(&secret.to_text()).unwrap();
        let public = PublicKey::parse(&secret.public().to_text()).unwrap();
        assert_eq!(public, PublicKey::parse(&secret.to_text()).unwrap());
        assert_eq!(public.name, "Ann Peeters");
        let signature = again.sign(b"message");
        assert!(public.holds(b"message", &signature));
        assert!(!public.holds(b"another", &signature));
        assert!(!public.holds(b"message", &signature.to_uppercase()), "one signature has one text");
        let other = SecretKey::new("Ann Peeters", &[8; 32]).unwrap().public();
        assert!(!other.holds(b"message", &signature));
        assert!(!format!("{secret:?}").contains("0707"), "a debug line does not show the secret");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let secret = SecretKey::new("Ann", &[7; 32]).unwrap();
        let public = secret.public().to_text();
        assert_eq!(SecretKey::parse(&public).unwrap_err(), KeyError::OnlyPublic);
        assert!(SecretKey::parse("").is_err());
        assert!(PublicKey::parse("piste public key 1\nname: x\npublic: zz").is_err());
        let other = SecretKey::new("Ann", &[8; 32]).unwrap().public().hex();
        let mixed = secret.to_text().replace(&secret.public().hex(), &other);
        assert_eq!(SecretKey::parse(&mixed).unwrap_err(), KeyError::Mismatch);
        for name in ["", " ", "a\nb", &"x".repeat(201)] {
            assert_eq!(SecretKey::new(name, &[7; 32]).unwrap_err(), KeyError::Name, "{name:?}");
        }
    }

    #[test]
    fn the_signature_is_that_of_rfc_8032() {
        // Section 7.1, test 2.
        let secret = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
        let key = SecretKey::new("x", &unhex(secret).unwrap()).unwrap();
        assert_eq!(key.public().hex(), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        assert!(key.sign(&[0x72]).starts_with("92a009a9f0d4cab8720e820b5f642540"));
    }
}
