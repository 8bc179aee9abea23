//! `crypto sign` and `crypto verify`, with ECDSA and RSA.
use super::filter::{self, Filter};
use super::{Failure, login};
use clap::{Args, Subcommand, ValueEnum};
use data_encoding::BASE64;
use hsm_client::Cluster;
use proto::command::sign::{Sign, Verify};
use proto::{Blob, Hash, Mechanism, Role, limits};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What to do with the keys.
#[derive(Debug, Subcommand)]
pub(crate) enum CryptoCommand {
    /// Sign data
    #[command(subcommand)]
    Sign(SignCommand),
    /// Verify a signature
    #[command(subcommand)]
    Verify(VerifyCommand),
}

/// How to sign.
#[derive(Debug, Subcommand)]
pub(crate) enum SignCommand {
    /// With an EC key; the signature is r and s
    #[command(after_help = format!("\
Example:
  cluster-ctl crypto sign ecdsa --key-filter attr.label=ec_private --hash-function sha256 \\
    --data YWJj

{}", super::LOGIN_HELP))]
    Ecdsa(Input),
    /// With an RSA key and PKCS #1 v1.5 padding
    #[command(after_help = "\
Example:
  cluster-ctl crypto sign rsa-pkcs --key-filter attr.label=rsa_private --hash-function sha256 \\
    --data-path letter.txt")]
    RsaPkcs(Input),
    /// With an RSA key and PSS padding
    #[command(after_help = "\
Example:
  cluster-ctl crypto sign rsa-pkcs-pss --key-filter attr.label=rsa_private --hash-function sha256 \\
    --mgf mgf1-sha256 --salt-length 32 --data YWJj")]
    RsaPkcsPss(PssInput),
}

/// How to verify.
#[derive(Debug, Subcommand)]
pub(crate) enum VerifyCommand {
    /// With an EC key; the signature is r and s
    #[command(after_help = "\
Example:
  cluster-ctl crypto verify ecdsa --key-filter attr.label=ec_public --hash-function sha256 \\
    --data YWJj --signature 4zki...")]
    Ecdsa(SignedInput),
    /// With an RSA key and PKCS #1 v1.5 padding
    #[command(after_help = "\
Example:
  cluster-ctl crypto verify rsa-pkcs --key-filter attr.label=rsa_public --hash-function sha256 \\
    --data-path letter.txt --signature-path letter.sig")]
    RsaPkcs(SignedInput),
    /// With an RSA key and PSS padding
    #[command(after_help = "\
Example:
  cluster-ctl crypto verify rsa-pkcs-pss --key-filter attr.label=rsa_public \\
    --hash-function sha256 --mgf mgf1-sha256 --salt-length 32 --data YWJj --signature H/z1...")]
    RsaPkcsPss(SignedPssInput),
}

/// The key and the data.
#[derive(Args, Debug)]
pub(crate) struct Input {
    /// key-reference=0x..., or attr.NAME=VALUE ... of which all must match; exactly one key
    #[arg(long, value_name = "FILTER", num_args = 1.., required = true)]
    key_filter: Vec<String>,
    /// The hash of the data
    #[arg(long, value_name = "HASH")]
    hash_function: HashName,
    /// The data in base64
    #[arg(long, value_name = "BASE64", required_unless_present = "data_path")]
    data: Option<String>,
    /// A file that holds the data
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    data_path: Option<PathBuf>,
    /// raw: the HSM hashes the data; digest: it is the hash already
    #[arg(long, value_name = "TYPE", default_value = "raw")]
    data_type: DataType,
    /// A file of quorum approvals (not simulated yet)
    #[arg(long, value_name = "FILE")]
    approval: Option<PathBuf>,
}

/// What PSS needs besides.
#[derive(Args, Debug)]
pub(crate) struct Pss {
    /// The mask generation function; its hash must be --hash-function
    #[arg(long, value_name = "MGF")]
    mgf: Mgf,
    /// Bytes of the salt
    #[arg(long, value_name = "N")]
    salt_length: u32,
}

/// The key, the data, and PSS.
#[derive(Args, Debug)]
pub(crate) struct PssInput {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    pss: Pss,
}

/// A signature.
#[derive(Args, Debug)]
pub(crate) struct Given {
    /// The signature in base64
    #[arg(long, value_name = "BASE64", required_unless_present = "signature_path")]
    signature: Option<String>,
    /// A file that holds the signature, as bytes or in base64
    #[arg(long, value_name = "FILE", conflicts_with = "signature")]
    signature_path: Option<PathBuf>,
}

/// The key, the data and the signature.
#[derive(Args, Debug)]
pub(crate) struct SignedInput {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    given: Given,
}

/// The key, the data, the signature, and PSS.
#[derive(Args, Debug)]
pub(crate) struct SignedPssInput {
    #[command(flatten)]
    signed: SignedInput,
    #[command(flatten)]
    pss: Pss,
}

/// The hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub(crate) enum HashName {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl HashName {
    fn hash(self) -> Hash {
        match self {
            Self::Sha1 => Hash::Sha1,
            Self::Sha224 => Hash::Sha224,
            Self::Sha256 => Hash::Sha256,
            Self::Sha384 => Hash::Sha384,
            Self::Sha512 => Hash::Sha512,
        }
    }
}

/// The mask generation functions.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[allow(missing_docs)]
pub(crate) enum Mgf {
    #[value(name = "mgf1-sha1")]
    Sha1,
    #[value(name = "mgf1-sha224")]
    Sha224,
    #[value(name = "mgf1-sha256")]
    Sha256,
    #[value(name = "mgf1-sha384")]
    Sha384,
    #[value(name = "mgf1-sha512")]
    Sha512,
}

impl Mgf {
    fn hash(self) -> Hash {
        match self {
            Self::Sha1 => Hash::Sha1,
            Self::Sha224 => Hash::Sha224,
            Self::Sha256 => Hash::Sha256,
            Self::Sha384 => Hash::Sha384,
            Self::Sha512 => Hash::Sha512,
        }
    }
}

/// What the data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DataType {
    /// Data, to be hashed
    Raw,
    /// A hash
    Digest,
}

/// A command whose words and files are all read.
pub(super) struct Request {
    filter: Filter,
    mechanism: Mechanism,
    hash: Hash,
    digested: bool,
    salt_len: Option<u32>,
    data: Blob,
    /// To be verified; otherwise the data is to be signed.
    signature: Option<Blob>,
}

/// Reads all words and files before any HSM is asked.
pub(super) fn check(command: &CryptoCommand) -> Result<Request, Failure> {
    let (mechanism, input, given, pss) = match command {
        CryptoCommand::Sign(SignCommand::Ecdsa(input)) => (Mechanism::Ecdsa, input, None, None),
        CryptoCommand::Sign(SignCommand::RsaPkcs(input)) => (Mechanism::RsaPkcs, input, None, None),
        CryptoCommand::Sign(SignCommand::RsaPkcsPss(PssInput { input, pss })) => {
            (Mechanism::RsaPkcsPss, input, None, Some(pss))
        }
        CryptoCommand::Verify(VerifyCommand::Ecdsa(SignedInput { input, given })) => {
            (Mechanism::Ecdsa, input, Some(given), None)
        }
        CryptoCommand::Verify(VerifyCommand::RsaPkcs(SignedInput { input, given })) => {
            (Mechanism::RsaPkcs, input, Some(given), None)
        }
        CryptoCommand::Verify(VerifyCommand::RsaPkcsPss(SignedPssInput { signed, pss })) => {
            (Mechanism::RsaPkcsPss, &signed.input, Some(&signed.given), Some(pss))
        }
    };
    if input.approval.is_some() {
        return Err(Failure::NotSimulated("quorum authentication (--approval)"));
    }
    let hash = input.hash_function.hash();
    if pss.is_some_and(|pss| pss.mgf.hash() != hash) {
        return Err(Failure::NotSimulated("a --mgf whose hash is not the --hash-function"));
    }
    let data = bytes("data", input.data.as_deref(), input.data_path.as_deref(), false)?;
    let digested = input.data_type == DataType::Digest;
    check_length(&data, digested, hash)?;
    let signature = given.map(|given| {
        bytes("signature", given.signature.as_deref(), given.signature_path.as_deref(), true)
    });
    Ok(Request {
        filter: Filter::parse(&input.key_filter)?,
        mechanism,
        hash,
        digested,
        salt_len: pss.map(|pss| pss.salt_length),
        data: Blob(data),
        signature: signature.transpose()?.map(Blob),
    })
}

fn check_length(data: &[u8], digested: bool, hash: Hash) -> Result<(), Failure> {
    if digested && data.len() != hash.len() {
        return Err(Failure::Unfit(format!(
            "a {} digest has {} bytes, and the data has {}",
            hash.name(),
            hash.len(),
            data.len()
        )));
    }
    if data.len() > limits::DATA_MAX {
        return Err(Failure::Unfit(format!(
            "an HSM takes {} bytes of data at once, and there are {}: hash them first and pass \
             --data-type digest",
            limits::DATA_MAX,
            data.len()
        )));
    }
    Ok(())
}

/// Bytes in base64 on the command line, or in a file. A signature's file may be base64 too, as
/// `crypto sign` prints it: a signature is random, so no one takes the one for the other.
fn bytes(
    what: &str,
    text: Option<&str>,
    path: Option<&Path>,
    base64_file: bool,
) -> Result<Vec<u8>, Failure> {
    if let Some(text) = text {
        return BASE64.decode(text.as_bytes()).map_err(|_| {
            Failure::Unfit(format!("--{what} is not base64; a file is given with --{what}-path"))
        });
    }
    let path = path.unwrap_or(Path::new("-"));
    let bytes =
        std::fs::read(path).map_err(|error| Failure::File { path: path.to_owned(), error })?;
    let decoded = BASE64.decode(bytes.trim_ascii());
    Ok(if base64_file { decoded.unwrap_or(bytes) } else { bytes })
}

pub(super) async fn run(request: Request, cluster: &Cluster) -> Result<Value, Failure> {
    login::log_in(cluster, Role::Cu).await?;
    let key = request.filter.find_one(cluster).await?;
    let Request { mechanism, hash, digested, salt_len, data, .. } = request;
    match request.signature {
        None => {
            let signed =
                cluster.call(&Sign { key, mechanism, hash, digested, salt_len, data }).await?;
            Ok(json!({
                "key-reference": filter::reference(key),
                "signature": BASE64.encode(&signed.signature.0),
            }))
        }
        Some(signature) => {
            cluster
                .call(&Verify { key, mechanism, hash, digested, salt_len, data, signature })
                .await?;
            Ok(json!({ "message": "Signature verified successfully" }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        command: CryptoCommand,
    }

    #[test]
    fn words_are_read_before_any_hsm_is_asked() {
        let of = |line: &str| {
            let key = "--key-filter key-reference=0x1 --hash-function";
            let line = line.replace("KEY", key).replace("DIGEST", &BASE64.encode(&[7; 32]));
            let words = ["crypto"].into_iter().chain(line.split_whitespace());
            let parsed = Line::try_parse_from(words).expect(&line);
            check(&parsed.command).err().map(|f| f.to_string()).unwrap_or_default()
        };
        for (line, says) in [
            ("sign ecdsa KEY sha256 --data YWJj", ""),
            ("sign ecdsa KEY sha256 --data abc", "not base64"),
            ("sign rsa-pkcs KEY sha256 --data DIGEST --data-type digest", ""),
            ("sign rsa-pkcs KEY sha384 --data DIGEST --data-type digest", "has 48 bytes"),
            (
                "sign rsa-pkcs-pss KEY sha256 --mgf mgf1-sha1 --salt-length 20 --data YWJj",
                "not simulated yet",
            ),
            ("sign ecdsa KEY sha256 --data-path /no/such", "/no/such"),
            ("verify ecdsa KEY sha1 --data YWJj --signature YWJj", ""),
            (
                "verify rsa-pkcs-pss KEY sha1 --mgf mgf1-sha1 --salt-length 9 --data YWJj \
                 --signature ?",
                "--signature is not base64",
            ),
        ] {
            let text = of(line);
            assert!(text.contains(says) && text.is_empty() == says.is_empty(), "{line}: {text}");
        }
    }

    #[test]
    fn a_signature_file_holds_bytes_or_base64() {
        let folder = std::env::temp_dir().join(format!("signature-{}", std::process::id()));
        for (content, expected) in [(&b"AAEC\n"[..], &[0, 1, 2][..]), (b"\x00\xff", b"\x00\xff")] {
            std::fs::write(&folder, content).expect("a temporary file");
            assert_eq!(bytes("signature", None, Some(&folder), true).expect("read"), expected);
            assert_eq!(bytes("data", None, Some(&folder), false).expect("read"), content);
        }
        std::fs::remove_file(&folder).expect("it is there");
    }
}
