// Code that IIS loads itself: no page on disk. Sources: the reference of each rule.

import "pe"
import "dotnet"

rule piste_iis_rgdoor
{
    meta:
        id = "6e7d4c90-13c6-4ea0-8e2d-8c4b4b2b3c01"
        title = "IIS implant: RGDoor"
        description = "A native module that takes commands from a cookie."
        level = "critical"
        status = "test"
        reference = "https://attack.mitre.org/software/S0258/"
        attack = "T1505.004"
    strings:
        $cookie = "RGSESSIONID=" ascii wide
        $verb1 = "cmd$" ascii wide
        $verb2 = "upload$" ascii wide
        $verb3 = "download$" ascii wide
    condition:
        uint16be(0) == 0x4D5A and ($cookie or all of ($verb*)) and pe.exports("RegisterModule")
}

rule piste_iis_module_runs_commands
{
    meta:
        id = "6e7d4c90-13c6-4ea0-8e2d-8c4b4b2b3c02"
        title = "Native IIS module that can start a shell"
        description = "A library that registers with IIS as a module and names the command interpreter with its switch. Modules of IIS and of vendors do not."
        level = "high"
        status = "test"
        reference = "https://attack.mitre.org/techniques/T1505/004/"
        attack = "T1505.004"
    strings:
        $shell1 = "cmd.exe /c" nocase ascii wide
        $shell2 = "cmd /c" nocase ascii wide
        $shell3 = "powershell" nocase ascii wide
        $pipe = "CreatePipe" ascii
        $process = "CreateProcess" ascii
    condition:
        uint16be(0) == 0x4D5A and filesize < 8MB and pe.exports("RegisterModule")
        and any of ($shell*) and $pipe and $process
}

rule piste_iis_owaauth
{
    meta:
        id = "6e7d4c90-13c6-4ea0-8e2d-8c4b4b2b3c03"
        title = "IIS implant: filter that takes passwords of Outlook on the web"
        description = "An ISAPI filter without a signature that looks at the sign-in page of Outlook on the web and at what is posted to it, as OwaAuth does. Exchange's own filter of that name is signed."
        level = "critical"
        status = "test"
        reference = "https://attack.mitre.org/software/S0072/"
        attack = "T1505.004, T1056.003"
    strings:
        $page1 = "/owa/auth.owa" nocase ascii wide
        $page2 = "/owa/auth/owaauth.dll" nocase ascii wide
        $field1 = "username=" nocase ascii wide
        $field2 = "password=" nocase ascii wide
    condition:
        uint16be(0) == 0x4D5A and pe.exports("HttpFilterProc") and any of ($page*) and all of ($field*)
        and pe.number_of_signatures == 0
}

rule piste_iis_owowa
{
    meta:
        id = "6e7d4c90-13c6-4ea0-8e2d-8c4b4b2b3c04"
        title = "IIS implant: Owowa"
        description = "A managed module in Outlook on the web that keeps passwords and takes orders in the user name."
        level = "critical"
        status = "test"
        reference = "https://securelist.com/owowa-credential-stealer-and-remote-access/105219/"
        attack = "T1505.004, T1056.003"
    strings:
        $order1 = "jFuLIXpzRdateYHoVwMlfc" ascii wide
        $order2 = "Fb8v91c6tHiKsWzrulCeqO" ascii wide
        $order3 = "dEUM3jZXaDiob8BrqSy2PQO1" ascii wide
    condition:
        any of them
}

rule piste_iis_managed_module_compiles_requests
{
    meta:
        id = "6e7d4c90-13c6-4ea0-8e2d-8c4b4b2b3c05"
        title = "Assembly that compiles and runs what a request brings"
        description = "A .NET library with a web handler and the C# compiler, and a method that takes code, class and method, as SUPERNOVA has."
        level = "critical"
        status = "test"
        reference = "https://www.cisa.gov/news-events/analysis-reports/ar21-027a"
        attack = "T1505.003, T1505.004"
    strings:
        $run = "DynamicRun" ascii wide
        $word1 = "clazz" ascii wide
        $word2 = "codes" ascii wide
        $word3 = "CSharpCodeProvider" ascii wide
    condition:
        dotnet.is_dotnet and $run and 2 of ($word*)
}

rule piste_iis_module_loads_from_request
{
    meta:
        id = "6e7d4c90-13c6-4ea0-8e2d-8c4b4b2b3c06"
        title = "Web assembly that loads code from memory"
        description = "A .NET library that hooks requests, decrypts and loads assemblies from memory. Protection agents may do so too: see who made it."
        level = "medium"
        status = "experimental"
        reference = "https://attack.mitre.org/software/S1022/"
        attack = "T1505.004, T1620"
    strings:
        $web1 = "IHttpModule" ascii
        $web2 = "IHttpHandler" ascii
        $cipher = "CreateDecryptor" ascii
        $base = "FromBase64String" ascii
        $load = "Assembly" ascii
        $get = "get_Request" ascii
        $instance = "CreateInstance" ascii
    condition:
        dotnet.is_dotnet and filesize < 512KB and any of ($web*) and all of ($cipher, $base, $load, $get, $instance)
}
