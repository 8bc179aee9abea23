//! Whom a heavy request is done for: those who wait for the same have their turns by account.
use crate::execute::Execute;
use crate::serve::Hsm;
use crate::session::{Peer, Session};
use crate::user::canonical_name;
use proto::command::*;
use proto::{Frame, Opcode};

/// A user of one of the two sides, however many connections it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// Whose certificate the connection showed: a customer's connections take no turns from KMS.
    pub peer: Peer,
    /// The id of the user that is logged in, or that wants to be; none: nobody whom the HSM knows.
    pub user: Option<u32>,
}

impl Hsm {
    /// Whom a request is done for; none where it is refused before it costs anything.
    pub fn account(&self, session: &Session, frame: Frame<'_>) -> Option<Account> {
        self.account_in(Opcode::from_code(frame.code)?, session, frame.body)
    }

    fn account_of<C: Execute>(&self, session: &Session, body: &[u8]) -> Option<Account> {
        let request = proto::decode::<C>(body).ok()?;
        if !session.greeted || !C::SPEC.who.admits(session.role()) {
            return None;
        }
        let user = match (&session.login, request.claims()) {
            (Some(login), _) => Some(login.user),
            (None, Some(name)) => {
                let name = canonical_name(name).ok()?;
                self.vault.users().by_name(&name).map(|user| user.id)
            }
            (None, None) => None,
        };
        Some(Account { peer: session.peer, user })
    }
}

macro_rules! accounts {
    ($($code:literal $module:ident::$name:ident => $reply_module:ident::$reply:ident
       ($who:ident, $effect:ident, $weight:ident, $audit:literal) $says:literal;)*) => {
        impl Hsm {
            fn account_in(
                &self,
                opcode: Opcode,
                session: &Session,
                body: &[u8],
            ) -> Option<Account> {
                match opcode {
                    $(Opcode::$name => self.account_of::<$module::$name>(session, body),)*
                }
            }
        }
    };
}
proto::for_each_command!(accounts);
