//! Where a member that the model does not know may restrict what is asked for. A newer client that
//! sends one is refused there: were the member dropped, more would be done, given or shown than
//! was meant. Everywhere else such a member is left alone, as AWS does.
use super::model::{Kind, Model};

/// What is said of a place, and which requests and structures it is.
type Place = (&'static str, fn(&Model, &str) -> bool);

const PLACES: &[Place] = &[
    ("a structure inside a request", |model, name| !is_request(model, name)),
    ("a request for a list: what it has besides is a filter", |model, name| {
        is_request(model, name) && has_member(model, name, |member, _| PAGING.contains(&member))
    }),
    ("a request that gives a right within constraints", |model, name| {
        is_request(model, name) && has_member(model, name, |_, shape| is_constraints(model, shape))
    }),
];

/// How requests say how long a page is to be.
const PAGING: &[&str] = &["Limit", "MaxResults"];

/// Whether a shape that travels in requests is such a place.
pub(super) fn is_restricting(model: &Model, name: &str) -> bool {
    PLACES.iter().any(|(_, is_there)| is_there(model, name))
}

fn is_request(model: &Model, name: &str) -> bool {
    model.operations.values().any(|operation| operation.input == name)
}

fn has_member(model: &Model, name: &str, fits: impl Fn(&str, &str) -> bool) -> bool {
    model.shape(name).members().any(|(member, shape)| fits(member, shape))
}

fn is_constraints(model: &Model, name: &str) -> bool {
    model.shape(name).kind == Kind::Structure && name.ends_with("Constraints")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_grants_and_what_is_inside_requests_are_such_places() {
        let model = Model::read(&crate::root().join("aws-api/model/kms.json")).unwrap();
        for name in ["GrantConstraints", "CreateGrantRequest", "ListGrantsRequest", "Tag"] {
            assert!(is_restricting(&model, name), "{name}");
        }
        for name in ["EncryptRequest", "DescribeKeyRequest", "CreateKeyRequest"] {
            assert!(!is_restricting(&model, name), "{name}");
        }
    }
}
