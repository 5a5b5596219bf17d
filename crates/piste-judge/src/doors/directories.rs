//! Virtual directories of IIS that lead out of its folders.
//!
//! In: IIS's configuration files (rows of `iis.configuration`) and changes of them (IIS-Configuration 29 and 50), commands that make a directory (`appcmd add vdir`,
//! `New-WebVirtualDirectory`, `New-OwaVirtualDirectory -Path`). Out: facts, where the folder behind the URL is one that anybody
//! may write to: no product keeps pages there, and a page put there is served from then on.

use piste_lake::scan::Scan;
use piste_lake::{Lake, LakeError};
use piste_model::ReasonKind;
use piste_model::iis::anybody_writes;

use super::fact::Fact;
use super::rows::{COMMON, Row, Rows};
use super::rung::Rung;
use super::store::{Store, Topic};
use super::words::quoted;

/// Reads the configuration files.
pub(crate) fn read(lake: &Lake, host: &dyn Fn(&str) -> String, store: &mut Store) -> Result<(), LakeError> {
    let columns: Vec<&str> =
        COMMON.iter().chain(&["Section", "UrlPath", "PhysicalPath", "ConfigPath", "Line"]).copied().collect();
    let wanted = |name: &str| name == "iis.configuration";
    lake.scan(Scan { datasets: &wanted, columns: Some(&columns) }, &mut |batch| {
        for row in Rows::new(batch).iter() {
            let folder = row.text("PhysicalPath");
            if row.text("Section") == "virtualDirectory" && anybody_writes(folder) {
                tell(row, "IIS configuration", row.text("UrlPath"), folder, host, store);
            }
        }
        Ok(true)
    })
}

/// A change of IIS's configuration.
pub(crate) fn of_configuration(row: Row<'_, '_>, host: &dyn Fn(&str) -> String, store: &mut Store) {
    let path = row.text("Configuration");
    if !path.to_lowercase().ends_with("@physicalpath") {
        return;
    }
    let folder = row.text("NewValue");
    if !anybody_writes(folder) {
        return;
    }
    // …/site[@name='Default Web Site']/application[@path='/x']/virtualDirectory[@path='/']/@physicalPath
    let parts: Vec<&str> = path.split("@path='").skip(1).filter_map(|part| part.split('\'').next()).collect();
    let url = parts.iter().rev().find(|part| **part != "/").copied().unwrap_or("/");
    tell(row, "IIS-Configuration 29", url, folder, host, store);
}

/// A command that makes one.
pub(crate) fn of_command(
    row: Row<'_, '_>,
    log: &'static str,
    command: &str,
    host: &dyn Fn(&str) -> String,
    store: &mut Store,
) {
    if let Some((url, folder)) = made(command)
        && anybody_writes(&folder)
    {
        tell(row, log, &url, &folder, host, store);
    }
}

/// URL and folder of a directory that a command makes.
pub(crate) fn made(command: &str) -> Option<(String, String)> {
    let lower = command.to_lowercase();
    let appcmd = lower.contains("appcmd")
        && (lower.contains("add vdir") || lower.contains("add app ") || lower.contains("set vdir"));
    let cmdlet = lower.contains("new-webvirtualdirectory")
        || lower.contains("new-webapplication")
        || (lower.contains("new-") && lower.contains("virtualdirectory"));
    if !appcmd && !cmdlet {
        return None;
    }
    let after = |marks: &[&str]| {
        marks.iter().find_map(|mark| {
            let rest = command.get(lower.find(mark)? + mark.len()..)?;
            let rest = rest.trim_start_matches([' ', ':', '=']);
            let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
            let value = match quote {
                Some(mark) => rest.get(1..)?.split(mark).next(),
                None => rest.split([' ', ';', '&']).next(),
            };
            value.map(str::to_owned)
        })
    };
    let folder = after(&["/physicalpath", "-physicalpath", "-path ", ".path="])?;
    let url = after(&["/path", "-name ", "/app.name", "-websitename "]).unwrap_or_default();
    Some((url, folder))
}

fn tell(
    row: Row<'_, '_>,
    log: &'static str,
    url: &str,
    folder: &str,
    host: &dyn Fn(&str) -> String,
    store: &mut Store,
) {
    let said = ReasonKind::UrlLeadsTo { url: quoted(url), folder: quoted(folder) };
    let fact = Fact::new(log, row.time(), row.place(), said);
    let topic = Topic::Mapped(quoted(&format!("{url} ({folder})")));
    store.add(&host(row.host()), topic, Rung::Effect, fact);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_anybody_may_write_to() {
        for odd in
            [r"C:\ProgramData\x", r"c:\users\public", r"%ProgramData%\Microsoft\x", r#""C:\Windows\Temp""#]
        {
            assert!(anybody_writes(odd), "{odd}");
        }
        for plain in [
            r"C:\inetpub\wwwroot",
            r"C:\Program Files\Microsoft\Exchange Server\V15\FrontEnd\HttpProxy\owa",
            "",
        ] {
            assert!(!anybody_writes(plain), "{plain}");
        }
    }

    #[test]
    fn commands_that_make_a_directory() {
        let made_of = |command: &str| made(command).map(|(url, folder)| format!("{url} {folder}"));
        assert_eq!(
            made_of(r#"appcmd.exe add vdir /app.name:"Default Web Site/" /path:/img /physicalPath:"C:\ProgramData\a b""#).as_deref(),
            Some(r"/img C:\ProgramData\a b")
        );
        assert_eq!(
            made_of(
                r"New-WebVirtualDirectory -Site 'Default Web Site' -Name img -PhysicalPath C:\Users\Public\x"
            )
            .as_deref(),
            Some(r"img C:\Users\Public\x")
        );
        assert_eq!(made_of("appcmd list vdir"), None);
    }
}
