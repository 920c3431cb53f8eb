//! What the host knows by number. A class for each would cost a check and a count of references in every function.

use std::cell::{RefCell, RefMut};

/// Values by number, in the order of their numbers.
pub struct Held<T: 'static>(&'static RefCell<Vec<(u32, Box<T>)>>);

impl<T> Default for Held<T> {
    fn default() -> Self {
        Self(Box::leak(Box::default()))
    }
}

impl<T> Held<T> {
    /// `number` is greater than every one before.
    pub fn insert(&self, number: u32, value: T) {
        self.0.borrow_mut().push((number, Box::new(value)));
    }

    /// Throws where there is none: it was made by an instance that is no more.
    pub fn borrow(&self, number: u32) -> RefMut<'static, T> {
        let found = RefMut::filter_map(self.0.borrow_mut(), |rows| {
            let place = rows.binary_search_by_key(&number, |(known, _)| *known).ok()?;
            rows.get_mut(place).map(|(_, value)| &mut **value)
        });
        match found {
            Ok(value) => value,
            Err(rows) => {
                drop(rows);
                wasm_bindgen::throw_str("made by an instance that is no more");
            }
        }
    }

    pub fn remove(&self, number: u32) {
        self.0.borrow_mut().retain(|(known, _)| *known != number);
    }
}
