//! Setup's and the mitigation tools' lines, small logs written out.

use proptest::prelude::*;

use crate::testing::{read, read_at};
use crate::{Format, sniff};

#[test]
fn setup_tells_which_build_came_when() {
    let text = "\r\n[11/16/2023 11:37:58.0695] [0] Starting Microsoft Exchange Server 2016 Setup\r\n\
        [11/16/2023 11:37:59.0005] [0] Setup version: 15.1.2507.6.\r\n[11/16/2023 11:38:00.0961] [2] [ERROR] Access is denied.\r\n\
        \x20          Error code 0XC0070005 (5): Access is denied.\r\n[11/16/2023 11:39:00.0000] [0] End of Setup\r\n";
    assert_eq!(sniff(text.as_bytes(), "x"), Format::ExchangeSetup);
    let found = read(Format::ExchangeSetup, text.as_bytes());
    assert_eq!(
        found.columns(&["event_time", "Level", "setup_event", "build", "Text"]),
        [
            "2023-11-16T11:37:58.695000000Z | 0 | start | ~ | Starting Microsoft Exchange Server 2016 Setup",
            "2023-11-16T11:37:59.005000000Z | 0 | version | 15.1.2507.6 | Setup version: 15.1.2507.6.",
            "2023-11-16T11:38:00.961000000Z | 2 | error | ~ | [ERROR] Access is denied.",
            "2023-11-16T11:38:00.961000000Z | ~ | ~ | ~ |            Error code 0XC0070005 (5): Access is denied.",
            "2023-11-16T11:39:00Z | 0 | end | ~ | End of Setup",
        ]
    );
    assert_eq!(
        found.columns(&["dataset", "time_basis"])[0],
        "exchange.setup | ExchangeSetup.log, taken as UTC"
    );
}

#[test]
fn the_mitigation_tools_log_names_its_server() {
    let text = "2021-03-15 10:12:13 Info: Starting EOMT.ps1\n2021-03-15 10:12:14 Info: Mitigation complete on MX01 :: Default Web Site\n";
    let wide: Vec<u8> =
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(sniff(&wide, "x"), Format::MitigationLog);
    let found = read(Format::MitigationLog, &wide);
    assert_eq!(
        found.columns(&["dataset", "event_time", "host", "setup_event"]),
        [
            "exchange.eomt | 2021-03-15T10:12:13Z | HINT | ~",
            "exchange.eomt | 2021-03-15T10:12:14Z | MX01 | mitigated"
        ]
    );
}

proptest! {
    #[test]
    fn rows_do_not_depend_on_where_the_file_is_cut(
        lines in proptest::collection::vec("(\\[0[1-9]/1[0-9]/2021 05:12:31.0[0-9]{3}\\] \\[0\\] [a-z1.:]{0,9}|2021-03-1[0-9] 05:12:31 Info: [a-z: ]{0,9}|[ -~]{0,9})", 0..20),
        format in proptest::sample::select(vec![Format::ExchangeSetup, Format::MitigationLog]),
        size in 1_usize..200,
    ) {
        let text = lines.join("\r\n");
        prop_assert_eq!(read(format, text.as_bytes()).rows, read_at(format, text.as_bytes(), "sample", size).rows);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        sniff(&bytes, "EOMT.log");
        read_at(Format::ExchangeSetup, &bytes, "x", 50);
        read_at(Format::MitigationLog, &bytes, "x", 50);
    }
}
