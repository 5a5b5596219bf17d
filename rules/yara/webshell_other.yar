// Web shells in PHP and JSP, and tunnels through pages. Sources: the reference of each rule.

rule piste_webshell_php_eval_request
{
    meta:
        id = "5d6c3b8f-02b5-4d9f-9d1c-7b3a3a1a2b01"
        title = "Web shell: PHP evaluates a request value"
        description = "A request value goes straight into eval, assert or a shell."
        level = "critical"
        status = "test"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        attack = "T1505.003"
    strings:
        $direct = /@?(eval|assert)\s*\(\s*@?(base64_decode\s*\(\s*)?\$_(POST|GET|REQUEST|COOKIE)\s*\[/ nocase
        $chosen = /\$_(POST|GET|REQUEST|COOKIE)\s*\[[^\]\r\n]{1,64}\]\s*\(\s*@?\$_(POST|GET|REQUEST|COOKIE)\s*\[/ nocase
    condition:
        filesize < 1MB and any of them
}

rule piste_webshell_php_console
{
    meta:
        id = "5d6c3b8f-02b5-4d9f-9d1c-7b3a3a1a2b02"
        title = "Web shell: a known PHP console"
        description = "A console of many tools in one page, with its author's name left in: WSO, b374k, c99, r57."
        level = "critical"
        status = "test"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        attack = "T1505.003"
    strings:
        $php = "<?php" nocase
        $name1 = "WSO_VERSION"
        $name2 = "b374k shell" nocase
        $name3 = "c99shell" nocase
        $name4 = "r57shell" nocase
    condition:
        filesize < 2MB and $php and any of ($name*)
}

rule piste_webshell_behinder_java_php
{
    meta:
        id = "5d6c3b8f-02b5-4d9f-9d1c-7b3a3a1a2b03"
        title = "Web shell: Behinder for JSP or PHP"
        description = "Decrypts the body of the request with the key that Behinder is shipped with and runs it."
        level = "critical"
        status = "test"
        reference = "https://attack.mitre.org/techniques/T1620/"
        attack = "T1505.003, T1620"
    strings:
        $key = "e45e329feb5d925b"
        $java = /class\s+U\s+extends\s+ClassLoader/
        $cipher1 = "javax.crypto.Cipher"
        $cipher2 = "openssl_decrypt"
        $body1 = "getReader().readLine()"
        $body2 = "php://input"
    condition:
        filesize < 1MB and (($key and any of ($cipher*, $body*)) or ($java and $cipher1 and $body1))
}

rule piste_webshell_godzilla_java_php
{
    meta:
        id = "5d6c3b8f-02b5-4d9f-9d1c-7b3a3a1a2b04"
        title = "Web shell: Godzilla for JSP or PHP"
        description = "Keeps posted code in the session under a key of 16 hexadecimal digits, as Godzilla's pages do."
        level = "critical"
        status = "test"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        attack = "T1505.003, T1620"
    strings:
        $key = "3c6e0b8a9c15224a"
        $java1 = /String\s+xc\s*=\s*"[0-9a-f]{16}"/
        $java2 = /md5\s*\(\s*pass\s*\+\s*xc\s*\)/
        $java3 = "defineClass"
        $php1 = "$payloadName" ascii
        $php2 = /function\s+encode\s*\(\s*\$D\s*,\s*\$K\s*\)/
        $php3 = "@session_start()"
    condition:
        filesize < 1MB and (
            2 of ($java*) or ($php2 and ($php1 or $php3)) or ($key and any of ($java*, $php*))
        )
}

rule piste_webshell_jsp_exec_parameter
{
    meta:
        id = "5d6c3b8f-02b5-4d9f-9d1c-7b3a3a1a2b05"
        title = "Web shell: JSP starts what a request names"
        description = "A request parameter goes straight into Runtime.exec or ProcessBuilder."
        level = "critical"
        status = "test"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        attack = "T1505.003"
    strings:
        $exec = /getRuntime\s*\(\s*\)\s*\.\s*exec\s*\(\s*request\s*\.\s*getParameter\s*\(/
        $builder = /new\s+ProcessBuilder\s*\(\s*request\s*\.\s*getParameter\s*\(/
    condition:
        filesize < 1MB and any of them
}

rule piste_webshell_tunnel
{
    meta:
        id = "5d6c3b8f-02b5-4d9f-9d1c-7b3a3a1a2b06"
        title = "Tunnel through a page: reGeorg or a descendant"
        description = "A page that opens sockets to where a header of the request says, so that an intruder reaches the network behind the server."
        level = "critical"
        status = "test"
        reference = "https://attack.mitre.org/techniques/T1090/001/"
        attack = "T1505.003, T1090.001"
    strings:
        $banner = "Georg says, 'All seems fine'" ascii wide
        $command = "X-CMD" nocase ascii wide
        $target = "X-TARGET" nocase ascii wide
        $port = "X-PORT" nocase ascii wide
        $socket1 = "System.Net.Sockets" ascii wide
        $socket2 = "SocketChannel" ascii wide
        $socket3 = "fsockopen" ascii wide
        $table = "StrTr(" ascii wide
        $status = "X-STATUS" nocase ascii wide
    condition:
        filesize < 1MB and (
            $banner
            or ($command and ($target or $port) and any of ($socket*))
            or ($table and $status and any of ($socket*))
        )
}
