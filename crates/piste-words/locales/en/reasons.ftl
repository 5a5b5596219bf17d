# Why something was judged as it was, in English. One message a kind of reason (`piste-model`, `reason/kinds.rs`); its values
# are the message's variables. For each value, `$no_VALUE` is `yes` where it is missing. Records within a reason are put into words
# by the message `part-VALUE`, each item of a list by `item-VALUE`, with `list-VALUE` between them.

# Frames.

step = { $time } { $log }: { $what }{ $no_source ->
    [yes] {""}
   *[no] , from { $source }
 }{ $no_account ->
    [yes] {""}
   *[no] , as { $account }
 } [{ $evidence }:{ $record }]{ $again ->
    [true] {" "}(the same request in a second log)
   *[false] {""}
 }
no-time = no time
thousands = ,
list = ,{" "}
list-logs = ;{" "}
list-gaps = ;{" "}
list-programs = `,{" "}`

item-logs = { $log ->
    [web] web logs
    [processes] Sysmon and Security logs
    [vpn] VPN logons
    [remote-desktop] Remote Desktop sessions
   *[other] { $log }
 }{ $no_days ->
    [yes] : none are here
   *[no] {" "}{ $days }
 }
item-gaps = no row from { $from } to { $to }, { GROUPED($days) } days
item-services = { $service } { $count }

# Which days a log covers.
part-span = { $same ->
    [true] at { $first }
   *[false] from { $first } to { $last }
 }
part-days = { $shape ->
    [moment] { part-span }
    [whole] on each of the { GROUPED($of) } days { part-span }
    [one] on the one day of { GROUPED($of) } whose logs are here ({ part-span }{ part-gaps })
   *[some] on the { GROUPED($days) } days of { GROUPED($of) } whose logs are here ({ part-span }{ part-gaps })
 }
part-gaps = { $named ->
    [0] { $more_gaps ->
        [0] {""}
        [one] ; { GROUPED($more_gaps) } gap of one or two days
       *[other] ; { GROUPED($more_gaps) } gaps of one or two days
     }
   *[other] ; { $gaps }{ $more_gaps ->
        [0] {""}
        [one] ; and { GROUPED($more_gaps) } shorter gap
       *[other] ; and { GROUPED($more_gaps) } shorter gaps
     }
 }

# Which build was in force, and what that says of a flaw.
part-sight = { $build } was seen by { $source } from { $no_first ->
    [yes] an unknown time
   *[no] { $first }
 } to { $no_last ->
    [yes] an unknown time
   *[no] { $last }
 }
part-basis = { $says ->
    [nothing] no flaw was named
    [not-in-catalogue] { $cve } is not in the catalogue of Exchange's flaws
    [no-build] no build of { $host } was seen
    [older-after-newer] { part-sight }; an older build follows a newer one, so that { $cve } is unknown between them
    [has-perhaps-updated] { part-sight } and has { $cve }; the log names the cumulative update's own revision, which a security update may have left as it was
    [has] { part-sight } and has { $cve }
    [no-fix-released] { part-sight }, and no build with the fix for { $cve } that it could have been had been released
    [has-not] { part-sight } and does not have { $cve }
    [has-not-since] { part-sight } and does not have { $cve }; updates do not take a fix away
    [update-unknown] { part-sight }: the security update is unknown, and with it { $cve }
    [not-proven] { part-sight }: this build does not prove { $cve } fixed
    [install-unknown] { part-sight }, then { $next_build } from { $no_next_first ->
        [yes] an unknown time
       *[no] { $next_first }
     }: when it was installed is unknown, and with it { $cve }
    [none-after] { part-sight }, and no build after that: whether { $cve } was still open is unknown
   *[none-before] { part-sight }, and no build before that: whether { $cve } was open is unknown
 }

# What single rows say.

part-change = { $change ->
    [made] account { $account } was made
    [enabled] account { $account } was enabled
    [disabled] account { $account } was disabled
    [deleted] account { $account } was deleted
    [put-into-group] { $account } was put into { $group }
   *[taken-out-of-group] { $account } was taken out of { $group }
 }
account-changed = { part-change } by { $by }
account-change-asked = a command asked for it ({ part-change }): { $command }
account-logged-on = logon of type { $logon_type } of { $account }
get-app-failed = Get-App failed on an object of another type, as the exploit's object is
directory-set-to-script = the URL of `{ $directory }` was set to script{ $failed ->
    [true] {" "}(the cmdlet failed)
   *[false] {""}
 }: { $script }
directory-removed = `{ $directory }` was removed
directory-made-anew = `{ $directory }` was made anew
directory-reset = `{ $directory }` was reset, which writes its settings to a file
directory-cleared = `{ $directory }` had its URL cleared
page-written-by-cmdlet = { $cmdlet } was directed to a file that the web server executes{ $failed ->
    [true] , and failed
   *[false] {""}
 }: { $path }
mailbox-export-asked = an export of a mailbox was asked for: { $command }
role-given = the role { $role } was given to { $no_holder ->
    [yes] an account that the log does not name
   *[no] { $holder }
 }{ $failed ->
    [true] , and the cmdlet failed
   *[false] {""}
 }
policy-template-given = New-DlpPolicy was given a template of its own, in which the flaw runs commands
address-book-outside = the address book's download went to a file outside its folder: { $path }
view-state-refused = the control panel refused a view state whose signature did not fit
view-state-read = the control panel failed after it had read an object out of a view state
voice-message-other-type = Unified Messaging read an object of another type than a voice message holds
compiled-copy-collected = a compiled copy of { $page } lies in the collection ({ $file }, assembly { $assembly }): the page was asked for at least once
compiled-copy-ran = a compiled copy of { $page } lies in the collection (assembly { $assembly }): the page was asked for, and ran, at least once
file-reads-as = { $file } reads as { $reads ->
    [shell] a web shell
    [traits] a page with traits of a web shell
   *[ordinary] an ordinary page
 } (score { $score } of 100, SHA-256 { $sha256 }): { $no_traits ->
    [yes] nothing of note
   *[no] { $traits }
 }{ $no_shadow_copy ->
    [yes] {""}
   *[no] ; it lies in shadow copy { $shadow_copy }, an earlier state of this computer
 }
file-listed = { $path } is listed{ $no_created ->
    [yes] {""}
   *[no] , created { $created }
 }{ $no_modified ->
    [yes] {""}
   *[no] , modified { $modified }
 }{ $no_size ->
    [yes] {""}
   *[no] , size { $size }
 }{ $deleted ->
    [true] , and deleted
   *[false] {""}
 }
module-registered = { $config } line { $line } registers the { $module ->
    [native] native module
    [filter] ISAPI filter
    [managed] managed module
   *[handler] handler
 } { $entry }{ $no_url ->
    [yes] {""}
   *[no] {" "}of { $url }
 }{ $no_location ->
    [yes] {""}
   *[no] {" "}for { $location }
 }: { $loads }
module-added = IIS was given the module { $module }{ $no_file ->
    [yes] {""}
   *[no] , whose file is { $file }
 }: { $setting }
url-leads-to = the URL { $url } leads to { $folder }
mailbox-answered = { $service } answered a logged-on request of { $no_agent ->
    [yes] no named program
   *[no] `{ $agent }`
 }
worker-logged-on = a web server's worker logged the account on
http-logon-refused = a logon of { $account } was refused ({ $status } { $win32 })
sign-in-shown-again = the sign-in page was shown again: wrong name or password
part-own-clock = { $no_own_time ->
    [yes] {""}
   *[no] {" "}(its UtcTime says { $own_time }, { SIGNED($seconds) } s)
 }
page-compiled = ASP.NET compiled `{ $page }`: the page was asked for for the first time{ part-own-clock }
process-started = { $parent }{ $no_pool ->
    [yes] {""}
   *[no] {" "}of pool { $pool }
 } started { $child }: { $command }{ part-own-clock }
voice-worker-wrote = UMWorkerProcess.exe wrote { $path }
page-written = { $path } was written by { $no_by ->
    [yes] a program that is not named
   *[no] { $by }
 }{ part-own-clock }
page-opened-over-share = { $path } was opened for writing over share { $share }
machine-logged-on = network logon of the machine account { $account } by NTLM, which names its workstation { $workstation }
directory-rights-changed = the same session changed who may do what with { $object }
flaw-request = { $method } { $url } answered { $status }{ $no_anchor ->
    [yes] {""}
   *[no] , AnchorMailbox { $anchor }
 }{ $no_cookie ->
    [yes] {""}
   *[no] , BackEndCookie { $cookie }
 }{ $no_hint ->
    [yes] {""}
   *[no] , RoutingHint { $hint }
 }: { $sign ->
    [forged-reset] through the forged back end a virtual directory was reset, which writes the file, and the server answered that it was done
    [forged-answered] the front end asked the back end that the client's cookie named, and the back end answered
    [forged-test] the front end followed a back end that the client's cookie named: an answer of an open server to a test
    [chain-refused] a step of the exploit chain was refused
    [chain-error] a step of the exploit chain ended in an error: a patched server and a failing back end both answer so
    [forged-named] a forged back end was named, and nothing shows that it was asked
    [token-taken] remote PowerShell took a forged identity token (X-Rps-CAT) from the URL
    [nobody-logged-on] the path was not refused, but nobody was logged on, without which it leads nowhere
    [autodiscover-answered] another service answered through Autodiscover's path
    [autodiscover-test] a test of the path got the answer that only an open server gives
    [autodiscover-sent-on] the path reached a service that sends nobody to the sign-in page, and was sent elsewhere, as open servers do
    [payload-error] the request carried a payload and ended in an error: the code alone does not tell whether it went through
    [token-refused] a forged identity token (X-Rps-CAT) was refused
    [shell-refused] a logged-on client was refused on the way to remote PowerShell
    [path-tried] the path was tried and led nowhere
    [owa-answered] remote PowerShell answered through OWA's path
    [owa-not-refused] the path to remote PowerShell was not refused
    [owa-error] the request ended in an error, which tells neither success nor failure
    [owa-refused] a logged-on client was refused on OWA's path to remote PowerShell
    [view-state-short] a view state too short to hold an object was sent by GET
    [view-state-refused] a view state holding an object was sent, and the client was refused or sent to log on
    [view-state-sent] a logged-on client sent a view state holding an object by GET; an open and a patched server both answer 500
    [view-state-no-logon] a view state was sent by GET without a logon, without which it is not read
    [panel-reset] the control panel reset a virtual directory for the server's own account, which no person uses
    [panel-set] the control panel set a virtual directory for the server's own account, which no person uses
    [static-proxied] a POST to a static file got 241, the back end's answer to a proxied logon, which no file gives
    [static-done] a POST to a static file was answered as done: IIS itself answers 404 or 405, so a back end was asked, or a filter before the server answered
    [static-error] a POST to a static file ended in an error, as tests of open and of patched servers do
    [static-refused] a POST to a static file was refused
    [script-asked] a script was asked for that Exchange does not have, as tests for the flaw do
    [proxy-logon-answered] the proxied logon was asked for without a logon and got 241, the back end's answer
    [proxy-logon-asked] the page of the proxied logon was asked for, and did not answer
    [rule-made] an inbox rule was made through the control panel without a logon
    [rule-asked] an inbox rule was asked for without a logon; 500 is the first answer of an open server, which hands out the canary
    [panel-token] the control panel was asked with a token and without a logon
    [script-link] a link that runs script in the reader's browser; the server's log does not tell whether a user followed it
    [picker-posted] an object was posted to the entity picker, which answers 200 whether or not it reads it
    [picker-refused] an object posted to the entity picker was refused
    [picker-asked] the entity picker was asked for
    [tool-pane-answered] the tool pane answered a client without a logon that came from the sign-out page
    [tool-pane-refused] the tool pane refused a client without a logon
    [tool-pane-entered] the tool pane was entered from the sign-out page; the answer does not tell
    [tool-pane-asked] the tool pane was asked for from the sign-out page
    [template-uploaded] a policy template was uploaded; whether it held code, the log does not show
   *[template-refused] a policy template was sent and refused
 }
page-answered = { $method } { $url } answered { $status }: the page was asked for and answered
page-failed = { $method } { $url } answered { $status }: the page was asked for and failed, after or before it had done something
page-not-answered = { $method } { $url } answered { $status }: the page was asked for, and did not answer
subscription-asked = a subscription was asked for by `{ $agent }`, answered { $status }: with one that the server is to call back on, it logs on to whoever asked
remote-shell-session = remote PowerShell session of { $no_client ->
    [yes] no named client
   *[no] client `{ $client }`
 }{ $token ->
    [true] , carrying X-Rps-CAT
   *[false] {""}
 } as { $account }, answered { $status }
refused-that-day = { $count } logons of { $account } from { $address } were refused that day
desktop-session = session of { $account } from { $address }
desktop-accepted = connection accepted for { $account } from { $address }; a logon need not have followed
desktop-logon = logon of { $account } from { $address }
desktop-connected = { $address } connected
desktop-wrong-password = { $address } sent a wrong name or password
logon-refused = logon of { $account } from { $address } was refused
access-refused = access for { $account } from { $address } was refused
access-granted = access was granted to { $account } from { $address }{ $no_odd ->
    [yes] {""}
   *[no] : { $odd ->
        [guessed] the address had guessed passwords before
       *[new-while-guessing] the address is new to this account, which else comes from one network, before and after, and to all others, and strangers had been guessing passwords
     }
 }

# What many rows say together.

counted = { $count } { $what ->
    [only-looked] requests that only looked, or led nowhere
    [refused] attempts that were refused
    [unclear] attempts whose answer does not tell success from failure
    [open-answers] tests with the answer of an open server
    [logons-refused] logons refused, or connections without one
    [went-on] times one address went on at one account
    [connections] connections accepted
   *[sign-ins-refused] sign-ins refused
 }{ $no_first ->
    [yes] {""}
   *[no] { $no_last ->
        [yes] {" "}at { $first }
       *[no] {" "}from { $first } to { $last }
     }
 }{ $addresses ->
    [0] {""}
    [one] {" "}from { $address }
   *[other] {" "}from { $addresses } addresses
 }{ $no_earliest ->
    [yes] {""}
   *[no] ; the earliest: { $earliest }
 }
more-rows = and { $more } more rows of that kind
own-clock = by the event's own clock it was open no later than { $corrected }, by its header's { $header }: the two are { SIGNED($offset_ms) } ms apart, measured over { $samples } records
two-clocks = two clocks: { $between } is { SIGNED($seconds) } s on { $dataset } ({ $samples } pairs); the times here are those of the records' headers
looked-through = what could have shown it on { $host }: { $logs }
no-answered-request = the web logs of { $host } have no answered request for it { $days }
sources-disagree = one source shows it open, another closed

# Pages.

page-taken-away = it had been taken away by { $at }: its site then answered that there is no such file, and nothing later in the logs that are here{ $no_logs_end ->
    [yes] {""}
   *[no] , which end at { $logs_end },
 } shows it again
page-asked-in-vain = it was asked for in vain as well, the earliest of these requests at { $no_at ->
    [yes] { no-time }
   *[no] { $at }
 }: { $request }
page-requests = it was asked for { $count } times ({ $methods }) on { $days } { $days ->
    [one] day
   *[other] days
 }
page-sizes = { $no_sent_least ->
    [yes] {""}
   *[no] answers of { $sent_least }{ $sent_alike ->
        [true] {""}
       *[false] {" "}to { $sent_most }
     } bytes
 }{ $both ->
    [true] ,{" "}
   *[false] {""}
 }{ $no_received_least ->
    [yes] {""}
   *[no] requests of { $received_least }{ $received_alike ->
        [true] {""}
       *[false] {" "}to { $received_most }
     } bytes
 }
page-programs = it was asked for with { $programs }{ $more ->
    [0] {""}
   *[other] {" "}and { $more } more
 }
page-rhythm = its rhythm: { $at_least ->
    [true] at least{" "}
   *[false] {""}
 }{ $visits } { $visits ->
    [one] visit
   *[other] visits
 }{ $no_pause ->
    [yes] {""}
   *[no] , mostly { $pause } s between requests
 }, between { TWO($from_hour) }:00 and { TWO($to_hour) }:59 UTC
page-after-script = the page appeared within ten minutes after a virtual directory's URL had been set to script, as ProxyLogon writes its page
page-used-commands = so it was used: the web worker ran commands while it was being asked for, or right after it had been written
page-used-answered = so it was used: it was asked for and answered
page-used-alone = so it was used: a web worker ran commands, and of all pages known only this one can have asked for them
page-there-shell = so it is there, and reads as a shell: no use of it was seen
page-there = so it is there: no use of it was seen
file-suspicious = the collected file has traits of a shell, too few to accuse it by itself
file-clean = the collected file reads as an ordinary page: it may have been changed after its use
page-not-seen = { $seen ->
    [requests] only requests show it: its name is none that the server ships, what it holds was not seen
    [compiled] what it holds was not seen: its name is none that the server ships, what it holds was not seen
   *[written] what it holds was not seen: its name is none that the server ships
 }
shadow-copy-alone = it was collected from a shadow copy alone, an earlier state of the computer: whether it is still there is not shown
file-times-altered = its file times were altered: it was created, by one attribute, before its name existed
commands-without-request = no request stands beside the commands: a page or module that nothing here names may have run them
page-removed = the page itself is not among the files of its folder: it was removed before they were collected, its compiled copy stayed
page-folder-missing = the folder of the page is not in the collection: whether the page is still there is not known
page-was-there = so it was there and was asked for: its name is none that the server ships in that folder
compiled-copy-alone = only its compiled copy shows it: what the page held was not seen

# Flaws.

flaw-used = so it was used: what came after shows commands or pages put through it
flaw-left-traces = so it succeeded: what only success leaves behind is there; no use of it was seen
flaw-let-through = so it succeeded: the server answered as one that lets it through; nothing done with it was seen
flaw-failed = so it failed: every attempt was refused, or met a server that no longer had the flaw
flaw-attempted = so no more than an attempt is proven: the answers alone cannot tell whether it went through
flaw-probed = so it was only probed, as the Internet does with every server
flaw-was-open = the flaw was open then: { $basis }
flaw-was-closed = the flaw was closed then, so web answers alone are not taken for success: { $basis }
remote-shell-silent = remote PowerShell's own log has rows { $days } and no session that came of these attempts
web-logs-alone = all of it rests on web logs: no process, file or cmdlet confirms it
takes-a-logon = going through it takes a logon: the account named held a password or session before
sources-inside = its sources are addresses of the inside: a vulnerability scan of the owner's, or a proxy before the server, looks the same

# Configuration.

module-unknown = unknown: no list that is looked into has it, and no list is whole
module-name-unknown = unknown: no list that is looked into has it under this name, and no list is whole
module-anybody-writes = its file lies in a folder that anybody may write to
module-among-pages = its file lies among the pages that the server serves
module-from-elsewhere = its file is loaded from another computer
module-named-as-signed = it is named as those that begin with `{ $known }`, and is not signed or put together as they are
module-named-as-file = it has the name of a file of { $by } and lies elsewhere: theirs is at `{ $known }`
module-odd-place = its file lies where anybody may write, or has the name of a file of Windows or Exchange and lies elsewhere
worker-unexplained = a web worker of this server ran commands that no page and no request explains
module-to-look-at = so it is told to be looked at, and nothing beside its being unknown speaks against it; whether it was used, no log shows
module-there = so it is there: the configuration has IIS hand it requests; whether it was used, no log shows
added-module-to-look-at = so it is told to be looked at, and nothing beside its being unknown speaks against it: a module sees every request and may answer any; whether it did, no log shows
added-module-there = so it is there: a module sees every request and may answer any; whether it did, no log shows
products-register = products for protection, load balancing, rewriting and monitoring register such code too
products-add = products for protection, load balancing and rewriting add modules too
mapped-there = so it is there: whatever is put into that folder, which anybody may write to, is served under the URL
installers-make = installers of applications make directories too, seldom there
directory-covered = the directory was removed, reset or made anew after it had been set to script: that writes the page, or covers up
directory-used = so it was used: a page came of it, and the page was used
directory-succeeded = so it succeeded: the server took the script; no use of a page that came of it was seen
cmdlet-failed = so it failed: the cmdlet did not succeed

# Accounts and rights.

no-administrators-work = no administrator's work: { $sign ->
    [machine-name] its name ends as a machine's does, which hides it from lists of users
    [web-worker] a web worker started the command
   *[web-account] the command ran as a web server's own account
 }
rights-brief = rights were given and taken back within a day
account-used = so it was used: the account was made that way, and logged on afterwards
account-given = so the rights were given: whoever has the account's password has them until they are taken back
account-asked = so it was asked for: no event shows whether it was done
administrators-too = administrators make accounts and give rights too: the organisation can tell whether this was asked for
role-used = so it was used: the account that had been given the right had a mailbox exported
role-open = so it stands open: its holder reads every mailbox without its owner's password until the role is taken back
export-unnamed = the record of the export does not name who asked for it: it came within ten minutes after the right was given
roles-on-purpose = archiving, backup and voice products are given these roles on purpose: the organisation can tell

# Logons from outside.

remote-used = so it was used: somebody on the Internet logged on; whether that was the account's owner, the log does not say
came-in-unexplained = so somebody came in whom the account's habit does not explain; nothing proves that it was not the owner
remote-failed = so it failed: somebody went on at one account, and no logon of a stranger that succeeded was seen
remote-in-reach = so it is within reach of the Internet; no logon of a stranger that succeeded was seen
owners-from-internet = owners and their providers log on from the Internet too: compare with where the account's owner was
foreign-client = a client that is neither Windows' nor Exchange's own held a session: exploits of ProxyNotShell and OWASSRF look so, and so do tools of other makers
no-request-beside = no web request of a flaw stands beside it
worker-used = so something was used: a web worker ran commands, and no page or request that explains it was seen
monitoring-starts = monitoring and administration products with web pages of their own start commands too: look at what was run
mailbox-stay = { $address } with { $no_agent ->
    [yes] no named program
   *[no] `{ $agent }`
 }: { $requests } requests on { $days } { $days ->
    [one] day
   *[other] days
 }, { $services }{ $no_operations ->
    [yes] {""}
   *[no] {" "}({ $operations })
 }
sign-several-accounts = a sign that it was not the owner: { $address } came with one program as { $accounts } accounts, to none of which it belongs: { $names }
sign-tried-flaw = a sign that it was not the owner: { $address } did harm on this server too: it tried { $flaw }
sign-asked-for-page = a sign that it was not the owner: { $address } did harm on this server too: it asked for { $page }
sign-refused-before = a sign that it was not the owner: { $address } had been refused again and again, or at several accounts, before it was let in
sign-script = a sign that it was not the owner: a script, `{ $agent }`, signed in from { $address } as the account of somebody who had used programs for people
odd-address = unusual: { $address } is new to the account, { $habit_known ->
    [true] which had been in use on { $days } days before
   *[false] of which the evidence has only { $days } days of use before that
 }
odd-library = unusual: a library, `{ $agent }`, came as somebody who had used programs for people
odd-weekdays = unusual: it came on days of the week on which the account rests else
odd-hours = unusual: most of it lies in hours at which the account rests else
odd-program-on-server = unusual: nobody else on this server uses `{ $programs }`
odd-guessed = unusual: strangers had guessed at this account's password before
odd-service = unusual: the account never used { $service } else
odd-program = unusual: the account never used `{ $programs }` else
odd-at-once-owa = unusual: the account was in OWA from its usual place at the same time of that day
odd-inside = unusual: the account was in use inside shortly before and shortly after
odd-network = unusual: the account was never seen in the network of { $address } else
odd-at-once-outlook = unusual: the account's Outlook was at work at its usual place at the same time of that day
odd-several-networks = unusual: the same strange program came from several networks
mailbox-used = so it was used: the password was right, and who had it was not the account's owner
mailbox-unusual = so it is only unusual: an owner with a new device away from home looks the same
only-oddities = nothing but oddities speaks for a stranger
owner-can-tell = the owner can tell: ask where the account's owner was then, and with what
guessing-failed = so it failed: somebody went on at one account, and was refused each time that is told here; an account that was let in stands as a door of its own
passwords-guessed = so passwords were guessed, as the Internet does with every server; an account that was let in stands as a door of its own

# Whose computer it is.

host-stated = that { $files }{ $more ->
    [0] {""}
   *[other] {" "}and { $more } more
 } { $single ->
    [true] is
   *[false] are
 } of { $host } is what --as-host said: nothing in the evidence shows it
host-guessed = that its computer is { $host } is a guess from a folder's name: it was joined with no file elsewhere
host-unknown = of which computer it is, nothing says: it was joined with no file elsewhere

# What would settle it.

part-log = { $log ->
    [iis] IIS logs
    [http-proxy] HttpProxy logs
    [control-panel] ECP server logs and MSExchange Management events
    [remote-power-shell] remote PowerShell logs (CmdletInfra)
    [remote-cmdlets] Rps_Cmdlet logs
    [processes] process events (Sysmon 1, Security 4688)
    [security] Security logs
    [ews] EWS logs
   *[ews-and-mapi] EWS and MAPI logs
 }
part-would = they would show { $would ->
    [who-asked] who asked for it, and when first and last
    [who-asked-page] who asked for the page that was written
    [who-asked-what] who asked for what, and the answers, over the longest span
    [back-end] the back end asked, the account and the back end's answer of each request
    [directory-set] whether a virtual directory was set to script
    [foreign-sessions] sessions by foreign clients and the cmdlets that they ran
    [worker-commands] commands that web workers started
    [page-commands] commands that it was used for
    [control-panel-reached] who reached the control panel and how (AnchorMailbox names a forged back end): the first half of ProxyLogon, without which an administrator's session would be the way
    [mailboxes-opened] which mailboxes the holder opened (ImpersonatedUser)
    [folders-opened] which mailboxes and folders were opened then
    [account-program-address] each request's account, program and address, beside those of IIS
    [accounts-guessed] which accounts were guessed at (4625)
    [account-made] whether the account was made (4720, 4732, 4728)
    [remote-path] the path by which remote PowerShell was reached
    [cmdlets-run] which cmdlets were run
   *[request-of-command] the request that started the command
 }
settle-same-place = of which computer it is: the same place is also { $others }; if it is that computer's, they are one door
settle-log-elsewhere = { part-log } of { $host } cover { $first } to { $last } and not { $time }: { part-would }
settle-log-gap = { part-log } of { $host } have no row of { $day }, they have rows { $days }: { part-would }
settle-log-absent = no { part-log } of { $host } were read: { part-would }
settle-page-file = the file itself, or a listing of its folder with times, would show what it is and since when
settle-listing = a listing of the web server's folders, or file write events, would name the page
settle-farm-build = whether the farm's build had the flaw is not looked into: its patch level would settle it
settle-build = the build in force at that time is not known: ExchangeSetup.log, HttpProxy logs or ExSetup.exe in a file listing would settle whether the flaw was open
settle-entry-file = the file itself, its signature and the time at which the configuration was changed (IIS-Configuration 29, the copies under inetpub\history) would show whose it is and since when
settle-module-file = the module's file, its signature and applicationHost.config would show whether it is a product's
settle-folder = applicationHost.config and a listing of the folder would show whether it stands and what it serves
settle-assembly = the assembly that it was compiled to (App_Web_*.dll) holds its code: decompile it, it tells what the page did
