//! A complaint as the service would describe it.

use chrono::{DateTime, FixedOffset, NaiveDate};
use documents::{
    AgreementProof, ChangeRequest, Check, Complainant, Consent, Entry, Gender, Incident,
    LegalTexts, Officer, OfficerIdentity, OfficerQuality, ProcesVerbal, Recepisse, RightTold,
    RightsDocument, Unit, UnitKind,
};

/// Keeps a document for a person to look at, in the directory that `DOCUMENTS_SAMPLES` names.
pub fn keep(name: &str, pdf: &[u8]) {
    if let Ok(directory) = std::env::var("DOCUMENTS_SAMPLES") {
        std::fs::write(format!("{directory}/{name}.pdf"), pdf).unwrap();
    }
}

pub const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

pub fn at(time: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(&format!("2026-11-22T{time}+01:00")).unwrap()
}

pub fn texts() -> &'static LegalTexts {
    LegalTexts::in_force_on(NaiveDate::from_ymd_opt(2026, 11, 22).unwrap()).unwrap()
}

pub fn unit() -> Unit {
    Unit {
        name: "Commissariat de police de Brest".into(),
        kind: UnitKind::Police,
        address: "15 rue Colbert".into(),
        city: "29200 Brest".into(),
        phone: "02 98 43 77 77".into(),
        time_zone: "heure de Paris".into(),
    }
}

pub fn officer() -> Officer {
    Officer {
        identity: OfficerIdentity::AdministrativeNumber("1234567".into()),
        quality: OfficerQuality::Opj,
    }
}

pub fn complainant() -> Complainant {
    Complainant {
        birth_name: "DUBINÔRE".into(),
        used_name: Some("Lefèvre".into()),
        given_names: "Joëlle Anne-Laure".into(),
        gender: Gender::Female,
        birthdate: "1962-08-24".parse().unwrap(),
        birthplace: Some("Brest".into()),
        birthcountry: "France".into(),
        address: "4 bis rue de l’Église, 29200 Brest".into(),
        phone: "06 12 34 56 78".into(),
        email: "joelle.dubinore@example.fr".into(),
        capacity: None,
        profession: Some("infirmière".into()),
        identity_origin: Some("FranceConnect".into()),
    }
}

pub fn proces_verbal() -> ProcesVerbal {
    let rights = texts()
        .rights
        .iter()
        .map(|right| RightTold {
            label: right.title.clone(),
            article: right.article.clone(),
            at: at("14:12:00"),
        })
        .collect();
    ProcesVerbal {
        number: "2026/004217".into(),
        unit: unit(),
        officer: officer(),
        started_at: at("14:05:00"),
        ended_at: Some(at("14:52:00")),
        drafted_at: at("14:58:00"),
        complainant: complainant(),
        code: texts().code.clone(),
        legal_references: texts().proces_verbal.clone(),
        present: vec![Entry {
            label: "Avocate".into(),
            text: "Me Anne Kervella, barreau de Brest".into(),
        }],
        checks: vec![
            Check {
                label: "Identité vérifiée à l’image, pièce d’identité présentée".into(),
                at: at("14:06:00"),
                result: "conforme".into(),
            },
            Check {
                label: "Qualité du son et de l’image suffisante".into(),
                at: at("14:07:00"),
                result: "oui".into(),
            },
            Check {
                label: "La personne parle et comprend le français".into(),
                at: at("14:07:00"),
                result: "oui".into(),
            },
            Check {
                label: "La personne est seule ou accompagnée de son choix".into(),
                at: at("14:08:00"),
                result: "seule, dans un lieu calme".into(),
            },
        ],
        rights,
        rights_document_at: Some(at("14:12:30")),
        incidents: vec![Incident {
            from: at("14:31:07"),
            to: Some(at("14:31:09")),
            label: "Image figée du côté du plaignant, son conservé ; reprise automatique".into(),
        }],
        facts: vec![
            Entry {
                label: "Nature".into(),
                text: "Vol de vélo".into(),
            },
            Entry {
                label: "Période".into(),
                text: "entre le 20 novembre 2026 à 19 h et le 21 novembre 2026 à 7 h 30".into(),
            },
            Entry {
                label: "Lieu".into(),
                text: "cour intérieure du 4 bis rue de l’Église, 29200 Brest".into(),
            },
            Entry {
                label: "Préjudice déclaré".into(),
                text: "1 250 €".into(),
            },
        ],
        narrative: NARRATIVE.into(),
        change_requests: vec![ChangeRequest {
            requested_at: at("14:54:00"),
            text: "Le vélo est vert foncé et non bleu.".into(),
            answer: "Modification faite dans la déclaration.".into(),
        }],
        consent: Consent::Agreed {
            at: at("14:57:00"),
            version_hash: HASH.into(),
            session: "session FranceConnect ouverte à 13 h 58, niveau eIDAS 1".into(),
        },
    }
}

pub fn recepisse() -> Recepisse {
    Recepisse {
        number: "2026/004217".into(),
        unit: unit(),
        officer: officer(),
        complainant: complainant(),
        received_at: at("14:05:00"),
        drafted_at: at("14:59:00"),
        offence: "Vol simple (délit)".into(),
        code: texts().code.clone(),
        legal_references: texts().recepisse.clone(),
        prescription: texts().prescription.clone(),
        prescription_notes: texts().prescription_notes.clone(),
        helps: texts().helps.clone(),
    }
}

pub fn agreement_proof() -> AgreementProof {
    AgreementProof {
        number: "2026/004217".into(),
        unit: unit(),
        complainant: complainant(),
        version: 2,
        version_hash: HASH.into(),
        requested_at: at("14:55:00"),
        answered_at: at("14:57:00"),
        statement: "J’ai relu le procès-verbal de ma plainte et je confirme qu’il est fidèle à mes déclarations.".into(),
        session: "FranceConnect, niveau eIDAS 1, connexion à 13 h 58".into(),
        journal_head: HASH.chars().rev().collect(),
    }
}

pub fn rights_document() -> RightsDocument {
    RightsDocument::new(unit(), at("14:05:00"), texts())
}

const NARRATIVE: &str = "Je me présente à vous par visioconférence pour déposer plainte contre X pour le vol de mon vélo.

Le vendredi 20 novembre 2026, vers 19 heures, j’ai rangé mon vélo dans la cour intérieure de mon immeuble, attaché à un râtelier métallique au moyen d’un antivol en U. La porte qui donne sur la rue ferme avec un code ; ce code n’a pas été changé depuis plusieurs années et de nombreuses personnes le connaissent.

Le lendemain, vers 7 h 30, en partant au travail, j’ai constaté que le vélo n’était plus là. L’antivol était à terre, sectionné. Je n’ai touché à rien et j’ai pris trois photographies, que j’ai déposées dans mon espace.

Il s’agit d’un vélo de ville de marque « Armor », vert foncé, acheté 1 250 € en mars 2025, dont voici le numéro de marquage : BC-29-774120. Je n’ai aucun soupçon. Ma voisine du premier étage m’a dit avoir entendu du bruit vers 4 heures du matin : « On aurait dit une scie électrique ! »

Je n’ai subi ni violence ni menace. Je souhaite être tenue informée des suites de ma plainte.";
