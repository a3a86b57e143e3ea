//! VisioPlainte.
