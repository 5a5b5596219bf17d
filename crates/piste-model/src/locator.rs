//! Where a file stood before it was collected.
//!
//! In: a locator, the path within the evidence as `MX02.zip!uploads/auto/C%3A/inetpub/x.aspx`. Out: the path on its host,
//! `C:\inetpub\x.aspx`. Collectors keep the drive as a folder: `C`, `C:` (KAPE), `C%3A` (Velociraptor).

/// The path that a file had on its host; the locator as it is, with Windows' slashes, where no drive is in it.
pub fn windows_path(locator: &str) -> String {
    let inner = locator.rsplit('!').next().unwrap_or_default();
    let parts: Vec<&str> = inner.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
    let found = parts.iter().enumerate().find_map(|(at, part)| Some((at, drive(part)?)));
    match found {
        Some((at, letter)) if at + 1 < parts.len() => {
            format!("{letter}:\\{}", parts.get(at + 1..).unwrap_or_default().join("\\"))
        }
        _ => parts.join("\\"),
    }
}

/// The path that a file had on its host, where its drive is known.
pub fn path_on_host(locator: &str) -> Option<String> {
    Some(windows_path(locator)).filter(|path| path.get(1..3) == Some(":\\"))
}

/// The letter of a folder that stands for a drive.
fn drive(part: &str) -> Option<String> {
    let letter = ["%3A", "%3a", ":"].iter().find_map(|end| part.strip_suffix(end)).unwrap_or(part);
    let one = letter.len() == 1 && letter.chars().all(|sign| sign.is_ascii_alphabetic());
    one.then(|| letter.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_on_the_server() {
        for locator in [
            "MX02/C/inetpub/wwwroot/aspnet_client/x.aspx",
            "a.zip!MX02.zip!uploads/auto/C%3A/inetpub/wwwroot/aspnet_client/x.aspx",
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
}
