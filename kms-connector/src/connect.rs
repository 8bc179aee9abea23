//! Finds a cluster's HSMs, has kmsuser's password rotated on them, and opens the working lines.
use crate::connected::Connected;
use crate::credentials::CredentialStore;
use crate::error::{ConnectError, ConnectionErrorCode};
use crate::judge::{self, KMSUSER, Setback, Unreached};
use crate::rotate::{Line, rotate};
use crate::settings::Settings;
use hsm_client::{CallError, Cluster, ClusterConfig, Connection, Endpoint, Request};
use proto::command::cluster::{GetMembers, Member};
use proto::command::session::{Login, Logout};
use proto::command::user::{ChangePassword, ListUsers, UserListed};
use proto::{NodeState, Role, Secret};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Connects a key store, in KMS's order: finds the cluster's HSMs, examines kmsuser on each, logs
/// in once on each, rotates the password, and stays logged in with the new one. Members that
/// cannot be reached are left out, as long as one can. On an error nothing stays logged in, and
/// what `store` holds is right: the same call can be made again.
pub async fn connect<S: CredentialStore>(
    settings: Settings,
    store: &S,
) -> Result<Connected, ConnectError> {
    let Met { lines, away } = meet(&settings).await?;
    let begun = Instant::now();
    let rotated = loop {
        let rotated = rotate(&lines, away.clone(), store, settings.login_grace).await;
        match rotated {
            // Somebody has logged in in the midst: another connector of the key store, which has
            // not heard yet that this one connects it.
            Err(error) if judge::may_pass(&error) && begun.elapsed() < settings.login_grace => {}
            rotated => break rotated?,
        }
    };
    let endpoints = lines.iter().map(|line| line.connection.endpoint().clone()).collect();
    drop(lines);
    let other = rotated.missed.iter().map(|(hsm_id, _)| hsm_id.clone()).collect();
    let cluster = log_in(&settings, endpoints, &rotated.password, other).await?;
    Ok(Connected::new(cluster, &settings, rotated.done, rotated.missed))
}

/// A connection to an HSM of the cluster that is in service.
pub(crate) struct HsmLine {
    pub(crate) hsm_id: String,
    pub(crate) connection: Connection,
    answer_timeout: Duration,
}

impl HsmLine {
    async fn ask<C: Request>(&self, request: &C) -> Result<C::Reply, CallError> {
        let answer = tokio::time::timeout(self.answer_timeout, self.connection.call(request));
        answer.await.unwrap_or_else(|_| {
            let why = format!("no answer within {} ms", self.answer_timeout.as_millis());
            Err(CallError::Lost { node: self.hsm_id.as_str().into(), why: why.into() })
        })
    }
}

impl Line for HsmLine {
    fn hsm_id(&self) -> &str {
        &self.hsm_id
    }

    async fn kmsuser(&self) -> Result<Option<UserListed>, CallError> {
        Ok(judge::kmsuser(self.ask(&ListUsers {}).await?.users))
    }

    async fn login(&self, password: &Secret) -> Result<(), CallError> {
        let username = KMSUSER.to_owned();
        let request = Login { role: Role::Cu, username, password: password.clone() };
        self.ask(&request).await.map(drop)
    }

    async fn change(&self, password: &Secret) -> Result<(), CallError> {
        let request = ChangePassword {
            role: Role::Cu,
            username: KMSUSER.to_owned(),
            password: password.clone(),
            second_factor: None,
        };
        self.ask(&request).await.map(drop)
    }

    async fn logout(&self) -> Result<(), CallError> {
        self.ask(&Logout {}).await.map(drop)
    }
}

/// The HSMs that answered, and the members that did not: id and reason.
pub(crate) struct Met {
    pub(crate) lines: Vec<HsmLine>,
    pub(crate) away: Vec<(String, String)>,
}

pub(crate) async fn meet(settings: &Settings) -> Result<Met, ConnectError> {
    let mut lines = BTreeMap::new();
    let mut unreached = Vec::new();
    for (server, opened) in open_all(settings, settings.servers.clone()).await {
        match opened {
            Ok(line) => drop(lines.insert(line.hsm_id.clone(), line)),
            Err(why) => unreached.push((server.to_string(), why)),
        }
    }
    if lines.is_empty() {
        return Err(judge::nobody_reached(&settings.cluster_id, &unreached));
    }
    let mut away = Vec::new();
    let listed = ask_in_turn(&mut lines, &mut away, async |line| line.ask(&GetMembers {}).await);
    let mut members = listed.await?.members;
    members.retain(|member| !lines.contains_key(&member.hsm_id));
    away.extend(members.iter().filter_map(|member| {
        let (_, why) = unreached.iter().find(|(server, _)| *server == at(member).to_string())?;
        Some((member.hsm_id.clone(), why.to_string()))
    }));
    members.retain(|member| !away.iter().any(|(hsm_id, _)| *hsm_id == member.hsm_id));
    for (endpoint, opened) in open_all(settings, members.iter().map(at).collect()).await {
        match opened {
            Ok(line) => drop(lines.insert(line.hsm_id.clone(), line)),
            Err(why) => {
                let there = members.iter().filter(|member| at(member) == endpoint);
                away.extend(there.map(|member| (member.hsm_id.clone(), why.to_string())));
            }
        }
    }
    Ok(Met { lines: lines.into_values().collect(), away })
}

/// Asks one HSM after the other until one answers. Those that are lost meanwhile come to `away`.
async fn ask_in_turn<L, R>(
    lines: &mut BTreeMap<String, L>,
    away: &mut Vec<(String, String)>,
    ask: impl AsyncFn(&L) -> Result<R, CallError>,
) -> Result<R, ConnectError> {
    while let Some(first) = lines.first_entry() {
        let error = match ask(first.get()).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        match judge::setback(first.key(), &error) {
            Setback::Away(why) => away.push((first.remove_entry().0, why)),
            Setback::Fatal(error) => return Err(error),
        }
    }
    Err(judge::all_lost(away))
}

fn at(member: &Member) -> Endpoint {
    Endpoint::new(member.hostname.clone(), member.port)
}

/// Opens all at once, so that one that hangs costs its own time only. The order is kept.
async fn open_all(
    settings: &Settings,
    endpoints: Vec<Endpoint>,
) -> Vec<(Endpoint, Result<HsmLine, Unreached>)> {
    let mut opening = JoinSet::new();
    for (place, endpoint) in endpoints.into_iter().enumerate() {
        let settings = settings.clone();
        opening.spawn(async move {
            let opened = open(&settings, &endpoint).await;
            (place, endpoint, opened)
        });
    }
    let mut opened = opening.join_all().await;
    opened.sort_by_key(|(place, ..)| *place);
    opened.into_iter().map(|(_, endpoint, opened)| (endpoint, opened)).collect()
}

async fn open(settings: &Settings, endpoint: &Endpoint) -> Result<HsmLine, Unreached> {
    let opened = Connection::open(endpoint, &settings.identity, settings.connect_timeout).await;
    let connection = opened.map_err(|error| judge::unreached(&error))?;
    let welcome = connection.welcome();
    if welcome.cluster_id != settings.cluster_id {
        return Err(Unreached::OtherCluster(welcome.cluster_id.clone()));
    }
    if welcome.state != NodeState::Active {
        return Err(Unreached::NotActive(welcome.state.name().to_owned()));
    }
    let hsm_id = welcome.hsm_id.clone();
    Ok(HsmLine { hsm_id, connection, answer_timeout: settings.answer_timeout })
}

/// The working lines, logged in. Switches the availability check off: KMS uses a key as long as
/// one HSM is there, and asks for two itself when it makes one.
pub(crate) async fn log_in(
    settings: &Settings,
    servers: Vec<Endpoint>,
    password: &Secret,
    other_password: Vec<String>,
) -> Result<Cluster, ConnectError> {
    let mut config = ClusterConfig::new(servers, settings.identity.clone());
    config.cluster_id = Some(settings.cluster_id.clone());
    config.key_availability_check = false;
    config.connect_timeout = settings.connect_timeout;
    config.other_password = other_password;
    let cluster = Cluster::open(config).await;
    let cluster = cluster.map_err(|e| ConnectionErrorCode::NetworkErrors.because(e.to_string()))?;
    let each = cluster.login(Role::Cu, KMSUSER, password).await;
    if each.results.iter().any(|(_, result)| result.is_ok()) {
        return Ok(cluster);
    }
    let failures =
        each.results.iter().filter_map(|(node, result)| Some((node, result.as_ref().err()?)));
    Err(judge::no_login(failures.map(|(node, error)| (node.hsm_id.as_str(), error))))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proto::Fault;

    #[tokio::test]
    async fn an_hsm_that_is_lost_while_it_is_asked_leaves_the_question_to_the_others() {
        let lost = |id: &str| CallError::Lost { node: id.into(), why: "cut".into() };
        let ask = async |up: &bool| if *up { Ok(7) } else { Err(lost("it")) };
        let all =
            |up: [bool; 3]| ["hsm-a", "hsm-b", "hsm-c"].map(str::to_owned).into_iter().zip(up);
        let mut away = Vec::new();
        let mut lines: BTreeMap<_, _> = all([false, true, false]).collect();
        assert_eq!(ask_in_turn(&mut lines, &mut away, ask).await.unwrap(), 7);
        assert_eq!(lines.into_keys().collect::<Vec<_>>(), ["hsm-b", "hsm-c"]);
        assert_eq!(away.len(), 1);
        assert_eq!(away[0].0, "hsm-a");

        let mut lines = all([false; 3]).collect();
        let error = ask_in_turn(&mut lines, &mut Vec::new(), ask).await.unwrap_err();
        assert_eq!(error.code, ConnectionErrorCode::NetworkErrors);
        assert!(error.message.contains("hsm-a") && error.message.contains("hsm-c"), "{error}");

        let refuse = async |_: &bool| Err::<(), _>(CallError::Refused(Fault::Internal.into()));
        let mut lines = all([true; 3]).collect();
        let error = ask_in_turn(&mut lines, &mut Vec::new(), refuse).await.unwrap_err();
        assert_eq!((error.code, lines.len()), (ConnectionErrorCode::InternalError, 3));
    }
}
