//! The time that keys live in, which a rehearsal may move forward for all endpoints on a database.
use crate::database::{Database, Statement, number};
use crate::error::ApiError;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// How far the time was moved forward.
#[derive(Default)]
pub(crate) struct Clock {
    ahead_ms: AtomicI64,
}

impl Clock {
    /// The time that keys and key stores live in.
    pub(crate) fn now_ms(&self) -> i64 {
        real_now_ms() + self.ahead_ms.load(Ordering::Relaxed)
    }

    /// Moves the time forward; only a reset brings it back.
    pub(crate) async fn advance(&self, database: &Database, by_ms: u32) -> Result<(), ApiError> {
        let sql = "INSERT INTO shared (name, version, value) VALUES ('clock', $1, '') \
                   ON CONFLICT (name) DO UPDATE SET version = shared.version + excluded.version";
        database.write(vec![Statement::one(sql, [i64::from(by_ms).into()])]).await?;
        self.follow(database).await
    }

    /// Goes to where another endpoint may have moved the time.
    pub(crate) async fn follow(&self, database: &Database) -> Result<(), ApiError> {
        let row = database.row("SELECT version FROM shared WHERE name = 'clock'", []).await?;
        let ahead_ms = row.map_or(Ok(0), |row| number(&row, 0))?;
        self.ahead_ms.store(ahead_ms, Ordering::Relaxed);
        Ok(())
    }
}

/// The time that leases are measured in.
pub(crate) fn real_now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
