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
    pub(super) later: &'static str,
    pub(super) follows: &'static str,
    pub(super) to_confirm: &'static str,
    /// By the stage's name in the catalogue.
    stages: [(&'static str, &'static str); 9],
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

    /// The stage in words. Of a notice under the GDPR it says whether it is complete (art. 33(4)).
    pub(super) fn stage_of(&self, row: &Row, duty: &Duty) -> String {
        let stage = self.stages.iter().find(|(name, _)| *name == row.stage).map_or("", |(_, words)| *words);
        let open = duty.content.iter().filter(|content| content.required);
        let open = open.flat_map(|content| &content.facts).any(|fact| fact.value.is_none());
        let incomplete = if row.id == "GDPR-33" && open { self.incomplete } else { "" };
        format!("{stage}{incomplete}")
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
    by_hand: "À compléter à la main.",
    later: "Les éléments qui ne sont pas encore connus vous seront communiqués dès qu'ils le seront.",
    follows: "La présente fait suite à notre envoi du {} (référence {}).",
    to_confirm: "à confirmer",
    stages: [
        ("early_warning", "alerte précoce"),
        ("notification", "notification"),
        ("intermediate", "rapport intermédiaire"),
        ("final", "rapport final"),
        ("supplement", "complément"),
        ("report", "avis à l'autorité judiciaire"),
        ("register", "inscription au registre"),
        ("communication", "communication"),
        ("information", "information"),
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
    by_hand: "Met de hand aan te vullen.",
    later: "Wat nog niet bekend is, delen wij u mee zodra het bekend is.",
    follows: "Deze melding volgt op onze zending van {} (referentie {}).",
    to_confirm: "te bevestigen",
    stages: [
        ("early_warning", "vroegtijdige waarschuwing"),
        ("notification", "melding"),
        ("intermediate", "tussentijds verslag"),
        ("final", "eindverslag"),
        ("supplement", "aanvulling"),
        ("report", "bericht aan de gerechtelijke overheid"),
        ("register", "inschrijving in het register"),
        ("communication", "mededeling"),
        ("information", "informatie"),
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
    by_hand: "Von Hand auszufüllen.",
    later: "Was noch nicht bekannt ist, wird nachgereicht, sobald es bekannt ist.",
    follows: "Folgt auf unsere Sendung vom {} (Aktenzeichen {}).",
    to_confirm: "zu bestätigen",
    stages: [
        ("early_warning", "Frühwarnung"),
        ("notification", "Meldung"),
        ("intermediate", "Zwischenbericht"),
        ("final", "Abschlussbericht"),
        ("supplement", "Ergänzung"),
        ("report", "Anzeige an die Justiz"),
        ("register", "Eintrag in das Verzeichnis"),
        ("communication", "Benachrichtigung"),
        ("information", "Unterrichtung"),
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
    by_hand: "To be written by hand.",
    later: "What is not yet known will follow as soon as it is.",
    follows: "This follows what we sent on {} (reference {}).",
    to_confirm: "to be confirmed",
    stages: [
        ("early_warning", "early warning"),
        ("notification", "notification"),
        ("intermediate", "intermediate report"),
        ("final", "final report"),
        ("supplement", "supplement"),
        ("report", "report to the judicial authority"),
        ("register", "entry in the register"),
        ("communication", "communication"),
        ("information", "information"),
    ],
    incomplete: ", initial, to be completed (art. 33(4) GDPR)",
};
