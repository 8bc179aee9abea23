//! Which file of a state folder is where.
use hsm_client::SetAside;
use std::path::{Path, PathBuf};

/// The folder of a cluster, and that of the installation which it is part of.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
    installation: PathBuf,
}

impl Layout {
    /// The state folder at `root`, which need not exist yet: of an installation and its first
    /// cluster.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self { installation: root.clone(), root }
    }

    /// A further cluster of this installation.
    pub fn of_cluster(&self, cluster_id: &str) -> Self {
        let root = self.installation.join("clusters").join(cluster_id);
        Self { root, installation: self.installation.clone() }
    }

    /// The cluster's folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The sealed backups of the installation's clusters.
    pub fn backups(&self) -> PathBuf {
        self.installation.join("backups")
    }

    /// The trust anchor of the cluster.
    pub fn customer_ca(&self) -> PathBuf {
        self.root.join("customerCA.crt")
    }

    /// The roster of the nodes.
    pub fn roster(&self) -> PathBuf {
        self.root.join("fleet.json")
    }

    /// The folder of one node.
    pub fn node(&self, hsm_id: &str) -> PathBuf {
        self.root.join(hsm_id)
    }

    /// HSMs of the installation's clusters that nobody runs any more, and that nobody has deleted.
    pub fn set_aside(&self) -> SetAside {
        SetAside::of(&self.installation)
    }

    /// What the simulated manufacturer and AWS have: roots, and the key of backups.
    pub fn factory(&self) -> PathBuf {
        self.installation.join("factory")
    }

    /// The root that vouches for every card (AWS user guide, "verify HSM identity").
    pub fn manufacturer_root(&self) -> PathBuf {
        self.factory().join("liquid_security_certificate.crt")
    }

    /// The other root that vouches for every card.
    pub fn aws_root(&self) -> PathBuf {
        self.factory().join("AWS_CloudHSM_Root-G1.crt")
    }

    /// The certificates with which KMS and the control plane meet the HSMs.
    pub fn service(&self) -> PathBuf {
        self.installation.join("service")
    }

    /// By which other machines offer themselves for HSMs: whoever has it gets what an HSM leaves
    /// the factory with.
    pub fn join_key(&self) -> PathBuf {
        self.service().join("join.key")
    }

    /// The certificate of KMS and the control plane.
    pub fn service_certificate(&self) -> PathBuf {
        self.service().join("service.crt")
    }

    /// The key of [`Self::service_certificate`].
    pub fn service_key(&self) -> PathBuf {
        self.service().join("service.key")
    }
}
