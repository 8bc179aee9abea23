//! On SQLite; on PostgreSQL where CLOUDHSM_SIM_TEST_DATABASE names a server.
#![allow(clippy::unwrap_used)]
use super::*;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

/// Runs a test on an empty database of its own: a SQLite file, or a schema of the server's.
pub(crate) async fn with_database(test: impl AsyncFnOnce(&str)) {
    let Ok(server) = std::env::var("CLOUDHSM_SIM_TEST_DATABASE") else {
        let folder = tempfile::tempdir().unwrap();
        return test(&sqlite_url(&folder.path().join("test.sqlite"))).await;
    };
    sqlx::any::install_default_drivers();
    let pool = AnyPool::connect(&server).await.unwrap();
    let schema = format!("test_{}", Uuid::new_v4().simple());
    pool.execute(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).await.unwrap();
    let join = if server.contains('?') { '&' } else { '?' };
    test(&format!("{server}{join}options[search_path]={schema}")).await;
    pool.execute(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"))).await.unwrap();
}

fn add(name: &str, version: i64) -> Statement {
    let sql = "INSERT INTO shared (name, version, value) VALUES ($1, $2, 'x')";
    Statement::one(sql, [name.into(), version.into()])
}

fn raise(name: &str) -> Statement {
    let sql = "UPDATE shared SET version = version + 1 WHERE name = $1";
    Statement::one(sql, [name.into()])
}

async fn count(database: &Database) -> i64 {
    let row = database.row("SELECT COUNT(*) FROM shared", []).await.unwrap().unwrap();
    number(&row, 0).unwrap()
}

async fn version(database: &Database, name: &str) -> Option<i64> {
    let sql = "SELECT version FROM shared WHERE name = $1";
    let row = database.row(sql, [name.into()]).await.unwrap();
    row.map(|row| number(&row, 0).unwrap())
}

#[tokio::test]
async fn what_is_written_is_read_again_and_found_at_the_next_start() {
    with_database(async |url| {
        let database = Database::open(url).await.unwrap();
        let text_of_all = "é \u{1F511} '\" \\ \n";
        let sql = "INSERT INTO shared (name, version, value) VALUES ($1, $2, $3)";
        for (name, version) in [("a", i64::MAX), ("b", i64::MIN), ("c", 0)] {
            let values = [name.into(), version.into(), text_of_all.into()];
            database.write(vec![Statement::one(sql, values)]).await.unwrap();
        }
        drop(database);
        let database = Database::open(url).await.unwrap();
        let sql = "SELECT name, version, value FROM shared \
                   WHERE ($1 = '' OR name = $1) AND name > $2 ORDER BY name LIMIT $3";
        let rows = database.rows(sql, ["".into(), "a".into(), 10.into()]).await.unwrap();
        let read = |row| (text(row, 0).unwrap(), number(row, 1).unwrap(), text(row, 2).unwrap());
        let expected = |name: &str, version| (name.to_owned(), version, text_of_all.to_owned());
        let read: Vec<_> = rows.iter().map(read).collect();
        assert_eq!(read, [expected("b", i64::MIN), expected("c", 0)]);
        assert_eq!(version(&database, "a").await, Some(i64::MAX));
        assert_eq!(version(&database, "nobody").await, None);
        assert!(database.rows("SELECT nothing FROM shared", []).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn many_writes_at_once_are_all_there() {
    with_database(async |url| {
        let database = Database::open(url).await.unwrap();
        let mut writing = tokio::task::JoinSet::new();
        for n in 0..600 {
            let database = database.clone();
            writing.spawn(async move { database.write(vec![add(&n.to_string(), n)]).await });
        }
        while let Some(written) = writing.join_next().await {
            written.unwrap().unwrap();
        }
        assert_eq!(count(&database).await, 600);
    })
    .await;
}

#[tokio::test]
async fn a_write_of_a_group_stands_or_falls_by_itself() {
    with_database(async |url| {
        let database = Database::open(url).await.unwrap();
        database.write(vec![add("there", 1)]).await.unwrap();
        let nonsense = Statement::any("DELETE FROM nothing", []);
        let nobody = Statement::any("DELETE FROM shared WHERE name = 'nobody'", []);
        // All are sent before the writer runs: it is a task of this one thread.
        let (fine, taken, missed, broken, late, last) = tokio::join!(
            database.write(vec![add("fine", 1), nobody]),
            database.write(vec![add("undone", 1), add("there", 2)]),
            database.write(vec![add("undone", 1), raise("nobody")]),
            database.write(vec![add("undone", 1), nonsense]),
            // What an earlier write of the group did is known to a later one.
            database.write(vec![add("fine", 2)]),
            database.write(vec![raise("fine"), raise("there")]),
        );
        fine.unwrap();
        assert!(matches!(taken, Err(WriteError::Conflict)), "{taken:?}");
        assert!(matches!(missed, Err(WriteError::Conflict)), "{missed:?}");
        assert!(matches!(broken, Err(WriteError::Failed(_))), "{broken:?}");
        assert!(matches!(late, Err(WriteError::Conflict)), "{late:?}");
        last.unwrap();
        assert_eq!(count(&database).await, 2, "nothing of what was undone");
        assert_eq!(version(&database, "fine").await, Some(2));
        assert_eq!(version(&database, "there").await, Some(2));
    })
    .await;
}

#[tokio::test]
async fn endpoints_that_start_at_once_all_find_the_tables() {
    with_database(async |url| {
        let mut starting = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let url = url.to_owned();
            starting.spawn(async move { Database::open(&url).await });
        }
        while let Some(started) = starting.join_next().await {
            assert_eq!(count(&started.unwrap().unwrap()).await, 0);
        }
    })
    .await;
}

#[tokio::test]
async fn two_endpoints_lose_no_change_and_hold_each_other_up_for_a_moment_only() {
    with_database(async |url| {
        let [one, other] = [Database::open(url).await.unwrap(), Database::open(url).await.unwrap()];
        one.write(vec![add("a", 0), add("b", 0)]).await.unwrap();
        let mut writing = tokio::task::JoinSet::new();
        // In opposite orders: each may hold what the other needs next.
        for (database, order) in [(one.clone(), ["a", "b"]), (other, ["b", "a"])] {
            writing.spawn(async move {
                for _ in 0..50 {
                    database.write(order.map(raise).into()).await.unwrap();
                }
            });
        }
        while let Some(written) = writing.join_next().await {
            written.unwrap();
        }
        assert_eq!(version(&one, "a").await, Some(100));
        assert_eq!(version(&one, "b").await, Some(100));
    })
    .await;
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_named_without_its_password() {
    let url = "postgres://kms:hunter2@127.0.0.1:99999/kms";
    let error = Database::open(url).await.err().unwrap().to_string();
    assert!(error.contains("postgres://***@127.0.0.1:99999/kms cannot be used"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    let error = Database::open("mysql://x/y").await.err().unwrap().to_string();
    assert!(error.contains("mysql://x/y"), "{error}");
}

#[test]
fn a_full_disk_is_named() {
    let full = WriteError::Failed("(code: 13) database or disk is full".into());
    let WriteError::Failed(why) = full.named("sqlite:///x/kms.sqlite") else { panic!() };
    assert!(why.starts_with("the disk of sqlite:///x/kms.sqlite is full: make room"), "{why}");
}

#[tokio::test]
async fn a_file_that_was_emptied_is_not_begun_anew_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let [killed, emptied] = ["killed.sqlite", "emptied.sqlite"].map(|it| folder.path().join(it));
    // A first start that was killed has left nothing in it.
    std::fs::write(&killed, "").unwrap();
    Database::open(&sqlite_url(&killed)).await.unwrap();
    assert!(folder.path().join("killed.sqlite-used").exists());

    std::fs::write(&emptied, "").unwrap();
    std::fs::write(folder.path().join("emptied.sqlite-used"), "").unwrap();
    let url = sqlite_url(&emptied);
    let error = Database::open(&url).await.err().expect("it must not open").to_string();
    assert!(error.contains("emptied.sqlite") && error.contains("put a copy back"), "{error}");
    assert!(std::fs::read(&emptied).unwrap().is_empty(), "nothing was begun");
    // An operator has removed it.
    std::fs::remove_file(&emptied).unwrap();
    assert_eq!(count(&Database::open(&url).await.unwrap()).await, 0);
}
