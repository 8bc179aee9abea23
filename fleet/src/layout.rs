//! Which file of a state folder is where.
use std::path::{Path, PathBuf};

/// A state folder.
#[derive(Clone, Debug)]
pub struct Layout(PathBuf);

impl Layout {
    /// The state folder at `root`, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    /// The state folder itself.
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// The trust anchor of the cluster.
    pub fn customer_ca(&self) -> PathBuf {
        self.0.join("customerCA.crt")
    }

    /// The roster of the nodes.
    pub fn roster(&self) -> PathBuf {
        self.0.join("fleet.json")
    }

    /// The folder of one node.
    pub fn node(&self, hsm_id: &str) -> PathBuf {
        self.0.join(hsm_id)
    }

    /// What the simulated manufacturer and AWS have: roots, and the key of backups.
    pub fn factory(&self) -> PathBuf {
        self.0.join("factory")
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
        self.0.join("service")
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
