//! SPF by mail-auth and viaspf.

use crate::clock;
use crate::zone::{authenticator, block_on, Caches, Zone};
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{Parameters, SpfResult};
use std::net::IpAddr;
use std::path::Path;

pub const CLIENT: &str = "192.0.2.7";
pub const HELO: &str = "mail.example.org";
pub const SENDER: &str = "joe@example.org";
pub const RECEIVER: &str = "mx.example.net";

pub fn measure(cases: &Path, scenario: &str, seconds: f64) {
    let zone = Zone::read(&cases.join(format!("{scenario}.zone")));
    let client: IpAddr = CLIENT.parse().unwrap();

    let authenticator = authenticator();
    for texts in [false, true] {
        let caches = Caches::new(&zone, texts);
        clock::measure(&format!("spf/{scenario}/mail-auth{}", caches.suffix()), seconds, || {
            let parameters = SpfParameters::mail_from(client, HELO, RECEIVER, SENDER);
            let output = block_on(authenticator.verify_spf(Parameters::new(parameters).with_cache(&caches)));
            assert_eq!(output.result(), SpfResult::Pass);
        });
    }

    let config = viaspf::Config::default();
    clock::measure(&format!("spf/{scenario}/viaspf_parsing"), seconds, || {
        let sender = viaspf::Sender::new(SENDER).unwrap();
        let helo = viaspf::DomainName::new(HELO).unwrap();
        let result = block_on(viaspf::evaluate_sender(&zone, &config, client, &sender, Some(&helo)));
        assert!(result.spf_result == viaspf::SpfResult::Pass);
    });
}
