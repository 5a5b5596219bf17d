//! Harmless pages of the kinds that were accused, and what of the same kinds is a shell all the same.

use std::fmt::Write;

use super::{Verdict, read};

fn verdicts(pages: &[(&str, &str)], accused: bool) {
    for (name, page) in pages {
        let reading = read(page.as_bytes(), name);
        assert_eq!(reading.verdict() == Verdict::Accused, accused, "{page}\n{:?}", reading.reasons);
    }
}

/// Code of a library that is long, and says nothing.
fn library(with: &str) -> String {
    let filler = |from: u32| {
        (from..from + 700).fold(String::new(), |mut text, number| {
            let _ = writeln!(text, "function part{number}($a) {{ return $a + {number}; }}");
            text
        })
    };
    format!("<?php\n{}{with}\n{}", filler(0), filler(1_000))
}

#[test]
fn names_in_lists_are_not_called() {
    let words = "<?php $words = array('KEYWORDS' => array(1 => array('eval', 'system', 'WSASocket', 'CreateProcess', \
        'WSAStartup', 'VirtualAlloc', 'passthru', 'wp_set_auth_cookie'), 2 => array('assert', 'exec'))); // backdoor\n\
        foreach ($words['KEYWORDS'] as $list) { echo htmlspecialchars(implode(' ', $list)); }";
    verdicts(&[("c_winapi.php", words)], false);
    let called = "<%@ Page Language=\"C#\" %><script runat=\"server\">[DllImport(\"ws2_32.dll\")] static extern int WSASocket(int a);\n\
        void Page_Load() { WSASocket(2); CreateProcess(null, s); }</script>";
    verdicts(&[("x.aspx", called)], true);
}

#[test]
fn words_in_remarks_say_nothing() {
    let code = "mysql_query($_GET['q']); $f = fopen($_GET['f'], 'r');";
    let remarks =
        ["// c99shell filesman b374k", "/* c99shell\n filesman b374k */", "# c99shell filesman b374k\n"];
    for remark in remarks {
        let with = read(format!("<?php {remark}\n{code}").as_bytes(), "x.php").score;
        assert_eq!(with, read(format!("<?php \n{code}").as_bytes(), "x.php").score, "{remark}");
        let said = read(format!("<?php echo 'c99shell filesman b374k';\n{code}").as_bytes(), "x.php").score;
        assert!(said > with);
    }
    let markup = read(format!("<!-- filesman b374k --><?php {code}").as_bytes(), "x.php").score;
    assert_eq!(markup, read(format!("<?php {code}").as_bytes(), "x.php").score);
    verdicts(
        &[(
            "x.asp",
            "<% ' c99shell filesman\nSet a = Server.CreateObject(\"Scripting.FileSystemObject\")\n\
        Set f = a.OpenTextFile(Server.MapPath(\"count.txt\"))\nResponse.Write f.ReadAll %>",
        )],
        false,
    );
}

#[test]
fn code_that_a_library_makes_of_readable_pieces_hides_nothing() {
    let makes = "<?php class Sum { static function inline($m, $code) { return str_replace('MOD', $m, $code); }\n\
        static function make($m) { $body = self::inline($m, '$result = $x; while ($result > MOD) { $result = $result - MOD; } ');\n\
        $body .= 'return $result;'; eval('$f = function ($x) { ' . $body . '};'); return $f; } }\n$f = Sum::make(97);";
    let view = "<?php function show($name) { $code = file_get_contents(TPL . $name . '.tpl');\n\
        $code = str_replace(['{if ', '{/if}'], ['<?php if (', '<?php } ?>'], $code); return eval('return \"' . $code . '\";'); }";
    let maps = "<?php class Sum { static function text($n) { return $n . '.0'; }\n\
        static function make($m) { $body = 'return [' . implode(',', array_map(self::class . '::text', $m)) . '];';\n\
        eval('$f = function ($x) { ' . $body . '};'); return $f; } }";
    verdicts(&[("Reduce.php", makes), ("Map.php", maps), ("view.php", view)], false);
    let hides = "<?php function d($t) { $o = ''; for ($i = 0; $i < strlen($t); $i++) $o .= chr(ord($t[$i]) ^ 7); return $o; }\n\
        eval(d('bqfkx/#XWHTS\\\"l\"]x.<~dlfjbxdf;;gsuwqvtnmpayhkzrqw'));";
    verdicts(&[("x.php", hides)], true);
}

#[test]
fn arguments_of_a_command_line_are_no_request() {
    let guards = [
        "if (php_sapi_name() !== 'cli') { die('no'); }",
        "if (PHP_SAPI != 'cli') exit(1);",
        "if ('cli' !== PHP_SAPI) { return; }",
    ];
    for guard in guards {
        let tool = format!(
            "<?php {guard}\nparse_str(implode('&', array_slice($argv, 1)), $_GET);\nsystem('make ' . $_GET['target']);\nsystem($_GET['run']);"
        );
        verdicts(&[("tool.php", &tool)], false);
    }
    verdicts(
        &[
            (
                "tool.php",
                "<?php if (PHP_SAPI === 'cli') { $_GET['run'] = $argv[1]; system($_GET['run']); } echo 1;",
            ),
            (
                "tool.php",
                "<?php $run = $argv[1]; if ($argc < 2) die(); passthru($run); exec($_SERVER['argv'][2]);",
            ),
        ],
        false,
    );
    verdicts(
        &[
            ("x.php", "<?php if (php_sapi_name() !== 'cli') { log_it(); } system($_GET['run']);"),
            ("x.php", "<?php if (php_sapi_name() !== 'cli' && 0) { die(); } system($_GET['run']);"),
            ("x.php", "<?php function a() { if (PHP_SAPI !== 'cli') die(); } system($_GET['run']);"),
            ("x.php", "<?php if (PHP_SAPI === 'cli') { echo 1; } system($_GET['run']);"),
            ("x.php", "<?php if (PHP_SAPI !== 'cgi') { die(); } system($_GET['run']);"),
        ],
        true,
    );
}

#[test]
fn a_set_up_that_writes_its_settings_is_none() {
    verdicts(
        &[
            (
                "install.php",
                "<?php $c = file_get_contents('config-sample.php'); $c = str_replace('DB_NAME', addslashes($_POST['db']), $c);\n\
            file_put_contents('config.php', $c);",
            ),
            (
                "setup.php",
                "<?php $conf = ['host' => $_POST['host'], 'user' => $_POST['user']];\n\
            file_put_contents('config.php', '<?php return ' . var_export($conf, true) . ';');",
            ),
            (
                "views.php",
                "<?php $file = $conf['dir'] . '/view_' . str_replace(' ', '_', $_GET['view']) . '.json';\n\
            file_put_contents($file, json_encode(['view' => $_GET['view']]));",
            ),
        ],
        false,
    );
    verdicts(
        &[
            ("x.php", "<?php file_put_contents($_POST['f'] . '.php', $_POST['c']);"),
            ("x.php", "<?php file_put_contents($d . '/' . $_POST['f'], $_POST['c']);"),
            ("x.php", "<?php file_put_contents('config.php', '<?php ' . $_POST['c']);"),
        ],
        true,
    );
}

#[test]
fn a_sample_that_looks_up_a_name_is_none() {
    let own = "<%@ page import=\"javax.naming.*\" %><% Context c = new InitialContext();\n\
        Object o = c.lookup(\"java:comp/env/\" + request.getParameter(\"name\")); out.println(o.getClass()); %>";
    let form = "<%@ page import=\"javax.naming.*\" %><form><input name=\"name\"></form><% String n = request.getParameter(\"name\");\n\
        if (n != null) { Object o = new InitialContext().lookup(n); out.println(n + \": \" + o); } %>";
    verdicts(&[("jndi.jsp", own), ("jndi.jsp", form)], false);
    verdicts(
        &[("x.jsp", "<% new javax.naming.InitialContext().lookup(request.getParameter(\"u\")); %>")],
        true,
    );
}

#[test]
fn flows_of_a_long_library_alone_accuse_it_not_and_the_request_in_a_statement_does() {
    let flows = "function run($name, $file) { $data = read($name); exec($data); include $file; return eval(\"return $data;\"); }\n\
        function read($name) { return $name; } function page() { $n = $_GET['n']; run($n, $n); }";
    verdicts(&[("lib.php", &library(flows))], false);
    verdicts(&[("lib.php", &library("eval($_POST['k']);"))], true);
    verdicts(&[("graph.php", &library("$a = \"${b}x${c['d']}\";".repeat(20).as_str()))], false);
}

#[test]
fn a_class_that_an_object_names_is_its_own_affair() {
    verdicts(
        &[(
            "list.php",
            "<?php $type = $types->get($_GET['type']); $class = $type->listClass(); $list = new $class($_GET['type']);",
        )],
        false,
    );
    verdicts(&[("x.php", "<?php $c = $_GET['c']; $x = new $c($_GET['a'], $_GET['b']);")], true);
}
