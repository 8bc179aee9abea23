//! Node to node: keys and deletions that one node missed come over by themselves.
use crate::bed::{Bed, aes, find_all, start};
use crate::disk::Disk;
use crate::line::Line;
use proto::command::cluster::{GetKeyHash, HandleRange, InsertTombstones, KeyHash, ListTombstones};
use proto::command::key::DestroyObjects;
use proto::limits::HANDLES_MAX;
use std::collections::BTreeSet;
use tokio::task::yield_now;

async fn handles(line: &mut Line) -> BTreeSet<u64> {
    line.call(&find_all(0)).await.handles.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_deletions_come_over() {
    let bed = Bed::new();
    let mut options = [bed.options(0), bed.options(1)];
    options.iter_mut().for_each(|options| options.sync_interval_ms = 20);
    let one = start(&options[0], Disk::default()).await.unwrap();
    let two = start(&options[1], Disk::default()).await.unwrap();
    bed.initialize(&one).await;
    bed.join(&one, &two).await;

    let (mut on_one, mut on_two) = (bed.user_line(&one).await, bed.user_line(&two).await);
    let mut made = BTreeSet::new();
    for line in [&mut on_one, &mut on_two] {
        for _ in 0..100 {
            made.insert(line.call(&aes("k", true)).await.handle);
        }
    }
    for line in [&mut on_one, &mut on_two] {
        while handles(line).await != made {
            yield_now().await;
        }
    }

    let gone: Vec<u64> = made.iter().step_by(3).copied().collect();
    on_one.call(&DestroyObjects { handles: gone.clone() }).await;
    made.retain(|handle| !gone.contains(handle));
    for line in [&mut on_two, &mut on_one] {
        while handles(line).await != made {
            yield_now().await;
        }
    }
    one.stop().await.unwrap();
    two.stop().await.unwrap();
}

/// A node that was away learns of more deletions than one request holds; what is deleted on both
/// sides meanwhile is gone on both.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_deletions_come_over_while_keys_are_deleted() {
    let bed = Bed::new();
    let mut options = [bed.options(0), bed.options(1)];
    options.iter_mut().for_each(|options| options.sync_interval_ms = 20);
    let one = start(&options[0], Disk::default()).await.unwrap();
    let two = start(&options[1], Disk::default()).await.unwrap();
    bed.initialize(&one).await;
    bed.join(&one, &two).await;

    let (mut on_one, mut on_two) = (bed.user_line(&one).await, bed.user_line(&two).await);
    let (mut to_one, mut to_two) = (bed.service_line(&one).await, bed.service_line(&two).await);
    let many = HANDLES_MAX as u64;
    for n in 0..25 {
        let first = (1 << 40) + n * many;
        let ranges = vec![HandleRange { first, last: first + many - 1 }];
        to_one.call(&InsertTombstones { ranges }).await;
        for line in [&mut on_one, &mut on_two] {
            let handle = line.call(&aes("k", true)).await.handle;
            line.call(&DestroyObjects { handles: vec![handle] }).await;
        }
    }
    let sums = async |line: &mut Line| -> KeyHash { line.call(&GetKeyHash {}).await };
    while sums(&mut to_one).await != sums(&mut to_two).await {
        yield_now().await;
    }
    let ranges = to_two.call(&ListTombstones { after: 1 << 39 }).await.ranges;
    assert_eq!(ranges, [HandleRange { first: 1 << 40, last: (1 << 40) + 25 * many - 1 }]);
    for line in [&mut on_one, &mut on_two] {
        assert!(handles(line).await.is_empty());
    }
    one.stop().await.unwrap();
    two.stop().await.unwrap();
}
