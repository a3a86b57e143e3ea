//! The PDF side of a signature: its field, its dictionary, its place. Knows no cryptography
//! but the digest.
//!
//! Two revisions are appended: the field with its structure element first, then the
//! signature dictionary that the field points to. Adding the field later, to a signed
//! file, would rewrite the structure tree under the first signature.

use chrono::{DateTime, FixedOffset};
use lopdf::{
    Dictionary, Document, IncrementalDocument, Object, ObjectId, StringFormat, dictionary,
};
use ring::digest::{Context, SHA256, digest as digest_of};

use super::{RESERVED_BYTES, SignatureError, SignatureRequest};

/// Name of the one field that these documents have.
const FIELD_NAME: &str = "officer";
/// Fields looked at in a form; ours has one.
const MOST_FIELDS: usize = 64;
/// Where a byte range not yet known is written: as wide as any real one.
const UNKNOWN_OFFSET: i64 = 9_999_999_999;
const UNKNOWN_BYTE_RANGE: &[u8] = b"[0 9999999999 9999999999 9999999999]";

/// An appended revision of a file.
struct Revision {
    document: IncrementalDocument,
    length_before: usize,
}

impl Revision {
    fn of(pdf: &[u8]) -> Result<Self, SignatureError> {
        let previous =
            Document::load_mem(pdf).map_err(|_| SignatureError::Document("it is not a PDF"))?;
        Ok(Self {
            document: IncrementalDocument::create_from(pdf.to_vec(), previous),
            length_before: pdf.len(),
        })
    }

    fn previous(&self) -> &Document {
        self.document.get_prev_documents()
    }

    fn catalog_id(&self) -> Result<ObjectId, SignatureError> {
        reference(&self.previous().trailer, b"Root")
    }

    /// The dictionary of an object, copied into the revision so that it may be changed.
    fn changed(&mut self, id: ObjectId) -> Result<&mut Dictionary, SignatureError> {
        self.document
            .opt_clone_object_to_new_document(id)
            .map_err(|_| damaged())?;
        self.document
            .new_document
            .get_dictionary_mut(id)
            .map_err(|_| damaged())
    }

    fn add(&mut self, object: impl Into<Object>) -> ObjectId {
        self.document.new_document.add_object(object)
    }

    /// The file with this revision. The second half of the file identifier changes with
    /// each revision (ISO 32000-1, 14.4), derived from what precedes so that it is stable.
    fn written(mut self) -> Result<Vec<u8>, SignatureError> {
        let before = digest_of(&SHA256, self.document.get_prev_documents_bytes());
        let trailer = &mut self.document.new_document.trailer;
        if let Ok(identifier) = trailer.get_mut(b"ID").and_then(Object::as_array_mut)
            && let Some(second) = identifier.get_mut(1)
        {
            *second = Object::String(before.as_ref()[..16].to_vec(), StringFormat::Hexadecimal);
        }
        let mut bytes = Vec::with_capacity(self.length_before + 2 * RESERVED_BYTES + 4096);
        self.document
            .save_to(&mut bytes)
            .map_err(|_| SignatureError::Writing)?;
        Ok(bytes)
    }
}

/// Adds the officer's signature field on the last page: invisible, without area, named for
/// assistive technology and part of the structure tree. A file that has it is unchanged.
pub(super) fn with_signature_field(pdf: &[u8]) -> Result<Vec<u8>, SignatureError> {
    let mut revision = Revision::of(pdf)?;
    match signature_fields(revision.previous()).as_slice() {
        [] => {}
        [field] if field.signature.is_none() => return Ok(pdf.to_vec()),
        _ => return Err(SignatureError::AlreadySigned),
    }
    let previous = revision.previous();
    let catalog_id = revision.catalog_id()?;
    let catalog = previous.get_dictionary(catalog_id).map_err(|_| damaged())?;
    if catalog.has(b"AcroForm") {
        return Err(SignatureError::Document("it has a form of its own"));
    }
    let root_id = reference(catalog, b"StructTreeRoot")?;
    let root = previous.get_dictionary(root_id).map_err(|_| damaged())?;
    let top_id = top_element(previous, root)?;
    let page_id = previous.page_iter().last().ok_or_else(damaged)?;
    let key = next_parent_key(previous, root)?;

    let field_id = revision.add(dictionary! {
        "Type" => "Annot", "Subtype" => "Widget", "FT" => "Sig",
        "T" => text(FIELD_NAME),
        "TU" => text("Signature électronique de l’agent"),
        "Rect" => vec![0.into(), 0.into(), 0.into(), 0.into()],
        // Printed and locked: PDF/A allows no hidden annotation.
        "F" => 132,
        "P" => page_id,
        "StructParent" => key,
    });
    let element_id = revision.add(dictionary! {
        "Type" => "StructElem", "S" => "Form", "P" => top_id, "Pg" => page_id,
        "Alt" => text("Signature électronique de l’agent"),
        "K" => dictionary! { "Type" => "OBJR", "Obj" => field_id, "Pg" => page_id },
    });
    let form_id = revision.add(dictionary! { "Fields" => vec![field_id.into()], "SigFlags" => 3 });

    revision.changed(catalog_id)?.set("AcroForm", form_id);
    append(&mut revision, page_id, b"Annots", &[field_id.into()])?;
    revision.changed(page_id)?.set("Tabs", "S");
    append(&mut revision, top_id, b"K", &[element_id.into()])?;
    add_to_parent_tree(&mut revision, root_id, &[key.into(), element_id.into()])?;
    revision.changed(root_id)?.set("ParentTreeNextKey", key + 1);
    revision.written()
}

/// Points the field to a signature dictionary whose contents are zeros, and says where the
/// two signed parts are.
pub(super) fn with_empty_signature(
    pdf: &[u8],
    request: &SignatureRequest,
) -> Result<(Vec<u8>, [usize; 4]), SignatureError> {
    let mut revision = Revision::of(pdf)?;
    let field_id = signature_fields(revision.previous())
        .first()
        .and_then(|field| field.id)
        .ok_or_else(damaged)?;
    let signature_id = revision.add(dictionary! {
        "Type" => "Sig", "Filter" => "Adobe.PPKLite", "SubFilter" => "ETSI.CAdES.detached",
        "M" => Object::string_literal(pdf_date(request.signed_at)),
        "Name" => text(&request.name),
        "Reason" => text(&request.reason),
        "Location" => text(&request.location),
        "ByteRange" => vec![0.into(), UNKNOWN_OFFSET.into(), UNKNOWN_OFFSET.into(), UNKNOWN_OFFSET.into()],
        "Contents" => Object::String(vec![0; RESERVED_BYTES], StringFormat::Hexadecimal),
    });
    revision.changed(field_id)?.set("V", signature_id);
    let length_before = revision.length_before;
    let mut bytes = revision.written()?;

    // People's words are in this dictionary too, but spelled so that neither pattern can occur.
    let zeros = [&b"<"[..], &vec![b'0'; 2 * RESERVED_BYTES], b">"].concat();
    let contents = find(&bytes, length_before, &zeros).ok_or(SignatureError::Writing)?;
    let after = contents + zeros.len();
    let byte_range = [0, contents, after, bytes.len() - after];
    let place = find_last(&bytes[..contents], UNKNOWN_BYTE_RANGE).ok_or(SignatureError::Writing)?;
    let written = format!("[0 {} {} {}]", byte_range[1], byte_range[2], byte_range[3]);
    let padded = format!("{written:<width$}", width = UNKNOWN_BYTE_RANGE.len());
    bytes[place..place + padded.len()].copy_from_slice(padded.as_bytes());
    Ok((bytes, byte_range))
}

/// SHA-256 of the two signed parts; nothing if they are not inside the file.
pub(super) fn digest(
    pdf: &[u8],
    [start, length, second, second_length]: [usize; 4],
) -> Option<Vec<u8>> {
    let mut context = Context::new(&SHA256);
    context.update(pdf.get(start..start.checked_add(length)?)?);
    context.update(pdf.get(second..second.checked_add(second_length)?)?);
    Some(context.finish().as_ref().to_vec())
}

/// The file with the signature in its place.
pub(super) fn with_contents(pdf: &[u8], byte_range: [usize; 4], der: &[u8]) -> Option<Vec<u8>> {
    let place = byte_range[1].checked_add(1)?..byte_range[2].checked_sub(1)?;
    let digits = hexadecimal(der);
    let room = pdf.get(place.clone())?;
    if digits.len() > room.len() || room.iter().any(|&byte| byte != b'0') {
        return None;
    }
    let mut signed = pdf.to_vec();
    signed[place.start..place.start + digits.len()].copy_from_slice(&digits);
    Some(signed)
}

/// A signature field found in a file.
pub(super) struct SignatureField {
    /// Its object, when it is one.
    id: Option<ObjectId>,
    /// The signature dictionary, if the field is signed.
    pub(super) signature: Option<Dictionary>,
}

/// Every signature field of the form.
pub(super) fn signature_fields(document: &Document) -> Vec<SignatureField> {
    let fields = document
        .catalog()
        .and_then(|catalog| document.get_dict_in_dict(catalog, b"AcroForm"))
        .and_then(|form| form.get(b"Fields"))
        .and_then(|fields| document.dereference(fields))
        .and_then(|(_, fields)| fields.as_array());
    let Ok(fields) = fields else {
        return Vec::new();
    };
    let mut found = Vec::new();
    // Fields may be nested; the bound keeps a circular file from turning for ever.
    let mut waiting: Vec<&Object> = fields.iter().take(MOST_FIELDS).collect();
    let mut seen = 0;
    while let Some(object) = waiting.pop()
        && seen < MOST_FIELDS
    {
        seen += 1;
        let Ok((id, Object::Dictionary(field))) = document.dereference(object) else {
            continue;
        };
        if let Ok(kids) = field.get(b"Kids").and_then(Object::as_array) {
            waiting.extend(kids.iter().take(MOST_FIELDS));
        }
        if field
            .get(b"FT")
            .and_then(Object::as_name)
            .is_ok_and(|kind| kind == b"Sig")
        {
            let signature = document.get_dict_in_dict(field, b"V").ok().cloned();
            found.push(SignatureField { id, signature });
        }
    }
    found
}

/// Text in UTF-16 and always in hexadecimal, so that no words of a person can look like
/// the places that are patched.
fn text(words: &str) -> Object {
    let utf16 = std::iter::once(0xFEFF).chain(words.encode_utf16());
    Object::String(
        utf16.flat_map(u16::to_be_bytes).collect(),
        StringFormat::Hexadecimal,
    )
}

pub(super) fn hexadecimal(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    bytes
        .iter()
        .flat_map(|byte| {
            [
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 15)],
            ]
        })
        .collect()
}

/// `D:20261122145800+01'00'` (ISO 32000-1, 7.9.4).
fn pdf_date(moment: DateTime<FixedOffset>) -> String {
    let minutes = moment.offset().local_minus_utc() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    format!(
        "D:{}{sign}{:02}'{:02}'",
        moment.format("%Y%m%d%H%M%S"),
        minutes.abs() / 60,
        minutes.abs() % 60
    )
}

/// The time of a PDF date, if it is written as [`pdf_date`] writes it.
pub(super) fn date_of(text: &[u8]) -> Option<DateTime<FixedOffset>> {
    let text = std::str::from_utf8(text)
        .ok()?
        .strip_prefix("D:")?
        .replace('\'', "");
    DateTime::parse_from_str(&text, "%Y%m%d%H%M%S%z").ok()
}

/// The element under which everything stands in the structure tree.
fn top_element(document: &Document, root: &Dictionary) -> Result<ObjectId, SignatureError> {
    let kids = root.get(b"K").map_err(|_| damaged())?;
    let (id, kids) = document.dereference(kids).map_err(|_| damaged())?;
    match (id, kids) {
        (Some(id), Object::Dictionary(_)) => Ok(id),
        (_, Object::Array(kids)) => kids
            .first()
            .and_then(|kid| kid.as_reference().ok())
            .ok_or_else(damaged),
        _ => Err(damaged()),
    }
}

/// The next free key of the parent tree, which has to be a flat list as ours is.
fn next_parent_key(document: &Document, root: &Dictionary) -> Result<i64, SignatureError> {
    let numbers = document
        .get_dict_in_dict(root, b"ParentTree")
        .and_then(|tree| tree.get(b"Nums"))
        .and_then(|numbers| document.dereference(numbers))
        .and_then(|(_, numbers)| numbers.as_array())
        .map_err(|_| damaged())?;
    let highest = numbers
        .iter()
        .step_by(2)
        .filter_map(|key| key.as_i64().ok())
        .max()
        .unwrap_or(-1);
    let declared = root
        .get(b"ParentTreeNextKey")
        .and_then(Object::as_i64)
        .unwrap_or(0);
    // Keys are 32-bit integers; the bound leaves room for the next one.
    Some(declared.max(highest.saturating_add(1)))
        .filter(|key| (0..i64::from(i32::MAX)).contains(key))
        .ok_or_else(damaged)
}

/// The parent tree is an object of its own or stands inside the root of the structure.
fn add_to_parent_tree(
    revision: &mut Revision,
    root_id: ObjectId,
    items: &[Object],
) -> Result<(), SignatureError> {
    let tree = revision
        .changed(root_id)?
        .get(b"ParentTree")
        .map_err(|_| damaged())?
        .clone();
    match tree {
        Object::Reference(tree_id) => append(revision, tree_id, b"Nums", items),
        Object::Dictionary(mut tree) => {
            let numbers = tree
                .get_mut(b"Nums")
                .and_then(Object::as_array_mut)
                .map_err(|_| damaged())?;
            numbers.extend_from_slice(items);
            revision.changed(root_id)?.set("ParentTree", tree);
            Ok(())
        }
        _ => Err(damaged()),
    }
}

/// Adds items to the array that a dictionary holds, directly or by reference, or has alone.
fn append(
    revision: &mut Revision,
    id: ObjectId,
    key: &[u8],
    items: &[Object],
) -> Result<(), SignatureError> {
    let entry = revision.changed(id)?.get(key).ok().cloned();
    match entry {
        Some(Object::Reference(array_id))
            if revision
                .previous()
                .get_object(array_id)
                .is_ok_and(|o| o.as_array().is_ok()) =>
        {
            revision
                .document
                .opt_clone_object_to_new_document(array_id)
                .map_err(|_| damaged())?;
            let array = revision
                .document
                .new_document
                .get_object_mut(array_id)
                .and_then(Object::as_array_mut);
            array.map_err(|_| damaged())?.extend_from_slice(items);
        }
        Some(Object::Array(mut array)) => {
            array.extend_from_slice(items);
            revision.changed(id)?.set(key, array);
        }
        Some(single) => {
            let array: Vec<Object> = std::iter::once(single)
                .chain(items.iter().cloned())
                .collect();
            revision.changed(id)?.set(key, array);
        }
        None => revision.changed(id)?.set(key, items.to_vec()),
    }
    Ok(())
}

fn reference(dictionary: &Dictionary, key: &[u8]) -> Result<ObjectId, SignatureError> {
    dictionary
        .get(key)
        .and_then(Object::as_reference)
        .map_err(|_| damaged())
}

fn damaged() -> SignatureError {
    SignatureError::Document("it is not a tagged document of this crate")
}

fn find(haystack: &[u8], from: usize, needle: &[u8]) -> Option<usize> {
    haystack
        .get(from..)?
        .windows(needle.len())
        .position(|window| window == needle)
        .map(|at| from + at)
}

fn find_last(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .rposition(|window| window == needle)
}
