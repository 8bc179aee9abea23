//! Answers published by NIST, in RFCs and by openssl.
use super::{aes, bytes, engines, hex, params, secret, stream};
use crate::crypto::{AesWrap, Material};
use proto::{Curve, Hash, KeyType, Mechanism};

#[test]
fn digests() {
    for engine in engines() {
        for (hash, digest) in [
            (Hash::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (Hash::Sha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
            (Hash::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                Hash::Sha384,
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed
                 8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                Hash::Sha512,
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
        ] {
            assert_eq!(engine.digest(hash, b"abc"), hex(digest));
            assert_eq!(hash.len(), hex(digest).len());
        }
    }
}

/// RFC 4231, test cases 1 and 2; RFC 2202 for SHA-1.
#[test]
fn hmac() {
    for engine in engines() {
        let jefe = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        for (key, data, hash, tag) in [
            (&[0x0b; 20][..], "Hi There", Hash::Sha1, "b617318655057264e28bc0b6fb378c8ef146be00"),
            (
                &[0x0b; 20],
                "Hi There",
                Hash::Sha224,
                "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22",
            ),
            (
                &[0x0b; 20],
                "Hi There",
                Hash::Sha256,
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                &[0x0b; 20],
                "Hi There",
                Hash::Sha384,
                "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c
                 faea9ea9076ede7f4af152e8b2fa9cb6",
            ),
            (
                &[0x0b; 20],
                "Hi There",
                Hash::Sha512,
                "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde
                 daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
            ),
            (b"Jefe", "what do ya want for nothing?", Hash::Sha256, jefe),
        ] {
            let key = engine.prepare(&secret(key)).unwrap();
            let params = params(Mechanism::Hmac, hash);
            let made = engine.sign(&key, &params, data.as_bytes(), &mut stream(0)).unwrap();
            assert_eq!(made, hex(tag));
            engine.verify(&key, &params, data.as_bytes(), &made).unwrap();
        }
    }
}

/// McGrew and Viega's test cases 4 and 16.
#[test]
fn aes_gcm() {
    let iv: [u8; 12] = hex("cafebabefacedbaddecaf888").try_into().unwrap();
    let aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    let plain = hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
         1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
    let half = hex("feffe9928665731c6d6a8f9467308308");
    for engine in engines() {
        for (key, sealed) in [
            (
                half.clone(),
                "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e
                 21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091
                 5bc94fbc3221a5db94fae95ae7121a47",
            ),
            (
                half.repeat(2),
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa
                 8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662
                 76fc6ece0f4e1768cddf8853bb2d551b",
            ),
        ] {
            let key = aes(&*engine, &key);
            let sealed = hex(sealed);
            assert_eq!(engine.encrypt_gcm(&key, &iv, &aad, &plain).unwrap(), sealed);
            assert_eq!(*engine.decrypt_gcm(&key, &iv, &aad, &sealed).unwrap(), plain);
        }
    }
}

/// NIST SP 800-38A, F.2.
#[test]
fn aes_cbc() {
    let iv = hex("000102030405060708090a0b0c0d0e0f");
    let plain = hex("6bc1bee22e409f96e93d7e117393172a");
    for engine in engines() {
        for (key, sealed) in [
            ("2b7e151628aed2a6abf7158809cf4f3c", "7649abac8119b246cee98e9b12e9197d"),
            (
                "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
                "4f021db243bc633d7178183a9fa071e8",
            ),
            (
                "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
                "f58c4c04d6e5f1ba779eabfb5f7bfbd6",
            ),
        ] {
            let key = aes(&*engine, &hex(key));
            let made = engine.encrypt_cbc(&key, &iv, false, &plain).unwrap();
            assert_eq!(made, hex(sealed));
            assert_eq!(*engine.decrypt_cbc(&key, &iv, false, &made).unwrap(), plain);
            let padded = engine.encrypt_cbc(&key, &iv, true, &plain).unwrap();
            assert_eq!((padded.len(), &padded[..16]), (32, &made[..]));
        }
    }
}

/// RFC 3394, 4.1, 4.2 and 4.6.
#[test]
fn aes_key_wrap() {
    let kek = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    let plain = hex("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f");
    for engine in engines() {
        for (kek, plain, wrapped) in [
            (&kek[..16], &plain[..16], "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"),
            (&kek[..24], &plain[..16], "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"),
            (
                &kek[..],
                &plain[..],
                "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326
                 cbc7f0e71a99f43bfb988b9b7a02dd21",
            ),
        ] {
            let key = aes(&*engine, kek);
            let made = engine.wrap_aes(&key, AesWrap::NoPad, plain).unwrap();
            assert_eq!(made, hex(wrapped));
            assert_eq!(*engine.unwrap_aes(&key, AesWrap::NoPad, &made).unwrap(), plain);
        }
    }
}

/// RFC 5649, section 6.
#[test]
fn aes_key_wrap_with_padding() {
    let kek = hex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8");
    for engine in engines() {
        for (plain, wrapped) in [
            (
                "c37b7e6492584340bed12207808941155068f738",
                "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
            ),
            ("466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"),
        ] {
            let key = aes(&*engine, &kek);
            let made = engine.wrap_aes(&key, AesWrap::ZeroPad, &hex(plain)).unwrap();
            assert_eq!(made, hex(wrapped));
            assert_eq!(*engine.unwrap_aes(&key, AesWrap::ZeroPad, &made).unwrap(), hex(plain));
        }
    }
}

/// User guide: at least 8 bytes are added, as PKCS #5 does it. So an AES-256 key takes 48 bytes.
#[test]
fn cloudhsm_key_wrap() {
    for engine in engines() {
        let key = aes(&*engine, &[7; 32]);
        for len in 1..=40 {
            let plain = bytes(len as u64, len);
            let wrapped = engine.wrap_aes(&key, AesWrap::Pkcs5Pad, &plain).unwrap();
            let padded = engine.unwrap_aes(&key, AesWrap::NoPad, &wrapped).unwrap();
            let (kept, pad) = padded.split_at(len);
            assert_eq!(kept, plain);
            assert!((8..16).contains(&pad.len()) && pad.iter().all(|b| *b as usize == pad.len()));
            assert_eq!(*engine.unwrap_aes(&key, AesWrap::Pkcs5Pad, &wrapped).unwrap(), plain);
        }
        let others = [&[1; 12][..], &[4; 4]].concat();
        let wrapped = engine.wrap_aes(&key, AesWrap::NoPad, &others).unwrap();
        assert_eq!(*engine.unwrap_aes(&key, AesWrap::Pkcs5Pad, &wrapped).unwrap(), [1; 12]);
    }
}

/// RFC 6979, A.2.5. The Rust engine makes the same signatures, both find them good.
#[test]
fn ecdsa_p256() {
    let scalar = hex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
    let point = hex("04
        60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6
        7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
    let key = Material::EcPrivate { curve: Curve::P256, scalar: scalar.into(), point };
    let [native, rust] = engines();
    for (hash, signature) in [
        (
            Hash::Sha1,
            "61340c88c3aaebeb4f6d667f672ca9759a6ccaa9fa8811313039ee4a35471d32
             6d7f147dac089441bb2e2fe8f7a3fa264b9c475098fdcf6e00d7c996e1b8b7eb",
        ),
        (
            Hash::Sha256,
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716
             f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        ),
        (
            Hash::Sha512,
            "8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f00
             2362ab1adbe2b8adf9cb9edab740ea6049c028114f2460f96554f61fae3302fe",
        ),
    ] {
        let params = params(Mechanism::Ecdsa, hash);
        let private = rust.prepare(&key).unwrap();
        let made = rust.sign(&private, &params, b"sample", &mut stream(0)).unwrap();
        assert_eq!(made, hex(signature));
        for engine in [&native, &rust] {
            let public = engine.prepare(&key.public_half().unwrap()).unwrap();
            engine.verify(&public, &params, b"sample", &made).unwrap();
        }
    }
}

#[test]
fn check_values() {
    let scalar = hex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
    let key = Material::EcPrivate {
        curve: Curve::P256,
        scalar: scalar.into(),
        point: hex("04
            60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6
            7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"),
    };
    for engine in engines() {
        for (len, value) in [(16, "66e94b"), (24, "aae069"), (32, "dc95c0")] {
            let zero = secret(&vec![0; len]);
            assert_eq!(engine.check_value(&zero, KeyType::Aes).unwrap().to_vec(), hex(value));
            assert_eq!(engine.check_value(&zero, KeyType::GenericSecret), None);
        }
        assert_eq!(engine.check_value(&secret(&[0; 20]), KeyType::Aes), None);
        let value = engine.check_value(&key, KeyType::Ec).unwrap();
        assert_eq!(engine.check_value(&key.public_half().unwrap(), KeyType::Ec), Some(value));
        let Material::EcPrivate { point, .. } = &key else { unreachable!() };
        assert_eq!(value, engine.digest(Hash::Sha1, point)[..3]);
        let rsa = super::rsa_key();
        let value = engine.check_value(rsa, KeyType::Rsa);
        assert!(value.is_some());
        assert_eq!(engine.check_value(&rsa.public_half().unwrap(), KeyType::Rsa), value);
    }
}
