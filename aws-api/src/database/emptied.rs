//! A SQLite file that held something and is empty now: it is not begun anew without a word.
use std::fs::File;
use std::path::{Path, PathBuf};

/// The file of a SQLite URL; `None`: it is not one.
fn file_of(url: &str) -> Option<&Path> {
    let file = url.strip_prefix("sqlite://")?;
    Some(Path::new(file.split('?').next()?))
}

/// Beside the file, from its first use on: a start that was killed before that left an empty file,
/// too.
fn mark(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-used");
    name.into()
}

/// An error if the file was used before and nothing is in it. One that is not there was removed by
/// somebody, who wants to begin anew.
pub(super) fn check(url: &str) -> Result<(), String> {
    let Some(file) = file_of(url) else { return Ok(()) };
    let is_empty = std::fs::metadata(file).is_ok_and(|it| it.len() == 0);
    if is_empty && mark(file).exists() {
        return Err(
            "it is empty, and it held KMS's keys and key stores: put a copy back, or remove it to \
             begin anew without them"
                .to_owned(),
        );
    }
    Ok(())
}

/// From now on the file holds something. A disk that has no room for the mark keeps nobody from
/// starting.
pub(super) fn remember(url: &str) {
    if let Some(file) = file_of(url).filter(|file| file.exists())
        && let Err(why) = File::create(mark(file))
    {
        tracing::warn!("{} cannot be made: {why}", mark(file).display());
    }
}
