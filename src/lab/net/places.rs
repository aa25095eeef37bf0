//! How many clients a listener has at once. One that comes when all places are taken takes the place of whoever has
//! asked for nothing for the longest time: clients that only connect can't keep the others out, nor fill the memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

/// The places of a listener.
#[derive(Debug)]
pub struct Places {
    limit: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    last: u64,
    clients: BTreeMap<u64, Client>,
}

#[derive(Debug)]
struct Client {
    /// When it came, or asked for something, or that was answered.
    since: Instant,
    asking: usize,
    out: CancellationToken,
}

impl Places {
    /// So many, at least one.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit: limit.max(1), taken: Mutex::default() })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a client, until it is dropped.
    pub fn take(self: &Arc<Self>) -> Place {
        let mut taken = self.taken();
        if taken.clients.len() >= self.limit {
            let longest = taken.clients.iter().min_by_key(|(_, client)| (client.asking > 0, client.since));
            if let Some(client) = longest.map(|(id, _)| *id).and_then(|id| taken.clients.remove(&id)) {
                client.out.cancel();
            }
        }
        taken.last += 1;
        let (id, out) = (taken.last, CancellationToken::new());
        taken.clients.insert(id, Client { since: Instant::now(), asking: 0, out: out.clone() });
        Place { places: self.clone(), id, out }
    }
}

/// A client's place.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    id: u64,
    out: CancellationToken,
}

impl Place {
    /// Ends when another client needs the place.
    pub fn lost(&self) -> WaitForCancellationFuture<'_> {
        self.out.cancelled()
    }

    /// It asks for something, until this is dropped.
    pub fn asking(self: &Arc<Self>) -> Asking {
        self.note(1);
        Asking { place: self.clone() }
    }

    fn note(&self, more: isize) {
        if let Some(client) = self.places.taken().clients.get_mut(&self.id) {
            client.since = Instant::now();
            client.asking = client.asking.saturating_add_signed(more);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().clients.remove(&self.id);
    }
}

/// A client that has asked for something.
#[derive(Debug)]
pub struct Asking {
    place: Arc<Place>,
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.place.note(-1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_nothing_makes_room() {
        let places = Places::new(2);
        let (one, two) = (Arc::new(places.take()), Arc::new(places.take()));
        let asking = one.asking();
        let three = places.take();
        assert!(two.out.is_cancelled() && !one.out.is_cancelled(), "the first one is at something");
        drop(asking);
        drop(places.take());
        assert!(three.out.is_cancelled(), "it has waited for longer than the first one");
        drop((one, two, three));
        assert!(places.taken().clients.is_empty());
    }
}
