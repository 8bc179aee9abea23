#![allow(clippy::unwrap_used)]
use super::*;
use crate::cloudhsmv2::record::{add, all, get};
use crate::database::tests::with_database;
use serde_json::json;

fn cluster(id: &str, source: Option<&str>, certificate: &str, next_node: u16) -> ClusterRecord {
    serde_json::from_value(json!({
        "id": id, "created_ms": 7, "hsm_type": "hsm2m.medium", "mode": "FIPS",
        "network_type": "IPV4", "retention_days": 90, "source_backup": source,
        "state": "ACTIVE", "since_ms": 0, "message": null, "vpc_id": "vpc-1",
        "subnets": {}, "security_group": "sg-1", "tags": {},
        "certificates": { "cluster": certificate },
        "trust_anchor": null, "signed_cert": null, "hsms": [], "next_node": next_node,
        "in_root": false,
    }))
    .unwrap()
}

fn backup(id: &str, of: &str, certificate: &str, next_node: u16) -> BackupRecord {
    serde_json::from_value(json!({
        "id": id, "state": "READY", "cluster_id": of, "created_ms": 1, "copied_ms": null,
        "never_expires": false, "source": null, "delete_ms": null, "tags": {},
        "hsm_type": "hsm2m.medium", "mode": "FIPS", "retention_days": 90, "policy": null,
        "cluster_certificate": certificate, "trust_anchor": "", "next_node": next_node,
    }))
    .unwrap()
}

#[tokio::test]
async fn numbers_are_given_once_also_to_many_who_ask_at_once() {
    with_database(async |url| {
        let (one, other) = (Database::open(url).await.unwrap(), Database::open(url).await.unwrap());
        let asked = (0..40).map(|n| {
            let database = if n % 2 == 0 { one.clone() } else { other.clone() };
            tokio::spawn(async move { give(&database, "cluster-a", 3, 1).await.unwrap() })
        });
        let mut given = BTreeSet::new();
        for asked in asked.collect::<Vec<_>>() {
            assert!(given.insert(asked.await.unwrap()), "twice");
        }
        assert_eq!(given, (3..43).collect());
        assert_eq!(
            give(&one, "cluster-b", 1, 1).await.unwrap(),
            1,
            "each family counts for itself"
        );
        assert_eq!(give(&one, "cluster-a", 1, 3).await.unwrap(), 43);
        assert_eq!(give(&one, "cluster-a", 1, 1).await.unwrap(), 46);
        assert_eq!(give(&one, "cluster-a", 60, 0).await.unwrap(), 60);
        assert_eq!(give(&one, "cluster-a", 1, 1).await.unwrap(), 60);
        let full = give(&one, "cluster-b", u16::MAX - 1, 2).await.unwrap_err();
        assert!(full.message.unwrap().contains("65,534"));
        assert_eq!(give(&one, "cluster-b", 1, 1).await.unwrap(), 2, "refused, and nothing taken");
    })
    .await;
}

#[tokio::test]
async fn what_an_earlier_version_kept_gets_its_families_and_the_largest_number_of_all_relatives() {
    with_database(async |url| {
        let database = Database::open(url).await.unwrap();
        let (east, west) = ("us-east-1", "us-west-2");
        let clusters = [
            (east, cluster("cluster-m", None, "pem 1", 4)),
            (east, cluster("cluster-b", Some("backup-1"), "pem 1", 6)),
            // Its backup is of one that is gone, which was made from a backup that is gone.
            (west, cluster("cluster-a", Some("backup-3"), "pem 1", 9)),
            // Its backup is gone, and it has not shown a certificate yet.
            (east, cluster("cluster-c", Some("backup-9"), "", 2)),
            (east, cluster("cluster-d", None, "pem 2", 3)),
            (west, cluster("cluster-e", Some("backup-4"), "", 3)),
        ];
        let backups = [
            (east, backup("backup-1", "cluster-m", "pem 1", 4)),
            (west, backup("backup-3", "cluster-gone", "pem 1", 12)),
            (west, backup("backup-4", "cluster-d", "pem 2", 3)),
        ];
        for (region, record) in &clusters {
            add(&database, region, record).await.unwrap();
        }
        for (region, record) in &backups {
            add(&database, region, record).await.unwrap();
        }
        settle(&database).await.unwrap();
        let mut families = BTreeMap::new();
        for region in [east, west] {
            let clusters: Vec<ClusterRecord> = all(&database, region).await.unwrap();
            families.extend(clusters.into_iter().map(|it| (it.id, it.family)));
            let backups: Vec<BackupRecord> = all(&database, region).await.unwrap();
            families.extend(backups.into_iter().map(|it| (it.id, it.family)));
        }
        let expected = [
            ("backup-1", "cluster-m"),
            ("backup-3", "cluster-m"),
            ("backup-4", "cluster-d"),
            ("cluster-a", "cluster-m"),
            ("cluster-b", "cluster-m"),
            ("cluster-c", "cluster-c"),
            ("cluster-d", "cluster-d"),
            ("cluster-e", "cluster-d"),
            ("cluster-m", "cluster-m"),
        ];
        let expected = expected.map(|(id, family)| (id.to_owned(), family.to_owned()));
        assert_eq!(families, BTreeMap::from(expected));
        assert_eq!(give(&database, "cluster-m", 1, 1).await.unwrap(), 12);
        assert_eq!(give(&database, "cluster-d", 1, 1).await.unwrap(), 3);

        // A start of an earlier version in between: the family keeps its name and its count, also
        // where its origin is gone.
        crate::cloudhsmv2::record::remove::<ClusterRecord>(&database, east, "cluster-m")
            .await
            .unwrap();
        let late = cluster("cluster-0", Some("backup-1"), "pem 1", 4);
        add(&database, east, &late).await.unwrap();
        settle(&database).await.unwrap();
        let late: ClusterRecord = get(&database, east, "cluster-0").await.unwrap();
        assert_eq!(late.family, "cluster-m");
        assert_eq!(reserve(&database, east, "cluster-0", 4, 2).await.unwrap(), 13);
        assert_eq!(give(&database, "cluster-m", 4, 1).await.unwrap(), 15);
    })
    .await;
}
