//! The bytes of every command and reply are pinned, and everything but those bytes is refused.
use proto::{Deframer, Fault, Frame, Opcode, put_frame};

/// A command, a request as text and bytes, a reply as text and bytes.
type Sample = (Opcode, &'static str, Vec<u8>, &'static str, Vec<u8>);

fn samples() -> Vec<Sample> {
    let lines: Vec<&str> = include_str!("samples.txt").lines().collect();
    let split = |line: &'static str| line.split_once(' ').unwrap_or((line, ""));
    let sample = |pair: &[&'static str]| {
        let (name, words) = split(pair[0]);
        let opcode = Opcode::named(name).unwrap_or_else(|| panic!("no command {name}"));
        let (reply_name, reply_words) = split(pair[1]);
        assert_eq!(reply_name, opcode.spec().reply_name, "{name}");
        let request = opcode.request_from_text(words).unwrap_or_else(|e| panic!("{name}: {e}"));
        let reply = opcode.reply_from_text(reply_words).unwrap_or_else(|e| panic!("{name}: {e}"));
        (opcode, pair[0], request, pair[1], reply)
    };
    lines.chunks(2).map(sample).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn every_command_has_a_sample_and_its_bytes_do_not_change() {
    let mut out = String::new();
    for (opcode, request_text, request, reply_text, reply) in samples() {
        let mut framed = Vec::new();
        put_frame(&mut framed, 7, opcode as u16, |out| out.extend_from_slice(&request));
        out += &format!("{request_text}\n  {}\n{reply_text}\n  {}\n", hex(&framed), hex(&reply));
        let read = opcode.reply_to_text(&reply).expect("a reply that was just written");
        assert_eq!(read, reply_text, "a reply reads as it was typed");
    }
    for spec in Opcode::ALL {
        assert!(samples().iter().any(|s| s.0 == spec.opcode), "{} has no sample", spec.name);
    }
    expect_test::expect_file!["golden.txt"].assert_eq(&out);
}

#[test]
fn opcodes_are_unique_and_named() {
    let mut codes: Vec<u16> = Opcode::ALL.iter().map(|s| s.opcode as u16).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), Opcode::ALL.len());
    for spec in Opcode::ALL {
        assert_eq!(Opcode::from_code(spec.opcode as u16), Some(spec.opcode));
        assert_eq!(Opcode::named(spec.name), Some(spec.opcode));
        let ascending = |f: &[proto::Field]| f.windows(2).all(|w| w[0].number < w[1].number);
        assert!(ascending(spec.request) && ascending(spec.reply), "{}", spec.name);
    }
}

#[test]
fn every_truncation_and_every_trailing_byte_is_refused() {
    for (opcode, text, request, _, reply) in samples() {
        assert_eq!(opcode.read_request(&request).as_deref(), Ok(&request[..]), "{text}");
        for cut in 0..request.len() {
            assert!(opcode.read_request(&request[..cut]).is_err(), "{text} cut at {cut}");
        }
        for cut in 0..reply.len() {
            assert!(opcode.reply_to_text(&reply[..cut]).is_err(), "reply of {text} cut at {cut}");
        }
        let longer = [&request[..], &[0]].concat();
        assert!(opcode.read_request(&longer).is_err(), "{text} with a trailing byte");
    }
}

#[test]
fn whatever_is_accepted_is_written_in_the_one_right_way() {
    for (opcode, text, request, _, _) in samples() {
        for at in 0..request.len() {
            for flip in [0x01, 0x02, 0x10, 0x18, 0x20, 0x40, 0x80, 0xff] {
                let mut bent = request.clone();
                bent[at] ^= flip;
                if let Ok(again) = opcode.read_request(&bent) {
                    // An unknown odd field is skipped, so what is written again can be shorter.
                    assert!(
                        again == bent || again.len() < bent.len(),
                        "{text} bent at {at} by {flip:#x}"
                    );
                }
            }
        }
    }
}

#[test]
fn second_ways_of_writing_are_refused() {
    let refused = |what: &str, body: &[u8]| {
        let error = Opcode::GetAttributes.read_request(body).expect_err(what);
        assert_eq!(error.fault, Fault::Malformed, "{what}");
    };
    assert!(Opcode::GetAttributes.read_request(&[0xa1, 0x00, 0x07]).is_ok());
    assert!(
        Opcode::GetAttributes.read_request(&[0xa2, 0x00, 0x07, 0x01, 0x00]).is_ok(),
        "an odd field"
    );
    refused("an unknown even field", &[0xa2, 0x00, 0x07, 0x02, 0x00]);
    refused("a field twice", &[0xa2, 0x00, 0x07, 0x00, 0x07]);
    refused("fields out of order", &[0xa2, 0x01, 0x00, 0x00, 0x07]);
    refused("a long number", &[0xa1, 0x00, 0x18, 0x07]);
    refused("a long field number", &[0xa1, 0x18, 0x00, 0x07]);
    refused("a long map header", &[0xb8, 0x01, 0x00, 0x07]);
    refused("an indefinite map", &[0xbf, 0x00, 0x07, 0xff]);
    refused("a missing field", &[0xa0]);
    refused("another type", &[0xa1, 0x00, 0x61, 0x37]);
    refused("a negative number", &[0xa1, 0x00, 0x26]);
    refused("a map that claims a billion entries", &[0xba, 0x3b, 0x9a, 0xca, 0x00]);
    let list = Opcode::DestroyObjects.read_request(&[0xa1, 0x00, 0x9b, 0, 0, 0, 1, 0, 0, 0, 0]);
    assert!(list.is_err(), "a list that claims four billion entries");
    let empty = Opcode::DestroyObjects.read_request(&[0xa1, 0x00, 0x80]);
    assert!(empty.is_err(), "an empty list is left out");
}

#[test]
fn frames_are_cut_wherever_the_bytes_are_split() {
    let mut bytes = Vec::new();
    put_frame(&mut bytes, 1, 0x17, |out| out.extend_from_slice(b"abc"));
    put_frame(&mut bytes, 2, 0x8000, |_| {});
    for split in 0..=bytes.len() {
        let mut front = Deframer::new(&bytes[..split]);
        let mut frames = Vec::new();
        while let Some(frame) = front.next().expect("well-formed") {
            frames.push((frame.id, frame.code, frame.body.to_vec()));
        }
        let rest = bytes[front.used()..].to_vec();
        let mut back = Deframer::new(&rest);
        while let Some(frame) = back.next().expect("well-formed") {
            frames.push((frame.id, frame.code, frame.body.to_vec()));
        }
        assert_eq!(frames, [(1, 0x17, b"abc".to_vec()), (2, 0x8000, vec![])], "split at {split}");
    }
}

#[test]
fn frames_of_impossible_lengths_are_refused_before_they_are_read() {
    for length in [0u32, 5, proto::limits::FRAME_MAX as u32 + 1, u32::MAX] {
        let bytes = length.to_be_bytes();
        assert_eq!(Deframer::new(&bytes).next().expect_err("a bad length").fault, Fault::Malformed);
    }
    let mut largest = Vec::new();
    put_frame(&mut largest, 1, 2, |out| out.resize(out.len() + proto::limits::FRAME_MAX - 6, 0));
    let whole = Deframer::new(&largest).next().expect("the largest frame").expect("whole");
    assert_eq!(whole, Frame { id: 1, code: 2, body: &largest[10..] });
}

#[test]
fn refusals_travel_with_their_detail_and_codes_are_unique() {
    for fault in Fault::ALL {
        let refusal = fault.with("the key 0x7");
        let mut body = Vec::new();
        refusal.encode(&mut body);
        assert_eq!(proto::Refusal::decode(*fault as u16, &body), refusal);
        assert_eq!(proto::Refusal::decode(*fault as u16, &[]), (*fault).into());
        assert_eq!(Fault::ALL.iter().filter(|f| **f as u16 == *fault as u16).count(), 1);
    }
}
