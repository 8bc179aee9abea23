//! Frames: `length u32 | id u32 | code u16 | body`, big endian. In a reply, code 0 is success.
use crate::fault::{Fault, Refusal};
use crate::limits::FRAME_MAX;

/// The bytes before the body.
pub const HEADER: usize = 10;
const AFTER_LENGTH: usize = HEADER - 4;

/// One frame, borrowed from the bytes that came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame<'b> {
    /// Chosen by the client; the reply bears it again.
    pub id: u32,
    /// A request's opcode; a reply's fault, 0 for success.
    pub code: u16,
    /// A CBOR map, or nothing.
    pub body: &'b [u8],
}

/// Writes a frame behind what is in `out`; `body` writes the body in place.
pub fn put_frame(out: &mut Vec<u8>, id: u32, code: u16, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(&code.to_be_bytes());
    body(out);
    let length = (out.len() - start - 4) as u32;
    if let Some(head) = out.get_mut(start..start + 4) {
        head.copy_from_slice(&length.to_be_bytes());
    }
}

/// Cuts bytes into frames, without a copy.
#[derive(Debug)]
pub struct Deframer<'b> {
    bytes: &'b [u8],
    used: usize,
}

impl<'b> Deframer<'b> {
    /// Starts at the front of `bytes`.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, used: 0 }
    }

    /// How many bytes the frames so far have taken.
    pub fn used(&self) -> usize {
        self.used
    }

    /// The next whole frame, or `None` until more bytes come. An error ends the connection.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Frame<'b>>, Refusal> {
        let rest = self.bytes.get(self.used..).unwrap_or_default();
        let Some((length, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        if !(AFTER_LENGTH..=FRAME_MAX).contains(&length) {
            return Err(Fault::Malformed.with(format!(
                "a frame of {length} bytes: it must have {AFTER_LENGTH} to {FRAME_MAX}"
            )));
        }
        let Some(frame) = rest.get(..length) else { return Ok(None) };
        let Some((id, frame)) = frame.split_first_chunk::<4>() else { return Ok(None) };
        let Some((code, body)) = frame.split_first_chunk::<2>() else { return Ok(None) };
        self.used += 4 + length;
        Ok(Some(Frame { id: u32::from_be_bytes(*id), code: u16::from_be_bytes(*code), body }))
    }
}
