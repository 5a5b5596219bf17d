//! The items of an ECP log's `EventData`.
//!
//! In: `S:TIME=9;'S:CMD=Set-X.Url=''a;b''';S:URL=/ecp/...`. Out: name and value of each item. An item with `;` or `'` in it
//! is wrapped in `'`, with `'` doubled inside. The letters before `:` are the value's type.

use std::borrow::Cow;

/// The items in order; what has no name is passed over, since the whole text stays beside them.
pub(super) fn items(data: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        let (item, after) = next_item(rest?);
        rest = after;
        Some(item)
    })
    .filter_map(named)
}

fn next_item(text: &str) -> (Cow<'_, str>, Option<&str>) {
    if let Some((item, after)) = text.strip_prefix('\'').and_then(wrapped) {
        return (item, after);
    }
    match text.split_once(';') {
        Some((item, after)) => (Cow::Borrowed(item), Some(after)),
        None => (Cow::Borrowed(text), None),
    }
}

/// The item after its opening `'`; `None` if it is not closed before a `;` or the end.
fn wrapped(text: &str) -> Option<(Cow<'_, str>, Option<&str>)> {
    let mut from = 0;
    loop {
        let quote = from + text.get(from..)?.find('\'')?;
        let after = text.get(quote + 1..)?;
        if after.starts_with('\'') {
            from = quote + 2;
            continue;
        }
        let item = Cow::Owned(text.get(..quote)?.replace("''", "'"));
        return match after.strip_prefix(';') {
            Some(after) => Some((item, Some(after))),
            None => after.is_empty().then_some((item, None)),
        };
    }
}

/// Takes the type and the name off.
fn named(item: Cow<'_, str>) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let (head, _) = item.split_once('=')?;
    let start = match head.split_once(':') {
        Some((kind, _)) if kind.len() <= 8 && kind.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            kind.len() + 1
        }
        _ => return None,
    };
    let (name, equals) = (head.get(start..).filter(|name| !name.is_empty())?.to_owned(), head.len());
    let value = match item {
        Cow::Borrowed(item) => Cow::Borrowed(item.get(equals + 1..)?),
        Cow::Owned(item) => Cow::Owned(item.get(equals + 1..)?.to_owned()),
    };
    Some((Cow::Owned(name), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(data: &str, expected: &[(&str, &str)]) {
        let found: Vec<_> = items(data).collect();
        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn items_are_unwrapped() {
        check("S:TIME=9;S:REQID=;Dbl:T=1.5", &[("TIME", "9"), ("REQID", ""), ("T", "1.5")]);
        check(
            "S:SID=1;'S:CMD=Set-OabVirtualDirectory.ExternalUrl=''http://f/<script>a=b;c</script>''.Force=$true';S:URL=/ecp/x?a=b",
            &[
                ("SID", "1"),
                ("CMD", "Set-OabVirtualDirectory.ExternalUrl='http://f/<script>a=b;c</script>'.Force=$true"),
                ("URL", "/ecp/x?a=b"),
            ],
        );
        check("'S:EX=it''s", &[]);
        check("'S:A=1';'S:B=2'x;S:C=3", &[("A", "1"), ("C", "3")]);
        check("free text; S:=x;S:URL=http://a:b", &[("URL", "http://a:b")]);
        check("", &[]);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_run_on(data in "[S:=;'aä]{0,60}") {
            prop_assert!(items(&data).count() <= data.len() + 1);
        }
    }
}
