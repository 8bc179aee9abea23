//! Who may write kmsuser's passwords, and what is kept of them.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::database::tests::with_database;
use kms_connector::Try;

struct Bed {
    database: Database,
    secrets: Arc<Secrets>,
}

impl Bed {
    async fn new(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::read_or_make(&folder.path().join("kms.key")).unwrap();
        Self { database: Database::open(url).await.unwrap(), secrets: Arc::new(secrets) }
    }

    fn of(&self, lease: &str) -> SqlCredentials {
        SqlCredentials {
            database: self.database.clone(),
            secrets: self.secrets.clone(),
            store_id: "cks-1".to_owned(),
            lease: lease.to_owned(),
        }
    }

    async fn write(&self, statement: Statement) -> Result<(), WriteError> {
        self.database.write(vec![statement]).await
    }

    async fn tell(&self, password: &str) {
        let told = tell(&self.secrets, "cks-1", &Secret::new(password)).unwrap();
        self.database.write(told.into()).await.unwrap();
    }

    /// The password that would be tried, and the one that was told.
    async fn passwords(&self) -> [String; 2] {
        let known = self.of("").load().await.unwrap().unwrap().of("").current;
        let told = self.of("").told().await.unwrap().unwrap();
        [known, told].map(|password| password.expose().to_owned())
    }
}

#[tokio::test]
async fn only_the_last_owner_of_the_lease_writes() {
    with_database(async |url| {
        let bed = Bed::new(url).await;
        let new = |password: &str| Credentials::new(Secret::new(password));
        assert!(bed.of("a").load().await.unwrap().is_none());
        let nobody = bed.write(take("cks-1", "a")).await;
        assert!(matches!(nobody, Err(WriteError::Conflict)), "no such key store: {nobody:?}");
        bed.tell("kmsPswd").await;
        assert_eq!(bed.passwords().await, ["kmsPswd", "kmsPswd"]);

        bed.write(take("cks-1", "a")).await.unwrap();
        bed.of("a").save(&new("madeByA1")).await.unwrap();
        bed.write(take("cks-1", "b")).await.unwrap();
        let late = bed.of("a").save(&new("madeByA2")).await.unwrap_err();
        assert!(late.0.contains("another endpoint has taken cks-1 over"), "{late:?}");
        bed.of("b").save(&new("madeByB1")).await.unwrap();
        assert_eq!(bed.passwords().await, ["madeByB1", "kmsPswd"]);

        // What KMS is told anew ends every lease.
        bed.tell("kmsPswd2").await;
        bed.of("b").save(&new("madeByB2")).await.unwrap_err();
        assert_eq!(bed.passwords().await, ["kmsPswd2", "kmsPswd2"]);
        bed.database.write(forget("cks-1").into()).await.unwrap();
        assert!(bed.of("b").load().await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn tries_are_kept_until_kms_is_told_anew() {
    with_database(async |url| {
        let bed = Bed::new(url).await;
        let tried = Tries {
            tries: vec![Try {
                hsm_id: "hsm-a".to_owned(),
                password: Secret::new("kmsPswd"),
                failures: 1,
            }],
        };
        for forgotten in
            [tell(&bed.secrets, "cks-1", &Secret::new("kmsPswd2")).unwrap(), forget("cks-1")]
        {
            bed.tell("kmsPswd").await;
            assert_eq!(bed.of("").load_tries().await.unwrap(), Tries::default());
            bed.of("").save_tries(&tried).await.unwrap();
            bed.of("").save_tries(&tried).await.unwrap();
            assert_eq!(bed.of("a").load_tries().await.unwrap(), tried);
            bed.database.write(forgotten.into()).await.unwrap();
            assert_eq!(bed.of("").load_tries().await.unwrap(), Tries::default());
        }
    })
    .await;
}

#[tokio::test]
async fn another_key_file_opens_nothing() {
    with_database(async |url| {
        let [bed, stranger] = [Bed::new(url).await, Bed::new(url).await];
        bed.tell("kmsPswd").await;
        assert!(stranger.of("").load().await.is_err());
        // So an endpoint with another key does not start.
        assert!(bed.secrets.fit(&bed.database).await.unwrap());
        assert!(!stranger.secrets.fit(&stranger.database).await.unwrap());
        assert!(bed.secrets.fit(&bed.database).await.unwrap());
    })
    .await;
}
