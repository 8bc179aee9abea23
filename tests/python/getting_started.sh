#!/usr/bin/env bash
# The getting-started of AWS CloudHSM's user guide, and then KMS's: cluster, HSM, CSR, customerCA,
# initialize, activate, second HSM in another zone, kmsuser, key store, connect, encrypt.
# Needs: aws-cli with AWS_ENDPOINT_URL, openssl, $CTL (cluster-ctl), $STATE (the running `up`'s).
set -euo pipefail
ctl() { "$CTL" --state "$STATE" "$@"; }
show() { aws cloudhsmv2 describe-clusters --filters clusterIds="$id" --output text --query "$1"; }
until_it_is() { # what, state
    for _ in $(seq 150); do
        [ "$(show "$1")" = "$2" ] && return
        sleep 0.2
    done
    echo "$1 is $(show "$1"), not $2" >&2
    return 1
}

subnets=$(ctl sim network list | grep -o 'subnet-[0-9a-f]*' | sort -u | head -3)
id=$(aws cloudhsmv2 create-cluster --hsm-type hsm2m.medium --mode FIPS --subnet-ids $subnets \
    --query Cluster.ClusterId --output text)
until_it_is 'Clusters[0].State' UNINITIALIZED
zones=$(show 'keys(Clusters[0].SubnetMapping)')
set -- $zones
aws cloudhsmv2 create-hsm --cluster-id "$id" --availability-zone "$1" >hsm.json
until_it_is 'Clusters[0].Hsms[0].State' ACTIVE

# Verify the HSM's identity.
aws cloudhsmv2 describe-clusters --filters clusterIds="$id" --output text \
    --query 'Clusters[].Certificates.ClusterCsr' >"${id}_ClusterCsr.csr"
for name in HsmCertificate AwsHardwareCertificate ManufacturerHardwareCertificate; do
    aws cloudhsmv2 describe-clusters --filters clusterIds="$id" --output text \
        --query "Clusters[].Certificates.$name" >"${id}_$name.crt"
done
for name in AWS_CloudHSM_Root-G1.crt liquid_security_certificate.crt; do
    python3 -c 'import sys, urllib.request as u; u.urlretrieve(sys.argv[1], sys.argv[2])' \
        "$AWS_ENDPOINT_URL/_sim/roots/$name" "$name"
    diff "$name" "$STATE/factory/$name"
done
cat "${id}_AwsHardwareCertificate.crt" AWS_CloudHSM_Root-G1.crt >"${id}_AWS_chain.crt"
cat "${id}_ManufacturerHardwareCertificate.crt" liquid_security_certificate.crt \
    >"${id}_manufacturer_chain.crt"
openssl verify -CAfile "${id}_AWS_chain.crt" "${id}_HsmCertificate.crt"
openssl verify -CAfile "${id}_manufacturer_chain.crt" "${id}_HsmCertificate.crt"
openssl x509 -in "${id}_HsmCertificate.crt" -pubkey -noout >hsm.pub
openssl req -in "${id}_ClusterCsr.csr" -pubkey -noout >csr.pub
diff hsm.pub csr.pub

# Sign the CSR, initialize, activate.
openssl genrsa -out customerCA.key 2048
openssl req -new -x509 -days 3652 -key customerCA.key -out customerCA.crt -subj /CN=customerCA
openssl x509 -req -days 3652 -in "${id}_ClusterCsr.csr" -CA customerCA.crt -CAkey customerCA.key \
    -CAcreateserial -out "${id}_CustomerHsmCertificate.crt"
aws cloudhsmv2 initialize-cluster --cluster-id "$id" \
    --signed-cert "file://${id}_CustomerHsmCertificate.crt" --trust-anchor file://customerCA.crt
until_it_is 'Clusters[0].State' INITIALIZED
ctl client-cert --ca customerCA.crt --ca-key customerCA.key --name operator --out-dir .
ctl configure --cluster-id "$id"
ctl cluster activate --config cloudhsm-cli.cfg --password adminPassw0rd
until_it_is 'Clusters[0].State' ACTIVE

# A second HSM in another zone, kmsuser, a key store.
aws cloudhsmv2 create-hsm --cluster-id "$id" --availability-zone "$2" >hsm2.json
until_it_is 'Clusters[0].Hsms[1].State' ACTIVE
ctl configure --cluster-id "$id"
CLOUDHSM_ROLE=admin CLOUDHSM_PIN=admin:adminPassw0rd ctl user create --config cloudhsm-cli.cfg \
    --username kmsuser --role crypto-user --password kmsPswd
store=$(aws kms create-custom-key-store --custom-key-store-name GettingStarted \
    --cloud-hsm-cluster-id "$id" --key-store-password kmsPswd \
    --trust-anchor-certificate file://customerCA.crt --query CustomKeyStoreId --output text)
aws kms connect-custom-key-store --custom-key-store-id "$store"
state() {
    aws kms describe-custom-key-stores --custom-key-store-id "$store" \
        --query 'CustomKeyStores[0].ConnectionState' --output text
}
for _ in $(seq 150); do [ "$(state)" = CONNECTING ] || break; sleep 0.2; done
[ "$(state)" = CONNECTED ]
key=$(aws kms create-key --origin AWS_CLOUDHSM --custom-key-store-id "$store" \
    --query KeyMetadata.KeyId --output text)
echo -n precious >plain
aws kms encrypt --key-id "$key" --plaintext fileb://plain --query CiphertextBlob --output text |
    base64 -d >sealed
aws kms decrypt --ciphertext-blob fileb://sealed --query Plaintext --output text |
    base64 -d | diff - plain
echo "getting started: done"
