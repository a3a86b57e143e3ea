//! What anyone may read: home, help, rights, the pages the law asks for, and
//! the switch of language. Nothing here needs an account and nothing is stored.
//! The texts of law live in dated data ([`legal`], [`rights`]); other slices
//! ask them which version is in force.

mod help;
pub mod legal;
mod pages;
pub mod rights;
pub mod search;
#[cfg(test)]
mod tests;

use crate::routes::Routes;

/// The slice's routes.
pub fn router() -> Routes {
    pages::router()
}
