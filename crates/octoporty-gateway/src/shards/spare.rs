//! Tasks whose connection has ended, kept for the next one: to make a task and to end it is a fourteenth of what a
//! connection for one request costs in user space.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use slab::Slab;

/// Most tasks that are kept, of some 1 KiB each: more end together only where more connections stood than were made.
const MOST: usize = 64;

/// Tasks that wait for work.
#[derive(Debug)]
pub(crate) struct Spare<T> {
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    seats: Slab<Seat<T>>,
    /// Seats without work; the last one is of the task that was busy last.
    free: Vec<usize>,
    /// Whether nobody may wait any more.
    is_closed: bool,
}

#[derive(Debug)]
struct Seat<T> {
    work: Option<T>,
    task: Waker,
}

/// A place among those who wait, until it is dropped.
struct Waiting<'a, T> {
    spare: &'a Spare<T>,
    key: Option<usize>,
}

impl<T> Default for Spare<T> {
    fn default() -> Self {
        Self { state: Mutex::new(State { seats: Slab::new(), free: Vec::new(), is_closed: false }) }
    }
}

impl<T> Spare<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives work to a task that waits, or back if there is none.
    pub(crate) fn give(&self, work: T) -> Result<(), T> {
        let mut state = self.lock();
        let Some(key) = state.free.pop() else { return Err(work) };
        let seat = &mut state.seats[key];
        seat.work = Some(work);
        seat.task.wake_by_ref();
        Ok(())
    }

    /// Waits for work; `None` when there will be none, or enough others wait.
    pub(crate) async fn next(&self) -> Option<T> {
        let mut waiting = Waiting { spare: self, key: None };
        poll_fn(|cx| waiting.poll(cx)).await
    }

    /// Sends home whoever waits, now and later.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        state.free.clear();
        state.seats.iter().for_each(|(_, seat)| seat.task.wake_by_ref());
    }
}

impl<T> Waiting<'_, T> {
    fn poll(&mut self, cx: &Context<'_>) -> Poll<Option<T>> {
        let mut state = self.spare.lock();
        let Some(key) = self.key else {
            if state.is_closed || state.free.len() >= MOST {
                return Poll::Ready(None);
            }
            let key = state.seats.insert(Seat { work: None, task: cx.waker().clone() });
            state.free.push(key);
            self.key = Some(key);
            return Poll::Pending;
        };
        let is_closed = state.is_closed;
        let seat = &mut state.seats[key];
        match seat.work.take() {
            None if !is_closed => {
                seat.task.clone_from(cx.waker());
                Poll::Pending
            }
            work => {
                state.seats.remove(key);
                self.key = None;
                Poll::Ready(work)
            }
        }
    }
}

impl<T> Drop for Waiting<'_, T> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut state = self.spare.lock();
        state.free.retain(|free| *free != key);
        // What was given and not taken goes with it, as it would with a task of its own; not under the lock.
        let seat = state.seats.remove(key);
        drop(state);
        drop(seat);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::JoinSet;

    use super::*;

    /// A task that takes work once, and waits for it already.
    async fn waiter(spare: &Arc<Spare<u32>>, waiting: usize) -> JoinSet<Option<u32>> {
        let mut task = JoinSet::new();
        let of_task = Arc::clone(spare);
        task.spawn(async move { of_task.next().await });
        while spare.lock().free.len() != waiting {
            tokio::task::yield_now().await;
        }
        task
    }

    async fn done(mut task: JoinSet<Option<u32>>) -> Option<u32> {
        task.join_next().await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn work_goes_to_whoever_was_busy_last_and_comes_back_when_nobody_waits() {
        let spare = Arc::new(Spare::default());
        assert_eq!(spare.give(1), Err(1), "nobody waits");
        let (first, second, third) = (waiter(&spare, 1).await, waiter(&spare, 2).await, waiter(&spare, 3).await);
        assert_eq!(spare.give(7), Ok(()));
        assert_eq!(done(third).await, Some(7));
        assert_eq!((spare.give(8), spare.give(9), spare.give(10)), (Ok(()), Ok(()), Err(10)));
        assert_eq!((done(first).await, done(second).await), (Some(9), Some(8)));
        assert!(spare.lock().seats.is_empty());
    }

    #[tokio::test]
    async fn no_more_are_kept_than_the_bound_and_none_once_all_are_sent_home() {
        let spare = Arc::new(Spare::<u32>::default());
        let mut tasks = Vec::new();
        for number in 1..=MOST {
            tasks.push(waiter(&spare, number).await);
        }
        assert_eq!(spare.next().await, None, "enough others wait");
        spare.close();
        for task in tasks {
            assert_eq!(done(task).await, None);
        }
        assert_eq!(spare.next().await, None, "a stop waits for nobody");
        assert_eq!(spare.give(1), Err(1));
        assert!(spare.lock().seats.is_empty());
    }

    #[tokio::test]
    async fn work_that_was_given_is_done_though_all_are_sent_home() {
        let spare = Arc::new(Spare::default());
        let task = waiter(&spare, 1).await;
        spare.give(5).unwrap();
        spare.close();
        assert_eq!(done(task).await, Some(5));
    }

    #[tokio::test]
    async fn work_of_a_task_that_is_ended_before_it_took_it_is_dropped() {
        let spare = Arc::new(Spare::default());
        let mut task = waiter(&spare, 1).await;
        spare.give(5).unwrap();
        task.abort_all();
        assert!(task.join_next().await.unwrap().unwrap_err().is_cancelled());
        assert!(spare.lock().seats.is_empty());
    }

    #[tokio::test]
    async fn nothing_is_given_to_a_task_that_was_ended() {
        let spare = Arc::new(Spare::default());
        let mut task = waiter(&spare, 1).await;
        task.abort_all();
        assert!(task.join_next().await.unwrap().unwrap_err().is_cancelled());
        assert_eq!(spare.give(5), Err(5));
    }
}
