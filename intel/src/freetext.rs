//! Text in which values stand anywhere: pages and reports, as MISP's feeds of the format `freetext` take them.

use crate::linewise::{LineOut, described};
use crate::value;
use weir_model::IndicatorValue;

/// Reads a line: every word that has the form of a value is one; the others are text, not refusals.
pub(crate) fn line(line: &str, out: &mut LineOut<'_, '_>) {
    let line = line.trim();
    if line.starts_with('#') {
        return;
    }
    let is_between = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\'' | ',' | ';' | '|');
    for word in line.split(is_between) {
        let word = word.trim_matches(|c: char| matches!(c, '.' | '!' | '?' | '(' | ')'));
        if let Ok(value) = value::parse(word)
            && is_telling(&value)
        {
            let said = described(if word.len() < line.len() { line } else { "" });
            out.value(word, Ok(value), said);
        }
    }
}

/// Ends of names that are those of files, in a text more often than top-level domains.
const FILE_ENDS: [&str; 22] = [
    "exe", "dll", "sys", "scr", "bat", "cmd", "vbs", "ps1", "js", "jar", "php", "asp", "aspx", "html", "htm",
    "txt", "doc", "docx", "xls", "pdf", "zip", "rar",
];

fn is_telling(value: &IndicatorValue) -> bool {
    match value {
        IndicatorValue::Domain(name) => {
            name.as_str().rsplit('.').next().is_some_and(|end| !FILE_ENDS.contains(&end))
        }
        // A hash in a text is one of a file.
        IndicatorValue::CertificateSha1(_) | IndicatorValue::CertificateSha256(_) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::load_named;

    #[test]
    fn values_stand_anywhere() {
        let text = "<pre>VX Vault last 100 Links\nhxxp://evil[.]example/a.exe<br>192.0.2.1, dropped as run.exe.\n# evil.example\n\
                    2024-01-02 (C2: bad.example)\n";
        let loaded = load_named("freetext", text);
        let values: Vec<_> = loaded.indicators.iter().map(|indicator| indicator.value.to_string()).collect();
        assert_eq!(values, ["evil.example/a.exe", "192.0.2.1", "bad.example"]);
        assert_eq!(loaded.stats.refused, 0);
    }
}
