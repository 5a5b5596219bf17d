//! Instants and numbers as the four languages write them, in Brussels time.
//!
//! In: an instant. Out: `26 mars 2021 à 14 h 20 (heure de Bruxelles)`. No locale of the machine is read.

use piste_case::duties::duty_catalog;
use piste_case::facts::Lang;
use piste_model::Instant;

const MONTHS: [[&str; 12]; 4] = [
    [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
    [
        "januari",
        "februari",
        "maart",
        "april",
        "mei",
        "juni",
        "juli",
        "augustus",
        "september",
        "oktober",
        "november",
        "december",
    ],
    [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
];

/// The day in words, in Brussels time.
pub(super) fn day(instant: Instant, lang: Lang) -> String {
    let Some(zoned) = duty_catalog().calendar().zoned(instant) else { return instant.to_string() };
    let month = usize::try_from(zoned.month() - 1).ok();
    let names = MONTHS.get(Lang::ALL.iter().position(|one| *one == lang).unwrap_or(0));
    let month = month.and_then(|month| names.and_then(|names| names.get(month))).copied().unwrap_or("-");
    let (day, year) = (zoned.day(), zoned.year());
    match lang {
        Lang::Fr if day == 1 => format!("1er {month} {year}"),
        Lang::De => format!("{day}. {month} {year}"),
        Lang::Fr | Lang::Nl | Lang::En => format!("{day} {month} {year}"),
    }
}

/// The instant in words, in Brussels time; seconds only where there are any.
pub(super) fn moment(instant: Instant, lang: Lang) -> String {
    let zone = match lang {
        Lang::Fr => "heure de Bruxelles",
        Lang::Nl => "Brusselse tijd",
        Lang::De => "Brüsseler Zeit",
        Lang::En => "Brussels time",
    };
    format!("{} ({zone})", bare(instant, lang))
}

/// The same without the zone, for where it is named once for all.
pub(super) fn bare(instant: Instant, lang: Lang) -> String {
    let Some(zoned) = duty_catalog().calendar().zoned(instant) else { return instant.to_string() };
    let day = day(instant, lang);
    let (hour, minute, second) = (zoned.hour(), zoned.minute(), zoned.second());
    let exact = format!("{hour:02}:{minute:02}:{second:02}");
    match (lang, second) {
        (Lang::Fr, 0) => format!("{day} à {hour} h {minute:02}"),
        (Lang::Fr, _) => format!("{day} à {exact}"),
        (Lang::Nl, 0) => format!("{day} om {hour}.{minute:02} uur"),
        (Lang::Nl, _) => format!("{day} om {exact}"),
        (Lang::De, 0) => format!("{day}, {hour}:{minute:02} Uhr"),
        (Lang::De, _) => format!("{day}, {exact} Uhr"),
        (Lang::En, 0) => format!("{day}, {hour:02}:{minute:02}"),
        (Lang::En, _) => format!("{day}, {exact}"),
    }
}

/// A decimal number with the language's mark: a comma everywhere but in English.
pub(super) fn number(text: &str, lang: Lang) -> String {
    if lang == Lang::En { text.to_owned() } else { text.replace('.', ",") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_its_way() {
        let at: Instant = "2021-03-26T13:20:00Z".parse().expect("a time");
        assert_eq!(moment(at, Lang::Fr), "26 mars 2021 à 14 h 20 (heure de Bruxelles)");
        assert_eq!(moment(at, Lang::Nl), "26 maart 2021 om 14.20 uur (Brusselse tijd)");
        assert_eq!(moment(at, Lang::De), "26. März 2021, 14:20 Uhr (Brüsseler Zeit)");
        assert_eq!(moment(at, Lang::En), "26 March 2021, 14:20 (Brussels time)");
        let first: Instant = "2021-07-31T22:05:07Z".parse().expect("a time");
        assert_eq!(moment(first, Lang::Fr), "1er août 2021 à 00:05:07 (heure de Bruxelles)");
        assert_eq!(number("0.25", Lang::Nl), "0,25");
    }
}
