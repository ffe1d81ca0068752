//! Signals. The first Ctrl-C or SIGTERM ends the run cleanly, the second ends the process at once. A limit of the file
//! size is an error of the write.

use std::sync::{Arc, atomic::AtomicBool};

use partiquet::{Error, Result};
use signal_hook::{
    consts::{SIGINT, SIGTERM, SIGXFSZ},
    flag,
};

/// Exit code of an interrupted run, as shells report it for Ctrl-C.
const INTERRUPTED: i32 = 130;

/// Returns a flag that the first signal sets. A second signal ends the process: the next run removes what this one
/// leaves in the staging folder.
pub fn stop_flag() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The order matters: the shutdown checks the flag before the second registration sets it.
        flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&stop))
            .and_then(|_| flag::register(signal, Arc::clone(&stop)))
            .map_err(Error::io("watch", "SIGINT and SIGTERM"))?;
    }
    Ok(stop)
}

/// Lets a write beyond a limit of the file size return an error: a signal that has a handler does not kill.
pub fn survive_file_size_limit() {
    // Without the handler such a limit ends the process, as it does for most programs.
    let _ = flag::register(SIGXFSZ, Arc::default());
}
