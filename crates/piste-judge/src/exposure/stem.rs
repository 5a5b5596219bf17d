//! The build in a URL path: `/owa/auth/15.1.2176/…`, `/ecp/15.1.2176.2/…`, `/owa/prem/15.1.2176.2/…`.
//!
//! In: a path as IIS logs it. Out: the build that the server itself wrote into its pages' links. Only a file that is there
//! is answered with 200 or 304: who asks for the paths of other builds gets 404, and says nothing of this server.

use piste_model::exchange::Version;

/// Characters of a path before which the build stands.
const PREFIX_MAX: usize = 20;

/// The build in a path; `None` for any other path.
pub(super) fn version_in(stem: &str) -> Option<Version> {
    let mut segments = stem.get(1..)?.split('/');
    let first = segments.next()?;
    if first.len() > PREFIX_MAX || !(first.eq_ignore_ascii_case("owa") || first.eq_ignore_ascii_case("ecp")) {
        return None;
    }
    let second = segments.next()?;
    let known = ["auth", "prem"].iter().any(|name| second.eq_ignore_ascii_case(name));
    let build = if known { segments.next()? } else { second };
    // A page of that build, not the bare folder, which many answers are given for.
    let file = segments.next_back()?;
    if file.is_empty() || file.contains("..") || stem.contains("/../") || stem.contains('\\') {
        return None;
    }
    Version::parse(build)
}

/// Whether IIS answered with the file.
pub(super) fn is_answered(status: &str) -> bool {
    matches!(status, "200" | "304")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(stem: &str, build: Option<&str>) {
        assert_eq!(version_in(stem).map(|version| version.to_string()).as_deref(), build, "{stem}");
    }

    #[test]
    fn builds_stand_behind_known_folders() {
        check("/owa/auth/15.1.2176/themes/resources/favicon.ico", Some("15.1.2176"));
        check("/OWA/Auth/15.1.2176/scripts/premium/flogon.js", Some("15.1.2176"));
        check("/owa/prem/15.2.1544.9/resources/styles/0/boot.worldwide.mouse.css", Some("15.2.1544.9"));
        check("/ecp/15.1.1261.39/scripts/wizardproperties.js", Some("15.1.1261.39"));
        check("/owa/14.3.123.3/themes/resources/owafont.css", Some("14.3.123.3"));
    }

    #[test]
    fn other_paths_say_nothing() {
        for stem in [
            "",
            "/",
            "/owa/auth/logon.aspx",
            "/owa/auth/15.1.2176/",
            "/owa/auth/15.1.2176",
            "/owa/auth/15.1.2176/../logon.aspx",
            "/ews/15.1.2176.2/x.js",
            "/x/owa/auth/15.1.2176/a.js",
            "/owa/auth/Current/themes/a.png",
            "/owa/auth/7.1.2176/a.js",
        ] {
            check(stem, None);
        }
    }
}
