//! The tables, in SQL that SQLite and PostgreSQL both take.

/// Write-ahead logging, so that readers do not wait; a commit is synced to the disk.
pub(super) const SQLITE_SETTINGS: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000";

/// Held by whoever makes the tables, until the transaction ends. The number is only ours.
pub(super) const POSTGRES_LOCK: &str = "SELECT pg_advisory_xact_lock(4566001)";

/// Times are milliseconds since 1970. A `version` rises with each change: who changes a row names
/// the version that the decision rested on.
pub(super) const TABLES: &[&str] = &[
    // The at most ten key stores of a Region, as one JSON document.
    "CREATE TABLE IF NOT EXISTS key_stores (
        region TEXT PRIMARY KEY, version BIGINT NOT NULL, document TEXT NOT NULL)",
    // kmsuser's passwords, sealed: those that it may have, which only the owner of the lease
    // writes, and the one that KMS was told.
    "CREATE TABLE IF NOT EXISTS credentials (
        store_id TEXT PRIMARY KEY, lease TEXT NOT NULL, sealed TEXT NOT NULL,
        told TEXT NOT NULL)",
    // The passwords that KMS has tried on HSMs, sealed: none is tried again on old evidence.
    "CREATE TABLE IF NOT EXISTS tries (store_id TEXT PRIMARY KEY, sealed TEXT NOT NULL)",
    // KMS keys. No key store: ''. Not to be deleted: 0.
    "CREATE TABLE IF NOT EXISTS keys (
        region TEXT NOT NULL, key_id TEXT NOT NULL, version BIGINT NOT NULL,
        store_id TEXT NOT NULL, deletion_at BIGINT NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (region, key_id))",
    "CREATE INDEX IF NOT EXISTS keys_of_store ON keys (store_id)",
    "CREATE INDEX IF NOT EXISTS keys_to_delete ON keys (deletion_at)",
    "CREATE TABLE IF NOT EXISTS aliases (
        region TEXT NOT NULL, name TEXT NOT NULL, key_id TEXT NOT NULL,
        created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, PRIMARY KEY (region, name))",
    "CREATE INDEX IF NOT EXISTS aliases_of_key ON aliases (region, key_id)",
    "CREATE TABLE IF NOT EXISTS grants (
        region TEXT NOT NULL, grant_id TEXT NOT NULL, key_id TEXT NOT NULL,
        name TEXT NOT NULL, token TEXT NOT NULL, retiring TEXT NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (region, grant_id))",
    "CREATE INDEX IF NOT EXISTS grants_of_key ON grants (region, key_id, name)",
    "CREATE UNIQUE INDEX IF NOT EXISTS grants_by_token ON grants (token)",
    // The number of the next HSM in each family of clusters: none is given twice.
    "CREATE TABLE IF NOT EXISTS families (id TEXT PRIMARY KEY, next_node BIGINT NOT NULL)",
    // Clusters and backups of CloudHSM, one JSON document each.
    "CREATE TABLE IF NOT EXISTS clusters (
        region TEXT NOT NULL, id TEXT NOT NULL, version BIGINT NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (region, id))",
    "CREATE TABLE IF NOT EXISTS backups (
        region TEXT NOT NULL, id TEXT NOT NULL, version BIGINT NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (region, id))",
    // HSMs on other machines that an operator has deleted: only these are erased there.
    "CREATE TABLE IF NOT EXISTS deleted_hsms (
        hsm_id TEXT PRIMARY KEY, deleted_at BIGINT NOT NULL)",
    // What all endpoints on this database share: the backup of KMS's own HSM, a count of starts.
    "CREATE TABLE IF NOT EXISTS shared (
        name TEXT PRIMARY KEY, version BIGINT NOT NULL, value TEXT NOT NULL)",
];
