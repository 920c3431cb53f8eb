//! The tasks that are followed, by number and by id.

use super::followed::FollowedTask;
use super::types::TaskNumber;
use crate::method::CallMethod;
use crate::table::Table;
use crate::wire::Generation;

#[derive(Default, Debug)]
pub struct Tasks {
    followed: Table<TaskNumber, FollowedTask>,
    by_id: Table<String, TaskNumber>,
    last: TaskNumber,
}

impl Tasks {
    /// Follows a task that is not followed yet.
    pub fn follow(&mut self, id: &str, generation: Generation, method: CallMethod) -> TaskNumber {
        self.last = self.last.next(1, |task| self.followed.contains_key(&task));
        self.followed.insert(self.last, FollowedTask::new(id, generation, method));
        self.by_id.insert(id.to_owned(), self.last);
        self.last
    }

    pub fn remove(&mut self, task: TaskNumber) -> Option<FollowedTask> {
        let follow = self.followed.remove(&task)?;
        self.by_id.remove(&follow.id);
        Some(*follow)
    }

    pub fn get(&self, task: TaskNumber) -> Option<&FollowedTask> {
        self.followed.get(&task)
    }

    pub fn get_mut(&mut self, task: TaskNumber) -> Option<&mut FollowedTask> {
        self.followed.get_mut(&task)
    }

    /// The number of the task with this id.
    pub fn find(&self, id: &str) -> Option<TaskNumber> {
        self.by_id.get(id).copied()
    }

    pub fn numbers(&self) -> Vec<TaskNumber> {
        self.followed.keys().copied().collect()
    }

    pub fn values(&self) -> impl Iterator<Item = &FollowedTask> {
        self.followed.values()
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut FollowedTask> {
        self.followed.iter_mut().map(|(_, follow)| follow)
    }

    /// The first task of which this is true.
    pub fn first(&self, is_it: impl Fn(&FollowedTask) -> bool) -> Option<TaskNumber> {
        self.followed.iter().find(|(_, follow)| is_it(follow)).map(|(task, _)| *task)
    }

    pub fn len(&self) -> usize {
        self.followed.len()
    }

    pub fn is_empty(&self) -> bool {
        self.followed.is_empty()
    }
}
