//! Techniques of ATT&CK as a letter names them, in four languages.
//!
//! In: ids as `T1505.003`. Out: what is done, in a few words; a sub-technique is told as its parent unless it has words of its own.
//! The words are Piste's, not those of ATT&CK. An id that is not listed stands alone.

use piste_case::facts::Lang;

use super::case_words::{Phrase, of};

const NAMES: [(&str, Phrase); 34] = [
    (
        "T1505.003",
        [
            "page web malveillante sur le serveur",
            "kwaadaardige webpagina op de server",
            "schadhafte Webseite auf dem Server",
            "web shell on the server",
        ],
    ),
    (
        "T1505",
        [
            "composant ajouté à un serveur",
            "aan een server toegevoegd onderdeel",
            "einem Server hinzugefügte Komponente",
            "component added to a server",
        ],
    ),
    (
        "T1190",
        [
            "attaque d'une application exposée sur Internet",
            "aanval op een via internet bereikbare toepassing",
            "Angriff auf eine aus dem Internet erreichbare Anwendung",
            "attack on an application open to the Internet",
        ],
    ),
    (
        "T1133",
        [
            "accès distant de l'extérieur",
            "externe toegang op afstand",
            "Fernzugang von außen",
            "remote access from outside",
        ],
    ),
    (
        "T1059",
        [
            "exécution de commandes",
            "uitvoering van opdrachten",
            "Ausführung von Befehlen",
            "execution of commands",
        ],
    ),
    (
        "T1047",
        [
            "exécution de commandes à distance (WMI)",
            "uitvoering van opdrachten op afstand (WMI)",
            "Ausführung von Befehlen aus der Ferne (WMI)",
            "remote execution (WMI)",
        ],
    ),
    (
        "T1003",
        [
            "extraction de mots de passe et de secrets",
            "ontfutselen van wachtwoorden en geheimen",
            "Auslesen von Kennwörtern und Geheimnissen",
            "dumping of passwords and secrets",
        ],
    ),
    (
        "T1552",
        [
            "recherche de mots de passe enregistrés",
            "zoeken naar opgeslagen wachtwoorden",
            "Suche nach gespeicherten Kennwörtern",
            "search for stored passwords",
        ],
    ),
    (
        "T1558",
        [
            "abus de tickets Kerberos",
            "misbruik van Kerberostickets",
            "Missbrauch von Kerberos-Tickets",
            "abuse of Kerberos tickets",
        ],
    ),
    (
        "T1550",
        [
            "abus de jetons ou d'empreintes d'authentification",
            "misbruik van tokens of authenticatiehashes",
            "Missbrauch von Anmeldetoken oder -hashes",
            "abuse of tokens or hashes",
        ],
    ),
    (
        "T1078",
        [
            "usage de comptes valides",
            "gebruik van geldige accounts",
            "Nutzung gültiger Konten",
            "use of valid accounts",
        ],
    ),
    (
        "T1110",
        [
            "essais répétés de mots de passe",
            "herhaaldelijk proberen van wachtwoorden",
            "wiederholtes Erproben von Kennwörtern",
            "guessing of passwords",
        ],
    ),
    (
        "T1136",
        ["création d'un compte", "aanmaak van een account", "Anlegen eines Kontos", "creation of an account"],
    ),
    (
        "T1098",
        [
            "modification des droits d'un compte",
            "wijziging van de rechten van een account",
            "Änderung der Rechte eines Kontos",
            "change of an account's rights",
        ],
    ),
    (
        "T1484",
        [
            "modification des règles du domaine",
            "wijziging van het domeinbeleid",
            "Änderung der Domänenrichtlinien",
            "change of the domain's policy",
        ],
    ),
    ("T1053", ["tâche planifiée", "geplande taak", "geplante Aufgabe", "scheduled task"]),
    (
        "T1543",
        [
            "service Windows installé ou modifié",
            "geïnstalleerde of gewijzigde Windows-service",
            "eingerichteter oder geänderter Windows-Dienst",
            "Windows service installed or changed",
        ],
    ),
    (
        "T1569",
        [
            "exécution par un service",
            "uitvoering via een service",
            "Ausführung über einen Dienst",
            "execution by a service",
        ],
    ),
    (
        "T1547",
        ["démarrage automatique", "automatische start", "automatischer Start", "start at logon or boot"],
    ),
    (
        "T1546",
        [
            "démarrage par un événement",
            "start bij een gebeurtenis",
            "Start durch ein Ereignis",
            "start on an event",
        ],
    ),
    (
        "T1574",
        [
            "détournement du chargement d'un programme",
            "kaping van het laden van een programma",
            "Umlenken des Ladens eines Programms",
            "hijacked loading of a program",
        ],
    ),
    (
        "T1055",
        [
            "injection dans un processus",
            "injectie in een proces",
            "Einschleusen in einen Prozess",
            "injection into a process",
        ],
    ),
    (
        "T1021",
        [
            "déplacement vers d'autres systèmes",
            "verplaatsing naar andere systemen",
            "Vordringen auf weitere Systeme",
            "movement to other systems",
        ],
    ),
    (
        "T1570",
        [
            "copie d'outils vers d'autres systèmes",
            "kopiëren van tools naar andere systemen",
            "Kopieren von Werkzeugen auf weitere Systeme",
            "copying of tools to other systems",
        ],
    ),
    (
        "T1105",
        [
            "apport d'outils de l'extérieur",
            "binnenhalen van tools van buitenaf",
            "Nachladen von Werkzeugen",
            "tools brought in",
        ],
    ),
    (
        "T1114",
        [
            "accès à des boîtes aux lettres",
            "toegang tot mailboxen",
            "Zugriff auf Postfächer",
            "access to mailboxes",
        ],
    ),
    (
        "T1560",
        [
            "regroupement de données en archives",
            "bundelen van gegevens in archieven",
            "Zusammenstellen von Daten in Archiven",
            "data packed into archives",
        ],
    ),
    (
        "T1041",
        ["sortie de données", "wegsluizen van gegevens", "Ausleiten von Daten", "exfiltration of data"],
    ),
    (
        "T1048",
        ["sortie de données", "wegsluizen van gegevens", "Ausleiten von Daten", "exfiltration of data"],
    ),
    ("T1070", ["effacement de traces", "wissen van sporen", "Verwischen von Spuren", "removal of traces"]),
    (
        "T1562",
        [
            "affaiblissement des protections",
            "verzwakken van de beveiliging",
            "Schwächen der Schutzmaßnahmen",
            "weakening of defences",
        ],
    ),
    (
        "T1090",
        [
            "relais de communications",
            "doorsturen van verbindingen",
            "Weiterleiten von Verbindungen",
            "relaying of connections",
        ],
    ),
    (
        "T1572",
        [
            "tunnel de communication",
            "tunnel voor verbindingen",
            "Tunnel für Verbindungen",
            "tunnelled connections",
        ],
    ),
    (
        "T1087",
        [
            "inventaire des comptes",
            "inventarisatie van accounts",
            "Auskundschaften von Konten",
            "listing of accounts",
        ],
    ),
];

/// What the techniques are, each once, with the ids: `web shell on the server (T1505.003)`.
pub(super) fn named(ids: &[String], lang: Lang) -> Vec<String> {
    let mut named: Vec<(&str, Vec<&str>)> = Vec::new();
    for id in ids {
        let parent = id.split('.').next().unwrap_or(id);
        let own = NAMES.iter().find(|(known, _)| known == id);
        let known = own.or_else(|| NAMES.iter().find(|(known, _)| *known == parent));
        let name = known.map_or("", |(_, phrase)| of(phrase, lang));
        match named.iter_mut().find(|(other, _)| *other == name) {
            Some((_, ids)) => ids.push(id),
            None => named.push((name, vec![id])),
        }
    }
    let text = |(name, ids): (&str, Vec<&str>)| match name {
        "" => ids.join(", "),
        name => format!("{name} ({})", ids.join(", ")),
    };
    named.into_iter().map(text).collect()
}
