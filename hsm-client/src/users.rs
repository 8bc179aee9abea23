//! What goes to every HSM: logins, which are remembered, and user changes.
use crate::cluster::{Cluster, Shared, unreached};
use crate::connection::Request;
use crate::decisions::{Attempt, LoginMemory};
use crate::node::Node;
use crate::{CallError, EachNode};
use proto::command::session::{LoggedIn, LoggedOut, Login, Logout};
use proto::command::user::{ChangePassword, PasswordChanged};
use proto::{Role, Secret};
use std::future::Future;
use std::sync::Arc;
use tokio::task::JoinSet;

impl Cluster {
    /// Sends a request to every HSM once, at the same time, and never again by itself. HSMs that
    /// are out of reach are in the result as errors.
    pub async fn call_each<C: Request>(&self, request: &C) -> EachNode<C::Reply> {
        each(self.ask_each(request).await)
    }

    async fn ask_each<C: Request>(
        &self,
        request: &C,
    ) -> Vec<(Arc<Node>, Result<C::Reply, CallError>)> {
        let mut calls = Vec::new();
        for node in self.all() {
            let first = node.connections().into_iter().next();
            let call = first.map(|(connection, _)| connection.submit(request));
            calls.push((node, call));
        }
        let mut results = Vec::new();
        for (node, call) in calls {
            let result = match call {
                Some(call) => call.await,
                None => Err(unreached(&node)),
            };
            results.push((node, result));
        }
        results
    }

    /// Logs in on every HSM. If one accepts, the login is remembered and repeated, once, on every
    /// new connection; an HSM that refused the password is not sent it again, so that no user is
    /// locked out.
    pub async fn login(&self, role: Role, username: &str, password: &Secret) -> EachNode<LoggedIn> {
        let login =
            Arc::new(Login { role, username: username.to_owned(), password: password.clone() });
        let (sent, shared) = (login.clone(), self.shared().clone());
        let attempt = move |node| log_in(node, sent.clone(), shared.clone());
        let results = self.at_each(attempt).await;
        if results.iter().any(|(_, result)| result.is_ok()) {
            self.shared().kept().login = Some(login.clone());
            for (node, result) in &results {
                let mut memory = node.login.lock().await;
                *memory = match self.shared().has_other_password(node) {
                    true => LoginMemory::Spent,
                    false => LoginMemory::Nothing.after(&login, Attempt::of(result)),
                };
            }
            self.complete_logins(&login).await;
            self.shared().changed();
        }
        each(results)
    }

    /// Logs in on connections that were made while a login was under way.
    async fn complete_logins(&self, login: &Arc<Login>) {
        let login = login.clone();
        self.at_each(move |node| {
            let login = login.clone();
            async move {
                let mut memory = node.login.lock().await;
                for (connection, logged_in) in node.connections() {
                    if logged_in || memory.to_send() != Some(&login) {
                        continue;
                    }
                    let result = connection.call(&*login).await;
                    node.set_logged_in(&connection, result.is_ok());
                    *memory = memory.after(&login, Attempt::of(&result));
                }
            }
        })
        .await;
    }

    /// Forgets the login and ends it on every HSM. Session keys are gone.
    pub async fn logout(&self) -> EachNode<LoggedOut> {
        self.shared().kept().login = None;
        let results = self.at_each(log_out).await;
        self.shared().homes().clear();
        self.shared().changed();
        each(results)
    }

    /// Changes a password on every HSM. When it is the password of the remembered login, an HSM
    /// that changed it is sent the new one when it reconnects; one whose answer was lost is sent
    /// none.
    pub async fn change_password(&self, change: &ChangePassword) -> EachNode<PasswordChanged> {
        let results = self.ask_each(change).await;
        let mine = self.shared().kept().login.clone();
        let Some(old) =
            mine.filter(|login| login.role == change.role && login.username == change.username)
        else {
            return each(results);
        };
        let new = Arc::new(Login { password: change.password.clone(), ..Login::clone(&old) });
        if results.iter().any(|(_, result)| result.is_ok()) {
            self.shared().kept().login = Some(new.clone());
        }
        for (node, result) in &results {
            let mut memory = node.login.lock().await;
            match Attempt::of(result) {
                Attempt::Accepted => {
                    *memory = LoginMemory::Repeat { login: new.clone(), unanswered: 0 }
                }
                Attempt::Unanswered => *memory = LoginMemory::Spent,
                Attempt::Refused(_) | Attempt::NotSent => {}
            }
        }
        each(results)
    }

    /// All HSMs, in the cluster's order.
    pub(crate) fn all(&self) -> Vec<Arc<Node>> {
        self.shared().kept().nodes.iter().map(|(node, _)| node.clone()).collect()
    }

    /// Does the same at every HSM at the same time.
    async fn at_each<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        act: impl Fn(Arc<Node>) -> F,
    ) -> Vec<(Arc<Node>, T)> {
        let mut acts = JoinSet::new();
        for (at, node) in self.all().into_iter().enumerate() {
            let act = act(node.clone());
            acts.spawn(async move { (at, node, act.await) });
        }
        let mut results = acts.join_all().await;
        results.sort_by_key(|(at, ..)| *at);
        results.into_iter().map(|(_, node, result)| (node, result)).collect()
    }
}

fn each<R>(results: Vec<(Arc<Node>, Result<R, CallError>)>) -> EachNode<R> {
    let results = results.into_iter().map(|(node, result)| (node.view(), result));
    EachNode { results: results.collect() }
}

/// Logs in on one connection of an HSM, and on its others only if the password was right.
async fn log_in(
    node: Arc<Node>,
    login: Arc<Login>,
    shared: Arc<Shared>,
) -> Result<LoggedIn, CallError> {
    if shared.has_other_password(&node) {
        let why = format!("{} is known to have another password there", login.username);
        return Err(CallError::NotSent { node: node.view().to_string().into(), why: why.into() });
    }
    let _one_at_a_time = node.login.lock().await;
    let mut connections = node.connections().into_iter();
    let (first, _) = connections.next().ok_or_else(|| unreached(&node))?;
    let logged_in = first.call(&*login).await?;
    node.set_logged_in(&first, true);
    for (connection, _) in connections {
        connection.call(&*login).await?;
        node.set_logged_in(&connection, true);
    }
    Ok(logged_in)
}

async fn log_out(node: Arc<Node>) -> Result<LoggedOut, CallError> {
    let mut memory = node.login.lock().await;
    *memory = LoginMemory::Nothing;
    let mut result = Err(unreached(&node));
    for (connection, logged_in) in node.connections() {
        let ended = connection.call(&Logout {}).await;
        node.set_logged_in(&connection, false);
        if logged_in || result.is_err() {
            result = ended;
        }
    }
    result
}
