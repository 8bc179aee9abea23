//! `client-cert`: certificates for people and programs that are to reach the HSMs.
use crate::{Failure, StateFolder};
use clap::Args;
use fleet::{Authority, make_client_certificate, make_folder, read, read_pem};
use fleet::{write_public, write_secret};
use std::path::PathBuf;
use zeroize::Zeroizing;

/// What `client-cert` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// The CA's certificate [default: customerCA.crt of the state folder]
    #[arg(long, value_name = "FILE", requires = "ca_key")]
    ca: Option<PathBuf>,
    /// The CA's private key, not encrypted [default: customerCA.key of the state folder]
    #[arg(long, value_name = "FILE", requires = "ca")]
    ca_key: Option<PathBuf>,
    /// The common name of the new certificate
    #[arg(long, value_name = "CN")]
    name: String,
    /// Where client.crt and client.key go
    #[arg(long, value_name = "DIR", default_value = ".")]
    out_dir: PathBuf,
}

/// RFC 5280, ub-common-name.
const NAME_MAX: usize = 64;

pub(crate) fn run(state: Option<PathBuf>, options: &Options) -> Result<(), Failure> {
    if options.name.is_empty() || options.name.chars().count() > NAME_MAX {
        return Err(Failure::usage(format!("--name has 1 to {NAME_MAX} characters")));
    }
    let (ca, ca_key) = match (&options.ca, &options.ca_key) {
        (Some(ca), Some(key)) => (ca.clone(), key.clone()),
        _ => {
            let folder = StateFolder::locate(state)?;
            (folder.layout().customer_ca(), folder.path().join("customerCA.key"))
        }
    };
    let authority = Authority::from_pem(&read_pem(&ca)?, &Zeroizing::new(read(&ca_key)?))
        .map_err(|e| Failure::new(format!("{} and {}: {e}", ca.display(), ca_key.display())))?;
    let made = make_client_certificate(&authority, &options.name)?;
    if options.name.starts_with("HSM:") {
        return Err(Failure::usage("--name: names that begin with HSM: are of HSMs"));
    }
    make_folder(&options.out_dir)?;
    let (certificate, key) =
        (options.out_dir.join("client.crt"), options.out_dir.join("client.key"));
    let replaces = if certificate.exists() { ", which was there, is replaced" } else { "" };
    write_secret(&key, made.key.as_bytes())?;
    write_public(&certificate, made.certificate.as_bytes())?;
    anstream::println!("{}{replaces}\n{}", certificate.display(), key.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_ca_is_named_and_a_present_one_issues() {
        let folder = tempfile::tempdir().unwrap();
        let (ca, ca_key) = (folder.path().join("ca.crt"), folder.path().join("ca.key"));
        let options = Options {
            ca: Some(ca.clone()),
            ca_key: Some(ca_key.clone()),
            name: "operator".to_owned(),
            out_dir: folder.path().join("out"),
        };
        let refused = run(None, &options).unwrap_err().to_string();
        assert!(refused.contains("ca.crt"), "{refused}");
        let authority = fleet::make_ca("customerCA").unwrap();
        write_public(&ca, authority.certificate().as_bytes()).unwrap();
        write_secret(&ca_key, authority.key().as_bytes()).unwrap();
        run(None, &options).unwrap();
        assert!(read(&folder.path().join("out/client.crt")).unwrap().contains("CERTIFICATE"));
    }
}
