// What intruders bring and leave: tools and their products. Sources: the reference of each rule.

import "pe"

rule piste_tool_mimikatz
{
    meta:
        id = "7f8e5da1-24d7-4fb1-9f3e-9d5c5c3c4d01"
        title = "Mimikatz"
        description = "The program or a script with it: its commands and its author's name together."
        level = "critical"
        status = "test"
        reference = "https://attack.mitre.org/software/S0002/"
        attack = "T1003.001"
    strings:
        $command1 = "sekurlsa::logonpasswords" nocase ascii wide
        $command2 = "lsadump::dcsync" nocase ascii wide
        $command3 = "kerberos::golden" nocase ascii wide
        $author = "gentilkiwi" ascii wide
        $module1 = "sekurlsa" ascii wide
        $module2 = "lsadump" ascii wide
        $module3 = "kerberos_ptt" ascii wide
    condition:
        (uint16be(0) == 0x4D5A and ($author or 2 of ($command*)) and 2 of ($module*))
        or (filesize < 8MB and $author and 2 of ($command*, $module*))
}

rule piste_dump_of_lsass
{
    meta:
        id = "7f8e5da1-24d7-4fb1-9f3e-9d5c5c3c4d02"
        title = "Memory dump of the process that keeps passwords"
        description = "A dump with the modules of LSASS. Passwords and tickets of all who were signed in can be read from it."
        level = "critical"
        status = "test"
        reference = "https://attack.mitre.org/techniques/T1003/001/"
        attack = "T1003.001"
    strings:
        $module1 = "lsasrv.dll" nocase wide
        $module2 = "lsass.exe" nocase wide
        $module3 = "wdigest.dll" nocase wide
        $module4 = "samsrv.dll" nocase wide
    condition:
        uint32be(0) == 0x4D444D50 and $module2 and 2 of them
}

rule piste_copy_of_ntds
{
    meta:
        id = "7f8e5da1-24d7-4fb1-9f3e-9d5c5c3c4d03"
        title = "Copy of the domain's database away from its place"
        description = "An ESE database with the columns of Active Directory's secrets, in a folder that is not the domain controller's own."
        level = "high"
        status = "test"
        reference = "https://attack.mitre.org/techniques/T1003/003/"
        attack = "T1003.003"
    strings:
        $password = "ATTk589879" ascii wide
        $name = "ATTm590045" ascii wide
        $table = "datatable" ascii wide
    condition:
        uint32be(4) == 0xEFCDAB89 and all of them and not filepath iendswith "Windows/NTDS"
        and not filepath iendswith "Windows\\NTDS"
}

rule piste_tool_renamed_dumper
{
    meta:
        id = "7f8e5da1-24d7-4fb1-9f3e-9d5c5c3c4d04"
        title = "Known tool under another name"
        description = "A program whose version block says ProcDump, PsExec, AdFind, Rclone or NetScan and whose file is called otherwise."
        level = "high"
        status = "test"
        reference = "https://attack.mitre.org/techniques/T1036/003/"
        attack = "T1036.003"
    condition:
        pe.is_pe and filename != "" and (
            (pe.version_info["OriginalFilename"] icontains "procdump" and not filename icontains "procdump")
            or (pe.version_info["OriginalFilename"] icontains "psexec.c" and not filename icontains "psexec")
            or (pe.version_info["OriginalFilename"] icontains "adfind.exe" and not filename icontains "adfind")
            or (pe.version_info["OriginalFilename"] icontains "rclone.exe" and not filename icontains "rclone")
            or (pe.version_info["OriginalFilename"] icontains "netscan.exe" and not filename icontains "netscan")
        )
}

rule piste_tool_tunnel
{
    meta:
        id = "7f8e5da1-24d7-4fb1-9f3e-9d5c5c3c4d05"
        title = "Program for tunnels: Chisel, frp or ngrok"
        description = "A program that carries connections out through a server of the intruder. Some administrators use it too: ask who put it there."
        level = "high"
        status = "test"
        reference = "https://attack.mitre.org/techniques/T1572/"
        attack = "T1572"
    strings:
        $chisel1 = "jpillora/chisel" ascii
        $chisel2 = "chisel-v3" ascii
        $frp1 = "github.com/fatedier/frp" ascii
        $frp2 = "frpc" ascii
        $ngrok = "go.ngrok.com/cmd/ngrok" ascii
    condition:
        (uint16be(0) == 0x4D5A or uint32be(0) == 0x7F454C46)
        and (all of ($chisel*) or all of ($frp*) or $ngrok)
}

rule piste_tool_cobalt_strike_beacon
{
    meta:
        id = "7f8e5da1-24d7-4fb1-9f3e-9d5c5c3c4d06"
        title = "Cobalt Strike Beacon"
        description = "A library with the texts of Beacon in clear, as it is before it is packed and as it stands in memory."
        level = "critical"
        status = "test"
        reference = "https://attack.mitre.org/software/S0154/"
        attack = "T1055, T1071.001"
    strings:
        $text1 = "%s as %s\\%s: %d" ascii
        $text2 = "Started service %s on %s" ascii
        $text3 = "could not spawn %s (token): %d" ascii
        $text4 = "beacon.x64.dll" ascii
        $text5 = "beacon.dll" ascii
        $text6 = "%02d/%02d/%02d %02d:%02d:%02d" ascii
    condition:
        filesize < 64MB and 3 of them and any of ($text1, $text3)
}

rule piste_tool_powercat
{
    meta:
        id = "7f8e5da1-24d7-4fb1-9f3e-9d5c5c3c4d07"
        title = "PowerShell tool for connections and shells: powercat"
        description = "The function that intruders used after ProxyLogon to open shells outward."
        level = "high"
        status = "test"
        reference = "https://www.microsoft.com/en-us/security/blog/2021/03/02/hafnium-targeting-exchange-servers/"
        attack = "T1059.001, T1571"
    strings:
        $name = /function\s+powercat\b/ nocase ascii wide
        $stream1 = "Stream1_Setup" ascii wide
        $stream2 = "Setup_TCP" ascii wide
    condition:
        filesize < 2MB and $name and any of ($stream*)
}
