//! The words in which a notification says what the case itself shows, in four languages.
//!
//! In: kinds, verdicts and moments of ways in and findings. Out: phrases. Nothing of a rule's or a door's own English text is taken
//! over: it would stand in a French, Dutch or German letter.

use piste_case::facts::Lang;
use piste_model::{DoorState, DoorVerdict, Level};

/// One phrase in the four languages, in the order of [`Lang::ALL`].
pub(super) type Phrase = [&'static str; 4];

/// The phrase in `lang`.
pub(super) fn of(phrase: &Phrase, lang: Lang) -> &'static str {
    let [fr, nl, de, en] = phrase;
    match lang {
        Lang::Fr => fr,
        Lang::Nl => nl,
        Lang::De => de,
        Lang::En => en,
    }
}

/// The phrase with its places `{}` filled in order.
pub(super) fn fill(phrase: &Phrase, lang: Lang, values: &[&str]) -> String {
    let mut parts = of(phrase, lang).split("{}");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (value, part) in values.iter().zip(parts) {
        text.push_str(value);
        text.push_str(part);
    }
    text
}

/// `text` in the language's quotation marks.
pub(super) fn quoted(text: &str, lang: Lang) -> String {
    fill(&["« {} »", "“{}”", "„{}“", "“{}”"], lang, &[text])
}

/// Joins the parts of one entry.
pub(super) fn joined(parts: &[String], lang: Lang) -> String {
    parts.join(of(&[" ; ", "; ", "; ", "; "], lang))
}

const KINDS: [(&str, Phrase); 7] = [
    (
        "webshell",
        [
            "Page web malveillante (web shell)",
            "Kwaadaardige webpagina (webshell)",
            "Schadhafte Webseite (Webshell)",
            "Web shell",
        ],
    ),
    (
        "exploit",
        [
            "Exploitation d'une vulnérabilité",
            "Misbruik van een kwetsbaarheid",
            "Ausnutzung einer Schwachstelle",
            "Exploited flaw",
        ],
    ),
    (
        "iis-module",
        [
            "Module ajouté au serveur web IIS",
            "Aan de IIS-webserver toegevoegde module",
            "Dem IIS-Webserver hinzugefügtes Modul",
            "Module added to the IIS web server",
        ],
    ),
    (
        "virtual-directory",
        [
            "Répertoire virtuel du serveur web",
            "Virtuele map van de webserver",
            "Virtuelles Verzeichnis des Webservers",
            "Virtual directory of the web server",
        ],
    ),
    (
        "oab-external-url",
        [
            "Adresse externe modifiée du carnet d'adresses hors connexion (OAB)",
            "Gewijzigd extern adres van het offlineadresboek (OAB)",
            "Geänderte externe Adresse des Offlineadressbuchs (OAB)",
            "Changed external address of the offline address book (OAB)",
        ],
    ),
    ("account", ["Compte", "Account", "Konto", "Account"]),
    ("remote-access", ["Accès à distance", "Toegang op afstand", "Fernzugriff", "Remote access"]),
];

/// What kind of way in it is. A kind that has no words here keeps its name.
pub(super) fn kind(name: &str, lang: Lang) -> String {
    let known = KINDS.iter().find(|(known, _)| *known == name);
    known.map_or_else(|| name.to_owned(), |(_, phrase)| of(phrase, lang).to_owned())
}

/// How far its use went.
pub(super) fn verdict(verdict: DoorVerdict, lang: Lang) -> &'static str {
    let phrase = match verdict {
        DoorVerdict::Used => {
            ["utilisation constatée", "gebruik vastgesteld", "Nutzung festgestellt", "use established"]
        }
        DoorVerdict::Succeeded => [
            "tentative aboutie, utilisation non constatée",
            "geslaagde poging, gebruik niet vastgesteld",
            "gelungener Versuch, Nutzung nicht festgestellt",
            "attempt succeeded, use not established",
        ],
        DoorVerdict::Failed => {
            ["tentative échouée", "mislukte poging", "gescheiterter Versuch", "attempt failed"]
        }
        DoorVerdict::Probed => ["sondage", "aftasting", "Abtastung", "probe"],
    };
    of(&phrase, lang)
}

/// Whether it still opens.
pub(super) fn state(state: DoorState, lang: Lang) -> &'static str {
    let phrase = match state {
        DoorState::Open => [
            "voie encore ouverte d'après les pièces les plus récentes",
            "toegang volgens de recentste stukken nog open",
            "Zugang nach den jüngsten Beweisstücken noch offen",
            "still open by the latest evidence",
        ],
        DoorState::Closed => [
            "voie fermée d'après les pièces les plus récentes",
            "toegang volgens de recentste stukken gesloten",
            "Zugang nach den jüngsten Beweisstücken geschlossen",
            "closed by the latest evidence",
        ],
        DoorState::Unknown => [
            "les pièces ne disent pas si la voie est encore ouverte",
            "uit de stukken blijkt niet of de toegang nog openstaat",
            "ob der Zugang noch offen ist, geht aus den Beweisstücken nicht hervor",
            "the evidence does not tell whether it is still open",
        ],
    };
    of(&phrase, lang)
}

/// A level of findings.
pub(super) fn level(level: Level, lang: Lang) -> &'static str {
    let phrase = match level {
        Level::Critical => ["critique", "kritiek", "kritisch", "critical"],
        Level::High => ["élevé", "hoog", "hoch", "high"],
        _ => ["moindre", "lager", "niedriger", "lower"],
    };
    of(&phrase, lang)
}

pub(super) const NO_LATER: Phrase =
    ["au plus tard le {}", "uiterlijk op {}", "spätestens am {}", "no later than {}"];
pub(super) const THERE: Phrase = [
    "existence constatée au plus tard le {}",
    "uiterlijk op {} aanwezig",
    "vorhanden spätestens am {}",
    "there no later than {}",
];
pub(super) const LAST_USE: Phrase = [
    "dernière utilisation relevée le {}",
    "laatst vastgestelde gebruik op {}",
    "letzte festgestellte Nutzung am {}",
    "last use seen {}",
];
pub(super) const ON_HOST: Phrase = ["{}, {}, sur {}", "{}, {}, op {}", "{}, {}, auf {}", "{}, {}, on {}"];
pub(super) const SOURCES: Phrase =
    ["adresses sources : {}", "bronadressen: {}", "Quelladressen: {}", "source addresses: {}"];
pub(super) const FLAWS: Phrase =
    ["vulnérabilités : {}", "kwetsbaarheden: {}", "Schwachstellen: {}", "flaws: {}"];
pub(super) const MORE: Phrase = ["et {} autres", "en {} andere", "und {} weitere", "and {} more"];
pub(super) const MORE_ITEMS: Phrase = [
    "Autres éléments, dans le dossier d'analyse : {}",
    "Andere elementen, in het analysedossier: {}",
    "Weitere Angaben, in der Analyseakte: {}",
    "More, in the case file: {}",
];
pub(super) const NOT_EXCLUDED: Phrase = [
    "une trace antérieure n'est pas exclue",
    "een ouder spoor is niet uitgesloten",
    "eine frühere Spur ist nicht ausgeschlossen",
    "an earlier trace is not excluded",
];
pub(super) const COVERED: Phrase = [
    "les pièces contiennent des événements de {} des {} jours du {} au {}",
    "de stukken bevatten gebeurtenissen van {} van de {} dagen van {} tot {}",
    "die Beweisstücke enthalten Ereignisse von {} der {} Tage vom {} bis {}",
    "the evidence has events of {} of the {} days from {} to {}",
];
pub(super) const SUMMARY: Phrase = [
    "Des traces d'un accès non autorisé ont été relevées sur les systèmes suivants ({}) : {}",
    "Sporen van ongeoorloofde toegang zijn gevonden op de volgende systemen ({}): {}",
    "Spuren unbefugten Zugriffs wurden auf folgenden Systemen festgestellt ({}): {}",
    "Traces of unauthorised access were found on these systems ({}): {}",
];
pub(super) const OLDEST: Phrase = [
    "La trace la plus ancienne date au plus tard du {} ; une trace antérieure n'est pas exclue",
    "Het oudste spoor dateert uiterlijk van {}; een ouder spoor is niet uitgesloten",
    "Die früheste Spur stammt spätestens vom {}; eine frühere Spur ist nicht ausgeschlossen",
    "The earliest trace dates from no later than {}; an earlier trace is not excluded",
];
pub(super) const LATEST: Phrase = [
    "La trace la plus récente relevée à ce jour date du {}",
    "Het recentste spoor dat tot nu toe is gevonden, dateert van {}",
    "Die jüngste bisher festgestellte Spur stammt vom {}",
    "The latest trace found so far dates from {}",
];
pub(super) const WAY: Phrase = ["Voie d'accès : {}", "Toegangsweg: {}", "Zugangsweg: {}", "Way in: {}"];
pub(super) const FINDING: Phrase = [
    "Constat de niveau {} sur {} : {}",
    "Vaststelling van niveau {} op {}: {}",
    "Feststellung der Stufe {} auf {}: {}",
    "Finding of level {} on {}: {}",
];
pub(super) const RULE_MATCHED: Phrase = [
    "événements qu'une règle de détection signale",
    "gebeurtenissen die een detectieregel meldt",
    "Ereignisse, die eine Erkennungsregel meldet",
    "events that a detection rule reports",
];
pub(super) const EVENTS: Phrase = [
    "{} événements, du {} au {}",
    "{} gebeurtenissen, van {} tot {}",
    "{} Ereignisse, vom {} bis {}",
    "{} events, {} to {}",
];
pub(super) const ONE_EVENT: Phrase =
    ["un événement, le {}", "een gebeurtenis, op {}", "ein Ereignis, am {}", "one event, {}"];
pub(super) const FIRST_USE: Phrase = [
    "première utilisation relevée le {}",
    "eerst vastgestelde gebruik op {}",
    "erste festgestellte Nutzung am {}",
    "first use seen {}",
];
pub(super) const NOT_SETTLED: Phrase = [
    "Pas encore établi : {}",
    "Nog niet vastgesteld: {}",
    "Noch nicht festgestellt: {}",
    "Not yet established: {}",
];
pub(super) const EXPOSED: Phrase = [
    "{} sur {} : {}, vulnérabilités ouvertes au plus tard depuis le {}",
    "{} op {}: {}, kwetsbaarheden uiterlijk sinds {} open",
    "{} auf {}: {}, Schwachstellen spätestens seit {} offen",
    "{} on {}: {}, open no later than from {}",
];
pub(super) const FIXED: Phrase = [
    "correctif vu pour la première fois le {}",
    "herstelversie voor het eerst gezien op {}",
    "Korrektur erstmals festgestellt am {}",
    "fix first seen {}",
];
pub(super) const NOT_FIXED: Phrase = [
    "aucun correctif n'apparaît dans les pièces",
    "in de stukken is geen herstelversie te zien",
    "in den Beweisstücken ist keine Korrektur zu sehen",
    "no fix is seen in the evidence",
];
pub(super) const INFERRED: Phrase = [
    "période déduite en partie",
    "periode deels afgeleid",
    "Zeitraum teils erschlossen",
    "span inferred in part",
];
pub(super) const EXHIBIT: Phrase = [
    "{} : {}, {} octets, SHA-256 {}",
    "{}: {}, {} bytes, SHA-256 {}",
    "{}: {}, {} Bytes, SHA-256 {}",
    "{}: {}, {} bytes, SHA-256 {}",
];
pub(super) const SEALED: Phrase = [
    "{} fichiers sont scellés, chacun identifié par son SHA-256 dans l'inventaire du dossier",
    "{} bestanden zijn verzegeld en elk met hun SHA-256 opgenomen in de inventaris van het dossier",
    "{} Dateien sind versiegelt und je mit ihrem SHA-256 im Verzeichnis der Akte aufgeführt",
    "{} files are sealed, each with its SHA-256 in the inventory of the case",
];
pub(super) const ADDRESS: Phrase =
    ["{} (adresse source)", "{} (bronadres)", "{} (Quelladresse)", "{} (source address)"];
pub(super) const PATH: Phrase = ["{} (chemin)", "{} (pad)", "{} (Pfad)", "{} (path)"];
pub(super) const FILE_HASH: Phrase =
    ["SHA-256 {} (fichier)", "SHA-256 {} (bestand)", "SHA-256 {} (Datei)", "SHA-256 {} (file)"];
pub(super) const KNOWN_INDICATOR: Phrase = [
    "{} (indicateur connu, retrouvé dans les pièces)",
    "{} (bekende indicator, in de stukken teruggevonden)",
    "{} (bekannter Indikator, in den Beweisstücken gefunden)",
    "{} (known indicator, seen in the evidence)",
];
