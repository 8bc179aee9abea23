//! Rules of the source that no compiler checks.
use std::fs;
use std::path::{Path, PathBuf};

const COLUMNS: usize = 100;
const FUNCTION_LINES: usize = 70;
const FILE_LINES: usize = 500;
/// Names that say nothing of what is inside.
const EMPTY_NAMES: &[&str] = &[
    "mod", "manager", "helper", "helpers", "util", "utils", "common", "handler", "misc", "data",
    "info",
];

/// Reads every Rust file of the repository, and ARCHITECTURE.md against the folders.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let mut faults = Vec::new();
    let mut files = Vec::new();
    let mut folders = Vec::new();
    walk(root, root, &mut files, &mut folders)?;
    for path in &files {
        let text =
            fs::read_to_string(root.join(path)).map_err(|e| format!("{}: {e}", path.display()))?;
        check_file(path, &text, &mut faults);
    }
    check_architecture(root, &folders, &mut faults)?;
    if files.len() < 50 {
        faults.push(format!("only {} Rust files were found: is the root right?", files.len()));
    }
    if faults.is_empty() {
        eprintln!("xtask: tidy: {} files", files.len());
        return Ok(());
    }
    Err(format!("{}\nxtask: tidy: {} faults", faults.join("\n"), faults.len()))
}

fn walk(
    root: &Path,
    folder: &Path,
    files: &mut Vec<PathBuf>,
    folders: &mut Vec<PathBuf>,
) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let inside = path.strip_prefix(root).unwrap_or(&path).to_owned();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if path.is_dir() {
            walk(root, &path, files, folders)?;
            folders.push(inside);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(inside);
        }
    }
    Ok(())
}

fn check_file(path: &Path, text: &str, faults: &mut Vec<String>) {
    let mut fault =
        |line: usize, what: &str| faults.push(format!("{}:{line}: {what}", path.display()));
    let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    if EMPTY_NAMES.contains(&stem.as_str()) {
        fault(1, "the file's name says nothing of what is inside");
    }
    if !text.lines().next().is_some_and(|l| l.starts_with("//! ") || l.starts_with("#!")) {
        fault(1, "a file begins with a `//!` sentence that says what it is for");
    }
    if crate::codegen::generates(path) {
        return;
    }
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() > FILE_LINES {
        fault(FILE_LINES, &format!("{} lines; a file has up to {FILE_LINES}", lines.len()));
    }
    for (n, line) in lines.iter().enumerate() {
        if line.chars().count() > COLUMNS {
            fault(n + 1, &format!("{} columns; a line has up to {COLUMNS}", line.chars().count()));
        }
        if let Some(length) = function_length(&lines, n).filter(|l| *l > FUNCTION_LINES) {
            fault(n + 1, &format!("a function of {length} lines; it has up to {FUNCTION_LINES}"));
        }
    }
}

/// How many lines the function takes that begins on this line, as rustfmt indents it.
fn function_length(lines: &[&str], start: usize) -> Option<usize> {
    let line = lines.get(start)?;
    let code = line.trim_start();
    let indent = line.len() - code.len();
    let words = ["pub(crate) ", "pub(super) ", "pub ", "async ", "const "];
    let code = words.iter().fold(code, |code, word| code.strip_prefix(word).unwrap_or(code));
    if !code.starts_with("fn ") {
        return None;
    }
    let body = lines.iter().skip(start);
    // A declaration without a body ends with a semicolon before any brace opens.
    if body.clone().find(|l| l.contains('{') || l.ends_with(';')).is_some_and(|l| !l.contains('{'))
    {
        return None;
    }
    if line.ends_with('}') {
        return Some(1);
    }
    let end = format!("{}}}", " ".repeat(indent));
    let length = body.clone().position(|l| *l == end)?;
    Some(length + 1)
}

/// Every folder is in ARCHITECTURE.md, and every path that it names is there.
fn check_architecture(
    root: &Path,
    folders: &[PathBuf],
    faults: &mut Vec<String>,
) -> Result<(), String> {
    let text = fs::read_to_string(root.join("ARCHITECTURE.md"))
        .map_err(|e| format!("ARCHITECTURE.md: {e}"))?;
    for folder in folders.iter().filter(|f| f.components().count() == 1) {
        let name = format!("`{}`", folder.display());
        if !text.contains(&name) {
            faults.push(format!("ARCHITECTURE.md: the folder {name} is not in it"));
        }
    }
    for path in text.split('`').skip(1).step_by(2).filter(|p| p.ends_with(".rs")) {
        if !root.join(path).exists() {
            faults.push(format!("ARCHITECTURE.md: there is no {path}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_a_rule_is_found() {
        let mut faults = Vec::new();
        let long = format!("//! Fine.\n{}\n", "x".repeat(COLUMNS + 1));
        check_file(Path::new("a/util.rs"), &long, &mut faults);
        assert_eq!(faults.len(), 2, "{faults:?}");
        let body = "    x();\n".repeat(FUNCTION_LINES);
        faults.clear();
        check_file(Path::new("a/b.rs"), &format!("pub(crate) fn f() {{\n{body}}}\n"), &mut faults);
        assert_eq!(faults.len(), 2, "no sentence and a long function: {faults:?}");
        faults.clear();
        check_file(
            Path::new("a/c.rs"),
            &format!("//! Fine.\n{}", "// x\n".repeat(FILE_LINES)),
            &mut faults,
        );
        assert_eq!(faults.len(), 1, "{faults:?}");
        faults.clear();
        check_file(Path::new("aws-api/src/model/kms.rs"), &long, &mut faults);
        assert!(faults.is_empty(), "generated: {faults:?}");
    }

    #[test]
    fn the_repository_is_tidy() {
        check(&crate::root()).unwrap_or_else(|why| panic!("{why}"));
    }
}
