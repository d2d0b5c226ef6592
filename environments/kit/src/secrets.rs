//! The secret store of a stack: one file of mode 0600 inside the stack's folder, and a copy of the
//! preserved ones in the vault.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use phoenix_engine::environment::DriverError;
use phoenix_engine::stack::{Secret, SecretEncoding};
use rand::Rng as _;

/// Values by name. Printing it shows names only.
#[derive(Clone, Default)]
pub struct Secrets {
    values: BTreeMap<String, String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl Secrets {
    /// A value by name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Sets a value.
    pub fn set(&mut self, name: &str, value: String) {
        self.values.insert(name.to_owned(), value);
    }

    /// All values with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.values.iter();
        all.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Takes all values out.
    pub fn take(&mut self) -> BTreeMap<String, String> {
        std::mem::take(&mut self.values)
    }

    /// First 16 hexadecimal digits of a digest keyed by the run, so that it can be compared within
    /// the run and with nothing else.
    pub fn digest(&self, run: &str, name: &str) -> Option<String> {
        let key = blake3::derive_key("phoenix secret digest v1", run.as_bytes());
        let value = self.get(name)?;
        Some(blake3::keyed_hash(&key, value.as_bytes()).to_hex()[..16].to_owned())
    }

    /// So many random letters and digits.
    pub fn random(len: usize) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut random = rand::thread_rng();
        (0..len)
            .map(|_| char::from(ALPHABET[random.gen_range(0..ALPHABET.len())]))
            .collect()
    }

    /// A new random value in the shape that the application demands.
    pub fn generate(secret: &Secret) -> String {
        match secret.encoding {
            SecretEncoding::Text => Self::random(secret.bytes),
            SecretEncoding::PrefixedBase64 | SecretEncoding::Hex => {
                let mut bytes = vec![0_u8; secret.bytes];
                rand::thread_rng().fill(bytes.as_mut_slice());
                if secret.encoding == SecretEncoding::Hex {
                    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
                } else {
                    format!(
                        "base64:{}",
                        base64::engine::general_purpose::STANDARD.encode(bytes)
                    )
                }
            }
        }
    }

    /// Writes the values to a file that only its owner can read, whole or not at all.
    pub fn save(&self, path: &Path) -> Result<(), DriverError> {
        let doing = || format!("write secrets to {}", path.display());
        let text = serde_json::to_vec(&self.values).map_err(|e| DriverError::new(doing(), e))?;
        let partial: PathBuf = path.with_extension("partial");
        let write = || -> std::io::Result<()> {
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&partial)?;
            file.write_all(&text)?;
            file.sync_data()?;
            fs::rename(&partial, path)
        };
        write().map_err(|e| DriverError::new(doing(), e))
    }

    /// Reads them back; none when the file does not exist.
    pub fn load(path: &Path) -> Result<Self, DriverError> {
        let doing = || format!("read secrets from {}", path.display());
        match fs::read(path) {
            Ok(text) => {
                let values =
                    serde_json::from_slice(&text).map_err(|e| DriverError::new(doing(), e))?;
                Ok(Self { values })
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(DriverError::new(doing(), e)),
        }
    }
}
