//! The removal script.
//!
//! In: the list. Out: PowerShell that removes exactly what is on the list, on the computer that each item is on. It shows what it would do;
//! with `-Execute` it does it. Every value stands between single quotes, in which PowerShell reads nothing; a value with a line break or
//! another sign that controls is left out. What the script cannot do safely it names as work for a person.

use std::fmt::Write as _;

use piste_model::removal::{Measure, NameSort, RemovalItem, TraceKind};

use super::{ExportGround, Exported, is_file, remark, traces};

/// A text between single quotes. PowerShell takes the curly quotes for single ones too; each stands twice.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("'");
    for sign in text.chars() {
        if matches!(sign, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}') {
            quoted.push(sign);
        }
        quoted.push(sign);
    }
    quoted.push('\'');
    quoted
}

/// Whether a text can stand in a script: nothing in it ends a line or turns the reading direction.
fn can_stand(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|sign| sign.is_control() || crate::escape::is_hidden(sign))
}

const HEAD: &str = r#"#Requires -Version 5.1
# Shows what it would do. Run with -Execute to do it, as an administrator, once evidence is secured.
[CmdletBinding()] param([switch]$Execute)
$ErrorActionPreference = 'Stop'
$script:failed = 0
function Step([string]$Id, [string]$Computer, [string]$What, [scriptblock]$Do) {
  if ($Computer -and ($env:COMPUTERNAME -ine $Computer)) { return }
  if (-not $Execute) { Write-Output "WOULD $Id $What"; return }
  try { & $Do; Write-Output "DONE $Id $What" } catch { $script:failed++; Write-Output "FAILED $Id $What : $($_.Exception.Message)" }
}
function Remove-ThatFile([string]$Path, [string]$Sha256) {
  if (-not (Test-Path -LiteralPath $Path -PathType Leaf)) { return }
  if ($Sha256) {
    $now = (Get-FileHash -LiteralPath $Path -Algorithm SHA256).Hash
    if ($now -ine $Sha256) { throw "another content is there now: $now" }
  }
  Remove-Item -LiteralPath $Path -Force
}
function Remove-ThatService([string]$Name) {
  $service = Get-Service -Name ([WildcardPattern]::Escape($Name)) -ErrorAction SilentlyContinue
  if (-not $service) { return }
  Stop-Service -InputObject $service -Force -ErrorAction SilentlyContinue
  & "$env:SystemRoot\System32\sc.exe" delete $Name | Out-Null
  if ($LASTEXITCODE -ne 0) { throw "sc delete answered $LASTEXITCODE" }
}
function Remove-ThatTask([string]$Folder, [string]$Name) {
  $task = Get-ScheduledTask -TaskPath ([WildcardPattern]::Escape($Folder)) -ErrorAction SilentlyContinue | Where-Object { $_.TaskName -ieq $Name }
  if ($task) { $task | Unregister-ScheduledTask -Confirm:$false }
}
function Remove-ThatValue([string]$Key, [string]$Name) {
  $path = "Registry::$Key"
  if (-not (Test-Path -LiteralPath $path)) { return }
  $item = Get-Item -LiteralPath $path
  if ($item.GetValueNames() -icontains $Name) { Remove-ItemProperty -LiteralPath $path -Name ([WildcardPattern]::Escape($Name)) }
}
function Remove-ThatConsumer([string]$Name) {
  $namespace = 'root/subscription'
  $bindings = Get-CimInstance -Namespace $namespace -ClassName __FilterToConsumerBinding | Where-Object { $_.Consumer.Name -ieq $Name }
  $filters = $bindings | ForEach-Object { $_.Filter.Name }
  $bindings | Remove-CimInstance
  Get-CimInstance -Namespace $namespace -ClassName __EventConsumer | Where-Object { $_.Name -ieq $Name } | Remove-CimInstance
  Get-CimInstance -Namespace $namespace -ClassName __EventFilter | Where-Object { $filters -icontains $_.Name } | Remove-CimInstance
}
function Remove-ThatCertificate([string]$Thumbprint) {
  Get-ChildItem -Path Cert:\ -Recurse | Where-Object { $_.Thumbprint -ieq $Thumbprint } | Remove-Item -Force
}
"#;

/// The script.
pub(super) fn script(ground: &ExportGround<'_>) -> Exported {
    let mut exported = Exported::default();
    let mut text = format!(
        "# {} - made {} by Piste from the removal list {}\n# {}\n{HEAD}",
        ground.marking.as_str(),
        ground.at,
        ground.list.sha256,
        remark(ground.release)
    );
    for item in &ground.list.items {
        match line(item) {
            Ok(line) => {
                let _ = writeln!(text, "\n# {}\n{line}", remark(&traces(item)));
                exported.items += 1;
            }
            Err(why) => {
                let _ = writeln!(text, "\n# {} by hand: {}", remark(&traces(item)), remark(why));
                exported.left_out.push(format!("{}: {why}", item.id));
            }
        }
    }
    text.push_str(
        "\nif (-not $Execute) { Write-Output 'Nothing was done: run with -Execute' }\nexit $script:failed\n",
    );
    exported.text = text;
    exported
}

/// The line of one item, or why a person must do it.
fn line(item: &RemovalItem) -> Result<String, &'static str> {
    let place = item.place.as_str();
    if !can_stand(place) || !can_stand(&item.host) {
        return Err("its name has signs that could change the script");
    }
    if item.measure != Measure::Remove {
        return Err(if item.measure == Measure::Block {
            "blocked by a blocklist"
        } else {
            "its secret is to be changed, not removed"
        });
    }
    let computer = item.host.split('.').next().unwrap_or_default();
    let step = |what: &str, body: &str| {
        format!("Step {} {} {} {{ {body} }}", quoted(&item.id), quoted(computer), quoted(what))
    };
    let what = format!("{} {place}", item.kind.as_str());
    match item.kind {
        _ if is_file(item) => {
            if place.chars().nth(1) != Some(':') {
                return Err("its file's drive is not known");
            }
            let hash = item.name(NameSort::Sha256).unwrap_or_default();
            Ok(step(&what, &format!("Remove-ThatFile {} {}", quoted(place), quoted(hash))))
        }
        TraceKind::Service => Ok(step(&what, &format!("Remove-ThatService {}", quoted(place)))),
        TraceKind::Task => {
            let plain = place.trim_start_matches('\\');
            let (folder, name) = plain
                .rsplit_once('\\')
                .map_or((String::from(r"\"), plain), |(folder, name)| (format!(r"\{folder}\"), name));
            Ok(step(&what, &format!("Remove-ThatTask {} {}", quoted(&folder), quoted(name))))
        }
        TraceKind::RunValue => {
            let (key, name) = place.rsplit_once('\\').ok_or("its key is not known")?;
            let long = long_key(key).ok_or("its hive is not known")?;
            Ok(step(&what, &format!("Remove-ThatValue {} {}", quoted(&long), quoted(name))))
        }
        TraceKind::WmiConsumer => Ok(step(&what, &format!("Remove-ThatConsumer {}", quoted(place)))),
        TraceKind::Certificate => {
            let print = item.name(NameSort::Thumbprint).ok_or("its thumbprint is not known")?;
            Ok(step(&what, &format!("Remove-ThatCertificate {}", quoted(print))))
        }
        TraceKind::Account => {
            let name = place.rsplit('\\').next().unwrap_or_default();
            let domain = place.split_once('\\').map_or("", |(domain, _)| domain);
            if !domain.eq_ignore_ascii_case(computer) {
                return Err("an account of the domain: disable and remove it in the directory");
            }
            Ok(step(
                &what,
                &format!(
                    "Get-LocalUser | Where-Object {{ $_.Name -ieq {0} }} | Remove-LocalUser",
                    quoted(name)
                ),
            ))
        }
        TraceKind::Module => Err("a module of IIS: take it out of applicationHost.config and restart IIS"),
        _ => Err("a right or rule of the directory or of Exchange: take it away there"),
    }
}

/// The key as PowerShell's provider wants it.
fn long_key(key: &str) -> Option<String> {
    for (short, long) in [("HKLM", "HKEY_LOCAL_MACHINE"), ("HKU", "HKEY_USERS")] {
        let rest = key
            .get(short.len()..)
            .filter(|_| key.get(..short.len()).is_some_and(|front| front.eq_ignore_ascii_case(short)));
        if let Some(rest) = rest.filter(|rest| rest.starts_with('\\')) {
            return Some(format!("{long}{rest}"));
        }
    }
    key.to_uppercase().starts_with("HKEY_").then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_stays_between_its_quotes() {
        assert_eq!(quoted("a'; Remove-Item C:\\ -Recurse #"), "'a''; Remove-Item C:\\ -Recurse #'");
        assert_eq!(quoted("a\u{2019}; calc"), "'a\u{2019}\u{2019}; calc'");
        assert!(!can_stand("a\nRemove-Item"));
        assert!(!can_stand("a\u{202e}b"));
    }

    #[test]
    fn keys_are_written_as_the_provider_has_them() {
        assert_eq!(long_key(r"HKLM\Software\X").as_deref(), Some(r"HKEY_LOCAL_MACHINE\Software\X"));
        assert_eq!(long_key(r"HKCU\Software\X"), None);
    }
}
