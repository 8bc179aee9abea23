//! A key: what it is, what it may do, whose it is.
use crate::crypto::{CryptoError, Engine, Material, Prepared};
use crate::mix::mix;
use crate::record::{Changed, KeyRecord, Share, Stamp, Veiled};
use crate::retry::Retry;
use proto::attribute::Kind;
use proto::{Attribute, Blob, Curve, Datum, Fault, KeyClass, KeyType, Refusal, Setting};
use std::sync::{Arc, OnceLock};
use zeroize::Zeroizing;

/// The attributes that are true: one bit each, by the row's place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Flags(pub(crate) u32);

impl Flags {
    const fn bit(attribute: Attribute) -> u32 {
        let mut row = 0;
        while row < Attribute::ALL.len() {
            if Attribute::ALL[row].code() == attribute.code() {
                return 1 << row;
            }
            row += 1;
        }
        0
    }

    pub(crate) const fn has(self, attribute: Attribute) -> bool {
        self.0 & Self::bit(attribute) != 0
    }

    pub(crate) const fn with(self, attribute: Attribute, value: bool) -> Self {
        let bit = Self::bit(attribute);
        Self(if value { self.0 | bit } else { self.0 & !bit })
    }
}

/// The material, and the engine's own form of it once it has been used.
pub(crate) struct Secret {
    pub(crate) material: Material,
    prepared: OnceLock<Prepared>,
}

/// A key. Changing one makes a new `Key` that shares the secret.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) handle: u64,
    pub(crate) class: KeyClass,
    pub(crate) key_type: KeyType,
    pub(crate) owner: Arc<str>,
    pub(crate) label: String,
    pub(crate) id: Vec<u8>,
    pub(crate) flags: Flags,
    pub(crate) secret: Arc<Secret>,
    pub(crate) retry: Option<Retry>,
    pub(crate) changed: Vec<Changed>,
    pub(crate) shares: Vec<Share>,
    /// Where its last change was recorded on this node; a reply that saw it waits for that.
    pub(crate) position: u64,
}

impl Secret {
    pub(crate) fn new(material: Material) -> Arc<Self> {
        Arc::new(Self { material, prepared: OnceLock::new() })
    }
}

impl Key {
    /// The material as the engine uses it; parsed at the first use.
    pub(crate) fn prepared(&self, engine: &dyn Engine) -> Result<&Prepared, CryptoError> {
        if let Some(prepared) = self.secret.prepared.get() {
            return Ok(prepared);
        }
        let prepared = engine.prepare(&self.secret.material)?;
        Ok(self.secret.prepared.get_or_init(|| prepared))
    }

    pub(crate) fn is_token(&self) -> bool {
        self.flags.has(Attribute::Token)
    }

    /// Does the user share the key? An ended share stays on record, so that HSMs agree.
    pub(crate) fn shared_with(&self, username: &str) -> bool {
        self.shares.iter().any(|s| s.shared && s.username == username)
    }

    /// Stamps a change so that it wins over all that this key has seen.
    pub(crate) fn next_stamp(&self, node: u16) -> Stamp {
        let stamps =
            self.changed.iter().map(|c| &c.stamp).chain(self.shares.iter().map(|s| &s.stamp));
        Stamp { counter: stamps.map(|s| s.counter).max().unwrap_or(0) + 1, node }
    }

    /// Sets an attribute whose change has been allowed.
    pub(crate) fn set(&mut self, setting: Setting, stamp: Stamp) {
        match (&setting.value, setting.attribute) {
            (Datum::Flag(value), attribute) => self.flags = self.flags.with(attribute, *value),
            (Datum::Text(label), Attribute::Label) => self.label.clone_from(label),
            (Datum::Bytes(id), Attribute::Id) => self.id.clone_from(&id.0),
            _ => return,
        }
        self.changed.retain(|c| c.setting.attribute != setting.attribute);
        self.changed.push(Changed { setting, stamp });
        self.changed.sort_by_key(|c| c.setting.attribute);
    }

    /// Shares the key, or ends that.
    pub(crate) fn share(&mut self, username: &str, shared: bool, stamp: Stamp) {
        self.shares.retain(|s| s.username != username);
        self.shares.push(Share { username: username.to_owned(), shared, stamp });
        self.shares.sort_by(|a, b| a.username.cmp(&b.username));
    }

    /// Refuses one that has the handle of this key and is another: what no change of a key touches
    /// tells them apart. HSMs of clusters that were made from one backup could give handles alike.
    pub(crate) fn check_is(&self, other: &Self) -> Result<(), Refusal> {
        let kind = (self.class, self.key_type) == (other.class, other.key_type);
        let what = if self.owner != other.owner {
            "owner"
        } else if !kind {
            "kind"
        } else if !self.secret.material.is(&other.secret.material) {
            "material"
        } else {
            return Ok(());
        };
        Err(Fault::OtherKey.with(format!("handle {:#x}, its {what} differs", self.handle)))
    }

    /// Takes over what another HSM changed later. Says whether anything is new. The order in
    /// which HSMs hear of changes does not matter: the larger stamp wins, sticky flags only grow.
    pub(crate) fn merge(&mut self, other: &Self) -> bool {
        let mut news = false;
        for theirs in &other.changed {
            let ours =
                self.changed.iter().find(|c| c.setting.attribute == theirs.setting.attribute);
            if ours.is_none_or(|ours| newer(&theirs.stamp, &ours.stamp)) {
                self.set(theirs.setting.clone(), theirs.stamp.clone());
                news = true;
            }
        }
        for theirs in &other.shares {
            let ours = self.shares.iter().find(|s| s.username == theirs.username);
            if ours.is_none_or(|ours| newer(&theirs.stamp, &ours.stamp)) {
                self.share(&theirs.username, theirs.shared, theirs.stamp.clone());
                news = true;
            }
        }
        news
    }

    /// Equal on two HSMs if the key is. Of what never changes, that is in it which is no secret:
    /// the hashes are shown.
    pub(crate) fn version(&self) -> u64 {
        let kind = self.class.code() << 32 | self.key_type.code();
        let owner = self.owner.bytes().fold(kind, |sum, b| mix(sum ^ u64::from(b)));
        let retry = self.retry.as_ref().map_or(0, Retry::sum);
        let mut version = mix(self.handle) ^ mix(owner ^ retry);
        for c in &self.changed {
            version = mix(version
                ^ mix(c.stamp.counter)
                ^ mix(c.stamp.node.into())
                ^ u64::from(c.setting.attribute.code()));
        }
        for s in &self.shares {
            let name = s.username.bytes().fold(0, |sum, b| mix(sum ^ u64::from(b)));
            version = mix(version ^ mix(s.stamp.counter) ^ mix(s.stamp.node.into()) ^ name);
        }
        version
    }

    /// The value of an attribute as a client may see it; `None` where the key has none.
    pub(crate) fn attribute(&self, attribute: Attribute, engine: &dyn Engine) -> Option<Setting> {
        let material = &self.secret.material;
        let rsa = || material.rsa_public();
        Some(match attribute {
            _ if attribute.kind() == Kind::Flag => {
                Setting::flag(attribute, self.flags.has(attribute))
            }
            Attribute::Class => Setting::number(attribute, self.class.code()),
            Attribute::KeyType => Setting::number(attribute, self.key_type.code()),
            Attribute::Label => Setting::text(attribute, self.label.clone()),
            Attribute::Id => Setting::bytes(attribute, self.id.clone()),
            Attribute::CheckValue => {
                Setting::bytes(attribute, engine.check_value(material, self.key_type)?.to_vec())
            }
            Attribute::ValueLen => match material {
                Material::Secret(bytes) => Setting::number(attribute, bytes.len() as u64),
                _ => return None,
            },
            Attribute::Modulus => Setting::bytes(attribute, rsa()?.0),
            Attribute::ModulusBits => Setting::number(attribute, bits(rsa()?.0)),
            Attribute::PublicExponent => Setting::bytes(attribute, rsa()?.1),
            Attribute::Curve => Setting::number(attribute, self.curve()?.code()),
            Attribute::EcPoint => match material {
                Material::EcPrivate { point, .. } | Material::EcPublic { point, .. } => {
                    Setting::bytes(attribute, point.clone())
                }
                _ => return None,
            },
            _ => return None,
        })
    }

    pub(crate) fn curve(&self) -> Option<Curve> {
        match &self.secret.material {
            Material::EcPrivate { curve, .. } | Material::EcPublic { curve, .. } => Some(*curve),
            _ => None,
        }
    }

    pub(crate) fn to_record(&self) -> KeyRecord {
        KeyRecord {
            handle: self.handle,
            class: self.class,
            key_type: self.key_type,
            owner: self.owner.to_string(),
            label: self.label.clone(),
            id: Blob(self.id.clone()),
            flags: self.flags.0,
            material: Veiled(self.secret.material.encode()),
            retry: self.retry.map(|retry| Blob(retry.token.to_vec())),
            changed: self.changed.clone(),
            shares: self.shares.clone(),
            request: self.retry.and_then(|retry| retry.request),
        }
    }

    pub(crate) fn from_record(record: KeyRecord) -> Result<Self, CryptoError> {
        Ok(Self {
            handle: record.handle,
            class: record.class,
            key_type: record.key_type,
            owner: record.owner.into(),
            label: record.label,
            id: record.id.0,
            flags: Flags(record.flags),
            secret: Secret::new(Material::decode(&record.material.0)?),
            retry: record.retry.and_then(|token| Retry::of_record(&token.0, record.request)),
            changed: record.changed,
            shares: record.shares,
            position: 0,
        })
    }

    /// The record's bytes, wiped when dropped.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(256));
        proto::encode(&self.to_record(), &mut out);
        out
    }
}

fn newer(a: &Stamp, b: &Stamp) -> bool {
    (a.counter, a.node) > (b.counter, b.node)
}

fn bits(modulus: &[u8]) -> u64 {
    let zeros = modulus.first().map_or(0, |b| b.leading_zeros());
    modulus.len() as u64 * 8 - u64::from(zeros)
}
