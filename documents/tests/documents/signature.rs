//! Signature tests.
