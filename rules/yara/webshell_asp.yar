// Web shells for ASP.NET and classic ASP, by what makes each family. Sources: the reference of each rule.

rule piste_webshell_jscript_eval_unsafe
{
    meta:
        id = "4c5b2a7e-91a4-4c8e-8c0b-6a2f2f0f1a01"
        title = "Web shell: JScript evaluates a request value with all rights"
        description = "One line of JScript.NET hands a request value to eval in unsafe mode: the server side of China Chopper and of what is made after it."
        level = "critical"
        status = "test"
        reference = "https://attack.mitre.org/software/S0020/"
        attack = "T1505.003"
    strings:
        $direct = /eval\s*\(\s*Request(\.(Item|Form|QueryString|Headers|Params|Cookies))?\s*[\[\(]\s*["'][^"'\r\n]{1,64}["']\s*[\]\)]\s*(\.Value\s*)?,\s*["']unsafe["']/ nocase ascii wide
        $decoded = /eval\s*\([^;\r\n]{0,160}FromBase64String\s*\(\s*Request[^;\r\n]{1,96},\s*["']unsafe["']/ nocase ascii wide
    condition:
        filesize < 4MB and any of them
}

rule piste_webshell_oab_dump
{
    meta:
        id = "4c5b2a7e-91a4-4c8e-8c0b-6a2f2f0f1a02"
        title = "Web shell inside the dump of an Exchange virtual directory"
        description = "The text that Exchange writes when an OAB or ECP virtual directory is reset, with server script in one of its URLs."
        level = "critical"
        status = "test"
        reference = "https://nvd.nist.gov/vuln/detail/CVE-2021-27065"
        attack = "T1505.003, T1190"
    strings:
        $name1 = "ExternalUrl" ascii wide
        $name2 = "InternalUrl" ascii wide
        $name3 = "InternalAuthenticationMethods" ascii wide
        $name4 = "ExtendedProtectionTokenChecking" ascii wide
        $name5 = "OfflineAddressBooks" ascii wide
        $script1 = /<script[^>\r\n]{0,80}runat\s*=/ nocase ascii wide
        $script2 = /https?:\/\/[^\s"'<>]{1,80}[\/#?]<%/ nocase ascii wide
    condition:
        filesize < 1MB and 3 of ($name*) and any of ($script*)
}

rule piste_webshell_page_in_mailbox_file
{
    meta:
        id = "4c5b2a7e-91a4-4c8e-8c0b-6a2f2f0f1a03"
        title = "Page hidden in a mailbox file or a certificate"
        description = "A file that begins as a mailbox export or a DER certificate and holds server script: what New-MailboxExportRequest and New-ExchangeCertificate leave when they write a web shell."
        level = "critical"
        status = "test"
        reference = "https://nvd.nist.gov/vuln/detail/CVE-2021-31207"
        attack = "T1505.003"
    strings:
        $page = /<%@\s*(Page|WebHandler|WebService)\s/ nocase
        $script = /<script[^>\r\n]{0,80}runat\s*=\s*["']?server/ nocase
        $eval = /<%\s*(eval|execute)[\s(]/ nocase
    condition:
        any of them and (
            uint32be(0) == 0x2142444E
            or (uint16be(0) == 0x3082 and filesize < 64KB)
        )
}

rule piste_webshell_mailbox_file_as_page
{
    meta:
        id = "4c5b2a7e-91a4-4c8e-8c0b-6a2f2f0f1a04"
        title = "Mailbox file with the name of a page"
        description = "The content is a mailbox export, the name one that IIS runs. Exchange writes no mailbox under such a name by itself."
        level = "critical"
        status = "test"
        reference = "https://nvd.nist.gov/vuln/detail/CVE-2021-31207"
        attack = "T1505.003"
    condition:
        uint32be(0) == 0x2142444E and (
            extension == ".aspx" or extension == ".ashx" or extension == ".asmx" or extension == ".asp"
        )
}

rule piste_webshell_writes_posted_file
{
    meta:
        id = "4c5b2a7e-91a4-4c8e-8c0b-6a2f2f0f1a05"
        title = "Web shell that only writes files"
        description = "A page without a form that writes what is posted where the request says, as SPORTSBALL and SIMPLESEESHARP do."
        level = "critical"
        status = "test"
        reference = "https://www.cisa.gov/news-events/analysis-reports/ar21-072a"
        attack = "T1505.003, T1105"
    strings:
        $cookie = "fqrspt" ascii wide
        $writer = /new\s+StreamWriter\s*\(\s*Request(\.Form)?\s*\[/ nocase ascii wide
        $save = /SaveAs\s*\(\s*(Path\.Combine\s*\(\s*)?Request(\.Form|\.QueryString|\.Headers)?\s*\[/ nocase ascii wide
    condition:
        filesize < 256KB and any of them
}

rule piste_webshell_behinder_net
{
    meta:
        id = "4c5b2a7e-91a4-4c8e-8c0b-6a2f2f0f1a06"
        title = "Web shell: Behinder for ASP.NET"
        description = "Decrypts the body of the request with one key for key and vector, loads it as an assembly and hands it the page."
        level = "critical"
        status = "test"
        reference = "https://attack.mitre.org/techniques/T1620/"
        attack = "T1505.003, T1620"
    strings:
        $key = "e45e329feb5d925b" ascii wide
        $load = /Assembly\s*\.\s*Load\s*\(/ nocase ascii wide
        $instance = /CreateInstance\s*\(\s*["']U["']\s*\)/ nocase ascii wide
        $body = /Request\s*\.\s*BinaryRead\s*\(/ nocase ascii wide
        $cipher = "CreateDecryptor" nocase ascii wide
    condition:
        filesize < 1MB and (
            ($key and ($load or $cipher))
            or ($instance and $load)
            or ($load and $body and $cipher and filesize < 16KB)
        )
}

rule piste_webshell_godzilla_net
{
    meta:
        id = "4c5b2a7e-91a4-4c8e-8c0b-6a2f2f0f1a07"
        title = "Web shell: Godzilla for ASP.NET"
        description = "Keeps a posted assembly in the session and answers between two halves of an MD5, as Godzilla's pages do."
        level = "critical"
        status = "test"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        attack = "T1505.003, T1620"
    strings:
        $key = "3c6e0b8a9c15224a" ascii wide
        $session = /Session\s*\[\s*["']payload["']\s*\]/ nocase ascii wide
        $instance = /CreateInstance\s*\(\s*["']LY["']\s*\)/ ascii wide
        $frame = /md5\s*\.\s*Substring\s*\(\s*0\s*,\s*16\s*\)/ nocase ascii wide
        $load = "Assembly" ascii wide
    condition:
        filesize < 1MB and (($key and $load) or ($session and ($instance or $frame)) or ($instance and $frame))
}

rule piste_webshell_loads_posted_assembly
{
    meta:
        id = "4c5b2a7e-91a4-4c8e-8c0b-6a2f2f0f1a08"
        title = "Web shell that loads an assembly from the request"
        description = "A page that decodes a request value and loads it as .NET code without a file."
        level = "critical"
        status = "test"
        reference = "https://attack.mitre.org/techniques/T1620/"
        attack = "T1505.003, T1620"
    strings:
        $load = /Assembly\s*\.\s*Load\s*\(\s*(System\s*\.\s*)?Convert\s*\.\s*FromBase64String\s*\(\s*(Context\s*\.\s*)?Request/ nocase ascii wide
    condition:
        filesize < 2MB and $load
}

rule piste_webshell_aspxspy
{
    meta:
        id = "4c5b2a7e-91a4-4c8e-8c0b-6a2f2f0f1a09"
        title = "Web shell: ASPXSpy or a descendant"
        description = "A console of many tools in one page, with its author's name left in."
        level = "critical"
        status = "test"
        reference = "https://attack.mitre.org/software/S0073/"
        attack = "T1505.003"
    strings:
        $name = "ASPXSpy" nocase ascii wide
        $server = /runat\s*=\s*["']?server/ nocase ascii wide
        $tool1 = "ProcessStartInfo" ascii wide
        $tool2 = "Microsoft.Win32" ascii wide
        $tool3 = "OleDbConnection" ascii wide
    condition:
        filesize < 1MB and $name and $server and any of ($tool*)
}

rule piste_webshell_classic_asp_eval
{
    meta:
        id = "4c5b2a7e-91a4-4c8e-8c0b-6a2f2f0f1a10"
        title = "Web shell: classic ASP runs a request value"
        description = "One line of VBScript or JScript hands a request value to eval or execute."
        level = "critical"
        status = "test"
        reference = "https://attack.mitre.org/software/S0020/"
        attack = "T1505.003"
    strings:
        $one = /<%[^%]{0,200}(eval|execute|executeglobal)\s*\(?\s*request(\.(form|item|querystring))?\s*\(\s*["'][^"'\r\n]{1,64}["']\s*\)/ nocase ascii wide
    condition:
        filesize < 1MB and $one
}

rule piste_webshell_xslt_script
{
    meta:
        id = "4c5b2a7e-91a4-4c8e-8c0b-6a2f2f0f1a11"
        title = "Web shell: style sheet that starts programs"
        description = "A style sheet with code of its own that starts a program; a transformation runs it."
        level = "high"
        status = "test"
        reference = "https://attack.mitre.org/techniques/T1220/"
        attack = "T1505.003, T1220"
    strings:
        $script = /<msxsl:script[\s>]/ nocase ascii wide
        $start1 = "Process.Start" nocase ascii wide
        $start2 = "ProcessStartInfo" nocase ascii wide
        $start3 = "WScript.Shell" nocase ascii wide
    condition:
        filesize < 1MB and $script and any of ($start*)
}

rule piste_webshell_in_web_config
{
    meta:
        id = "4c5b2a7e-91a4-4c8e-8c0b-6a2f2f0f1a12"
        title = "Web shell in a configuration file"
        description = "A web.config that has IIS run configuration files as script, and holds script."
        level = "critical"
        status = "test"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
        attack = "T1505.003"
    strings:
        $config = /<handlers[\s\S]{0,600}path\s*=\s*["'][^"']{0,20}\.config["']/ nocase ascii wide
        $engine1 = "asp.dll" nocase ascii wide
        $engine2 = "PageHandlerFactory" nocase ascii wide
        $script = /<%[^@%][\s\S]{2,400}%>/ ascii wide
    condition:
        filesize < 1MB and $config and any of ($engine*) and $script
}
