//! Ctrl-C, a closed terminal and `kill`: once stops after clean-up, twice at once.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::event::What;
use crate::host::World;

/// Listens for signals for as long as the process lives.
pub fn watch(world: &Arc<World>) {
    let world = world.clone();
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let _in_runtime = world.runtime.enter();
    let signals: Vec<Signal> = kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect();
    let runtime = world.runtime.clone();
    for mut signal in signals {
        let world = world.clone();
        runtime.spawn(async move {
            while signal.recv().await.is_some() {
                let again = world.cancel.is_cancelled();
                world.bus.emit(None, What::Interrupting { at_once: again });
                if again {
                    // Each leads a process group of its own, which outlives this process otherwise.
                    crate::client::sh::kill_all();
                    // The ledger's rows stay: pb clean finds them.
                    world.bus.close();
                    std::process::exit(130);
                }
                world.cancel.cancel();
            }
        });
    }
}
