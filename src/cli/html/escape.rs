//! Text on its way into the page: as markup, and as data for its scripts.

use serde_json::Value;

/// Text that is no markup, also within quotes.
pub(super) fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// A script that gives `window.safelight` these data under a name. Nothing in them ends the script or a line of it,
/// also where it were written into a page.
pub(super) fn script(name: &str, data: &Value) -> String {
    let json = data.to_string();
    let mut out = format!("window.safelight = window.safelight || {{}};\nwindow.safelight.{name} = ");
    for letter in json.chars() {
        match letter {
            // JSON has these within texts only.
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(letter)))
            }
            other => out.push(other),
        }
    }
    out.push_str(";\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn markup_is_text() {
        assert_eq!(
            markup("<img src=x onerror='a(\"&\")'>"),
            "&lt;img src=x onerror=&#39;a(&quot;&amp;&quot;)&#39;&gt;"
        );
    }

    #[test]
    fn data_do_not_end_a_script() {
        let hostile = json!(["</script><!--", "\u{2028}\u{2029}", "\"\\\n", "ü"]);
        let text = script("data", &hostile);
        for bad in ["<", ">", "&", "\u{2028}", "\u{2029}"] {
            assert!(!text.contains(bad), "{bad}");
        }
        let data = text.rsplit_once(" = ").unwrap().1.trim_end().trim_end_matches(';');
        assert_eq!(serde_json::from_str::<Value>(data).unwrap(), hostile);
    }
}
