//! Tables of events, with the column list of each tool before the fuzzer's bytes or none.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_parse::Format;

const LISTS: [&str; 8] = [
    "",
    "RecordNumber,EventRecordId,TimeCreated,EventId,Provider,Channel,Computer,ChunkNumber,Payload\n",
    "\"Message\",\"Id\",\"ProviderName\",\"LogName\",\"MachineName\",\"TimeCreated\"\n",
    "TimeGenerated [UTC],Computer,EventID,Channel,EventData\n",
    "Timestamp,DeviceName,ActionType,FolderPath,FileName\n",
    "CreationDate,UserIds,Operations,AuditData\n",
    "_time,_raw,EventCode,LogName\n",
    "Request ID;Date (UTC);Username\n",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let list = LISTS[usize::from(*first) % LISTS.len()];
    piste_fuzz::parse(Format::EventCsv, &[list.as_bytes(), bytes].concat());
});
