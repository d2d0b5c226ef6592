//! Certificates: a handshake of the check's own with each service, by its name. What the health
//! probes saw is not enough, since they say nothing of who issued a certificate or when it ends.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use phoenix_evidence::finding::{CheckKind, Outcome, Subject};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;
use x509_parser::parse_x509_certificate;

use super::results::{kind, proof, result};
use super::{Cycle, StepError};
use crate::plan::Step;
use crate::words::first_bytes;

/// Time that connecting and the handshake are given together.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a service showed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    outcome: Outcome,
    /// What is wrong with it, by name.
    failure: Option<&'static str>,
    /// One sentence on it, without the service's name.
    why: String,
    /// Subject, issuer and end of the certificate; what happened where none was shown.
    saw: String,
}

impl Cycle<'_> {
    /// One result for each service behind TLS. A network that trusts the system's authorities has
    /// no issuer to hold a certificate to: nothing is concluded there.
    pub(super) async fn check_certificates(&self, step: &Step) -> Result<(), StepError> {
        let network = self.environment.network();
        let Some(authority) = network.authority_pem() else {
            return Ok(());
        };
        let roots = roots(&authority).map_err(StepError::Failed)?;
        for service in &self.stack.services {
            let Some(url) = Url::parse(&service.url)
                .ok()
                .filter(|url| url.scheme() == "https")
            else {
                continue;
            };
            let name = url.host_str().unwrap_or_default();
            let address = network.address(name);
            let shown = match address {
                Some(address) => handshake(address, name, &roots).await,
                None => unanswered(format!("`{name}` is not a name of this stack")),
            };
            let mut found = result(
                CheckKind::Certificate,
                Subject::Service(service.name.clone()),
                shown.outcome,
                1,
                format!("{}: {}", service.name, shown.why),
            );
            found.failures = shown
                .failure
                .map(|name| (kind(name), 1))
                .into_iter()
                .collect();
            let at = address.map_or_else(String::new, |address| format!(" at {address}"));
            let probe = format!("TLS handshake with {name}{at}");
            found.proofs = vec![proof(&step.id, &probe, &shown.saw)];
            self.state().results.push(found);
        }
        Ok(())
    }
}

fn roots(authority_pem: &str) -> Result<Arc<RootCertStore>, String> {
    let unusable = |why: &dyn fmt::Display| format!("the stack's authority cannot be used: {why}");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority_pem.as_bytes()) {
        let certificate = certificate.map_err(|why| unusable(&why))?;
        roots.add(certificate).map_err(|why| unusable(&why))?;
    }
    Ok(Arc::new(roots))
}

/// Shakes hands with what listens at an address, as a client that expects this name and trusts
/// these authorities only, by this machine's clock.
async fn handshake(address: SocketAddr, name: &str, roots: &Arc<RootCertStore>) -> Shown {
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, attempt(address, name, roots)).await {
        Ok(Ok(shown)) => shown,
        Ok(Err(why)) => unanswered(why),
        Err(_) => unanswered(format!("no handshake within {HANDSHAKE_TIMEOUT:?}")),
    }
}

async fn attempt(
    address: SocketAddr,
    name: &str,
    roots: &Arc<RootCertStore>,
) -> Result<Shown, String> {
    let provider = Arc::new(ring::default_provider());
    let judge = WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), provider.clone())
        .build()
        .map_err(|why| why.to_string())?;
    let keeper = Arc::new(Keeper {
        judge,
        shown: Mutex::default(),
    });
    let config = ClientConfig::builder_with_provider(Arc::<CryptoProvider>::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|why| why.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&keeper) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let expected = ServerName::try_from(name.to_owned()).map_err(|why| why.to_string())?;
    let stream = TcpStream::connect(address)
        .await
        .map_err(|why| why.to_string())?;
    let connector = TlsConnector::from(Arc::new(config));
    let ended = connector.connect(expected, stream).await.map(drop);
    Ok(shown(keeper.certificate(), ended))
}

/// What a handshake says, by how it ended and by the certificate that was shown in it.
fn shown(certificate: Option<CertificateDer<'static>>, ended: io::Result<()>) -> Shown {
    let described = certificate.as_ref().map(described);
    let Err(error) = ended else {
        return Shown {
            outcome: Outcome::Pass,
            failure: None,
            why: "its certificate has its name, is within its dates and comes from the stack's \
                  authority"
                .to_owned(),
            saw: described.unwrap_or_default(),
        };
    };
    let words = first_bytes(&error.to_string(), 120);
    let (failure, why) = match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(Error::InvalidCertificate(refused)) => wrong(refused),
        Some(Error::InvalidMessage(_)) => ("no-tls", "what answers there speaks no TLS"),
        Some(_) => ("tls-refused", "the handshake was refused"),
        // The connection broke: nobody said anything of a certificate.
        None => return unanswered(words),
    };
    Shown {
        outcome: Outcome::Fail,
        failure: Some(failure),
        why: format!("{why} ({words})"),
        saw: described.unwrap_or(words),
    }
}

fn wrong(refused: &CertificateError) -> (&'static str, &'static str) {
    match refused {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            "certificate-wrong-name",
            "its certificate is for another name",
        ),
        CertificateError::UnknownIssuer => (
            "certificate-unknown-issuer",
            "its certificate does not come from the stack's authority",
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ("certificate-expired", "its certificate has expired")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            "certificate-not-yet-valid",
            "its certificate is not valid yet",
        ),
        _ => ("certificate-invalid", "its certificate is not valid"),
    }
}

fn unanswered(why: String) -> Shown {
    Shown {
        outcome: Outcome::Unknown,
        failure: None,
        why: format!("no certificate was seen ({why})"),
        saw: why,
    }
}

/// Subject, issuer and last day of a certificate.
fn described(certificate: &CertificateDer<'static>) -> String {
    match parse_x509_certificate(certificate) {
        Ok((_, parsed)) => format!(
            "subject {}, issuer {}, valid from {} to {}",
            parsed.subject(),
            parsed.issuer(),
            moment(parsed.validity().not_before.timestamp()),
            moment(parsed.validity().not_after.timestamp()),
        ),
        Err(why) => format!("a certificate that does not parse: {why}"),
    }
}

fn moment(unix_s: i64) -> String {
    jiff::Timestamp::from_second(unix_s).map_or_else(|_| unix_s.to_string(), |at| at.to_string())
}

/// Keeps the certificate that a server shows, and lets the library judge it: one that is refused
/// has to be shown to people too.
#[derive(Debug)]
struct Keeper {
    judge: Arc<WebPkiServerVerifier>,
    shown: Mutex<Option<CertificateDer<'static>>>,
}

impl Keeper {
    fn certificate(&self) -> Option<CertificateDer<'static>> {
        self.shown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl ServerCertVerifier for Keeper {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(end_entity.clone().into_owned());
        self.judge
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use rcgen::{
        BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
        date_time_ymd,
    };
    use rustls::ServerConfig;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    const NAME: &str = "docs.localhost";

    /// An authority and how to sign with it.
    struct Authority {
        pem: String,
        issuer: Issuer<'static, KeyPair>,
    }

    fn authority(name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("an authority").pem();
        Authority {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    fn leaf(names: &[&str], from_year: i32, to_year: i32) -> CertificateParams {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names.clone()).expect("DNS names");
        params
            .distinguished_name
            .push(DnType::CommonName, names[0].clone());
        params.not_before = date_time_ymd(from_year, 1, 1);
        params.not_after = date_time_ymd(to_year, 1, 1);
        params
    }

    /// What the check says of a server with this certificate.
    async fn seen(signed_by: &Authority, params: CertificateParams, trusted: &Authority) -> Shown {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &signed_by.issuer).expect("a leaf");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a configuration");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a client");
            let _refused = TlsAcceptor::from(Arc::new(config)).accept(stream).await;
        });
        let shown = handshake(address, NAME, &roots(&trusted.pem).expect("roots")).await;
        server.await.expect("no panic");
        shown
    }

    #[tokio::test]
    async fn a_certificate_is_held_to_name_issuer_and_dates() {
        let (ours, theirs) = (authority("phoenix run 7"), authority("somebody else"));
        let good = seen(&ours, leaf(&["auth.localhost", NAME], 2020, 2999), &ours).await;
        assert_eq!((good.outcome, good.failure), (Outcome::Pass, None));
        assert_eq!(
            good.saw,
            "subject CN=auth.localhost, issuer CN=phoenix run 7, valid from 2020-01-01T00:00:00Z \
             to 2999-01-01T00:00:00Z"
        );
        for (signed_by, params, failure) in [
            (
                &ours,
                leaf(&["auth.localhost"], 2020, 2999),
                "certificate-wrong-name",
            ),
            (
                &theirs,
                leaf(&[NAME], 2020, 2999),
                "certificate-unknown-issuer",
            ),
            (&ours, leaf(&[NAME], 2020, 2021), "certificate-expired"),
            (
                &ours,
                leaf(&[NAME], 2998, 2999),
                "certificate-not-yet-valid",
            ),
        ] {
            let bad = seen(signed_by, params, &ours).await;
            assert_eq!((bad.outcome, bad.failure), (Outcome::Fail, Some(failure)));
            assert!(bad.saw.starts_with("subject CN="), "{failure}: {}", bad.saw);
        }
    }

    #[tokio::test]
    async fn a_port_without_tls_and_a_closed_one_are_not_the_same() {
        let roots = roots(&authority("phoenix").pem).expect("roots");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut hello = [0; 64];
            let _read = stream.read(&mut hello).await.expect("a hello");
            let answer = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.expect("an answer");
        });
        let plain = handshake(address, NAME, &roots).await;
        assert_eq!(
            (plain.outcome, plain.failure),
            (Outcome::Fail, Some("no-tls"))
        );
        server.await.expect("no panic");
        let closed = handshake(address, NAME, &roots).await;
        assert_eq!((closed.outcome, closed.failure), (Outcome::Unknown, None));
    }
}
