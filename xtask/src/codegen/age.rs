//! How old the models are that the shapes are made of.
use super::Service;
use super::model::Model;
use time::{Date, Month, OffsetDateTime};

/// One line about a model: of which botocore it is, and how long ago that was released.
pub(super) fn told(service: &Service, model: &Model) -> Result<String, String> {
    let Service { title, name, .. } = service;
    let released = date(&model.released)
        .ok_or_else(|| format!("{name}.json: {:?} is no date", model.released))?;
    let days = (OffsetDateTime::now_utc().date() - released).whole_days();
    Ok(format!(
        "{title}: {} operations, of botocore {}, released on {} ({days} days ago). \
         aws-api/model/refresh.py takes in a newer one",
        model.operations.len(),
        model.botocore,
        model.released
    ))
}

/// `2026-11-20`.
fn date(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-').map(|part| part.parse::<u16>().ok());
    let mut next = || parts.next().flatten();
    let (year, month, day) = (next()?, next()?, next()?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let november = Date::from_calendar_date(2026, Month::November, 20).unwrap();
        assert_eq!(date("2026-11-20"), Some(november));
        for other in ["", "2026-11", "2026-13-01", "2026-02-30", "2026-11-20T00"] {
            assert_eq!(date(other), None, "{other}");
        }
    }
}
