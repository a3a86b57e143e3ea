//! Languages a person may ask to be heard in, by their own names: whoever
//! needs one of them may not read French.

/// Tag (BCP 47), own name, French name for the officer.
const LANGUAGES: &[(&str, &str, &str)] = &[
    ("fr", "Français", "français"),
    (
        "fsl",
        "Langue des signes française (LSF)",
        "langue des signes française",
    ),
    ("en", "English", "anglais"),
    ("ar", "العربية", "arabe"),
    ("bn", "বাংলা", "bengali"),
    ("bg", "Български", "bulgare"),
    ("zh", "中文", "chinois"),
    ("hr", "Hrvatski", "croate"),
    ("fa", "فارسی", "persan, dari"),
    ("de", "Deutsch", "allemand"),
    ("el", "Ελληνικά", "grec"),
    ("es", "Español", "espagnol"),
    ("ka", "ქართული", "géorgien"),
    ("hu", "Magyar", "hongrois"),
    ("hy", "Հայերեն", "arménien"),
    ("it", "Italiano", "italien"),
    ("ja", "日本語", "japonais"),
    ("ko", "한국어", "coréen"),
    ("ku", "Kurdî", "kurde"),
    ("nl", "Nederlands", "néerlandais"),
    ("ps", "پښتو", "pachto"),
    ("pl", "Polski", "polonais"),
    ("pt", "Português", "portugais"),
    ("ro", "Română", "roumain"),
    ("ru", "Русский", "russe"),
    ("so", "Soomaali", "somali"),
    ("sq", "Shqip", "albanais"),
    ("sr", "Српски", "serbe"),
    ("ta", "தமிழ்", "tamoul"),
    ("tr", "Türkçe", "turc"),
    ("uk", "Українська", "ukrainien"),
    ("ur", "اردو", "ourdou"),
    ("vi", "Tiếng Việt", "vietnamien"),
    ("und", "Autre – other", "autre langue"),
];

/// Every tag with the language's own name.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    LANGUAGES.iter().map(|&(tag, own, _)| (tag, own))
}

/// Whether a tag is one of ours.
#[must_use]
pub fn exists(tag: &str) -> bool {
    LANGUAGES.iter().any(|&(one, _, _)| one == tag)
}

/// The French name of a language, for the officer; the tag itself when unknown.
#[must_use]
pub fn french_name(tag: &str) -> &str {
    LANGUAGES
        .iter()
        .find(|(one, _, _)| *one == tag)
        .map_or(tag, |(_, _, french)| french)
}
