//! What language a page is in, what its encoder hides, and how much work it may make.

use super::encoded::tests::encoded;
use super::{Language, Reading, Verdict, read};

fn seen(page: &[u8], name: &str, language: Language) -> Reading {
    let reading = read(page, name);
    assert_eq!(
        (reading.language, reading.verdict()),
        (Some(language), Verdict::Accused),
        "{name}: {:?}",
        reading.reasons
    );
    reading
}

/// A panel of classic ASP of some 100 kB: Chinese texts as GB2312 writes them, and pages in other languages in its texts.
fn panel(opening: &str) -> Vec<u8> {
    let mut page = opening.as_bytes().to_vec();
    for number in 0..900 {
        page.extend(format!("Sub show{number}()\r\n  Response.Write \"").as_bytes());
        page.extend([0xce, 0xc4, 0xbc, 0xfe, 0xb9, 0xdc, 0xc0, 0xed]);
        page.extend(format!("<a href='?do={number}'>\" & \"</a>\" ' \r\nEnd Sub\r\n").as_bytes());
    }
    page.extend(b"one=\"<?php echo 1; ?>\"\r\ntwo=\"<%@ page language=\"\"java\"\" import=\"\"java.io.*\"\" %\"&\">\"\r\n");
    page.extend(b"three=\"<%@ Page Language=\"\"C#\"\" %\"&\"><script runat=\"\"server\"\"></script>\"\r\n");
    page.extend(b"Set box=Server.CreateObject(\"WScript.Shell\")\r\nbox.Run Request(\"line\"),0,True\r\n%>");
    page
}

#[test]
fn a_large_panel_is_read_in_its_own_language_whatever_its_texts_hold() {
    for opening in [
        "<%\r\n",
        "<%@LANGUAGE=\"VBSCRIPT\" CODEPAGE=\"936\"%>\r\n<%\r\n",
        "\u{feff}  <% '\r\n",
        "<html>\n<%\n",
    ] {
        let page = panel(opening);
        for name in [
            "a/panel.asp",
            "PANEL.ASP",
            "x.cer",
            "x.asa",
            "panel.asp.txt",
            "x.asp;.jpg",
            "panel",
            "panel.log",
        ] {
            seen(&page, name, Language::VbScript);
        }
    }
}

#[test]
fn a_page_that_one_of_two_servers_would_run_is_read_for_both() {
    seen(b"<% ' <?php eval($_POST['k']); ?> %>", "x.php", Language::Php);
    seen(b"<?php /* */ ?><% Execute Request(\"k\") %>", "x.asp", Language::VbScript);
    seen(b"<% Execute Request(\"k\") %><?php echo 1; ?>", "x.txt", Language::VbScript);
    seen(b"<?php system($_GET['c']); ?><% a = 1 %>", "x.txt", Language::Php);
    seen(
        b"<%@ page import=\"java.util.*\"%><% Runtime.getRuntime().exec(request.getParameter(\"c\")); %>",
        "x.asp",
        Language::Java,
    );
    let both = "<%@ Language=JScript %><%\nIf 1 Then\nExecute Request(\"k\")\nEnd If\n%>";
    seen(both.as_bytes(), "x.asp", Language::VbScript);
}

#[test]
fn a_page_with_another_language_in_its_texts_alone_is_not_read_in_it() {
    let page = b"<% sample = \"<?php eval($_POST['k']); ?>\"\nResponse.Write Server.HTMLEncode(sample) %>";
    assert_ne!(read(page, "x.asp").language, Some(Language::Php));
    let page = b"<?php $sample = '<% Execute Request(\"k\") %>'; echo htmlspecialchars($sample);";
    assert_eq!(read(page, "x.php").language, Some(Language::Php));
}

#[test]
fn an_encoded_part_is_read_wherever_it_begins() {
    let run = encoded("Execute Request(\"k\")");
    for opening in [
        "<%@ LANGUAGE = VBScript.Encode %>\r\n<% total = 1 : '**Start Encode**",
        "<%@language = \"VBSCRIPT.ENCODE\"%><% x=1\r\nDim y ' ",
        "<%@  Language=VBScript.encode%><html><script language=vbscript.encode runat=server>rem ",
    ] {
        let end: &[u8] = if opening.contains("<script") { b"</script>" } else { b"%>" };
        let page = [opening.as_bytes(), run.as_slice(), end].concat();
        let reading = seen(&page, "x.asp", Language::VbScript);
        assert!(reading.reasons.iter().any(|one| one.points == 100), "{:?}", reading.reasons);
    }
    let halves = [
        b"<%@ Language=VBScript.Encode %><% a = 1 ".as_slice(),
        &encoded("word = Request(\"k\")"),
        b" b = 2 ",
        &encoded("Execute word"),
        b"%>",
    ];
    let reading = seen(&halves.concat(), "x.asp", Language::VbScript);
    assert!(reading.reasons.iter().any(|one| one.points == 100), "{:?}", reading.reasons);
    let php = [b"<% ".as_slice(), &encoded("t = \"<?php echo 1; ?>\"\r\nExecute Request(\"k\")"), b"%>"];
    seen(&php.concat(), "x.asp", Language::VbScript);
}

#[test]
fn signs_of_two_bytes_in_an_encoded_part_take_no_turn() {
    // The second byte of the last sign looks like a letter.
    let signs = [0xce_u8, 0xc4, 0xbc, 0xfe, 0xb9, 0xdc, 0x81, 0x40];
    let whole = encoded("t = \"\"\r\nExecute Request(\"k\")");
    let at = whole.iter().position(|byte| *byte == b'=').expect("its head") + 2 + 5;
    let page = [b"<%@ Language=VBScript.Encode %><%", &whole[..at], &signs, &whole[at..], b"%>"].concat();
    let reading = seen(&page, "x.asp", Language::VbScript);
    assert!(reading.reasons.iter().any(|one| one.points == 100), "{:?}", reading.reasons);
}

#[test]
fn a_page_that_makes_too_much_work_says_where_its_reading_ended() {
    let start = "<?php eval($_POST['k']); $b = str_repeat('abc', 99999);\n";
    let page = format!("{start}{}", "$a = str_replace('b', 'cc', $b);\n".repeat(9_000));
    let reading = read(page.as_bytes(), "x.php");
    assert_eq!(reading.verdict(), Verdict::Accused);
    let unread = reading.unread.expect("it ends before the page does");
    assert!(unread.line > 2 && unread.offset < page.len() as u64, "{unread:?}");
    assert_eq!(
        page[..usize::try_from(unread.offset).expect("small")].matches('\n').count() as u64 + 1,
        unread.line
    );
    assert_eq!(read(&panel("<%\r\n"), "x.asp").unread, None);
}

#[test]
fn what_is_never_closed_is_gone_over_once() {
    let unclosed = [
        ("x.php", "<?php ", "/*a"),
        ("x.php", "<?php ", "<<<A"),
        ("x.php", "<?php $x = \"", "{$a["),
        ("x.asp", "<% ", "#@~^AAAAAA=="),
        ("x.asp", "<%@language=jscript%><% a = ", "/[ "),
    ];
    // Remarks alone are looked for in what is too long to be read as one.
    for (name, start, unit) in unclosed {
        let bytes = if unit == "/*a" { 7 << 20 } else { 1 << 20 };
        let page = format!("{start}{}", unit.repeat(bytes / unit.len()));
        assert_ne!(read(page.as_bytes(), name).verdict(), Verdict::Accused, "{unit}");
    }
}
