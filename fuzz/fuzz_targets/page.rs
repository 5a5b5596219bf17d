//! Pages of web servers: the structural reader, by each language's name and by content alone.

#![no_main]

use libfuzzer_sys::fuzz_target;
use piste_page::read;
use piste_parse::Format;

fuzz_target!(|bytes: &[u8]| {
    piste_fuzz::parse(Format::WebPage, bytes);
    for name in ["x.php", "x.asp", "x.aspx", "x.jsp", "x.jspx", "web.config", "x.asp;.jpg", "x"] {
        let reading = read(bytes, name);
        assert!(reading.score <= 100);
        // Where a page was read to lies within it.
        assert!(reading.unread.is_none_or(|unread| unread.offset <= bytes.len() as u64));
    }
});
