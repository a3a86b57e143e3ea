//! Documents in the object store, sealed with their case's key: without that
//! key the store holds noise.

use object_store::ObjectStore;
use object_store::path::Path;

use crate::app::App;
use crate::db::Id;
use crate::error::Fault;
use crate::keys::{SealingKey, sha256_hex};

/// Seals bytes and puts them in the store; gives path and hash of the plain bytes.
///
/// # Errors
/// When the store fails.
pub async fn put(
    app: &App,
    key: &SealingKey,
    case_id: &Id,
    bytes: &[u8],
) -> Result<(String, String), Fault> {
    let sha256 = sha256_hex(bytes);
    // A name of its own for every attempt: a crash leaves an orphan, never a
    // half-written document under a name that is in use.
    let path = format!("{case_id}/{}", Id::random());
    let sealed = key.seal(&format!("object/{path}"), bytes);
    app.store
        .put(&Path::from(path.as_str()), sealed.into())
        .await
        .map_err(Fault::other)?;
    Ok((path, sha256))
}

/// Reads and opens what was put, and checks its hash.
///
/// # Errors
/// When the store fails, or the object is not what was put there.
pub async fn get(app: &App, key: &SealingKey, path: &str, sha256: &str) -> Result<Vec<u8>, Fault> {
    let sealed = app
        .store
        .get(&Path::from(path))
        .await
        .map_err(Fault::other)?
        .bytes()
        .await
        .map_err(Fault::other)?;
    let plain = key.open(&format!("object/{path}"), &sealed)?;
    if sha256_hex(&plain) != sha256 {
        return Err(Fault::other(format!(
            "object {path} is not the one that was put"
        )));
    }
    Ok(plain)
}
