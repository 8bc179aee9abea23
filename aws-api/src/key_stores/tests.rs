//! Decisions on key stores that several endpoints take at once.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::database::tests::with_database;
use crate::model::ErrorKind;
use tokio::task::JoinSet;

const REGION: &str = "us-east-1";

fn store(id: &str) -> KeyStore {
    KeyStore {
        id: id.to_owned(),
        name: format!("the name of {id}"),
        cluster_id: "cluster-1".to_owned(),
        cluster_certificate: String::new(),
        trust_anchor: String::new(),
        created_ms: 7,
        password_mark: String::new(),
        connection: 0,
        state: State::Disconnected,
    }
}

async fn add(database: &Database, id: &str) -> Result<(), ApiError> {
    let add = |stores: &mut KeyStores, _: &mut Vec<Statement>| {
        if stores.stores.len() >= KEY_STORES_MAX {
            return Err(ErrorKind::LimitExceededException.bare());
        }
        stores.stores.push(store(id));
        Ok(())
    };
    change(database, REGION, add).await.map(drop)
}

/// Two endpoints' views of one database.
async fn two(url: &str) -> [Database; 2] {
    [Database::open(url).await.unwrap(), Database::open(url).await.unwrap()]
}

#[tokio::test]
async fn the_limit_holds_whoever_asks() {
    with_database(async |url| {
        let databases = two(url).await;
        let mut adding = JoinSet::new();
        for n in 0..16 {
            let database = databases[n % 2].clone();
            adding.spawn(async move { add(&database, &format!("cks-{n}")).await });
        }
        let outcomes = adding.join_all().await;
        let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        let kinds: Vec<_> = refused.map(|error| error.kind).collect();
        assert_eq!(kinds, [ErrorKind::LimitExceededException; 6]);
        let read = KeyStores::read(&databases[0], REGION).await.unwrap();
        assert_eq!((read.stores.len(), read.version), (10, 10));
    })
    .await;
}

#[tokio::test]
async fn no_change_is_lost_between_endpoints() {
    with_database(async |url| {
        let databases = two(url).await;
        add(&databases[0], "cks-1").await.unwrap();
        let mut raising = JoinSet::new();
        for n in 0..16 {
            let database = databases[n % 2].clone();
            raising.spawn(async move {
                let raise = |stores: &mut KeyStores, _: &mut Vec<Statement>| {
                    stores.by_id_mut("cks-1").unwrap().connection += 1;
                    Ok(())
                };
                change(&database, REGION, raise).await.unwrap();
            });
        }
        raising.join_all().await;
        let read = KeyStores::read(&databases[1], REGION).await.unwrap();
        assert_eq!(read.by_id("cks-1").unwrap().connection, 16);
    })
    .await;
}

#[tokio::test]
async fn one_of_two_that_want_the_lease_gets_it() {
    with_database(async |url| {
        let databases = two(url).await;
        add(&databases[0], "cks-1").await.unwrap();
        let take = async |database: &Database, owner: &str| {
            let lease = Lease { owner: owner.to_owned(), until_ms: 1 };
            let take = |stores: &mut KeyStores, _: &mut Vec<Statement>| {
                let store = stores.by_id_mut("cks-1").unwrap();
                let free = store.state == State::Disconnected;
                if free {
                    store.state = State::Connecting(lease.clone());
                }
                Ok(free)
            };
            change(database, REGION, take).await.unwrap().0
        };
        let (a, b) = tokio::join!(take(&databases[0], "a"), take(&databases[1], "b"));
        assert_ne!(a, b);
        let read = KeyStores::read_all(&databases[0]).await.unwrap();
        let lease = read[0].1.by_id("cks-1").unwrap().state.lease().unwrap();
        assert_eq!(lease.owner, if a { "a" } else { "b" });
    })
    .await;
}

#[tokio::test]
async fn what_rests_on_key_stores_that_have_changed_is_not_written() {
    with_database(async |url| {
        let [database, other] = two(url).await;
        add(&database, "cks-1").await.unwrap();
        let version = KeyStores::read(&database, REGION).await.unwrap().version;
        database.write(vec![still(REGION, version)]).await.unwrap();
        add(&other, "cks-2").await.unwrap();
        let late = database.write(vec![still(REGION, version)]).await;
        assert!(matches!(late, Err(WriteError::Conflict)), "{late:?}");
        // A decision that changes nothing writes nothing.
        let (count, _) =
            change(&database, REGION, |stores, _| Ok(stores.stores.len())).await.unwrap();
        let after = KeyStores::read(&database, REGION).await.unwrap().version;
        assert_eq!((count, after), (2, version + 1));
    })
    .await;
}
