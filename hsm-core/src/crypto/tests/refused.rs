//! Bad keys, bad data and bad sizes: refused by both engines, and never a panic.
use super::{aes, bytes, ec_key, engines, hex, params, rsa_key, secret, stream};
use crate::crypto::{AesWrap, CryptoError, EngineKind, Material, SignParams, engine};
use proto::{Curve, Hash, KeyType, Mechanism};

#[test]
fn a_flipped_bit_spoils_everything() {
    for engine in engines() {
        let key = aes(&*engine, &[3; 32]);
        let sealed = engine.encrypt_gcm(&key, &[0; 12], b"aad", b"some data").unwrap();
        let wrapped = [AesWrap::NoPad, AesWrap::Pkcs5Pad, AesWrap::ZeroPad]
            .map(|how| (how, engine.wrap_aes(&key, how, &[5; 32]).unwrap()));
        let tag = params(Mechanism::Hmac, Hash::Sha256);
        let made = engine.sign(&key, &tag, b"data", &mut stream(0)).unwrap();
        let flip = |bytes: &[u8], bit: usize| {
            let mut bytes = bytes.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };
        for bit in 0..sealed.len() * 8 {
            let opened = engine.decrypt_gcm(&key, &[0; 12], b"aad", &flip(&sealed, bit));
            assert!(matches!(opened, Err(CryptoError::BadData(_))));
        }
        engine.decrypt_gcm(&key, &[0; 12], b"aae", &sealed).map(drop).unwrap_err();
        for (how, wrapped) in wrapped {
            for bit in 0..wrapped.len() * 8 {
                let opened = engine.unwrap_aes(&key, how, &flip(&wrapped, bit));
                assert!(matches!(opened, Err(CryptoError::BadData(_))));
            }
        }
        for bit in 0..made.len() * 8 {
            let verified = engine.verify(&key, &tag, b"data", &flip(&made, bit));
            assert_eq!(verified, Err(CryptoError::BadSignature));
        }
    }
}

#[test]
fn signatures_of_the_wrong_length_or_value() {
    let rsa = rsa_key();
    for engine in engines() {
        let mut cases =
            vec![(Mechanism::RsaPkcs, rsa.clone()), (Mechanism::RsaPkcsPss, rsa.clone())];
        cases.extend(Curve::ALL.iter().map(|curve| (Mechanism::Ecdsa, ec_key(*curve))));
        for (mechanism, key) in cases {
            let params = params(mechanism, Hash::Sha256);
            let private = engine.prepare(&key).unwrap();
            let public = engine.prepare(&key.public_half().unwrap()).unwrap();
            let good = engine.sign(&private, &params, b"data", &mut stream(1)).unwrap();
            let mut bad = vec![vec![], vec![0; good.len()], vec![0xff; good.len()]];
            bad.push(good[1..].to_vec());
            bad.push([&good[..], &[0]].concat());
            bad.push([&[0], &good[..]].concat());
            for at in [0, 1, good.len() / 2, good.len() - 1] {
                let mut flipped = good.clone();
                flipped[at] ^= 1;
                bad.push(flipped);
            }
            for signature in bad {
                let verified = engine.verify(&public, &params, b"data", &signature);
                assert_eq!(verified, Err(CryptoError::BadSignature));
            }
        }
    }
}

#[test]
fn keys_of_the_wrong_kind() {
    for engine in engines() {
        let materials = [secret(&[1; 32]), ec_key(Curve::P256), rsa_key().clone()];
        let publics = [materials[1].public_half().unwrap(), materials[2].public_half().unwrap()];
        for (at, material) in materials.iter().chain(&publics).enumerate() {
            let key = engine.prepare(material).unwrap();
            let fits = |mechanism| match mechanism {
                Mechanism::Hmac => at == 0,
                Mechanism::Ecdsa => at == 1,
                Mechanism::RsaPkcs | Mechanism::RsaPkcsPss => at == 2,
                _ => false,
            };
            for mechanism in Mechanism::ALL {
                let params = params(*mechanism, Hash::Sha256);
                let made = engine.sign(&key, &params, b"data", &mut stream(1));
                assert_eq!(made.is_ok(), fits(*mechanism), "{mechanism:?} {at}");
                engine.verify(&key, &params, b"data", &[0; 64]).unwrap_err();
            }
            let random = &mut stream(1);
            assert_eq!(engine.encrypt_gcm(&key, &[0; 12], b"", b"").is_ok(), at == 0);
            assert_eq!(engine.encrypt_cbc(&key, &[0; 16], true, b"").is_ok(), at == 0);
            assert_eq!(engine.wrap_aes(&key, AesWrap::ZeroPad, b"key").is_ok(), at == 0);
            assert_eq!(engine.wrap_oaep(&key, Hash::Sha256, b"key", random).is_ok(), at == 4);
            engine.unwrap_oaep(&key, Hash::Sha256, &[1; 256], random).map(drop).unwrap_err();
        }
    }
    let [native, rust] = engines();
    let key = native.prepare(&secret(&[1; 32])).unwrap();
    rust.encrypt_gcm(&key, &[0; 12], b"", b"").unwrap_err();
}

#[test]
fn secrets_and_sizes() {
    for engine in engines() {
        let odd = aes(&*engine, &[1; 20]);
        engine.encrypt_gcm(&odd, &[0; 12], b"", b"").unwrap_err();
        engine.decrypt_gcm(&odd, &[0; 12], b"", &[0; 16]).map(drop).unwrap_err();
        engine.encrypt_cbc(&odd, &[0; 16], true, b"").unwrap_err();
        engine.decrypt_cbc(&odd, &[0; 16], true, &[0; 16]).map(drop).unwrap_err();
        engine.wrap_aes(&odd, AesWrap::ZeroPad, b"key").unwrap_err();
        let key = aes(&*engine, &[1; 16]);
        for len in [0, 1, 11, 13, 16] {
            engine.decrypt_gcm(&key, &vec![0; len], b"", &[0; 32]).map(drop).unwrap_err();
        }
        for len in 0..40 {
            let data = bytes(len as u64, len);
            engine.decrypt_gcm(&key, &[0; 12], b"", &data).map(drop).unwrap_err();
            for how in [AesWrap::NoPad, AesWrap::Pkcs5Pad, AesWrap::ZeroPad] {
                engine.unwrap_aes(&key, how, &data).map(drop).unwrap_err();
            }
            let plain = engine.wrap_aes(&key, AesWrap::NoPad, &data);
            assert_eq!(plain.is_ok(), len >= 16 && len % 8 == 0);
            if len != 16 {
                engine.encrypt_cbc(&key, &data, true, b"").unwrap_err();
                engine.decrypt_cbc(&key, &data, true, &[0; 16]).map(drop).unwrap_err();
            }
            let opened = engine.decrypt_cbc(&key, &[0; 16], false, &data);
            assert_eq!(opened.is_ok(), len % 16 == 0);
        }
        for how in [AesWrap::NoPad, AesWrap::Pkcs5Pad, AesWrap::ZeroPad] {
            engine.wrap_aes(&key, how, b"").unwrap_err();
        }
        engine.decrypt_cbc(&key, &[0; 16], true, b"").map(drop).unwrap_err();
        let unpadded = engine.encrypt_cbc(&key, &[0; 16], false, &[0; 16]).unwrap();
        engine.decrypt_cbc(&key, &[0; 16], true, &unpadded).map(drop).unwrap_err();
    }
}

#[test]
fn digests_of_the_wrong_length() {
    for engine in engines() {
        for (mechanism, key) in [
            (Mechanism::Ecdsa, ec_key(Curve::P521)),
            (Mechanism::RsaPkcs, rsa_key().clone()),
            (Mechanism::RsaPkcsPss, rsa_key().clone()),
            (Mechanism::Hmac, secret(&[1; 32])),
        ] {
            let key = engine.prepare(&key).unwrap();
            let params = SignParams { digested: true, ..params(mechanism, Hash::Sha256) };
            for len in [0, 20, 31, 33, 64] {
                let made = engine.sign(&key, &params, &vec![1; len], &mut stream(1));
                assert!(matches!(made, Err(CryptoError::BadData(_))));
            }
        }
    }
}

#[test]
fn a_salt_that_does_not_fit() {
    for engine in engines() {
        let key = engine.prepare(rsa_key()).unwrap();
        let public = engine.prepare(&rsa_key().public_half().unwrap()).unwrap();
        for (salt_len, fits) in [(222, true), (223, false), (u32::MAX, false)] {
            let salt_len = Some(salt_len);
            let params = SignParams { salt_len, ..params(Mechanism::RsaPkcsPss, Hash::Sha256) };
            let made = engine.sign(&key, &params, b"data", &mut stream(1));
            assert_eq!(made.is_ok(), fits);
            let verified = engine.verify(&public, &params, b"data", &made.unwrap_or_default());
            assert_eq!(verified.is_ok(), fits);
        }
    }
}

#[test]
fn ec_keys_that_are_none() {
    for engine in engines() {
        for curve in Curve::ALL.iter().copied() {
            let len = curve.coordinate_len();
            let Material::EcPrivate { scalar, point, .. } = ec_key(curve) else { unreachable!() };
            let mut beside = point.clone();
            beside[2 * len] ^= 1;
            let mut compressed = point[..1 + len].to_vec();
            compressed[0] = 2 + (point[2 * len] & 1);
            let zeros = [&[4], &vec![0; 2 * len][..]].concat();
            let large = [&[4], &vec![0xff; 2 * len][..]].concat();
            let short = point[..point.len() - 1].to_vec();
            for bad in [beside, compressed, zeros, large, short, vec![], vec![0], vec![4]] {
                assert!(engine.prepare(&Material::EcPublic { curve, point: bad.clone() }).is_err());
                let scalar = scalar.clone();
                let private = Material::EcPrivate { curve, scalar, point: bad };
                assert!(engine.prepare(&private).is_err());
            }
            let zero = vec![0; len];
            let order = vec![0xff; len];
            let longer = [&[0], &scalar[..]].concat();
            for bad in [zero, order, longer, scalar[1..].to_vec(), vec![], vec![1; len]] {
                let bad = bad.into();
                let private = Material::EcPrivate { curve, scalar: bad, point: point.clone() };
                assert!(engine.prepare(&private).is_err());
            }
        }
    }
}

#[test]
fn a_broken_source_ends_generation() {
    let rust = engine(EngineKind::Rust);
    for curve in Curve::ALL {
        let made = rust.generate_ec(*curve, &mut |out| out.fill(0)).map(drop);
        assert_eq!(made, Err(CryptoError::Internal));
    }
}

#[test]
fn rsa_keys_that_are_none() {
    let (modulus, exponent) = rsa_key().rsa_public().unwrap();
    let (modulus, exponent) = (modulus.to_vec(), exponent.to_vec());
    for engine in engines() {
        for (bits, exponent) in
            [(1024, 65_537), (2047, 65_537), (2176, 65_537), (4352, 65_537), (0, 65_537)]
        {
            assert!(engine.generate_rsa(bits, exponent, &mut stream(1)).is_err());
        }
        for exponent in [0, 1, 3, 65_535, 65_536, 65_538, 1 << 33 | 1, u64::MAX] {
            assert!(engine.generate_rsa(2048, exponent, &mut stream(1)).is_err());
        }
        let mut even = modulus.clone();
        even[255] &= 0xfe;
        let zero_led = [&[0], &modulus[..]].concat();
        for modulus in [even, zero_led, modulus[1..].to_vec(), vec![0; 256], vec![], vec![1; 9999]]
        {
            let exponent = exponent.clone();
            assert!(engine.prepare(&Material::RsaPublic { modulus, exponent }).is_err());
        }
        let zero_led = vec![0, 1, 0, 1];
        for exponent in [vec![], vec![0], vec![3], vec![1, 0, 0], vec![0xff; 300], zero_led] {
            let modulus = modulus.clone();
            assert!(engine.prepare(&Material::RsaPublic { modulus, exponent }).is_err());
        }
        assert!(engine.prepare(&Material::RsaPrivate { pkcs1: vec![].into() }).is_err());
    }
}

/// Bytes from the network, one or a few of them changed: an answer, whatever it is.
#[test]
fn mutated_keys_do_not_panic() {
    let random = &mut stream(31);
    let mut pick = |most: usize| {
        let mut word = [0; 8];
        random(&mut word);
        (u64::from_le_bytes(word) % most as u64) as usize
    };
    for key in [ec_key(Curve::P256), ec_key(Curve::P521), rsa_key().clone()] {
        let key_type = match key {
            Material::RsaPrivate { .. } => KeyType::Rsa,
            _ => KeyType::Ec,
        };
        let (pkcs8, sealed) = (key.to_pkcs8().unwrap(), key.encode());
        for round in 0..200 {
            let mut mutant = if round % 2 == 0 { pkcs8.to_vec() } else { sealed.to_vec() };
            for _ in 0..=pick(3) {
                let at = if pick(2) == 0 { pick(40) } else { pick(mutant.len()) };
                mutant[at] = pick(256) as u8;
            }
            if pick(4) == 0 {
                mutant.truncate(pick(mutant.len()));
            }
            let read = match round % 2 {
                0 => Material::from_pkcs8(key_type, None, &mutant),
                _ => Material::decode(&mutant),
            };
            let Ok(read) = read else { continue };
            for engine in engines() {
                let _ = engine.check_value(&read, key_type);
                let Ok(key) = engine.prepare(&read) else { continue };
                for mechanism in [Mechanism::RsaPkcs, Mechanism::Ecdsa] {
                    let params = params(mechanism, Hash::Sha1);
                    let _ = engine.sign(&key, &params, b"data", &mut stream(1));
                }
                let _ = engine.unwrap_oaep(&key, Hash::Sha224, &[1; 256], &mut stream(1));
            }
        }
    }
}

#[test]
fn pkcs8_of_another_kind() {
    let ec = ec_key(Curve::P256).to_pkcs8().unwrap();
    let rsa = rsa_key().to_pkcs8().unwrap();
    for (key_type, curve, der) in [
        (KeyType::Rsa, None, &ec[..]),
        (KeyType::Ec, None, &rsa),
        (KeyType::Aes, None, &rsa),
        (KeyType::Ec, Some(Curve::Secp256k1), &ec),
        (KeyType::Ec, Some(Curve::P256), &ec[..ec.len() - 1]),
        (KeyType::Ec, Some(Curve::P256), &[&ec[..], &[0]].concat()),
        (KeyType::Rsa, None, &hex("3000")),
        (KeyType::Rsa, None, &[]),
    ] {
        assert!(Material::from_pkcs8(key_type, curve, der).is_err());
    }
}
