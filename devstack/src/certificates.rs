//! A certificate authority for this checkout, so that the local stack speaks TLS as production does.

use crate::postgres::Error;
use openssl::{
    asn1::Asn1Time,
    bn::{BigNum, MsbOption},
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkcs12::Pkcs12,
    pkey::{PKey, Private},
    x509::{
        X509, X509Builder, X509NameBuilder,
        extension::{
            AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage,
            SubjectAlternativeName, SubjectKeyIdentifier,
        },
    },
};
use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// The password of [`Issued::pkcs12`]; some readers refuse an empty one.
pub const PKCS12_PASSWORD: &str = "development";

/// A development certificate authority: an EC P-256 key and its self-signed certificate.
#[derive(Clone)]
pub struct Authority {
    certificate: X509,
    key: PKey<Private>,
    pem: String,
}

/// A server certificate with its key.
pub struct Issued {
    /// The certificate, PEM.
    pub cert_pem: String,
    /// The private key, PKCS #8 PEM.
    pub key_pem: String,
    /// Both, as PKCS #12 under [`PKCS12_PASSWORD`], which is what `native_tls::Identity` reads.
    pub pkcs12: Vec<u8>,
}

impl Authority {
    /// The authority in a folder (`ca.pem`, `ca.key`), made at the first call.
    ///
    /// # Errors
    /// When the folder cannot be written, or what is in it cannot be read.
    pub fn load_or_create(folder: &Path) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(Error::at("create", folder))?;
        let lock = folder.join("lock");
        let lock = File::create(&lock).map_err(Error::at("create", &lock))?;
        lock.lock().map_err(Error::at("lock", folder))?;
        let (certificate, key) = (folder.join("ca.pem"), folder.join("ca.key"));
        if certificate.exists() && key.exists() {
            let pem = fs::read_to_string(&certificate).map_err(Error::at("read", &certificate))?;
            let key = fs::read(&key).map_err(Error::at("read", &key))?;
            return Ok(Self {
                certificate: X509::from_pem(pem.as_bytes())?,
                key: PKey::private_key_from_pem(&key)?,
                pem,
            });
        }
        let made = Self::create()?;
        write_private(&key, &made.key.private_key_to_pem_pkcs8()?)?;
        fs::write(&certificate, &made.pem).map_err(Error::at("write", &certificate))?;
        Ok(made)
    }

    /// A new authority that is kept in memory only, for example one that nobody should trust.
    ///
    /// # Errors
    /// When OpenSSL refuses.
    pub fn create() -> Result<Self, Error> {
        let key = new_key()?;
        let mut builder = builder("Memory Orchestrator development CA", &key, 3650)?;
        let subject = builder_name("Memory Orchestrator development CA")?;
        builder.set_issuer_name(&subject)?;
        builder.append_extension(BasicConstraints::new().critical().ca().pathlen(0).build()?)?;
        builder.append_extension(
            KeyUsage::new()
                .critical()
                .key_cert_sign()
                .crl_sign()
                .build()?,
        )?;
        let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
        builder.append_extension(identifier)?;
        builder.sign(&key, MessageDigest::sha256())?;
        let certificate = builder.build();
        let pem = String::from_utf8_lossy(&certificate.to_pem()?).into_owned();
        Ok(Self {
            certificate,
            key,
            pem,
        })
    }

    /// Its own certificate, PEM: the root to trust.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for a server on this machine: for `name`, `localhost` and 127.0.0.1.
    ///
    /// # Errors
    /// When OpenSSL refuses.
    pub fn issue(&self, name: &str) -> Result<Issued, Error> {
        let key = new_key()?;
        // 825 days is the longest that Apple's verifier accepts.
        let mut builder = builder(name, &key, 825)?;
        builder.set_issuer_name(self.certificate.subject_name())?;
        let context = builder.x509v3_context(Some(&self.certificate), None);
        let extensions = [
            BasicConstraints::new().critical().build()?,
            KeyUsage::new().critical().digital_signature().build()?,
            ExtendedKeyUsage::new().server_auth().build()?,
            SubjectAlternativeName::new()
                .dns(name)
                .dns("localhost")
                .ip("127.0.0.1")
                .build(&context)?,
            AuthorityKeyIdentifier::new().keyid(true).build(&context)?,
        ];
        for extension in extensions {
            builder.append_extension(extension)?;
        }
        builder.sign(&self.key, MessageDigest::sha256())?;
        let certificate = builder.build();
        let pkcs12 = Pkcs12::builder()
            .name(name)
            .pkey(&key)
            .cert(&certificate)
            .build2(PKCS12_PASSWORD)?;
        Ok(Issued {
            cert_pem: String::from_utf8_lossy(&certificate.to_pem()?).into_owned(),
            key_pem: String::from_utf8_lossy(&key.private_key_to_pem_pkcs8()?).into_owned(),
            pkcs12: pkcs12.to_der()?,
        })
    }
}

fn new_key() -> Result<PKey<Private>, Error> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    Ok(PKey::from_ec_key(EcKey::generate(&group)?)?)
}

fn builder_name(name: &str) -> Result<openssl::x509::X509Name, Error> {
    let mut subject = X509NameBuilder::new()?;
    subject.append_entry_by_nid(Nid::COMMONNAME, name)?;
    Ok(subject.build())
}

/// A version 3 certificate with a random serial number, valid from yesterday (clocks differ).
fn builder(name: &str, key: &PKey<Private>, days: u32) -> Result<X509Builder, Error> {
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let yesterday = time::OffsetDateTime::now_utc() - time::Duration::days(1);
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    let serial = serial.to_asn1_integer()?;
    builder.set_serial_number(&serial)?;
    let subject = builder_name(name)?;
    builder.set_subject_name(&subject)?;
    builder.set_pubkey(key)?;
    let (from, until) = (
        Asn1Time::from_unix(yesterday.unix_timestamp())?,
        Asn1Time::days_from_now(days - 1)?,
    );
    builder.set_not_before(&from)?;
    builder.set_not_after(&until)?;
    Ok(builder)
}

fn write_private(path: &Path, content: &[u8]) -> Result<(), Error> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::at("create", path))?;
    file.write_all(content).map_err(Error::at("write", path))
}

#[cfg(test)]
mod tests {
    use super::{Authority, PKCS12_PASSWORD};
    use openssl::{nid::Nid, x509::X509};
    use std::{fs, os::unix::fs::PermissionsExt};

    #[test]
    fn the_authority_is_made_once_and_its_key_is_private() {
        let folder = std::env::temp_dir().join(format!("ca-{}", uuid::Uuid::new_v4()));
        let first = Authority::load_or_create(&folder).unwrap();
        let second = Authority::load_or_create(&folder).unwrap();
        assert_eq!(first.ca_pem(), second.ca_pem());
        let mode = fs::metadata(folder.join("ca.key")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_certificate_is_signed_for_this_machine_and_readable_by_native_tls() {
        let authority = Authority::create().unwrap();
        let issued = authority.issue("postgres").unwrap();
        let certificate = X509::from_pem(issued.cert_pem.as_bytes()).unwrap();
        let root = X509::from_pem(authority.ca_pem().as_bytes()).unwrap();
        assert!(certificate.verify(&root.public_key().unwrap()).unwrap());
        let names = certificate.subject_alt_names().unwrap();
        let dns: Vec<_> = names.iter().filter_map(|name| name.dnsname()).collect();
        assert_eq!(dns, ["postgres", "localhost"]);
        assert!(
            names
                .iter()
                .any(|name| name.ipaddress() == Some(&[127, 0, 0, 1]))
        );
        let subject = certificate.subject_name();
        assert_eq!(subject.entries_by_nid(Nid::COMMONNAME).count(), 1);
        native_tls::Identity::from_pkcs12(&issued.pkcs12, PKCS12_PASSWORD).unwrap();
    }
}
