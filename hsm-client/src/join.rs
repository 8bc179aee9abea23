//! How a machine offers itself for an HSM, and is told which one it is to be: sealed messages under
//! the installation's join key, since what an HSM leaves the factory with is secret.
use crate::{SealingKey, Unfit};
use proto::Secret;

/// Where machines ask, at the AWS endpoint's URL.
pub const JOIN_PATH: &str = "/_sim/join";

proto::message! {
    /// A machine that would run an HSM, or does. Times rise from request to request: one that was
    /// recorded cannot be sent again later.
    JoinRequest {
        0 host: String,
        2 region: String,
        4 zone: String,
        6 address: String,
        8 hsm_id: Option<String>,
        10 nonce: String,
        12 at_ms: u64,
        13 condition: Option<Condition>,
        15 set_aside: Vec<String>,
    }
    /// How the HSM of a machine is, as its own process says: it runs, or why it does not. Older
    /// machines do not say it.
    Condition { 0 runs: bool, 2 trouble: Option<Trouble> }
    /// What keeps an HSM from running, in a sentence, and whether it is its disk, which is broken
    /// or gone: only then is it no use to wait.
    Trouble { 0 why: String, 2 disk: bool }
    /// The id of the HSM that it is to be, none if it is not needed now; and the HSM's folder if
    /// it has said that it is another or none. It waits while an HSM is being made, and serves
    /// nobody while the cluster's security group is closed. The HSM that it was it sets aside;
    /// only what an operator has deleted it erases.
    JoinOrder {
        0 hsm_id: Option<String>,
        2 files: Vec<HostFile>,
        4 wait: bool,
        6 closed: bool,
        7 erase: Option<bool>,
    }
    /// A file of an HSM's folder.
    HostFile { 0 name: String, 2 content: Secret }
}

/// With this status a node process ends when its disk is broken or gone, and with this one when
/// another program has its port. Others say nothing of the cause.
pub const DISK_STATUS: u8 = 3;
/// See [`DISK_STATUS`].
pub const PORT_STATUS: u8 = 4;

const REQUEST: &str = "join request 1";

/// An order answers one request: an old one is of no use.
fn order(request: &JoinRequest) -> String {
    format!("join order 1 {} {}", request.host, request.nonce)
}

/// What is sent to [`JOIN_PATH`].
pub fn seal_request(key: &SealingKey, request: &JoinRequest) -> Result<Vec<u8>, Unfit> {
    key.seal(REQUEST, request)
}

/// Opens what [`seal_request`] made.
pub fn open_request(key: &SealingKey, sealed: &[u8]) -> Result<JoinRequest, Unfit> {
    key.open(REQUEST, sealed)
}

/// The answer to `request`.
pub fn seal_order(
    key: &SealingKey,
    request: &JoinRequest,
    answer: &JoinOrder,
) -> Result<Vec<u8>, Unfit> {
    key.seal(&order(request), answer)
}

/// Opens what [`seal_order`] made for the same request.
pub fn open_order(
    key: &SealingKey,
    request: &JoinRequest,
    sealed: &[u8],
) -> Result<JoinOrder, Unfit> {
    key.open(&order(request), sealed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_for_one_request_alone() {
        let key = SealingKey::random();
        let request = |nonce: &str| JoinRequest {
            host: "host-1".to_owned(),
            region: "us-east-1".to_owned(),
            zone: "us-east-1a".to_owned(),
            address: "10.0.1.10:2223".to_owned(),
            hsm_id: None,
            nonce: nonce.to_owned(),
            at_ms: 1,
            condition: None,
            set_aside: Vec::new(),
        };
        let sealed = seal_request(&key, &request("1")).unwrap();
        assert_eq!(open_request(&key, &sealed), Ok(request("1")));
        let file = HostFile { name: "card.key".to_owned(), content: Secret::new("key") };
        let answer = JoinOrder {
            hsm_id: Some("hsm-1".to_owned()),
            files: vec![file],
            wait: false,
            closed: false,
            erase: None,
        };
        let sealed = seal_order(&key, &request("1"), &answer).unwrap();
        assert_eq!(open_order(&key, &request("1"), &sealed), Ok(answer));
        assert_eq!(open_order(&key, &request("2"), &sealed), Err(Unfit));
        assert_eq!(open_request(&key, &sealed), Err(Unfit));
        assert!(format!("{:?}", open_order(&key, &request("1"), &sealed)).contains("***"));
    }
}
