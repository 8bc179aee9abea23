//! File descriptors: one for each connection, within what the operating system allows.
use crate::{lobby, rooms};
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use tracing::warn;

/// The store's files, the listeners, the log, the connections to peers, and those that end.
const OTHERS: usize = 256;

/// Raises this process's limit as far as it needs, and tells how many connections of customers
/// there is room for. Those of the service CA have theirs whatever the limit.
pub(crate) fn room_for(clients: usize) -> usize {
    let reserved = lobby::HELD_MAX + rooms::SERVICE_MAX + OTHERS;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return clients };
    let wanted = (clients + reserved) as rlim_t;
    if wanted <= soft {
        return clients;
    }
    let raised = wanted.min(hard);
    let limit = match setrlimit(Resource::RLIMIT_NOFILE, raised, hard) {
        Ok(()) => raised,
        Err(_) => soft,
    };
    let room = fits(clients, reserved, usize::try_from(limit).unwrap_or(usize::MAX));
    if room < clients {
        warn!(
            "the limit of {limit} file descriptors has room for {room} connections of clients, \
             not for {clients}: raise it (ulimit -n {wanted})"
        );
    }
    room
}

fn fits(clients: usize, reserved: usize, limit: usize) -> usize {
    clients.min(limit.saturating_sub(reserved)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_goes_before_customers() {
        assert_eq!(fits(900, 600, 20_000), 900);
        assert_eq!(fits(900, 600, 1_024), 424);
        assert_eq!(fits(900, 600, 100), 1);
    }
}
