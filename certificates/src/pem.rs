//! Cutting PEM files, with whatever stands between and in their blocks, into DER: all that openssl
//! reads is read (lines of any length, blanks, CR LF, headers, text around).
use crate::CertificateError;

/// A block whose END line is to come.
struct Block<'t> {
    label: &'t str,
    lines: Vec<&'t str>,
}

/// The DER of every block that has one of `labels`, in their order. At least one; a block that
/// cannot be read is not passed over.
pub(crate) fn blocks(text: &str, labels: &[&str]) -> Result<Vec<Vec<u8>>, CertificateError> {
    let (mut found, mut others) = (Vec::new(), Vec::new());
    let mut open: Option<Block<'_>> = None;
    let wanted = |block: &Block<'_>| labels.contains(&block.label);
    for line in text.split(['\n', '\r']).map(|line| line.trim_matches(is_blank)) {
        if let Some(label) =
            line.strip_prefix("-----BEGIN ").and_then(|it| it.strip_suffix("-----"))
        {
            if open.as_ref().is_some_and(wanted) {
                return Err(malformed(labels, "a block has no END line"));
            }
            open = Some(Block { label, lines: Vec::new() });
        } else if let Some(end) = line.strip_prefix("-----END ") {
            match open.take() {
                Some(block) if wanted(&block) => found.push(block.decode(end, labels)?),
                Some(block) => others.push(block.label),
                None => {}
            }
        } else if let Some(block) = &mut open {
            block.lines.push(line);
        }
    }
    match open {
        Some(block) if wanted(&block) => Err(malformed(labels, "a block has no END line")),
        _ if found.is_empty() => Err(malformed(labels, &instead(text, &others))),
        _ => Ok(found),
    }
}

fn is_blank(character: char) -> bool {
    character <= ' ' || character == '\u{feff}'
}

/// What a text has that has no such block.
fn instead(text: &str, others: &[&str]) -> String {
    match others.first() {
        Some(label) => format!("there is a {label} in it, and no such block"),
        // As bytes that are no text are shown.
        None if text.starts_with("0\u{fffd}") => "it seems to be DER: write it as PEM with \
             `openssl x509 -inform DER -in FILE -out FILE.pem`"
            .to_owned(),
        None => "there is no such block".to_owned(),
    }
}

impl Block<'_> {
    fn decode(self, end: &str, labels: &[&str]) -> Result<Vec<u8>, CertificateError> {
        let Self { label, lines } = self;
        if !end.strip_prefix(label).is_some_and(|behind| behind.starts_with("-----")) {
            return Err(malformed(labels, "the END line of a block is of another kind"));
        }
        // RFC 1421: headers, and a line between them and the body.
        let headers = match lines.iter().any(|line| line.contains(':')) {
            true => lines.iter().skip_while(|line| line.is_empty()).position(|it| it.is_empty()),
            false => None,
        };
        let leading = lines.iter().take_while(|line| line.is_empty()).count();
        let body = lines.get(headers.map_or(0, |behind| leading + behind)..).unwrap_or_default();
        let body = body.concat();
        let block = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
        let parsed = pem::parse(block);
        Ok(parsed
            .map_err(|why| malformed(labels, &format!("a block is damaged: {why}")))?
            .into_contents())
    }
}

fn malformed(labels: &[&str], why: &str) -> CertificateError {
    let label = labels.first().copied().unwrap_or_default();
    CertificateError::Malformed(format!(
        "it cannot be read as a PEM text with -----BEGIN {label}-----: {why}; give the whole file \
         as openssl wrote it"
    ))
}
