//! A connected key store: its keys are made, used and deleted here.
use crate::backing_key::{BackingKey, template};
use crate::identity::{Identity, Located};
use crate::judge::KMSUSER;
use crate::key_error::{CreateKeyError, KeyError};
use crate::reserve::Reserve;
use crate::settings::Settings;
use data_encoding::HEXLOWER;
use hsm_client::{CallError, Cluster, NodeView};
use proto::command::cipher::{Decrypt, Encrypt};
use proto::command::key::{FindKeys, GetAttributes, KeyGenerated};
use proto::command::random::GenerateRandom;
use proto::command::user::ChangePassword;
use proto::{Attribute, Blob, Fault, Mechanism, Role, Secret, Setting};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// How often a key is tried to be made, each time on other HSMs than those that were lost.
const CREATE_TRIES: u32 = 3;
/// An HSM that does not describe a key by then is left out.
const DESCRIBED_WITHIN: Duration = Duration::from_secs(2);
/// Keys with one id that are looked at: there is one, unless somebody has made others like it.
const ALIKE_MAX: u32 = 16;

/// What AES-GCM made in an HSM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ciphertext {
    /// 12 bytes that the HSM chose.
    pub iv: Vec<u8>,
    /// As long as the plaintext, and the 16-byte tag.
    pub data: Vec<u8>,
}

/// kmsuser is logged in, until [`Connected::disconnect`]. Losing HSMs does not end it: as long as
/// one is left, keys are used as before; when none is, calls fail and work again when one is back.
pub struct Connected {
    cluster: Cluster,
    cluster_id: String,
    zones_for_new_keys: usize,
    rotated: Vec<String>,
    missed: Vec<(String, String)>,
    reserve: Reserve,
    located: Located,
}

impl Connected {
    pub(crate) fn new(
        cluster: Cluster,
        settings: &Settings,
        rotated: Vec<String>,
        missed: Vec<(String, String)>,
    ) -> Self {
        Self {
            cluster,
            cluster_id: settings.cluster_id.clone(),
            zones_for_new_keys: settings.zones_for_new_keys,
            rotated,
            missed,
            reserve: Reserve::default(),
            located: Located::default(),
        }
    }

    /// The HSMs that kmsuser's password was rotated on.
    pub fn rotated(&self) -> &[String] {
        &self.rotated
    }

    /// The members that could not be reached, and why. kmsuser has an older password there, which
    /// the credential store keeps; the next connect brings them up to date.
    pub fn missed(&self) -> &[(String, String)] {
        &self.missed
    }

    /// The HSMs as they are now.
    pub fn nodes(&self) -> Vec<NodeView> {
        self.cluster.nodes()
    }

    /// Makes the key material of a KMS key on all HSMs: AES-256, labelled with the key's ARN (127
    /// bytes at most). HSMs that are away take it from the others when they are back. When an HSM
    /// is lost while it makes the key, another makes one with a new id: keep the id that is
    /// returned, since the lost HSM may come back with a key that nobody uses.
    pub async fn create_key(&self, key_arn: &str) -> Result<BackingKey, CreateKeyError> {
        let mut tries = CREATE_TRIES;
        loop {
            let nodes = self.cluster.nodes();
            self.check_zones(nodes.iter().filter(|node| node.connected))?;
            let backing_key_id = BackingKey::new_id();
            tries -= 1;
            match self.cluster.generate_key_on(template(key_arn, &backing_key_id)).await {
                Ok((made, on)) => return self.check_made(made, on, backing_key_id).await,
                Err(CallError::Lost { .. }) if tries > 0 => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Is the new key in enough zones? If not, it is taken back.
    async fn check_made(
        &self,
        made: KeyGenerated,
        on: Vec<NodeView>,
        backing_key_id: String,
    ) -> Result<BackingKey, CreateKeyError> {
        if let Err(error) = self.check_zones(on.iter()) {
            // An HSM went away meanwhile, or has kmsuser with another password.
            self.cluster.destroy(vec![made.handle]).await?;
            return Err(error);
        }
        let check_value = made.check_value.map(|kcv| HEXLOWER.encode(&kcv.0)).unwrap_or_default();
        Ok(BackingKey { handle: made.handle, backing_key_id, check_value })
    }

    fn check_zones<'n>(
        &self,
        hsms: impl Iterator<Item = &'n NodeView>,
    ) -> Result<(), CreateKeyError> {
        let hsms: Vec<_> = hsms.map(|node| node.zone.as_str()).collect();
        let zones = hsms.iter().collect::<BTreeSet<_>>().len();
        if zones >= self.zones_for_new_keys {
            return Ok(());
        }
        Err(CreateKeyError::ClusterInvalidConfiguration(format!(
            "to make a key, {} must have active HSMs in at least {} zones; there are {} in \
             {zones}: create an HSM in another zone",
            self.cluster_id,
            self.zones_for_new_keys,
            hsms.len()
        )))
    }

    /// Encrypts up to 16,288 bytes with AES-GCM in an HSM.
    pub async fn encrypt(
        &self,
        handle: u64,
        plaintext: &[u8],
        aad: &[u8],
    ) -> Result<Ciphertext, KeyError> {
        let made = self.cluster.call(&encryption(handle, plaintext, aad)).await?;
        Ok(Ciphertext { iv: made.iv.0, data: made.data.0 })
    }

    /// As [`Connected::encrypt`], in this HSM and no other.
    pub async fn encrypt_on(
        &self,
        hsm_id: &str,
        handle: u64,
        plaintext: &[u8],
        aad: &[u8],
    ) -> Result<Ciphertext, KeyError> {
        let made = self.cluster.call_on(hsm_id, &encryption(handle, plaintext, aad)).await?;
        Ok(Ciphertext { iv: made.iv.0, data: made.data.0 })
    }

    /// Decrypts what [`Connected::encrypt`] made with the same key and additional data.
    pub async fn decrypt(
        &self,
        handle: u64,
        ciphertext: &Ciphertext,
        aad: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let made = self.cluster.call(&decryption(handle, ciphertext, aad)).await;
        let made = made.map_err(KeyError::of_decryption)?;
        Ok(Zeroizing::new(made.data.0))
    }

    /// As [`Connected::decrypt`], in this HSM and no other.
    pub async fn decrypt_on(
        &self,
        hsm_id: &str,
        handle: u64,
        ciphertext: &Ciphertext,
        aad: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let made = self.cluster.call_on(hsm_id, &decryption(handle, ciphertext, aad)).await;
        let made = made.map_err(KeyError::of_decryption)?;
        Ok(Zeroizing::new(made.data.0))
    }

    /// 1 to 16,384 random bytes of an HSM.
    pub async fn random(&self, count: u32) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let made = self.cluster.call(&GenerateRandom { count }).await?;
        Ok(Zeroizing::new(made.bytes.0))
    }

    /// 1 to 16,384 random bytes of an HSM for a data key, which may have been fetched ahead.
    pub async fn data_key(&self, count: u32) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let fetch =
            async |count: usize| self.random(u32::try_from(count).unwrap_or(u32::MAX)).await;
        self.reserve.take(count as usize, fetch).await
    }

    /// The key material of a KMS key; `None` if there is none, or it was not made by KMS. When
    /// several keys bear the ARN, [`Connected::find_key_by_id`] finds the right one.
    pub async fn find_key(&self, key_arn: &str) -> Result<Option<BackingKey>, KeyError> {
        self.find(Setting::text(Attribute::Label, key_arn)).await
    }

    /// As [`Connected::find_key`], by the id that [`Connected::create_key`] returned.
    pub async fn find_key_by_id(
        &self,
        backing_key_id: &str,
    ) -> Result<Option<BackingKey>, KeyError> {
        self.find(Setting::bytes(Attribute::Id, backing_key_id)).await
    }

    async fn find(&self, attribute: Setting) -> Result<Option<BackingKey>, KeyError> {
        let owner = Some(KMSUSER.to_owned());
        let wanted = FindKeys { attributes: vec![attribute], owner, after: 0, limit: 2 };
        let handle = match self.cluster.find(&wanted).await?.handles[..] {
            [] => return Ok(None),
            [handle] => handle,
            [..] => return Err(KeyError::Ambiguous),
        };
        let got = self.cluster.call(&GetAttributes { handle }).await?;
        Ok(BackingKey::from_attributes(&got))
    }

    /// The handle of this key, and no other's, in the HSMs of now. They are asked for it once after
    /// each connect. [`KeyError::NotFound`] if no key is it.
    pub async fn locate(&self, meant: &Identity<'_>) -> Result<u64, KeyError> {
        if let Some(handle) = self.located.get(meant.backing_key_id) {
            return Ok(handle);
        }
        if !self.cluster.nodes().iter().any(|node| node.connected) {
            return Err(KeyError::HsmsUnreachable("none is connected".to_owned()));
        }
        let handle = match self.is_at(meant, meant.handle).await? {
            true => meant.handle,
            false => self.search(meant).await?.ok_or(KeyError::NotFound)?,
        };
        self.located.put(meant.backing_key_id, handle);
        Ok(handle)
    }

    /// Is this key there? Any HSM may come to be asked for it, so no HSM may have another in its
    /// place; one at least has to have it.
    async fn is_at(&self, meant: &Identity<'_>, handle: u64) -> Result<bool, KeyError> {
        let nodes = self.cluster.nodes().into_iter().filter(|node| node.connected);
        let (mut there, mut failure) = (false, None);
        let describe = GetAttributes { handle };
        for node in nodes {
            let asked = self.cluster.call_on(&node.hsm_id, &describe);
            match timeout(DESCRIBED_WITHIN, asked).await {
                Ok(Ok(got)) if meant.is(&got) => there = true,
                Ok(Ok(_)) => return Ok(false),
                Ok(Err(error)) => match error.refusal().map(|why| why.fault) {
                    Some(Fault::InvalidHandle | Fault::Deleted) => {}
                    // Another user's.
                    Some(Fault::KeyAccessDenied) => return Ok(false),
                    _ => failure = Some(error),
                },
                Err(_) => {
                    let (node, why) = (node.to_string().into(), "it does not answer".into());
                    failure = Some(CallError::Lost { node, why });
                }
            }
        }
        match failure {
            Some(error) if !there => Err(error.into()),
            _ => Ok(there),
        }
    }

    /// Another key has its handle here: it may be under another.
    async fn search(&self, meant: &Identity<'_>) -> Result<Option<u64>, KeyError> {
        let id = Setting::bytes(Attribute::Id, meant.backing_key_id);
        let owner = Some(KMSUSER.to_owned());
        let wanted = FindKeys { attributes: vec![id], owner, after: 0, limit: ALIKE_MAX };
        for handle in self.cluster.find(&wanted).await?.handles {
            if self.is_at(meant, handle).await? {
                return Ok(Some(handle));
            }
        }
        Ok(None)
    }

    /// Deletes this key, and no other, as [`Connected::delete_key`].
    pub async fn delete_located(&self, meant: &Identity<'_>) -> Result<(), KeyError> {
        self.delete_key(self.locate(meant).await?).await
    }

    /// Deletes key material on every HSM that can be reached; HSMs that are away hear of it from
    /// the others when they are back. [`KeyError::NotFound`] if no HSM has it.
    pub async fn delete_key(&self, handle: u64) -> Result<(), KeyError> {
        self.cluster.destroy(vec![handle]).await?;
        Ok(())
    }

    /// Gives kmsuser a password that the operator knows. An error names the HSMs that refused.
    pub async fn hand_back(&self, password: &Secret) -> Result<(), String> {
        let change = ChangePassword {
            role: Role::Cu,
            username: KMSUSER.to_owned(),
            password: password.clone(),
            second_factor: None,
        };
        let each = self.cluster.change_password(&change).await;
        each.all_ok().map(drop).map_err(|partial| partial.to_string())
    }

    /// Logs kmsuser out everywhere and drops the connections. The password stays what KMS made it.
    pub async fn disconnect(&self) {
        self.reserve.clear();
        // An HSM that is lost now logs kmsuser out when it finds the line cut.
        let _ = self.cluster.logout().await;
    }
}

fn some(aad: &[u8]) -> Option<Blob> {
    (!aad.is_empty()).then(|| Blob(aad.to_vec()))
}

fn encryption(key: u64, plaintext: &[u8], aad: &[u8]) -> Encrypt {
    let data = Blob(plaintext.to_vec());
    Encrypt { key, mechanism: Mechanism::AesGcm, iv: None, aad: some(aad), data }
}

fn decryption(key: u64, ciphertext: &Ciphertext, aad: &[u8]) -> Decrypt {
    Decrypt {
        key,
        mechanism: Mechanism::AesGcm,
        iv: Blob(ciphertext.iv.clone()),
        aad: some(aad),
        data: Blob(ciphertext.data.clone()),
    }
}
