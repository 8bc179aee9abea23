//! Writes the folders of fresh nodes, as an HSM leaves its factory, and the roster of them.
use crate::disk::{make_folder, read, write_public, write_secret};
use crate::issue::{Authority, Issued, make_ca, make_card, make_client_certificate};
use crate::{FleetError, Front, Layout, new_id};
use data_encoding::HEXLOWER;
use hsm_client::{HostFile, SealingKey};
use proto::Secret;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use std::path::Path;
use zeroize::Zeroizing;

/// The files of a node's folder as [`provision_node`] writes it; the last one is written last.
const FILES: &[&str] = &[
    "node.json",
    "service-ca.crt",
    "peer.key",
    "peer.crt",
    "backup.key",
    "card.key",
    "aws-hardware.crt",
    "manufacturer-hardware.crt",
];

/// The only type that AWS creates today (API, CreateCluster).
const HSM_TYPE: &str = "hsm2m.medium";

/// The nodes of a state folder, kept in `fleet.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// The id of the cluster.
    pub cluster_id: String,
    /// The number of the next node: numbers are never used twice, because handles start with them.
    pub next_node: u16,
    /// Where each HSM has an address of its own: the front of those in the first zone, `127.3.7`.
    /// The other zones follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub front: Option<Front>,
    /// The nodes, in the order of their numbers.
    pub nodes: Vec<Seat>,
}

/// One node of the roster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// The id of the HSM.
    pub hsm_id: String,
    /// Its number, from 1.
    pub node: u16,
    /// Its availability zone.
    pub zone: String,
    /// Its own address, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Ipv4Addr>,
}

/// What `node.json` tells a node about itself.
#[derive(Serialize)]
struct NodeFile<'a> {
    hsm_id: &'a str,
    cluster_id: &'a str,
    node: u16,
    zone: &'a str,
    hsm_type: &'a str,
}

/// Reads the roster, making it where there is none, and adds nodes until there are `wanted`, in
/// `zones` by turns. Without `wanted` a roster stays as it is, and a new one gets three nodes.
/// A roster whose nodes were all removed stays as it is.
/// `front` is of a new roster, too: an old one keeps the addresses that it has.
pub fn provision(
    layout: &Layout,
    wanted: Option<usize>,
    zones: &[&str],
    front: Option<Front>,
) -> Result<Roster, FleetError> {
    let old = Roster::read(layout)?;
    provision_installation(layout)?;
    let wanted = wanted.unwrap_or(old.as_ref().map_or(3, |r| r.nodes.len()));
    let mut roster = match old {
        Some(roster) => roster,
        None => Roster { cluster_id: new_id("cluster"), next_node: 1, front, nodes: Vec::new() },
    };
    // All its HSMs were deleted through the control plane, which alone brings users and keys back.
    if roster.next_node > 1 && roster.nodes.is_empty() {
        return Ok(roster);
    }
    if roster.nodes.len() > wanted {
        return Err(FleetError::MoreNodes { have: roster.nodes.len(), wanted });
    }
    if roster.nodes.len() < wanted {
        while roster.nodes.len() < wanted {
            let turn = usize::from(roster.next_node - 1) % zones.len().max(1);
            let seat = Seat {
                hsm_id: new_id("hsm"),
                node: roster.next_node,
                zone: zones.get(turn).copied().unwrap_or_default().to_owned(),
                address: roster.front.and_then(|it| it.address(turn, roster.next_node)),
            };
            provision_node(layout, &roster.cluster_id, &seat)?;
            roster.next_node += 1;
            roster.nodes.push(seat);
        }
        // Last: a node that is not in the roster was never started, so its number is free.
        roster.write(layout)?;
    }
    Ok(roster)
}

/// Makes what all clusters of an installation share, where it is missing.
pub fn provision_installation(layout: &Layout) -> Result<(), FleetError> {
    if !layout.factory().join("backup.key").exists() {
        make_factory(layout)?;
    }
    if !layout.service_certificate().exists() {
        make_service(layout)?;
    }
    if !layout.join_key().exists() {
        write_secret(&layout.join_key(), SealingKey::random().to_hex().as_bytes())?;
    }
    Ok(())
}

/// What an HSM leaves the factory with, to be brought to another machine.
pub fn factory_files(layout: &Layout, hsm_id: &str) -> Result<Vec<HostFile>, FleetError> {
    let folder = layout.node(hsm_id);
    let file = |name: &&str| {
        let content = read(&folder.join(name)).map(Secret::new)?;
        Ok(HostFile { name: (*name).to_owned(), content })
    };
    FILES.iter().map(file).collect()
}

/// Writes the folder of one fresh node.
pub fn provision_node(layout: &Layout, cluster_id: &str, seat: &Seat) -> Result<(), FleetError> {
    make_node(layout, &Roots::read(layout)?, cluster_id, seat)
}

impl Roster {
    /// Writes it whole.
    pub fn write(&self, layout: &Layout) -> Result<(), FleetError> {
        write_public(&layout.roster(), json(self, &layout.roster())?.as_bytes())
    }

    /// The roster of a state folder; `None` where there is none yet.
    pub fn read(layout: &Layout) -> Result<Option<Self>, FleetError> {
        let path = layout.roster();
        if !path.exists() {
            return Ok(None);
        }
        let roster = serde_json::from_str(&read(&path)?);
        roster.map(Some).map_err(|e| FleetError::Content {
            path,
            why: format!("is not a roster of nodes: {e}"),
        })
    }
}

fn json(value: &impl Serialize, path: &Path) -> Result<String, FleetError> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|e| FleetError::Content { path: path.to_owned(), why: e.to_string() })
}

fn write_pair(folder: &Path, name: &str, pair: &Issued) -> Result<(), FleetError> {
    write_secret(&folder.join(format!("{name}.key")), pair.key.as_bytes())?;
    write_public(&folder.join(format!("{name}.crt")), pair.certificate.as_bytes())
}

fn write_ca(folder: &Path, name: &str, ca: &Authority) -> Result<(), FleetError> {
    let pair = Issued { certificate: ca.certificate().to_owned(), key: ca.key() };
    write_pair(folder, name, &pair)
}

fn read_ca(folder: &Path, name: &str) -> Result<Authority, FleetError> {
    let key = Zeroizing::new(read(&folder.join(format!("{name}.key")))?);
    Authority::from_pem(&read(&folder.join(format!("{name}.crt")))?, &key)
}

fn make_factory(layout: &Layout) -> Result<(), FleetError> {
    let folder = layout.factory();
    make_folder(&folder)?;
    write_ca(&folder, "AWS_CloudHSM_Root-G1", &make_ca("Simulated AWS CloudHSM Root G1")?)?;
    let manufacturer = make_ca("Simulated LiquidSecurity Root")?;
    write_ca(&folder, "liquid_security_certificate", &manufacturer)?;
    let mut key = Zeroizing::new([0; 32]);
    rand::rng().fill_bytes(&mut *key);
    let key = Zeroizing::new(HEXLOWER.encode(&*key));
    write_secret(&folder.join("backup.key"), key.as_bytes())
}

fn make_service(layout: &Layout) -> Result<(), FleetError> {
    let folder = layout.service();
    make_folder(&folder)?;
    let ca = make_ca("Simulated AWS service CA")?;
    write_ca(&folder, "ca", &ca)?;
    write_pair(&folder, "service", &make_client_certificate(&ca, "kms")?)
}

struct Roots {
    aws: Authority,
    manufacturer: Authority,
    service: Authority,
    backup_key: Zeroizing<String>,
}

impl Roots {
    fn read(layout: &Layout) -> Result<Self, FleetError> {
        Ok(Self {
            aws: read_ca(&layout.factory(), "AWS_CloudHSM_Root-G1")?,
            manufacturer: read_ca(&layout.factory(), "liquid_security_certificate")?,
            service: read_ca(&layout.service(), "ca")?,
            backup_key: Zeroizing::new(read(&layout.factory().join("backup.key"))?),
        })
    }
}

fn make_node(
    layout: &Layout,
    roots: &Roots,
    cluster_id: &str,
    seat: &Seat,
) -> Result<(), FleetError> {
    let folder = layout.node(&seat.hsm_id);
    make_folder(&folder)?;
    let path = folder.join("node.json");
    let node = NodeFile {
        hsm_id: &seat.hsm_id,
        cluster_id,
        node: seat.node,
        zone: &seat.zone,
        hsm_type: HSM_TYPE,
    };
    write_public(&path, json(&node, &path)?.as_bytes())?;
    write_public(&folder.join("service-ca.crt"), roots.service.certificate().as_bytes())?;
    write_pair(&folder, "peer", &make_client_certificate(&roots.service, &seat.hsm_id)?)?;
    write_secret(&folder.join("backup.key"), roots.backup_key.as_bytes())?;
    let card = make_card(seat.hsm_id.trim_start_matches("hsm-"), &roots.aws, &roots.manufacturer)?;
    write_secret(&folder.join("card.key"), card.key.as_bytes())?;
    write_public(&folder.join("aws-hardware.crt"), card.aws_hardware.as_bytes())?;
    write_public(&folder.join("manufacturer-hardware.crt"), card.manufacturer_hardware.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const ZONES: &[&str] = &["a", "b", "c"];

    #[test]
    fn a_roster_grows_and_keeps_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let one = provision(&layout, Some(1), ZONES, None).unwrap();
        assert_eq!(one.nodes.len(), 1);
        let four = provision(&layout, Some(4), ZONES, None).unwrap();
        assert_eq!(four.nodes[0], one.nodes[0]);
        assert_eq!(four.cluster_id, one.cluster_id);
        let seats: Vec<_> = four.nodes.iter().map(|s| (s.node, s.zone.as_str())).collect();
        assert_eq!(seats, [(1, "a"), (2, "b"), (3, "c"), (4, "a")]);
        assert_eq!(provision(&layout, None, ZONES, None).unwrap(), four);
        let fewer = provision(&layout, Some(2), ZONES, None).unwrap_err();
        assert!(fewer.to_string().contains("has 4 HSMs already"), "{fewer}");
    }

    #[test]
    fn a_number_is_never_used_twice() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let mut roster = provision(&layout, Some(2), ZONES, None).unwrap();
        roster.nodes.pop();
        write_public(&layout.roster(), serde_json::to_string(&roster).unwrap().as_bytes()).unwrap();
        let again = provision(&layout, Some(2), ZONES, None).unwrap();
        assert_eq!(again.nodes[1].node, 3);
    }

    #[test]
    fn keys_are_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let roster = provision(&layout, Some(1), ZONES, None).unwrap();
        for folder in [layout.node(&roster.nodes[0].hsm_id), layout.factory(), layout.service()] {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|e| e == "key") {
                    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
                    assert_eq!(mode & 0o777, 0o600, "{}", path.display());
                }
            }
        }
    }

    #[test]
    fn a_broken_roster_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        std::fs::write(layout.roster(), "{").unwrap();
        let error = provision(&layout, None, ZONES, None).unwrap_err().to_string();
        assert!(error.contains("fleet.json is not a roster"), "{error}");
    }
}
