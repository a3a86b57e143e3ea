//! The demonstration's data: fictional units of two departments.
