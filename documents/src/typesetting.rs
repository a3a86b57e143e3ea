//! From a template and plain values to PDF/A-2a + PDF/UA-1 bytes.
//!
//! The world given to the typesetter holds two sources, the values and the embedded
//! fonts: no network, no disk, no clock. People's text enters as values and is never
//! read as markup. Every warning is an error, because the gravest mistake of this
//! library (text that vanishes when no font is found) is only a warning to it.

use chrono::{DateTime, Datelike, FixedOffset, Timelike};
use serde::Deserialize;
use serde_json::Value as Json;
use typst::diag::{FileError, FileResult, SourceDiagnostic};
use typst::foundations::{Bytes, Datetime, Dict, Duration, Smart};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

use crate::fonts::FONTS;
use crate::text;

/// More characters than this are refused: about 250 pages.
pub const LONGEST_DOCUMENT: usize = 1_000_000;

/// Why a document could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// No embedded font draws these characters; the text has to be written otherwise.
    #[error("{} characters cannot be printed", .0.len())]
    UnsupportedCharacters(Vec<char>),
    /// The text has more characters than `limit`.
    #[error("the document has {characters} characters, the limit is {limit}")]
    TooLong {
        /// Characters found.
        characters: usize,
        /// Characters allowed.
        limit: usize,
    },
    /// The typesetter refused. The reasons may quote the document: show them to nobody
    /// and log their number only.
    #[error("the typesetter refused the document for {} reasons", .0.len())]
    Typesetting(Vec<String>),
}

/// The documents that have a template.
#[derive(Clone, Copy)]
pub(crate) enum Template {
    ProcesVerbal,
    Recepisse,
    AgreementProof,
    Rights,
}

impl Template {
    fn source(self) -> &'static str {
        match self {
            Self::ProcesVerbal => include_str!("../templates/proces-verbal.typ"),
            Self::Recepisse => include_str!("../templates/recepisse.typ"),
            Self::AgreementProof => include_str!("../templates/agreement-proof.typ"),
            Self::Rights => include_str!("../templates/rights.typ"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::ProcesVerbal => "proces-verbal",
            Self::Recepisse => "recepisse",
            Self::AgreementProof => "agreement-proof",
            Self::Rights => "rights",
        }
    }
}

/// Typesets `values` with `template`. `number` and `drafted_at` make the identifier and
/// the date of the file, so that the same input always gives the same bytes.
pub(crate) fn render(
    template: Template,
    number: &str,
    drafted_at: DateTime<FixedOffset>,
    values: Json,
) -> Result<Vec<u8>, RenderError> {
    let values = printable_values(values)?;
    let world = DocumentWorld::new(template, values)?;
    let outcome = export(&world, template, number, drafted_at);
    // The cache of the typesetter would keep people's words in memory, and grow.
    typst::comemo::evict(0);
    outcome
}

fn export(
    world: &DocumentWorld,
    template: Template,
    number: &str,
    drafted_at: DateTime<FixedOffset>,
) -> Result<Vec<u8>, RenderError> {
    let compiled = typst::compile::<PagedDocument>(world);
    let document = compiled.output.map_err(|errors| refused(&errors))?;
    if !compiled.warnings.is_empty() {
        return Err(refused(&compiled.warnings));
    }
    let standards = PdfStandards::new(&[PdfStandard::A_2a, PdfStandard::Ua_1])
        .expect("PDF/A-2a and PDF/UA-1 combine, which a test proves");
    let options = PdfOptions {
        ident: Smart::Custom(format!(
            "{}/{number}/{}",
            template.name(),
            drafted_at.to_rfc3339()
        )),
        creator: Smart::Custom(Some("VisioPlainte".to_owned())),
        timestamp: timestamp(drafted_at),
        standards,
        ..PdfOptions::default()
    };
    typst_pdf::pdf(&document, &options).map_err(|errors| refused(&errors))
}

fn timestamp(moment: DateTime<FixedOffset>) -> Option<Timestamp> {
    let small = |number: u32| u8::try_from(number).ok();
    let datetime = Datetime::from_ymd_hms(
        moment.year(),
        small(moment.month())?,
        small(moment.day())?,
        small(moment.hour())?,
        small(moment.minute())?,
        small(moment.second())?,
    )?;
    Timestamp::new_local(datetime, moment.offset().local_minus_utc() / 60)
}

fn refused(diagnostics: &[SourceDiagnostic]) -> RenderError {
    RenderError::Typesetting(diagnostics.iter().map(|d| d.message.to_string()).collect())
}

/// Every string of the values made printable, and refused if it cannot be drawn.
fn printable_values(mut values: Json) -> Result<Json, RenderError> {
    let mut all = String::new();
    make_printable(&mut values, &mut all);
    let characters = all.chars().count();
    if characters > LONGEST_DOCUMENT {
        return Err(RenderError::TooLong {
            characters,
            limit: LONGEST_DOCUMENT,
        });
    }
    match text::unsupported_characters(&all) {
        missing if missing.is_empty() => Ok(values),
        missing => Err(RenderError::UnsupportedCharacters(missing)),
    }
}

fn make_printable(value: &mut Json, all: &mut String) {
    match value {
        Json::String(string) => {
            *string = text::printable(string);
            all.push_str(string);
        }
        Json::Array(items) => items.iter_mut().for_each(|item| make_printable(item, all)),
        Json::Object(fields) => fields
            .values_mut()
            .for_each(|field| make_printable(field, all)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// What the typesetter may see.
struct DocumentWorld {
    library: LazyHash<Library>,
    main: Source,
    layout: Source,
}

impl DocumentWorld {
    fn new(template: Template, values: Json) -> Result<Self, RenderError> {
        let inputs = Dict::deserialize(values)
            .map_err(|error| RenderError::Typesetting(vec![error.to_string()]))?;
        Ok(Self {
            library: LazyHash::new(Library::builder().with_inputs(inputs).build()),
            main: source(&format!("/{}.typ", template.name()), template.source()),
            layout: source("/layout.typ", include_str!("../templates/layout.typ")),
        })
    }
}

fn source(path: &str, text: &str) -> Source {
    let path = VirtualPath::new(path).expect("the paths are plain names written in this file");
    Source::new(
        FileId::new(RootedPath::new(VirtualRoot::Project, path)),
        text.to_owned(),
    )
}

impl World for DocumentWorld {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &FONTS.book
    }

    fn main(&self) -> FileId {
        self.main.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        [&self.main, &self.layout]
            .into_iter()
            .find(|source| source.id() == id)
            .cloned()
            .ok_or(FileError::AccessDenied)
    }

    fn file(&self, _id: FileId) -> FileResult<Bytes> {
        Err(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        FONTS.fonts.get(index).cloned()
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}
