//! A whole HSM, sealed under the manufacturer's backup key.
use crate::key::Key;
use crate::record::BackupRecord;
use crate::seal::Seal;
use crate::user::User;
use crate::vault::{Change, Vault};
use crate::world::World;
use proto::command::cluster::HandleRange;
use proto::{Fault, NodeState, Refusal};
use std::sync::Arc;
use zeroize::Zeroizing;

const AAD: &[u8] = b"cloudhsm-sim backup 1";

/// Everything but what belongs to the one machine: its id, its factory certificates, its logins.
pub(crate) fn take(vault: &Vault, seal: &Seal, world: &dyn World) -> Vec<u8> {
    let (keys, tombstones) = vault.keys.all();
    let record = BackupRecord {
        node: (*vault.node()).clone(),
        users: vault.users().iter().map(|u| u.to_record()).collect(),
        keys: keys.iter().map(|k| k.to_record()).collect(),
        tombstones: tombstones.into_iter().map(HandleRange::from).collect(),
    };
    let mut plain = Zeroizing::new(Vec::new());
    proto::encode(&record, &mut plain);
    let mut nonce = [0; 12];
    world.random(&mut nonce);
    let mut out = Vec::new();
    seal.seal(nonce, AAD, &plain, &mut out);
    out
}

/// What makes this HSM a clone of the one that was backed up.
pub(crate) fn open(vault: &Vault, seal: &Seal, sealed: &[u8]) -> Result<Vec<Change>, Refusal> {
    let unfit = |why: &'static str| Fault::BackupUnfit.with(why);
    let plain = seal.open(AAD, sealed).map_err(|_| {
        unfit("it is damaged, or from an HSM of another manufacturer's installation")
    })?;
    let record: BackupRecord = proto::decode(&plain)?;
    if record.node.state == NodeState::Uninitialized {
        return Err(unfit("the HSM that it was taken from was not initialized"));
    }
    let was = vault.node();
    let mut node = record.node;
    node.hsm_id = was.hsm_id.clone();
    // Who the members are is told to each HSM; in a backup they are those of another day.
    node.members = was.members.clone();
    let mut changes = vec![Change::NodeChanged { node: Arc::new(node), was }];
    changes.extend(
        record.users.into_iter().map(|u| Change::UserAdded(Arc::new(User::from_record(u)))),
    );
    for key in record.keys {
        let key = Key::from_record(key).map_err(|_| unfit("it holds a key that cannot be read"))?;
        changes.push(Change::KeyAdded(Arc::new(key)));
    }
    changes.extend(record.tombstones.into_iter().map(|r| Change::TombstonesAdded(r.into())));
    Ok(changes)
}
