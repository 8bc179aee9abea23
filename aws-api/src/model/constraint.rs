//! What a model demands of members, and AWS's sentences about those that do not meet it.
use super::wire::{Blob, Sensitive, Timestamp};
use regex::Regex;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::OnceLock;

/// Values are repeated whole, as AWS does, but not in any number of sentences: a message has so
/// many, and none more once it is as long as a body may be.
const SHOWN_VIOLATIONS: usize = 20;
const SHOWN_BYTES: usize = 1024 * 1024;

/// A structure of a request.
pub(crate) trait Validate {
    fn validate(&self, found: &mut Violations);
}

/// What a shape of the model demands. `min` and `max` are of a number's value, a string's
/// characters, a blob's bytes, and how many entries lists and maps have.
pub(crate) struct Rule {
    min: Option<i64>,
    max: Option<i64>,
    pattern: Option<Pattern>,
    values: &'static [&'static str],
    each: Option<&'static Rule>,
    keys: Option<&'static Rule>,
}

struct Pattern {
    text: &'static str,
    regex: OnceLock<Option<Regex>>,
}

pub(super) static ANY: Rule = Rule::any();

impl Rule {
    pub(super) const fn any() -> Self {
        Self { min: None, max: None, pattern: None, values: &[], each: None, keys: None }
    }

    /// A pattern matches all of a value or nothing.
    pub(crate) const fn pattern(text: &'static str) -> Self {
        let pattern = Some(Pattern { text, regex: OnceLock::new() });
        Self { min: None, max: None, pattern, values: &[], each: None, keys: None }
    }

    pub(super) const fn min(mut self, min: i64) -> Self {
        self.min = Some(min);
        self
    }

    pub(super) const fn max(mut self, max: i64) -> Self {
        self.max = Some(max);
        self
    }

    pub(super) const fn values(mut self, values: &'static [&'static str]) -> Self {
        self.values = values;
        self
    }

    /// Of a list's elements, or of a map's values.
    pub(super) const fn each(mut self, rule: &'static Rule) -> Self {
        self.each = Some(rule);
        self
    }

    pub(super) const fn keys(mut self, rule: &'static Rule) -> Self {
        self.keys = Some(rule);
        self
    }

    /// The sentences that a value breaks; `None` asks for all.
    fn sentences<T: Check + ?Sized>(&self, value: Option<&T>) -> Vec<String> {
        let size = value.map(Check::size);
        let text = value.and_then(Check::text);
        let what = T::MEASURE;
        let mut all = Vec::new();
        if let Some(max) = self.max.filter(|max| size.is_none_or(|size| size > *max)) {
            all.push(format!("Member must have {what} less than or equal to {max}"));
        }
        if let Some(min) = self.min.filter(|min| size.is_none_or(|size| size < *min)) {
            all.push(format!("Member must have {what} greater than or equal to {min}"));
        }
        if let Some(p) = self.pattern.as_ref().filter(|p| text.is_none_or(|t| !p.matches(t))) {
            all.push(format!("Member must satisfy regular expression pattern: {}", p.text));
        }
        if !self.values.is_empty() && text.is_none_or(|text| !self.values.contains(&text)) {
            all.push(format!("Member must satisfy enum value set: [{}]", self.values.join(", ")));
        }
        all
    }

    /// Whether a text is as demanded.
    pub(crate) fn fits(&self, text: &str) -> bool {
        !self.is_broken_by(&text.to_owned())
    }

    fn is_broken_by<T: Check + ?Sized>(&self, value: &T) -> bool {
        !self.sentences(Some(value)).is_empty()
    }
}

impl Pattern {
    /// A pattern that does not compile matches nothing; a test compiles those of every model.
    fn matches(&self, text: &str) -> bool {
        let regex = self.regex.get_or_init(|| compile(self.text));
        regex.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

/// AWS's services are Java's: its short classes are of ASCII, and the named ones of Unicode.
const SHORT: [(&str, &str); 3] =
    [(r"\d", "[0-9]"), (r"\w", "[0-9A-Za-z_]"), (r"\s", r"[\t\n\x0B\f\r ]")];

pub(super) fn compile(pattern: &str) -> Option<Regex> {
    let java = |text: String, (short, class): (&str, &str)| text.replace(short, class);
    let pattern = SHORT.into_iter().fold(pattern.to_owned(), java);
    Regex::new(&format!("^(?:{pattern})$")).ok()
}

/// What is wrong with a request, collected while its members are walked.
#[derive(Default)]
pub(crate) struct Violations {
    path: String,
    count: usize,
    /// Of the sentences.
    bytes: usize,
    sentences: Vec<String>,
}

impl Violations {
    pub(super) fn optional<T: Check>(&mut self, name: &str, member: &Option<T>, rule: &Rule) {
        if let Some(value) = member {
            self.within(name, |found| value.check(rule, found));
        }
    }

    pub(super) fn required<T: Check>(&mut self, name: &str, member: &Option<T>, rule: &Rule) {
        if member.is_none() {
            self.within(name, |found| found.add(" null", "Member must not be null"));
        }
        self.optional(name, member, rule);
    }

    /// AWS's sentence for all that was found; none if nothing was.
    pub(super) fn message(&self) -> Option<String> {
        let (count, all) = (self.count, self.sentences.join("; "));
        let errors = if count == 1 { "error" } else { "errors" };
        (count > 0).then(|| format!("{count} validation {errors} detected: {all}"))
    }

    fn within(&mut self, name: &str, walk: impl FnOnce(&mut Self)) {
        let outside = self.path.len();
        if outside > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        walk(self);
        self.path.truncate(outside);
    }

    fn add_value<T: Check>(&mut self, value: &T, sentence: &str) {
        if T::SECRET {
            return self.add("", sentence);
        }
        if !self.has_room() {
            return self.count += 1;
        }
        let mut shown = " '".to_owned();
        // Writing to a string does not fail.
        let _ = value.show(&mut shown);
        shown.push('\'');
        self.add(&shown, sentence);
    }

    fn add(&mut self, value: &str, sentence: &str) {
        self.count += 1;
        if self.has_room() {
            let path = &self.path;
            let why = "failed to satisfy constraint";
            let sentence = format!("Value{value} at '{path}' {why}: {sentence}");
            self.bytes += sentence.len();
            self.sentences.push(sentence);
        }
    }

    fn has_room(&self) -> bool {
        self.sentences.len() < SHOWN_VIOLATIONS && self.bytes < SHOWN_BYTES
    }
}

/// A value of a member.
pub(super) trait Check {
    /// Whether sentences leave it out.
    const SECRET: bool = false;
    /// What `size` is.
    const MEASURE: &'static str = "length";
    /// Whether it has members or elements of its own.
    const NESTED: bool = false;

    fn size(&self) -> i64 {
        0
    }

    fn text(&self) -> Option<&str> {
        None
    }

    fn show(&self, to: &mut dyn Write) -> fmt::Result;

    fn check(&self, rule: &Rule, found: &mut Violations)
    where
        Self: Sized,
    {
        for sentence in rule.sentences(Some(self)) {
            found.add_value(self, &sentence);
        }
    }
}

impl Check for String {
    fn size(&self) -> i64 {
        count(self.chars().count())
    }

    fn text(&self) -> Option<&str> {
        Some(self)
    }

    fn show(&self, to: &mut dyn Write) -> fmt::Result {
        to.write_str(self)
    }
}

impl Check for Sensitive {
    const SECRET: bool = true;

    fn size(&self) -> i64 {
        count(self.chars().count())
    }

    fn text(&self) -> Option<&str> {
        Some(self)
    }

    fn show(&self, to: &mut dyn Write) -> fmt::Result {
        to.write_str("***")
    }
}

impl Check for Blob {
    const SECRET: bool = true;

    fn size(&self) -> i64 {
        count(self.len())
    }

    fn show(&self, to: &mut dyn Write) -> fmt::Result {
        to.write_str("***")
    }
}

impl Check for i32 {
    const MEASURE: &'static str = "value";

    fn size(&self) -> i64 {
        i64::from(*self)
    }

    fn show(&self, to: &mut dyn Write) -> fmt::Result {
        write!(to, "{self}")
    }
}

impl Check for bool {
    fn show(&self, to: &mut dyn Write) -> fmt::Result {
        write!(to, "{self}")
    }
}

impl Check for Timestamp {
    fn show(&self, to: &mut dyn Write) -> fmt::Result {
        write!(to, "{}", self.0)
    }
}

impl<T: Validate> Check for T {
    const NESTED: bool = true;

    fn show(&self, to: &mut dyn Write) -> fmt::Result {
        to.write_str("...")
    }

    fn check(&self, _: &Rule, found: &mut Violations) {
        self.validate(found);
    }
}

impl<T: Check> Check for Vec<T> {
    const SECRET: bool = T::SECRET;
    const NESTED: bool = true;

    fn size(&self) -> i64 {
        count(self.len())
    }

    fn show(&self, to: &mut dyn Write) -> fmt::Result {
        to.write_char('[')?;
        show_all(self, to, |element, to| element.show(to))?;
        to.write_char(']')
    }

    /// A broken element that is a structure has its own path. One of another kind is reported with
    /// its list.
    fn check(&self, rule: &Rule, found: &mut Violations) {
        for sentence in rule.sentences(Some(self)) {
            found.add_value(self, &sentence);
        }
        let each = rule.each.unwrap_or(&ANY);
        if T::NESTED {
            for (n, element) in self.iter().enumerate() {
                found.within(&format!("{}.member", n + 1), |found| element.check(each, found));
            }
        } else if self.iter().any(|element| each.is_broken_by(element)) {
            let all = each.sentences::<T>(None).join(", ");
            found.add_value(self, &format!("Member must satisfy constraint: [{all}]"));
        }
    }
}

impl<T: Check> Check for BTreeMap<String, T> {
    const SECRET: bool = T::SECRET;
    const NESTED: bool = true;

    fn size(&self) -> i64 {
        count(self.len())
    }

    fn show(&self, to: &mut dyn Write) -> fmt::Result {
        to.write_char('{')?;
        show_all(self, to, |(key, value), to| {
            write!(to, "{key}=")?;
            value.show(to)
        })?;
        to.write_char('}')
    }

    fn check(&self, rule: &Rule, found: &mut Violations) {
        for sentence in rule.sentences(Some(self)) {
            found.add_value(self, &sentence);
        }
        if let Some(keys) = rule.keys.filter(|rule| self.keys().any(|k| rule.is_broken_by(k))) {
            let all = keys.sentences::<String>(None).join(", ");
            found.add_value(self, &format!("Map keys must satisfy constraint: [{all}]"));
        }
        if let Some(each) = rule.each.filter(|rule| self.values().any(|v| rule.is_broken_by(v))) {
            let all = each.sentences::<T>(None).join(", ");
            found.add_value(self, &format!("Map value must satisfy constraint: [{all}]"));
        }
    }
}

fn show_all<I: IntoIterator>(
    all: I,
    to: &mut dyn Write,
    show: impl Fn(I::Item, &mut dyn Write) -> fmt::Result,
) -> fmt::Result {
    for (n, one) in all.into_iter().enumerate() {
        to.write_str(if n > 0 { ", " } else { "" })?;
        show(one, to)?;
    }
    Ok(())
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
