//! `key generate-symmetric aes|generic-secret` and `key generate-asymmetric-pair ec|rsa`.
use super::outcome::{self, Outcome};
use super::{Failure, element, filter};
use clap::{Args, Subcommand, ValueEnum};
use hsm_client::Cluster;
use proto::command::key::{GenerateEcKeyPair, GenerateKey, GenerateRsaKeyPair, ShareObject};
use proto::command::user::ListUsers;
use proto::{Curve, KeyType, Role};
use serde_json::{Value, json};

/// The kinds of secret keys.
#[derive(Debug, Subcommand)]
pub(crate) enum SymmetricCommand {
    /// Make an AES key
    #[command(after_help = "\
Examples:
  cluster-ctl key generate-symmetric aes --label my_key --key-length-bytes 32 \\
    --attributes encrypt=true decrypt=true
  cluster-ctl key generate-symmetric aes --label shared --key-length-bytes 16 \\
    --share-crypto-users bob")]
    Aes(Symmetric),
    /// Make a secret of 1 to 800 bytes, for HMAC
    #[command(after_help = "\
Example:
  cluster-ctl key generate-symmetric generic-secret --label hmac --key-length-bytes 64")]
    GenericSecret(Symmetric),
}

/// The kinds of key pairs.
#[derive(Debug, Subcommand)]
pub(crate) enum PairCommand {
    /// Make an elliptic curve key pair
    #[command(after_help = "\
Example:
  cluster-ctl key generate-asymmetric-pair ec --curve prime256v1 --public-label ec_public \\
    --private-label ec_private --public-attributes verify=true --private-attributes sign=true")]
    Ec(Ec),
    /// Make an RSA key pair
    #[command(after_help = "\
Example:
  cluster-ctl key generate-asymmetric-pair rsa --public-exponent 65537 --modulus-size-bits 2048 \\
    --public-label rsa_public --private-label rsa_private \\
    --public-attributes verify=true --private-attributes sign=true")]
    Rsa(Rsa),
}

/// A secret key to make.
#[derive(Args, Debug)]
pub(crate) struct Symmetric {
    /// Up to 127 bytes
    #[arg(long, value_name = "LABEL")]
    label: String,
    /// AES: 16, 24 or 32; generic secret: 1 to 800
    #[arg(long, value_name = "N")]
    key_length_bytes: u32,
    /// A key that ends with this command's connection
    #[arg(long)]
    session: bool,
    /// Attributes other than the defaults, for example encrypt=true extractable=false
    #[arg(long, value_name = "NAME=VALUE", num_args = 1..)]
    attributes: Vec<String>,
    /// Crypto users who may use the key too
    #[arg(long, value_name = "NAME", num_args = 1..)]
    share_crypto_users: Vec<String>,
    /// Approvals that managing the key needs (not simulated yet)
    #[arg(long, value_name = "N")]
    manage_key_quorum_value: Option<u32>,
    /// Approvals that using the key needs (not simulated yet)
    #[arg(long, value_name = "N")]
    use_key_quorum_value: Option<u32>,
}

/// What key pairs of all kinds have.
#[derive(Args, Debug)]
pub(crate) struct Pair {
    /// The public key's label, up to 127 bytes
    #[arg(long, value_name = "LABEL")]
    public_label: String,
    /// The private key's label, up to 127 bytes
    #[arg(long, value_name = "LABEL")]
    private_label: String,
    /// Keys that end with this command's connection
    #[arg(long)]
    session: bool,
    /// The public key's attributes other than the defaults, for example verify=true
    #[arg(long, value_name = "NAME=VALUE", num_args = 1..)]
    public_attributes: Vec<String>,
    /// The private key's attributes other than the defaults, for example sign=true
    #[arg(long, value_name = "NAME=VALUE", num_args = 1..)]
    private_attributes: Vec<String>,
    /// Crypto users who may use the private key too
    #[arg(long, value_name = "NAME", num_args = 1..)]
    share_crypto_users: Vec<String>,
    /// Approvals that managing the private key needs (not simulated yet)
    #[arg(long, value_name = "N")]
    manage_private_key_quorum_value: Option<u32>,
    /// Approvals that using the private key needs (not simulated yet)
    #[arg(long, value_name = "N")]
    use_private_key_quorum_value: Option<u32>,
}

/// An EC key pair to make.
#[derive(Args, Debug)]
pub(crate) struct Ec {
    /// The curve; prime256v1 is secp256r1
    #[arg(long, value_name = "CURVE")]
    curve: CurveName,
    #[command(flatten)]
    pair: Pair,
}

/// An RSA key pair to make.
#[derive(Args, Debug)]
pub(crate) struct Rsa {
    /// Odd, 65537 at least
    #[arg(long, value_name = "E")]
    public_exponent: u64,
    /// 2048 to 4096 in steps of 256
    #[arg(long, value_name = "BITS")]
    modulus_size_bits: u32,
    #[command(flatten)]
    pair: Pair,
}

/// The curves that CloudHSM CLI names.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "lower")]
pub(crate) enum CurveName {
    /// The same as secp256r1
    Prime256v1,
    /// P-256
    Secp256r1,
    /// P-224 (not simulated yet)
    Secp224r1,
    /// P-384
    Secp384r1,
    /// Bitcoin's
    Secp256k1,
    /// P-521
    Secp521r1,
    /// Edwards (not simulated yet)
    Ed25519,
}

impl CurveName {
    fn curve(self) -> Result<Curve, Failure> {
        match self {
            Self::Prime256v1 | Self::Secp256r1 => Ok(Curve::P256),
            Self::Secp384r1 => Ok(Curve::P384),
            Self::Secp521r1 => Ok(Curve::P521),
            Self::Secp256k1 => Ok(Curve::Secp256k1),
            Self::Secp224r1 => Err(Failure::NotSimulated("the curve secp224r1")),
            Self::Ed25519 => Err(Failure::NotSimulated("the curve ed25519")),
        }
    }
}

/// A key or a key pair to make, and with whom to share it.
pub(super) struct Request {
    make: Make,
    share_with: Vec<String>,
}

enum Make {
    Key(GenerateKey),
    Ec(GenerateEcKeyPair),
    Rsa(GenerateRsaKeyPair),
}

fn no_quorum(values: [Option<u32>; 2]) -> Result<(), Failure> {
    match values {
        [None, None] => Ok(()),
        _ => Err(Failure::NotSimulated("key quorum values (--...-quorum-value)")),
    }
}

fn lower(names: &[String]) -> Vec<String> {
    names.iter().map(|name| name.to_ascii_lowercase()).collect()
}

impl SymmetricCommand {
    pub(super) fn check(&self) -> Result<Request, Failure> {
        let (key_type, key) = match self {
            Self::Aes(key) => (KeyType::Aes, key),
            Self::GenericSecret(key) => (KeyType::GenericSecret, key),
        };
        no_quorum([key.manage_key_quorum_value, key.use_key_quorum_value])?;
        let make = Make::Key(GenerateKey {
            key_type,
            bytes: key.key_length_bytes,
            label: key.label.clone(),
            token: !key.session,
            attributes: filter::template(&key.attributes)?,
            retry: None,
        });
        Ok(Request { make, share_with: lower(&key.share_crypto_users) })
    }
}

impl PairCommand {
    pub(super) fn check(&self) -> Result<Request, Failure> {
        let pair = match self {
            Self::Ec(ec) => &ec.pair,
            Self::Rsa(rsa) => &rsa.pair,
        };
        no_quorum([pair.manage_private_key_quorum_value, pair.use_private_key_quorum_value])?;
        let public_attributes = filter::template(&pair.public_attributes)?;
        let private_attributes = filter::template(&pair.private_attributes)?;
        let (public_label, private_label) = (pair.public_label.clone(), pair.private_label.clone());
        let (token, retry) = (!pair.session, None);
        let make = match self {
            Self::Ec(ec) => Make::Ec(GenerateEcKeyPair {
                curve: ec.curve.curve()?,
                public_label,
                private_label,
                token,
                public_attributes,
                private_attributes,
                retry,
            }),
            Self::Rsa(rsa) => Make::Rsa(GenerateRsaKeyPair {
                modulus_bits: rsa.modulus_size_bits,
                public_exponent: rsa.public_exponent,
                public_label,
                private_label,
                token,
                public_attributes,
                private_attributes,
                retry,
            }),
        };
        Ok(Request { make, share_with: lower(&pair.share_crypto_users) })
    }
}

pub(super) async fn run(request: Request, cluster: &Cluster) -> Result<Value, Failure> {
    crypto_users_exist(cluster, &request.share_with).await?;
    let (public, secret) = match request.make {
        Make::Key(key) => (None, cluster.generate_key(key).await?.handle),
        Make::Ec(pair) => {
            let made = cluster.generate_ec_pair(pair).await?;
            (Some(made.public), made.private)
        }
        Make::Rsa(pair) => {
            let made = cluster.generate_rsa_pair(pair).await?;
            (Some(made.public), made.private)
        }
    };
    for username in &request.share_with {
        let share = ShareObject { handle: secret, username: username.clone(), share: true };
        cluster.share(&share).await.map_err(|error| {
            let reference = filter::reference(secret);
            Failure::Unfit(format!(
                "the key {reference} is made, and not shared with {username}: {error}"
            ))
        })?;
    }
    let secret = element::describe(cluster, secret).await?;
    Ok(match public {
        None => json!({ "key": secret }),
        Some(public) => {
            let public = element::describe(cluster, public).await?;
            json!({ "public_key": public, "private_key": secret })
        }
    })
}

/// Asked before the key is made: a name that is wrong leaves no key behind.
async fn crypto_users_exist(cluster: &Cluster, names: &[String]) -> Result<(), Failure> {
    if names.is_empty() {
        return Ok(());
    }
    let outcomes = outcome::of(cluster.call_each(&ListUsers {}).await);
    for name in names {
        let known = outcomes.iter().any(|(_, outcome)| match outcome {
            Outcome::Done(listed) => {
                listed.users.iter().any(|user| user.role == Role::Cu && user.username == *name)
            }
            _ => false,
        });
        if !known {
            return Err(Failure::Unfit(format!(
                "Specified user does not exist: there is no crypto user {name}"
            )));
        }
    }
    Ok(())
}
