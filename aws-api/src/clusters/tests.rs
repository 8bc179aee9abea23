//! Clusters of another `up`, which this endpoint knows by its state folder.
#![allow(clippy::unwrap_used)]
use crate::database::sqlite_url;
use crate::{Auth, Endpoint, Settings};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_cluster_that_another_endpoint_has_deleted_is_gone_here_too() {
    let (own, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (region, id) = ("us-east-1", "cluster-2abcdefghij");
    let ready = json!({ "cluster_id": id, "region": region, "state": "ACTIVE", "nodes": [] });
    std::fs::write(theirs.path().join("ready.json"), ready.to_string()).unwrap();
    let endpoint = Endpoint::start(Settings {
        listen: None,
        database: sqlite_url(&own.path().join("kms.sqlite")),
        key_file: own.path().join("kms.key"),
        trail_folder: own.path().to_owned(),
        clusters: vec![theirs.path().to_owned()],
        account: "000000000000".into(),
        auth: Auth::Open,
        allow_hosts: Vec::new(),
        connecting: Duration::ZERO,
        hosting: None,
    });
    let endpoint = endpoint.await.unwrap();
    let clusters = &endpoint.kms().clusters;
    assert!(clusters.find(region, id).await.unwrap().is_some());
    assert!(clusters.find("eu-west-1", id).await.unwrap().is_none());
    // As DeleteCluster leaves the folder of `up`; of another cluster that was there before, too.
    for (deleted, there) in [("cluster-3abcdefghij", true), (id, false)] {
        std::fs::write(theirs.path().join("deleted-cluster"), deleted).unwrap();
        assert_eq!(clusters.find(region, id).await.unwrap().is_some(), there, "{deleted}");
    }
}
