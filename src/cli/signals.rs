//! Ctrl-C and SIGTERM: the first ends the run cleanly, the second at once.

use std::sync::{Arc, atomic::AtomicBool};

use partiquet::{Error, Result};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

/// Exit code of an interrupted run, as shells have it for Ctrl-C.
const INTERRUPTED: i32 = 130;

/// A flag that is set by the first signal. A second signal ends the process: what a dead run leaves in the staging
/// folder is swept by the next one.
pub fn stop_flag() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the shutdown looks at the flag before the second registration sets it.
        flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&stop))
            .and_then(|_| flag::register(signal, Arc::clone(&stop)))
            .map_err(Error::io("watch", "SIGINT and SIGTERM"))?;
    }
    Ok(stop)
}
