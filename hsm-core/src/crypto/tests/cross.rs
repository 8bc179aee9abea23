//! What one engine does, the other takes.
use super::{aes, bytes, ec_key, engines, pairs, params, rsa_key, secret, stream};
use crate::crypto::{AesWrap, EngineKind, Material, SignParams, engine};
use proto::{Curve, Hash, KeyType, Mechanism};

#[test]
fn ecdsa_of_every_curve_and_hash() {
    for (one, other) in pairs() {
        for curve in Curve::ALL {
            let key = one.generate_ec(*curve, &mut stream(7)).unwrap();
            let private = one.prepare(&key).unwrap();
            other.prepare(&key).unwrap();
            let public = other.prepare(&key.public_half().unwrap()).unwrap();
            for hash in Hash::ALL {
                let whole = params(Mechanism::Ecdsa, *hash);
                let digested = SignParams { digested: true, ..whole };
                let digest = one.digest(*hash, b"data");
                let signature = one.sign(&private, &whole, b"data", &mut stream(8)).unwrap();
                assert_eq!(signature.len(), 2 * curve.coordinate_len());
                other.verify(&public, &whole, b"data", &signature).unwrap();
                other.verify(&public, &digested, &digest, &signature).unwrap();
                let signature = one.sign(&private, &digested, &digest, &mut stream(9)).unwrap();
                other.verify(&public, &whole, b"data", &signature).unwrap();
                other.verify(&public, &whole, b"Data", &signature).unwrap_err();
            }
        }
    }
}

/// Either value of s is good on every curve, for both engines alike.
#[test]
fn ecdsa_with_many_keys() {
    let params = params(Mechanism::Ecdsa, Hash::Sha256);
    for curve in Curve::ALL {
        for seed in 0..8 {
            let [native, rust] = engines();
            let key = native.generate_ec(*curve, &mut stream(seed)).unwrap();
            let private = native.prepare(&key).unwrap();
            let public = rust.prepare(&key.public_half().unwrap()).unwrap();
            let signature = native.sign(&private, &params, b"", &mut stream(seed)).unwrap();
            rust.verify(&public, &params, b"", &signature).unwrap();
        }
    }
}

#[test]
fn rsa_signatures() {
    let key = rsa_key();
    for (one, other) in pairs() {
        let private = one.prepare(key).unwrap();
        let public = other.prepare(&key.public_half().unwrap()).unwrap();
        for mechanism in [Mechanism::RsaPkcs, Mechanism::RsaPkcsPss] {
            for hash in Hash::ALL {
                for salt_len in [None, Some(0), Some(hash.len() as u32), Some(33)] {
                    let whole = SignParams { salt_len, ..params(mechanism, *hash) };
                    let digested = SignParams { digested: true, ..whole };
                    let digest = other.digest(*hash, b"data");
                    let made = one.sign(&private, &digested, &digest, &mut stream(3)).unwrap();
                    assert_eq!(made.len(), 256);
                    other.verify(&public, &whole, b"data", &made).unwrap();
                    other.verify(&public, &digested, &digest, &made).unwrap();
                    other.verify(&public, &whole, b"", &made).unwrap_err();
                    let other_salt = SignParams { salt_len: Some(5), ..whole };
                    let verified = other.verify(&public, &other_salt, b"data", &made);
                    assert_eq!(verified.is_ok(), mechanism == Mechanism::RsaPkcs);
                }
            }
        }
    }
}

#[test]
fn rsa_pkcs_signatures_are_the_same() {
    let made = engines().map(|engine| {
        let key = engine.prepare(rsa_key()).unwrap();
        let params = params(Mechanism::RsaPkcs, Hash::Sha384);
        engine.sign(&key, &params, b"data", &mut stream(4)).unwrap()
    });
    assert_eq!(made[0], made[1]);
}

#[test]
fn rsa_oaep() {
    let key = rsa_key();
    for (one, other) in pairs() {
        let public = one.prepare(&key.public_half().unwrap()).unwrap();
        let private = other.prepare(key).unwrap();
        for hash in Hash::ALL {
            let most = 256 - 2 * hash.len() - 2;
            for len in [0, 1, 32, most] {
                let plain = bytes(5, len);
                let wrapped = one.wrap_oaep(&public, *hash, &plain, &mut stream(6)).unwrap();
                assert_eq!(wrapped.len(), 256);
                let back = other.unwrap_oaep(&private, *hash, &wrapped, &mut stream(6)).unwrap();
                assert_eq!(*back, plain);
            }
            let long = vec![0; most + 1];
            one.wrap_oaep(&public, *hash, &long, &mut stream(6)).unwrap_err();
        }
    }
}

#[test]
fn rsa_of_other_sizes_and_exponents() {
    for (bits, exponent) in [(2304, 65_537), (2816, (1 << 33) - 1)] {
        let key = engines()[0].generate_rsa(bits, exponent, &mut stream(2)).unwrap();
        let (modulus, found) = key.rsa_public().unwrap();
        assert_eq!((modulus.len() * 8, modulus[0] >> 7), (bits as usize, 1));
        assert_eq!(found.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)), exponent);
        assert_ne!(found[0], 0);
        for (one, other) in pairs() {
            let private = one.prepare(&key).unwrap();
            let public = other.prepare(&key.public_half().unwrap()).unwrap();
            let params = params(Mechanism::RsaPkcsPss, Hash::Sha256);
            let made = one.sign(&private, &params, b"data", &mut stream(3)).unwrap();
            other.verify(&public, &params, b"data", &made).unwrap();
            let wrapped = other.wrap_oaep(&public, Hash::Sha1, b"key", &mut stream(3)).unwrap();
            let back = one.unwrap_oaep(&private, Hash::Sha1, &wrapped, &mut stream(3)).unwrap();
            assert_eq!(*back, b"key");
        }
    }
}

#[test]
fn secrets() {
    let [one, other] = engines();
    for key_len in [16, 24, 32] {
        let key = bytes(11, key_len);
        let (first, second) = (aes(&*one, &key), aes(&*other, &key));
        for len in [0, 1, 15, 16, 17, 31, 32, 33, 4096, 16_288] {
            let data = bytes(12, len);
            let sealed = one.encrypt_gcm(&first, &[9; 12], b"aad", &data).unwrap();
            assert_eq!(sealed, other.encrypt_gcm(&second, &[9; 12], b"aad", &data).unwrap());
            assert_eq!(*one.decrypt_gcm(&first, &[9; 12], b"aad", &sealed).unwrap(), data);
            assert_eq!(*other.decrypt_gcm(&second, &[9; 12], b"aad", &sealed).unwrap(), data);
            for pad in [true, false] {
                let sealed = one.encrypt_cbc(&first, &[8; 16], pad, &data);
                assert_eq!(sealed, other.encrypt_cbc(&second, &[8; 16], pad, &data));
                assert_eq!(sealed.is_ok(), pad || len % 16 == 0);
                let Ok(sealed) = sealed else { continue };
                assert_eq!(*one.decrypt_cbc(&first, &[8; 16], pad, &sealed).unwrap(), data);
                assert_eq!(*other.decrypt_cbc(&second, &[8; 16], pad, &sealed).unwrap(), data);
            }
            for how in [AesWrap::NoPad, AesWrap::Pkcs5Pad, AesWrap::ZeroPad] {
                let wrapped = one.wrap_aes(&first, how, &data);
                assert_eq!(wrapped, other.wrap_aes(&second, how, &data));
                let Ok(wrapped) = wrapped else { continue };
                assert_eq!(*one.unwrap_aes(&first, how, &wrapped).unwrap(), data);
                assert_eq!(*other.unwrap_aes(&second, how, &wrapped).unwrap(), data);
            }
        }
    }
}

#[test]
fn hmac_with_keys_of_every_length() {
    let [one, other] = engines();
    for len in [1, 20, 64, 65, 128, 129, 800] {
        let key = secret(&bytes(13, len));
        let (first, second) = (one.prepare(&key).unwrap(), other.prepare(&key).unwrap());
        for hash in Hash::ALL {
            let params = params(Mechanism::Hmac, *hash);
            let tag = one.sign(&first, &params, b"data", &mut stream(0)).unwrap();
            assert_eq!(tag, other.sign(&second, &params, b"data", &mut stream(0)).unwrap());
            one.verify(&first, &params, b"data", &tag).unwrap();
            other.verify(&second, &params, b"data", &tag).unwrap();
        }
    }
}

#[test]
fn material_survives_its_two_encodings() {
    let mut all: Vec<(KeyType, Option<Curve>, Material)> =
        Curve::ALL.iter().map(|curve| (KeyType::Ec, Some(*curve), ec_key(*curve))).collect();
    all.push((KeyType::Rsa, None, rsa_key().clone()));
    for (key_type, curve, key) in all {
        for half in [key.clone(), key.public_half().unwrap()] {
            assert_eq!(Material::decode(&half.encode()).unwrap().encode(), half.encode());
        }
        let pkcs8 = key.to_pkcs8().unwrap();
        let back = Material::from_pkcs8(key_type, curve, &pkcs8).unwrap();
        assert_eq!(back.encode(), key.encode());
        key.public_half().unwrap().to_pkcs8().map(drop).unwrap_err();
    }
    let key = secret(&[1, 2, 3]);
    assert_eq!(Material::decode(&key.encode()).unwrap().encode(), key.encode());
    assert!(key.public_half().is_none() && key.to_pkcs8().is_err());
}

/// The Rust engine's results depend on the world's randomness and on nothing else.
#[test]
fn the_rust_engine_repeats_itself() {
    let rust = engine(EngineKind::Rust);
    let run = || {
        let random = &mut stream(21);
        let mut out = rust.generate_secret(32, random).encode().to_vec();
        for curve in Curve::ALL {
            let key = rust.generate_ec(*curve, random).unwrap();
            out.extend_from_slice(&key.encode());
            let params = params(Mechanism::Ecdsa, Hash::Sha256);
            let private = rust.prepare(&key).unwrap();
            out.extend(rust.sign(&private, &params, b"data", random).unwrap());
        }
        let key = rust.generate_rsa(2048, 65_537, random).unwrap();
        out.extend_from_slice(&key.encode());
        let private = rust.prepare(&key).unwrap();
        let params = params(Mechanism::RsaPkcsPss, Hash::Sha256);
        out.extend(rust.sign(&private, &params, b"data", random).unwrap());
        let public = rust.prepare(&key.public_half().unwrap()).unwrap();
        out.extend(rust.wrap_oaep(&public, Hash::Sha256, b"data", random).unwrap());
        out
    };
    assert_eq!(run(), run());
}

#[test]
fn native_secrets_differ_across_the_pool() {
    let native = engine(EngineKind::Native);
    let mut seen = std::collections::HashSet::new();
    for len in (0..600).map(|n| [16, 24, 32, 255, 256, 257, 800][n % 7]) {
        let Material::Secret(bytes) = native.generate_secret(len, &mut |_| unreachable!()) else {
            unreachable!()
        };
        assert_eq!(bytes.len(), len);
        assert!(seen.insert(bytes[..16].to_vec()));
    }
}
