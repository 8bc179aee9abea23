//! KMS's own HSM, for keys of origin AWS_KMS: the same `hsm-core`, in this process.
//!
//! All endpoints on a database have clones of one HSM, restored from the same sealed backup. A key
//! is kept as a masked object in the KMS key's record; an endpoint that has not got it inserts it.
use crate::database::{Database, Statement, WriteError, number, text};
use crate::error::{ApiError, internal};
use crate::kms::Kms;
use crate::kms::keys::Material;
use crate::model::ErrorKind;
use crate::secrets::Secrets;
use data_encoding::{BASE64, HEXLOWER};
use hsm_core::{EngineKind, Factory, Hsm, HsmType, Peer, Record, Session, Settings, World};
use kms_connector::{BackingKey, template};
use proto::command::cipher::{Decrypt, Encrypt};
use proto::command::cluster::*;
use proto::command::key::{ExtractMaskedObject, InsertMaskedObject};
use proto::command::random::GenerateRandom;
use proto::command::session::{Hello, Login};
use proto::command::user::{ChangePassword, CreateUser};
use proto::limits::BACKUP_CHUNK;
use proto::{Blob, Command, Deframer, Fault, Frame, Mechanism, Refusal, Role, Secret};
use rand::Rng;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

const ADMIN: &str = "admin";
const USER: &str = "kms";

/// Made when it is needed first: whoever has no such keys does not pay for it.
#[derive(Default)]
pub(crate) struct OwnHsm(OnceCell<Arc<Running>>);

struct Running {
    hsm: Hsm,
    world: Process,
    password: Secret,
    /// Sessions that are logged in and not in use.
    sessions: Mutex<Vec<Session>>,
    /// Handles of the keys that are here, by the id of the material.
    here: RwLock<HashMap<String, u64>>,
}

/// What the HSM stands in: it keeps nothing, since what is to last is in the database.
#[derive(Default)]
struct Process(AtomicU64);

impl World for Process {
    fn now_us(&self) -> u64 {
        u64::try_from(crate::clock::real_now_ms()).unwrap_or_default() * 1_000
    }

    fn random(&self, out: &mut [u8]) {
        rand::rng().fill_bytes(out);
    }

    fn append(&self, _: Vec<Record>) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

fn broken(what: &str) -> impl Fn(Refusal) -> ApiError + use<> {
    let what = format!("KMS's own HSM could not {what}");
    move |refusal| internal(&what, refusal)
}

impl OwnHsm {
    async fn running(&self, kms: &Kms) -> Result<&Arc<Running>, ApiError> {
        self.0
            .get_or_try_init(|| async {
                let node = next_start(&kms.database).await?;
                let backup = the_backup(kms).await?;
                let secrets = kms.secrets.clone();
                let work = move || Running::restore(&secrets, node, &backup);
                let done = tokio::task::spawn_blocking(work).await;
                done.map_err(|e| internal("KMS's own HSM", e))?.map(Arc::new)
            })
            .await
    }

    /// Makes key material for the key with this ARN.
    pub(crate) async fn create(&self, kms: &Kms, arn: &str) -> Result<Material, ApiError> {
        self.running(kms).await?.create(arn).map_err(broken("make a key"))
    }

    pub(crate) async fn encrypt(
        &self,
        kms: &Kms,
        material: &Material,
        plaintext: &[u8],
        aad: &[u8],
    ) -> Result<(Vec<u8>, Vec<u8>), ApiError> {
        let hsm = self.running(kms).await?;
        let request = Encrypt {
            key: hsm.handle(material).map_err(broken("take in a key"))?,
            mechanism: Mechanism::AesGcm,
            iv: None,
            aad: Some(Blob(aad.to_vec())),
            data: Blob(plaintext.to_vec()),
        };
        let made = hsm.as_user(&request).map_err(broken("encrypt"))?;
        Ok((made.iv.0, made.data.0))
    }

    pub(crate) async fn decrypt(
        &self,
        kms: &Kms,
        material: &Material,
        iv: &[u8],
        data: &[u8],
        aad: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, ApiError> {
        let hsm = self.running(kms).await?;
        let request = Decrypt {
            key: hsm.handle(material).map_err(broken("take in a key"))?,
            mechanism: Mechanism::AesGcm,
            iv: Blob(iv.to_vec()),
            aad: Some(Blob(aad.to_vec())),
            data: Blob(data.to_vec()),
        };
        match hsm.as_user(&request) {
            Ok(made) => Ok(Zeroizing::new(made.data.0)),
            Err(refusal) if matches!(refusal.fault, Fault::DataUnfit | Fault::BadSignature) => {
                Err(ErrorKind::InvalidCiphertextException.bare())
            }
            Err(refusal) => Err(broken("decrypt")(refusal)),
        }
    }

    pub(crate) async fn random(
        &self,
        kms: &Kms,
        count: u32,
    ) -> Result<Zeroizing<Vec<u8>>, ApiError> {
        let hsm = self.running(kms).await?;
        let made = hsm.as_user(&GenerateRandom { count }).map_err(broken("give random bytes"))?;
        Ok(Zeroizing::new(made.bytes.0))
    }
}

/// A number that no other start on this database has had: key handles begin with it.
async fn next_start(database: &Database) -> Result<u16, ApiError> {
    let begin = "INSERT INTO shared (name, version, value) VALUES ('starts', 0, '') \
                 ON CONFLICT (name) DO NOTHING";
    database.write(vec![Statement::any(begin, [])]).await?;
    loop {
        let sql = "SELECT version FROM shared WHERE name = 'starts'";
        let row = database.row(sql, []).await?;
        let now = row.map_or(Ok(0), |row| number(&row, 0))?;
        let sql = "UPDATE shared SET version = version + 1 WHERE name = 'starts' AND version = $1";
        match database.write(vec![Statement::one(sql, [now.into()])]).await {
            // It begins anew after 65,535 starts: handles of keys that old are not met again,
            // since a handle also has a counter, and a key that is not the one meant is refused.
            Ok(()) => return Ok(u16::try_from(now % 65_535).unwrap_or_default() + 1),
            Err(WriteError::Conflict) => {}
            Err(failed) => return Err(failed.into()),
        }
    }
}

/// The backup that all endpoints restore; the first one that needs it makes it.
async fn the_backup(kms: &Kms) -> Result<Vec<u8>, ApiError> {
    let sql = "SELECT value FROM shared WHERE name = 'own hsm'";
    if kms.database.row(sql, []).await?.is_none() {
        let secrets = kms.secrets.clone();
        let made = tokio::task::spawn_blocking(move || first_backup(&secrets)).await;
        let made = made.map_err(|e| internal("KMS's own HSM", e))??;
        let sql = "INSERT INTO shared (name, version, value) VALUES ('own hsm', 1, $1) \
                   ON CONFLICT (name) DO NOTHING";
        kms.database.write(vec![Statement::any(sql, [BASE64.encode(&made).into()])]).await?;
    }
    // Perhaps that of an endpoint that was quicker.
    let row = kms.database.row(sql, []).await?;
    let row = row.ok_or_else(|| internal("KMS's own HSM", "its backup is gone"))?;
    let backup = BASE64.decode(text(&row, 0)?.as_bytes());
    backup.map_err(|e| internal("the backup of KMS's own HSM", e))
}

fn password(secrets: &Secrets) -> Secret {
    let bytes = secrets.derive("own hsm password");
    let digits = Zeroizing::new(HEXLOWER.encode(&*bytes));
    Secret::new(digits.get(..32).unwrap_or_default())
}

fn switched_on(secrets: &Secrets, node: u16, factory: Factory) -> Result<(Hsm, Process), ApiError> {
    let mut master_key = Zeroizing::new([0; 32]);
    rand::rng().fill_bytes(&mut *master_key);
    let settings = Settings {
        hsm_id: "hsm-kms".to_owned(),
        cluster_id: "cluster-kms".to_owned(),
        node,
        zone: String::new(),
        hsm_type: HsmType::Hsm2mMedium,
        limits: false,
        kmsuser_2fa: false,
        engine: EngineKind::Native,
        master_key,
        backup_key: secrets.derive("own hsm backups"),
    };
    let world = Process::default();
    let hsm = Hsm::create(settings, factory, &world);
    Ok((hsm.map_err(|e| internal("KMS's own HSM", e))?, world))
}

/// Initializes an HSM, gives it its user, and takes its backup.
fn first_backup(secrets: &Secrets) -> Result<Vec<u8>, ApiError> {
    let failed = |e: &dyn std::fmt::Display| internal("KMS's own HSM", e);
    let ca = fleet::make_ca("AWS KMS").map_err(|e| failed(&e))?;
    let key = rcgen::KeyPair::generate().map_err(|e| failed(&e))?;
    let csr = rcgen::CertificateParams::default().serialize_request(&key);
    let csr = csr.and_then(|csr| csr.pem()).map_err(|e| failed(&e))?;
    let signed_cert = fleet::sign_csr(&csr, &ca).map_err(|e| failed(&e))?;
    let factory = Factory {
        identity_key: Zeroizing::new(key.serialize_der()),
        cluster_csr: csr,
        ..unmarked()
    };
    let (hsm, world) = switched_on(secrets, 0, factory)?;
    let place = Place { hsm: &hsm, world: &world };
    let mut control = place.enter(Peer::Appliance).map_err(broken("be reached"))?;
    let trust_anchor = ca.certificate().to_owned();
    let begun = Initialize { signed_cert, trust_anchor };
    place.ask(&mut control, &begun).map_err(broken("be initialized"))?;
    place.activate(&password(secrets)).map_err(broken("be activated"))?;
    let backup = place.backup(&mut control).map_err(broken("give a backup"))?;
    hsm.close_session(&world, control);
    Ok(backup)
}

/// What an HSM has that will never show a certificate.
fn unmarked() -> Factory {
    Factory {
        identity_key: Zeroizing::default(),
        cluster_csr: String::new(),
        hsm_certificate: String::new(),
        aws_hardware_certificate: String::new(),
        manufacturer_hardware_certificate: String::new(),
    }
}

/// An HSM in its world.
struct Place<'h> {
    hsm: &'h Hsm,
    world: &'h Process,
}

impl Place<'_> {
    fn enter(&self, peer: Peer) -> Result<Session, Refusal> {
        let mut session = self.hsm.open_session(peer);
        self.ask(&mut session, &Hello { version: proto::VERSION })?;
        Ok(session)
    }

    fn ask<C: Command>(&self, session: &mut Session, request: &C) -> Result<C::Reply, Refusal> {
        let (mut body, mut reply) = (Zeroizing::new(Vec::new()), Zeroizing::new(Vec::new()));
        proto::encode(request, &mut body);
        let frame = Frame { id: 0, code: C::SPEC.opcode as u16, body: &body };
        self.hsm.serve(self.world, session, frame, &mut reply);
        match Deframer::new(&reply).next()? {
            Some(frame) if frame.code == 0 => proto::decode(frame.body),
            Some(frame) => Err(Refusal::decode(frame.code, frame.body)),
            None => Err(Fault::Internal.into()),
        }
    }

    fn log_in(&self, role: Role, username: &str, password: &Secret) -> Result<Session, Refusal> {
        let mut session = self.enter(Peer::Client)?;
        let (username, password) = (username.to_owned(), password.clone());
        self.ask(&mut session, &Login { role, username, password })?;
        Ok(session)
    }

    fn activate(&self, password: &Secret) -> Result<(), Refusal> {
        let mut session = self.log_in(Role::Preco, ADMIN, &Secret::new("password"))?;
        let (username, second_factor) = (ADMIN.to_owned(), None);
        let role = Role::Preco;
        let admin = ChangePassword { role, username, password: password.clone(), second_factor };
        self.ask(&mut session, &admin)?;
        let (role, username) = (Role::Cu, USER.to_owned());
        let user = CreateUser { role, username, password: password.clone(), second_factor: None };
        self.ask(&mut session, &user)?;
        self.hsm.close_session(self.world, session);
        Ok(())
    }

    fn backup(&self, control: &mut Session) -> Result<Vec<u8>, Refusal> {
        let size = self.ask(control, &BeginBackup {})?.size;
        let mut taken = Vec::new();
        while (taken.len() as u64) < size {
            let read = ReadBackup { offset: taken.len() as u64 };
            taken.extend(self.ask(control, &read)?.piece.0);
        }
        Ok(taken)
    }
}

impl Running {
    fn restore(secrets: &Secrets, node: u16, backup: &[u8]) -> Result<Self, ApiError> {
        let (hsm, world) = switched_on(secrets, node, unmarked())?;
        let place = Place { hsm: &hsm, world: &world };
        let restored = || {
            let mut control = place.enter(Peer::Appliance)?;
            for piece in backup.chunks(BACKUP_CHUNK) {
                place.ask(&mut control, &WriteBackup { piece: Blob(piece.to_vec()) })?;
            }
            place.ask(&mut control, &RestoreBackup {})?;
            hsm.close_session(&world, control);
            Ok(())
        };
        restored()
            .map_err(broken("restore its backup: is the key file the one it was made with?"))?;
        let (sessions, here) = Default::default();
        Ok(Self { password: password(secrets), sessions, here, hsm, world })
    }

    /// Asks as the user whose keys they are.
    fn as_user<C: Command>(&self, request: &C) -> Result<C::Reply, Refusal> {
        let place = Place { hsm: &self.hsm, world: &self.world };
        let idle = self.sessions.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut session = match idle {
            Some(session) => session,
            None => place.log_in(Role::Cu, USER, &self.password)?,
        };
        let reply = place.ask(&mut session, request);
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        reply
    }

    fn create(&self, arn: &str) -> Result<Material, Refusal> {
        let material_id = BackingKey::new_id();
        let handle = self.as_user(&template(arn, &material_id))?.handle;
        let object = self.as_user(&ExtractMaskedObject { handle })?.object;
        let mut here = self.here.write().unwrap_or_else(PoisonError::into_inner);
        here.insert(material_id.clone(), handle);
        // Nobody reads the audit log of this HSM.
        self.hsm.audit_blocks(&self.world);
        Ok(Material::Kms { masked: BASE64.encode(&object.0), material_id })
    }

    /// The handle of a key here, which is taken in where it is not known.
    fn handle(&self, material: &Material) -> Result<u64, Refusal> {
        let Material::Kms { masked, material_id } = material else {
            return Err(Fault::InvalidHandle.with("a key of a key store"));
        };
        let here = self.here.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = here.get(material_id) {
            return Ok(*handle);
        }
        drop(here);
        let object = BASE64.decode(masked.as_bytes());
        let object = Blob(object.map_err(|_| Fault::DataUnfit.with("not base64"))?);
        let handle = self.as_user(&InsertMaskedObject { object })?.handle;
        let mut here = self.here.write().unwrap_or_else(PoisonError::into_inner);
        here.insert(material_id.clone(), handle);
        self.hsm.audit_blocks(&self.world);
        Ok(handle)
    }
}
