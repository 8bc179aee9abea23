//! Making, finding, describing, changing, sharing, copying and destroying keys.
use super::*;
use crate::authorise::{Access, refusal};
use crate::crypto::Material;
use crate::key::Key;
use crate::masked;
use crate::retry::Retry;
use crate::template::{Draft, Origin, Wish, check_change};
use crate::vault::Mark;
use proto::command::key::*;
use proto::{Attribute, Blob, Datum, KeyClass, KeyType, Role, Setting, limits};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl<C> Granted<'_, C> {
    /// The keys that an earlier request with the same retry token made: its reply was lost.
    pub(super) fn made_before(
        &mut self,
        retry: Option<&Blob>,
    ) -> Result<(Option<Retry>, Vec<Arc<Key>>), Refusal>
    where
        C: Command,
    {
        let Some(Blob(bytes)) = retry else { return Ok((None, Vec::new())) };
        let token =
            bytes.as_slice().try_into().map_err(|_| Fault::Malformed.with("retry has 16 bytes"))?;
        let retry = Retry::new(token, C::SPEC.opcode as u16, self.body);
        self.hsm.retries.enter(retry, self.session)?;
        let made = self.hsm.vault.keys.by_retry(&token);
        let me = self.username()?;
        for key in &made {
            if *key.owner != *me {
                return Err(Fault::KeyAccessDenied.with("the retry token is another user's"));
            }
            key.retry.map_or(Ok(()), |made_by| made_by.check_is(&retry))?;
            self.session.saw(key.position);
        }
        Ok((Some(retry), made))
    }

    /// Gives a new key its handle. A token key becomes a change, a session key the session's.
    pub(super) fn keep(
        &mut self,
        draft: Draft,
        material: Material,
    ) -> Result<(u64, Option<Change>), Refusal> {
        let session_key = !draft.is_token();
        if session_key {
            self.check_room()?;
        }
        let (handle, position) = self.hsm.next_handle(self.world);
        self.session.saw(position);
        let key = Arc::new(draft.into_key(handle, material));
        if session_key {
            self.hsm.session_keys.fetch_add(1, Ordering::Relaxed);
            self.session.keys.insert(handle, key);
            return Ok((handle, None));
        }
        Ok((handle, Some(Change::KeyAdded(key))))
    }

    fn check_room(&self) -> Result<(), Refusal> {
        let most = self.hsm.settings.capacity().keys;
        if self.hsm.session_keys.load(Ordering::Relaxed).saturating_add(self.hsm.vault.keys.count())
            >= most
        {
            return Err(Fault::KeysFull.with(format!("{most} keys")));
        }
        Ok(())
    }
}

impl Execute for GenerateKey {
    fn execute(mut call: Granted<'_, Self>) -> Outcome<KeyGenerated> {
        let owner = call.username()?;
        let bytes = call.request.bytes as usize;
        check_secret_size(call.request.key_type, bytes)?;
        let retry = call.request.retry.take();
        let (retry, made) = call.made_before(retry.as_ref())?;
        let key_type = call.request.key_type;
        if let Some(key) = made.first() {
            let check_value = call.engine().check_value(&key.secret.material, key_type);
            let check_value = check_value.map(|v| Blob(v.to_vec()));
            return Ok(Done::new(KeyGenerated { handle: key.handle, check_value }));
        }
        let wish = Wish {
            class: KeyClass::SecretKey,
            key_type,
            origin: Origin::Generated,
            label: std::mem::take(&mut call.request.label),
            token: call.request.token,
            attributes: &call.request.attributes,
        };
        let draft = Draft::new(wish, owner, retry)?;
        let material = call.engine().generate_secret(bytes, &mut |out| call.world.random(out));
        let check_value = call.engine().check_value(&material, key_type).map(|v| Blob(v.to_vec()));
        let (handle, change) = call.keep(draft, material)?;
        let mut done =
            Done::new(KeyGenerated { handle, check_value }).about(Subject::keys(handle, 0));
        done.changes.extend(change);
        Ok(done)
    }
}

pub(super) fn check_secret_size(key_type: KeyType, bytes: usize) -> Result<(), Refusal> {
    let fits = match key_type {
        KeyType::Aes => matches!(bytes, 16 | 24 | 32),
        KeyType::GenericSecret => (1..=limits::GENERIC_SECRET_MAX).contains(&bytes),
        KeyType::Rsa | KeyType::Ec => {
            return Err(Fault::KeyTypeUnfit.with("a secret key is aes or generic-secret"));
        }
    };
    if fits {
        return Ok(());
    }
    Err(Fault::SizeUnfit.with(match key_type {
        KeyType::Aes => format!("{bytes} bytes; an AES key has 16, 24 or 32"),
        _ => format!("{bytes} bytes; a generic secret has 1 to {}", limits::GENERIC_SECRET_MAX),
    }))
}

/// What the two kinds of key pair have in common.
struct Pair {
    key_type: KeyType,
    labels: [String; 2],
    token: bool,
    attributes: [Vec<Setting>; 2],
    retry: Option<Blob>,
}

/// Public first, then private.
fn generate_pair<C: Command>(
    mut call: Granted<'_, C>,
    pair: Pair,
    make: impl FnOnce(&Granted<'_, C>) -> Result<Material, Refusal>,
) -> Outcome<KeyPairGenerated> {
    let owner = call.username()?;
    let (retry, made) = call.made_before(pair.retry.as_ref())?;
    let of_class = |class| made.iter().find(|k| k.class == class).map(|k| k.handle);
    if let (Some(public), Some(private)) =
        (of_class(KeyClass::PublicKey), of_class(KeyClass::PrivateKey))
    {
        return Ok(Done::new(KeyPairGenerated { public, private }));
    }
    let draft = |class, label, attributes: &[Setting]| {
        let key_type = pair.key_type;
        let wish = Wish {
            class,
            key_type,
            origin: Origin::Generated,
            label,
            token: pair.token,
            attributes,
        };
        Draft::new(wish, owner.clone(), retry)
    };
    let [public_label, private_label] = pair.labels;
    let public = draft(KeyClass::PublicKey, public_label, &pair.attributes[0])?;
    let private = draft(KeyClass::PrivateKey, private_label, &pair.attributes[1])?;
    let material = make(&call)?;
    let half = material.public_half().ok_or(Fault::Internal)?;
    let (public, public_change) = call.keep(public, half)?;
    let (private, private_change) = call.keep(private, material)?;
    let mut done = Done::new(KeyPairGenerated { public, private })
        .about(Subject::keys(private, public).of(0x19, "CN_GENERATE_KEY_PAIR"));
    done.changes.extend(public_change.into_iter().chain(private_change));
    Ok(done)
}

impl Execute for GenerateEcKeyPair {
    fn execute(mut call: Granted<'_, Self>) -> Outcome<KeyPairGenerated> {
        let curve = call.request.curve;
        let r = &mut call.request;
        let pair = Pair {
            key_type: KeyType::Ec,
            labels: [std::mem::take(&mut r.public_label), std::mem::take(&mut r.private_label)],
            token: r.token,
            attributes: [
                std::mem::take(&mut r.public_attributes),
                std::mem::take(&mut r.private_attributes),
            ],
            retry: r.retry.take(),
        };
        generate_pair(call, pair, |call| {
            call.engine().generate_ec(curve, &mut |out| call.world.random(out)).map_err(refusal)
        })
    }
}

impl Execute for GenerateRsaKeyPair {
    fn execute(mut call: Granted<'_, Self>) -> Outcome<KeyPairGenerated> {
        let r = &mut call.request;
        let (bits, exponent) = (r.modulus_bits, r.public_exponent);
        let sizes = limits::RSA_BITS_MIN..=limits::RSA_BITS_MAX;
        if !sizes.contains(&bits) || bits % limits::RSA_BITS_STEP != 0 {
            return Err(Fault::SizeUnfit
                .with(format!("{bits} bits; an RSA key has 2048 to 4096 in steps of 256"))
                .into());
        }
        if exponent < limits::RSA_EXPONENT_MIN || exponent.is_multiple_of(2) {
            return Err(Fault::SizeUnfit
                .with("the public exponent is odd and at least 65537")
                .into());
        }
        let pair = Pair {
            key_type: KeyType::Rsa,
            labels: [std::mem::take(&mut r.public_label), std::mem::take(&mut r.private_label)],
            token: r.token,
            attributes: [
                std::mem::take(&mut r.public_attributes),
                std::mem::take(&mut r.private_attributes),
            ],
            retry: r.retry.take(),
        };
        generate_pair(call, pair, |call| {
            call.engine()
                .generate_rsa(bits, exponent, &mut |out| call.world.random(out))
                .map_err(refusal)
        })
    }
}

impl Execute for DestroyObjects {
    /// Another may delete one of the keys at the same moment: then it is not found.
    const ATTEMPTS: u32 = 2;

    fn execute(mut call: Granted<'_, Self>) -> Outcome<ObjectsDestroyed> {
        let handles: BTreeSet<u64> = call.request.handles.iter().copied().collect();
        let count = call.request.handles.len();
        if count == 0 || count > limits::HANDLES_MAX || handles.len() != count {
            return Err(Fault::SizeUnfit.with("1 to 4096 handles, each once").into());
        }
        for handle in &handles {
            let key = call.key(*handle, Access::Own)?;
            if !key.flags.has(Attribute::Destroyable) {
                return Err(Fault::UseForbidden
                    .with(format!("handle {handle:#x}: destroyable is false"))
                    .into());
            }
        }
        let mut done = Done::new(ObjectsDestroyed { count: count as u64 });
        let mut of_session = Vec::new();
        for handle in handles {
            if call.session.keys.contains_key(&handle) {
                of_session.push(handle);
                done = done.about(Subject::keys(handle, 0));
            } else {
                // CloudHSM's log tells the deletion of a token key from that of a session key.
                let subject = Subject::keys(handle, 0).of(0x8011, "CN_TOMBSTONE_OBJECT");
                done = done.about(subject).changing(Change::KeyRemoved { handle });
            }
        }
        Ok(done.then(move |hsm, session| {
            for handle in of_session {
                hsm.forget_session_key(session, handle);
            }
        }))
    }
}

impl Execute for FindKeys {
    fn execute(call: Granted<'_, Self>) -> Outcome<KeysFound> {
        let FindKeys { attributes, owner, after, limit } = &call.request;
        let most = *limit as usize;
        if most > limits::HANDLES_MAX || attributes.len() > limits::TEMPLATE_MAX {
            return Err(Fault::SizeUnfit.with("limit is 0 to 4096").into());
        }
        let mut marks: Vec<Mark> = attributes.iter().filter_map(mark).collect();
        marks.extend(owner.as_deref().map(|name| Mark::Owner(name.into())));
        let me = call.session.login.clone().ok_or(Fault::NotLoggedIn)?;
        let engine = call.engine();
        let rest: Vec<&Setting> = attributes.iter().filter(|s| mark(s).is_none()).collect();
        let matches =
            |key: &Key| rest.iter().all(|s| key.attribute(s.attribute, engine).as_ref() == Some(s));
        let visible = |key: &Key| {
            me.role == Role::Co
                || *key.owner == *me.name
                || key.class == KeyClass::PublicKey
                || key.shared_with(&me.name)
        };
        let candidates = call.hsm.vault.keys.candidates(&marks);
        let found = candidates.iter().filter(|k| visible(k) && matches(k));
        let of_session = call.session.keys.values().filter(|k| {
            owner.as_deref().is_none_or(|name| *k.owner == *name)
                && attributes.iter().all(|s| k.attribute(s.attribute, engine).as_ref() == Some(s))
        });
        let mut handles: Vec<u64> = found.chain(of_session).map(|key| key.handle).collect();
        let total = handles.len() as u64;
        handles.retain(|handle| handle > after);
        handles.sort_unstable();
        handles.truncate(most);
        call.session.saw(call.hsm.vault.latest());
        Ok(Done::new(KeysFound { handles, total }))
    }
}

/// The attributes that are indexed.
fn mark(setting: &Setting) -> Option<Mark> {
    Some(match (setting.attribute, &setting.value) {
        (Attribute::Label, Datum::Text(label)) => Mark::Label(label.clone()),
        (Attribute::Id, Datum::Bytes(Blob(id))) if !id.is_empty() => Mark::Id(id.clone()),
        (Attribute::Class, Datum::Number(n)) => Mark::Class(KeyClass::from_code(*n)?),
        (Attribute::KeyType, Datum::Number(n)) => Mark::Type(KeyType::from_code(*n)?),
        _ => return None,
    })
}

impl Execute for GetAttributes {
    fn execute(mut call: Granted<'_, Self>) -> Outcome<AttributesGot> {
        let key = call.key(call.request.handle, Access::Describe)?;
        let attributes =
            Attribute::ALL.iter().filter_map(|a| key.attribute(*a, call.engine())).collect();
        Ok(Done::new(AttributesGot {
            handle: key.handle,
            owner: key.owner.to_string(),
            shared_with: key
                .shares
                .iter()
                .filter(|s| s.shared)
                .map(|s| s.username.clone())
                .collect(),
            attributes,
        }))
    }
}

impl Execute for SetAttribute {
    fn execute(mut call: Granted<'_, Self>) -> Outcome<AttributeSet> {
        let SetAttribute { handle, attribute: setting } = call.request.clone();
        let by_co = call.session.role() == Some(Role::Co);
        let key = call.key(handle, if by_co { Access::Describe } else { Access::Own })?;
        check_change(&key, &setting, by_co)?;
        if key.attribute(setting.attribute, call.engine()).as_ref() == Some(&setting) {
            // Nothing changes: a stamp would win over a change made elsewhere.
            return Ok(Done::new(AttributeSet {}).about(Subject::keys(handle, 0)));
        }
        let mut changed = (*key).clone();
        changed.set(setting, key.next_stamp(call.hsm.settings.node));
        let changed = Arc::new(changed);
        let done = Done::new(AttributeSet {}).about(Subject::keys(handle, 0));
        if key.is_token() {
            return Ok(done.changing(Change::KeyChanged { was: key.position, key: changed }));
        }
        if changed.is_token() {
            let done = done.changing(Change::KeyAdded(changed));
            return Ok(done.then(move |hsm, session| hsm.forget_session_key(session, handle)));
        }
        call.session.keys.insert(handle, changed);
        Ok(done)
    }
}

impl Execute for ShareObject {
    fn execute(mut call: Granted<'_, Self>) -> Outcome<ObjectShared> {
        let ShareObject { handle, username, share } = call.request.clone();
        let name = crate::user::canonical_name(&username)?;
        let key = call.key(handle, Access::Own)?;
        if !key.is_token() || key.class == KeyClass::PublicKey {
            return Err(Fault::UseForbidden
                .with("only secret and private token keys are shared")
                .into());
        }
        let with = call.hsm.vault.users().by_name(&name).cloned();
        if with.is_none_or(|u| u.role != Role::Cu) {
            return Err(Fault::UserNotFound.with(format!("CU {name}")).into());
        }
        if *key.owner == *name || (!share && !key.shared_with(&name)) {
            return Err(Fault::UserNotFound
                .with(format!("the key is not shared with {name}"))
                .into());
        }
        let known = key.shares.iter().any(|s| s.username == name);
        if !known && key.shares.len() >= limits::SHARES_MAX {
            return Err(Fault::SizeUnfit.with("a key is shared with 1024 users at most").into());
        }
        let mut changed = (*key).clone();
        changed.share(&name, share, key.next_stamp(call.hsm.settings.node));
        let change = Change::KeyChanged { was: key.position, key: Arc::new(changed) };
        Ok(Done::new(ObjectShared {}).changing(change).about(Subject::keys(handle, 0)))
    }
}

impl Execute for ExtractMaskedObject {
    fn execute(mut call: Granted<'_, Self>) -> Outcome<MaskedObject> {
        let handle = call.request.handle;
        let key = call.key(handle, Access::Copy)?;
        if !key.is_token() {
            return Err(Fault::UseForbidden.with("a session key stays on its HSM").into());
        }
        let masking = call.hsm.vault.masking()?;
        let object = Blob(masked::mask(&masking, &key, call.world));
        Ok(Done::new(MaskedObject { object }).about(Subject::keys(handle, 0)))
    }
}

impl Execute for InsertMaskedObject {
    /// A client and a peer may bring the same key at the same moment: then they are merged.
    const ATTEMPTS: u32 = 4;

    fn execute(call: Granted<'_, Self>) -> Outcome<MaskedObjectInserted> {
        let masking = call.hsm.vault.masking()?;
        let key = masked::unmask(&masking, &call.request.object.0)?;
        let handle = key.handle;
        call.hsm.handles.pass(handle);
        if call.session.role() == Some(Role::Cu) && *key.owner != *call.username()? {
            return Err(Fault::KeyAccessDenied.with(format!("handle {handle:#x}")).into());
        }
        {
            let users = call.hsm.vault.users();
            let there = |name: &str| users.by_name(name).is_some_and(|u| u.role == Role::Cu);
            let sharing = key.shares.iter().filter(|s| s.shared).map(|s| s.username.as_str());
            if let Some(missing) = std::iter::once(&*key.owner).chain(sharing).find(|n| !there(n)) {
                return Err(Fault::OwnerMissing
                    .with(format!("user {missing}, handle {handle:#x}"))
                    .into());
            }
        }
        let done = Done::new(MaskedObjectInserted { handle }).about(Subject::keys(handle, 0));
        let Some(ours) = call.hsm.vault.keys.get(handle) else {
            return Ok(done.changing(Change::KeyAdded(Arc::new(key))));
        };
        call.session.saw(ours.position);
        ours.check_is(&key)
            .map_err(|refusal| Failed::from(refusal).about(Subject::keys(handle, 0)))?;
        let mut merged = (*ours).clone();
        if !merged.merge(&key) {
            return Ok(done);
        }
        Ok(done.changing(Change::KeyChanged { was: ours.position, key: Arc::new(merged) }))
    }
}
