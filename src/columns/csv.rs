//! Values as cells of CSV files that spreadsheets take as they are.

use super::Value;

/// What a spreadsheet takes for the beginning of a formula.
const GUARDED: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A value as a cell of the CSV file. Spreadsheets take a text that begins with one of [`GUARDED`] for a formula: an
/// apostrophe goes before it, and before apostrophes before one of them, so that it can be undone.
pub(crate) fn cell(value: &Value) -> String {
    let text = value.text();
    let guarded = matches!(value, Value::Text(_)) && text.trim_start_matches('\'').starts_with(GUARDED);
    if guarded { format!("'{text}") } else { text }
}

/// The text that was written as this cell.
pub(crate) fn unguarded(cell: &str) -> &str {
    let bare = cell.strip_prefix('\'').filter(|rest| rest.trim_start_matches('\'').starts_with(GUARDED));
    bare.unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_texts_that_can_be_undone() {
        for (text, written) in [
            ("=1+1.png", "'=1+1.png"),
            ("+a", "'+a"),
            ("-a", "'-a"),
            ("@a", "'@a"),
            ("\ta", "'\ta"),
            ("\ra", "'\ra"),
            ("'=a", "''=a"),
            ("''-", "'''-"),
            ("'a", "'a"),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(cell(&Value::Text(text.into())), written);
            assert_eq!(unguarded(written), text);
        }
        assert_eq!(cell(&Value::Int(-5)), "-5");
    }
}
