//! Keys on all HSMs: made on one, copied to the others as masked objects, counted, or taken back.
use crate::cluster::{Cluster, Live, distinct, unreached};
use crate::connection::Request;
use crate::decisions::{Page, Standing, is_busy, merge_pages, standing};
use crate::node::Node;
use crate::{CallError, NodeView};
use proto::command::key::{
    AttributeSet, AttributesGot, DestroyObjects, ExtractMaskedObject, FindKeys, GenerateEcKeyPair,
    GenerateKey, GenerateRsaKeyPair, GetAttributes, InsertMaskedObject, KeyGenerated,
    KeyPairGenerated, KeysFound, ObjectShared, ObjectsDestroyed, SetAttribute, ShareObject,
};
use proto::command::wrap::{KeyUnwrapped, UnwrapKey};
use proto::limits::HANDLES_MAX;
use proto::{Attribute, Blob, Fault, Setting};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use tokio::time::Instant;

/// Whether all HSMs that are in reach have a key, and have it alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// All have it.
    Full,
    /// One at least has it not, or has other attributes.
    Inconsistent,
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "full",
            Self::Inconsistent => "inconsistent",
        })
    }
}

/// A token that no other request bears, by which an HSM knows a retry. A session key needs none:
/// after a lost reply it is gone with its connection.
fn retry(given: Option<Blob>, on_token: bool) -> Option<Blob> {
    given.or_else(|| on_token.then(|| Blob(rand::random::<[u8; 16]>().to_vec())))
}

impl Cluster {
    /// Makes a secret key: a token key on all HSMs, a session key on one connection of one.
    pub async fn generate_key(&self, request: GenerateKey) -> Result<KeyGenerated, CallError> {
        self.generate_key_on(request).await.map(|(made, _)| made)
    }

    /// As [`Cluster::generate_key`], and tells which HSMs have the key.
    pub async fn generate_key_on(
        &self,
        mut request: GenerateKey,
    ) -> Result<(KeyGenerated, Vec<NodeView>), CallError> {
        request.retry = retry(request.retry, request.token);
        self.make(&request, request.token, |made| vec![made.handle]).await
    }

    /// Makes an EC key pair, as [`Cluster::generate_key`] makes a key.
    pub async fn generate_ec_pair(
        &self,
        mut request: GenerateEcKeyPair,
    ) -> Result<KeyPairGenerated, CallError> {
        request.retry = retry(request.retry, request.token);
        self.make(&request, request.token, |made| vec![made.public, made.private])
            .await
            .map(|(made, _)| made)
    }

    /// Makes an RSA key pair, as [`Cluster::generate_key`] makes a key. It takes a second or so.
    pub async fn generate_rsa_pair(
        &self,
        mut request: GenerateRsaKeyPair,
    ) -> Result<KeyPairGenerated, CallError> {
        request.retry = retry(request.retry, request.token);
        self.make(&request, request.token, |made| vec![made.public, made.private])
            .await
            .map(|(made, _)| made)
    }

    /// Takes in a wrapped key, as [`Cluster::generate_key`] makes a key.
    pub async fn unwrap_key(&self, mut request: UnwrapKey) -> Result<KeyUnwrapped, CallError> {
        request.retry = retry(request.retry, request.token);
        self.make(&request, request.token, |made| vec![made.handle]).await.map(|(made, _)| made)
    }

    async fn make<C: Request>(
        &self,
        request: &C,
        on_token: bool,
        handles: impl Fn(&C::Reply) -> Vec<u64>,
    ) -> Result<(C::Reply, Vec<NodeView>), CallError> {
        if !on_token {
            let (home, made) = self.call_routed(request).await?;
            let mut homes = self.shared().homes();
            homes.extend(
                handles(&made).into_iter().map(|handle| (handle, home.connection.number())),
            );
            return Ok((made, vec![home.node.view()]));
        }
        let deadline = Instant::now() + self.config().availability_retry;
        self.wait_for_two(deadline).await?;
        let (maker, made) = self.call_routed(request).await?;
        let holders = self.spread(handles(&made), &maker, deadline).await?;
        Ok((made, holders.iter().map(|node| node.view()).collect()))
    }

    /// Copies new token keys to the other HSMs, and says which have them. Where too few take them,
    /// they are taken back.
    async fn spread(
        &self,
        handles: Vec<u64>,
        maker: &Live,
        deadline: Instant,
    ) -> Result<Vec<Arc<Node>>, CallError> {
        let copies = self.copy(&handles, maker, deadline).await;
        if copies.standing == Standing::Enough {
            return Ok(copies.holders);
        }
        match self.destroy(handles).await {
            // It is on an HSM that cannot be asked now: that it is gone would be a lie.
            Err(
                error @ (CallError::Lost { .. }
                | CallError::NotSent { .. }
                | CallError::NoNode { .. }),
            ) => Err(error),
            _ => Err(copies.refused.unwrap_or(CallError::KeyAvailability)),
        }
    }

    /// Copies token keys from the HSM that made or changed them to all others that are in reach.
    /// With the availability check, waits for a second holder until `deadline`.
    async fn copy(&self, handles: &[u64], maker: &Live, deadline: Instant) -> Copies {
        let check = self.config().key_availability_check;
        let mut holders: Vec<Arc<Node>> = vec![maker.node.clone()];
        let mut failed: Vec<(Arc<Node>, CallError)> = Vec::new();
        let mut objects = None;
        let mut extracting = maker.clone();
        let mut refused = None;
        loop {
            let live = distinct(&self.shared().live());
            if objects.is_none() {
                match extract(handles, &extracting).await {
                    Ok(extracted) => objects = Some(extracted),
                    Err(error @ CallError::Refused(_)) => refused = Some(error),
                    Err(_) => {}
                }
            }
            if let Some(objects) = &objects {
                failed.retain(|(_, error)| matches!(error, CallError::Refused(_)));
                let settled = |live: &Live| {
                    holders
                        .iter()
                        .chain(failed.iter().map(|(node, _)| node))
                        .any(|node| Arc::ptr_eq(node, &live.node))
                };
                let others: Vec<Live> = live.into_iter().filter(|live| !settled(live)).collect();
                for (node, result) in insert(objects, others).await {
                    match result {
                        Ok(()) => holders.push(node),
                        Err(error) => failed.push((node, error)),
                    }
                }
            }
            let answered = holders.len()
                + failed.iter().filter(|(_, error)| matches!(error, CallError::Refused(_))).count();
            let hope = refused.is_none() && answered < self.nodes().len();
            let standing = standing(check, holders.len(), hope, Instant::now() < deadline);
            if standing != Standing::Wait {
                return Copies { standing, holders, failed, refused };
            }
            // Somebody comes back, or the time is up.
            let known: Vec<u64> =
                self.shared().live().iter().map(|live| live.connection.number()).collect();
            let back = self.wait_until(deadline, |live| {
                live.iter().find(|live| !known.contains(&live.connection.number())).cloned()
            });
            if let Some(back) = back.await.filter(|back| Arc::ptr_eq(&back.node, &maker.node)) {
                extracting = back;
            }
        }
    }
}

/// What became of copying keys.
struct Copies {
    standing: Standing,
    /// The HSMs that have the keys, durably.
    holders: Vec<Arc<Node>>,
    /// The HSMs that were asked to take the keys and did not.
    failed: Vec<(Arc<Node>, CallError)>,
    /// The maker would not give the keys out.
    refused: Option<CallError>,
}

async fn extract(handles: &[u64], from: &Live) -> Result<Vec<Blob>, CallError> {
    let calls: Vec<_> = handles
        .iter()
        .map(|&handle| from.connection.submit(&ExtractMaskedObject { handle }))
        .collect();
    let mut objects = Vec::with_capacity(calls.len());
    for call in calls {
        objects.push(call.await?.object);
    }
    Ok(objects)
}

/// How often an HSM is sent a key that one of its peers brought it at the same moment.
const BUSY_INSERTS: u32 = 3;

/// Inserts the objects on several HSMs at the same time.
async fn insert(objects: &[Blob], on: Vec<Live>) -> Vec<(Arc<Node>, Result<(), CallError>)> {
    let mut calls = Vec::with_capacity(on.len());
    for live in on {
        let requests = objects.iter().map(|object| InsertMaskedObject { object: object.clone() });
        let pending: Vec<_> =
            requests.map(|request| (live.connection.submit(&request), request)).collect();
        calls.push((live, pending));
    }
    let mut results = Vec::with_capacity(calls.len());
    for (live, pending) in calls {
        let mut result = Ok(());
        for (call, request) in pending {
            let mut inserted = call.await;
            for _ in 0..BUSY_INSERTS {
                if !inserted.as_ref().is_err_and(is_busy) {
                    break;
                }
                inserted = live.connection.call(&request).await;
            }
            result = result.and(inserted.map(drop));
        }
        results.push((live.node, result));
    }
    results
}

impl Cluster {
    /// Sets an attribute of a key: on one HSM, and by copying the key on the others. A session key
    /// of which that makes a token key comes to all HSMs as a new one does.
    pub async fn set_attribute(&self, request: &SetAttribute) -> Result<AttributeSet, CallError> {
        let handle = request.handle;
        let onto_token = request.attribute == Setting::flag(Attribute::Token, true);
        if !onto_token || !self.is_session_key(handle) {
            return self.change(request, handle).await;
        }
        let deadline = Instant::now() + self.config().availability_retry;
        self.wait_for_two(deadline).await?;
        let (home, reply) = self.call_routed(request).await?;
        self.shared().homes().remove(&handle);
        self.spread(vec![handle], &home, deadline).await?;
        Ok(reply)
    }

    /// Shares a key with a user or ends that: on one HSM, and by copying the key on the others.
    pub async fn share(&self, request: &ShareObject) -> Result<ObjectShared, CallError> {
        self.change(request, request.handle).await
    }

    async fn change<C: Request>(&self, request: &C, handle: u64) -> Result<C::Reply, CallError> {
        let (changer, reply) = self.call_routed(request).await?;
        if self.is_session_key(handle) {
            return Ok(reply);
        }
        let copies = self.copy(&[handle], &changer, Instant::now()).await;
        let others = self.nodes().len().saturating_sub(1);
        let not_given = copies.refused.map(|error| (others, changer.node, error));
        let refused = |(_, error): &(_, CallError)| matches!(error, CallError::Refused(_));
        let failed = copies.failed.len();
        let not_taken = copies.failed.into_iter().find(refused);
        match not_given.or(not_taken.map(|(node, error)| (failed, node, error))) {
            Some((failed, node, error)) => Err(CallError::KeyReplication {
                failed,
                of: self.nodes().len(),
                why: format!("{}: {error}", node.view()).into(),
            }),
            // What is out of reach takes the change from its peers when it is back.
            None => Ok(reply),
        }
    }

    fn is_session_key(&self, handle: u64) -> bool {
        self.shared().homes().contains_key(&handle)
    }

    /// Deletes keys: session keys where they live, token keys on every HSM. HSMs out of reach take
    /// the deletion from their peers. A key that no HSM had is refused as an invalid handle.
    pub async fn destroy(&self, handles: Vec<u64>) -> Result<ObjectsDestroyed, CallError> {
        let (session, token): (Vec<u64>, Vec<u64>) =
            handles.into_iter().partition(|handle| self.is_session_key(*handle));
        let mut count = self.destroy_session_keys(session).await?;
        for handles in token.chunks(HANDLES_MAX) {
            count += self.destroy_token_keys(handles).await?;
        }
        Ok(ObjectsDestroyed { count })
    }

    async fn destroy_session_keys(&self, handles: Vec<u64>) -> Result<u64, CallError> {
        let live = self.shared().live();
        let mut batches = Vec::new();
        for (home, handles) in self.leave_home(handles) {
            // Without its connection a session key is gone already.
            let Some(live) = live.iter().find(|live| live.connection.number() == home) else {
                continue;
            };
            for batch in handles.chunks(HANDLES_MAX) {
                batches.push(live.connection.submit(&DestroyObjects { handles: batch.to_vec() }));
            }
        }
        let mut count = 0;
        for batch in batches {
            count += batch.await?.count;
        }
        Ok(count)
    }

    /// Forgets where session keys live, and gives them out by the connections that made them.
    fn leave_home(&self, handles: Vec<u64>) -> BTreeMap<u64, Vec<u64>> {
        let mut at_home: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        let mut homes = self.shared().homes();
        for handle in handles {
            if let Some(home) = homes.remove(&handle) {
                at_home.entry(home).or_default().push(handle);
            }
        }
        at_home
    }

    async fn destroy_token_keys(&self, handles: &[u64]) -> Result<u64, CallError> {
        let live = distinct(&self.shared().live());
        if live.is_empty() {
            let first = self.all().into_iter().next();
            return Err(
                first.map_or(CallError::NoNode { why: "it has no HSM".into() }, |n| unreached(&n))
            );
        }
        let request = DestroyObjects { handles: handles.to_vec() };
        let calls: Vec<_> =
            live.iter().map(|live| (live, live.connection.submit(&request))).collect();
        let mut found = vec![false; handles.len()];
        let mut failure = None;
        for (live, call) in calls {
            match call.await {
                Ok(_) => found.fill(true),
                Err(error) if handles.len() > 1 && is_missing(&error) => {
                    one_by_one(live, handles, &mut found, &mut failure).await;
                }
                Err(error) if is_missing(&error) => {}
                Err(error) => failure = Some(error),
            }
        }
        let count = found.iter().filter(|found| **found).count();
        match failure {
            Some(failure) => Err(failure),
            None if count == 0 => Err(CallError::Refused(Fault::InvalidHandle.into())),
            None => Ok(count as u64),
        }
    }
}

/// The HSM has no such key, or not any more.
fn is_missing(error: &CallError) -> bool {
    error.refusal().is_some_and(|r| matches!(r.fault, Fault::InvalidHandle | Fault::Deleted))
}

/// An HSM destroys all keys of a request or none: where one is missing, the others are named
/// singly.
async fn one_by_one(
    live: &Live,
    handles: &[u64],
    found: &mut [bool],
    failure: &mut Option<CallError>,
) {
    let calls: Vec<_> = handles
        .iter()
        .map(|&handle| live.connection.submit(&DestroyObjects { handles: vec![handle] }))
        .collect();
    for (call, found) in calls.into_iter().zip(found) {
        match call.await {
            Ok(_) => *found = true,
            Err(error) if is_missing(&error) => {}
            Err(error) => *failure = Some(error),
        }
    }
}

impl Cluster {
    /// Finds keys on all HSMs that are in reach, each once, in rising order.
    pub async fn find(&self, request: &FindKeys) -> Result<KeysFound, CallError> {
        // Session keys are seen on their own connection alone, so all are asked.
        let live = self.shared().live();
        let calls: Vec<_> = live.iter().map(|live| live.connection.submit(request)).collect();
        let (mut pages, mut failure) = (Vec::new(), None);
        for call in calls {
            match call.await {
                Ok(found) => pages.push(Page { handles: found.handles, total: found.total }),
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(failure) if pages.is_empty() => return Err(failure),
            None if pages.is_empty() => {
                return Err(CallError::NoNode { why: "none is connected".into() });
            }
            _ => {}
        }
        let limit = (request.limit as usize).min(HANDLES_MAX);
        let Page { handles, total } = merge_pages(pages, limit);
        Ok(KeysFound { handles, total })
    }

    /// Whether all HSMs that are in reach have the key and have it alike. A session key is where it
    /// lives.
    pub async fn coverage(&self, handle: u64) -> Result<Coverage, CallError> {
        if self.is_session_key(handle) {
            return Ok(Coverage::Full);
        }
        let mut got: Vec<(NodeView, Result<AttributesGot, CallError>)> = Vec::new();
        let live = distinct(&self.shared().live());
        let calls: Vec<_> = live
            .iter()
            .map(|live| (live.node.view(), live.connection.submit(&GetAttributes { handle })))
            .collect();
        for (node, call) in calls {
            got.push((node, call.await));
        }
        let Some(first) = got.iter().find_map(|(_, got)| got.as_ref().ok()) else {
            let why = || CallError::NoNode { why: "none is connected".into() };
            return Err(got.into_iter().find_map(|(_, got)| got.err()).unwrap_or_else(why));
        };
        let alike = got.iter().all(|(_, got)| got.as_ref().is_ok_and(|got| got == first));
        Ok(if alike { Coverage::Full } else { Coverage::Inconsistent })
    }
}
