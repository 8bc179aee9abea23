//! `findAllKeys`: the keys that a user of one server owns or shares.
use super::server::Server;
use super::tables::{self, Hold};
use data_encoding::HEXLOWER;
use proto::command::cluster::GetKeyHash;
use proto::command::key::{FindKeys, GetAttributes};
use proto::command::user::ListUsers;
use proto::{Fault, Role, limits};
use std::collections::BTreeMap;

/// The text for one server. The hash is shown only to those who hold a key.
pub(super) async fn find_all(server: &Server, user: u32, key_hash: bool) -> Result<String, String> {
    if server.login.as_ref().is_some_and(|(role, _)| *role == Role::Cu) {
        return Err(Fault::InvalidUserType.says().to_owned());
    }
    let users = server.call(&ListUsers {}).await?.users;
    let name = users.into_iter().find(|listed| listed.id == user).map(|listed| listed.username);
    let name = name.ok_or_else(|| format!("{}: user id {user}", Fault::UserNotFound.says()))?;
    let mut held: BTreeMap<u64, Hold> = BTreeMap::new();
    for handle in find(server, Some(&name)).await? {
        held.insert(handle, Hold::Owned);
    }
    for handle in find(server, None).await? {
        if !held.contains_key(&handle) && is_shared(server, handle, &name).await? {
            held.insert(handle, Hold::Shared);
        }
    }
    let held: Vec<(u64, Hold)> = held.into_iter().collect();
    let hash = match key_hash && !held.is_empty() {
        true => Some(HEXLOWER.encode(&server.call(&GetKeyHash {}).await?.hash.0)),
        false => None,
    };
    Ok(tables::keys(&server.to_string(), &held, hash.as_deref()))
}

async fn is_shared(server: &Server, handle: u64, name: &str) -> Result<bool, String> {
    let key = server.call(&GetAttributes { handle }).await?;
    Ok(key.shared_with.iter().any(|user| user == name))
}

/// All handles, page by page.
async fn find(server: &Server, owner: Option<&str>) -> Result<Vec<u64>, String> {
    let limit = u32::try_from(limits::HANDLES_MAX).unwrap_or(u32::MAX);
    let mut all: Vec<u64> = Vec::new();
    loop {
        let after = all.last().copied().unwrap_or(0);
        let command =
            FindKeys { attributes: Vec::new(), owner: owner.map(str::to_owned), after, limit };
        let found = server.call(&command).await?;
        if found.handles.is_empty() {
            return Ok(all);
        }
        all.extend(found.handles);
    }
}
