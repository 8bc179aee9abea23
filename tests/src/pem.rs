//! One certificate written down in many ways, and which of them openssl reads.

/// A way to write a certificate down.
pub struct Variant {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    /// Whether `openssl x509` reads it, and reads this certificate.
    pub openssl: bool,
}

/// Whatever the certificate (PEM as openssl writes it) can become by hands and tools.
pub fn variants(pem: &str) -> Vec<Variant> {
    let mut all = Vec::new();
    let mut add = |name, openssl, text: String| {
        all.push(Variant { name, bytes: text.into_bytes(), openssl });
    };
    let lines: Vec<&str> = pem.trim().lines().collect();
    let (begin, end) = (lines[0], lines[lines.len() - 1]);
    let body: String = lines[1..lines.len() - 1].concat();
    let framed = |body: &str| format!("{begin}\n{body}\n{end}\n");
    let wrapped = |width: usize| {
        let pieces = body.as_bytes().chunks(width);
        let pieces: Vec<_> = pieces.map(|piece| std::str::from_utf8(piece).unwrap()).collect();
        pieces.join("\n")
    };
    let each = |change: &dyn Fn(&str) -> String| {
        let changed: Vec<_> = lines.iter().map(|line| change(line)).collect();
        changed.join("\n") + "\n"
    };
    let within = |change: &dyn Fn(&str) -> String| {
        each(&|line| if line.starts_with('-') { line.to_owned() } else { change(line) })
    };
    let usual = wrapped(64);

    add("as it was", true, pem.to_owned());
    add("CR LF", true, pem.replace('\n', "\r\n"));
    add("CR alone", false, pem.replace('\n', "\r"));
    add("no last line end", true, pem.trim_end().to_owned());
    add("all in one line", true, framed(&body));
    for width in [1, 16, 48, 76, 77, 253, 254, 255, 300] {
        add("lines of another length", true, framed(&wrapped(width)));
    }

    add("blanks behind lines", true, each(&|line| format!("{line}  ")));
    add("tabs behind lines", true, each(&|line| format!("{line}\t")));
    add("vertical tabs behind lines", true, each(&|line| format!("{line}\x0b")));
    add("blanks before lines", true, within(&|line| format!("  {line}")));
    add("blanks in lines", true, within(&|line| format!("{} {}", &line[..9], &line[9..])));
    add("blanks before all lines", false, each(&|line| format!("  {line}")));
    add("an empty line first", true, framed(&format!("\n{usual}")));
    add("two empty lines first", false, framed(&format!("\n\n{usual}")));
    add("an empty line last", false, framed(&format!("{usual}\n")));
    add("an empty line first, one line", false, framed(&format!("\n{body}")));
    add("a byte order mark", true, format!("\u{feff}{pem}"));

    add("a header", true, framed(&format!("A: b\n\n{usual}")));
    add("a long header", false, framed(&format!("Comment: made by hand\n\n{usual}")));
    add("a folded header", false, framed(&format!("Comment: made\n by hand\n\n{usual}")));
    add("Proc-Type", false, framed(&format!("Proc-Type: 4,MIC-CLEAR\n\n{usual}")));
    let bag = "Bag Attributes\n    localKeyID: 01 02\n    friendlyName: x: y\n\
               subject=CN = customerCA\n\nissuer=CN = customerCA\n";
    add("Bag Attributes", true, format!("{bag}{pem}"));
    add("text before", true, format!("Certificate:\n    Data:\n        Version: 3 (0x2)\n{pem}"));
    add("text behind", true, format!("{pem}\nthe end\n"));
    add("dashes before", true, format!("-----\nhello\n-----\n{pem}"));
    add("a BEGIN that is none", true, format!("-----BEGIN CERTIFICATE\n{pem}"));
    add("X509 CERTIFICATE", true, pem.replace("CERTIFICATE", "X509 CERTIFICATE"));
    add("TRUSTED CERTIFICATE", true, pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE"));
    let other = "-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n";
    add("another block behind", true, format!("{pem}{other}"));

    let mut latin = b"friendlyName: M\xfcller\n".to_vec();
    latin.extend_from_slice(pem.as_bytes());
    all.push(Variant { name: "text in Latin-1 before", bytes: latin, openssl: true });
    all
}

/// What is no certificate, whatever is made of it.
pub fn unreadable(pem: &str) -> Vec<(&'static str, Vec<u8>)> {
    let lines: Vec<&str> = pem.trim().lines().collect();
    let cut = [&lines[..4], &lines[lines.len() - 1..]].concat().join("\n");
    let damaged = pem.replacen(lines[3], &format!("!!!!{}", &lines[3][4..]), 1);
    vec![
        ("nothing", Vec::new()),
        ("no PEM", b"hello".to_vec()),
        ("no END line", pem.replace(lines[lines.len() - 1], "").into_bytes()),
        ("an END line of another kind", pem.replace("END CERT", "END X509 CERT").into_bytes()),
        ("a character that is not base64", damaged.into_bytes()),
        ("a piece", cut.into_bytes()),
        ("a request", pem.replace("CERTIFICATE", "CERTIFICATE REQUEST").into_bytes()),
        ("small letters", pem.to_lowercase().into_bytes()),
        (
            "DER",
            data_encoding::BASE64.decode(lines[1..lines.len() - 1].concat().as_bytes()).unwrap(),
        ),
    ]
}
