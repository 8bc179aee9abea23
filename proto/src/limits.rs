//! Every bound of the protocol and of the HSM, each with its reason.

/// Longest frame after its length field: room for a chunk of a backup, small enough to buffer for
/// each of 900 connections.
pub const FRAME_MAX: usize = 64 * 1024;

/// Bytes of a backup in one `ReadBackup` or `WriteBackup`.
pub const BACKUP_CHUNK: usize = 32 * 1024;

/// Largest backup that a node takes: the largest HSM type full of RSA-4096 keys, twice over.
pub const BACKUP_MAX: usize = 128 * 1024 * 1024;

/// User guide, limits: a user name has up to 31 characters.
pub const USERNAME_MAX: usize = 31;

/// KMS developer guide and CloudHSMv2 API, PreCoPassword: 7 to 32 characters.
pub const PASSWORD_MIN: usize = 7;
/// See [`PASSWORD_MIN`].
pub const PASSWORD_MAX: usize = 32;

/// User guide, CLI reference: a label has up to 127 bytes.
pub const LABEL_MAX: usize = 127;

/// CKA_ID: KMS's backing key ids have 64 bytes; twice that.
pub const KEY_ID_MAX: usize = 128;

/// User guide, login: locked when wrong passwords exceed five.
pub const WRONG_PASSWORDS_MAX: u32 = 5;

/// User guide, limits, hsm2m.medium: users of an HSM.
pub const USERS_HSM2M: usize = 1_024;
/// User guide, limits, hsm1.medium: users of an HSM.
pub const USERS_HSM1: usize = 250;

/// User guide, limits, hsm2m.medium: keys of an HSM.
pub const KEYS_HSM2M: usize = 16_666;
/// User guide, limits, hsm2m.medium: asymmetric keys among them.
pub const ASYMMETRIC_KEYS_HSM2M: usize = 3_333;
/// User guide, limits, hsm1.medium: keys of an HSM.
pub const KEYS_HSM1: usize = 3_300;

/// Users that one key is shared with: the users of the largest HSM.
pub const SHARES_MAX: usize = USERS_HSM2M;

/// CLI reference, generate-symmetric generic-secret: 1 to 800 bytes.
pub const GENERIC_SECRET_MAX: usize = 800;

/// Data of one Sign, Encrypt, Digest and so on: the largest maximum that the user guide's
/// PKCS#11 mechanisms page gives.
pub const DATA_MAX: usize = 16_288;

/// Random bytes of one request.
pub const RANDOM_MAX: usize = 16_384;

/// Handles in one `FindKeys` reply or `DestroyObjects` request: they fit a frame with room left.
/// One `InsertTombstones` is no more work than that.
pub const HANDLES_MAX: usize = 4_096;

/// Pairs of a handle and another number in one message, be it a range or a version: up to 22 bytes
/// each, so half as many as handles fit a frame.
pub const RANGES_MAX: usize = HANDLES_MAX / 2;

/// Attributes of one template: there are fewer rows in the table.
pub const TEMPLATE_MAX: usize = 32;

/// User guide, infrastructure: an HSM cluster has up to 28 HSMs.
pub const CLUSTER_NODES_MAX: usize = 28;

/// User guide, hsm2m.medium supports RSA keys of 2048 to 4096 bits in steps of 256.
pub const RSA_BITS_MIN: u32 = 2_048;
/// See [`RSA_BITS_MIN`].
pub const RSA_BITS_MAX: u32 = 4_096;
/// See [`RSA_BITS_MIN`].
pub const RSA_BITS_STEP: u32 = 256;
/// CLI reference, generate-asymmetric-pair rsa: the exponent is odd and at least 65537.
pub const RSA_EXPONENT_MIN: u64 = 65_537;

/// API reference, InitializeCluster: a certificate has up to 20,000 characters.
pub const CERTIFICATE_MAX: usize = 20_000;
