//! What comes out is the same each time, says what went in, and is PDF/A, tagged and well formed.

use documents::*;

use crate::samples;
use crate::tools::{assert_inside_margins, assert_well_formed, info_of, text_of};

fn every_document() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        (
            "proces-verbal",
            render_proces_verbal(&samples::proces_verbal()).unwrap(),
        ),
        (
            "recepisse",
            render_recepisse(&samples::recepisse()).unwrap(),
        ),
        (
            "agreement-proof",
            render_agreement_proof(&samples::agreement_proof()).unwrap(),
        ),
        (
            "rights",
            render_rights_document(&samples::rights_document()).unwrap(),
        ),
    ]
}

#[test]
fn the_same_input_gives_the_same_bytes_and_another_input_other_bytes() {
    for ((name, first), (_, second)) in every_document().into_iter().zip(every_document()) {
        assert!(
            first == second,
            "{name} differs from one rendering to the next"
        );
    }
    let mut act = samples::proces_verbal();
    let before = render_proces_verbal(&act).unwrap();
    act.narrative.push('.');
    assert!(before != render_proces_verbal(&act).unwrap());
}

#[test]
fn documents_are_archival_tagged_french_and_well_formed() {
    for (name, pdf) in every_document() {
        samples::keep(name, &pdf);
        let information = info_of(&pdf, "-isodates");
        assert!(
            information.contains("Tagged:          yes"),
            "{name}: {information}"
        );
        assert!(
            information.contains("CreationDate:    2026-11-22T14:"),
            "{name}: {information}"
        );
        let metadata = info_of(&pdf, "-meta");
        for expected in [
            "<pdfaid:part>2</pdfaid:part>",
            "<pdfaid:conformance>A</pdfaid:conformance>",
            "<pdfuaid:part>1</pdfuaid:part>",
            ">fr-FR<",
        ] {
            assert!(
                metadata.contains(expected),
                "{name}: {expected} in {metadata}"
            );
        }
        assert_well_formed(&pdf);
    }
}

#[test]
fn the_proces_verbal_says_everything_it_was_told() {
    let text = text_of(&render_proces_verbal(&samples::proces_verbal()).unwrap());
    for expected in [
        "Procès-verbal de plainte",
        "n° 2026/004217",
        "POLICE NATIONALE",
        "Commissariat de police de Brest",
        "L’an deux mille vingt-six, le vingt-deux novembre, à quatorze heures cinq (heure de Paris, UTC+1)",
        "l’agent identifié par le numéro administratif 1234567, officier de police judiciaire",
        "15-3-1-1, R. 2-25 à R. 2-29",
        "DUBINÔRE",
        "24 août 1962",
        "Brest (France)",
        "infirmière",
        "Me Anne Kervella",
        "mis à sa disposition le 22 novembre 2026 à 14 h 12",
        "14 h 31 min 07 s",
        "Image figée",
        "Obtenir la réparation de votre préjudice",
        "1 250 €",
        "« On aurait dit une scie électrique ! »",
        "Le vélo est vert foncé et non bleu.",
        "a confirmé expressément",
        "9f86d081 884c7d65",
        "page 1 / ",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
    for absent in ["Projet soumis", "en attente", "none", "None"] {
        assert!(!text.contains(absent), "{absent:?} is in {text}");
    }
}

#[test]
fn a_draft_says_that_it_is_one_and_shows_no_signature() {
    let mut act = samples::proces_verbal();
    act.consent = Consent::Awaited;
    act.ended_at = None;
    act.change_requests.clear();
    act.incidents.clear();
    let pdf = render_proces_verbal(&act).unwrap();
    samples::keep("draft", &pdf);
    let text = text_of(&pdf);
    for expected in [
        "Projet soumis à la relecture",
        "n’est pas signé",
        "audition en cours",
        "Aucune modification",
        "Aucun incident technique",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
    assert!(!text.contains("signature électronique contenue"), "{text}");
}

#[test]
fn a_refusal_is_recorded_with_its_reason() {
    let mut act = samples::proces_verbal();
    act.consent = Consent::Refused {
        at: samples::at("14:57:00"),
        version_hash: samples::HASH.into(),
        reason: "Je veux un avocat.".into(),
    };
    let text = text_of(&render_proces_verbal(&act).unwrap());
    for expected in [
        "Son refus est consigné",
        "Je veux un avocat.",
        "refus consigné",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
    assert!(!text.contains("a confirmé expressément"), "{text}");
}

#[test]
fn the_recepisse_names_prescription_and_its_interruption() {
    let text = text_of(&render_recepisse(&samples::recepisse()).unwrap());
    for expected in [
        "Récépissé de dépôt de plainte",
        "Contravention",
        "un an",
        "six ans",
        "vingt ans",
        "constitution de partie civile",
        "article 85",
        "116 006",
        "Vol simple (délit)",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
    assert!(
        !text.contains("scie électrique"),
        "the récépissé tells no fact"
    );
}

#[test]
fn the_agreement_proof_and_the_rights_are_complete() {
    let proof = text_of(&render_agreement_proof(&samples::agreement_proof()).unwrap());
    for expected in [
        "version 2",
        "le 22 novembre 2026 à 14 h 57",
        "je confirme qu’il est fidèle",
        "9f86d081",
        "80a00f0b",
    ] {
        assert!(proof.contains(expected), "{expected:?} is not in {proof}");
    }
    let rights = text_of(&render_rights_document(&samples::rights_document()).unwrap());
    for right in &samples::texts().rights {
        assert!(
            rights.contains(&right.title),
            "{} is not in {rights}",
            right.title
        );
        assert!(
            rights.contains(&right.article),
            "{} is not in {rights}",
            right.article
        );
    }
}

#[test]
fn presumed_births_and_missing_birthplaces_are_told_plainly() {
    let mut act = samples::proces_verbal();
    act.complainant.birthdate = "1962".parse().unwrap();
    act.complainant.birthplace = None;
    act.complainant.birthcountry = "Viêt Nam".into();
    act.complainant.used_name = None;
    act.complainant.profession = Some(" ".into());
    let text = text_of(&render_proces_verbal(&act).unwrap());
    assert!(
        text.contains("1962 (date présumée)") && text.contains("Viêt Nam"),
        "{text}"
    );
    assert!(
        !text.contains("Profession") && !text.contains("Nom d’usage"),
        "{text}"
    );
}

#[test]
fn peoples_words_are_never_markup() {
    // One short line each, because the reader of the test joins hyphens at line ends.
    const WORDS: [&str; 4] = [
        "#panic(1) *gras* _it_ $x$ @ref <label> `code` // rien",
        "= titre",
        "- liste \\ [a] {b} #import \"x\" ~ 'a' \"b\" /* rien */",
        "a --- b -- c ... \\u{41}",
    ];
    let mut act = samples::proces_verbal();
    act.narrative = WORDS.join("\n");
    act.complainant.birth_name = "#let".into();
    act.unit.name = "*Unité* $1$ #eval".into();
    act.number = "#1 <n> @a".into();
    act.facts = vec![Entry {
        label: "#label".into(),
        text: "= pas un titre".into(),
    }];
    act.checks[0].result = "#v(1cm)".into();
    act.change_requests[0].text = "#{panic()}".into();
    let text = text_of(&render_proces_verbal(&act).unwrap());
    for expected in WORDS.into_iter().chain([
        "#let",
        "*Unité* $1$ #eval",
        "n° #1 <n> @a",
        "#label",
        "= pas un titre",
        "#v(1cm)",
        "#{panic()}",
    ]) {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
}

#[test]
fn many_scripts_and_signs_are_printed() {
    let mut act = samples::proces_verbal();
    act.complainant.birth_name = "Nguyễn Щербаков Παπαδόπουλος გიორგი Հակոբ".into();
    act.narrative = "Il m’a écrit : « محمد لن يأتي » puis « בוא » puis 😡🔪👨\u{200D}👩\u{200D}👧 ❤\u{FE0F} 🇫🇷.\nअनिल தமிழ் ስም ขอบคุณ\nE\u{301}tienne → ≤ 5 € ½ №".into();
    let pdf = render_proces_verbal(&act).unwrap();
    samples::keep("scripts", &pdf);
    assert_well_formed(&pdf);
    let text = text_of(&pdf);
    for expected in [
        "Nguyễn",
        "Щербаков",
        "Παπαδόπουλος",
        "გიორგი",
        "Հակոբ",
        "😡🔪",
        "ስም",
        "Étienne",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
}

#[test]
fn hostile_text_gives_a_document_or_a_typed_error() {
    let long = "Une phrase parmi beaucoup d’autres. ".repeat(3000);
    let lines = "a\n".repeat(1000);
    for words in [
        "\u{0}\u{1}\u{7}\u{8}\u{B}\u{C}\u{1B}[31m\u{7F}\u{85}\u{9F}".to_owned(),
        "abc\u{202E}fdp.exe\u{2066}\u{2069}\u{FEFF}\u{FFFE}\u{E000}\u{10FFFF}\u{E0041}".to_owned(),
        "\u{301}\u{301}\u{301}".repeat(200),
        format!("e{}", "\u{335}\u{321}".repeat(500)),
        "x".repeat(10_000),
        "W".repeat(1_000),
        "😡".repeat(2_000),
        "م".repeat(2_000),
        "ก".repeat(500),
        "\u{200D}\u{200B}\u{FE0F}\u{AD}".repeat(100),
        " \n \r\n \t".to_owned(),
        String::new(),
        long,
        lines,
    ] {
        let mut act = samples::proces_verbal();
        act.narrative = words.clone();
        act.complainant.birth_name = words.chars().take(2000).collect();
        act.checks[0].label = words.chars().take(500).collect();
        act.facts[0].text = words.chars().take(500).collect();
        match render_proces_verbal(&act) {
            Ok(pdf) => {
                assert_well_formed(&pdf);
                assert_inside_margins(&pdf);
            }
            Err(error) => panic!(
                "{error:?} for {:?}…",
                words.chars().take(20).collect::<String>()
            ),
        }
    }
}

#[test]
fn characters_without_a_font_are_named() {
    let mut act = samples::proces_verbal();
    act.complainant.birth_name = "漢字".into();
    let error = render_proces_verbal(&act).unwrap_err();
    assert!(
        matches!(&error, RenderError::UnsupportedCharacters(characters) if *characters == ['字', '漢']),
        "{error:?}"
    );
    assert!(
        !error.to_string().contains('漢'),
        "an error message is logged and quotes nobody"
    );
}

#[test]
fn endless_text_is_refused_before_typesetting() {
    let mut act = samples::proces_verbal();
    act.narrative = "mot ".repeat(300_000);
    assert!(matches!(
        render_proces_verbal(&act),
        Err(RenderError::TooLong { .. })
    ));
}

#[test]
fn records_survive_storage() {
    let act = samples::proces_verbal();
    let stored = serde_json::to_string(&act).unwrap();
    assert_eq!(serde_json::from_str::<ProcesVerbal>(&stored).unwrap(), act);
}
