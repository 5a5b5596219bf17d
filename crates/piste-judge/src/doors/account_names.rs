//! Names of accounts as logs write them.
//!
//! In: `MIN\\anna`, `anna@min.example` and the like. Out: the name alone, or with its domain.

/// An account's name without its domain or folder, in lower case: of `MIN\anna`, `anna@min.example`, `min.example/Users/anna`.
pub(crate) fn plain(account: &str) -> String {
    let name = account.rsplit(['\\', '/']).next().unwrap_or_default();
    name.split('@').next().unwrap_or_default().to_lowercase()
}

/// An account with its domain, where the record names one.
pub(crate) fn account(domain: &str, user: &str) -> String {
    if matches!(domain, "" | "-") { user.to_owned() } else { format!("{domain}\\{user}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_left_out() {
        assert_eq!((plain("MIN\\Anna"), plain("anna@min.example")), ("anna".to_owned(), "anna".to_owned()));
        assert_eq!(plain("min.example/Users/anna"), "anna");
    }
}
