//! Devices' lines, a few of each form, with the catalogue of devices as it is shipped.

use piste_model::sources::Sources;
use proptest::prelude::*;

use super::envelope::Envelope;
use super::is_syslog;
use crate::testing::{Read, read_at, read_with};
use crate::{Format, sniff};

fn sources() -> Sources {
    let text = include_str!("../../../../catalog/devices.yaml");
    Sources { devices: yaml_serde::from_str(text).expect("the catalogue reads"), ..Sources::default() }
}

fn found(text: &str, path: &str) -> Read {
    read_with(&sources(), Format::Syslog, text.as_bytes(), path, 1 << 20)
}

const SHOWN: [&str; 8] = ["dataset", "event_time", "host", "vendor", "user", "src_ip", "action", "outcome"];

#[track_caller]
fn check(text: &str, shown: &str) {
    assert_eq!(sniff(text.as_bytes(), "vpn.log"), Format::Syslog, "{text}");
    assert_eq!(found(text, "fw/2021/vpn.log").columns(&SHOWN), [shown]);
}

#[test]
fn vpn_logons_of_many_devices_have_one_set_of_names() {
    check(
        r#"<189>date=2021-03-03 time=05:12:31 devname="FG100" devid="FG1" eventtime=1614748351000000000 tz="+0000" logid="0101039424" type="event" subtype="vpn" level="information" action="ssl-login-fail" remip=203.0.113.7 user="bob""#,
        "network.vpn | 2021-03-03T05:12:31Z | FG100 | Fortinet | bob | 203.0.113.7 | ssl-login-fail | failure",
    );
    check(
        "<166>Mar 03 2021 05:12:31 asa01 : %ASA-6-113039: Group <GP> User <bob> IP <203.0.113.7> AnyConnect parent session started.",
        "network.vpn | 2021-03-03T05:12:31Z | asa01 | Cisco | bob | 203.0.113.7 | logon | success",
    );
    check(
        "<14>Mar  3 05:12:31 fw CEF:0|Palo Alto Networks|PAN-OS|9.1|globalprotect|login \\| ok|3|rt=Mar 03 2021 05:12:30 src=203.0.113.7 suser=contoso\\\\bob msg=gateway-connected a\\=b cs1=x y",
        "network.vpn | 2021-03-03T05:12:30Z | fw | Palo Alto Networks | contoso\\bob | 203.0.113.7 | logon | success",
    );
    check(
        "<134>1 2021-03-03T05:12:31.417Z ive01 PulseSecure: - - - id=firewall time=\"2021-03-03 05:12:31\" pri=6 fw=10.0.0.1 vpn=ive user=bob realm=\"Users\" src=203.0.113.7 msg=\"AUT24326: Primary authentication successful\"",
        "network.vpn | 2021-03-03T05:12:31Z | ive01 | Ivanti | bob | 203.0.113.7 | logon | success",
    );
    check(
        "LEEF:2.0|Acme|Box|1|7|^|src=203.0.113.7^usrName=bob^devTime=1614748351000",
        "network.device | 2021-03-03T05:12:31Z | HINT | Acme | bob | 203.0.113.7 | ~ | ~",
    );
    check(
        "Mar  3 05:12:31 web01 sshd[77]: Failed password for invalid user bob from 203.0.113.7 port 4711 ssh2",
        "linux.sshd | 2021-03-03T05:12:31Z | web01 | OpenSSH | bob | 203.0.113.7 | logon | failure",
    );
    check(
        "<13>Mar  3 05:12:31 host app[1]: hello",
        "syslog | 2021-03-03T05:12:31Z | host | ~ | ~ | ~ | ~ | ~",
    );
}

#[test]
fn without_a_year_anywhere_the_time_stays_text() {
    let rows = found("<13>Mar  3 05:12:31 host app: hello\n", "messages");
    assert_eq!(rows.columns(&["syslog.time", "event_time", "Text"]), ["Mar  3 05:12:31 | ~ | hello"]);
    assert!(rows.issues[0].starts_with("time-missing"));
}

#[test]
fn other_texts_are_no_syslog() {
    for text in ["hello world\n", "a=1\nb=2\n", "Mar 3 was a day\n", "x = y z = 1\n"] {
        assert_eq!(sniff(text.as_bytes(), "x"), Format::Text, "{text}");
    }
}

#[test]
fn what_an_asa_says_of_its_vpn_is_told_apart() {
    let row = |text: &str| format!("<190>Mar 03 2023 09:13:09 fw1 : %ASA-6-{text}");
    let rest = "network.vpn | 2023-03-03T09:13:09Z | fw1 | Cisco";
    for (text, shown) in [
        (
            "716039: Group <Remote Access - ISE> User <*****> IP <198.51.100.8> Authentication: rejected, Session Type: WebVPN.",
            "***** | 198.51.100.8 | logon | failure",
        ),
        (
            "716039: Authentication: rejected, group = GP user = bob, Session Type: WebVPN",
            "bob | ~ | logon | failure",
        ),
        (
            "716038: Group <GP> User <bob> IP <198.51.100.8> Authentication: successful, Session Type: WebVPN.",
            "bob | 198.51.100.8 | logon | success",
        ),
        (
            "113005: AAA user authentication Rejected : reason = AAA failure : server = 192.0.2.1 : user = ***** : user IP = 198.51.100.8",
            "***** | 198.51.100.8 | logon | failure",
        ),
        (
            "113015: AAA user authentication Rejected: reason = User was not found: local database: user = bob: user IP = 198.51.100.8",
            "bob | 198.51.100.8 | logon | failure",
        ),
        (
            "113015: AAA user authentication Rejected : reason = Invalid password : local database : user = bob",
            "bob | ~ | logon | failure",
        ),
        (
            "113004: AAA user authentication Successful : server =  192.0.2.1 : user = bob",
            "bob | ~ | authentication | success",
        ),
        (
            "113019: Group = GP, Username = bob, IP = 203.0.113.21, Session disconnected. Session Type: SSL, Duration: 0h:40m:00s, Bytes xmt: 1, Bytes rcv: 2, Reason: User Requested",
            "bob | 203.0.113.21 | logoff | success",
        ),
        (
            "722023: Group <GP> User <bob> IP <203.0.113.21> SVC connection terminated without compression",
            "bob | 203.0.113.21 | logoff | success",
        ),
        (
            "716002: Group <GP> User <bob> IP <203.0.113.21> WebVPN session terminated: User Requested.",
            "bob | 203.0.113.21 | logoff | success",
        ),
        (
            "716001: Group <GP> User <bob> IP <203.0.113.21> WebVPN session started.",
            "bob | 203.0.113.21 | logon | success",
        ),
        (
            "722022: Group <GP> User <bob> IP <203.0.113.21> TCP SVC connection established without compression",
            "bob | 203.0.113.21 | logon | success",
        ),
        (
            "722051: Group <GP> User <bob> IP <203.0.113.21> IPv4 Address <10.9.9.9> IPv6 address <::> assigned to session",
            "bob | 203.0.113.21 | logon | success",
        ),
    ] {
        check(&row(text), &format!("{rest} | {shown}"));
    }
    let assigned = found(
        &row(
            "722051: Group <GP> User <bob> IP <203.0.113.21> IPv4 Address <10.9.9.9> IPv6 address <::> assigned to session",
        ),
        "x",
    );
    assert_eq!(assigned.columns(&["assigned_ip"]), ["10.9.9.9"]);
}

#[test]
fn the_standard_format_of_connect_secure_names_address_and_user() {
    check(
        "<134>1 2021-03-03T05:12:31Z ive01 PulseSecure: - - - 2021-03-03 05:12:31 - ive - [203.0.113.7] Default Network::bob(Users)[] - Login failed using auth server AD (Samba).  Reason: Failed",
        "network.vpn | 2021-03-03T05:12:31Z | ive01 | Ivanti | bob | 203.0.113.7 | logon | failure",
    );
}

fn framed(message: &str) -> String {
    format!("{} {message}", message.len())
}

#[test]
fn messages_that_say_their_length_are_rows_mixed_with_lines() {
    let one = "<34>1 2021-03-03T05:12:31Z h1 app 7 ID1 [a@1 user=\"b\\\"o]b\" x=\"1\"][c@2 x=\"2\"] first";
    let two = "<34>1 2021-03-03T05:12:32Z h2 app - - - over\ntwo lines";
    let three = "<34>Mar  3 05:12:33 h3 app: third";
    let text = format!(
        "{}{}{}\n{three}\r\n{}\n{three}\n",
        framed(one),
        framed(two),
        framed(three),
        framed(&format!("{three}\n")).trim_end()
    );
    assert_eq!(sniff(text.as_bytes(), "x"), Format::Syslog);
    let shown = ["syslog.host", "Text", "record"];
    let whole = found(&text, "2021.log");
    assert_eq!(
        whole.columns(&shown),
        [
            "h1 | first | 1",
            "h2 | over\ntwo lines | 1",
            "h3 | third | 2",
            "h3 | third | 3",
            "h3 | third | 4",
            "h3 | third | 5"
        ]
    );
    assert_eq!(whole.columns(&["user", "x", "c@2.x", "syslog.kind"])[0], "b\"o]b | 1 | 2 | ID1");
    for size in 1..120 {
        assert_eq!(
            read_with(&sources(), Format::Syslog, text.as_bytes(), "2021.log", size).rows,
            whole.rows,
            "{size}"
        );
    }
}

#[test]
fn a_frame_that_counts_its_lines_end_is_one_wherever_the_file_is_cut() {
    let text = "31 <34>Mar  3 05:12:31 a a\n\nb\nccc\nplain\n";
    let whole = found(text, "2021.log");
    assert_eq!(whole.columns(&["Text"]), ["a\n\nb\nccc", "plain"]);
    for size in 1..40 {
        assert_eq!(read_with(&sources(), Format::Syslog, text.as_bytes(), "2021.log", size).rows, whole.rows);
    }
}

#[test]
fn a_length_that_lies_makes_a_line() {
    let lie = "900000 <34>Mar  3 05:12:33 h3 app: third\n12 <34>Mar  3 05:12:34 h4 app: fourth\n99999 <34>Mar  3 05:12:35 h5 app: cut";
    assert_eq!(
        found(lie, "2021.log").columns(&["syslog.host", "Text"]),
        ["h3 | third", "h4 | fourth", "h5 | cut"]
    );
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "<[0-9]{1,3}>Mar  [1-9] 05:12:31 [a-z]{1,4} [a-z:=\" ]{0,20}",
        "CEF:0\\|[a-z|\\\\]{0,9}\\|[a-z= \\\\|]{0,20}",
        "LEEF:[12].0\\|a\\|b\\|c\\|d\\|[\\^|a-z=]{0,20}",
        "[0-9]{1,3} <34>Mar  [1-9] 05:12:31 [a-z]{1,4} [a-z\\n]{0,20}",
        "<1>1 [-0-9TZ:]{0,20} [a-z\\[\\] -]{0,20}",
        "[a-z=\", ]{0,30}",
    ]
}

proptest! {
    #[test]
    fn rows_do_not_depend_on_where_the_file_is_cut(lines in proptest::collection::vec(line(), 0..20), size in 1_usize..200) {
        let text = lines.join("\n");
        let whole = read_at(Format::Syslog, text.as_bytes(), "sample", 1 << 20);
        prop_assert_eq!(whole.rows, read_at(Format::Syslog, text.as_bytes(), "sample", size).rows);
    }

    #[test]
    fn no_bytes_make_it_panic(lines in proptest::collection::vec(line(), 0..4), rest in proptest::collection::vec(any::<u8>(), 0..100)) {
        let mut bytes = lines.join("\n").into_bytes();
        bytes.extend(rest);
        sniff(&bytes, "x");
        read_with(&sources(), Format::Syslog, &bytes, "x", 60);
    }
}

/// A device's message is known by its own mark, however relays framed it.
#[test]
fn messages_of_devices_are_known_in_any_frame() {
    const MESSAGE: &str =
        "%ASA-6-113039: Group <GP> User <jan> IP <203.0.113.4> AnyConnect parent session started.";
    for front in [
        "Jan 05 2023 10:00:00 asa1 : ",
        "Jan  5 10:00:00 10.0.0.1 Jan 05 2023 10:00:00 asa1 : ",
        "2023-01-05 10:00:00\tLocal4.Info\t10.0.0.1\tJan 05 2023 10:00:00 asa1 : ",
        "Jan 05 2023 10:00:00 CET: ",
        "",
    ] {
        let line = format!("{front}{MESSAGE}");
        assert!(is_syslog(&format!("{line}\n{line}\n"), false), "{front}");
    }
    assert!(is_syslog(
        "<134> 01/05/2023:09:00:00 GMT ns 0-PPE-0 : default SSLVPN LOGIN 123 0 : Context bob@203.0.113.9\n",
        false
    ));
    let kiwi =
        Envelope::of("2023-01-05 10:00:00\tLocal4.Info\t10.0.0.1\tJan 05 2023 10:00:00 asa1 : x", None);
    assert_eq!(kiwi.time.map(|(time, _)| time.to_string()).as_deref(), Some("2023-01-05T10:00:00Z"));
    assert!(!is_syslog("a note about %OTHER-1 and more\n", false));
}
