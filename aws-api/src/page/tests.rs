//! Every list of both services, whose entries go away between its pages.
#![allow(clippy::unwrap_used)]
use crate::cloudhsmv2::record::{BackupRecord, ClusterRecord, add, remove};
use crate::database::{Statement, sqlite_url};
use crate::error::ApiError;
use crate::key_stores::{KeyStore, State, change};
use crate::model::cloudhsmv2::dispatch;
use crate::{Auth, Endpoint, Settings};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tempfile::TempDir;

const REGION: &str = "us-east-1";

/// An endpoint that listens nowhere and runs no HSMs.
struct Service {
    endpoint: Endpoint,
    _folder: TempDir,
}

/// A list, two entries a page.
struct List {
    operation: &'static str,
    parameters: Value,
    /// The member that has the entries, and that of an entry which names it.
    entries: (&'static str, &'static str),
}

impl List {
    fn is_of_kms(&self) -> bool {
        !matches!(self.operation, "ListTags" | "DescribeClusters" | "DescribeBackups")
    }
}

impl Service {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            listen: None,
            database: sqlite_url(&folder.path().join("kms.sqlite")),
            key_file: folder.path().join("kms.key"),
            trail_folder: folder.path().to_owned(),
            clusters: Vec::new(),
            account: "000000000000".into(),
            auth: Auth::Open,
            allow_hosts: Vec::new(),
            connecting: Duration::ZERO,
            hosting: None,
        };
        Self { endpoint: Endpoint::start(settings).await.unwrap(), _folder: folder }
    }

    async fn kms(&self, operation: &str, parameters: Value) -> Result<Value, ApiError> {
        self.endpoint.kms().ask(REGION, operation, parameters).await
    }

    async fn plane(&self, operation: &str, parameters: Value) -> Result<Value, ApiError> {
        let kms = self.endpoint.kms();
        let mut call = kms.own_call(REGION);
        let body = parameters.to_string();
        let answer = dispatch(operation, body.as_bytes(), &kms.plane, &mut call).await;
        Ok(serde_json::from_slice(&answer.unwrap()?).unwrap())
    }

    /// Two entries behind the cursor, and the cursor of the next two.
    async fn page(
        &self,
        list: &List,
        cursor: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>), ApiError> {
        let mut parameters = list.parameters.clone();
        let (given, limit, next) = match list.is_of_kms() {
            true => ("Marker", "Limit", "NextMarker"),
            false => ("NextToken", "MaxResults", "NextToken"),
        };
        parameters[limit] = json!(2);
        if let Some(cursor) = cursor {
            parameters[given] = json!(cursor);
        }
        let answer = match list.is_of_kms() {
            true => self.kms(list.operation, parameters).await?,
            false => self.plane(list.operation, parameters).await?,
        };
        let name = |entry: &Value| entry[list.entries.1].as_str().unwrap().to_owned();
        let entries = answer[list.entries.0].as_array().unwrap().iter().map(name).collect();
        Ok((entries, answer[next].as_str().map(str::to_owned)))
    }

    /// Goes through the list, and has what a page shows gone before it asks for the next one.
    async fn walk(&self, list: &List, mut gone: impl AsyncFnMut(String)) -> Vec<String> {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let (shown, next) = self.page(list, cursor.as_deref()).await.unwrap();
            assert!(shown.len() <= 2, "{}: {shown:?}", list.operation);
            for name in &shown {
                gone(name.clone()).await;
            }
            seen.extend(shown);
            let Some(next) = next else { return seen };
            let most = if list.is_of_kms() { 1024 } else { 256 };
            assert!(next.chars().count() <= most, "{}: {next}", list.operation);
            cursor = Some(next);
        }
    }

    /// All is seen, each once.
    async fn shows_all(&self, list: &List, all: &[String], gone: impl AsyncFnMut(String)) {
        let mut seen = self.walk(list, gone).await;
        let mut all = all.to_vec();
        seen.sort();
        all.sort();
        assert_eq!(seen, all, "{}", list.operation);
    }

    /// Cursors of other lists, and what is no cursor, are refused with the operation's error.
    async fn refuses_others(&self, list: &List, others: &[String], error: &str) {
        let garbage = ["x", "bm90IG9uZQ", "!", "AAAAAAAAAAAAAAAA"].map(str::to_owned);
        for cursor in garbage.iter().chain(others) {
            let refused = self.page(list, Some(cursor)).await.unwrap_err();
            assert_eq!(refused.kind.name(), error, "{} {cursor}", list.operation);
        }
    }

    async fn run(&self, sql: &'static str, id: &str) {
        let statement = Statement::any(sql, [id.into()]);
        self.endpoint.kms().database.write(vec![statement]).await.unwrap();
    }

    async fn create_key(&self) -> String {
        let made = self.kms("CreateKey", json!({})).await.unwrap();
        made["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
    }

    async fn add_cluster(&self, n: usize) -> String {
        let id = format!("cluster-{n}abcdefghij");
        let record: ClusterRecord = serde_json::from_value(json!({
            "id": id, "created_ms": 7, "hsm_type": "hsm2m.medium", "mode": "FIPS",
            "network_type": "IPV4", "retention_days": 90, "source_backup": null,
            "state": "UNINITIALIZED", "since_ms": 0, "message": null, "vpc_id": "vpc-1",
            "subnets": {}, "security_group": "sg-1", "tags": {}, "certificates": {},
            "trust_anchor": null, "signed_cert": null, "hsms": [], "next_node": 1,
            "in_root": false,
        }))
        .unwrap();
        add(&self.endpoint.kms().database, REGION, &record).await.unwrap();
        id
    }

    /// Backups three of which were made in the same millisecond.
    async fn add_backup(&self, n: usize) -> String {
        let id = format!("backup-{n}abcdefghij");
        let record: BackupRecord = serde_json::from_value(json!({
            "id": id, "state": "READY", "cluster_id": "cluster-2abcdefghij",
            "created_ms": 1_000_000_000_000_u64 + n as u64 / 3, "copied_ms": null,
            "never_expires": false, "source": null, "delete_ms": null, "tags": {},
            "hsm_type": "hsm2m.medium", "mode": "FIPS", "retention_days": 90, "policy": null,
            "cluster_certificate": "", "trust_anchor": "", "next_node": 2,
        }))
        .unwrap();
        add(&self.endpoint.kms().database, REGION, &record).await.unwrap();
        id
    }
}

fn list(operation: &'static str, parameters: Value, entries: (&'static str, &'static str)) -> List {
    List { operation, parameters, entries }
}

async fn tagged(service: &Service, id: &str, keys: &[String]) {
    let tags: Vec<_> = keys.iter().map(|key| json!({ "Key": key, "Value": "" })).collect();
    let tags = json!({ "ResourceId": id, "TagList": tags });
    service.plane("TagResource", tags).await.unwrap();
}

#[tokio::test]
async fn tags_of_clusters_and_backups_that_go_away_hide_no_others() {
    let service = Service::start().await;
    let cluster = service.add_cluster(2).await;
    let backup = service.add_backup(2).await;
    // Keys of 128 characters of four bytes, alike up to the last one: no cursor can hold them.
    let long = "\u{2070E}".repeat(127);
    let mut keys: Vec<_> = (0..7).map(|n| format!("key-{n}")).collect();
    keys.extend((0..6).map(|n| format!("{long}{n}")));
    for id in [cluster, backup] {
        tagged(&service, &id, &keys).await;
        let tags = list("ListTags", json!({ "ResourceId": id }), ("TagList", "Key"));
        let untag = async |key: String| {
            let gone = json!({ "ResourceId": id, "TagKeyList": [key] });
            service.plane("UntagResource", gone).await.unwrap();
        };
        service.shows_all(&tags, &keys, untag).await;
    }
}

#[tokio::test]
async fn clusters_and_backups_that_go_away_or_pass_no_filter_any_more_hide_no_others() {
    let service = Service::start().await;
    let database = service.endpoint.kms().database.clone();
    let mut clusters = Vec::new();
    for n in 2..8 {
        clusters.push(service.add_cluster(n).await);
    }
    let filters = json!({ "Filters": { "states": ["UNINITIALIZED"] } });
    let all = list("DescribeClusters", filters, ("Clusters", "ClusterId"));
    service
        .shows_all(&all, &clusters, async |id| {
            // The one is gone, the other is in another state.
            if id.contains(['2', '4', '6']) {
                remove::<ClusterRecord>(&database, REGION, &id).await.unwrap();
            } else {
                let begun = |record: &mut ClusterRecord| {
                    record.state = crate::cloudhsmv2::record::ClusterState::Initialized;
                    Ok(())
                };
                crate::cloudhsmv2::record::change(&database, REGION, &id, begun).await.unwrap();
            }
        })
        .await;
    for ascending in [false, true] {
        let mut backups = Vec::new();
        for n in 2..8 {
            backups.push(service.add_backup(n).await);
        }
        let parameters = json!({ "SortAscending": ascending, "Filters": { "states": ["READY"] } });
        let all = list("DescribeBackups", parameters, ("Backups", "BackupId"));
        let seen = service
            .walk(&all, async |id| {
                remove::<BackupRecord>(&database, REGION, &id).await.unwrap();
            })
            .await;
        if !ascending {
            backups.reverse();
        }
        assert_eq!(seen, backups, "SortAscending {ascending}");
    }
}

#[tokio::test]
async fn kms_lists_whose_entries_go_away_hide_no_others() {
    let service = Service::start().await;
    let key = service.create_key().await;
    let of_key = json!({ "KeyId": key });
    let mut names = Vec::new();
    for n in 0..5 {
        let name = format!("alias/n{n}");
        let alias = json!({ "AliasName": name, "TargetKeyId": key });
        service.kms("CreateAlias", alias).await.unwrap();
        names.push(name);
    }
    let aliases = list("ListAliases", json!({}), ("Aliases", "AliasName"));
    let delete = async |name: String| {
        service.kms("DeleteAlias", json!({ "AliasName": name })).await.unwrap();
    };
    service.shows_all(&aliases, &names, delete).await;

    let keys: Vec<_> = (0..5).map(|n| format!("\u{2070E}{n}").repeat(20)).collect();
    let tags: Vec<_> = keys.iter().map(|key| json!({ "TagKey": key, "TagValue": "" })).collect();
    service.kms("TagResource", json!({ "KeyId": key, "Tags": tags })).await.unwrap();
    let tags = list("ListResourceTags", of_key.clone(), ("Tags", "TagKey"));
    let untag = async |name: String| {
        let gone = json!({ "KeyId": key, "TagKeys": [name] });
        service.kms("UntagResource", gone).await.unwrap();
    };
    service.shows_all(&tags, &keys, untag).await;

    let retiring = "arn:aws:iam::000000000000:root";
    for operation in ["ListGrants", "ListRetirableGrants"] {
        let mut ids = Vec::new();
        for _ in 0..5 {
            let grant = json!({
                "KeyId": key, "GranteePrincipal": retiring, "RetiringPrincipal": retiring,
                "Operations": ["Encrypt"],
            });
            let made = service.kms("CreateGrant", grant).await.unwrap();
            ids.push(made["GrantId"].as_str().unwrap().to_owned());
        }
        let parameters = match operation {
            "ListGrants" => of_key.clone(),
            _ => json!({ "RetiringPrincipal": retiring }),
        };
        let grants = list(operation, parameters, ("Grants", "GrantId"));
        let revoke = async |id: String| {
            let gone = json!({ "KeyId": key, "GrantId": id });
            service.kms("RevokeGrant", gone).await.unwrap();
        };
        service.shows_all(&grants, &ids, revoke).await;
    }

    let mut keys = vec![key.clone()];
    for _ in 0..4 {
        keys.push(service.create_key().await);
    }
    let all = list("ListKeys", json!({}), ("Keys", "KeyId"));
    let delete = async |id: String| {
        service.run("DELETE FROM keys WHERE key_id = $1", &id).await;
    };
    service.shows_all(&all, &keys, delete).await;
}

#[tokio::test]
async fn key_stores_that_go_away_hide_no_others() {
    let service = Service::start().await;
    let ids: Vec<_> = (0..5).map(|n| format!("cks-{n}1234567890abcdef")).collect();
    let database = &service.endpoint.kms().database;
    change(database, REGION, |stores, _| {
        stores.stores.extend(ids.iter().map(|id| KeyStore {
            id: id.clone(),
            name: id.clone(),
            cluster_id: "cluster-2abcdefghij".to_owned(),
            cluster_certificate: String::new(),
            trust_anchor: String::new(),
            created_ms: 7,
            password_mark: String::new(),
            connection: 0,
            state: State::Disconnected,
        }));
        Ok(())
    })
    .await
    .unwrap();
    let entries = ("CustomKeyStores", "CustomKeyStoreId");
    let stores = list("DescribeCustomKeyStores", json!({}), entries);
    let delete = async |id: String| {
        let named = json!({ "CustomKeyStoreId": id });
        service.kms("DeleteCustomKeyStore", named).await.unwrap();
    };
    service.shows_all(&stores, &ids, delete).await;
}

#[tokio::test]
async fn cursors_of_other_lists_and_garbage_are_refused() {
    let service = Service::start().await;
    let keys = [service.create_key().await, service.create_key().await, service.create_key().await];
    let mut clusters = Vec::new();
    for n in 2..5 {
        clusters.push(service.add_cluster(n).await);
        service.add_backup(n).await;
    }
    let names: Vec<_> = (0..3).map(|n| format!("key-{n}")).collect();
    let tags: Vec<_> = names.iter().map(|key| json!({ "TagKey": key, "TagValue": "" })).collect();
    for id in keys.iter().take(2) {
        let tags = json!({ "KeyId": id, "Tags": tags });
        service.kms("TagResource", tags).await.unwrap();
    }
    for id in clusters.iter().take(2) {
        tagged(&service, id, &names).await;
    }
    let of_key = |id: &String| json!({ "KeyId": id });
    let of_cluster = |id: &String| json!({ "ResourceId": id });
    let (marker, invalid) = ("InvalidMarkerException", "CloudHsmInvalidRequestException");
    let grants = "arn:aws:iam::000000000000:root";
    let [first, second, _] = &keys;
    let lists = [
        (list("ListKeys", json!({}), ("Keys", "KeyId")), marker),
        (list("ListResourceTags", of_key(first), ("Tags", "TagKey")), marker),
        (list("ListResourceTags", of_key(second), ("Tags", "TagKey")), marker),
        (list("ListTags", of_cluster(&clusters[0]), ("TagList", "Key")), invalid),
        (list("ListTags", of_cluster(&clusters[1]), ("TagList", "Key")), invalid),
        (list("DescribeClusters", json!({}), ("Clusters", "ClusterId")), invalid),
        (list("DescribeBackups", json!({}), ("Backups", "BackupId")), invalid),
        (
            list("DescribeBackups", json!({ "SortAscending": true }), ("Backups", "BackupId")),
            invalid,
        ),
        // These have no second page here.
        (list("ListAliases", json!({}), ("Aliases", "AliasName")), marker),
        (list("ListGrants", of_key(first), ("Grants", "GrantId")), marker),
        (
            list("ListRetirableGrants", json!({ "RetiringPrincipal": grants }), ("Grants", "x")),
            marker,
        ),
        (list("DescribeCustomKeyStores", json!({}), ("CustomKeyStores", "x")), marker),
        (list("ListKeyRotations", of_key(first), ("Rotations", "x")), marker),
        // The one that declares no error for it.
        (list("ListKeyPolicies", of_key(first), ("PolicyNames", "x")), "ValidationException"),
    ];
    let mut cursors = Vec::new();
    for (list, _) in lists.iter().take(8) {
        let (_, cursor) = service.page(list, None).await.unwrap();
        cursors.push(cursor.unwrap());
    }
    assert_eq!(cursors.iter().collect::<BTreeSet<_>>().len(), cursors.len(), "{cursors:?}");
    for (at, (list, error)) in lists.iter().enumerate() {
        let others = cursors.iter().enumerate().filter(|(other, _)| *other != at);
        let others: Vec<_> = others.map(|(_, cursor)| cursor.clone()).collect();
        service.refuses_others(list, &others, error).await;
    }
}
