//! Documents rendered, read back and verified by programs that are not ours:
//! poppler (pdftotext, pdfinfo, pdfsig), qpdf and openssl. A missing program fails the
//! test with its name; nothing is skipped.
#![allow(clippy::unwrap_used)]

mod rendering;
mod samples;
mod signature;
mod tools;
