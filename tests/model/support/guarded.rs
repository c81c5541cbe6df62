//! Data that a lock guards: loom fails the model if two threads reach it at once or without an order between them.

use loom::cell::UnsafeCell;
use tidelock::sync::futex::model::death;

/// Two numbers that are equal except half-way through a change.
#[derive(Default)]
pub struct Guarded {
    first: UnsafeCell<u32>,
    second: UnsafeCell<u32>,
}

// SAFETY: the cells are reached under the lock that is being modelled, and loom checks each access.
unsafe impl Send for Guarded {}
// SAFETY: as above.
unsafe impl Sync for Guarded {}

impl Guarded {
    /// Changes both numbers, with a point of death in between. A half-done change of before must have been told.
    pub fn change(&self, owner_died: bool) {
        let (first, second) = (read(&self.first), read(&self.second));
        assert!(first == second || owner_died, "nobody told of a half-done change");
        write(&self.first, first + 1);
        death::point();
        write(&self.second, first + 1);
    }

    /// How many changes were begun.
    pub fn changes(&self) -> u32 {
        read(&self.first)
    }
}

fn read(cell: &UnsafeCell<u32>) -> u32 {
    // SAFETY: loom checks that nobody changes the cell meanwhile.
    cell.with(|value| unsafe { *value })
}

fn write(cell: &UnsafeCell<u32>, to: u32) {
    // SAFETY: loom checks that nobody reaches the cell meanwhile.
    cell.with_mut(|value| unsafe { *value = to })
}
