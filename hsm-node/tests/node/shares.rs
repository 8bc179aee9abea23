//! What one user's flood leaves to the others, counted in the flood's own replies.
use crate::bed::{Bed, PASSWORD, USER, create_user, login};
use crate::line::Line;
use crate::process::{ready, spawn};
use proto::Role;
use proto::command::key::GenerateRsaKeyPair;
use proto::command::session::Logout;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Connections of the one user.
const FLOOD: usize = 60;

/// How many of the flood's requests may be answered before another's: those that were under way
/// when it came, and a few whose turn it was on a busy machine. All of them were, before.
const AHEAD: usize = 8;

fn key_pair(modulus_bits: u32) -> GenerateRsaKeyPair {
    GenerateRsaKeyPair {
        modulus_bits,
        public_exponent: 65_537,
        public_label: "public".into(),
        private_label: "private".into(),
        token: false,
        public_attributes: Vec::new(),
        private_attributes: Vec::new(),
        retry: None,
    }
}

/// Asks for a key pair on each line, and counts the answers.
fn flood(lines: Vec<Line>) -> Arc<AtomicUsize> {
    let answered = Arc::new(AtomicUsize::new(0));
    for mut line in lines {
        let answered = Arc::clone(&answered);
        tokio::spawn(async move {
            while line.receive().await.is_ok() {
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    answered
}

/// The program itself: its threads are what there is to share.
#[tokio::test(flavor = "multi_thread")]
async fn one_users_key_pairs_delay_nobody_elses_login_or_key_pair() {
    let bed = Bed::new();
    let mut child = spawn(&bed.folder(3), "127.0.0.1:0");
    let node: SocketAddr = ready(&mut child)["address"].as_str().unwrap().parse().unwrap();
    bed.initialize(&node).await;
    let mut admin = bed.client_line(&node).await;
    admin.call(&login(Role::Co, "admin", "adminpass1")).await;
    admin.call(&create_user("neighbour")).await;
    let mut lines = Vec::new();
    for _ in 0..FLOOD {
        let mut line = bed.client_line(&node).await;
        line.call(&login(Role::Cu, USER, PASSWORD)).await;
        lines.push(line);
    }
    for line in &mut lines {
        line.send(&key_pair(4_096)).await.unwrap();
    }
    let answered = flood(lines);

    let mut neighbour = bed.client_line(&node).await;
    for _ in 0..5 {
        neighbour.call(&login(Role::Cu, "neighbour", PASSWORD)).await;
        neighbour.call(&Logout {}).await;
    }
    let ahead = answered.load(Ordering::Relaxed);
    assert!(ahead <= AHEAD, "five logins came behind {ahead} key pairs of another user");

    neighbour.call(&login(Role::Cu, "neighbour", PASSWORD)).await;
    neighbour.call(&key_pair(2_048)).await;
    let ahead = answered.load(Ordering::Relaxed);
    assert!(ahead <= 2 * AHEAD, "one key pair came behind {ahead} of another user");
    assert!(answered.load(Ordering::Relaxed) < FLOOD, "the flood was over: nothing is shown");
    child.kill().unwrap();
    child.wait().unwrap();
}
