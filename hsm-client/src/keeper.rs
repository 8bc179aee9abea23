//! What runs in the background: staying connected to every HSM, and learning who they are.
use crate::cluster::Shared;
use crate::decisions::{Attempt, Backoff, LoginMemory, members};
use crate::node::Node;
use crate::{Connection, Endpoint};
use proto::command::cluster::{GetMembers, Member};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;

/// How often the members are asked for. It is also a sign of life on every connection.
const LEARN_EVERY: Duration = Duration::from_secs(3);
/// How long an HSM may take to list the members.
const LEARN_TIMEOUT: Duration = Duration::from_secs(5);

/// Keeps one connection to `node` for ever. `first` is one that is there already.
pub(crate) async fn keep(
    shared: Arc<Shared>,
    node: Arc<Node>,
    slot: usize,
    first: Option<Connection>,
) {
    let mut backoff = Backoff::default();
    let mut first = first;
    loop {
        let opened = match first.take() {
            Some(connection) => Ok(connection),
            None => shared.connect(&node.endpoint).await,
        };
        let why = match opened {
            Err(error) => error.to_string(),
            Ok(connection) => {
                node.met(connection.welcome());
                match log_in_again(&node, &connection).await {
                    Err(why) => why,
                    Ok(logged_in) => {
                        backoff = Backoff::default();
                        node.connected(slot, connection.clone(), logged_in);
                        shared.changed();
                        shared.learn_soon();
                        let why = connection.closed().await;
                        shared.forget_session_keys(&connection);
                        format!("the connection was lost: {why}")
                    }
                }
            }
        };
        node.disconnected(slot, why);
        shared.changed();
        tokio::time::sleep(backoff.pause()).await;
    }
}

/// Repeats the remembered login on a new connection, once. An error: the connection is not to be
/// used.
async fn log_in_again(node: &Node, connection: &Connection) -> Result<bool, String> {
    let mut memory = node.login.lock().await;
    let Some(login) = memory.to_send().cloned() else { return Ok(false) };
    let result = connection.call(&*login).await;
    let attempt = Attempt::of(&result);
    *memory = memory.after(&login, attempt);
    match result {
        Ok(_) => Ok(true),
        Err(_) if attempt.is_final() => Ok(false),
        Err(error) => {
            Err(format!("the login of {} could not be repeated: {error}", login.username))
        }
    }
}

/// Learns the members for ever: when a connection was made, and every few seconds.
pub(crate) async fn learn(shared: Arc<Shared>) {
    loop {
        let _ = tokio::time::timeout(LEARN_EVERY, shared.learning.notified()).await;
        let live = shared.live();
        // Asked of all, for the sign of life; the first that answers is believed.
        let replies: Vec<_> =
            live.iter().map(|live| live.connection.submit(&GetMembers {})).collect();
        drop(live);
        for reply in replies {
            let listed = tokio::time::timeout(LEARN_TIMEOUT, reply).await;
            let members = listed.ok().and_then(Result::ok).map(|listed| listed.members);
            if let Some(members) = members.filter(|members| !members.is_empty()) {
                meet(&shared, members, None);
                break;
            }
        }
    }
}

/// Begins to keep connections to members that are new, and lets go of those that have left.
pub(crate) fn meet(shared: &Arc<Shared>, news: Vec<Member>, first: Option<Connection>) {
    let mut kept = shared.kept();
    let before = kept.learned.take();
    let now = members(news, before, &shared.config.servers);
    let mut first = first;
    let (staying, leaving): (Vec<_>, Vec<_>) = std::mem::take(&mut kept.nodes)
        .into_iter()
        .partition(|(node, _)| now.iter().any(|member| node.is(member)));
    kept.nodes = staying;
    for (node, tasks) in &leaving {
        tasks.iter().for_each(AbortHandle::abort);
        node.leave();
    }
    for member in &now {
        if kept.nodes.iter().any(|(node, _)| node.is(member)) {
            continue;
        }
        // An HSM that has moved has not forgotten what it refused.
        let moved = leaving.iter().find(|(node, _)| node.has_id(&member.hsm_id));
        let other_password = shared.config.other_password.contains(&member.hsm_id);
        let login = match (moved.and_then(|(node, _)| node.login.try_lock().ok()), &kept.login) {
            _ if other_password => LoginMemory::Spent,
            (Some(memory), _) => memory.clone(),
            (None, Some(login)) => LoginMemory::Repeat { login: login.clone(), unanswered: 0 },
            (None, None) => LoginMemory::Nothing,
        };
        let slots = shared.config.connections_per_node.max(1);
        let node = Node::new(member, slots, login);
        let endpoint = Endpoint::new(member.hostname.clone(), member.port);
        let mine = first.take_if(|first| {
            *first.endpoint() == endpoint || first.welcome().hsm_id == member.hsm_id
        });
        let mut firsts = vec![mine];
        firsts.resize_with(slots, || None);
        let tasks = firsts.into_iter().enumerate().map(|(slot, first)| {
            tokio::spawn(keep(shared.clone(), node.clone(), slot, first)).abort_handle()
        });
        let tasks = tasks.collect();
        kept.nodes.push((node, tasks));
    }
    let place = |node: &Node| now.iter().position(|member| node.is(member));
    kept.nodes.sort_by_key(|(node, _)| place(node));
    kept.learned = Some(now);
    drop(kept);
    shared.changed();
}
