//! Key material as KMS makes it, and what can be done with it.
use crate::rig::{ARN, PASSWORD, Rig, login, store};
use kms_connector::{BackingKey, CreateKeyError, Identity, KeyError, connect};
use proto::command::key::GetAttributes;
use proto::{Attribute, Datum, KeyClass, KeyType, Role};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_made_used_on_every_hsm_found_and_deleted() {
    let rig = Rig::new(&["us-east-1a", "us-east-1b", "us-east-1c"]).await;
    let store = store();
    let connected = connect(rig.settings(), &store).await.unwrap();
    assert_eq!(connected.rotated().len(), 3);
    assert!(connected.missed().is_empty());
    for n in 0..3 {
        assert_eq!(rig.kmsuser(n).await.logins, 1);
        let old = login(Role::Cu, "kmsuser", PASSWORD);
        rig.service(n).await.call(&old).await.unwrap_err();
    }

    let key = connected.create_key(ARN).await.unwrap();
    assert_eq!(connected.find_key(ARN).await.unwrap(), Some(key.clone()));
    assert_eq!(connected.find_key("arn:none").await.unwrap(), None);
    for n in 0..3 {
        for m in 0..3 {
            let (here, there) = (rig.hsm_id(n), rig.hsm_id(m));
            let sealed = connected.encrypt_on(here, key.handle, b"text", b"aad").await.unwrap();
            assert_eq!((sealed.iv.len(), sealed.data.len()), (12, 4 + 16));
            let opened = connected.decrypt_on(there, key.handle, &sealed, b"aad").await.unwrap();
            assert_eq!(*opened, b"text");
        }
    }
    let sealed = connected.encrypt(key.handle, b"", b"").await.unwrap();
    assert_eq!(*connected.decrypt(key.handle, &sealed, b"").await.unwrap(), b"");
    let refused = connected.decrypt(key.handle, &sealed, b"aad").await.unwrap_err();
    assert!(matches!(refused, KeyError::InvalidCiphertext), "{refused}");
    let (one, other) = (connected.random(32).await.unwrap(), connected.random(32).await.unwrap());
    assert!(one.len() == 32 && one != other);

    connected.delete_key(key.handle).await.unwrap();
    assert_eq!(connected.find_key(ARN).await.unwrap(), None);
    let gone = connected.encrypt(key.handle, b"x", b"").await.unwrap_err();
    assert!(matches!(gone, KeyError::NotFound), "{gone}");
    let again = connected.delete_key(key.handle).await.unwrap_err();
    assert!(matches!(again, KeyError::NotFound), "{again}");

    connected.disconnect().await;
    for n in 0..3 {
        assert_eq!(rig.kmsuser(n).await.logins, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_keys_with_one_arn_each_is_found_by_its_id_and_none_by_chance() {
    let rig = Rig::new(&["us-east-1a", "us-east-1b"]).await;
    let connected = connect(rig.settings(), &store()).await.unwrap();
    let keys = [connected.create_key(ARN).await.unwrap(), connected.create_key(ARN).await.unwrap()];
    let ambiguous = connected.find_key(ARN).await.unwrap_err();
    assert!(matches!(ambiguous, KeyError::Ambiguous), "{ambiguous}");
    for key in keys {
        let found = connected.find_key_by_id(&key.backing_key_id).await.unwrap();
        assert_eq!(found, Some(key));
    }
    connected.disconnect().await;
}

fn kept<'k>(key: &'k BackingKey, arn: &'k str) -> Identity<'k> {
    Identity {
        key_id: arn.rsplit('/').next().unwrap(),
        backing_key_id: &key.backing_key_id,
        handle: key.handle,
        check_value: Some(&key.check_value),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_found_by_what_it_is_where_another_has_its_handle_and_no_other_is_used() {
    let rig = Rig::new(&["us-east-1a", "us-east-1b"]).await;
    let store = store();
    let connected = connect(rig.settings(), &store).await.unwrap();
    let other = "arn:aws:kms:us-east-1:123456789012:key/another";
    let (one, two) =
        (connected.create_key(ARN).await.unwrap(), connected.create_key(other).await.unwrap());
    // As if it had been made in a relative, where it had the handle that the other has here.
    let moved = Identity { handle: two.handle, ..kept(&one, ARN) };
    assert_eq!(connected.locate(&moved).await.unwrap(), one.handle);
    assert_eq!(connected.locate(&moved).await.unwrap(), one.handle, "and again");
    let unknown = BackingKey::new_id();
    for wrong in [
        Identity { backing_key_id: &unknown, ..kept(&two, other) },
        Identity { handle: u64::MAX, backing_key_id: &unknown, ..kept(&two, other) },
        Identity { key_id: "1234", ..kept(&two, other) },
        Identity { check_value: Some("000000"), ..kept(&two, other) },
    ] {
        let refused = connected.locate(&wrong).await.unwrap_err();
        assert!(matches!(refused, KeyError::NotFound), "{wrong:?}: {refused}");
        let refused = connected.delete_located(&wrong).await.unwrap_err();
        assert!(matches!(refused, KeyError::NotFound), "{wrong:?}: {refused}");
    }
    connected.delete_located(&moved).await.unwrap();
    assert_eq!(connected.find_key(ARN).await.unwrap(), None);
    assert_eq!(connected.find_key(other).await.unwrap(), Some(two.clone()), "it is untouched");
    let before = Identity { check_value: None, ..kept(&two, other) };
    assert_eq!(connected.locate(&before).await.unwrap(), two.handle, "of an earlier version");
    connected.disconnect().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_attributes_are_those_of_the_developer_guide() {
    let rig = Rig::new(&["us-east-1a", "us-east-1b"]).await;
    let connected = connect(rig.settings(), &store()).await.unwrap();
    let key = connected.create_key(ARN).await.unwrap();
    let flags = [
        (Attribute::Encrypt, true),
        (Attribute::Decrypt, true),
        (Attribute::Token, true),
        (Attribute::AlwaysSensitive, true),
        (Attribute::Derive, false),
        (Attribute::Destroyable, true),
        (Attribute::Extractable, false),
        (Attribute::Local, true),
        (Attribute::Modifiable, true),
        (Attribute::NeverExtractable, false),
        (Attribute::Private, true),
        (Attribute::Sensitive, true),
        (Attribute::Sign, false),
        (Attribute::Trusted, false),
        (Attribute::Unwrap, true),
        (Attribute::Verify, false),
        (Attribute::Wrap, true),
        (Attribute::WrapWithTrusted, false),
    ];
    for n in 0..2 {
        let officer = rig.officer(n).await;
        let got = officer.call(&GetAttributes { handle: key.handle }).await.unwrap();
        assert_eq!((got.owner.as_str(), got.shared_with.as_slice()), ("kmsuser", &[][..]));
        let value = |wanted| {
            let found = got.attributes.iter().find(|s| s.attribute == wanted);
            found.map(|s| s.value.clone()).unwrap()
        };
        for (flag, expected) in flags {
            assert_eq!(value(flag), Datum::Flag(expected), "{}", flag.name());
        }
        assert_eq!(value(Attribute::Class), Datum::Number(KeyClass::SecretKey.code()));
        assert_eq!(value(Attribute::KeyType), Datum::Number(KeyType::Aes.code()));
        assert_eq!(value(Attribute::ValueLen), Datum::Number(32));
        assert_eq!(value(Attribute::Label), Datum::Text(ARN.to_owned()));
        let id = proto::Blob(key.backing_key_id.clone().into_bytes());
        assert_eq!(value(Attribute::Id), Datum::Bytes(id));
        let Datum::Bytes(check_value) = value(Attribute::CheckValue) else { panic!() };
        assert_eq!(format!("{check_value:?}"), key.check_value);
    }
    connected.disconnect().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_needs_two_hsms_in_two_zones() {
    for zones in [&["us-east-1a"][..], &["us-east-1a", "us-east-1a"]] {
        let rig = Rig::new(zones).await;
        let connected = connect(rig.settings(), &store()).await.unwrap();
        let error = connected.create_key(ARN).await.unwrap_err();
        assert!(matches!(error, CreateKeyError::ClusterInvalidConfiguration(_)), "{error}");
        assert!(error.to_string().contains(&rig.roster.cluster_id), "{error}");
        assert_eq!(connected.random(8).await.unwrap().len(), 8);
        assert_eq!(connected.find_key(ARN).await.unwrap(), None);
        connected.disconnect().await;
    }
}
