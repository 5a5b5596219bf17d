//! Where a file stood before it was collected.
//!
//! In: a locator, the path within the evidence as `MX02.zip!uploads/auto/C%3A/inetpub/x.aspx`. Out: the path on its host,
//! `C:\inetpub\x.aspx`. Collectors keep the volume as a folder: `C`, `C:` (KAPE), `C%3A`, `%5C%5C.%5CC%3A` and
//! `%5C%5C%3F%5CGLOBALROOT%5CDevice%5CHarddiskVolumeShadowCopy1` (Velociraptor), some of them escaped twice.

use std::borrow::Cow;

/// Rounds of percent-decoding of one folder's name: collectors escape once, and what packs them may do so again.
const ESCAPED_ROUNDS: usize = 3;
/// What the name of a shadow copy's device begins with.
const SHADOW_COPY: &str = "HarddiskVolumeShadowCopy";

/// What a folder of a collection stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Volume {
    /// A drive by its letter, in upper case.
    Drive(char),
    /// A shadow copy, `HarddiskVolumeShadowCopy1`: the same computer at an earlier time.
    Shadow(String),
}

/// The volume that a folder's name stands for, as collectors write it; `None` for an ordinary folder.
pub fn volume(part: &str) -> Option<Volume> {
    let plain = unescaped(part);
    let name = ["\\\\.\\", "\\\\?\\"].iter().find_map(|front| plain.strip_prefix(front)).unwrap_or(&plain);
    let device = name.rsplit('\\').next().unwrap_or(name);
    if let Some(number) = strip_prefix_ignoring_case(device, SHADOW_COPY).or_else(|| vss(name))
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Some(Volume::Shadow(format!("{SHADOW_COPY}{number}")));
    }
    let letter = name.trim_end_matches('\\');
    let letter = letter.strip_suffix([':', '_']).unwrap_or(letter);
    let mut signs = letter.chars();
    match (signs.next(), signs.next()) {
        (Some(sign), None) if sign.is_ascii_alphabetic() => Some(Volume::Drive(sign.to_ascii_uppercase())),
        _ => None,
    }
}

/// KAPE's `VSS1`.
fn vss(name: &str) -> Option<&str> {
    strip_prefix_ignoring_case(name, "vss")
}

fn strip_prefix_ignoring_case<'t>(text: &'t str, front: &str) -> Option<&'t str> {
    let begins = text.get(..front.len())?.eq_ignore_ascii_case(front);
    text.get(front.len()..).filter(|_| begins)
}

/// `%xx` undone, as often as it was done.
fn unescaped(part: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(part);
    for _ in 0..ESCAPED_ROUNDS {
        let Some(next) = unescaped_once(&text) else { break };
        text = Cow::Owned(next);
    }
    text
}

fn unescaped_once(text: &str) -> Option<String> {
    if !text.contains('%') {
        return None;
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let value = digits
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        out.push(value.unwrap_or(*byte));
        at += if value.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).ok().filter(|next| next != text)
}

/// The path that a file had on its host; the locator as it is, with Windows' slashes, where no volume is in it. A file of a
/// shadow copy has that copy's device before it, as Windows names it.
pub fn windows_path(locator: &str) -> String {
    let inner = locator.rsplit('!').next().unwrap_or_default();
    let parts: Vec<&str> = inner.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
    let found = parts.iter().enumerate().find_map(|(at, part)| Some((at, volume(part)?)));
    let rest = |at: usize| parts.get(at + 1..).unwrap_or_default().join("\\");
    match found {
        Some((at, Volume::Drive(letter))) if at + 1 < parts.len() => format!("{letter}:\\{}", rest(at)),
        Some((at, Volume::Shadow(name))) if at + 1 < parts.len() => {
            format!("\\\\?\\GLOBALROOT\\Device\\{name}\\{}", rest(at))
        }
        _ => parts.join("\\"),
    }
}

/// The path that a file had on its host, where its drive is known.
pub fn path_on_host(locator: &str) -> Option<String> {
    Some(windows_path(locator)).filter(|path| path.get(1..3) == Some(":\\"))
}

/// The shadow copy that a file was taken from: an earlier state of its computer.
pub fn shadow_copy(locator: &str) -> Option<String> {
    let inner = locator.rsplit('!').next().unwrap_or_default();
    inner.split(['/', '\\']).find_map(|part| match volume(part)? {
        Volume::Shadow(name) => Some(name),
        Volume::Drive(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_on_the_server() {
        for locator in [
            "MX02/C/inetpub/wwwroot/aspnet_client/x.aspx",
            "a.zip!MX02.zip!uploads/auto/C%3A/inetpub/wwwroot/aspnet_client/x.aspx",
            "a.zip!uploads/ntfs/%5C%5C.%5CC%3A/inetpub/wwwroot/aspnet_client/x.aspx",
            "a.zip!uploads/ntfs/%255C%255C.%255Cc%253A/inetpub/wwwroot/aspnet_client/x.aspx",
            r"C:\inetpub\wwwroot\aspnet_client\x.aspx",
        ] {
            assert_eq!(windows_path(locator), r"C:\inetpub\wwwroot\aspnet_client\x.aspx", "{locator}");
        }
        assert_eq!(windows_path("found/x.aspx"), r"found\x.aspx");
        assert_eq!(path_on_host("found/x.aspx"), None);
        assert_eq!(windows_path("x.aspx"), "x.aspx");
        assert_eq!(windows_path("c"), "c");
        assert_eq!(path_on_host("MX01/D/x.dll").as_deref(), Some(r"D:\x.dll"));
    }

    #[test]
    fn a_shadow_copy_is_another_state_and_is_told() {
        let velociraptor =
            "a.zip!uploads/ntfs/%5C%5C%3F%5CGLOBALROOT%5CDevice%5CHarddiskVolumeShadowCopy1/x.log";
        assert_eq!(windows_path(velociraptor), r"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy1\x.log");
        assert_eq!(path_on_host(velociraptor), None);
        let of = |locator: &str| shadow_copy(locator);
        assert_eq!(of(velociraptor).as_deref(), Some("HarddiskVolumeShadowCopy1"));
        assert_eq!(of("MX01/VSS2/Windows/x").as_deref(), Some("HarddiskVolumeShadowCopy2"));
        assert_eq!(of("MX01/C/Windows/vssadmin.exe"), None);
        assert_eq!(volume("100%"), None);
        assert_eq!(volume("%zz%C3"), None);
        assert_eq!(volume(""), None);
    }
}
