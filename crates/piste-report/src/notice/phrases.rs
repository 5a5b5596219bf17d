//! The fixed words around the facts of a notification, in four languages.
//!
//! In: a language. Out: its phrases; `{}` is what is put in.

use piste_case::duties::{Duty, Row};
use piste_case::facts::Lang;

/// The fixed words of one language.
#[derive(Debug)]
pub(super) struct Phrases {
    colon: &'static str,
    pub(super) to: &'static str,
    pub(super) copy: &'static str,
    pub(super) stage: &'static str,
    pub(super) drawn_up: &'static str,
    pub(super) basis: &'static str,
    pub(super) author: &'static str,
    pub(super) unknown: &'static str,
    /// What the sender knows of itself and has not yet stated.
    pub(super) fill_in: &'static str,
    pub(super) by_hand: &'static str,
    /// Traces point to what no person has decided.
    pub(super) points: &'static str,
    /// Some of what the case shows is left out for its marking.
    pub(super) withheld: &'static str,
    /// What the references in brackets are.
    pub(super) references: &'static str,
    pub(super) later: &'static str,
    pub(super) follows: &'static str,
    /// By the stage's name in the catalogue.
    stages: [(&'static str, &'static str); 5],
    incomplete: &'static str,
}

impl Phrases {
    /// `name : value` as the language sets its colon; a value of several lines begins on its own.
    pub(super) fn field(&self, name: &str, value: &str) -> String {
        if value.contains('\n') {
            format!("{name}{}\n{}", self.colon.trim_end(), value.trim_start_matches('\n'))
        } else {
            format!("{name}{}{value}", self.colon)
        }
    }

    /// The stage in words, where the law knows stages. Of a notice under the GDPR it says whether it is complete (art. 33(4)).
    pub(super) fn stage_of(&self, row: &Row, duty: &Duty) -> Option<String> {
        let (_, stage) = self.stages.iter().find(|(name, _)| *name == row.stage)?;
        let open = duty.content.iter().filter(|content| content.required);
        let open = open.flat_map(|content| &content.facts).any(|fact| fact.value.is_none());
        let incomplete = if row.id == "GDPR-33" && open { self.incomplete } else { "" };
        Some(format!("{stage}{incomplete}"))
    }
}

/// The phrases of `lang`.
pub(super) fn phrases(lang: Lang) -> &'static Phrases {
    match lang {
        Lang::Fr => &FR,
        Lang::Nl => &NL,
        Lang::De => &DE,
        Lang::En => &EN,
    }
}

static FR: Phrases = Phrases {
    colon: " : ",
    to: "Destinataire",
    copy: "Copie",
    stage: "Étape",
    drawn_up: "Établi le",
    basis: "Base légale",
    author: "Nom, qualité et signature de l'auteur",
    unknown: "Pas encore connu : {}.",
    fill_in: "À compléter : {}.",
    by_hand: "À compléter par l'auteur.",
    points: "Des éléments du dossier d'analyse l'indiquent ; ce n'est pas établi",
    withheld: "Cette liste est incomplète : des éléments n'y figurent pas en raison de leur marquage.",
    references: "Les références entre crochets renvoient au dossier d'analyse : D voie d'accès, F constat, E pièce et enregistrement. Les heures sont celles de Bruxelles.",
    later: "Les éléments qui ne sont pas encore connus vous seront communiqués dès qu'ils le seront.",
    follows: "La présente fait suite à notre envoi du {} (référence {}).",
    stages: [
        ("early_warning", "alerte précoce"),
        ("notification", "notification"),
        ("intermediate", "rapport intermédiaire"),
        ("final", "rapport final"),
        ("supplement", "complément"),
    ],
    incomplete: " initiale, à compléter (art. 33, § 4, RGPD)",
};

static NL: Phrases = Phrases {
    colon: ": ",
    to: "Bestemmeling",
    copy: "Afschrift",
    stage: "Fase",
    drawn_up: "Opgesteld op",
    basis: "Rechtsgrond",
    author: "Naam, hoedanigheid en handtekening van de opsteller",
    unknown: "Nog niet bekend: {}.",
    fill_in: "Aan te vullen: {}.",
    by_hand: "In te vullen door de opsteller.",
    points: "Elementen van het analysedossier wijzen daarop; het staat niet vast",
    withheld: "Deze lijst is onvolledig: sommige elementen zijn wegens hun markering niet opgenomen.",
    references: "De vermeldingen tussen vierkante haken verwijzen naar het analysedossier: D toegangsweg, F vaststelling, E stuk en record. Alle tijdstippen zijn in Brusselse tijd.",
    later: "Wat nog niet bekend is, delen wij u mee zodra het bekend is.",
    follows: "Deze melding volgt op onze zending van {} (referentie {}).",
    stages: [
        ("early_warning", "vroegtijdige waarschuwing"),
        ("notification", "melding"),
        ("intermediate", "tussentijds verslag"),
        ("final", "eindverslag"),
        ("supplement", "aanvulling"),
    ],
    incomplete: ", eerste, nog aan te vullen (art. 33, lid 4, AVG)",
};

static DE: Phrases = Phrases {
    colon: ": ",
    to: "Empfänger",
    copy: "Abschrift",
    stage: "Stufe",
    drawn_up: "Erstellt am",
    basis: "Rechtsgrundlage",
    author: "Name, Amt und Unterschrift des Verfassers",
    unknown: "Noch nicht bekannt: {}.",
    fill_in: "Zu ergänzen: {}.",
    by_hand: "Vom Verfasser auszufüllen.",
    points: "Angaben der Analyseakte deuten darauf hin; es steht nicht fest",
    withheld: "Diese Liste ist unvollständig: Angaben sind wegen ihrer Kennzeichnung nicht aufgenommen.",
    references: "Die Verweise in eckigen Klammern beziehen sich auf die Analyseakte: D Zugangsweg, F Feststellung, E Beweisstück und Datensatz. Alle Zeiten sind Brüsseler Zeit.",
    later: "Was noch nicht bekannt ist, wird nachgereicht, sobald es bekannt ist.",
    follows: "Folgt auf unsere Sendung vom {} (Aktenzeichen {}).",
    stages: [
        ("early_warning", "Frühwarnung"),
        ("notification", "Meldung"),
        ("intermediate", "Zwischenbericht"),
        ("final", "Abschlussbericht"),
        ("supplement", "Ergänzung"),
    ],
    incomplete: ", erste, zu ergänzen (Art. 33 Abs. 4 DSGVO)",
};

static EN: Phrases = Phrases {
    colon: ": ",
    to: "To",
    copy: "Copy",
    stage: "Stage",
    drawn_up: "Drawn up",
    basis: "Legal basis",
    author: "Name, capacity and signature of the author",
    unknown: "Not yet known: {}.",
    fill_in: "To be filled in: {}.",
    by_hand: "To be written by the author.",
    points: "The case file points to it; it is not established",
    withheld: "This list is incomplete: some items are left out for their marking.",
    references: "References in brackets lead to the case file: D way in, F finding, E exhibit and record. Times are Brussels time.",
    later: "What is not yet known will follow as soon as it is.",
    follows: "This follows what we sent on {} (reference {}).",
    stages: [
        ("early_warning", "early warning"),
        ("notification", "notification"),
        ("intermediate", "intermediate report"),
        ("final", "final report"),
        ("supplement", "supplement"),
    ],
    incomplete: ", initial, to be completed (art. 33(4) GDPR)",
};
