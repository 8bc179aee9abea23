//! Which passwords KMS has tried on which HSM: a try is spent only on new evidence.
use proto::Secret;

proto::message! {
    /// A password that KMS has tried, or was about to try, on an HSM, and the HSM's count of wrong
    /// passwords if that was one.
    Try { 0 hsm_id: String, 2 password: Secret, 4 failures: u32 }
    /// The tries that no later event has made void. Kept apart from the credentials, since
    /// whoever takes a connect up again may write them and no passwords.
    Tries { 0 tries: Vec<Try> }
}

#[allow(clippy::derivable_impls, reason = "a message derives what all messages need")]
impl Default for Tries {
    fn default() -> Self {
        Self { tries: Vec::new() }
    }
}

impl Tries {
    /// Whether this HSM has refused this password, and counts on from there: a right password and
    /// a new one both begin the count anew.
    pub(crate) fn is_refused(&self, hsm_id: &str, password: &Secret, failures: u32) -> bool {
        let same = |it: &&Try| it.hsm_id == hsm_id && it.password == *password;
        self.tries.iter().filter(same).any(|it| it.failures <= failures)
    }

    /// Writes down what is about to be tried on an HSM that counts so many wrong passwords, in
    /// this order. Whoever dies in between knows by the count how far it came.
    pub(crate) fn plan(&mut self, hsm_id: &str, passwords: &[&Secret], failures: u32) {
        let is_void = |it: &Try| it.failures > failures || passwords.contains(&&it.password);
        self.tries.retain(|it| it.hsm_id != hsm_id || !is_void(it));
        self.tries.extend(passwords.iter().zip(failures + 1..).map(|(password, failures)| Try {
            hsm_id: hsm_id.to_owned(),
            password: (*password).clone(),
            failures,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_refused_until_the_count_begins_anew() {
        let (old, new) = (Secret::new("old1234"), Secret::new("new1234"));
        let mut tries = Tries::default();
        tries.plan("hsm-a", &[&new, &old], 1);
        for (failures, refused) in
            [(1, [false, false]), (2, [true, false]), (3, [true, true]), (0, [false, false])]
        {
            let seen = [&new, &old].map(|it| tries.is_refused("hsm-a", it, failures));
            assert_eq!(seen, refused, "{failures}");
            assert!(!tries.is_refused("hsm-b", &new, failures));
        }
        let before = tries.clone();
        tries.plan("hsm-a", &[&new, &old], 1);
        assert_eq!(tries, before, "the same plan changes nothing");
        tries.plan("hsm-a", &[&old], 2);
        assert_eq!(tries.tries.len(), 2, "the first is refused still");
        tries.plan("hsm-a", &[&old], 0);
        assert_eq!(tries.tries.len(), 1, "the count has begun anew");
    }
}
