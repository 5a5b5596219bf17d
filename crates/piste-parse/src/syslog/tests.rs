//! Devices' lines, a few of each form, with the catalogue of devices as it is shipped.

use piste_model::sources::Sources;
use proptest::prelude::*;

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

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "<[0-9]{1,3}>Mar  [1-9] 05:12:31 [a-z]{1,4} [a-z:=\" ]{0,20}",
        "CEF:0\\|[a-z|\\\\]{0,9}\\|[a-z= \\\\|]{0,20}",
        "LEEF:[12].0\\|a\\|b\\|c\\|d\\|[\\^|a-z=]{0,20}",
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
