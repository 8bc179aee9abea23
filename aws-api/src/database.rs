//! The SQL database: what KMS knows of keys and key stores. One writer commits in groups.
use sqlx::any::{AnyArguments, AnyPoolOptions, AnyRow};
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AnyPool, Executor, Row};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

mod emptied;
mod schema;

/// Writes that one commit, and so one sync of the disk, makes durable together.
const GROUP_MAX: usize = 256;
/// Writes that may wait.
const WAITING_MAX: usize = 1_024;
/// Connections for reading; one more writes.
const READERS: u32 = 4;
/// How often a group is tried that others stand in the way of.
const GROUP_TRIES: u32 = 10;
/// How long a connection to the database may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// A value of a statement.
#[derive(Clone)]
pub(crate) enum Value {
    Text(String),
    Number(i64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// One statement of a write.
pub(crate) struct Statement {
    sql: &'static str,
    values: Vec<Value>,
    one: bool,
}

impl Statement {
    /// Must change one row: otherwise somebody was quicker, and the whole write is undone.
    pub(crate) fn one(sql: &'static str, values: impl Into<Vec<Value>>) -> Self {
        Self { sql, values: values.into(), one: true }
    }

    /// May change any number of rows.
    pub(crate) fn any(sql: &'static str, values: impl Into<Vec<Value>>) -> Self {
        Self { sql, values: values.into(), one: false }
    }
}

/// Why nothing was written.
#[derive(Clone, Debug)]
pub(crate) enum WriteError {
    /// Somebody else was quicker: look again, and decide anew.
    Conflict,
    /// The database failed.
    Failed(Arc<str>),
}

impl WriteError {
    /// A full disk is told with the place where there is to be room.
    fn named(self, place: &str) -> Self {
        match self {
            Self::Failed(why) if why.contains("disk is full") => Self::Failed(
                format!("the disk of {place} is full: make room there, and try again ({why})")
                    .into(),
            ),
            other => other,
        }
    }
}

type Outcome = Result<(), WriteError>;

struct Write {
    statements: Vec<Statement>,
    done: oneshot::Sender<Outcome>,
}

/// A database that cannot be used.
#[derive(Debug)]
pub struct DatabaseError {
    place: String,
    why: String,
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the database {} cannot be used: {}", self.place, self.why)
    }
}

impl std::error::Error for DatabaseError {}

/// Clones share it.
#[derive(Clone)]
pub(crate) struct Database {
    pool: AnyPool,
    writes: mpsc::Sender<Write>,
    /// Its URL as it may be printed.
    place: Arc<str>,
}

/// The URL of a SQLite file.
pub fn sqlite_url(file: &Path) -> String {
    format!("sqlite://{}?mode=rwc", file.display())
}

impl Database {
    /// Connects, and makes the tables that are missing.
    pub(crate) async fn open(url: &str) -> Result<Self, DatabaseError> {
        sqlx::any::install_default_drivers();
        let sqlite = url.starts_with("sqlite:");
        let place = without_password(url);
        let failed = |why| DatabaseError { place: place.clone(), why };
        emptied::check(url).map_err(failed)?;
        let of_sql = |why: sqlx::Error| failed(why.to_string());
        let pool = AnyPoolOptions::new()
            .max_connections(READERS + 1)
            .acquire_timeout(CONNECT_WITHIN)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if sqlite {
                        connection.execute(schema::SQLITE_SETTINGS).await?;
                    }
                    Ok(())
                })
            })
            .connect(url)
            .await
            .map_err(of_sql)?;
        make_tables(&pool, sqlite).await.map_err(of_sql)?;
        emptied::remember(url);
        let (writes, waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(write_groups(pool.clone(), waiting, sqlite));
        Ok(Self { pool, writes, place: without_password(url).into() })
    }

    /// Makes the statements' changes, all or none; durable on return.
    pub(crate) async fn write(&self, statements: Vec<Statement>) -> Result<(), WriteError> {
        let gone = || WriteError::Failed("its writer has ended".into());
        let (done, answer) = oneshot::channel();
        self.writes.send(Write { statements, done }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?.map_err(|why| why.named(&self.place))
    }

    pub(crate) async fn rows(
        &self,
        sql: &'static str,
        values: impl Into<Vec<Value>>,
    ) -> Result<Vec<AnyRow>, sqlx::Error> {
        bound(sql, values.into()).fetch_all(&self.pool).await
    }

    pub(crate) async fn row(
        &self,
        sql: &'static str,
        values: impl Into<Vec<Value>>,
    ) -> Result<Option<AnyRow>, sqlx::Error> {
        bound(sql, values.into()).fetch_optional(&self.pool).await
    }
}

/// A column of text.
pub(crate) fn text(row: &AnyRow, column: usize) -> Result<String, sqlx::Error> {
    row.try_get(column)
}

/// A column of numbers.
pub(crate) fn number(row: &AnyRow, column: usize) -> Result<i64, sqlx::Error> {
    row.try_get(column)
}

fn bound(sql: &'static str, values: Vec<Value>) -> Query<'static, Any, AnyArguments> {
    values.into_iter().fold(sqlx::query(sql), |query, value| match value {
        Value::Text(text) => query.bind(text),
        Value::Number(number) => query.bind(number),
    })
}

/// Under a lock: of two endpoints that start at once, both would find a table missing.
async fn make_tables(pool: &AnyPool, sqlite: bool) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    connection.execute(begin(sqlite)).await?;
    if !sqlite {
        connection.execute(schema::POSTGRES_LOCK).await?;
    }
    for table in schema::TABLES {
        connection.execute(*table).await?;
    }
    connection.execute("COMMIT").await?;
    Ok(())
}

/// SQLite's own BEGIN takes the lock too late, when others may have written meanwhile.
fn begin(sqlite: bool) -> &'static str {
    if sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" }
}

/// Transactions of two endpoints waited for each other, and PostgreSQL has ended this one.
fn is_deadlock(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("40P01" | "40001"))
}

async fn write_groups(pool: AnyPool, mut waiting: mpsc::Receiver<Write>, sqlite: bool) {
    let mut group = Vec::new();
    // Always the same connection: each has a thread, and a cache that it would fill.
    let mut kept = None;
    while waiting.recv_many(&mut group, GROUP_MAX).await > 0 {
        let mut outcomes = write_group(&pool, &mut kept, &group, sqlite).await;
        for _ in 1..GROUP_TRIES {
            if !outcomes.as_ref().is_err_and(is_deadlock) {
                break;
            }
            outcomes = write_group(&pool, &mut kept, &group, sqlite).await;
        }
        let outcomes = outcomes.unwrap_or_else(|why| {
            kept = None;
            let why: Arc<str> = why.to_string().into();
            group.iter().map(|_| Err(WriteError::Failed(why.clone()))).collect()
        });
        for (write, outcome) in group.drain(..).zip(outcomes) {
            // Whoever asked may have gone away.
            let _ = write.done.send(outcome);
        }
    }
}

/// One transaction; each write stands or falls by itself.
async fn write_group(
    pool: &AnyPool,
    kept: &mut Option<PoolConnection<Any>>,
    group: &[Write],
    sqlite: bool,
) -> Result<Vec<Outcome>, sqlx::Error> {
    let begin = begin(sqlite);
    let connection = match kept {
        Some(connection) => connection,
        None => kept.insert(pool.acquire().await?),
    };
    // Mostly all of them can be done. A savepoint for each would be as much work as they are.
    let outcomes = write_all(connection, group, begin, false).await?;
    if group.len() == 1 || outcomes.iter().all(Result::is_ok) {
        return Ok(outcomes);
    }
    write_all(connection, group, begin, true).await
}

/// With savepoints, a write that fails is left out; without them, it ends all.
async fn write_all(
    connection: &mut AnyConnection,
    group: &[Write],
    begin: &'static str,
    savepoints: bool,
) -> Result<Vec<Outcome>, sqlx::Error> {
    connection.execute(begin).await?;
    let mut outcomes = Vec::with_capacity(group.len());
    let mut end = "COMMIT";
    for write in group {
        let outcome = match savepoints {
            true => write_one(connection, &write.statements).await,
            false => change(connection, &write.statements).await,
        };
        match outcome {
            Ok(outcome) => {
                let stop = !savepoints && outcome.is_err();
                outcomes.push(outcome);
                if stop {
                    end = "ROLLBACK";
                    break;
                }
            }
            Err(why) => {
                // Whatever state the transaction is in, it ends with the connection.
                let _ = connection.execute("ROLLBACK").await;
                return Err(why);
            }
        }
    }
    match connection.execute(end).await {
        Ok(_) => Ok(outcomes),
        Err(why) => {
            let _ = connection.execute("ROLLBACK").await;
            Err(why)
        }
    }
}

async fn write_one(
    connection: &mut AnyConnection,
    statements: &[Statement],
) -> Result<Outcome, sqlx::Error> {
    connection.execute("SAVEPOINT one").await?;
    let outcome = change(connection, statements).await?;
    if outcome.is_err() {
        connection.execute("ROLLBACK TO SAVEPOINT one").await?;
    }
    connection.execute("RELEASE SAVEPOINT one").await?;
    Ok(outcome)
}

async fn change(
    connection: &mut AnyConnection,
    statements: &[Statement],
) -> Result<Outcome, sqlx::Error> {
    for statement in statements {
        let done = bound(statement.sql, statement.values.clone()).execute(&mut *connection).await;
        let failed = match done {
            Ok(done) if !statement.one || done.rows_affected() == 1 => continue,
            Ok(_) => WriteError::Conflict,
            Err(error) if is_deadlock(&error) => return Err(error),
            Err(error) if error.as_database_error().is_some_and(|e| e.is_unique_violation()) => {
                WriteError::Conflict
            }
            Err(error) if error.as_database_error().is_some() => {
                WriteError::Failed(error.to_string().into())
            }
            Err(error) => return Err(error),
        };
        return Ok(Err(failed));
    }
    Ok(Ok(()))
}

/// A URL as it may be printed.
fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            let (front, back) = (url.get(..scheme + 3), url.get(at..));
            format!("{}***{}", front.unwrap_or_default(), back.unwrap_or_default())
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
