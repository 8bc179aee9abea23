"""CloudHSM's control plane through boto3: terraform's sequence of calls, and the drills that delete
clusters, restore backups and edit the network. Arguments: endpoint, cluster-ctl, its state folder.
"""
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request

import boto3

from against_model import Watch

ENDPOINT, CTL, STATE = sys.argv[1:4]
REGION = "us-east-1"
ADMIN = "adminPassw0rd"


def client(service, region=REGION):
    return boto3.client(
        service, endpoint_url=ENDPOINT, region_name=region,
        aws_access_key_id="test", aws_secret_access_key="test",
    )


hsm, kms = client("cloudhsmv2"), client("kms")
watches = [Watch(hsm), Watch(kms)]
work = tempfile.TemporaryDirectory()
os.chdir(work.name)


def run(*words, env=None, good=True):
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, **(env or {})})
    assert (done.returncode == 0) == good, (words, done.stdout, done.stderr)
    return done.stdout + done.stderr


def ctl(*words, user=None, good=True):
    env = {"CLOUDHSM_ROLE": user[0], "CLOUDHSM_PIN": user[1]} if user else {}
    return run(CTL, "--state", STATE, *words, env=env, good=good)


def poll(what, until, seconds=60):
    end = time.time() + seconds
    while True:
        seen = what()
        if until(seen):
            return seen
        assert time.time() < end, seen
        time.sleep(0.1)


def refused(code, call, **arguments):
    try:
        answer = call(**arguments)
    except Exception as error:  # botocore makes the classes at run time
        assert error.response["Error"]["Code"] == code, error
        return error.response["Error"]["Message"]
    raise AssertionError((code, answer))


def describe(cluster_id, of=hsm):
    found = of.describe_clusters(Filters={"clusterIds": [cluster_id]})["Clusters"]
    return found[0] if found else None


def reach(cluster_id, state, of=hsm):
    return poll(lambda: describe(cluster_id, of), lambda it: it["State"] == state)


def all_active(cluster_id, count, of=hsm):
    def until(it):
        return len(it["Hsms"]) == count and all(h["State"] == "ACTIVE" for h in it["Hsms"])
    return poll(lambda: describe(cluster_id, of), until)


def network(region=REGION):
    return json.loads(ctl("sim", "network", "list"))[region]


def create(zones="ab", of=hsm, region=REGION, **more):
    subnets = [s["id"] for s in network(region)["subnets"] if s["zone"][-1] in zones]
    made = of.create_cluster(HsmType="hsm2m.medium", Mode="FIPS", SubnetIds=subnets, **more)
    assert made["Cluster"]["State"] == "CREATE_IN_PROGRESS", made
    return made["Cluster"]["ClusterId"]


def add_hsm(cluster_id, zone, of=hsm, region=REGION):
    return of.create_hsm(ClusterId=cluster_id, AvailabilityZone=region + zone)["Hsm"]


def initialized(zones="ab"):
    """A cluster with one HSM, initialized by a CA of its own; its folder."""
    cluster_id = create(zones)
    reach(cluster_id, "UNINITIALIZED")
    assert describe(cluster_id)["Certificates"] == {}
    made = add_hsm(cluster_id, "a")
    early = ["AvailabilityZone", "ClusterId", "HsmId", "State", "SubnetId"]
    assert made["State"] == "CREATE_IN_PROGRESS" and sorted(made) == early, made
    shown = all_active(cluster_id, 1)["Hsms"][0]
    assert shown["EniIp"] and shown["StateMessage"] == "HSM created.", shown
    text = refused("CloudHsmInvalidRequestException", hsm.create_hsm, ClusterId=cluster_id,
                   AvailabilityZone=REGION + "b")
    assert "already contains an HSM but has not yet been fully activated" in text, text
    folder = os.path.join(work.name, cluster_id)
    os.mkdir(folder)
    at = lambda name: os.path.join(folder, name)
    with open(at("csr"), "w") as file:
        file.write(describe(cluster_id)["Certificates"]["ClusterCsr"])
    run("openssl", "ecparam", "-genkey", "-name", "prime256v1", "-out", at("ec.key"))
    run("openssl", "pkcs8", "-topk8", "-nocrypt", "-in", at("ec.key"), "-out", at("ca.key"))
    run("openssl", "req", "-new", "-x509", "-days", "3652", "-key", at("ca.key"), "-out",
        at("customerCA.crt"), "-subj", "/CN=" + cluster_id)
    run("openssl", "x509", "-req", "-days", "3652", "-in", at("csr"), "-CA", at("customerCA.crt"),
        "-CAkey", at("ca.key"), "-CAcreateserial", "-out", at("signed.crt"))
    anchor, signed = open(at("customerCA.crt")).read(), open(at("signed.crt")).read()
    refused("CloudHsmInvalidRequestException", hsm.initialize_cluster, ClusterId=cluster_id,
            SignedCert=anchor, TrustAnchor=anchor)
    answer = hsm.initialize_cluster(ClusterId=cluster_id, SignedCert=signed, TrustAnchor=anchor)
    assert answer["State"] == "INITIALIZE_IN_PROGRESS", answer
    after = reach(cluster_id, "INITIALIZED")["Certificates"]
    assert list(after) == ["ClusterCertificate"], after
    ctl("client-cert", "--ca", at("customerCA.crt"), "--ca-key", at("ca.key"), "--name", "operator",
        "--out-dir", folder)
    return cluster_id, folder


def configure(cluster_id, folder):
    at = lambda name: os.path.join(folder, name)
    ctl("configure", "--cluster-id", cluster_id, "--hsm-ca-cert", at("customerCA.crt"),
        "--client-cert", at("client.crt"), "--client-key", at("client.key"), "--output", at("cfg"))
    return at("cfg")


def admin(cluster_id, folder, *words, good=True):
    config = configure(cluster_id, folder)
    return ctl(*words, "--config", config, user=("admin", "admin:" + ADMIN), good=good)


def active(zones="ab"):
    """An active cluster with an HSM in each zone, kmsuser with kmsPswd; its folder."""
    cluster_id, folder = initialized(zones)
    ctl("cluster", "activate", "--password", ADMIN, "--config", configure(cluster_id, folder))
    reach(cluster_id, "ACTIVE")
    for zone in zones[1:]:
        add_hsm(cluster_id, zone)
    all_active(cluster_id, len(zones))
    admin(cluster_id, folder, "user", "create", "--username", "kmsuser", "--role", "crypto-user",
          "--password", "kmsPswd")
    return cluster_id, folder


def store(name, cluster_id, folder, password="kmsPswd"):
    return kms.create_custom_key_store(
        CustomKeyStoreName=name, CloudHsmClusterId=cluster_id, KeyStorePassword=password,
        TrustAnchorCertificate=open(os.path.join(folder, "customerCA.crt")).read(),
    )["CustomKeyStoreId"]


def connect(store_id):
    kms.connect_custom_key_store(CustomKeyStoreId=store_id)
    entry = lambda: kms.describe_custom_key_stores(CustomKeyStoreId=store_id)["CustomKeyStores"][0]
    seen = poll(entry, lambda it: it["ConnectionState"] != "CONNECTING")
    return seen.get("ConnectionErrorCode") or seen["ConnectionState"]


def delete_hsms(cluster_id):
    for it in describe(cluster_id)["Hsms"]:
        assert hsm.delete_hsm(ClusterId=cluster_id, HsmId=it["HsmId"])["HsmId"] == it["HsmId"]
    poll(lambda: describe(cluster_id)["Hsms"], lambda hsms: hsms == [])


def delete_cluster(cluster_id):
    delete_hsms(cluster_id)
    assert hsm.delete_cluster(ClusterId=cluster_id)["Cluster"]["State"] == "DELETE_IN_PROGRESS"
    poll(lambda: describe(cluster_id), lambda it: it is None)


def newest_backup(cluster_id):
    found = hsm.describe_backups(Filters={"clusterIds": [cluster_id]})["Backups"]
    return found[0]["BackupId"]


def restored(backup_id, zones="ab"):
    cluster_id = create(zones, SourceBackupId=backup_id)
    seen = reach(cluster_id, "ACTIVE")
    assert seen["Hsms"] == [] and "ClusterCertificate" in seen["Certificates"], seen
    for zone in zones:
        add_hsm(cluster_id, zone)
    all_active(cluster_id, len(zones))
    return cluster_id


def step(name):
    print("ok", name, flush=True)


# Terraform: create, poll, read the certificates, one HSM, page all clusters, delete.
cluster_id = create("abc", TagList=[{"Key": "Name", "Value": "tf"}])
reach(cluster_id, "UNINITIALIZED")
first = add_hsm(cluster_id, "a")
listed = [h for page in hsm.get_paginator("describe_clusters").paginate()
          for c in page["Clusters"] for h in c["Hsms"]]
assert any(h["HsmId"] == first["HsmId"] for h in listed), listed
certificates = all_active(cluster_id, 1)["Certificates"]
assert set(certificates) == {"ClusterCsr", "HsmCertificate", "AwsHardwareCertificate",
                             "ManufacturerHardwareCertificate"}, certificates
hsm.tag_resource(ResourceId=cluster_id, TagList=[{"Key": "more", "Value": "x"}])
assert len(hsm.list_tags(ResourceId=cluster_id)["TagList"]) == 2
hsm.untag_resource(ResourceId=cluster_id, TagKeyList=["more"])
# What is removed between two pages hides no other tag.
seven = ["key-%d" % n for n in range(7)]
hsm.tag_resource(ResourceId=cluster_id, TagList=[{"Key": key, "Value": "Größe 1"} for key in seven])
seen, more = [], {}
while True:
    shown = hsm.list_tags(ResourceId=cluster_id, MaxResults=2, **more)
    keys = [tag["Key"] for tag in shown["TagList"]]
    seen += keys
    hsm.untag_resource(ResourceId=cluster_id, TagKeyList=keys)
    if "NextToken" not in shown:
        break
    more = {"NextToken": shown["NextToken"]}
assert seen == ["Name"] + seven, seen
refused("CloudHsmInvalidRequestException", hsm.describe_clusters, **more)
refused("CloudHsmInvalidRequestException", hsm.delete_cluster, ClusterId=cluster_id)
delete_cluster(cluster_id)
refused("CloudHsmResourceNotFoundException", hsm.delete_cluster, ClusterId=cluster_id)
assert "not supported" in refused("CloudHsmInvalidRequestException", hsm.create_cluster,
                                  HsmType="hsm1.medium", SubnetIds=["subnet-0123456789abcdef0"])
step("terraform's sequence of calls")



# InitializeCluster: anchors of all kinds that AWS takes, chains up to four certificates.
def openssl(*words):
    run("openssl", *words)


def made_ca(at, kind, more):
    """A self-signed CA: customerCA.crt and ca.key."""
    openssl("genpkey", *kind, "-out", at("ca.key"))
    openssl("req", "-new", "-x509", "-days", "3652", "-key", at("ca.key"), "-out",
            at("customerCA.crt"), "-subj", "/CN=customer", *more)


def made_chain(at, length):
    """chainCA.crt, the issuing CA first and the root last; the issuing CA's certificate and key."""
    made_ca(at, EC256, [])
    above, key, chain = at("customerCA.crt"), at("ca.key"), [open(at("customerCA.crt")).read()]
    with open(at("ca.ext"), "w") as file:
        file.write("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n")
    for n in range(1, length):
        mine = at(f"ca{n}")
        openssl("genpkey", *EC256, "-out", mine + ".key")
        openssl("req", "-new", "-key", mine + ".key", "-subj", f"/CN=CA {n}", "-out", mine + ".csr")
        openssl("x509", "-req", "-days", "3652", "-in", mine + ".csr", "-CA", above, "-CAkey", key,
                "-CAcreateserial", "-extfile", at("ca.ext"), "-out", mine + ".crt")
        above, key = mine + ".crt", mine + ".key"
        chain.insert(0, open(above).read())
    with open(at("customerCA.crt"), "w") as file:
        file.write("".join(chain))
    return above, key


def signed_by(at, csr, ca, key, more=()):
    with open(at("csr"), "w") as file:
        file.write(csr)
    openssl("x509", "-req", "-days", "3652", "-in", at("csr"), "-CA", ca, "-CAkey", key,
            "-CAcreateserial", "-out", at("signed.crt"), *more)
    return open(at("signed.crt")).read(), open(at("customerCA.crt")).read()


EC256 = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
PSS = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]
for name, kind, more in [
    ("rsa-2048", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], ["-sha256"]),
    ("rsa-3072", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"], ["-sha384"]),
    ("rsa-4096-pss", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"], ["-sha512"] + PSS),
    ("p-384", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], ["-sha384"]),
    ("p-521", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], ["-sha512"]),
    ("chain", None, []),
]:
    cluster_id = create()
    reach(cluster_id, "UNINITIALIZED")
    add_hsm(cluster_id, "a")
    csr = all_active(cluster_id, 1)["Certificates"]["ClusterCsr"]
    folder = os.path.join(work.name, name)
    os.mkdir(folder)
    at = lambda file: os.path.join(folder, file)
    if kind:
        made_ca(at, kind, more)
        signed, anchor = signed_by(at, csr, at("customerCA.crt"), at("ca.key"), more)
    else:
        signed, anchor = signed_by(at, csr, *made_chain(at, 5))
        refused("CloudHsmInvalidRequestException", hsm.initialize_cluster, ClusterId=cluster_id,
                SignedCert=signed, TrustAnchor=anchor)
        issuer = made_chain(at, 4)
        signed, anchor = signed_by(at, csr, *issuer)
        # The chain in another order, or without its root, is none.
        parts = anchor.split("-----BEGIN")[1:]
        for wrong in [parts[::-1], parts[:-1]]:
            wrong = "".join("-----BEGIN" + part for part in wrong)
            refused("CloudHsmInvalidRequestException", hsm.initialize_cluster,
                    ClusterId=cluster_id, SignedCert=signed, TrustAnchor=wrong)
    hsm.initialize_cluster(ClusterId=cluster_id, SignedCert=signed, TrustAnchor=anchor)
    reach(cluster_id, "INITIALIZED")
    ca, key = (at("customerCA.crt"), at("ca.key")) if kind else issuer
    if not kind:
        ctl("client-cert", "--ca", ca, "--ca-key", key, "--name", "operator", "--out-dir", folder)
        ctl("cluster", "activate", "--password", ADMIN, "--config", configure(cluster_id, folder))
        reach(cluster_id, "ACTIVE")
    delete_cluster(cluster_id)
step("anchors: RSA, EC, and chains of up to four")

# 16: a cluster that is not active.
inactive, inactive_folder = initialized()
refused("CloudHsmClusterNotActiveException", store, name="early", cluster_id=inactive,
        folder=inactive_folder)
delete_cluster(inactive)
step("16 inactive cluster")

# 8: one HSM only; 8b: two in one zone.
one, one_folder = active("ab")
store_id = store("one", one, one_folder)
assert connect(store_id) == "CONNECTED"
key = kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId=store_id)["KeyMetadata"]["KeyId"]
blob = kms.encrypt(KeyId=key, Plaintext=b"precious")["CiphertextBlob"]
userless_backup = newest_backup(one)
second = next(h for h in describe(one)["Hsms"] if h["AvailabilityZone"].endswith("b"))
hsm.delete_hsm(ClusterId=one, EniId=second["EniId"])
all_active(one, 1)
old_backup = newest_backup(one)
refused("CloudHsmClusterInvalidConfigurationException", kms.create_key, Origin="AWS_CLOUDHSM",
        CustomKeyStoreId=store_id)
assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"precious"
add_hsm(one, "a")
all_active(one, 2)
refused("CloudHsmClusterInvalidConfigurationException", kms.create_key, Origin="AWS_CLOUDHSM",
        CustomKeyStoreId=store_id)
add_hsm(one, "b")
all_active(one, 3)


def try_key(store_id):
    try:
        return kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId=store_id)
    except kms.exceptions.CloudHsmClusterInvalidConfigurationException:
        return None


poll(lambda: try_key(store_id), lambda made: made is not None)
step("8 one HSM only, 8b two in one zone")


# 9: all HSMs lost while CONNECTED; the next one brings users and keys back from the last backup.
def decrypted():
    try:
        return kms.decrypt(CiphertextBlob=blob)["Plaintext"]
    except kms.exceptions.KMSInvalidStateException:
        return None


delete_hsms(one)
entry = kms.describe_custom_key_stores(CustomKeyStoreId=store_id)["CustomKeyStores"][0]
assert entry["ConnectionState"] == "CONNECTED", entry
assert "cannot communicate" in refused("KMSInvalidStateException", kms.decrypt, CiphertextBlob=blob)
assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
add_hsm(one, "a")
add_hsm(one, "b")
all_active(one, 2)
poll(decrypted, lambda text: text == b"precious")
step("9 all HSMs lost, and one created")

# 9b: connect without an HSM.
delete_hsms(one)
kms.disconnect_custom_key_store(CustomKeyStoreId=store_id)
refused("CloudHsmClusterInvalidConfigurationException", kms.connect_custom_key_store,
        CustomKeyStoreId=store_id)
add_hsm(one, "a")
add_hsm(one, "b")
all_active(one, 2)
assert connect(store_id) == "CONNECTED"
assert decrypted() == b"precious"
step("9b connect without an HSM")

# 24: the rule for 2223 to 2225 is removed: listeners and connections of the cluster close.
ctl("sim", "network", "close-group", one)
poll(decrypted, lambda text: text is None)
ctl("sim", "network", "open-group", one)
poll(decrypted, lambda text: text == b"precious")
kms.disconnect_custom_key_store(CustomKeyStoreId=store_id)
ctl("sim", "network", "close-group", one)
refused("CloudHsmClusterInvalidConfigurationException", kms.connect_custom_key_store,
        CustomKeyStoreId=store_id)
ctl("sim", "network", "open-group", one)
all_active(one, 2)
assert connect(store_id) == "CONNECTED"
step("24 security group edited")

# While it is connected, KMS has a security group and an interface in each subnet.
laid = network()["key_stores"][store_id]
assert laid["security_group"]["name"] == "kms-" + store_id, laid
assert laid["security_group"]["inbound_from"] == describe(one)["SecurityGroup"], laid
subnets = describe(one)["SubnetMapping"].values()
assert {it["subnet_id"] for it in laid["interfaces"]} == set(subnets), laid
assert all(describe(one)["SecurityGroup"] in it["groups"] for it in laid["interfaces"]), laid
free = lambda: sum(s["free"] for s in network()["subnets"])
before = free()
kms.disconnect_custom_key_store(CustomKeyStoreId=store_id)
assert store_id not in network()["key_stores"] and free() == before + len(subnets)
step("KMS's security group and interfaces")

# 23: a subnet is full, or gone.
subnet = describe(one)["SubnetMapping"][REGION + "b"]
ctl("sim", "network", "fill-subnet", subnet)
assert connect(store_id) == "INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET"
kms.disconnect_custom_key_store(CustomKeyStoreId=store_id)
ctl("sim", "network", "free-subnet", subnet)
assert connect(store_id) == "CONNECTED"
step("23 subnet full")

# 14, 15: an unrelated cluster; a second store on the same cluster, or on a relative of it.
other, other_folder = active("ab")
kms.disconnect_custom_key_store(CustomKeyStoreId=store_id)
refused("CloudHsmClusterNotRelatedException", kms.update_custom_key_store,
        CustomKeyStoreId=store_id, CloudHsmClusterId=other)
refused("CloudHsmClusterInUseException", store, name="second", cluster_id=one, folder=one_folder)
sibling = restored(newest_backup(one))
refused("CloudHsmClusterInUseException", store, name="sibling", cluster_id=sibling,
        folder=one_folder)
step("14 unrelated cluster, 15 second store on a relative")

# 12: the cluster is deleted; one restored from its last backup, which was taken when the last HSM
# was deleted, takes its place.
delete_cluster(sibling)
delete_cluster(one)
assert connect(store_id) == "CLUSTER_NOT_FOUND"
kms.disconnect_custom_key_store(CustomKeyStoreId=store_id)
heir = restored(newest_backup(one))
kms.update_custom_key_store(CustomKeyStoreId=store_id, CloudHsmClusterId=heir)
code = connect(store_id)
assert code == "CONNECTED", code
assert decrypted() == b"precious"
step("12 cluster deleted, and restored from its last backup")

# 22: backing key deleted in the HSM. A cluster restored from a backup that contains it helps.
whole = newest_backup(heir)
kms.disconnect_custom_key_store(CustomKeyStoreId=store_id)
change = ["user", "change-password", "--username", "kmsuser", "--role", "crypto-user"]
admin(heir, one_folder, *change, "--password", "kmsPswd3")
arn = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
ctl("key", "delete", "--filter", "attr.label=" + arn, "--config", configure(heir, one_folder),
    user=("crypto-user", "kmsuser:kmsPswd3"))
kms.update_custom_key_store(CustomKeyStoreId=store_id, KeyStorePassword="kmsPswd3")
assert connect(store_id) == "CONNECTED"
assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
refused("KMSInvalidStateException", kms.decrypt, CiphertextBlob=blob)
delete_cluster(heir)
heir = restored(whole)
admin(heir, one_folder, *change, "--password", "kmsPswd4")
kms.disconnect_custom_key_store(CustomKeyStoreId=store_id)
kms.update_custom_key_store(CustomKeyStoreId=store_id, CloudHsmClusterId=heir,
                            KeyStorePassword="kmsPswd4")
assert connect(store_id) == "CONNECTED"
assert decrypted() == b"precious"
step("22 backing key deleted, and a backup with it restored")

# 5: restored from a backup that is older than kmsuser.
delete_cluster(other)
userless = restored(userless_backup)
kms.disconnect_custom_key_store(CustomKeyStoreId=store_id)
kms.update_custom_key_store(CustomKeyStoreId=store_id, CloudHsmClusterId=userless)
assert connect(store_id) == "USER_NOT_FOUND"
step("5 restored from a backup older than the user")

# 13: restored from an old backup: kmsuser has the password of that time.
stale = restored(old_backup)
kms.disconnect_custom_key_store(CustomKeyStoreId=store_id)
kms.update_custom_key_store(CustomKeyStoreId=store_id, CloudHsmClusterId=stale)
assert connect(store_id) == "INVALID_CREDENTIALS"
kms.disconnect_custom_key_store(CustomKeyStoreId=store_id)
admin(stale, one_folder, "user", "change-password", "--username", "kmsuser", "--role",
      "crypto-user", "--password", "kmsPswd2")
kms.update_custom_key_store(CustomKeyStoreId=store_id, KeyStorePassword="kmsPswd2")
assert connect(store_id) == "CONNECTED"
step("13 restored from an old backup")

# A public subnet is refused; a deleted one is found out by the next connect.
kms.disconnect_custom_key_store(CustomKeyStoreId=store_id)
ctl("sim", "network", "publish-subnet", describe(stale)["SubnetMapping"][REGION + "a"])
refused("CloudHsmClusterInvalidConfigurationException", kms.connect_custom_key_store,
        CustomKeyStoreId=store_id)
ctl("sim", "network", "privatize-subnet", describe(stale)["SubnetMapping"][REGION + "a"])
ctl("sim", "network", "delete-subnet", describe(stale)["SubnetMapping"][REGION + "b"])
assert connect(store_id) == "SUBNET_NOT_FOUND"
step("23 subnet deleted")

# Backups: deleted, restored, kept for good, copied to another Region, shared on paper.
backup = newest_backup(stale)
hsm.modify_backup_attributes(BackupId=backup, NeverExpires=True)
assert hsm.delete_backup(BackupId=backup)["Backup"]["BackupState"] == "PENDING_DELETION"
refused("CloudHsmInvalidRequestException", hsm.create_cluster, HsmType="hsm2m.medium", Mode="FIPS",
        SubnetIds=[network()["subnets"][0]["id"]], SourceBackupId=backup)
assert hsm.restore_backup(BackupId=backup)["Backup"]["BackupState"] == "READY"
arn = hsm.describe_backups(Filters={"backupIds": [backup]})["Backups"][0]["BackupArn"]
hsm.put_resource_policy(ResourceArn=arn, Policy="{}")
assert hsm.get_resource_policy(ResourceArn=arn)["Policy"] == "{}"
hsm.delete_resource_policy(ResourceArn=arn)
copy = hsm.copy_backup_to_region(DestinationRegion="eu-west-1", BackupId=backup)
assert copy["DestinationBackup"]["SourceBackup"] == backup, copy
there = client("cloudhsmv2", "eu-west-1")
assert len(there.describe_backups()["Backups"]) == 1
assert there.describe_clusters()["Clusters"] == []
assert client("kms", "eu-west-1").describe_custom_key_stores()["CustomKeyStores"] == []
step("backups, and Regions that share nothing but a copy")


# Daily, kept as long as the policy says, then deleted, and gone after seven days; the last one stays.
def pass_days(days):
    asked = urllib.request.Request(ENDPOINT + f"/_sim/clock?days={days}", method="POST")
    urllib.request.urlopen(asked).read()


def backups_of(cluster_id):
    found = hsm.describe_backups(Filters={"clusterIds": [cluster_id]}, SortAscending=True)
    return found["Backups"]


delete_hsms(other_one := active("a")[0])
add_hsm(other_one, "a")
all_active(other_one, 1)
hsm.modify_cluster(ClusterId=other_one, BackupRetentionPolicy={"Type": "DAYS", "Value": "7"})
before = backups_of(other_one)
hsm.modify_backup_attributes(BackupId=before[0]["BackupId"], NeverExpires=True)
pass_days(1)
daily = poll(lambda: backups_of(other_one), lambda seen: len(seen) == len(before) + 1)
assert (daily[-1]["CreateTimestamp"] - before[-1]["CreateTimestamp"]).total_seconds() >= 86_000
delete_hsms(other_one)
last = backups_of(other_one)[-1]["BackupId"]
states = lambda: {it["BackupId"]: it["BackupState"] for it in backups_of(other_one)}
pass_days(45)
pass_days(45)
pass_days(45)
# Made before the policy was changed, they have the 90 days of their time.
seen = poll(states, lambda seen: "PENDING_DELETION" in seen.values())
assert seen[before[0]["BackupId"]] == "READY" and seen[last] == "READY", seen
pass_days(8)
seen = poll(states, lambda seen: set(seen) == {before[0]["BackupId"], last})
assert set(seen.values()) == {"READY"}, seen
step("daily backups, retention, and what is purged")
assert all(watch.answers > 50 for watch in watches), [watch.answers for watch in watches]
