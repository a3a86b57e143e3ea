//! Documents of a complaint: record data in, PDF/A out, and their signature.
//!
//! - [`ProcesVerbal`], [`Recepisse`], [`AgreementProof`] and [`RightsDocument`] are plain
//!   data; `render_*` typesets each to PDF/A-2a and PDF/UA-1, byte for byte the same for
//!   the same input.
//! - [`signature`] appends an electronic signature to such a file in two phases and
//!   verifies it.
//! - [`LegalTexts`] holds articles and wordings as dated data, because the code of
//!   criminal procedure is being renumbered.
//!
//! The crate knows no HTTP, no SQL, no clock and no randomness: instants, keys and
//! numbers are arguments. It decides nothing about a case; it prints what it is told.

mod agreement_proof;
mod fonts;
mod french;
mod legal;
mod people;
mod proces_verbal;
mod recepisse;
mod rights_document;
pub mod signature;
mod text;
mod typesetting;

pub use agreement_proof::{AgreementProof, render_agreement_proof};
pub use legal::{Help, LegalReference, LegalTexts, Prescription, Right};
pub use people::{
    Birthdate, BirthdateError, Complainant, Gender, Officer, OfficerIdentity, OfficerQuality, Unit,
    UnitKind,
};
pub use proces_verbal::{
    ChangeRequest, Check, Consent, Entry, Incident, ProcesVerbal, RightTold, render_proces_verbal,
};
pub use recepisse::{Recepisse, render_recepisse};
pub use rights_document::{RightsDocument, render_rights_document};
pub use text::unsupported_characters;
pub use typesetting::RenderError;
