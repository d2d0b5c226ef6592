//! The secrets of a stack through a disaster: what a whole destroy takes, what a rebuild makes anew
//! and what it finds again.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use phoenix_engine::environment::DriverError;
use phoenix_engine::stack::{Secret, Stack};

use crate::secrets::Secrets;

/// Values as they are now, in a file inside the stack, and those that outlive the stack, in a file of
/// the vault. Printing it shows names only.
#[derive(Debug)]
pub struct Keyring {
    now: Secrets,
    /// Values that were replaced, oldest first: data that was made with them may come back.
    former: BTreeMap<String, Vec<String>>,
    file: PathBuf,
    kept: PathBuf,
}

impl Keyring {
    /// Without any value yet. `file` goes with the stack, `kept` stays.
    #[must_use]
    pub fn new(file: PathBuf, kept: PathBuf) -> Self {
        Self {
            now: Secrets::default(),
            former: BTreeMap::new(),
            file,
            kept,
        }
    }

    /// A value by the secret's name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.now.get(name)
    }

    /// Values that a secret had before, the last one first.
    pub fn former(&self, name: &str) -> impl Iterator<Item = &str> {
        let all = self.former.get(name).map(Vec::as_slice).unwrap_or_default();
        all.iter().rev().map(String::as_str)
    }

    /// Every value that there is or was, with its secret's name.
    pub fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        let former = self.former.iter();
        let former =
            former.flat_map(|(name, all)| all.iter().map(|value| (name.as_str(), value.as_str())));
        self.now.iter().chain(former)
    }

    /// Digest of every declared secret's value, keyed by the run; `None` for one without a value.
    #[must_use]
    pub fn digests(&self, run: &str, stack: &Stack) -> BTreeMap<String, Option<String>> {
        let digest = |secret: &Secret| (secret.name.clone(), self.now.digest(run, &secret.name));
        stack.secrets.iter().map(digest).collect()
    }

    /// Gives a value to every declared secret that has none: to a preserved one what is kept of it, to
    /// the others a new one.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn make(&mut self, stack: &Stack) -> Result<(), DriverError> {
        let kept = Secrets::load(&self.kept)?;
        let mut made = false;
        for secret in &stack.secrets {
            if self.now.get(&secret.name).is_some() {
                continue;
            }
            let value = match kept.get(&secret.name).filter(|_| secret.preserved) {
                Some(value) => value.to_owned(),
                None => Secrets::generate(secret),
            };
            self.now.set(&secret.name, value);
            made = true;
        }
        if made { self.save(stack) } else { Ok(()) }
    }

    /// Draws a new value for a secret, kept like the old one; whether it is another one.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn regenerate(&mut self, stack: &Stack, secret: &Secret) -> Result<bool, DriverError> {
        // After a destroy nothing has a value, and what is kept must not come back.
        let before = match self.now.get(&secret.name) {
            Some(value) => Some(value.to_owned()),
            None => Secrets::load(&self.kept)?
                .get(&secret.name)
                .map(str::to_owned),
        };
        let value = Secrets::generate(secret);
        let changed = before.as_deref() != Some(value.as_str());
        if let Some(before) = before {
            let former = self.former.entry(secret.name.clone()).or_default();
            former.push(before);
        }
        self.now.set(&secret.name, value);
        self.save(stack)?;
        Ok(changed)
    }

    /// What a destroy of the whole stack takes: all values but those in the vault.
    pub fn burn(&mut self) {
        for (name, value) in self.now.take() {
            self.former.entry(name).or_default().push(value);
        }
        let _gone = fs::remove_file(&self.file);
    }

    /// Removes the values that were kept for a rebuild: they are no evidence.
    pub fn forget_kept(&self) {
        let _gone = fs::remove_file(&self.kept);
        // The folders that were made for it, while nothing else is in them.
        for folder in self.kept.ancestors().skip(1).take(2) {
            let _not_empty = fs::remove_dir(folder);
        }
    }

    fn save(&self, stack: &Stack) -> Result<(), DriverError> {
        self.now.save(&self.file)?;
        let mut kept = Secrets::load(&self.kept)?;
        for secret in stack.secrets.iter().filter(|secret| secret.preserved) {
            if let Some(value) = self.now.get(&secret.name) {
                kept.set(&secret.name, value.to_owned());
            }
        }
        if let Some(parent) = self.kept.parent() {
            fs::create_dir_all(parent)
                .map_err(|why| DriverError::new("keep the preserved secrets", why))?;
        }
        kept.save(&self.kept)
    }
}

#[cfg(test)]
mod tests {
    use super::{Keyring, Secret, Stack};
    use phoenix_engine::stack::SecretEncoding;

    fn stack() -> Stack {
        let secret = |name: &str, preserved| Secret {
            name: name.to_owned(),
            bytes: 16,
            encoding: SecretEncoding::Text,
            env: None,
            opens: None,
            preserved,
        };
        Stack {
            secrets: vec![secret("kept", true), secret("drawn", false)],
            ..Stack::default()
        }
    }

    fn values(keyring: &Keyring) -> [Option<String>; 2] {
        ["kept", "drawn"].map(|name| keyring.get(name).map(str::to_owned))
    }

    #[test]
    fn what_is_preserved_comes_back_and_the_rest_is_new() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let mut keyring = Keyring::new(at("stack.json"), at("vault/kept"));
        keyring.make(&stack()).expect("values");
        let before = values(&keyring);
        keyring.make(&stack()).expect("values");
        assert_eq!(values(&keyring), before, "who has a value keeps it");
        keyring.burn();
        assert_eq!(values(&keyring), [None, None]);
        assert!(!at("stack.json").exists());
        keyring.make(&stack()).expect("values");
        let after = values(&keyring);
        assert_eq!(after[0], before[0]);
        assert_ne!(after[1], before[1]);
    }

    #[test]
    fn a_new_value_is_not_undone_by_a_rebuild_and_the_old_one_is_known() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let mut keyring = Keyring::new(at("stack.json"), at("vault/kept"));
        keyring.make(&stack()).expect("values");
        let [before, _] = values(&keyring);
        keyring.burn();
        let changed = keyring.regenerate(&stack(), &stack().secrets[0]);
        assert_eq!(changed, Ok(true));
        let drawn = values(&keyring);
        assert_ne!(drawn[0], before);
        keyring.make(&stack()).expect("values");
        assert_eq!(values(&keyring)[0], drawn[0]);
        assert!(values(&keyring)[1].is_some(), "the others get theirs");
        let former: Vec<_> = keyring.former("kept").map(str::to_owned).collect();
        assert!(former.contains(&before.expect("a value")), "{former:?}");
    }
}
