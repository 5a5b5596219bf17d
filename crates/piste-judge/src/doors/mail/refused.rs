//! Sign-ins that Exchange's web pages refused.
//!
//! In: rows of IIS: names posted to OWA's form, the sign-in page shown again because the password was wrong, logons by HTTP that
//! were refused. Out: guesses, each at the account that was named. The form's answer is the same for right and wrong
//! passwords; only the page that follows tells (`reason=2`).
//!
//! Sources: Microsoft, `logon.aspx` (`reason`: 0 first visit, 1 signed out, 2 wrong name or password, 3 timed out); Win32 error
//! codes in `sc-win32-status` (1326 wrong name or password, 1330 expired, 1331 disabled, 1909 locked out).

use std::collections::{BTreeMap, BTreeSet};

use piste_model::ReasonKind;

use super::SIGN_IN;
use crate::doors::addresses::is_public;
use crate::doors::fact::Fact;
use crate::doors::guesses::Guesses;
use crate::doors::rows::Row;
use crate::doors::words::quoted;

/// Rows kept.
const KEPT_MAX: usize = 200_000;
/// How long the page may take to come back.
const SOON: i64 = 60_000_000_000;
/// Error codes of a logon that named an account and was refused.
const REFUSED: [&str; 6] = ["1326", "1327", "1330", "1331", "1907", "1909"];

/// Posts of the form and refusals, joined by source at the end.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    /// (host, source) to (when, whom).
    posts: BTreeMap<(String, String), BTreeSet<(i64, String)>>,
    shown: BTreeSet<(String, Fact)>,
    count: usize,
}

/// What a row of IIS says of a sign-in.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) stem: &'a str,
    pub(crate) query: &'a str,
    pub(crate) status: &'a str,
    pub(crate) win32: &'a str,
    pub(crate) user: &'a str,
    pub(crate) source: &'a str,
}

impl Refusals {
    /// Takes a row; those from inside are nobody's way in.
    pub(crate) fn take(&mut self, row: Row<'_, '_>, host: &dyn Fn(&str) -> String, asked: &Asked<'_>) {
        let Some(time) = row.time() else { return };
        let stem = asked.stem.to_ascii_lowercase();
        let named = !matches!(asked.user, "" | "-");
        let form = stem == "/owa/auth.owa" && asked.method.eq_ignore_ascii_case("POST");
        let again = stem == "/owa/auth/logon.aspx" && reason(asked.query) == Some("2");
        let by_http = named && asked.status == "401" && REFUSED.contains(&asked.win32);
        if !(form && named || again || by_http) || !is_public(asked.source) || self.count >= KEPT_MAX {
            return;
        }
        self.count += 1;
        let host = host(row.host());
        if form && !by_http {
            let posts = self.posts.entry((host, asked.source.to_owned())).or_default();
            posts.insert((time.nanos, asked.user.to_owned()));
            return;
        }
        let said = if by_http {
            let (status, win32) = (asked.status.to_owned(), asked.win32.to_owned());
            ReasonKind::HttpLogonRefused { account: quoted(asked.user), status, win32 }
        } else {
            ReasonKind::SignInShownAgain {}
        };
        let mut fact = Fact::new("IIS", row.time(), row.place(), said).from(asked.source);
        if by_http {
            fact = fact.by(asked.user);
        }
        self.shown.insert((host, fact));
    }

    /// Hands the refusals over.
    pub(crate) fn tell(self, guesses: &mut Guesses) {
        for (host, mut fact) in self.shown {
            let mut account = std::mem::take(&mut fact.account); // a guessed name is no account that the door acted as
            if account.is_empty()
                && let Some(posts) = self.posts.get(&(host.clone(), fact.source.clone()))
            {
                let from = (fact.nanos().saturating_sub(SOON), String::new());
                let until = (fact.nanos().saturating_add(1), String::new());
                account =
                    posts.range(from..until).next_back().map(|(_, user)| user.clone()).unwrap_or_default();
            }
            guesses.add(&host, SIGN_IN, &account, fact);
        }
    }
}

/// The value of `reason` in a query.
fn reason(query: &str) -> Option<&str> {
    query.trim_start_matches('?').split('&').find_map(|part| part.strip_prefix("reason="))
}
