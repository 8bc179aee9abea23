//! Node to node: keys and deletions that one node missed come over by themselves.
use crate::bed::{Bed, aes, find_all, start};
use crate::disk::Disk;
use crate::line::Line;
use proto::command::key::DestroyObjects;
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
