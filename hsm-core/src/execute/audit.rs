//! Reading the audit log.
use super::*;
use proto::Blob;
use proto::command::audit::*;
use proto::limits::FRAME_MAX;

impl Execute for GetAuditLog {
    fn execute(call: Granted<'_, Self>) -> Outcome<AuditLog> {
        let (records, next, chain) = call.hsm.audit.read(call.request.from, FRAME_MAX / 2);
        call.session.saw(call.hsm.vault.latest());
        Ok(Done::new(AuditLog { records, next, chain: Blob(chain) }))
    }
}
