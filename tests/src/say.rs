//! Requests said as values, on whatever answers.
use crate::script::Answering;
use proto::{Command, Refusal};

/// Says a request and expects success.
pub fn say<C: Command>(hsm: &mut impl Answering, connection: &str, request: &C) -> C::Reply {
    try_say(hsm, connection, request).unwrap_or_else(|r| panic!("{}: {r}", request.write()))
}

/// Says a request as a person types it, and expects success.
pub fn say_text<C: Command>(hsm: &mut impl Answering, connection: &str, words: &str) -> C::Reply {
    say(hsm, connection, &C::read(words).expect("a request"))
}

/// Says a request.
pub fn try_say<C: Command>(
    hsm: &mut impl Answering,
    connection: &str,
    request: &C,
) -> Result<C::Reply, Refusal> {
    let mut body = Vec::new();
    proto::encode(request, &mut body);
    match hsm.ask(connection, C::SPEC.opcode, body) {
        (0, body) => Ok(proto::decode(&body).expect("a reply that can be read")),
        (code, body) => Err(Refusal::decode(code, &body)),
    }
}
