//! CloudHSM CLI's JSON answer: `error_code` and `data`.
use super::Failure;
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;

/// Prints the answer and gives the exit status that goes with it.
pub(super) fn print(result: &Result<Value, Failure>) -> ExitCode {
    let written = writeln!(std::io::stdout().lock(), "{}", text(result));
    match (result, written) {
        (Ok(_), Ok(())) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn text(result: &Result<Value, Failure>) -> String {
    let answer = match result {
        Ok(data) => json!({ "error_code": 0, "data": data }),
        Err(failure) => json!({ "error_code": 1, "data": one_line(&failure.to_string()) }),
    };
    format!("{answer:#}")
}

/// A text of several lines would show as `\n` in JSON: `a`, `  b`, `  c` becomes `a: b; c`.
fn one_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let rest = lines.collect::<Vec<_>>().join("; ");
    if rest.is_empty() { first.to_owned() } else { format!("{first}: {rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_look_like_cloudhsm_clis() {
        let ok = text(&Ok(json!({ "message": "Key deleted successfully" })));
        assert_eq!(
            ok,
            "{\n  \"error_code\": 0,\n  \"data\": {\n    \
             \"message\": \"Key deleted successfully\"\n  }\n}"
        );
        let failed = text(&Err(Failure::NoSuchUser));
        assert_eq!(
            failed,
            "{\n  \"error_code\": 1,\n  \"data\": \"Specified user does not exist\"\n}"
        );
    }

    #[test]
    fn lines_are_joined() {
        for (text, line) in [
            ("one", "one"),
            (
                "failed on 1 of 2 HSMs\n  a: done\n  b: lost",
                "failed on 1 of 2 HSMs: a: done; b: lost",
            ),
            ("", ""),
        ] {
            assert_eq!(one_line(text), line);
        }
    }
}
