//! May this session make this request, and use this key? The one place where that is decided.
use crate::crypto::{CryptoError, Engine, Prepared, Random};
use crate::key::Key;
use crate::serve::Hsm;
use crate::session::Session;
use crate::world::World;
use proto::{Attribute, Command, Fault, KeyClass, Mechanism, NodeState, Refusal, Role, Use, Who};
use std::sync::Arc;

/// A request that its session may make, with all it needs. Only [`authorise`] makes one.
pub(crate) struct Granted<'a, C> {
    pub(crate) request: C,
    /// The request as it came.
    pub(crate) body: &'a [u8],
    pub(crate) session: &'a mut Session,
    pub(crate) world: &'a dyn World,
    pub(crate) hsm: &'a Hsm,
    _only_here: (),
}

/// What is to be done with a key, which decides who may.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Its owner, those it is shared with, and COs; everybody for public keys.
    Describe,
    /// Its owner and those it is shared with; every CU for public keys.
    Use,
    /// Its owner.
    Own,
    /// Its owner, COs, and the appliance user, which keeps HSMs alike.
    Copy,
}

pub(crate) fn authorise<'a, C: Command>(
    request: C,
    body: &'a [u8],
    hsm: &'a Hsm,
    session: &'a mut Session,
    world: &'a dyn World,
) -> Result<Granted<'a, C>, Refusal> {
    let who = C::SPEC.who;
    if !session.greeted && C::SPEC.name != "Hello" {
        return Err(Fault::VersionMismatch.with("the first request is Hello"));
    }
    let before = matches!(who, Who::Anyone | Who::Appliance);
    if !before && hsm.vault.node().state == NodeState::Uninitialized {
        return Err(Fault::NotInitialized.into());
    }
    let role = session.role();
    if !who.admits(role) {
        return Err(match &session.login {
            None if who != Who::Appliance => Fault::NotLoggedIn.into(),
            _ => Fault::InvalidUserType.with(format!("{} is for: {}", C::SPEC.name, who.says())),
        });
    }
    Ok(Granted { request, body, session, world, hsm, _only_here: () })
}

impl<C> Granted<'_, C> {
    /// The only way to a key.
    pub(crate) fn key(&mut self, handle: u64, access: Access) -> Result<Arc<Key>, Refusal> {
        if let Some(key) = self.session.keys.get(&handle) {
            return Ok(key.clone());
        }
        let key = self.hsm.vault.keys.get(handle);
        let Some(key) = key else {
            // Its tombstone may be a moment old.
            self.session.saw(self.hsm.vault.latest());
            return Err(Fault::InvalidHandle.with(format!("handle {handle:#x}")));
        };
        self.session.saw(key.position);
        if self.may(&key, access) {
            Ok(key)
        } else {
            Err(Fault::KeyAccessDenied.with(format!("handle {handle:#x}")))
        }
    }

    fn may(&self, key: &Key, access: Access) -> bool {
        let public = key.class == KeyClass::PublicKey;
        match (self.session.role(), &self.session.login) {
            (Some(Role::Cu), Some(login)) => {
                *key.owner == *login.name
                    || (matches!(access, Access::Describe | Access::Use)
                        && (public || key.shared_with(&login.name)))
            }
            (Some(Role::Co), _) => matches!(access, Access::Describe | Access::Copy),
            (Some(Role::Au), _) => access == Access::Copy,
            _ => false,
        }
    }

    /// A key that may be used with a mechanism for a purpose: its type and its attributes agree.
    pub(crate) fn usable(
        &mut self,
        handle: u64,
        mechanism: Mechanism,
        purpose: Use,
    ) -> Result<Arc<Key>, Refusal> {
        let key = self.key(handle, Access::Use)?;
        if !mechanism.uses().contains(&purpose) || !mechanism.key_types().contains(&key.key_type) {
            return Err(Fault::KeyTypeUnfit.with(format!(
                "{} and {}",
                mechanism.name(),
                key.key_type.name()
            )));
        }
        let (attribute, class) = match purpose {
            Use::Sign => (Attribute::Sign, KeyClass::PrivateKey),
            Use::Verify => (Attribute::Verify, KeyClass::PublicKey),
            Use::Encrypt => (Attribute::Encrypt, KeyClass::PublicKey),
            Use::Decrypt => (Attribute::Decrypt, KeyClass::PrivateKey),
            Use::Wrap => (Attribute::Wrap, KeyClass::PublicKey),
            Use::Unwrap => (Attribute::Unwrap, KeyClass::PrivateKey),
        };
        if key.class != KeyClass::SecretKey && key.class != class {
            return Err(Fault::KeyTypeUnfit.with(format!(
                "{} needs a {}",
                attribute.name(),
                class.name()
            )));
        }
        if !key.flags.has(attribute) {
            return Err(Fault::UseForbidden.with(format!("{} is false", attribute.name())));
        }
        Ok(key)
    }

    pub(crate) fn engine(&self) -> &dyn Engine {
        &*self.hsm.engine
    }

    /// Runs the engine with a key and the world's randomness.
    pub(crate) fn compute<T>(
        &self,
        key: &Key,
        run: impl FnOnce(&dyn Engine, &Prepared, Random<'_>) -> Result<T, CryptoError>,
    ) -> Result<T, Refusal> {
        let engine = self.engine();
        let prepared = key.prepared(engine).map_err(refusal)?;
        run(engine, prepared, &mut |out| self.world.random(out)).map_err(refusal)
    }

    /// The user's name; the table lets only those through that are logged in.
    pub(crate) fn username(&self) -> Result<Arc<str>, Refusal> {
        self.session.login.as_ref().map(|l| l.name.clone()).ok_or_else(|| Fault::NotLoggedIn.into())
    }
}

/// The one place where the engine's errors become the client's.
pub(crate) fn refusal(error: CryptoError) -> Refusal {
    match error {
        CryptoError::BadSignature => Fault::BadSignature.into(),
        CryptoError::BadData(why) => Fault::DataUnfit.with(why),
        CryptoError::BadKey(why) => Fault::SizeUnfit.with(why),
        CryptoError::Unsupported(why) => Fault::PolicyViolation.with(why),
        CryptoError::Internal => Fault::Internal.into(),
    }
}
