//! What lies on the server's disk: a listing of the file table, the dropped page, the setup log.
//!
//! In: the plan. Out: `MFTECmd`'s CSV of the web folders and of Exchange's setup program, the page as a file, and
//! `ExchangeSetup.log`. The page looks like one of its family and can do nothing: what would run code stands behind a
//! condition that is never true.

use super::exchange_logs::{self, Update};
use super::story::Flaw;
use super::world::World;
use crate::moment::Moment;
use crate::random::Random;
use crate::shelf::{Betrayal, Layout, StepIndex};
use crate::truth::Leaf;

const LISTING: &str = "EntryNumber,SequenceNumber,InUse,ParentEntryNumber,ParentSequenceNumber,ParentPath,FileName,\
Extension,FileSize,ReferenceCount,ReparseTarget,IsDirectory,HasAds,IsAds,SI<FN,uSecZeros,Copied,SiFlags,NameType,\
Created0x10,Created0x30,LastModified0x10,LastModified0x30,LastRecordChange0x10,LastRecordChange0x30,LastAccess0x10,\
LastAccess0x30,UpdateSequenceNumber,LogfileSequenceNumber,SecurityId,ObjectIdFileDroid,LoggedUtilStream,\
ZoneIdContents";
const V15: &str = r".\Program Files\Microsoft\Exchange Server\V15";
/// Pages that Exchange itself brings; there are no others in these folders.
const SHIPPED: [(&str, &str); 10] = [
    (r"FrontEnd\HttpProxy\owa\auth", "errorFE.aspx"),
    (r"FrontEnd\HttpProxy\owa\auth", "ExpiredPassword.aspx"),
    (r"FrontEnd\HttpProxy\owa\auth", "frowny.aspx"),
    (r"FrontEnd\HttpProxy\owa\auth", "logoff.aspx"),
    (r"FrontEnd\HttpProxy\owa\auth", "logon.aspx"),
    (r"FrontEnd\HttpProxy\owa\auth", "OutlookCN.aspx"),
    (r"FrontEnd\HttpProxy\owa\auth", "RedirSuiteServiceProxy.aspx"),
    (r"FrontEnd\HttpProxy\owa\auth", "signout.aspx"),
    (r"FrontEnd\HttpProxy\owa\auth", "SvmFeedback.aspx"),
    (r"FrontEnd\HttpProxy\ecp\auth", "TimeoutLogout.aspx"),
];

struct Entry<'a> {
    folder: &'a str,
    name: &'a str,
    size: usize,
    created: Moment,
    modified: Moment,
}

/// Puts all of it on the shelf. `shell` is when the page was written and the step that it betrays; `None` if there is no
/// page any more.
pub(super) fn tell(world: &mut World<'_>, shell: Option<(Moment, StepIndex)>) {
    let mut random = world.random(&["files"]);
    let stamp = world
        .story
        .to
        .rfc3339()
        .replace(['-', ':', 'T', 'Z'], "")
        .split('.')
        .next()
        .unwrap_or_default()
        .to_owned();
    let path = world.path(world.mx(), &format!("Modules/FileSystem/{stamp}_MFTECmd_$MFT_Output.csv"));
    let updated = world.plan.patch.filter(|(_, to)| *to < world.story.to).map(|(_, to)| to);
    let installed = world.story.from.plus_ms(-40 * 86_400_000);
    let laid = updated.map_or(installed, |to| to.plus_ms(-900_000));
    for (folder, name) in SHIPPED {
        let entry =
            Entry { folder: &format!(r"{V15}\{folder}"), name, size: 9_480, created: laid, modified: laid };
        list(world, &mut random, &path, &entry, None);
    }
    let setup = Entry {
        folder: &format!(r"{V15}\Bin"),
        name: "ExSetup.exe",
        size: 35_240,
        created: laid,
        modified: laid,
    };
    list(world, &mut random, &path, &setup, None);
    let image = Entry {
        folder: r".\inetpub\wwwroot\aspnet_client\system_web\4_0_30319",
        name: "WebForms.js",
        size: 23_063,
        created: installed,
        modified: installed,
    };
    list(world, &mut random, &path, &image, None);
    if let Some((written, step)) = shell {
        page(world, &mut random, &path, written, step);
    }
    setup_log(world);
}

/// The page: as a row of the listing and as a file.
fn page(world: &mut World<'_>, random: &mut Random, listing: &str, written: Moment, step: StepIndex) {
    let file = world.plan.shell.file.clone();
    let (folder, name) = file.rsplit_once('\\').unwrap_or(("", &file));
    let bytes = page_text(world, random);
    let folder = folder.replacen("C:", ".", 1);
    let entry = Entry { folder: &folder, name, size: bytes.len(), created: written, modified: written };
    list(world, random, listing, &entry, Some(step));
    let path = world.path(world.mx(), &file.replacen("C:", "C", 1).replace('\\', "/"));
    let leaf = Leaf { path: path.clone(), record: 1 };
    let betrayal = Betrayal { step, time: written.instant(3), leaf };
    world.shelf.put_whole(path, bytes, vec![betrayal]);
}

fn list(world: &mut World<'_>, random: &mut Random, path: &str, entry: &Entry<'_>, step: Option<StepIndex>) {
    let number = random.between(90_000, 400_000);
    let created = listed_time(entry.created);
    let modified = listed_time(entry.modified);
    let extension = entry.name.rsplit_once('.').map_or(String::new(), |(_, end)| format!(".{end}"));
    let line = format!(
        "{number},3,True,{},1,{},{},{extension},{},1,,False,False,False,False,False,False,Archive,Windows,{created},,{modified},,{modified},,{created},,{},{},1205,,,",
        number / 7,
        entry.folder,
        entry.name,
        entry.size,
        u64::from(number) * 4_096,
        u64::from(number) * 811,
    );
    world.shelf.put(path.to_owned(), Layout::Csv(LISTING), entry.created, line, step);
}

/// `2021-03-09 03:12:04.1234567`
fn listed_time(at: Moment) -> String {
    format!("{}4021", at.sysmon())
}

/// What a page of the flaw's family looks like. It does nothing: `false` guards what would.
fn page_text(world: &World<'_>, random: &mut Random) -> Vec<u8> {
    let key = random.hex(8);
    let script = format!(
        "<script language=\"JScript\" runat=\"server\">function Page_Load(){{if(false){{eval(Request[\"{key}\"],\"unsafe\");}}}}</script>"
    );
    match world.story.flaw {
        Flaw::ProxyLogon => format!(
            "Name                            : OAB (Default Web Site)\r\n\
             PollInterval                    : 480\r\n\
             OfflineAddressBooks             : \r\n\
             RequireSSL                      : True\r\n\
             BasicAuthentication             : False\r\n\
             WindowsAuthentication           : True\r\n\
             ExtendedProtectionTokenChecking : None\r\n\
             Server                          : {}\r\n\
             InternalUrl                     : https://{}/OAB\r\n\
             InternalAuthenticationMethods   : WindowsIntegrated\r\n\
             ExternalUrl                     : http://f/{script}\r\n\
             ExternalAuthenticationMethods   : WindowsIntegrated\r\n\
             AdminDisplayVersion             : Version 15.1 (Build 2176.2)\r\n",
            world.mx(),
            world.fqdn().to_lowercase()
        )
        .into_bytes(),
        Flaw::ProxyShell => {
            // A mailbox's file by its first bytes, with the page somewhere inside.
            let mut bytes = b"!BDN\x41\x6e\x1c\x00SM\x17\x00\x13\x00\x01\x01".to_vec();
            bytes.extend((0..1_400).map(|_| u8::try_from(random.below(256)).unwrap_or(0)));
            bytes.extend_from_slice(format!("<%@ Page Language=\"JScript\" %>{script}").as_bytes());
            bytes.extend((0..900).map(|_| u8::try_from(random.below(256)).unwrap_or(0)));
            bytes
        }
        _ => format!(
            "<%@ Page Language=\"C#\" %>\r\n<%@ Import Namespace=\"Invented.Samples\" %>\r\n<script runat=\"server\">\r\n\
             void Page_Load(object sender, EventArgs e) {{\r\n#if false\r\n  var p = new System.Diagnostics.Process();\r\n  \
             p.StartInfo.FileName = \"cmd.exe\";\r\n  p.StartInfo.Arguments = \"/c \" + Request.Form[\"{key}\"];\r\n  p.Start();\r\n\
             #endif\r\n}}\r\n</script>\r\n"
        )
        .into_bytes(),
    }
}

fn setup_log(world: &mut World<'_>) {
    let story = world.story;
    let path = world.path(world.mx(), "C/ExchangeSetupLogs/ExchangeSetup.log");
    let mark = if story.server.name.ends_with('3') { '.' } else { '/' };
    let product = story.server.product.as_str();
    let installed = story.from.plus_ms(-40 * 86_400_000 + 68_000_000);
    let first = Update {
        from: installed,
        to: installed.plus_seconds(5_100),
        product,
        build: &story.builds.open,
        mark,
    };
    let then = world.plan.patch.filter(|(_, to)| *to < story.to);
    let second = then.map(|(from, to)| Update { from, to, product, build: &story.builds.fixed, mark });
    for update in [Some(first), second].into_iter().flatten() {
        for (at, line) in exchange_logs::setup(update) {
            world.shelf.put(path.clone(), Layout::Text, at, line, None);
        }
    }
}
