//! A signed document is valid to poppler, qpdf and ourselves, and no byte of it may change.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use documents::signature::*;
use documents::{OfficerIdentity, render_agreement_proof, render_proces_verbal};

use crate::samples;
use crate::tools::{TemporaryFile, assert_well_formed, info_of, run, text_of};

const SECRET: [u8; 32] = [7; 32];

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn validity() -> Validity {
    Validity {
        not_before: utc("2026-01-01T00:00:00Z"),
        not_after: utc("2030-01-01T00:00:00Z"),
    }
}

fn now() -> DateTime<Utc> {
    samples::at("14:58:30").with_timezone(&Utc)
}

fn authority() -> SoftwareAuthority {
    SoftwareAuthority::from_secret(&SECRET, "VisioPlainte, démonstration", validity()).unwrap()
}

fn subject() -> CertificateSubject {
    CertificateSubject {
        identity: OfficerIdentity::AdministrativeNumber("1234567".into()),
        organization: "Police nationale (démonstration)".into(),
        unit: "Commissariat de police de Brest".into(),
    }
}

fn key() -> SoftwareKey {
    authority().issue(&subject(), validity()).unwrap()
}

fn roots() -> Vec<Vec<u8>> {
    vec![authority().certificate_der().unwrap()]
}

fn request(key: &SoftwareKey) -> SignatureRequest {
    SignatureRequest {
        reason: "Signature du procès-verbal par l’agent".into(),
        location: "Commissariat de police de Brest".into(),
        name: "RIO 1234567".into(),
        signed_at: samples::at("14:58:00"),
        certificate_chain_der: key.certificate_chain_der().unwrap(),
    }
}

/// The document before it is signed, prepared, and signed.
static SIGNED: LazyLock<(Vec<u8>, Prepared, Vec<u8>)> = LazyLock::new(|| {
    let pdf = render_agreement_proof(&samples::agreement_proof()).unwrap();
    let key = key();
    let prepared = prepare(&pdf, &request(&key)).unwrap();
    let signed = complete(&prepared, &key.sign(&prepared.signed_attributes_der), None).unwrap();
    (pdf, prepared, signed)
});

fn verified(pdf: &[u8]) -> Result<Verified, InvalidSignature> {
    verify(pdf, &roots(), now())
}

fn pdfsig(pdf: &[u8]) -> String {
    let file = TemporaryFile::new(pdf, "pdf");
    run("pdfsig", &["-nocert", file.path()]).text
}

#[test]
fn a_signed_document_is_valid_to_us_and_to_others() {
    let (pdf, _, signed) = &*SIGNED;
    assert!(signed.starts_with(pdf), "signing only appends");
    let verified = verified(signed).unwrap();
    assert!(
        verified.subject.contains("CN=RIO 1234567"),
        "{}",
        verified.subject
    );
    assert_eq!(verified.declared_at, Some(samples::at("14:58:00")));
    assert_eq!(verified.name.as_deref(), Some("RIO 1234567"));
    assert_eq!(
        verified.reason.as_deref(),
        Some("Signature du procès-verbal par l’agent")
    );
    assert_eq!(
        verified.location.as_deref(),
        Some("Commissariat de police de Brest")
    );
    assert_eq!(verified.timestamp, None);

    let report = pdfsig(signed);
    for expected in [
        "Signature is Valid",
        "Total document signed",
        "ETSI.CAdES.detached",
        "SHA-256",
        "RIO 1234567",
    ] {
        assert!(report.contains(expected), "{expected:?} is not in {report}");
    }
    assert_well_formed(signed);
    assert!(info_of(signed, "-isodates").contains("Tagged:          yes"));
    assert!(info_of(signed, "-meta").contains("<pdfaid:part>2</pdfaid:part>"));
    assert_eq!(text_of(signed), text_of(pdf), "signing changes no word");
    let structure = info_of(signed, "-struct");
    assert!(
        structure.contains("Form"),
        "the field is in the structure tree: {structure}"
    );
    samples::keep("signed", signed);
}

#[test]
fn an_officer_named_in_the_certificate_signs_a_proces_verbal() {
    let subject = CertificateSubject {
        identity: OfficerIdentity::Name("Maël Le Goff, CN=Autre".into()),
        ..subject()
    };
    let key = authority().issue(&subject, validity()).unwrap();
    let pdf = render_proces_verbal(&samples::proces_verbal()).unwrap();
    let prepared = prepare(&pdf, &request(&key)).unwrap();
    let signed = complete(&prepared, &key.sign(&prepared.signed_attributes_der), None).unwrap();
    let verified = verified(&signed).unwrap();
    assert!(
        verified.subject.contains("Maël Le Goff\\, CN=Autre"),
        "{}",
        verified.subject
    );
    assert!(pdfsig(&signed).contains("Signature is Valid"));
}

#[test]
fn signing_is_stable_and_its_middle_can_be_stored() {
    let (pdf, prepared, signed) = &*SIGNED;
    let key = key();
    let again = prepare(pdf, &request(&key)).unwrap();
    assert!(
        again == *prepared,
        "the same request prepares the same bytes"
    );
    let stored = serde_json::to_string(&again).unwrap();
    let restored: Prepared = serde_json::from_str(&stored).unwrap();
    let whole = complete(&restored, &key.sign_cms(&restored).unwrap(), None).unwrap();
    assert!(
        whole == *signed,
        "a bare signature and a whole message give the same file"
    );
}

#[test]
fn no_byte_of_a_signed_document_may_change() {
    let (_, prepared, signed) = &*SIGNED;
    let [_, gap_start, gap_end, _] = prepared.byte_range;
    // Every third digit of the signature message, where a forger would work (so that both
    // halves of bytes have their turn); elsewhere a sample.
    let message_end = gap_start
        + 1
        + signed[gap_start + 1..gap_end - 1]
            .iter()
            .rposition(|&byte| byte != b'0')
            .unwrap();
    let positions = (gap_start..=message_end + 2)
        .step_by(3)
        .chain((0..signed.len()).step_by(499))
        .chain(gap_end - 2..gap_end + 2)
        .chain(signed.len() - 40..signed.len());
    for position in positions {
        let mut forged = signed.clone();
        forged[position] ^= 0x01;
        assert!(
            verified(&forged).is_err(),
            "byte {position} of {} changed unnoticed",
            signed.len()
        );
    }
    let mut forged = signed.clone();
    forged[2000] ^= 0x01;
    let report = pdfsig(&forged);
    assert!(!report.contains("Signature is Valid"), "{report}");
}

#[test]
fn nothing_may_be_added_or_taken_away() {
    let (pdf, prepared, signed) = &*SIGNED;
    assert_eq!(verified(pdf), Err(InvalidSignature::NotSigned));
    assert_eq!(
        verified(&prepared.pdf),
        Err(InvalidSignature::Message),
        "zeros are no signature"
    );
    assert_eq!(
        verified(&[signed.as_slice(), b"\n% more\n"].concat()),
        Err(InvalidSignature::ByteRange)
    );
    assert!(verified(&signed[..signed.len() - 3]).is_err());
    assert_eq!(verified(b"not a pdf"), Err(InvalidSignature::NotAPdf));
    assert_eq!(verified(b""), Err(InvalidSignature::NotAPdf));
    for end in (0..signed.len()).step_by(997) {
        assert!(verified(&signed[..end]).is_err(), "cut at {end}");
    }

    let mut padded = signed.clone();
    padded[prepared.byte_range[2] - 3] = b'1';
    assert_eq!(verified(&padded), Err(InvalidSignature::Padding));

    // An update appended after the signature, as a forger would hide a page.
    let document = lopdf::Document::load_mem(signed).unwrap();
    let mut update = lopdf::IncrementalDocument::create_from(signed.clone(), document);
    update.new_document.add_object(lopdf::Object::Null);
    let mut updated = Vec::new();
    update.save_to(&mut updated).unwrap();
    assert_eq!(verified(&updated), Err(InvalidSignature::ByteRange));
}

#[test]
fn only_the_prepared_document_and_its_certificate_complete() {
    let (_, prepared, _) = &*SIGNED;
    let key = key();
    let other_subject = CertificateSubject {
        unit: "Ailleurs".into(),
        ..subject()
    };
    let other = authority().issue(&other_subject, validity()).unwrap();
    let refused = |signature: &ProvidedSignature| complete(prepared, signature, None).unwrap_err();

    assert!(matches!(
        refused(&other.sign(&prepared.signed_attributes_der)),
        SignatureError::Signature(InvalidSignature::Signature)
    ));
    assert!(matches!(
        refused(&key.sign(b"something else")),
        SignatureError::Signature(InvalidSignature::Signature)
    ));
    assert!(matches!(
        refused(&ProvidedSignature::Bare(vec![])),
        SignatureError::Signature(_)
    ));
    assert!(matches!(
        refused(&ProvidedSignature::Cms(b"junk".to_vec())),
        SignatureError::Signature(InvalidSignature::Message)
    ));
    assert!(matches!(
        refused(&ProvidedSignature::Cms(vec![0x30; 40_000])),
        SignatureError::Signature(InvalidSignature::Message)
    ));

    // A valid message of another document, and of the same document by another signer.
    let pdf = render_proces_verbal(&samples::proces_verbal()).unwrap();
    let another = prepare(&pdf, &request(&key)).unwrap();
    assert!(matches!(
        refused(&key.sign_cms(&another).unwrap()),
        SignatureError::Signature(InvalidSignature::Digest)
    ));
    let by_other = Prepared {
        certificate_chain_der: other.certificate_chain_der().unwrap(),
        signed_attributes_der: prepare(&SIGNED.0, &request(&other))
            .unwrap()
            .signed_attributes_der,
        ..prepared.clone()
    };
    assert!(matches!(
        refused(&other.sign_cms(&by_other).unwrap()),
        SignatureError::Signature(_)
    ));

    let mut changed = prepared.clone();
    changed.pdf[1000] ^= 1;
    let signature = key.sign(&changed.signed_attributes_der);
    assert!(matches!(
        complete(&changed, &signature, None),
        Err(SignatureError::Document(_))
    ));
    for byte_range in [
        [0, 1, usize::MAX, 1],
        [usize::MAX, usize::MAX, 0, 0],
        [0, 5, 2, 1],
    ] {
        let changed = Prepared {
            byte_range,
            ..prepared.clone()
        };
        assert!(complete(&changed, &signature, None).is_err());
    }
}

#[test]
fn only_trusted_certificates_of_the_time_are_accepted() {
    let (_, _, signed) = &*SIGNED;
    let stranger =
        SoftwareAuthority::from_secret(&[8; 32], "VisioPlainte, démonstration", validity())
            .unwrap();
    for (roots, at, result) in [
        (vec![], now(), Err(InvalidSignature::Untrusted)),
        (
            vec![stranger.certificate_der().unwrap()],
            now(),
            Err(InvalidSignature::Untrusted),
        ),
        (
            vec![b"junk".to_vec()],
            now(),
            Err(InvalidSignature::Untrusted),
        ),
        (
            roots(),
            utc("2025-12-31T23:59:59Z"),
            Err(InvalidSignature::Untrusted),
        ),
        (
            roots(),
            utc("2030-01-01T00:00:01Z"),
            Err(InvalidSignature::Untrusted),
        ),
        (
            roots(),
            utc("1960-01-01T00:00:00Z"),
            Err(InvalidSignature::Untrusted),
        ),
        (roots(), utc("2029-12-31T23:59:59Z"), Ok(())),
    ] {
        assert_eq!(verify(signed, &roots, at).map(|_| ()), result, "{at}");
    }
}

#[test]
fn unusable_certificates_and_files_are_refused_before_signing() {
    let (pdf, _, signed) = &*SIGNED;
    let good = request(&key());
    let refused = |pdf: &[u8], change: &dyn Fn(&mut SignatureRequest)| {
        let mut request = good.clone();
        change(&mut request);
        prepare(pdf, &request).unwrap_err()
    };
    assert!(matches!(
        refused(pdf, &|r| r.certificate_chain_der.clear()),
        SignatureError::Certificate(_)
    ));
    assert!(matches!(
        refused(pdf, &|r| r.certificate_chain_der[0] = vec![1, 2, 3]),
        SignatureError::Certificate(_)
    ));
    assert!(
        matches!(
            refused(pdf, &|r| r.certificate_chain_der.reverse()),
            SignatureError::Certificate(_)
        ),
        "an authority signs no document"
    );
    assert!(matches!(
        refused(pdf, &|r| r.signed_at -= chrono::TimeDelta::days(400)),
        SignatureError::Certificate(_)
    ));
    assert!(matches!(
        refused(signed, &|_| ()),
        SignatureError::AlreadySigned
    ));
    for junk in [&b""[..], b"%PDF-1.7", b"hello", &pdf[..pdf.len() / 2]] {
        assert!(matches!(
            refused(junk, &|_| ()),
            SignatureError::Document(_)
        ));
    }
}

#[test]
fn hostile_words_in_the_request_stay_words() {
    let (pdf, ..) = &*SIGNED;
    let key = key();
    for words in [
        ") /ByteRange [0 1 2 3] /Contents <00> (",
        "/Contents<0000000000000000> [0 9999999999 9999999999 9999999999]",
        "\\) >> endobj \r\n startxref 0 %%EOF",
        "[0 9999999999 9999999999 9999999999] 😀 é",
        &format!("<{}>", "0".repeat(2 * 16 * 1024)),
        "",
    ] {
        let request = SignatureRequest {
            reason: words.into(),
            name: words.into(),
            location: words.into(),
            ..request(&key)
        };
        let prepared = prepare(pdf, &request).unwrap();
        let signed = complete(&prepared, &key.sign(&prepared.signed_attributes_der), None).unwrap();
        let verified = verified(&signed).unwrap();
        assert_eq!(verified.reason.as_deref(), Some(words));
        assert_well_formed(&signed);
        assert!(pdfsig(&signed).contains("Total document signed"), "{words}");
    }
}

#[test]
fn keys_are_found_again_from_their_secret_or_their_pem() {
    let first = key().certificate_chain_der().unwrap();
    assert_eq!(first, key().certificate_chain_der().unwrap());
    let pem = key().to_pem().unwrap();
    let restored = SoftwareKey::from_pem(&pem).unwrap();
    assert_eq!(restored.certificate_chain_der().unwrap(), first);
    assert_eq!(restored.sign(b"x"), key().sign(b"x"));
    let other = SoftwareAuthority::from_secret(&[9; 32], "A", validity())
        .unwrap()
        .issue(&subject(), validity())
        .unwrap();
    let swapped = other.to_pem().unwrap().replace(
        pem_certificates(&other.to_pem().unwrap()),
        pem_certificates(&pem),
    );
    for wrong in [
        "",
        "junk",
        pem_certificates(&pem),
        &pem[..pem.find("-----BEGIN CERT").unwrap()],
        &swapped,
    ] {
        assert!(SoftwareKey::from_pem(wrong).is_err());
    }
}

fn pem_certificates(pem: &str) -> &str {
    &pem[pem.find("-----BEGIN CERT").unwrap()..]
}

#[test]
fn openssl_reads_the_certificates_and_the_chain() {
    // The PEM holds the signer first, then the root.
    let pem = key().to_pem().unwrap();
    let (signer, root) =
        pem_certificates(&pem).split_at(pem_certificates(&pem).rfind("-----BEGIN").unwrap());
    let root = TemporaryFile::new(root.as_bytes(), "pem");
    let signer = TemporaryFile::new(signer.as_bytes(), "pem");
    let shown = run(
        "openssl",
        &["x509", "-in", signer.path(), "-noout", "-text"],
    )
    .text;
    for expected in [
        "CN = RIO 1234567",
        "serialNumber = 1234567",
        "Digital Signature, Non Repudiation",
        "CA:FALSE",
        "prime256v1",
    ] {
        assert!(shown.contains(expected), "{expected:?} is not in {shown}");
    }
    let at = now().timestamp().to_string();
    let verified = run(
        "openssl",
        &[
            "verify",
            "-attime",
            &at,
            "-CAfile",
            root.path(),
            signer.path(),
        ],
    );
    assert!(verified.success, "{}", verified.text);
}

/// A time-stamp authority in the hands of openssl, as an independent peer.
struct Authority {
    directory: std::path::PathBuf,
}

impl Authority {
    fn new(name: &str) -> Self {
        let directory =
            std::env::temp_dir().join(format!("documents-tsa-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(
            directory.join("tsa.cnf"),
            "[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n[dn]\nCN=Horodatage de test\n\
             [ext]\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n\
             [ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n\
             [tsa]\ndefault_tsa=t\n[t]\nserial=serial\nsigner_cert=tsa.pem\nsigner_key=tsa.key\nsigner_digest=sha256\n\
             default_policy=1.2.3.4.1\ndigests=sha256,sha512\naccuracy=secs:1\nordering=yes\ntsa_name=yes\ness_cert_id_chain=no\ness_cert_id_alg=sha256\ncerts=ca.pem\n",
        )
        .unwrap();
        std::fs::write(directory.join("serial"), "01\n").unwrap();
        let authority = Self { directory };
        authority.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-days",
            "30",
            "-config",
            "tsa.cnf",
            "-extensions",
            "ca",
            "-subj",
            "/CN=Racine de test",
        ]);
        authority.openssl(&[
            "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr",
            "-config", "tsa.cnf",
        ]);
        authority.openssl(&[
            "x509",
            "-req",
            "-in",
            "tsa.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-out",
            "tsa.pem",
            "-days",
            "20",
            "-extfile",
            "tsa.cnf",
            "-extensions",
            "ext",
        ]);
        authority.openssl(&["x509", "-in", "ca.pem", "-outform", "DER", "-out", "ca.der"]);
        authority
    }

    fn openssl(&self, arguments: &[&str]) {
        let output = std::process::Command::new("openssl")
            .args(arguments)
            .current_dir(&self.directory)
            .output()
            .expect("this test needs `openssl`");
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// A card in the hands of openssl: an RSA certificate for a purpose, in DER.
    fn card(&self, purpose: &str) -> Vec<u8> {
        std::fs::write(
            self.directory.join("card.cnf"),
            format!("[card]\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,nonRepudiation\nextendedKeyUsage={purpose}\n"),
        )
        .unwrap();
        self.openssl(&[
            "req",
            "-newkey",
            "rsa:3072",
            "-nodes",
            "-keyout",
            "card.key",
            "-out",
            "card.csr",
            "-config",
            "tsa.cnf",
            "-subj",
            "/CN=Carte 1234567",
        ]);
        self.openssl(&[
            "x509",
            "-req",
            "-in",
            "card.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-outform",
            "DER",
            "-out",
            "card.der",
            "-days",
            "20",
            "-extfile",
            "card.cnf",
            "-extensions",
            "card",
        ]);
        std::fs::read(self.directory.join("card.der")).unwrap()
    }

    /// What the card answers when asked to sign.
    fn card_signs(&self, bytes: &[u8]) -> ProvidedSignature {
        std::fs::write(self.directory.join("to-sign"), bytes).unwrap();
        self.openssl(&[
            "dgst",
            "-sha256",
            "-sign",
            "card.key",
            "-out",
            "signature",
            "to-sign",
        ]);
        ProvidedSignature::Bare(std::fs::read(self.directory.join("signature")).unwrap())
    }

    /// The token over some bytes.
    fn token(&self, bytes: &[u8]) -> Vec<u8> {
        std::fs::write(self.directory.join("data"), bytes).unwrap();
        self.openssl(&[
            "ts", "-query", "-data", "data", "-sha256", "-cert", "-out", "query",
        ]);
        self.openssl(&[
            "ts",
            "-reply",
            "-config",
            "tsa.cnf",
            "-queryfile",
            "query",
            "-token_out",
            "-out",
            "token",
        ]);
        std::fs::read(self.directory.join("token")).unwrap()
    }

    fn root(&self) -> Vec<u8> {
        std::fs::read(self.directory.join("ca.der")).unwrap()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

#[test]
fn a_time_stamp_of_this_signature_is_embedded_and_judged() {
    let (_, prepared, _) = &*SIGNED;
    let authority = Authority::new("good");
    let signature = key().sign(&prepared.signed_attributes_der);
    let token = authority.token(&signature_value(&signature).unwrap());
    let signed = complete(prepared, &signature, Some(&token)).unwrap();
    assert!(pdfsig(&signed).contains("Signature is Valid"));
    assert_well_formed(&signed);

    let timestamp = verified(&signed).unwrap().timestamp.unwrap();
    assert!(
        !timestamp.authority_trusted,
        "an unknown authority is told apart"
    );
    let trusted = [roots(), vec![authority.root()]].concat();
    let timestamp = verify(&signed, &trusted, now()).unwrap().timestamp.unwrap();
    assert!(timestamp.authority_trusted);

    let of_another = authority.token(b"another signature");
    for wrong in [&of_another[..], b"junk", b"", &token[..token.len() - 1]] {
        let error = complete(prepared, &signature, Some(wrong)).unwrap_err();
        assert!(
            matches!(
                error,
                SignatureError::Signature(InvalidSignature::Timestamp)
            ),
            "{error}"
        );
    }
}

#[test]
fn reading_hostile_files_never_panics() {
    let (_, _, signed) = &*SIGNED;
    // A small generator of our own, so that a failure can be repeated.
    let mut state: u32 = 2026;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::try_from(state >> 8).unwrap() % below
    };
    for _ in 0..150 {
        let mut file = signed.clone();
        for _ in 0..8 {
            let at = random(file.len() - 64);
            match random(3) {
                0 => file[at] = u8::try_from(random(256)).unwrap(),
                1 => drop(file.drain(at..at + random(64))),
                _ => file.extend_from_within(at..at + random(64)),
            }
        }
        assert!(verified(&file).is_err());
        let _ = prepare(&file, &request(&key()));
    }
    for bomb in ["[", "<<", "<</A ", "("] {
        let file = format!(
            "%PDF-1.7\n1 0 obj\n{}\nendobj\ntrailer\n<</Root 1 0 R>>\nstartxref\n9\n%%EOF",
            bomb.repeat(50_000)
        );
        assert!(verified(file.as_bytes()).is_err());
    }
    // A form whose field is its own child.
    let circular = String::from_utf8(b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/AcroForm<</Fields[2 0 R 2 0 R]>>>>\nendobj\n2 0 obj\n<</Kids[2 0 R 2 0 R 2 0 R]>>\nendobj\ntrailer\n<</Root 1 0 R/Size 3>>\n%%EOF".to_vec()).unwrap();
    assert!(verified(circular.as_bytes()).is_err());
}

#[test]
fn a_card_with_an_rsa_key_signs_if_its_purpose_allows() {
    let authority = Authority::new("card");
    // openssl certifies from the present moment on.
    let now = Utc::now() + chrono::TimeDelta::minutes(5);
    for (purpose, result) in [
        ("1.3.6.1.5.5.7.3.36", Ok(())),
        ("emailProtection", Ok(())),
        ("serverAuth", Err(InvalidSignature::Untrusted)),
    ] {
        let request = SignatureRequest {
            signed_at: now.fixed_offset(),
            certificate_chain_der: vec![authority.card(purpose), authority.root()],
            ..request(&key())
        };
        let prepared = prepare(&SIGNED.0, &request).unwrap();
        let signature = authority.card_signs(&prepared.signed_attributes_der);
        let signed = complete(&prepared, &signature, None).unwrap();
        assert!(pdfsig(&signed).contains("Signature is Valid"));
        assert_eq!(
            verify(&signed, &[authority.root()], now).map(|_| ()),
            result,
            "{purpose}"
        );
    }
}
