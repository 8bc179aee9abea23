//! What README.md says in Rust. `cargo xtask interop` runs it, and holds the README against it.

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let kms = aws_sdk_kms::Client::new(&aws_config::load_from_env().await);
    let plaintext = aws_sdk_kms::primitives::Blob::new("hello from an HSM");
    let sealed = kms.encrypt().key_id("alias/example").plaintext(plaintext).send().await?;
    let opened = kms.decrypt().set_ciphertext_blob(sealed.ciphertext_blob).send().await?;
    println!("{}", String::from_utf8(opened.plaintext.unwrap_or_default().into_inner())?);
    Ok(())
}
