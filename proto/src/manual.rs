//! Writes PROTOCOL.md from the tables.
use crate::attribute::Attribute;
use crate::command::Opcode;
use crate::fault::Fault;
use crate::limits;
use crate::mechanism::Mechanism;
use crate::message::Field;
use std::fmt::Write as _;

const OPENING: &str = include_str!("manual.md");

fn fields(fields: &[Field]) -> String {
    if fields.is_empty() {
        return "none".to_owned();
    }
    let one = |f: &Field| {
        format!("{} {}: {}{}", f.number, f.name, f.kind, if f.optional { "?" } else { "" })
    };
    fields.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The whole of PROTOCOL.md.
pub fn manual() -> String {
    let mut out = OPENING.to_owned();
    let _ = write!(
        out,
        "\nThe protocol's version is {}. A frame has at most {} bytes behind its length.\n",
        crate::VERSION,
        limits::FRAME_MAX
    );
    commands(&mut out);
    out.push_str("\n## Faults\n\n| code | name | says |\n|---|---|---|\n");
    for f in Fault::ALL {
        let _ = writeln!(out, "| 0x{:04x} | {} | {} |", *f as u16, f.name(), f.says());
    }
    out.push_str("\n## Mechanisms\n\n| number | name | key types | uses |\n|---|---|---|---|\n");
    for m in Mechanism::ALL {
        let keys = m.key_types().iter().map(|k| k.name()).collect::<Vec<_>>().join(", ");
        let uses = m.uses().iter().map(|u| format!("{u:?}").to_lowercase()).collect::<Vec<_>>();
        let _ = writeln!(out, "| 0x{:x} | {} | {keys} | {} |", m.code(), m.name(), uses.join(", "));
    }
    out.push_str("\n## Attributes\n\n| number | name | kind | may change |\n|---|---|---|---|\n");
    for a in Attribute::ALL {
        let _ =
            writeln!(out, "| {} | {} | {:?} | {:?} |", a.code(), a.name(), a.kind(), a.change());
    }
    terms(&mut out);
    out
}

fn commands(out: &mut String) {
    out.push_str("\n## Commands\n");
    let mut family = "";
    for spec in Opcode::ALL {
        if spec.family != family {
            family = spec.family;
            let _ = writeln!(out, "\n### {family}");
        }
        let audit = if spec.audit.is_empty() { "not recorded" } else { spec.audit };
        let _ = writeln!(
            out,
            "\n**0x{:04x} {}** ({}; {}) {}\n- request: {}\n- {}: {}",
            spec.opcode as u16,
            spec.name,
            spec.who.says(),
            audit,
            spec.says,
            fields(spec.request),
            spec.reply_name,
            fields(spec.reply),
        );
    }
    out.push_str("\nMessages inside others:\n\n");
    for (name, inner) in crate::command::inner_messages() {
        let _ = writeln!(out, "- {name}: {}", fields(inner));
    }
}

fn terms(out: &mut String) {
    use crate::terms::{Curve, Hash, KeyClass, KeyType, NodeState, Role};
    out.push_str("\n## Numbers of words\n\n");
    let mut line = |kind: &str, all: Vec<String>| {
        let _ = writeln!(out, "- {kind}: {}", all.join(", "));
    };
    line("role", Role::ALL.iter().map(|v| format!("{} {}", v.code(), v.name())).collect());
    line("class", KeyClass::ALL.iter().map(|v| format!("{} {}", v.code(), v.name())).collect());
    line("key type", KeyType::ALL.iter().map(|v| format!("{} {}", v.code(), v.name())).collect());
    line("curve", Curve::ALL.iter().map(|v| format!("{} {}", v.code(), v.name())).collect());
    line("hash", Hash::ALL.iter().map(|v| format!("0x{:x} {}", v.code(), v.name())).collect());
    line("state", NodeState::ALL.iter().map(|v| format!("{} {}", v.code(), v.name())).collect());
}
