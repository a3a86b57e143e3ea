//! Signaling and SFU.
