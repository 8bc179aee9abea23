//! What each command does. One file for each family, as in `proto::command`.
use crate::audit::Subject;
use crate::authorise::Granted;
use crate::serve::Hsm;
use crate::session::Session;
use crate::vault::Change;
use proto::{Blob, Command, Fault, Refusal};

mod audit;
mod cipher;
mod cluster;
mod digest;
mod key;
mod random;
mod session;
mod sign;
mod user;
mod wrap;

/// A reply, the changes that it promises, and what the audit log says of it.
pub(crate) struct Done<R> {
    pub(crate) reply: R,
    pub(crate) changes: Vec<Change>,
    /// One record each; none given is one record that names nothing.
    pub(crate) subjects: Vec<Subject>,
    /// What becomes of the session once the changes are committed.
    pub(crate) after: Option<After>,
}

/// Runs on the session when nothing can be refused any more.
pub(crate) type After = Box<dyn FnOnce(&Hsm, &mut Session) + Send>;

/// A refusal. It can change state too: a wrong password counts.
pub(crate) struct Failed {
    pub(crate) refusal: Refusal,
    pub(crate) changes: Vec<Change>,
    pub(crate) subjects: Vec<Subject>,
}

pub(crate) type Outcome<R> = Result<Done<R>, Failed>;

/// How a command is carried out, once it is granted.
pub(crate) trait Execute: Command {
    /// How often it is decided anew when others changed what the decision rested on.
    const ATTEMPTS: u32 = 1;

    /// The user that the request comes from, by its own words: of a session without a login.
    fn claims(&self) -> Option<&str> {
        None
    }

    fn execute(call: Granted<'_, Self>) -> Outcome<Self::Reply>;
}

impl<R> Done<R> {
    pub(crate) fn new(reply: R) -> Self {
        Self { reply, changes: Vec::new(), subjects: Vec::new(), after: None }
    }

    pub(crate) fn then(self, after: impl FnOnce(&Hsm, &mut Session) + Send + 'static) -> Self {
        Self { after: Some(Box::new(after)), ..self }
    }

    pub(crate) fn changing(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }

    pub(crate) fn about(mut self, subject: Subject) -> Self {
        self.subjects.push(subject);
        self
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, changes: Vec::new(), subjects: Vec::new() }
    }
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Refusal::from(fault).into()
    }
}

impl Failed {
    pub(crate) fn about(mut self, subject: Subject) -> Self {
        self.subjects.push(subject);
        self
    }
}

/// Data of any family: bounded, and the refusal says by what.
fn check_data(data: &Blob, most: usize) -> Result<(), Refusal> {
    if data.0.len() > most {
        return Err(Fault::DataUnfit.with(format!("{} bytes; {most} at most", data.0.len())));
    }
    Ok(())
}
