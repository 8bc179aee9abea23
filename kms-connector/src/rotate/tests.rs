//! Rotation on HSMs of memory, killed and cut at every step, and taken up again.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::credentials::StoreError;
use crate::error::ConnectionErrorCode as Code;
use crate::resume::take_up;
use proto::{Fault, Role, limits};
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};

const IDS: [&str; 3] = ["hsm-a", "hsm-b", "hsm-c"];
const FIRST: &str = "kmsPswd";

/// What happens at the chosen step. Each request is two steps: before the HSM (or the store) does
/// it, and before the connector hears of it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mishap {
    Killed,
    LineCut,
}

struct World {
    hsms: [Mutex<Hsm>; 3],
    store: Mutex<Option<Credentials>>,
    tries: Mutex<Tries>,
    step: AtomicUsize,
    mishap: Option<(usize, Mishap)>,
}

struct Hsm {
    password: Option<String>,
    failures: u32,
    attempts: u32,
    /// Logins of this connector, and of others.
    logins: u32,
    others: u32,
    up: bool,
}

impl World {
    fn new() -> Self {
        let hsm = || Hsm {
            password: Some(FIRST.to_owned()),
            failures: 0,
            attempts: 0,
            logins: 0,
            others: 0,
            up: true,
        };
        Self {
            hsms: [hsm(), hsm(), hsm()].map(Mutex::new),
            store: Mutex::new(Some(Credentials::new(Secret::new(FIRST)))),
            tries: Mutex::default(),
            step: AtomicUsize::new(0),
            mishap: None,
        }
    }

    /// Whether the step goes well; never returns if the connector is killed at it.
    async fn step(&self) -> bool {
        let now = self.step.fetch_add(1, Relaxed);
        match self.mishap {
            Some((at, mishap)) if at == now => match mishap {
                Mishap::Killed => std::future::pending().await,
                Mishap::LineCut => false,
            },
            _ => true,
        }
    }

    /// One connect from start to end; `None` if it was killed. Dead connectors are logged out.
    fn connect(
        &mut self,
        away: &[usize],
        mishap: Option<(usize, Mishap)>,
    ) -> Option<Result<Rotated, ConnectError>> {
        self.mishap = mishap;
        self.step = AtomicUsize::new(0);
        for (n, hsm) in self.hsms.iter_mut().enumerate() {
            let hsm = hsm.get_mut().unwrap();
            (hsm.up, hsm.attempts, hsm.logins) = (!away.contains(&n), 0, 0);
        }
        let lines = self.lines(away);
        let missing = away.iter().map(|n| (IDS[*n].to_owned(), "down".to_owned())).collect();
        let ended = ended(rotate(&lines, missing, &*self, Duration::ZERO));
        self.check_tries();
        ended
    }

    /// An endpoint starts and takes the connect up again, until its lines would log in; then it
    /// ends. `None` if it was killed.
    fn start(
        &mut self,
        mishap: Option<(usize, Mishap)>,
    ) -> Option<Result<Vec<(String, ConnectError)>, ConnectError>> {
        self.mishap = mishap;
        self.step = AtomicUsize::new(0);
        for hsm in &mut self.hsms {
            let hsm = hsm.get_mut().unwrap();
            (hsm.up, hsm.attempts, hsm.logins) = (true, 0, 0);
        }
        let known = self.store.get_mut().unwrap().clone().unwrap();
        let lines = self.lines(&[]);
        let ended = ended(take_up(&lines, &known, &*self));
        // The working lines.
        for line in lines.iter().filter(|_| matches!(ended, Some(Ok(_)))) {
            let unfit = |(id, _): &(String, _)| id == line.hsm_id();
            if !matches!(&ended, Some(Ok(all)) if all.iter().any(unfit)) {
                let mut hsm = self.hsms[line.n].lock().unwrap();
                let right = hsm.password.as_deref() == Some(known.passwords.current.expose());
                hsm.failures = if right { 0 } else { hsm.failures + 1 };
            }
        }
        self.check_tries();
        ended
    }

    fn lines(&self, away: &[usize]) -> Vec<FakeLine<'_>> {
        let line = |n: usize| FakeLine { world: self, n, cut: AtomicBool::new(false) };
        (0..3).filter(|n| !away.contains(n)).map(line).collect()
    }

    /// Two attempts are always left: the sixth wrong password locks.
    fn check_tries(&self) {
        for hsm in &self.hsms {
            let hsm = hsm.lock().unwrap();
            assert!(hsm.attempts <= 2, "{} attempts on one HSM", hsm.attempts);
            assert!(hsm.failures < limits::WRONG_PASSWORDS_MAX, "{} failures", hsm.failures);
        }
    }

    /// How many steps a connect has when nothing goes wrong.
    fn steps() -> usize {
        let mut world = Self::new();
        world.connect(&[], None).unwrap().unwrap();
        world.step.load(Relaxed)
    }

    fn hsm(&mut self, n: usize) -> &mut Hsm {
        self.hsms[n].get_mut().unwrap()
    }

    /// All HSMs are up: it connects, and all of them have one password that only the store knows.
    fn recovers(&mut self, after: &str) {
        let rotated = self.connect(&[], None).unwrap();
        let rotated = rotated.unwrap_or_else(|e| panic!("after {after}: {e}"));
        assert_eq!(rotated.done, IDS);
        let known = Credentials {
            alike: IDS.map(str::to_owned).to_vec(),
            ..Credentials::new(rotated.password.clone())
        };
        assert_eq!(self.store.get_mut().unwrap().as_ref(), Some(&known));
        for n in 0..3 {
            let hsm = self.hsm(n);
            assert_eq!(hsm.password.as_deref(), Some(rotated.password.expose()));
            assert_eq!((hsm.failures, hsm.logins), (0, 0));
        }
    }
}

/// What came of work of which everything is in memory; `None`: it was killed.
fn ended<T>(work: impl Future<Output = T>) -> Option<T> {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(ended) => Some(ended),
        Poll::Pending => None,
    }
}

struct FakeLine<'w> {
    world: &'w World,
    n: usize,
    cut: AtomicBool,
}

impl FakeLine<'_> {
    fn lost(&self) -> CallError {
        CallError::Lost { node: IDS[self.n].into(), why: "cut".into() }
    }

    async fn ask<T>(
        &self,
        run: impl FnOnce(&mut Hsm) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        if self.cut.load(Relaxed) {
            return Err(self.lost());
        }
        if !self.world.step().await {
            self.cut.store(true, Relaxed);
            return Err(self.lost());
        }
        let answer = run(&mut self.world.hsms[self.n].lock().unwrap());
        if !self.world.step().await {
            self.cut.store(true, Relaxed);
            return Err(self.lost());
        }
        answer
    }
}

impl Line for FakeLine<'_> {
    fn hsm_id(&self) -> &str {
        IDS[self.n]
    }

    async fn kmsuser(&self) -> Result<Option<UserListed>, CallError> {
        self.ask(|hsm| {
            Ok(hsm.password.as_ref().map(|_| UserListed {
                id: 3,
                role: Role::Cu,
                username: "kmsuser".to_owned(),
                login_failures: hsm.failures,
                locked: hsm.failures > limits::WRONG_PASSWORDS_MAX,
                logins: hsm.others,
                second_factor: false,
            }))
        })
        .await
    }

    async fn login(&self, password: &Secret) -> Result<(), CallError> {
        self.ask(|hsm| {
            assert!(hsm.up);
            hsm.attempts += 1;
            if hsm.password.as_deref() != Some(password.expose()) {
                hsm.failures += 1;
                return Err(CallError::Refused(Fault::LoginFailure.into()));
            }
            (hsm.failures, hsm.logins) = (0, hsm.logins + 1);
            Ok(())
        })
        .await
    }

    async fn change(&self, password: &Secret) -> Result<(), CallError> {
        let stored = self.world.store.lock().unwrap().clone().unwrap();
        let there = stored.of(self.hsm_id());
        let stored = there.next.as_ref() == Some(password) || there.current == *password;
        assert!(stored, "an HSM heard of it before the store");
        self.ask(|hsm| {
            if hsm.others > 0 {
                return Err(CallError::Refused(Fault::UserLoggedIn.into()));
            }
            hsm.password = Some(password.expose().to_owned());
            Ok(())
        })
        .await
    }

    async fn logout(&self) -> Result<(), CallError> {
        self.ask(|hsm| {
            hsm.logins -= 1;
            Ok(())
        })
        .await
    }
}

impl CredentialStore for World {
    async fn load(&self) -> Result<Option<Credentials>, StoreError> {
        Ok(self.store.lock().unwrap().clone())
    }

    async fn save(&self, credentials: &Credentials) -> Result<(), StoreError> {
        let full = || StoreError("the disk is full".to_owned());
        if !self.step().await {
            return Err(full());
        }
        *self.store.lock().unwrap() = Some(credentials.clone());
        if self.step().await { Ok(()) } else { Err(full()) }
    }

    async fn load_tries(&self) -> Result<Tries, StoreError> {
        Ok(self.tries.lock().unwrap().clone())
    }

    async fn save_tries(&self, tries: &Tries) -> Result<(), StoreError> {
        let full = || StoreError("the disk is full".to_owned());
        if !self.step().await {
            return Err(full());
        }
        *self.tries.lock().unwrap() = tries.clone();
        if self.step().await { Ok(()) } else { Err(full()) }
    }
}

#[test]
fn every_connect_makes_a_password_that_nobody_knew() {
    let mut world = World::new();
    let mut seen = vec![FIRST.to_owned()];
    for _ in 0..3 {
        world.recovers("nothing");
        let password = world.hsm(0).password.clone().unwrap();
        assert_eq!(password.len(), 32);
        assert!(password.bytes().all(|b| b.is_ascii_alphanumeric()));
        assert!(!seen.contains(&password));
        seen.push(password);
    }
}

#[test]
fn whatever_goes_wrong_at_any_two_steps_the_next_connect_recovers() {
    let steps = World::steps();
    assert!(steps > 20);
    let mishaps = [Mishap::Killed, Mishap::LineCut];
    for (first, second) in mishaps.into_iter().flat_map(|a| mishaps.map(|b| (a, b))) {
        // A recovery has more steps than a plain connect: two attempts on each HSM.
        for one in 0..=steps {
            for other in 0..=steps + 6 {
                let mut world = World::new();
                world.connect(&[], Some((one, first)));
                world.connect(&[], Some((other, second)));
                world.recovers(&format!("{first:?} at {one}, {second:?} at {other}"));
            }
        }
    }
}

#[test]
fn hsms_that_are_away_meanwhile_are_brought_up_to_date_when_they_are_back() {
    let steps = World::steps();
    const AWAY: [&[usize]; 7] = [&[], &[0], &[1], &[2], &[0, 1], &[1, 2], &[0, 2]];
    for turn in 0..AWAY.len().pow(3) {
        let [first, second, third] = [turn / 49, turn / 7 % 7, turn % 7].map(|n| AWAY[n]);
        for at in 0..=steps {
            let mut world = World::new();
            world.connect(first, Some((at, Mishap::Killed)));
            world.connect(second, Some((steps - at, Mishap::LineCut)));
            world.connect(third, None).unwrap().unwrap();
            world.recovers(&format!("{first:?} {at}, {second:?}, {third:?}"));
        }
    }
}

#[test]
fn a_clone_of_an_hsm_that_missed_a_rotation_is_entered_with_the_older_password() {
    let mut world = World::new();
    world.connect(&[1], None).unwrap().unwrap();
    // The third joins now: it was never heard of, and restores a backup of the second.
    world.hsm(2).password = Some(FIRST.to_owned());
    let mut known = world.store.get_mut().unwrap().take().unwrap();
    known.alike.retain(|id| id != IDS[2]);
    *world.store.get_mut().unwrap() = Some(known);
    world.recovers("a clone of the second joined");
}

#[test]
fn a_connector_that_dies_at_the_same_step_for_ever_does_not_lock_kmsuser_out() {
    for at in 0..World::steps() + 6 {
        let mut world = World::new();
        // A rotation under way, so that there are two passwords to try.
        world.connect(&[], Some((18, Mishap::Killed)));
        for _ in 0..12 {
            world.connect(&[], Some((at, Mishap::Killed)));
        }
        world.recovers(&format!("step {at}"));
    }
}

#[test]
fn ten_starts_after_anything_that_went_wrong_find_every_hsm_usable() {
    let steps = World::steps();
    for mishap in [Mishap::Killed, Mishap::LineCut] {
        for at in 0..=steps {
            for (start_dies, dies) in [(0, 99), (0, 3), (0, 7), (1, 5), (2, 9)] {
                let mut world = World::new();
                let after = format!("{mishap:?} at {at}, then at {dies} of start {start_dies}");
                // An HSM that was lost before KMS had logged in waits for the next connect.
                let away: Vec<String> = match world.connect(&[], Some((at, mishap))) {
                    Some(Ok(_)) => {
                        let known = world.store.get_mut().unwrap().clone().unwrap();
                        let waits = |id: &&str| judge::has_other_password(id, &known);
                        IDS.iter().copied().filter(waits).map(str::to_owned).collect()
                    }
                    // The key store is CONNECTING still, or FAILED: the next one connects.
                    _ => {
                        world.recovers(&after);
                        Vec::new()
                    }
                };
                for start in 0..10 {
                    let mishap = (start == start_dies).then_some((dies, mishap));
                    let used = world.start(mishap);
                    if mishap.is_none() {
                        let unfit = used.unwrap().unwrap();
                        let waits = |id: &str, it: &ConnectError| {
                            away.iter().any(|away| away == id) && it.message.contains("was away")
                        };
                        let all = unfit.iter().all(|(id, error)| waits(id, error));
                        assert!(all, "{after}, start {start}: {unfit:?}");
                    }
                }
                let known = world.store.get_mut().unwrap().clone().unwrap();
                for n in (0..3).filter(|n| !away.iter().any(|id| id == IDS[*n])) {
                    let there = world.hsm(n).password.clone();
                    assert_eq!(there.as_deref(), Some(known.passwords.current.expose()), "{after}");
                }
                world.recovers(&after);
            }
        }
    }
}

#[test]
fn a_password_that_was_changed_behind_kms_costs_each_hsm_one_try_however_often_it_starts() {
    let mut world = World::new();
    world.recovers("nothing");
    for n in 0..3 {
        world.hsm(n).password = Some("reset123".to_owned());
    }
    for start in 0..10 {
        let unfit = world.start(None).unwrap().unwrap();
        // The first finds out by the working lines.
        assert_eq!(unfit.len(), if start == 0 { 0 } else { 3 });
        assert!(unfit.iter().all(|(_, error)| error.code == Code::InvalidCredentials));
        assert_eq!([0, 1, 2].map(|n| world.hsm(n).failures), [1; 3]);
    }
}

#[test]
fn a_wrong_password_costs_one_attempt_and_never_the_last() {
    let mut world = World::new();
    *world.store.get_mut().unwrap() = Some(Credentials::new(Secret::new("another1")));
    for attempt in 1..=8 {
        let error = world.connect(&[], None).unwrap().unwrap_err();
        assert_eq!(error.code, Code::InvalidCredentials, "attempt {attempt}");
        assert_eq!([0, 1, 2].map(|n| world.hsm(n).failures), [1, 0, 0]);
    }
    // New evidence: an admin has given kmsuser that very password, and the count begins anew.
    for n in 0..3 {
        (world.hsm(n).password, world.hsm(n).failures) = (Some("another1".to_owned()), 0);
    }
    world.recovers("the password was put right");
    *world.store.get_mut().unwrap() = None;
    assert_eq!(world.connect(&[], None).unwrap().unwrap_err().code, Code::InvalidCredentials);
}

#[test]
fn one_hsm_with_another_password_leaves_the_others_as_they_were() {
    let mut world = World::new();
    world.hsm(1).password = Some("reset123".to_owned());
    let error = world.connect(&[], None).unwrap().unwrap_err();
    assert_eq!(error.code, Code::InvalidCredentials);
    assert!(error.message.contains("hsm-b") && !error.message.contains("hsm-a"), "{error}");
    assert_eq!(world.hsm(0).password.as_deref(), Some(FIRST));
    assert_eq!(world.hsm(0).logins, 0);
    (world.hsm(1).password, world.hsm(1).failures) = (Some(FIRST.to_owned()), 0);
    world.recovers("the password was put right");
}

#[test]
fn somebody_who_logs_in_elsewhere_stops_the_rotation_and_nothing_is_lost() {
    let mut world = World::new();
    world.hsm(2).others = 1;
    let error = world.connect(&[], None).unwrap().unwrap_err();
    assert_eq!(error.code, Code::UserLoggedIn);
    assert!(error.message.contains("hsm-c"), "{error}");
    assert_eq!(world.hsm(2).attempts, 0);
    world.hsm(2).others = 0;
    world.recovers("the other logged out");
}

#[test]
fn a_user_missing_on_one_hsm_is_found_missing_before_anything_changes() {
    let mut world = World::new();
    world.hsm(1).password = None;
    let error = world.connect(&[], None).unwrap().unwrap_err();
    assert_eq!(error.code, Code::UserNotFound);
    assert!(error.message.contains("missing on hsm-b (it was found on 2 of 3"), "{error}");
    assert!((0..3).all(|n| world.hsms[n].lock().unwrap().attempts == 0));
}

#[test]
fn without_any_hsm_nothing_is_forgotten() {
    let mut world = World::new();
    let before = world.store.get_mut().unwrap().clone();
    let error = world.connect(&[0, 1, 2], None).unwrap().unwrap_err();
    assert_eq!(error.code, Code::NetworkErrors);
    assert_eq!(*world.store.get_mut().unwrap(), before);
    world.recovers("all were down");
}
