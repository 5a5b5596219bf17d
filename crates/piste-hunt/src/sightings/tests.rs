//! What a value shows and what it does not.
//!
//! In: indicators as a list, and values. Out: a truth table of boundaries, and the same answers as a slow search that knows
//! nothing of hash sets.

use std::net::IpAddr;

use piste_rules::indicators::fields::Carries;
use piste_rules::indicators::{GivenFile, Indicators, Test, read};
use proptest::prelude::*;

use super::index::Index;
use super::matcher::Scratch;

fn indicators(list: &str) -> Indicators {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("list.csv");
    std::fs::write(&path, format!("indicator,type\n{list}\n")).expect("it is written");
    read(&[GivenFile { name: "list.csv".into(), path }]).expect("it is read")
}

/// The indicators that a value shows alone.
fn seen(index: &Index<'_>, value: &str, carries: Carries) -> Vec<String> {
    let (mut scratch, mut found) = (Scratch::default(), Vec::new());
    index.matches(value, carries, &mut scratch, &mut found);
    let alone = found.iter().filter_map(|slot| index.asked[*slot as usize].alone);
    alone.map(|at| index.indicators.all[at as usize].value()).collect()
}

#[track_caller]
fn check(list: &str, carries: Carries, yes: &[&str], no: &[&str]) {
    let indicators = indicators(list);
    let index = Index::new(&indicators);
    for value in yes {
        assert!(!seen(&index, value, carries).is_empty(), "{list} is in {value}");
    }
    for value in no {
        assert!(seen(&index, value, carries).is_empty(), "{list} is not in {value}");
    }
}

#[test]
fn addresses() {
    check(
        "203.0.113.7,ip",
        Carries::TEXT,
        &[
            "203.0.113.7",
            "203.0.113.7:443",
            "::ffff:203.0.113.7",
            "ping 203.0.113.7.",
            "http://203.0.113.7/x",
            "a=203.0.113.7&b",
            "203.0.113.7-203.0.113.9",
            "[203.0.113.7]",
            "\\\\203.0.113.7\\c$",
            "x,203.0.113.7;y",
            "203%2e0%2e113%2e7",
        ],
        &[
            "1203.0.113.7",
            "203.0.113.70",
            "203.0.113.7.1",
            "v203.0.113.7",
            "203.0.113",
            "203.0.113.07",
            "1.203.0.113.7",
        ],
    );
    check(
        "2001:db8::7,ip",
        Carries::TEXT,
        &[
            "2001:db8::7",
            "2001:DB8:0:0::7",
            "[2001:db8::7]:443",
            "IPv6:2001:db8::7",
            "to 2001:db8::7.",
            "2001:db8::7%12",
        ],
        &["2001:db8::70", "12001:db8::7", "2001:db8::7:1", "2001:db8::7g"],
    );
    check(
        "198.51.100.0/24,ip",
        Carries::TEXT,
        &["198.51.100.0", "198.51.100.255", "::ffff:198.51.100.9"],
        &["198.51.101.0", "198.51.99.255", "2001:db8::1"],
    );
    check("2001:db8:1::/48,ip", Carries::TEXT, &["2001:db8:1:ffff::1"], &["2001:db8:2::1", "198.51.100.1"]);
}

#[test]
fn private_values_do_not_match_inside_of_longer_ones() {
    // The reader refuses private addresses; the look-up itself must be as exact.
    let mut all = indicators("203.0.113.7,ip");
    all.all[0].tests = piste_rules::indicators::Tests::One(Test::V4([10, 1, 1, 1].into()));
    let index = Index::new(&all);
    assert!(seen(&index, "110.1.1.15", Carries::TEXT).is_empty());
    assert!(seen(&index, "10.1.1.15 10.1.1.10 210.1.1.1", Carries::TEXT).is_empty());
    assert_eq!(seen(&index, "from 10.1.1.1,", Carries::TEXT), ["10.1.1.1"]);
}

#[test]
fn domains() {
    check(
        "evil.example,domain",
        Carries::TEXT,
        &[
            "evil.example",
            "a.evil.example",
            "x.y.EVIL.example.",
            "http://evil.example:8080/x",
            "user@evil.example",
            "type:  5 cdn.evil.example;::ffff:1.2.3.4;",
            "\\\\evil.example\\share",
            "http%3a%2f%2fevil.example%2f",
            "-Uri evil.example-",
        ],
        &[
            "notevil.example",
            "evil.example.org",
            "evil.exampleX",
            "evil-example",
            "evil.example.exe",
            "xevil.example",
            "not-evil.example",
            "evilexample",
        ],
    );
}

#[test]
fn urls() {
    check(
        "http://evil.example/Gate.php,url",
        Carries::TEXT,
        &[
            "http://evil.example/Gate.php",
            "https://evil.example:443/Gate.php?id=5",
            "GET evil.example/Gate.php HTTP",
            "('http://evil.example/Gate.php').Foo()",
            "http://u:p@evil.example/Gate.php",
            "http://EVIL.example/Gate.php#x",
            "see http://evil.example/Gate.php.",
        ],
        &[
            "http://evil.example/gate.php",
            "http://evil.example/Gate.php5",
            "http://evil.example/x/Gate.php",
            "http://evil.example/",
            "http://a.evil.example/Gate.php",
            "ftp://evil.example/Gate.php",
            "http://evil.example:8080/Gate.php",
        ],
    );
    check(
        "http://203.0.113.7:8080/a?b=1,url",
        Carries::TEXT,
        &["http://203.0.113.7:8080/a?b=1"],
        &["http://203.0.113.7:8080/a?b=12", "http://203.0.113.7/a?b=1"],
    );
    check(
        "http://evil.example,url",
        Carries::TEXT,
        &["http://evil.example/", "https://evil.example"],
        &["http://evil.example/x", "evil.example"],
    );
    check("ftp://evil.example/x,url", Carries::TEXT, &["ftp://evil.example/x"], &["http://evil.example/x"]);
}

#[test]
fn hashes_and_mail() {
    let sha = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
    check(
        &format!("{sha},sha256"),
        Carries::HASH,
        &[&format!("MD5=00,SHA256={}", sha.to_uppercase()), sha, &format!("{sha};")],
        &[&format!("{sha}0"), &format!("0{sha}"), &sha[..63]],
    );
    let md5 = "51dc8b92ef1620527201e5276e21bca7";
    // Sysmon's hash of imports has the length of an MD5 and is none.
    check(
        &format!("{md5},md5"),
        Carries::HASH,
        &[&format!("MD5={md5}")],
        &[&format!("SHA1=00,IMPHASH={md5}")],
    );
    check(
        "someone@evil.example,email",
        Carries::TEXT,
        &[
            "Someone@Evil.example",
            "<someone@evil.example>",
            "to=someone@evil.example;x",
            "someone%40evil.example",
        ],
        &[
            "notsomeone@evil.example",
            "someone@a.evil.example",
            "someone@evil.example.org",
            "a.someone@evil.example",
        ],
    );
}

#[test]
fn paths() {
    check(
        r"C:\inetpub\wwwroot\aspnet_client\x.aspx,path",
        Carries::PATH,
        &[
            r"C:\inetpub\wwwroot\aspnet_client\X.aspx",
            r"c:/inetpub/wwwroot/aspnet_client/x.aspx",
            r"\\?\C:\inetpub\wwwroot\aspnet_client\x.aspx",
            r"C:\\inetpub\\wwwroot\\aspnet_client\\x.aspx",
            r"C:\inetpub\wwwroot\aspnet_client\x.aspx:Zone.Identifier",
            "a.zip!uploads/auto/C%3A/inetpub/wwwroot/aspnet_client/x.aspx",
        ],
        &[
            r"C:\inetpub\wwwroot\aspnet_client\x.aspx.bak",
            r"C:\inetpub\wwwroot\aspnet_client\xx.aspx",
            r"D:\inetpub\wwwroot\aspnet_client\x.aspx",
            r"C:\inetpub\wwwroot\aspnet_client",
        ],
    );
    check(
        r"%TEMP%\evil2.exe,path",
        Carries::PATH,
        &[r"C:\Users\a\AppData\Local\Temp\evil2.exe", r"%TEMP%\evil2.exe", r"%temp%/evil2.exe"],
        &[r"%TEMPX%\evil2.exe", r"%tmp\evil2.exe"],
    );
    check(
        "evil.exe,filename",
        Carries::PATH,
        &[r"C:\x\evil.exe", "evil.exe", r"C:\evil.exe\x"],
        &[r"C:\x\my evil.exe", r"C:\x\notevil.exe", r"C:\x\evil.exe.config", "evil_exe"],
    );
    check(
        "evil.exe,filename",
        Carries::TEXT,
        &["cmd /c evil.exe -a", r#""C:\a b\evil.exe""#, "a=evil.exe;b", "(evil.exe)", r"C:\x\my evil.exe"],
        &["notevil.exe", "evil.exe.bak", "evil.exec"],
    );
    check(
        r"C:\Program Files\Evil Corp\a b.exe,path",
        Carries::TEXT,
        &[r#"start "" "c:/program files/evil corp/A B.exe" /s"#],
        &[r"C:\Program Files\Evil Corp\a b.exec", r"C:\Program Files\Evil Corp\a  b.exe"],
    );
    check(
        "/owa/auth/x.aspx,url",
        Carries::PATH,
        &["/owa/auth/x.aspx", r"C:\fe\owa\auth\x.aspx"],
        &["/owa/auth/xx.aspx", "/fowa/auth/x.aspx"],
    );
}

#[test]
fn agents_pipes_mutexes_and_keys() {
    check(
        "antSword/v2.1,user-agent",
        Carries::AGENT,
        &["antSword/v2.1", "ANTSWORD/v2.1", "Mozilla/5.0+(X)+antSword/v2.1"],
        &["antSword/v2.10", "xantSword/v2.1"],
    );
    check(
        "Mozilla/5.0 (Evil) x,user-agent",
        Carries::AGENT,
        &["Mozilla/5.0 (Evil) x", "Mozilla/5.0+(Evil)+x"],
        &["Mozilla/5.0 (Evil) x y", "Mozilla/5.0 (Evil)"],
    );
    check(
        "evil-01,named pipe",
        Carries::PIPE,
        &[r"\evil-01", "evil-01", r"\\.\pipe\Evil-01"],
        &[r"\evil-011", r"\x\evil-01"],
    );
    check(
        "evil-01,named pipe",
        Carries::TEXT,
        &[r"echo x > \\.\pipe\evil-01"],
        &["evil-01", r"\\.\pipe\evil-011"],
    );
    check(
        r"Global\Evil,mutex",
        Carries::TEXT,
        &[r#"New-Object Mutex($false, "Global\Evil")"#],
        &[r"Global\EvilX", r"xGlobal\Evil"],
    );
    check(
        r"HKLM\SOFTWARE\Evil\Run,regkey",
        Carries::REGISTRY,
        &[r"HKLM\SOFTWARE\Evil\Run\x", r"\REGISTRY\MACHINE\software\evil\run"],
        &[r"HKLM\SOFTWARE\Evil\RunOnce", r"HKLM\SOFTWARE\NotEvil\Run"],
    );
    check(
        "evil -a,command line",
        Carries::TEXT.with(Carries::COMMAND),
        &["EVIL -a", " evil -a "],
        &["evil -ab", "x evil -a"],
    );
}

/// Slow and plain: every place of the value, every indicator.
fn oracle(test: &Test, value: &str) -> bool {
    let low = value.to_lowercase();
    let host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    match test {
        Test::V4(wanted) => low
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'))
            .any(|part| part.trim_matches('.').parse::<IpAddr>() == Ok((*wanted).into())),
        Test::Domain(name) => low.split(|c| !host(c)).any(|part| {
            let part = part.trim_matches(['.', '-', '_']);
            part == &**name || part.ends_with(&format!(".{name}"))
        }),
        Test::Hash(hash) => low.split(|c| !host(c)).any(|part| part == &**hash),
        Test::Path(name) => low.match_indices(&**name).any(|(at, found)| {
            let edge = |c: Option<char>| {
                c.is_none_or(|c| {
                    !(c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '$' | '~' | '+' | '%'))
                })
            };
            edge(low[..at].chars().next_back()) && edge(low[at + found.len()..].chars().next())
        }),
        other => panic!("not asked for: {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_index_answers_as_a_slow_search_does(
        value in "((203\\.0\\.113\\.[17]|evil\\.example|a\\.evil\\.example|x\\.exe|b{32}|[0-9a-bx.]{1,4})[ .:,;=@/\\\\\"_-]{0,2}){0,6}",
    ) {
        let list = format!("203.0.113.7,ip\n203.0.113.1,ip\nevil.example,domain\nx.exe,filename\n{},md5", "b".repeat(32));
        let all = indicators(&list);
        let index = Index::new(&all);
        let mut found = seen(&index, &value, Carries::TEXT);
        let text = value.replace(['/', '\\'], "\\");
        let collapsed = text.split('\\').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\\");
        let mut expected: Vec<String> = all
            .all
            .iter()
            .filter(|one| one.tests.all().iter().all(|test| oracle(test, if matches!(test, Test::Path(_)) { &collapsed } else { &value })))
            .map(piste_rules::indicators::Indicator::value)
            .collect();
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected, "{}", value);
    }

    #[test]
    fn any_text_is_looked_at(value in "\\PC{0,80}", bits in 0_usize..7) {
        let all = indicators("2001:db8::7,ip\nevil.example,domain\nhttp://evil.example/x,url\na@evil.example,email\nx y.exe,filename\nantSword/v2.1,user-agent\nevil-01,pipe");
        let index = Index::new(&all);
        let carries = [Carries::TEXT, Carries::PATH, Carries::AGENT, Carries::PIPE, Carries::MAIL, Carries::URL, Carries::COMMAND];
        let (mut scratch, mut found) = (Scratch::default(), Vec::new());
        index.matches(&value, carries[bits], &mut scratch, &mut found);
        prop_assert!(found.len() <= all.all.len());
    }
}
