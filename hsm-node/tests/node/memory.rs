//! What many clients that take no reply cost a node, as the operating system counts it.
use crate::bed::Bed;
use crate::process::{ready, spawn};
use proto::command::cluster::GetCertificates;
use proto::{Command, encode, put_frame};
use std::net::SocketAddr;
use std::time::Duration;
use std::{fs, io, thread};
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

/// Nearly all places of customers.
const CLIENTS: usize = 897;

/// What they may cost together, in MiB, and when they are gone: 873 in all, before.
const COST_MAX: usize = 160;
const LEFT_MAX: usize = 40;

/// A line of the kernel's account of a process, in MiB.
fn memory(pid: u32, line: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|found| found.strip_prefix(line)).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() / 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_take_no_reply_cost_a_bounded_sum_and_it_is_given_back() {
    let bed = Bed::new();
    let mut child = spawn(&bed.folder(3), "127.0.0.1:0");
    let pid = child.id();
    // A node whose log nobody reads waits.
    let mut log = child.stderr.take().unwrap();
    thread::spawn(move || io::copy(&mut log, &mut io::sink()));
    let node: SocketAddr = ready(&mut child)["address"].as_str().unwrap().parse().unwrap();
    bed.initialize(&node).await;
    let before = memory(pid, "VmRSS:");

    let mut requests = Vec::new();
    for id in 0..4_000 {
        let code = GetCertificates::SPEC.opcode as u16;
        put_frame(&mut requests, id, code, |body| encode(&GetCertificates {}, body));
    }
    let mut lines = Vec::new();
    for _ in 0..CLIENTS {
        lines.push(bed.client_line(&node).await);
    }
    // The network takes so much, also when the node reads no more.
    for line in &mut lines {
        line.stream.write_all(&requests).await.unwrap();
        line.stream.flush().await.unwrap();
    }
    // A client's first reply comes when its outbox is full.
    for line in &lines {
        line.stream.get_ref().0.peek(&mut [0]).await.unwrap();
    }
    let there = memory(pid, "VmRSS:");
    // They are given up one after the other; somebody who reads is served all the time.
    while memory(pid, "VmRSS:") > before + LEFT_MAX {
        bed.service_line(&node).await.call(&GetCertificates {}).await;
        sleep(Duration::from_millis(100)).await;
    }
    let (most, after) = (memory(pid, "VmHWM:"), memory(pid, "VmRSS:"));
    println!("MiB: {before} before, {there} when all were there, {most} at most, {after} after");
    assert!(most <= before + COST_MAX, "{before} MiB before, {most} MiB at most");
    drop(lines);
    child.kill().unwrap();
    child.wait().unwrap();
}
