//! What each HSM did with a change, and what that means for the change as a whole.
use super::Failure;
use hsm_client::{CallError, EachNode};
use proto::Refusal;

/// What one HSM did.
#[derive(Debug)]
pub(super) enum Outcome<R> {
    /// It did it.
    Done(R),
    /// It refused.
    Refused(Refusal),
    /// It did not answer; the change may be made there or not.
    Silent(String),
}

/// The outcomes, each with the name of its HSM.
pub(super) type Outcomes<R> = Vec<(String, Outcome<R>)>;

/// The outcomes of a call on every HSM.
pub(super) fn of<R>(each: EachNode<R>) -> Outcomes<R> {
    let outcome = |result| match result {
        Ok(reply) => Outcome::Done(reply),
        Err(CallError::Refused(refusal)) => Outcome::Refused(refusal),
        Err(error) => Outcome::Silent(error.to_string()),
    };
    each.results.into_iter().map(|(node, result)| (node.to_string(), outcome(result))).collect()
}

/// `failed on 1 of 3 HSMs`, and a line for each HSM.
pub(super) fn node_by_node<R>(outcomes: &[(String, Outcome<R>)]) -> String {
    let failed =
        outcomes.iter().filter(|(_, outcome)| !matches!(outcome, Outcome::Done(_))).count();
    let mut text = format!("failed on {failed} of {} HSMs", outcomes.len());
    for (node, outcome) in outcomes {
        text += &match outcome {
            Outcome::Done(_) => format!("\n  {node}: done"),
            Outcome::Refused(refusal) => format!("\n  {node}: {refusal}"),
            Outcome::Silent(why) => format!("\n  {node}: {why}"),
        };
    }
    text
}

/// A change of users is a success when every HSM did it, or, if at least one did, refused it with
/// `fine`: because it was so already. So a repeated command repairs what an earlier one left.
/// When no HSM did it and all refused alike, that refusal is the error.
pub(super) fn settle<R>(
    what: &str,
    outcomes: &[(String, Outcome<R>)],
    fine: impl Fn(&str, &Refusal) -> bool,
) -> Result<(), Failure> {
    let done = outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Done(_)));
    let well = |(node, outcome): &(String, Outcome<R>)| match outcome {
        Outcome::Done(_) => true,
        Outcome::Refused(refusal) => fine(node, refusal),
        Outcome::Silent(_) => false,
    };
    if done && outcomes.iter().all(well) {
        return Ok(());
    }
    if let Some(refusal) = unanimous(outcomes) {
        return Err(Failure::from(CallError::Refused(refusal.clone())));
    }
    Err(Failure::Partial(format!("{what} {}", node_by_node(outcomes))))
}

/// The refusal of the first HSM, if all have refused for the same reason.
pub(super) fn unanimous<R>(outcomes: &[(String, Outcome<R>)]) -> Option<&Refusal> {
    let refusal = |(_, outcome): &'_ (String, Outcome<R>)| match outcome {
        Outcome::Refused(refusal) => Some(refusal.fault),
        _ => None,
    };
    let Some((_, Outcome::Refused(first))) = outcomes.first() else { return None };
    outcomes.iter().all(|outcome| refusal(outcome) == Some(first.fault)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::Fault;

    fn outcomes(words: &str) -> Outcomes<()> {
        let outcome = |word| match word {
            "done" => Outcome::Done(()),
            "exists" => Outcome::Refused(Fault::UserExists.into()),
            "missing" => Outcome::Refused(Fault::UserNotFound.into()),
            _ => Outcome::Silent("lost".to_owned()),
        };
        words.split(' ').enumerate().map(|(n, word)| (format!("hsm-{n}"), outcome(word))).collect()
    }

    #[test]
    fn changes_of_users() {
        let partial = "user create failed on";
        for (words, fine, expected) in [
            ("done done done", Fault::UserExists, None),
            ("exists done exists", Fault::UserExists, None),
            ("exists exists", Fault::UserExists, Some(Fault::UserExists.says())),
            ("exists done", Fault::UserNotFound, Some(partial)),
            ("done lost", Fault::UserExists, Some(partial)),
            ("lost lost", Fault::UserExists, Some(partial)),
            ("exists lost", Fault::UserExists, Some(partial)),
            ("missing done", Fault::UserNotFound, None),
            ("missing missing", Fault::UserNotFound, Some("Specified user does not exist")),
            ("missing exists", Fault::UserNotFound, Some(partial)),
        ] {
            let settled =
                settle("user create", &outcomes(words), |_, refusal| refusal.fault == fine);
            match (settled, expected) {
                (Ok(()), None) => {}
                (Err(failure), Some(text)) => {
                    assert!(failure.to_string().starts_with(text), "{words}: {failure}");
                }
                (settled, _) => panic!("{words}: {settled:?}"),
            }
        }
    }

    #[test]
    fn every_hsm_is_named() {
        assert_eq!(
            node_by_node(&outcomes("done lost exists")),
            "failed on 2 of 3 HSMs\n  hsm-0: done\n  hsm-1: lost\n  \
             hsm-2: a user with this name and type exists already"
        );
    }
}
