"""boto3 through the life of a key store and its keys, on `up --until kmsuser`, in its folder."""
import contextlib
import json
import os
import pathlib
import sys
import time
import urllib.request

import boto3
from against_model import Watch

CLUSTER = sys.argv[1]
ANCHOR = pathlib.Path("customerCA.crt").read_text()
kms = boto3.client("kms")
watch = Watch(kms)


@contextlib.contextmanager
def raises(name, message=None):
    """The operation is refused with an exception of this class and, if given, this text."""
    try:
        yield
    except getattr(kms.exceptions, name, kms.exceptions.ClientError) as error:
        assert error.response["Error"]["Code"] == name, error.response
        said = error.response["Error"]["Message"]
        assert message is None or message in said, said
    else:
        raise AssertionError(f"{name} was not raised")


def until(what, is_so):
    """Looks until it is so."""
    for _ in range(600):
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within 30 s")


def state(store):
    """How a key store stands."""
    [found] = kms.describe_custom_key_stores(CustomKeyStoreId=store)["CustomKeyStores"]
    assert found["ConnectionState"] != "FAILED", found
    return found["ConnectionState"]


def every(operation, member, **parameters):
    """All items of a list, in pages of one."""
    pages = list(kms.get_paginator(operation).paginate(
        PaginationConfig={"PageSize": 1}, **parameters))
    assert all(len(page[member]) <= 1 for page in pages), pages
    return [item for page in pages for item in page[member]]


def create_store():
    """A key store, and what stands in the way of others."""
    wanted = {
        "CustomKeyStoreName": "ExampleKeyStore", "CloudHsmClusterId": CLUSTER,
        "KeyStorePassword": "kmsPswd", "TrustAnchorCertificate": ANCHOR,
    }
    with raises("CustomKeyStoreNotFoundException"):
        kms.describe_custom_key_stores(CustomKeyStoreName="ExampleKeyStore")
    with raises("CloudHsmClusterNotFoundException"):
        kms.create_custom_key_store(**wanted | {"CloudHsmClusterId": "cluster-234abcdefABC"})
    with raises("IncorrectTrustAnchorException"):
        other = pathlib.Path("client.crt").read_text()
        kms.create_custom_key_store(**wanted | {"TrustAnchorCertificate": other})
    with raises("UnsupportedOperationException"):
        kms.create_custom_key_store(
            CustomKeyStoreName="x", CustomKeyStoreType="EXTERNAL_KEY_STORE")
    store = kms.create_custom_key_store(**wanted)["CustomKeyStoreId"]
    assert kms.create_custom_key_store(**wanted)["CustomKeyStoreId"] == store, "the same again"
    with raises("CustomKeyStoreNameInUseException"):
        kms.create_custom_key_store(**wanted | {"KeyStorePassword": "another1"})
    with raises("CloudHsmClusterInUseException"):
        kms.create_custom_key_store(**wanted | {"CustomKeyStoreName": "Second"})
    with raises("CustomKeyStoreInvalidStateException"):
        kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId=store)
    with raises("CustomKeyStoreInvalidStateException"):
        kms.disconnect_custom_key_store(CustomKeyStoreId=store)
    kms.connect_custom_key_store(CustomKeyStoreId=store)
    until("CONNECTED", lambda: state(store) == "CONNECTED")
    with raises("CustomKeyStoreInvalidStateException"):
        kms.update_custom_key_store(CustomKeyStoreId=store, KeyStorePassword="another1")
    [listed] = every("describe_custom_key_stores", "CustomKeyStores")
    assert listed["CreationDate"].year > 2000 and "ConnectionErrorCode" not in listed
    return store


def create_key(**parameters):
    """A key, as DescribeKey shows it."""
    made = kms.create_key(**parameters)["KeyMetadata"]
    assert kms.describe_key(KeyId=made["Arn"])["KeyMetadata"] == made
    assert made["KeyState"] == "Enabled" and made["Enabled"] is True
    return made


def use(key):
    """Encrypt, Decrypt, ReEncrypt, data keys; context is part of it."""
    context = {"purpose": "test", "é": "ü"}
    sealed = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"a" * 4096, EncryptionContext=context)
    assert sealed["KeyId"] == key["Arn"] and sealed["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    blob = sealed["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext=dict(reversed(context.items())))
    assert opened["Plaintext"] == b"a" * 4096 and opened["KeyId"] == key["Arn"]
    for wrong in [{}, {"purpose": "Test", "é": "ü"}]:
        with raises("InvalidCiphertextException"):
            kms.decrypt(CiphertextBlob=blob, EncryptionContext=wrong)
    with raises("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob[:-1] + bytes([blob[-1] ^ 1]), EncryptionContext=context)
    with raises("ValidationException", "Member must have length less than or equal to 4096"):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"a" * 4097)
    with raises("DryRunOperationException"):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"a", DryRun=True)
    again = kms.re_encrypt(
        CiphertextBlob=blob, SourceEncryptionContext=context, DestinationKeyId=key["Arn"])
    assert kms.decrypt(CiphertextBlob=again["CiphertextBlob"])["Plaintext"] == b"a" * 4096
    made = kms.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256", EncryptionContext=context)
    opened = kms.decrypt(
        CiphertextBlob=made["CiphertextBlob"], EncryptionContext=context, KeyId=key["Arn"])
    assert opened["Plaintext"] == made["Plaintext"] and len(made["Plaintext"]) == 32
    hidden = kms.generate_data_key_without_plaintext(KeyId=key["KeyId"], NumberOfBytes=1024)
    assert len(kms.decrypt(CiphertextBlob=hidden["CiphertextBlob"])["Plaintext"]) == 1024


def name(key):
    """Aliases."""
    names = [f"alias/boto3-{n}" for n in range(3)]
    for alias in names:
        kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    with raises("AlreadyExistsException", "An alias with the name arn:aws:kms:"):
        kms.create_alias(AliasName=names[0], TargetKeyId=key["KeyId"])
    with raises("ValidationException"):
        kms.create_alias(AliasName="boto3", TargetKeyId=key["KeyId"])
    found = every("list_aliases", "Aliases", KeyId=key["KeyId"])
    assert [alias["AliasName"] for alias in found] == names, found
    other = create_key(Description="for an alias")
    kms.update_alias(AliasName=names[1], TargetKeyId=other["KeyId"])
    assert kms.describe_key(KeyId=names[1])["KeyMetadata"]["KeyId"] == other["KeyId"]
    sealed = kms.encrypt(KeyId=found[0]["AliasArn"], Plaintext=b"by alias")
    assert sealed["KeyId"] == key["Arn"]
    for alias in names:
        kms.delete_alias(AliasName=alias)
    with raises("NotFoundException", f"{names[0]} is not found."):
        kms.describe_key(KeyId=names[0])


def tag(key):
    """Tags."""
    tags = [{"TagKey": f"k{n}", "TagValue": f"v{n}"} for n in range(3)]
    kms.tag_resource(KeyId=key["KeyId"], Tags=tags)
    kms.untag_resource(KeyId=key["KeyId"], TagKeys=["k1"])
    left = every("list_resource_tags", "Tags", KeyId=key["KeyId"])
    assert sorted(tag["TagKey"] for tag in left) == ["k0", "k2", "made"], left
    with raises("TagException"):
        kms.tag_resource(KeyId=key["KeyId"], Tags=[{"TagKey": "aws:x", "TagValue": ""}])


def grant(key):
    """Grants: made, made again, listed, retired, revoked."""
    role = "arn:aws:iam::000000000000:role/"
    wanted = {
        "KeyId": key["KeyId"], "GranteePrincipal": role + "grantee", "Name": "mine",
        "RetiringPrincipal": role + "retiree", "Operations": ["Encrypt", "Decrypt"],
        "Constraints": {"EncryptionContextSubset": {"a": "b"}},
    }
    first = kms.create_grant(**wanted)
    assert kms.create_grant(**wanted)["GrantId"] == first["GrantId"], "a retry makes no second"
    more = [kms.create_grant(**wanted | {"Name": f"more{n}"}) for n in range(2)]
    ids = {grant["GrantId"] for grant in [first, *more]}
    listed = every("list_grants", "Grants", KeyId=key["KeyId"])
    assert {grant["GrantId"] for grant in listed} == ids, listed
    assert listed[0]["Constraints"] == wanted["Constraints"]
    retirable = every("list_retirable_grants", "Grants", RetiringPrincipal=role + "retiree")
    assert {grant["GrantId"] for grant in retirable} == ids, retirable
    kms.retire_grant(GrantToken=first["GrantToken"])
    kms.retire_grant(KeyId=key["Arn"], GrantId=more[0]["GrantId"])
    kms.revoke_grant(KeyId=key["KeyId"], GrantId=more[1]["GrantId"])
    assert not every("list_grants", "Grants", KeyId=key["KeyId"])
    with raises("NotFoundException"):
        kms.revoke_grant(KeyId=key["KeyId"], GrantId=more[1]["GrantId"])


def manage(key):
    """Description, policy, being disabled."""
    kms.update_key_description(KeyId=key["KeyId"], Description="another")
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["Description"] == "another"
    assert every("list_key_policies", "PolicyNames", KeyId=key["KeyId"]) == ["default"]
    policy = json.loads(kms.get_key_policy(KeyId=key["KeyId"])["Policy"])
    policy["Id"] = "mine"
    kms.put_key_policy(KeyId=key["KeyId"], Policy=json.dumps(policy))
    assert json.loads(kms.get_key_policy(KeyId=key["KeyId"])["Policy"]) == policy
    with raises("MalformedPolicyDocumentException"):
        kms.put_key_policy(KeyId=key["KeyId"], Policy="{")
    kms.disable_key(KeyId=key["KeyId"])
    with raises("DisabledException", f"{key['Arn']} is disabled."):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    kms.enable_key(KeyId=key["KeyId"])
    assert key["KeyId"] in [listed["KeyId"] for listed in every("list_keys", "Keys")]
    used = kms.get_key_last_usage(KeyId=key["KeyId"])["KeyLastUsage"]
    assert used["Operation"] == "Encrypt", used


def refusals(key):
    """What keys in key stores cannot do."""
    for refused in [kms.enable_key_rotation, kms.disable_key_rotation, kms.get_key_rotation_status,
                    kms.rotate_key_on_demand, kms.list_key_rotations,
                    kms.delete_imported_key_material]:
        with raises("UnsupportedOperationException"):
            refused(KeyId=key["KeyId"])
    with raises("UnsupportedOperationException"):
        kms.generate_data_key_pair(KeyId=key["KeyId"], KeyPairSpec="RSA_2048")
    with raises("InvalidKeyUsageException"):
        kms.sign(KeyId=key["KeyId"], Message=b"x", SigningAlgorithm="ECDSA_SHA_256")
    with raises("InvalidKeyUsageException"):
        kms.generate_mac(KeyId=key["KeyId"], Message=b"x", MacAlgorithm="HMAC_SHA_256")
    with raises("UnsupportedOperationException"):
        kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")


def rotate(key):
    """Rotation is for keys of KMS's own."""
    kms.enable_key_rotation(KeyId=key["KeyId"], RotationPeriodInDays=180)
    status = kms.get_key_rotation_status(KeyId=key["KeyId"])
    assert status["KeyRotationEnabled"] is True and status["RotationPeriodInDays"] == 180, status
    kms.disable_key_rotation(KeyId=key["KeyId"])
    every("list_key_rotations", "Rotations", KeyId=key["KeyId"])


def let_go(store, keys):
    """Keys are deleted in their time; then the key store may go."""
    kms.schedule_key_deletion(KeyId=keys[0]["KeyId"], PendingWindowInDays=7)
    with raises("KMSInvalidStateException", "is pending deletion."):
        kms.encrypt(KeyId=keys[0]["KeyId"], Plaintext=b"x")
    kms.cancel_key_deletion(KeyId=keys[0]["KeyId"])
    assert kms.describe_key(KeyId=keys[0]["KeyId"])["KeyMetadata"]["KeyState"] == "Disabled"
    for key in keys:
        answer = kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
        assert answer["KeyState"] == "PendingDeletion" and answer["KeyId"] == key["Arn"]
    kms.disconnect_custom_key_store(CustomKeyStoreId=store)
    until("DISCONNECTED", lambda: state(store) == "DISCONNECTED")
    with raises("CustomKeyStoreHasCMKsException"):
        kms.delete_custom_key_store(CustomKeyStoreId=store)
    url = os.environ["AWS_ENDPOINT_URL"] + "/_sim/clock?days=8"
    urllib.request.urlopen(urllib.request.Request(url, method="POST")).close()

    def gone():
        return not {key["KeyId"] for key in keys} & {
            key["KeyId"] for page in kms.get_paginator("list_keys").paginate()
            for key in page["Keys"]}
    until("the keys are gone", gone)
    with raises("NotFoundException", f"Key '{keys[0]['Arn']}' does not exist"):
        kms.describe_key(KeyId=keys[0]["Arn"])
    kms.update_custom_key_store(
        CustomKeyStoreId=store, NewCustomKeyStoreName="Other", KeyStorePassword="another1")
    kms.delete_custom_key_store(CustomKeyStoreId=store)
    with raises("CustomKeyStoreNotFoundException"):
        kms.describe_custom_key_stores(CustomKeyStoreId=store)


def main():
    store = create_store()
    key = create_key(
        Origin="AWS_CLOUDHSM", CustomKeyStoreId=store, Description="in HSMs",
        Tags=[{"TagKey": "made", "TagValue": "here"}])
    assert key["CustomKeyStoreId"] == store and key["CloudHsmClusterId"] == CLUSTER
    own = create_key(Tags=[{"TagKey": "made", "TagValue": "by KMS"}])
    assert own["Origin"] == "AWS_KMS" and "CustomKeyStoreId" not in own
    for each in (key, own):
        use(each)
        name(each)
        tag(each)
        grant(each)
        manage(each)
    sealed = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"moves")["CiphertextBlob"]
    moved = kms.re_encrypt(CiphertextBlob=sealed, DestinationKeyId=own["KeyId"])
    assert moved["SourceKeyId"] == key["Arn"] and moved["KeyId"] == own["Arn"]
    with raises("IncorrectKeyException"):
        kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], KeyId=key["KeyId"])
    assert len(kms.generate_random(NumberOfBytes=1024, CustomKeyStoreId=store)["Plaintext"]) == 1024
    assert len(kms.generate_random(NumberOfBytes=1)["Plaintext"]) == 1
    with raises("CustomKeyStoreNotFoundException"):
        kms.generate_random(NumberOfBytes=1, CustomKeyStoreId="cks-0")
    refusals(key)
    rotate(own)
    let_go(store, [key, own])
    assert watch.answers > 150, watch.answers
    print("whole flow: every answer is as the model says")


main()
