//! NPS's three forms, small ones written out.

use proptest::prelude::*;

use crate::testing::{read, read_at};
use crate::{Format, sniff};

const SHOWN: [&str; 7] = ["dataset", "event_time", "host", "user", "src_ip", "action", "outcome"];

#[track_caller]
fn check(text: &str, shown: &[&str]) {
    assert_eq!(sniff(text.as_bytes(), "IN2103.log"), Format::Nps);
    assert_eq!(read(Format::Nps, text.as_bytes()).columns(&SHOWN), shown);
}

#[test]
fn all_three_forms_give_the_same_names() {
    check(
        "<Event><Timestamp data_type=\"4\">03/04/2021 05:12:31.417</Timestamp><Computer-Name data_type=\"1\">NPS01</Computer-Name>\
         <Event-Source data_type=\"1\">IAS</Event-Source><User-Name data_type=\"1\">CONTOSO\\b&amp;b</User-Name>\
         <Calling-Station-Id data_type=\"1\">203.0.113.7</Calling-Station-Id><Packet-Type data_type=\"0\">2</Packet-Type>\
         <Reason-Code data_type=\"0\">0</Reason-Code></Event>\r\n",
        &[
            "nps.accounting | 2021-03-04T05:12:31.417000000Z | NPS01 | CONTOSO\\b&b | 203.0.113.7 | logon | success",
        ],
    );
    check(
        "\"NPS01\",\"IAS\",03/04/2021,13:04:33,3,\"bob\",\"contoso.test/Users/bob\",,\"203.0.113.7\",,,,,9,,\"10.10.10.10\",\"vpn\",,,,,,,1,,16,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\r\n",
        &["nps.accounting | 2021-03-04T13:04:33Z | NPS01 | bob | 203.0.113.7 | logon | failure"],
    );
    check(
        "10.10.10.10,bob,03/04/2021,14:42:19,IAS,NPS01,31,02-11-22-33-44-55,4136,1,4142,0,9999,x\r\n",
        &["nps.accounting | 2021-03-04T14:42:19Z | NPS01 | bob | ~ | access-request | ~"],
    );
}

#[test]
fn a_broken_line_costs_itself() {
    let found =
        read(Format::Nps, b"<Event><A>1</A>\r\nfree text\r\n<Event><User-Name>x</User-Name></Event>\r\n");
    assert_eq!(found.damage.len(), 2);
    assert_eq!(found.columns(&["User-Name"]), ["x"]);
}

proptest! {
    #[test]
    fn rows_do_not_depend_on_where_the_file_is_cut(
        lines in proptest::collection::vec("(\"A\",\"IAS\",03/0[1-9]/2021,1[0-9]:00:00,[1-4],x{0,3}|<Event><A>[a&;<]{0,3}</A></Event>|[a,<\"]{0,9})", 0..20),
        size in 1_usize..200,
    ) {
        let text = lines.join("\r\n");
        prop_assert_eq!(read(Format::Nps, text.as_bytes()).rows, read_at(Format::Nps, text.as_bytes(), "sample", size).rows);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        sniff(&bytes, "x");
        read_at(Format::Nps, &bytes, "x", 50);
    }
}
