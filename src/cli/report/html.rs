//! The report as one small page without scripts.

/// A page that shows `before-after.png` beside it when `pictures` is not empty.
pub(crate) fn page(name: &str, done: usize, pictures: &[String], failures: &[(String, String)]) -> String {
    let mut body =
        format!("<h1>{}</h1>\n<p>{done} images done, {} failed.</p>\n", escape(name), failures.len());
    if !pictures.is_empty() {
        body.push_str(
            "<h2>Before and after</h2>\n<p>The middle of some images, pixel for pixel, top to bottom: ",
        );
        let names: Vec<String> = pictures.iter().map(|p| escape(p)).collect();
        body.push_str(&names.join(", "));
        body.push_str(".</p>\n<img src=\"before-after.png\" alt=\"before (left) and after (right)\">\n");
    }
    if !failures.is_empty() {
        body.push_str("<h2>Failures</h2>\n<table>\n");
        for (path, error) in failures {
            body.push_str(&format!("<tr><td>{}</td><td>{}</td></tr>\n", escape(path), escape(error)));
        }
        body.push_str("</table>\n");
    }
    format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<title>{}</title>\n<style>body{{font:16px sans-serif;max-width:60em;\
         margin:2em auto;padding:0 1em}}td{{border-top:1px solid #ccc;padding:.3em .6em;vertical-align:top}}\
         img{{max-width:100%}}</style>\n{body}",
        escape(name)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_escaped() {
        let page = super::page("<b>", 1, &[], &[("a&b".into(), "<x>".into())]);
        assert!(page.contains("&lt;b&gt;") && page.contains("a&amp;b") && !page.contains("<x>"));
    }
}
