//! File descriptors: one for each connection, within what the operating system allows.
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

/// The database, the lines to HSMs, their processes' pipes and logs, the listener.
const OTHERS: usize = 512;

/// Raises this process's limit as far as it needs, and tells how many connections of so many there
/// is room for.
pub(crate) fn room_for(connections: usize) -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return connections };
    let wanted = (connections + OTHERS) as rlim_t;
    if wanted <= soft {
        return connections;
    }
    let raised = wanted.min(hard);
    let limit = match setrlimit(Resource::RLIMIT_NOFILE, raised, hard) {
        Ok(()) => raised,
        Err(_) => soft,
    };
    let room = fits(connections, usize::try_from(limit).unwrap_or(usize::MAX));
    if room < connections {
        tracing::warn!(
            "the limit of {limit} file descriptors has room for {room} connections of HTTP, not \
             for {connections}: raise it (ulimit -n {wanted})"
        );
    }
    room
}

fn fits(connections: usize, limit: usize) -> usize {
    connections.min(limit.saturating_sub(OTHERS)).max(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_endpoint_needs_goes_before_connections() {
        assert_eq!(fits(1_024, 20_000), 1_024);
        assert_eq!(fits(1_024, 1_024), 512);
        assert_eq!(fits(1_024, 100), 2);
    }
}
