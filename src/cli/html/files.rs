//! The files of a report that are the same for all.

/// Styles and scripts, each with its name in the folder. Scripts are loaded in this order.
pub(super) const ASSETS: [(&str, &str); 6] = [
    ("report.css", include_str!("assets/report.css")),
    ("theme.js", include_str!("assets/theme.js")),
    ("text.js", include_str!("assets/text.js")),
    ("samples.js", include_str!("assets/samples.js")),
    ("failures.js", include_str!("assets/failures.js")),
    ("map.js", include_str!("assets/map.js")),
];
