//! Where to ask, whether to ask again, when to give up: decided without I/O, clock or chance.
use crate::{CallError, Endpoint};
use proto::command::cluster::Member;
use proto::command::key::{
    ExtractMaskedObject, GenerateEcKeyPair, GenerateKey, GenerateRsaKeyPair, GetAttributes,
    SetAttribute, ShareObject,
};
use proto::command::{cipher, sign, wrap};
use proto::{Effect, Fault, Opcode, Spec, Weight};
use std::any::Any;
use std::time::Duration;

/// User guide, key availability check: a token key must be on so many HSMs to be made or used.
pub(crate) const HOLDERS_MIN: usize = 2;

/// A connection that may be chosen.
pub(crate) struct Candidate {
    /// The connection's number.
    pub number: u64,
    /// It is logged in, where a login is wanted.
    pub ready: bool,
    /// Requests on their way.
    pub load: usize,
}

/// Light requests that one connection is given at a time. They share a record of TLS, and the calls
/// of the operating system that it takes on both sides, which cost more than such a request does.
const TOGETHER: usize = 16;

/// Chooses the connection with the least load, in turn among equals, and those that are ready
/// first.
pub(crate) fn choose(
    candidates: impl ExactSizeIterator<Item = Candidate>,
    weight: Weight,
    turn: usize,
    tried: &[u64],
) -> Option<usize> {
    let count = candidates.len().max(1);
    let together = if weight == Weight::Light { TOGETHER } else { 1 };
    let turn = turn / together;
    candidates
        .enumerate()
        .filter(|(_, candidate)| !tried.contains(&candidate.number))
        .min_by_key(|(at, candidate)| {
            (!candidate.ready, candidate.load / together, (at + count - turn % count) % count)
        })
        .map(|(at, _)| at)
}

/// What to do about a call that failed on one HSM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The caller hears of it.
    Stop,
    /// Another HSM is asked.
    Elsewhere,
    /// The same HSM is asked, and no other: it alone may know the retry token.
    SameHsm,
}

/// Decides where a request that failed is sent again, if it is. User changes never are.
pub(crate) fn after_failure(spec: &Spec, repeat: Repeat, error: &CallError) -> Next {
    if matches!(spec.family, "user" | "session" | "cluster" | "audit")
        && spec.effect == Effect::Writes
    {
        return Next::Stop;
    }
    match error {
        CallError::NotSent { .. } => Next::Elsewhere,
        CallError::Lost { .. } => match repeat {
            Repeat::Never => Next::Stop,
            Repeat::Anywhere => Next::Elsewhere,
            Repeat::SameHsm => Next::SameHsm,
        },
        CallError::Refused(refusal) => match refusal.fault {
            // The first attempt may still be running there.
            Fault::Busy if repeat == Repeat::SameHsm => Next::SameHsm,
            // A key that another HSM has not got yet, or a session key of another connection.
            Fault::InvalidHandle | Fault::Busy | Fault::NotInitialized => Next::Elsewhere,
            _ => Next::Stop,
        },
        _ => Next::Stop,
    }
}

/// The HSM is at something that this request must wait for.
pub(crate) fn is_busy(error: &CallError) -> bool {
    error.refusal().is_some_and(|refusal| refusal.fault == Fault::Busy)
}

/// Of two errors of the same call on two HSMs, the one that tells the caller more: that an HSM has
/// no such key says little when another, which may have it, was lost.
pub(crate) fn graver(first: Option<CallError>, second: CallError) -> CallError {
    let vague = |error: &CallError| {
        error.refusal().is_some_and(|refusal| refusal.fault == Fault::InvalidHandle)
    };
    match first {
        Some(first) if vague(&second) => first,
        _ => second,
    }
}

/// The keys that a request names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeysNamed {
    /// Their handles.
    pub handles: [Option<u64>; 2],
    /// They are used, and not only described or changed: the availability check applies.
    pub used: bool,
}

/// The keys that a request names, read from its fields.
pub(crate) fn keys_named(opcode: Opcode, request: &dyn Any) -> KeysNamed {
    fn of<C: Any>(request: &dyn Any, keys: impl Fn(&C) -> [Option<u64>; 2]) -> [Option<u64>; 2] {
        request.downcast_ref::<C>().map(keys).unwrap_or_default()
    }
    let used = |handles| KeysNamed { handles, used: true };
    let named = |handles| KeysNamed { handles, used: false };
    match opcode {
        Opcode::Sign => used(of(request, |c: &sign::Sign| [Some(c.key), None])),
        Opcode::Verify => used(of(request, |c: &sign::Verify| [Some(c.key), None])),
        Opcode::Encrypt => used(of(request, |c: &cipher::Encrypt| [Some(c.key), None])),
        Opcode::Decrypt => used(of(request, |c: &cipher::Decrypt| [Some(c.key), None])),
        Opcode::WrapKey => {
            used(of(request, |c: &wrap::WrapKey| [Some(c.key), Some(c.wrapping_key)]))
        }
        Opcode::UnwrapKey => {
            used(of(request, |c: &wrap::UnwrapKey| [Some(c.unwrapping_key), None]))
        }
        Opcode::GetAttributes => named(of(request, |c: &GetAttributes| [Some(c.handle), None])),
        Opcode::SetAttribute => named(of(request, |c: &SetAttribute| [Some(c.handle), None])),
        Opcode::ShareObject => named(of(request, |c: &ShareObject| [Some(c.handle), None])),
        Opcode::ExtractMaskedObject => {
            named(of(request, |c: &ExtractMaskedObject| [Some(c.handle), None]))
        }
        _ => KeysNamed::default(),
    }
}

/// Whether a request may be sent again when it was sent and no reply came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It may have been executed: only the caller can tell what to do.
    Never,
    /// It changes nothing that lasts: anybody may be asked.
    Anywhere,
    /// It bears a retry token, by which the same HSM knows it again. Another HSM would do it twice.
    SameHsm,
}

/// Whether a request may be sent again: one that reads, one with a retry token, and one that makes
/// a session key, since the key is gone with the connection.
pub(crate) fn repeat(spec: &Spec, request: &dyn Any) -> Repeat {
    fn of<C: Any>(request: &dyn Any, key: impl Fn(&C) -> (bool, bool)) -> Repeat {
        match request.downcast_ref::<C>().map(key) {
            Some((false, _)) => Repeat::Anywhere,
            Some((true, true)) => Repeat::SameHsm,
            Some((true, false)) | None => Repeat::Never,
        }
    }
    match spec.opcode {
        Opcode::GenerateKey => of(request, |c: &GenerateKey| (c.token, c.retry.is_some())),
        Opcode::GenerateEcKeyPair => {
            of(request, |c: &GenerateEcKeyPair| (c.token, c.retry.is_some()))
        }
        Opcode::GenerateRsaKeyPair => {
            of(request, |c: &GenerateRsaKeyPair| (c.token, c.retry.is_some()))
        }
        Opcode::UnwrapKey => of(request, |c: &wrap::UnwrapKey| (c.token, c.retry.is_some())),
        _ if spec.effect == Effect::Reads => Repeat::Anywhere,
        _ => Repeat::Never,
    }
}

/// How a new key, or a change of one, stands with the availability check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Enough,
    Wait,
    TooFew,
}

/// Judges `holders` HSMs that have the key. `hope`: an HSM that has not answered may come to have
/// it.
pub(crate) fn standing(check: bool, holders: usize, hope: bool, time_left: bool) -> Standing {
    if !check || holders >= HOLDERS_MIN {
        Standing::Enough
    } else if hope && time_left {
        Standing::Wait
    } else {
        Standing::TooFew
    }
}

/// What a client remembers of a login for one HSM. `L` is the login itself.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) enum LoginMemory<L> {
    /// Nobody logged in.
    #[default]
    Nothing,
    /// To be repeated once on every new connection; so often was it sent and not answered.
    Repeat { login: L, unanswered: u32 },
    /// The HSM refused it, or may have come to another password: only a person may try again.
    Spent,
}

/// What became of one attempt to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Accepted,
    Refused(Fault),
    Unanswered,
    NotSent,
}

impl Attempt {
    pub(crate) fn of<R>(result: &Result<R, CallError>) -> Self {
        match result {
            Ok(_) => Self::Accepted,
            Err(CallError::Refused(refusal)) => Self::Refused(refusal.fault),
            Err(CallError::Lost { .. } | CallError::BadReply(_)) => Self::Unanswered,
            Err(_) => Self::NotSent,
        }
    }

    /// A refusal of the user or its password: trying again could lock the user out.
    pub(crate) fn is_final(self) -> bool {
        let Self::Refused(fault) = self else { return false };
        !matches!(
            fault,
            Fault::Busy | Fault::Internal | Fault::StorageFailed | Fault::NotInitialized
        )
    }
}

/// Attempts that may go unanswered in a row: fewer than the wrong passwords that lock a user.
const UNANSWERED_MAX: u32 = 3;

impl<L: Clone> LoginMemory<L> {
    /// What to send on a new connection, if anything.
    pub(crate) fn to_send(&self) -> Option<&L> {
        match self {
            Self::Repeat { login, .. } => Some(login),
            Self::Nothing | Self::Spent => None,
        }
    }

    /// What to remember after an attempt with `login`.
    pub(crate) fn after(&self, login: &L, attempt: Attempt) -> Self {
        let before = match self {
            Self::Repeat { unanswered, .. } => *unanswered,
            Self::Nothing | Self::Spent => 0,
        };
        let unanswered = match attempt {
            Attempt::Accepted => 0,
            Attempt::Unanswered => before + 1,
            Attempt::Refused(_) | Attempt::NotSent => before,
        };
        if attempt.is_final() || unanswered >= UNANSWERED_MAX {
            return Self::Spent;
        }
        Self::Repeat { login: login.clone(), unanswered }
    }
}

/// The pauses between attempts to connect: 100 ms, doubled up to 3 s as SDK 3's daemon waits.
#[derive(Default)]
pub(crate) struct Backoff(u32);

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);
    const LAST: Duration = Duration::from_secs(3);

    /// The next pause.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = Self::FIRST.saturating_mul(1 << self.0.min(10)).min(Self::LAST);
        self.0 = self.0.saturating_add(1);
        pause
    }
}

/// The members to be connected to. A list that is empty says nothing: then those that were learned
/// before stay, and at first the configured servers are all there is.
pub(crate) fn members(
    news: Vec<Member>,
    before: Option<Vec<Member>>,
    servers: &[Endpoint],
) -> Vec<Member> {
    if !news.is_empty() {
        return news;
    }
    before.unwrap_or_else(|| {
        let member = |server: &Endpoint| Member {
            hsm_id: String::new(),
            hostname: server.host.clone(),
            port: server.port,
            zone: String::new(),
        };
        servers.iter().map(member).collect()
    })
}

/// One HSM's page of the keys that were looked for.
pub(crate) struct Page {
    pub handles: Vec<u64>,
    pub total: u64,
}

/// Merges the pages of several HSMs, each of at most `limit` handles, into one such page. What lies
/// behind the end of a page that was full is left for the next: that HSM may have more before it.
pub(crate) fn merge_pages(pages: Vec<Page>, limit: usize) -> Page {
    let full = |page: &&Page| page.handles.len() >= limit;
    let end = pages.iter().filter(full).filter_map(|page| page.handles.last()).min().copied();
    let total = pages.iter().map(|page| page.total).max().unwrap_or(0);
    let mut handles: Vec<u64> = pages.into_iter().flat_map(|page| page.handles).collect();
    handles.sort_unstable();
    handles.dedup();
    handles.retain(|handle| end.is_none_or(|end| *handle <= end));
    handles.truncate(limit);
    let total = total.max(handles.len() as u64);
    Page { handles, total }
}

#[cfg(test)]
#[path = "decisions_tests.rs"]
mod tests;
