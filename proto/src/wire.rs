//! CBOR (RFC 8949) written one way and read strictly: shortest headers, definite lengths.
use crate::fault::{Fault, Refusal};
use crate::message::Message;
use minicbor::decode::Error;
use minicbor::{Decoder, Encoder};

/// Writes CBOR behind what is already in a buffer.
pub type Writer<'a> = Encoder<&'a mut Vec<u8>>;

/// Reads CBOR and refuses every second way of writing the same thing.
pub struct Reader<'b>(Decoder<'b>);

/// The bytes of a CBOR header that announces `n`.
fn header_len(n: u64) -> usize {
    match n {
        0..=23 => 1,
        24..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

fn malformed(why: &'static str) -> Refusal {
    Fault::Malformed.with(why)
}

impl<'b> Reader<'b> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self(Decoder::new(bytes))
    }

    fn shortest<T>(
        &mut self,
        read: impl FnOnce(&mut Decoder<'b>) -> Result<T, Error>,
        size: impl FnOnce(&T) -> usize,
    ) -> Result<T, Refusal> {
        let start = self.0.position();
        let value = read(&mut self.0).map_err(|_| malformed("a value is cut short or mistyped"))?;
        if self.0.position() - start != size(&value) {
            return Err(malformed("a length or number is not written in its shortest form"));
        }
        Ok(value)
    }

    /// An unsigned number.
    pub fn u64(&mut self) -> Result<u64, Refusal> {
        self.shortest(Decoder::u64, |n| header_len(*n))
    }

    /// True or false.
    pub fn bool(&mut self) -> Result<bool, Refusal> {
        self.shortest(Decoder::bool, |_| 1)
    }

    /// A byte string.
    pub fn bytes(&mut self) -> Result<&'b [u8], Refusal> {
        self.shortest(Decoder::bytes, |b| header_len(b.len() as u64) + b.len())
    }

    /// A text string.
    pub fn str(&mut self) -> Result<&'b str, Refusal> {
        self.shortest(Decoder::str, |s| header_len(s.len() as u64) + s.len())
    }

    /// The number of elements of the array that follows.
    pub fn array(&mut self) -> Result<u64, Refusal> {
        self.length(Decoder::array)
    }

    /// The number of entries of the map that follows.
    pub fn map(&mut self) -> Result<u64, Refusal> {
        self.length(Decoder::map)
    }

    fn length(
        &mut self,
        read: impl FnOnce(&mut Decoder<'b>) -> Result<Option<u64>, Error>,
    ) -> Result<u64, Refusal> {
        let n = self.shortest(read, |n| header_len(n.unwrap_or(0)))?;
        let n = n.ok_or_else(|| malformed("an indefinite length"))?;
        // Every element takes a byte at least: a larger number is a lie, told to make us allocate.
        let left = self.0.input().len() - self.0.position();
        if n > left as u64 {
            return Err(malformed("an array or map is longer than the message"));
        }
        Ok(n)
    }

    /// The kind of the next value, for values that may be of several.
    pub fn kind(&self) -> Option<minicbor::data::Type> {
        self.0.datatype().ok()
    }

    /// Passes over one value of any kind.
    pub fn skip(&mut self) -> Result<(), Refusal> {
        self.0.skip().map_err(|_| malformed("a value is cut short"))
    }

    /// Fails unless everything has been read.
    pub fn end(&self) -> Result<(), Refusal> {
        if self.0.position() == self.0.input().len() {
            Ok(())
        } else {
            Err(malformed("bytes follow the message"))
        }
    }
}

/// Reads a message that is the whole of `body`. Anything else is [`Fault::Malformed`].
pub fn decode<M: Message>(body: &[u8]) -> Result<M, Refusal> {
    let mut reader = Reader::new(body);
    let message = M::decode(&mut reader)?;
    reader.end()?;
    Ok(message)
}

/// Writes a message behind what is in `out`.
pub fn encode<M: Message>(message: &M, out: &mut Vec<u8>) {
    message.encode(&mut Encoder::new(out));
}
