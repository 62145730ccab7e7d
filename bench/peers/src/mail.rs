//! DKIM by mail-auth and viadkim, and the verdict on a whole message by mail-auth.

use crate::clock;
use crate::spf::{CLIENT, HELO, RECEIVER, SENDER};
use crate::zone::{authenticator, block_on, Caches, SharedZone, Zone};
use mail_auth::crypto::{Ed25519Key, RsaKey, Sha256, SigningKey};
use mail_auth::dkim::DkimSigner;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{AuthenticatedMessage, DkimResult, DmarcResult, Parameters, SpfResult};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

const DOMAIN: &str = "example.org";
/// What our signer covers by default, as far as the message has it.
const FIELDS: [&str; 12] = [
    "From", "To", "Cc", "Subject", "Date", "Reply-To", "Message-ID", "In-Reply-To", "References", "MIME-Version",
    "Content-Type", "Content-Transfer-Encoding",
];

pub fn measure(cases: &Path, seconds: f64) {
    let zone = Zone::read(&cases.join("verdict.zone"));
    let plain = std::fs::read(cases.join("plain.eml")).expect("plain.eml");
    sign(cases, &plain, seconds);
    verify(cases, &zone, seconds);
    judge(cases, &zone, seconds);
}

fn sign(cases: &Path, message: &[u8], seconds: f64) {
    let pem = |name: &str| std::fs::read(cases.join(name)).expect("a key");
    let rsa = RsaKey::<Sha256>::from_key_der(PrivateKeyDer::from_pem_slice(&pem("rsa.pem")).unwrap()).unwrap();
    sign_with("sign_4KB/rsa2048/mail-auth", rsa, message, seconds);
    let der = PrivatePkcs8KeyDer::from_pem_slice(&pem("ed25519.pem")).unwrap();
    let ed25519 = Ed25519Key::from_pkcs8_maybe_unchecked_der(der.secret_pkcs8_der()).unwrap();
    sign_with("sign_4KB/ed25519/mail-auth", ed25519, message, seconds);
}

fn sign_with(name: &str, key: impl SigningKey, message: &[u8], seconds: f64) {
    let signer = DkimSigner::from_key(key).domain(DOMAIN).selector("rsa").headers(FIELDS);
    clock::measure(name, seconds, || {
        let signature = signer.sign(message).unwrap();
        use mail_auth::headers::HeaderWriter;
        std::hint::black_box(signature.to_header());
    });
}

fn verify(cases: &Path, zone: &Zone, seconds: f64) {
    let authenticator = authenticator();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let shared = SharedZone(Arc::new(zone.clone()));
    for kind in ["rsa2048", "ed25519"] {
        let message = std::fs::read(cases.join(format!("{kind}.eml"))).expect("a signed message");
        for texts in [false, true] {
            let caches = Caches::new(zone, texts);
            clock::measure(&format!("verify_4KB/{kind}/mail-auth{}", caches.suffix()), seconds, || {
                let parsed = AuthenticatedMessage::parse(&message).unwrap();
                let results = block_on(authenticator.verify_dkim(Parameters::new(&parsed).with_cache(&caches)));
                assert!(results.len() == 1 && results[0].result() == &DkimResult::Pass);
            });
        }
        let text = std::str::from_utf8(&message).unwrap();
        let config = viadkim::Config::default();
        clock::measure(&format!("verify_4KB/{kind}/viadkim_parsing"), seconds, || {
            let (header, body) = text.split_once("\r\n\r\n").unwrap();
            let header = header.parse().unwrap();
            let results = runtime.block_on(viadkim::verify(&shared, &header, body.as_bytes(), &config));
            assert!(results.len() == 1 && results[0].status == viadkim::VerificationStatus::Success);
        });
    }
}

fn judge(cases: &Path, zone: &Zone, seconds: f64) {
    let authenticator = authenticator();
    let client: IpAddr = CLIENT.parse().unwrap();
    for kind in ["three_rsa", "two_rsa_ed25519"] {
        let message = std::fs::read(cases.join(format!("{kind}.eml"))).expect("a signed message");
        for texts in [false, true] {
            let caches = Caches::new(zone, texts);
            clock::measure(&format!("verdict/{kind}/mail-auth{}", caches.suffix()), seconds, || {
                let parsed = AuthenticatedMessage::parse(&message).unwrap();
                let helo = SpfParameters::helo(client, HELO, RECEIVER);
                let helo = block_on(authenticator.verify_spf(Parameters::new(helo).with_cache(&caches)));
                assert_eq!(helo.result(), SpfResult::None);
                let sender = SpfParameters::mail_from(client, HELO, RECEIVER, SENDER);
                let spf = block_on(authenticator.verify_spf(Parameters::new(sender).with_cache(&caches)));
                assert_eq!(spf.result(), SpfResult::Pass);
                let dkim = block_on(authenticator.verify_dkim(Parameters::new(&parsed).with_cache(&caches)));
                assert!(dkim.len() == 3 && dkim.iter().all(|one| one.result() == &DkimResult::Pass));
                let parameters = DmarcParameters::new(&parsed, &dkim, DOMAIN, &spf);
                let dmarc = block_on(authenticator.verify_dmarc(Parameters::new(parameters).with_cache(&caches)));
                assert_eq!(dmarc.dkim_result(), &DmarcResult::Pass);
                assert_eq!(dmarc.spf_result(), &DmarcResult::Pass);
            });
        }
    }
}
