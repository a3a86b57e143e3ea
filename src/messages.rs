//! The words of every page and message: Fluent files in `web/messages/LANG/`,
//! one a slice. French is the reference; a test finds what a language lacks.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use rust_embed::RustEmbed;

use crate::text_enum;

#[derive(RustEmbed)]
#[folder = "web/messages/"]
struct Files;

text_enum! {
    /// A language of the interface.
    #[derive(Default)]
    Lang {
        /// French, the reference.
        #[default]
        Fr = "fr",
        /// English.
        En = "en",
    }
}

impl Lang {
    /// The best language for an `Accept-Language` header.
    #[must_use]
    pub fn accepted(header: &str) -> Self {
        let mut best = (0.0_f32, Lang::Fr);
        for part in header.split(',').take(20) {
            let (tag, weight) = part.split_once(";q=").unwrap_or((part, "1"));
            let weight = weight.trim().parse::<f32>().unwrap_or(0.0);
            let primary = tag.trim().split('-').next().unwrap_or_default();
            if let Some(lang) = Lang::parse(&primary.to_ascii_lowercase())
                && weight > best.0
            {
                best = (weight, lang);
            }
        }
        best.1
    }

    /// The language's own name.
    #[must_use]
    pub fn own_name(self) -> &'static str {
        match self {
            Lang::Fr => "Français",
            Lang::En => "English",
        }
    }
}

impl PartialEq<&str> for Lang {
    /// Templates compare with the tag.
    fn eq(&self, tag: &&str) -> bool {
        self.as_str() == *tag
    }
}

type Bundle = FluentBundle<FluentResource>;

static BUNDLES: LazyLock<BTreeMap<Lang, Bundle>> =
    LazyLock::new(|| Lang::ALL.iter().map(|&lang| (lang, bundle(lang))).collect());

fn bundle(lang: Lang) -> Bundle {
    let identifier = lang
        .as_str()
        .parse()
        .expect("the languages listed above are valid identifiers");
    let mut bundle = FluentBundle::new_concurrent(vec![identifier]);
    bundle.set_use_isolating(false);
    for name in Files::iter() {
        if !name.starts_with(&format!("{lang}/")) {
            continue;
        }
        let Some(file) = Files::get(&name) else {
            continue;
        };
        let text = String::from_utf8_lossy(&file.data).into_owned();
        let resource = FluentResource::try_new(text).unwrap_or_else(|(resource, errors)| {
            tracing::error!("message file {name}: {errors:?}");
            resource
        });
        if let Err(errors) = bundle.add_resource(resource) {
            tracing::error!("message file {name}: {errors:?}");
        }
    }
    bundle
}

/// A message without values.
#[must_use]
pub fn text(lang: Lang, id: &str) -> String {
    text_with(lang, id, &[])
}

/// A message with values. What a language lacks is said in French; what French
/// lacks shows its identifier, which the tests refuse.
#[must_use]
pub fn text_with(lang: Lang, id: &str, values: &[(&str, &str)]) -> String {
    for lang in [lang, Lang::Fr] {
        let Some(bundle) = BUNDLES.get(&lang) else {
            continue;
        };
        let Some(pattern) = bundle.get_message(id).and_then(|message| message.value()) else {
            continue;
        };
        let mut args = FluentArgs::new();
        for (name, value) in values {
            args.set(*name, *value);
        }
        let mut errors = Vec::new();
        return bundle
            .format_pattern(pattern, Some(&args), &mut errors)
            .into_owned();
    }
    format!("⟦{id}⟧")
}

/// Whether a language has a message of its own.
#[must_use]
pub fn has(lang: Lang, id: &str) -> bool {
    BUNDLES
        .get(&lang)
        .is_some_and(|bundle| bundle.has_message(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    fn identifiers(lang: Lang) -> BTreeSet<String> {
        Files::iter()
            .filter(|name| name.starts_with(&format!("{lang}/")))
            .flat_map(|name| {
                let data = Files::get(&name).unwrap().data;
                let text = String::from_utf8(data.into_owned()).unwrap();
                text.lines()
                    .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()))
                    .filter_map(|line| line.split_once(" ="))
                    .map(|(id, _)| id.to_owned())
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn every_message_stands_in_every_language() {
        let french = identifiers(Lang::Fr);
        for &lang in Lang::ALL {
            let own = identifiers(lang);
            let missing: Vec<_> = french.symmetric_difference(&own).collect();
            assert!(missing.is_empty(), "{lang} and fr differ in {missing:?}");
            for id in &own {
                assert!(has(lang, id), "{lang}: {id} does not parse");
            }
        }
    }

    /// Comments show how a macro is used, with messages that need not exist.
    fn without_comments(template: &str) -> String {
        let mut parts = template.split("{#");
        let before = parts.next().unwrap().to_owned();
        parts.fold(before, |kept, part| {
            kept + part.split_once("#}").map_or("", |(_, after)| after)
        })
    }

    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path
                .extension()
                .is_some_and(|end| end == "html" || end == "txt")
            {
                found.push(without_comments(&std::fs::read_to_string(&path).unwrap()));
            }
        }
    }

    #[test]
    fn every_message_a_template_names_exists() {
        let mut templates = Vec::new();
        sources(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("web/templates"),
            &mut templates,
        );
        let mut missing = BTreeSet::new();
        for template in &templates {
            for call in [".t(\"", ".t1(\"", ".t2(\""] {
                for (at, _) in template.match_indices(call) {
                    let rest = &template[at + call.len()..];
                    let id = rest.split('"').next().unwrap();
                    if !has(Lang::Fr, id) {
                        missing.insert(id.to_owned());
                    }
                }
            }
        }
        assert!(missing.is_empty(), "messages missing: {missing:?}");
    }

    #[test]
    fn the_browser_chooses_the_language() {
        for (header, expected) in [
            ("", Lang::Fr),
            ("fr-FR,fr;q=0.9,en;q=0.8", Lang::Fr),
            ("en-GB,en;q=0.9", Lang::En),
            ("de,en;q=0.5", Lang::En),
            ("de;q=x,*", Lang::Fr),
            (";;;,,,;q=", Lang::Fr),
        ] {
            assert_eq!(Lang::accepted(header), expected, "{header}");
        }
    }
}
