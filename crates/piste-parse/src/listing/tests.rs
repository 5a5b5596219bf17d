//! Listings, small ones written out.

use proptest::prelude::*;

use crate::testing::{read, read_at};
use crate::{Format, sniff};

const MFT: &str = "\u{feff}EntryNumber,SequenceNumber,InUse,ParentEntryNumber,ParentSequenceNumber,ParentPath,FileName,Extension,\
    FileSize,ReferenceCount,ReparseTarget,IsDirectory,HasAds,IsAds,SI<FN,uSecZeros,Copied,SiFlags,NameType,Created0x10,\
    Created0x30,LastModified0x10,LastModified0x30,LastRecordChange0x10,LastRecordChange0x30,LastAccess0x10,LastAccess0x30,\
    UpdateSequenceNumber,LogfileSequenceNumber,SecurityId,ObjectIdFileDroid,LoggedUtilStream,ZoneIdContents\r\n\
    273729,50,True,265340,5,.\\inetpub\\wwwroot,\"a,b.aspx\",.aspx,1362,1,,False,False,False,True,True,False,Archive,DosWindows,\
    2020-07-12 11:17:12.0000000,2021-03-03 05:12:31.4170001,2020-07-12 11:17:12.7120642,,2021-03-03 05:12:32.0000000,,\
    2021-03-03 05:12:33.0000000,,1808725272,609575211,1936,,,\r\n\
    40,1,False,39,1,.\\Users\\x\\Downloads,t.exe:Zone.Identifier,,26,1,,False,False,True,False,False,False,Archive,DosWindows,\
    2021-03-03 06:00:00.1000000,,2021-03-03 06:00:00.1000000,,2021-03-03 06:00:00.1000000,,2021-03-03 06:00:00.1000000,,\
    1,2,3,,,\"[ZoneTransfer]\r\nZoneId=3\r\nHostUrl=http://203.0.113.7/t.exe\"\r\n\
    41,1,True,39,1,.\\Users,y,,,1,,True,False,False,False,False,False,Archive,DosWindows,\
    2021-03-03 06:00:01.1000000,,,,,,,,1,2,3,,,\r\n";

#[test]
fn every_time_of_the_mft_is_a_field_and_creation_is_the_rows() {
    assert_eq!(sniff(MFT.as_bytes(), "x"), Format::ListingCsv);
    let found = read(Format::ListingCsv, MFT.as_bytes());
    assert_eq!(
        found.issues,
        [
            "time-missing: 2 rows have no time that can be read; the first is record 4; they are outside every time range and not on the timeline"
        ]
    );
    let shown = [
        "dataset",
        "event_time",
        "time_basis",
        "TargetFilename",
        "size",
        "created",
        "modified",
        "changed",
        "accessed",
        "fn_created",
        "fn_modified",
        "deleted",
        "is_directory",
        "Created0x30",
        "SI<FN",
        "host",
    ];
    insta::assert_snapshot!(found.columns(&shown).join("\n"));
    assert_eq!(
        found.columns(&["ZoneIdContents", "continued"])[1..4],
        ["[ZoneTransfer] | ~", "ZoneId=3 | true", "HostUrl=http://203.0.113.7/t.exe | true"]
    );
}

#[test]
fn powershells_tables_are_read_in_any_country() {
    let wide = "#TYPE Selected.System.IO.FileInfo\r\n\"FullName\",\"CreationTimeUtc\",\"LastWriteTimeUtc\",\"Length\"\r\n\
                \"C:\\inetpub\\wwwroot\\x.aspx\",\"3/4/2021 5:12:31 AM\",\"3/14/2021 5:12:31 PM\",\"1362\"\r\n";
    let wide: Vec<u8> =
        std::iter::once(0xfeff).chain(wide.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(sniff(&wide, "x"), Format::ListingCsv);
    let found = read(Format::ListingCsv, &wide);
    let shown = ["event_time", "time_basis", "TargetFilename", "modified", "size"];
    assert_eq!(
        found.columns(&shown),
        [r"2021-03-04T05:12:31Z | file created | C:\inetpub\wwwroot\x.aspx | 2021-03-14T17:12:31Z | 1362"]
    );
    let german = "\"FullName\";\"CreationTime\";\"LastWriteTime\"\n\"C:\\x.aspx\";\"04.03.2021 05:12:31\";\"04.03.2021 05:12:32\"\n";
    assert_eq!(sniff(german.as_bytes(), "x"), Format::ListingCsv);
    let found = read(Format::ListingCsv, german.as_bytes());
    assert_eq!(
        found.columns(&shown),
        [r"2021-03-04T05:12:31Z | file created, zone unknown | C:\x.aspx | 2021-03-04T05:12:32Z | ~"]
    );
    assert!(found.issues[0].starts_with("time-zone-unknown: 1 row has"), "{:?}", found.issues);
}

#[test]
fn hashes_stand_as_sysmon_writes_them() {
    let text = "\"Algorithm\",\"Hash\",\"Path\"\n\"SHA256\",\"E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855\",\"C:\\x\"\n\
                \"MD5\",\"nothing\",\"C:\\y\"\n";
    assert_eq!(sniff(text.as_bytes(), "x"), Format::ListingCsv);
    let found = read(Format::ListingCsv, text.as_bytes());
    assert_eq!(
        found.columns(&["TargetFilename", "sha256", "Hashes", "md5"]),
        [
            r"C:\x | e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 | SHA256=E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855 | ~",
            r"C:\y | ~ | ~ | ~"
        ]
    );
}

#[test]
fn bodyfiles_of_the_sleuth_kit_are_read() {
    let text = "0|/inetpub/wwwroot/a|b.aspx|1234-128-1|r/rrwxrwxrwx|0|0|1362|1614748351|1614748352|1614748353|1614748350.5\n\
                0|/inetpub/wwwroot/a.aspx ($FILE_NAME)|1234-48-2|r/rrwxrwxrwx|0|0|82|1614748351|1614748352|1614748353|1614748350\n\
                d41d8cd98f00b204e9800998ecf8427e|/var/www/x.php (deleted)|9|-/rrw-r--r--|33|33|0|0|1614748352|1614748353|0\n";
    assert_eq!(sniff(text.as_bytes(), "x"), Format::Bodyfile);
    let found = read(Format::Bodyfile, text.as_bytes());
    assert_eq!(found.issues, [""; 0]);
    let shown = [
        "event_time",
        "time_basis",
        "TargetFilename",
        "created",
        "fn_created",
        "accessed",
        "deleted",
        "md5",
        "name",
    ];
    insta::assert_snapshot!(found.columns(&shown).join("\n"));
    let bad = read(Format::Bodyfile, b"0|/x|1|r|0|0|1|1|1|1|1\n0|/x|1|r|0|0|1|1|x|1|1\n");
    assert_eq!(
        bad.issues,
        [
            "listing-line: line 2 is no row of a file listing: it has not the eleven values of a bodyfile; 1 record is lost"
        ]
    );
}

#[test]
fn velociraptors_rows_are_read_with_their_hashes() {
    let text = concat!(
        r#"{"EntryNumber":42,"InUse":true,"OSPath":"\\\\.\\C:\\inetpub\\wwwroot\\x.aspx","FileName":"x.aspx","FileSize":1362,"IsDir":false,"Created0x10":"2021-03-03T05:12:31.4170001Z","Created0x30":"2021-03-03T05:12:31.4170001Z","LastModified0x10":"0001-01-01T00:00:00Z","SI_Lt_FN":false,"Fqdn":"MX01.contoso.test"}"#,
        "\n",
        r#"{"OSPath":"C:\\x.aspx","Size":1,"Mode":"-rw-rw-rw-","MTime":"2021-03-03T05:12:32Z","BTime":"2021-03-03T05:12:31Z","Hash":{"MD5":"d41d8cd98f00b204e9800998ecf8427e"}}"#,
        "\n{broken\n{\"OSPath\":null}\n"
    );
    assert_eq!(sniff(text.as_bytes(), "x"), Format::ListingJson);
    let found = read(Format::ListingJson, text.as_bytes());
    let shown = ["event_time", "host", "TargetFilename", "size", "modified", "fn_created", "md5", "deleted"];
    insta::assert_snapshot!(found.columns(&shown).join("\n"));
    assert_eq!(found.damage.len(), 2);
}

#[track_caller]
fn check_dir(text: &str, shown: &[&str]) {
    assert_eq!(sniff(text.as_bytes(), "x"), Format::DirListing);
    let found = read(Format::DirListing, text.as_bytes());
    assert_eq!(found.columns(&["TargetFilename", "event_time", "size", "is_directory"]), shown);
    let unzoned = |issue: &String| issue.starts_with("time-zone-unknown");
    assert!(found.issues.iter().any(unzoned), "{:?}", found.issues);
}

#[test]
fn dir_is_read_in_the_languages_of_windows() {
    check_dir(
        " Volume in drive C has no label.\r\n Volume Serial Number is 1234-ABCD\r\n\r\n Directory of C:\\inetpub\\wwwroot\r\n\r\n\
         03/03/2021  05:12 AM    <DIR>          .\r\n03/14/2021  05:12 PM             1,362 my page.aspx\r\n\
         03/03/2021  05:12 AM    <DIR>          aspnet_client\r\n03/03/2021  05:12 AM    <JUNCTION>     old [C:\\inetpub]\r\n\
         \x20              1 File(s)          1,362 bytes\r\n\r\n Directory of C:\\\r\n\r\n03/03/2021  12:12 AM                 0 y.txt\r\n",
        &[
            r"C:\inetpub\wwwroot\my page.aspx | 2021-03-14T17:12:00Z | 1362 | false",
            r"C:\inetpub\wwwroot\aspnet_client | 2021-03-03T05:12:00Z | ~ | true",
            r"C:\inetpub\wwwroot\old | 2021-03-03T05:12:00Z | ~ | true",
            r"C:\y.txt | 2021-03-03T00:12:00Z | 0 | false",
        ],
    );
    check_dir(
        " Volume in Laufwerk C: hat keine Bezeichnung.\r\n\r\n Verzeichnis von C:\\inetpub\r\n\r\n04.03.2021  17:12         1.001.362 x.aspx\r\n",
        &[r"C:\inetpub\x.aspx | 2021-03-04T17:12:00Z | 1001362 | false"],
    );
    check_dir(
        " R\u{e9}pertoire de C:\\inetpub\r\n\r\n04/03/2021  17:12         1\u{a0}001\u{a0}362 x.aspx\r\n",
        &[r"C:\inetpub\x.aspx | 2021-03-04T17:12:00Z | 1001362 | false"],
    );
    check_dir(
        " Directorio de \\\\srv\\c$\\inetpub\r\n\r\n04/03/2021  05:12 p. m.         362 x.aspx\r\n14/03/2021  05:12 a. m.  1 y\r\n",
        &[
            r"\\srv\c$\inetpub\x.aspx | 2021-03-04T17:12:00Z | 362 | false",
            r"\\srv\c$\inetpub\y | 2021-03-14T05:12:00Z | 1 | false",
        ],
    );
    check_dir(
        " C:\\inetpub \u{306e}\u{30c7}\u{30a3}\u{30ec}\u{30af}\u{30c8}\u{30ea}\r\n\r\n2021/03/04  17:12    <DIR>          \u{65e5}\u{672c}\r\n",
        &["C:\\inetpub\\\u{65e5}\u{672c} | 2021-03-04T17:12:00Z | ~ | true"],
    );
}

#[test]
fn other_tables_and_texts_are_no_listings() {
    for text in [
        "ProgramId,FileKeyLastWriteTimestamp,SHA1,FullPath,Name\n1,2,3,4,5\n",
        "Name,Path\nx,y\n",
        "a|b|c\n",
        "03/03/2021  05:12 AM    <DIR>          x\n",
        " Directory of C:\\x\n\nnothing\n",
    ] {
        assert_eq!(sniff(text.as_bytes(), "x"), Format::Text, "{text}");
    }
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("FullName,CreationTimeUtc,Length".to_owned()),
        "C:.x[a-c],0[1-9]/0[1-9]/2021 05:12:00,[\"]{0,3}[0-9]{0,2}",
        "[a-c\",;]{0,12}",
        Just(" Directory of C:\\x".to_owned()),
        "0[1-9]/1[1-9]/2021  05:12 [AP]M    [1-9]{1,3} [a-z ]{1,5}",
        "0\\|/x[ab|]{0,3}\\|1\\|r\\|0\\|0\\|1\\|1\\|[0-9]{1,9}\\|1\\|[0-9]{1,9}",
        "\\{\"OSPath\":\"C:.x\",\"MTime\":\"2021-03-0[1-9]T00:00:00Z\"\\}",
        "#TYPE x",
    ]
}

const FORMATS: [Format; 4] = [Format::ListingCsv, Format::Bodyfile, Format::DirListing, Format::ListingJson];

proptest! {
    #[test]
    fn rows_do_not_depend_on_where_the_file_is_cut(
        lines in proptest::collection::vec(line(), 0..30),
        format in proptest::sample::select(&FORMATS),
        size in 1_usize..200,
    ) {
        let text = lines.join("\r\n");
        let whole = read(format, text.as_bytes());
        let cut = read_at(format, text.as_bytes(), "sample", size);
        prop_assert_eq!(whole.rows, cut.rows);
    }

    #[test]
    fn no_bytes_make_it_panic(
        lines in proptest::collection::vec(line(), 0..4),
        rest in proptest::collection::vec(any::<u8>(), 0..200),
        format in proptest::sample::select(&FORMATS),
        size in 1_usize..200,
    ) {
        let mut bytes = lines.join("\n").into_bytes();
        bytes.extend(rest);
        sniff(&bytes, "x");
        read_at(format, &bytes, "x", size);
        bytes.splice(..0, [0xff, 0xfe]);
        read_at(format, &bytes, "x", size);
    }
}

#[test]
fn a_date_that_can_be_read_in_two_ways_is_told_unless_one_day_of_the_file_decides() {
    let table = |dates: &[&str]| {
        let rows =
            dates.iter().map(|date| ["C:\\x.aspx,", date, ",1\r\n"].concat()).collect::<Vec<_>>().concat();
        let found = read(Format::ListingCsv, format!("FullName,LastWriteTime,Length\r\n{rows}").as_bytes());
        let slugs = found.issues.iter().map(|issue| issue.split(':').next().unwrap_or_default().to_owned());
        (found.columns(&["event_time"]), slugs.filter(|slug| slug != "time-zone-unknown").collect::<Vec<_>>())
    };
    let (times, issues) = table(&["06/03/2021 01:19:37", "03/03/2021 04:10:59"]);
    assert_eq!(times, ["2021-03-06T01:19:37Z", "2021-03-03T04:10:59Z"]);
    assert_eq!(issues, ["date-order-assumed"]);
    let late: Vec<&str> =
        std::iter::repeat_n("06/03/2021 01:19:37", 5_000).chain(["06/13/2021 01:19:37"]).collect();
    let (times, issues) = table(&late);
    assert_eq!((times[0].as_str(), issues.len()), ("2021-06-03T01:19:37Z", 0), "one day decides for all");
    let (times, issues) = table(&["13/06/2021 01:00", "06/14/2021 01:00", "2/6/2021 01:00"]);
    assert_eq!(times, ["2021-06-13T01:00:00Z", "2021-06-14T01:00:00Z", "2021-06-02T01:00:00Z"]);
    assert_eq!(issues, ["date-order-mixed"]);
    assert_eq!(table(&["2021-03-06 01:19:37"]).1, [""; 0]);
}

#[test]
fn what_collectors_write_of_the_files_they_copied_is_a_listing() {
    let shown = [
        "dataset",
        "event_time",
        "time_basis",
        "TargetFilename",
        "created",
        "modified",
        "accessed",
        "sha1",
        "sha256",
    ];
    let kape = "\u{feff}CopiedTimestamp,SourceFile,DestinationFile,FileSize,SourceFileSha1,DeferredCopy,CreatedOnUtc,ModifiedOnUtc,LastAccessedOnUtc,CopyDuration\r\n\
        2021-03-26 14:20:01.1234567,C:\\inetpub\\x.aspx,D:\\out\\C\\inetpub\\x.aspx,67,aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d,False,2021-03-03 04:10:59.3260600,2021-03-03 04:11:00.0000000,2021-03-03 04:12:00.0000000,00:00:00.01\r\n";
    assert_eq!(sniff(kape.as_bytes(), "2021_CopyLog.csv"), Format::ListingCsv);
    let found = read(Format::ListingCsv, kape.as_bytes());
    assert_eq!(found.issues, [""; 0]);
    assert_eq!(
        found.columns(&shown),
        [
            r"file.listing | 2021-03-03T04:10:59.326060000Z | file created | C:\inetpub\x.aspx | 2021-03-03T04:10:59.3260600Z | 2021-03-03T04:11:00.0000000Z | 2021-03-03T04:12:00.0000000Z | aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d | ~"
        ]
    );
    let raptor = r#"{"Created": "2021-03-03T04:10:59.326Z", "LastAccessed": "2021-03-03T04:11:02Z", "Modified": "2021-03-03T04:10:59.4Z", "Size": 67, "SourceFile": "C:\\inetpub\\x.aspx", "_Source": "Windows.KapeFiles.Targets/All File Metadata"}
"#;
    assert_eq!(sniff(raptor.as_bytes(), "x.json"), Format::ListingJson);
    let found = read(Format::ListingJson, raptor.as_bytes());
    assert_eq!(found.issues, [""; 0]);
    assert_eq!(
        found.columns(&shown[1..7]),
        [
            r"2021-03-03T04:10:59.326000000Z | file created | C:\inetpub\x.aspx | 2021-03-03T04:10:59.326Z | 2021-03-03T04:10:59.4Z | 2021-03-03T04:11:02Z"
        ]
    );
    for other in ["{\"Path\": \"x\", \"Created\": \"2021-03-03T04:10:59Z\"}\n", "{\"SourceFile\": \"x\"}\n"] {
        assert_ne!(sniff(other.as_bytes(), "x.json"), Format::ListingJson);
    }
    assert_eq!(sniff(b"Name,Path,Created\r\na,b,2021-03-03\r\n", "x.csv"), Format::Text);
}

#[test]
fn tables_of_the_change_journal_are_rows_of_it_whoever_made_them() {
    let shown = [
        "dataset",
        "event_time",
        "time_basis",
        "host",
        "Name",
        "UpdateReasons",
        "EntryNumber",
        "ParentSequenceNumber",
        "UpdateSequenceNumber",
        "TargetFilename",
    ];
    let mftecmd = "\u{feff}Name,Extension,EntryNumber,SequenceNumber,ParentEntryNumber,ParentSequenceNumber,ParentPath,UpdateSequenceNumber,UpdateTimestamp,UpdateReasons,FileAttributes,OffsetToData,SourceFile\r\n\
        x.aspx,.aspx,273729,50,265340,5,,4096,2021-03-03 04:10:59.3260600,DataExtend|FileCreate,Archive,4096,.\\$J\r\n";
    assert_eq!(sniff(mftecmd.as_bytes(), "MFTECmd_$J_Output.csv"), Format::ListingCsv);
    let found = read(Format::ListingCsv, mftecmd.as_bytes());
    assert_eq!(found.issues, [""; 0]);
    assert_eq!(
        found.columns(&shown),
        [
            "file.usn | 2021-03-03T04:10:59.326060000Z | UpdateTimestamp | HINT | x.aspx | DataExtend|FileCreate | 273729 | 5 | 4096 | ~"
        ]
    );
    let orc = "ComputerName,USN,FRN,ParentFRN,TimeStamp,File,FullPath,FileAttributes,Reason,VolumeID,SnapshotID\r\n\
        \"MX01\",0x0000000000001000,0x0032000000042D41,0x0005000000040C7C,2021-03-03 04:10:59.326,\"x.aspx\",\"\\inetpub\\x.aspx\",A............,DATA_EXTEND|CLOSE|FILE_CREATE,0x0,{00000000-0000-0000-0000-000000000000}\r\n";
    assert_eq!(sniff(orc.as_bytes(), "USNInfo.csv"), Format::ListingCsv);
    let found = read(Format::ListingCsv, orc.as_bytes());
    assert_eq!(found.issues, [""; 0]);
    assert_eq!(
        found.columns(&shown),
        [
            r"file.usn | 2021-03-03T04:10:59.326000000Z | UpdateTimestamp | MX01 | x.aspx | DataExtend|FileCreate|Close | 273729 | 5 | 4096 | \inetpub\x.aspx"
        ]
    );
}

#[test]
fn files_and_indexes_of_dfir_orc_have_the_columns_of_the_others() {
    let files = "ComputerName,VolumeID,File,ParentName,FullName,Extension,SizeInBytes,Attributes,CreationDate,LastModificationDate,LastAccessDate,LastAttrChangeDate,FileNameCreationDate,FileNameLastModificationDate,FileNameLastAccessDate,FileNameLastAttrModificationDate,USN,FRN,ParentFRN,RecordInUse,SHA1,FilenameFlags\r\n\
        MX01,0x0,x.aspx,\\inetpub\\,\\inetpub\\x.aspx,.aspx,1362,A............,2020-07-12 11:17:12.000,2021-03-03 05:12:31.000,2021-03-03 05:12:33.000,2021-03-03 05:12:32.000,2021-03-03 05:12:31.417,,,,0x1000,0x0032000000042D41,0x0005000000040C7C,N,AAF4C61DDCC5E8A2DABEDE0F3B482CD9AEA9434D,3\r\n";
    assert_eq!(sniff(files.as_bytes(), "NTFSInfo_C.csv"), Format::ListingCsv);
    let found = read(Format::ListingCsv, files.as_bytes());
    assert_eq!(found.issues, [""; 0]);
    let shown = [
        "dataset",
        "host",
        "event_time",
        "time_basis",
        "TargetFilename",
        "size",
        "changed",
        "fn_created",
        "deleted",
        "sha1",
        "EntryNumber",
        "ParentEntryNumber",
        "InUse",
        "NameType",
        "Created0x30",
    ];
    assert_eq!(
        found.columns(&shown),
        [
            r"file.listing | MX01 | 2020-07-12T11:17:12Z | file created | \inetpub\x.aspx | 1362 | 2021-03-03T05:12:32.000Z | 2021-03-03T05:12:31.417Z | true | aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d | 273729 | 265340 | False | DosWindows | 2021-03-03 05:12:31.417"
        ]
    );
    let shown =
        ["dataset", "event_time", "FileName", "FromSlack", "EntryNumber", "ParentSequenceNumber", "modified"];
    let orc = "ComputerName,VolumeID,CarvedEntry,FRN,ParentFRN,Name,FilenameFlags,FileNameCreationDate,FileNameLastModificationDate,FileNameLastAccessDate,FileNameLastAttrModificationDate,SnapshotID,DataSize\r\n\
        MX01,0x0,Y,0x0032000000042D41,0x0005000000040C7C,x.aspx,1,2021-03-03 05:12:31.417,2021-03-03 05:12:32.417,,,{0},12\r\n";
    let mftecmd = "Offset,FromSlack,SelfMftEntry,SelfMftSequence,FileName,Flags,NameType,ParentMftEntry,ParentMftSequence,CreatedOn,ContentModifiedOn,RecordModifiedOn,LastAccessedOn,PhysicalSize,LogicalSize,SourceFile\r\n\
        64,True,273729,50,x.aspx,Archive,Windows,265340,5,2021-03-03 05:12:31.417,2021-03-03 05:12:32.417,,,4096,12,$I30\r\n";
    for table in [orc, mftecmd] {
        assert_eq!(sniff(table.as_bytes(), "x.csv"), Format::ListingCsv);
        let found = read(Format::ListingCsv, table.as_bytes());
        assert_eq!(
            found.columns(&shown),
            [
                "file.index | 2021-03-03T05:12:31.417000000Z | x.aspx | True | 273729 | 5 | 2021-03-03T05:12:32.417Z"
            ]
        );
    }
}
