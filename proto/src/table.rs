//! Every command, one row each. All else that knows a command by name is made from these rows.

/// Calls `$then!` with the whole table. Where CloudHSM's audit log publishes a number for a
/// command, our opcode is that number; commands that it does not know start at 0x8000.
#[macro_export]
macro_rules! for_each_command {
    ($then:ident) => {
        $then! {
            // code request => reply, (who, effect, weight, CloudHSM's audit name), a sentence
            0x8000 session::Hello => session::Welcome
                (Anyone, Reads, Light, "")
                "Name the protocol's version; learn which HSM this is. The first request of a \
connection.";
            0x000d session::Login => session::LoggedIn
                (Client, Writes, Password, "CN_LOGIN")
                "Log in as a user of this HSM.";
            0x000e session::Logout => session::LoggedOut
                (User, Writes, Light, "CN_LOGOUT")
                "End the login; session keys are gone.";

            0x0003 user::CreateUser => user::UserCreated
                (Co, Writes, Password, "CN_CREATE_USER")
                "Create a user on this HSM. No other HSM hears of it.";
            0x00a1 user::DeleteUser => user::UserDeleted
                (Co, Writes, Light, "CN_DELETE_USER")
                "Delete a user of this HSM that owns no keys and is not logged in.";
            0x0009 user::ChangePassword => user::PasswordChanged
                (User, Writes, Password, "CN_CHANGE_PSWD")
                "Change a password: one's own, or as a CO anybody's, which also unlocks the user.";
            0x8010 user::ListUsers => user::UsersListed
                (Client, Reads, Light, "")
                "List the users of this HSM.";

            0x0017 key::GenerateKey => key::KeyGenerated
                (Cu, Writes, Light, "CN_GENERATE_KEY")
                "Make a secret key.";
            0x0019 key::GenerateEcKeyPair => key::KeyPairGenerated
                (Cu, Writes, Light, "CN_GENERATE_KEY_PAIR")
                "Make an elliptic curve key pair.";
            0x8019 key::GenerateRsaKeyPair => key::KeyPairGenerated
                (Cu, Writes, KeyPair, "CN_GENERATE_KEY_PAIR")
                "Make an RSA key pair.";
            0x0011 key::DestroyObjects => key::ObjectsDestroyed
                (Cu, Writes, Light, "CN_DESTROY_OBJECT")
                "Delete keys that the user owns. A token key leaves a tombstone.";
            0x8021 key::FindKeys => key::KeysFound
                (CuOrCo, Reads, Light, "")
                "Find the handles of keys by their attributes, in rising order.";
            0x8022 key::GetAttributes => key::AttributesGot
                (CuOrCo, Reads, Light, "")
                "Describe one key: owner, shares, and all attributes that may be seen.";
            0x8023 key::SetAttribute => key::AttributeSet
                (CuOrCo, Writes, Light, "CN_MODIFY_OBJECT")
                "Change one attribute of a key.";
            0x0012 key::ShareObject => key::ObjectShared
                (Cu, Writes, Light, "CN_SHARE_OBJECT")
                "Share a key with another CU, or end that.";
            0x00f0 key::ExtractMaskedObject => key::MaskedObject
                (Masked, Reads, Light, "CN_EXTRACT_MASKED_OBJECT_USER")
                "Give out a token key sealed under the cluster's masking key.";
            0x00f1 key::InsertMaskedObject => key::MaskedObjectInserted
                (Masked, Writes, Light, "CN_INSERT_MASKED_OBJECT_USER")
                "Take in a masked object under its own handle; one that is there already is \
merged.";

            0x8030 sign::Sign => sign::Signature
                (Cu, Reads, Light, "")
                "Sign data or a digest, or compute an HMAC.";
            0x8031 sign::Verify => sign::Verified
                (Cu, Reads, Light, "")
                "Check a signature or an HMAC.";
            0x8040 cipher::Encrypt => cipher::Encrypted
                (Cu, Reads, Light, "")
                "Encrypt. The HSM makes the IV of AES-GCM.";
            0x8041 cipher::Decrypt => cipher::Decrypted
                (Cu, Reads, Light, "")
                "Decrypt.";
            0x8050 digest::Digest => digest::Digested
                (Cu, Reads, Light, "")
                "Hash data.";
            0x8060 random::GenerateRandom => random::RandomBytes
                (Cu, Reads, Light, "")
                "Give random bytes.";
            0x001a wrap::WrapKey => wrap::KeyWrapped
                (Cu, Reads, Light, "CN_WRAP_KEY")
                "Give out an extractable key encrypted under another.";
            0x001b wrap::UnwrapKey => wrap::KeyUnwrapped
                (Cu, Writes, Light, "CN_UNWRAP_KEY")
                "Take in a wrapped key.";

            0x8070 cluster::GetHsmInfo => cluster::HsmInfo
                (Client, Reads, Light, "")
                "Describe the hardware, as `cluster hsm-info` and `getHSMInfo` print it.";
            0x8071 cluster::GetCertificates => cluster::Certificates
                (Anyone, Reads, Light, "")
                "Give out the CSR and the certificates, as DescribeClusters does.";
            0x8072 cluster::GetMembers => cluster::Members
                (Client, Reads, Light, "")
                "List the HSMs of the cluster, as this one was told.";
            0x8073 cluster::SetMembers => cluster::MembersSet
                (Appliance, Writes, Light, "")
                "Tell an HSM who its cluster's members are; it remembers.";
            0x0001 cluster::Initialize => cluster::Initialized
                (Appliance, Writes, Password, "CN_INIT_TOKEN")
                "Install the signed cluster certificate and its trust anchor; create PRECO \
and the appliance user.";
            0x8074 cluster::BeginBackup => cluster::BackupBegun
                (Appliance, Reads, Backup, "CN_BACKUP_BEGIN")
                "Make a sealed backup of the whole HSM and hold it for this connection.";
            0x8075 cluster::ReadBackup => cluster::BackupRead
                (Appliance, Reads, Light, "")
                "Read a piece of the backup.";
            0x8076 cluster::WriteBackup => cluster::BackupWritten
                (Appliance, Writes, Light, "")
                "Bring a piece of a backup to an HSM that is not initialized.";
            0x8077 cluster::RestoreBackup => cluster::BackupRestored
                (Appliance, Writes, Backup, "CN_RESTORE_BEGIN")
                "Become a clone of the HSM whose backup was written.";
            0x8078 cluster::GetKeyHash => cluster::KeyHash
                (User, Reads, Light, "")
                "Hash the token keys of this HSM: equal on HSMs that hold the same keys.";
            0x8079 cluster::ListKeyVersions => cluster::KeyVersions
                (Appliance, Reads, Light, "")
                "List the token keys of one of the hash's buckets.";
            0x807a cluster::ListTombstones => cluster::Tombstones
                (Appliance, Reads, Light, "")
                "List the handles of deleted token keys, as ranges.";
            0x807b cluster::InsertTombstones => cluster::TombstonesInserted
                (Appliance, Writes, Light, "")
                "Remove the token keys that another HSM has removed; those that never came here \
will not.";

            0x8080 audit::GetAuditLog => audit::AuditLog
                (Appliance, Reads, Light, "")
                "Read the audit log, oldest record first.";
        }
    };
}
