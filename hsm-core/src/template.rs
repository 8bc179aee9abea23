//! Which attributes a new key has, and how attributes may change later.
use crate::crypto::Material;
use crate::key::{Flags, Key, Secret};
use crate::retry::Retry;
use proto::attribute::Change;
use proto::{Attribute, Blob, Datum, Fault, KeyClass, KeyType, Refusal, Setting, limits};
use std::sync::Arc;

/// Where a key's material comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Made in this HSM.
    Generated,
    /// Unwrapped: it was elsewhere before.
    Unwrapped,
}

/// A key without handle and material.
pub(crate) struct Draft {
    class: KeyClass,
    key_type: KeyType,
    owner: Arc<str>,
    label: String,
    id: Vec<u8>,
    flags: Flags,
    retry: Option<Retry>,
}

/// What a client asks of a new key.
pub(crate) struct Wish<'a> {
    pub(crate) class: KeyClass,
    pub(crate) key_type: KeyType,
    pub(crate) origin: Origin,
    pub(crate) label: String,
    pub(crate) token: bool,
    pub(crate) attributes: &'a [Setting],
}

impl Draft {
    /// Defaults (user guide, PKCS#11 attributes), then the client's wishes, then what follows.
    pub(crate) fn new(
        wish: Wish<'_>,
        owner: Arc<str>,
        retry: Option<Retry>,
    ) -> Result<Self, Refusal> {
        check_label(&wish.label)?;
        let mut draft = Self {
            class: wish.class,
            key_type: wish.key_type,
            owner,
            label: wish.label,
            id: Vec::new(),
            flags: defaults(wish.class, wish.origin).with(Attribute::Token, wish.token),
            retry,
        };
        if wish.attributes.len() > limits::TEMPLATE_MAX {
            return Err(Fault::AttributeUnfit.with("more attributes than there are"));
        }
        let mut weaker_claim = false;
        for (n, setting) in wish.attributes.iter().enumerate() {
            let earlier = wish.attributes.get(..n).unwrap_or_default();
            if earlier.iter().any(|s| s.attribute == setting.attribute) {
                return Err(unfit(setting.attribute, "is given twice"));
            }
            weaker_claim |= setting.attribute == Attribute::NeverExtractable;
            draft.set(setting)?;
        }
        let never = wish.origin == Origin::Generated
            && !draft.flags.has(Attribute::Extractable)
            && !weaker_claim
            && wish.class != KeyClass::PublicKey;
        draft.flags = draft.flags.with(Attribute::NeverExtractable, never);
        Ok(draft)
    }

    fn set(&mut self, setting: &Setting) -> Result<(), Refusal> {
        let attribute = setting.attribute;
        match (attribute, &setting.value) {
            // KMS's backing keys claim less than they could: they are not never-extractable.
            (Attribute::NeverExtractable, Datum::Flag(false)) => Ok(()),
            (Attribute::Token | Attribute::Label, _) => {
                Err(unfit(attribute, "is a parameter of its own"))
            }
            (Attribute::Id, Datum::Bytes(Blob(id))) => {
                check_id(id)?;
                self.id.clone_from(id);
                Ok(())
            }
            (_, Datum::Flag(value)) if may_be_given(attribute) => {
                check_flag(self.class, self.key_type, attribute, *value)?;
                self.flags = self.flags.with(attribute, *value);
                Ok(())
            }
            _ => Err(Fault::AttributeReadOnly.with(attribute.name())),
        }
    }

    pub(crate) fn is_token(&self) -> bool {
        self.flags.has(Attribute::Token)
    }

    pub(crate) fn into_key(self, handle: u64, material: Material) -> Key {
        Key {
            handle,
            class: self.class,
            key_type: self.key_type,
            owner: self.owner,
            label: self.label,
            id: self.id,
            flags: self.flags,
            secret: Secret::new(material),
            retry: self.retry,
            changed: Vec::new(),
            shares: Vec::new(),
            position: 0,
        }
    }
}

fn may_be_given(attribute: Attribute) -> bool {
    !matches!(attribute.change(), Change::Never | Change::ByCo)
}

const fn defaults(class: KeyClass, origin: Origin) -> Flags {
    let generated = matches!(origin, Origin::Generated);
    let secret = matches!(class, KeyClass::SecretKey);
    let public = matches!(class, KeyClass::PublicKey);
    Flags(0)
        .with(Attribute::Private, true)
        .with(Attribute::Sensitive, !public)
        .with(Attribute::AlwaysSensitive, generated && !public)
        .with(Attribute::Extractable, true)
        .with(Attribute::Modifiable, true)
        .with(Attribute::Destroyable, true)
        .with(Attribute::Local, generated)
        .with(Attribute::Sign, generated && secret)
        .with(Attribute::Verify, generated && secret)
}

fn unfit(attribute: Attribute, why: &str) -> Refusal {
    Fault::AttributeUnfit.with(format!("{} {why}", attribute.name()))
}

fn check_label(label: &str) -> Result<(), Refusal> {
    if label.len() > limits::LABEL_MAX {
        return Err(Fault::LabelUnfit.with(format!("it has {} bytes", label.len())));
    }
    Ok(())
}

fn check_id(id: &[u8]) -> Result<(), Refusal> {
    if id.len() > limits::KEY_ID_MAX {
        return Err(unfit(Attribute::Id, "has up to 128 bytes"));
    }
    Ok(())
}

/// Can a key of this kind have this value? (User guide, PKCS#11 attributes.)
fn check_flag(
    class: KeyClass,
    key_type: KeyType,
    attribute: Attribute,
    value: bool,
) -> Result<(), Refusal> {
    use Attribute::{
        Decrypt, Derive, Encrypt, Private, Sensitive, Sign, Unwrap, Verify, Wrap, WrapWithTrusted,
    };
    if !value {
        return match attribute {
            Private => Err(unfit(attribute, "is always true")),
            Sensitive if class != KeyClass::PublicKey => Err(unfit(attribute, "is always true")),
            _ => Ok(()),
        };
    }
    let uses: &[Attribute] = match (class, key_type) {
        (KeyClass::SecretKey, KeyType::Aes) => {
            &[Encrypt, Decrypt, Sign, Verify, Wrap, Unwrap, Derive]
        }
        (KeyClass::SecretKey, _) => &[Sign, Verify, Derive],
        (KeyClass::PrivateKey, KeyType::Ec) => &[Sign, Derive],
        (KeyClass::PrivateKey, _) => &[Sign, Decrypt, Unwrap],
        (KeyClass::PublicKey, KeyType::Ec) => &[Verify],
        (KeyClass::PublicKey, _) => &[Verify, Encrypt, Wrap],
    };
    let is_use = matches!(attribute, Encrypt | Decrypt | Sign | Verify | Wrap | Unwrap | Derive);
    let on_public =
        matches!(attribute, Sensitive | WrapWithTrusted) && class == KeyClass::PublicKey;
    if (is_use && !uses.contains(&attribute)) || on_public {
        let kind = format!("cannot be true for a {} {}", key_type.name(), class.name());
        return Err(unfit(attribute, &kind));
    }
    Ok(())
}

/// May this attribute of this key be set to this value now? (User guide, CLI key attributes table.)
pub(crate) fn check_change(key: &Key, setting: &Setting, by_co: bool) -> Result<(), Refusal> {
    let attribute = setting.attribute;
    let read_only = || Fault::AttributeReadOnly.with(attribute.name());
    if by_co != (attribute.change() == Change::ByCo) {
        return Err(match attribute.change() {
            Change::ByCo => Fault::AttributeReadOnly.with("trusted is set by a CO"),
            _ => Fault::KeyAccessDenied.with("a CO sets trusted alone"),
        });
    }
    if !key.flags.has(Attribute::Modifiable) {
        return Err(Fault::AttributeReadOnly.with("the key is not modifiable"));
    }
    match (&setting.value, attribute.change()) {
        (_, Change::Never | Change::AtCreation) => return Err(read_only()),
        (Datum::Flag(false), Change::OnlyUp) if key.flags.has(attribute) => return Err(read_only()),
        (Datum::Flag(true), Change::OnlyDown) if !key.flags.has(attribute) => {
            return Err(read_only());
        }
        _ => {}
    }
    match &setting.value {
        Datum::Text(label) => check_label(label),
        Datum::Bytes(Blob(id)) => check_id(id),
        Datum::Flag(value) => check_flag(key.class, key.key_type, attribute, *value),
        Datum::Number(_) => Err(read_only()),
    }
}
