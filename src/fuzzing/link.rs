//! Secrets of meeting links: only what was derived here opens anything, whole and
//! unchanged.

use std::sync::LazyLock;

use crate::booking::meeting_link::{parse_secret, secret};
use crate::keys::Keys;

static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::from_master(&[7; 32]));

pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // Nobody guesses a tag of 128 bits: what is read as a secret was written as one.
    if let Some((id, generation)) = parse_secret(&KEYS, &text) {
        assert_eq!(secret(&KEYS, id.as_str(), generation), text);
    }
    let Some((&[at, flip, generation], id)) = data.split_first_chunk::<3>() else {
        return;
    };
    // Ids are hexadecimal digits; whatever they were, one changed byte opens nothing.
    let id = crate::keys::sha256_hex(id);
    let issued = secret(&KEYS, &id[..32], i64::from(generation));
    let (read, of) = parse_secret(&KEYS, &issued).expect("a secret of ours is read");
    assert_eq!((read.as_str(), of), (&id[..32], i64::from(generation)));
    let mut changed = issued.clone().into_bytes();
    let at = usize::from(at) % changed.len();
    changed[at] ^= flip;
    let changed = String::from_utf8_lossy(&changed);
    assert_eq!(parse_secret(&KEYS, &changed).is_some(), changed == issued);
}
