//! The page, rendered from its template: everything that is put in is escaped, but what is marked as safe there.

use minijinja::{AutoEscape, Environment};
use serde_json::Value;

/// The template, section by section.
const PAGE: &str = concat!(
    include_str!("template/head.html"),
    include_str!("template/summary.html"),
    include_str!("template/samples.html"),
    include_str!("template/failures.html"),
    include_str!("template/notes.html"),
    include_str!("template/distributions.html"),
    include_str!("template/map.html"),
    include_str!("template/duplicates.html"),
    include_str!("template/training.html"),
    include_str!("template/time.html"),
    include_str!("template/about.html"),
    include_str!("template/foot.html"),
);

/// Renders the page with these data.
///
/// # Errors
/// When the template and the data don't fit, which is a defect.
pub(super) fn page(data: &Value) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.render_named_str("index.html", PAGE, value(data))
}

fn value(data: &Value) -> minijinja::Value {
    match data {
        Value::Null => minijinja::Value::from(()),
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(value)) => value.into(),
            (None, None) => minijinja::Value::from(()),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(value).collect(),
        Value::Object(fields) => {
            minijinja::Value::from_pairs(fields.iter().map(|(k, v)| (k.as_str(), value(v))))
        }
    }
}
