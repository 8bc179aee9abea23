//! Attempts to have an HSM that lives replaced, and what it alone has acknowledged destroyed.
use crate::PROGRAM;
use std::time::Duration;
use tests::alone::{a_machine_whose_port_is_filled, an_intact_hsm_loses_its_port};
use tests::strangers::{fill, idle};

/// Several times as long as a dead one is waited for in these cases.
const LONG: Duration = Duration::from_secs(12);

#[test]
fn strangers_and_idle_clients_at_a_machine_have_nothing_replaced_or_erased() {
    a_machine_whose_port_is_filled(
        PROGRAM,
        &[&|_, host| fill(host.address(), 300, LONG), &|owned, host| {
            let most = idle(host.address(), &owned.identity(), 900, LONG);
            assert!(most >= 100, "only {most} connections were there");
        }],
    );
}

#[test]
fn a_program_on_the_port_of_an_hsm_has_no_disk_removed() {
    an_intact_hsm_loses_its_port(PROGRAM);
}
