//! How many connections one client may have at a time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::client::{Client, TrustedProxies};

/// The connections of a listener, counted by client: nobody takes all of them.
pub struct Places {
    most: Option<usize>,
    exempt: TrustedProxies,
    taken: Mutex<HashMap<Client, usize>>,
}

/// A place for one connection, given back when it is dropped. Exempt ones are not counted.
pub struct Place(Option<(Arc<Places>, Client)>);

impl Places {
    /// At most `most` places for each client but those proxies; `None`: any number.
    #[must_use]
    pub fn new(most: Option<usize>, exempt: TrustedProxies) -> Arc<Self> {
        Arc::new(Self { most, exempt, taken: Mutex::default() })
    }

    /// A place for a connection from there; `None` when its client has all that it may have.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let Some(most) = self.most.filter(|_| !self.exempt.contains(peer)) else { return Some(Place(None)) };
        let client = Client::from(peer);
        let mut taken = self.taken.lock();
        let count = taken.entry(client).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place(Some((Arc::clone(self), client))))
    }

    fn give_back(&self, client: Client) {
        let mut taken = self.taken.lock();
        if let Some(count) = taken.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&client);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((places, client)) = self.0.take() {
            places.give_back(client);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(most: Option<usize>) -> Arc<Places> {
        Places::new(most, TrustedProxies { networks: vec!["10.0.0.0/8".parse().unwrap()], hops: 1 })
    }

    fn at(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn a_client_has_so_many_places_and_others_have_theirs() {
        let places = places(Some(2));
        let first = places.take(at("198.51.100.7")).unwrap();
        let _second = places.take(at("198.51.100.7")).unwrap();
        assert!(places.take(at("198.51.100.7")).is_none());
        assert!(places.take(at("198.51.100.8")).is_some());
        drop(first);
        assert!(places.take(at("198.51.100.7")).is_some());
    }

    #[test]
    fn proxies_are_not_counted_and_nothing_is_remembered_of_who_left() {
        let places = places(Some(1));
        let held: Vec<Place> = (0..100).map(|_| places.take(at("10.0.0.1")).unwrap()).collect();
        let other = places.take(at("2001:db8::1")).unwrap();
        assert!(places.take(at("2001:db8::2")).is_none(), "the same /64");
        drop((held, other));
        assert!(places.taken.lock().is_empty());
    }

    #[test]
    fn without_a_limit_there_is_none() {
        let places = places(None);
        let held: Vec<Option<Place>> = (0..1000).map(|_| places.take(at("198.51.100.7"))).collect();
        assert!(held.iter().all(Option::is_some));
    }
}
