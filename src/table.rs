//! A map for keys that are given out in order, and for small sets.
//!
//! Two vectors side by side, in the order of the keys: what is new goes to the end, what is old is found by halving.
//! `BTreeMap` does the same with ten times the code for every type it holds (docs/decisions/tables.md). The
//! keys are apart from the values so that all tables with the same keys are searched by the same code, and the values
//! are in boxes so that all tables put them in and take them out by the same code.

use std::borrow::Borrow;

/// A sorted map.
#[derive(Clone, Debug)]
pub(crate) struct Table<K, V> {
    keys: Vec<K>,
    values: Vec<Box<V>>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> Table<K, V> {
    pub const fn new() -> Self {
        Self { keys: Vec::new(), values: Vec::new() }
    }
}

/// Where a key is, or would be.
fn place<K: Borrow<Q>, Q: Ord + ?Sized>(keys: &[K], key: &Q) -> Result<usize, usize> {
    // Most keys are newer than all that are here.
    match keys.last() {
        Some(last) if last.borrow() < key => Err(keys.len()),
        _ => keys.binary_search_by(|known| known.borrow().cmp(key)),
    }
}

/// One function for all rows of a type, like [`take`].
#[inline(never)]
fn put<T>(rows: &mut Vec<T>, place: usize, row: T) {
    rows.insert(place, row);
}

#[inline(never)]
fn take<T>(rows: &mut Vec<T>, place: usize) -> T {
    let row = rows.remove(place);
    give_back(rows);
    row
}

/// Room for a burst is given back when the burst is over.
fn give_back<T>(rows: &mut Vec<T>) {
    if rows.capacity() > 64 && rows.len() < rows.capacity() / 4 {
        rows.shrink_to(rows.len() * 2);
    }
}

impl<K: Ord, V> Table<K, V> {
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.values.get(place(&self.keys, key).ok()?).map(|value| &**value)
    }

    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.values.get_mut(place(&self.keys, key).ok()?).map(|value| &mut **value)
    }

    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        place(&self.keys, key).is_ok()
    }

    /// Puts a value under a key, in place of the one that was there before.
    pub fn insert(&mut self, key: K, value: V) {
        self.replace(key, Box::new(value));
    }

    /// One function for all values, so that the one from before is given back rather than let go.
    #[inline(never)]
    fn replace(&mut self, key: K, mut value: Box<V>) -> Option<Box<V>> {
        match place(&self.keys, &key) {
            Ok(place) => {
                if let Some(old) = self.values.get_mut(place) {
                    std::mem::swap(old, &mut value);
                }
                Some(value)
            }
            Err(place) => {
                put(&mut self.keys, place, key);
                put(&mut self.values, place, value);
                None
            }
        }
    }

    /// Takes a value out, in its box: most are looked at and let go.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<Box<V>>
    where
        K: Borrow<Q>,
    {
        let place = place(&self.keys, key).ok()?;
        take(&mut self.keys, place);
        Some(take(&mut self.values, place))
    }

    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.keys.iter()
    }

    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.values.iter().map(|value| &**value)
    }

    pub fn into_keys(self) -> impl Iterator<Item = K> {
        self.keys.into_iter()
    }

    pub fn into_values(self) -> impl Iterator<Item = V> {
        self.values.into_iter().map(|value| *value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.keys.iter().zip(self.values.iter().map(|value| &**value))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.keys.iter().zip(self.values.iter_mut().map(|value| &mut **value))
    }

    pub fn clear(&mut self) {
        self.keys.clear();
        self.values.clear();
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl<K, V> IntoIterator for Table<K, V> {
    type Item = (K, V);
    type IntoIter =
        std::iter::Map<std::iter::Zip<std::vec::IntoIter<K>, std::vec::IntoIter<Box<V>>>, fn((K, Box<V>)) -> (K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.keys.into_iter().zip(self.values).map(|(key, value)| (key, *value))
    }
}

impl<K: Ord, V: Default> Table<K, V> {
    /// The value under a key, made if there is none.
    pub fn get_or_default(&mut self, key: K) -> &mut V {
        let place = match place(&self.keys, &key) {
            Ok(place) => place,
            Err(place) => {
                put(&mut self.keys, place, key);
                put(&mut self.values, place, Box::default());
                place
            }
        };
        #[allow(clippy::indexing_slicing)] // it was found, or has just been put there
        &mut self.values[place]
    }
}
