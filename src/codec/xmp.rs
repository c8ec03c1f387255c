//! Patching single simple properties in an XMP packet, without parsing the rest of its XML.

/// Replaces the value of every `name="..."` attribute and `<name>...</name>` element.
pub(super) fn set(packet: &[u8], name: &str, value: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(packet.len());
    let mut rest = packet;
    while let Some(at) = find(rest, name.as_bytes()) {
        let (before, tail) = rest.split_at(at + name.len());
        out.extend_from_slice(before);
        rest = tail;
        if let Some((start, end)) = value_range(tail) {
            out.extend_from_slice(&tail[..start]);
            out.extend_from_slice(value.as_bytes());
            rest = &tail[end..];
        }
    }
    out.extend_from_slice(rest);
    out
}

/// Where the value stands in what follows a property's name; `None` when it is not a plain value.
fn value_range(tail: &[u8]) -> Option<(usize, usize)> {
    let blank = tail.iter().take_while(|b| b.is_ascii_whitespace()).count();
    let (start, close) = match tail.get(blank)? {
        b'>' => (blank + 1, b'<'),
        b'=' => {
            let skip = tail.get(blank + 1..)?.iter().take_while(|b| b.is_ascii_whitespace()).count();
            let quote = *tail.get(blank + 1 + skip)?;
            (blank + 2 + skip, Some(quote).filter(|q| matches!(q, b'"' | b'\''))?)
        }
        _ => return None,
    };
    let length = tail.get(start..)?.iter().position(|&b| b == close)?;
    // A closing tag is followed by other text up to the next '<'; only numbers are replaced.
    let value = tail.get(start..start + length)?.trim_ascii();
    (!value.is_empty() && value.iter().all(u8::is_ascii_digit)).then_some((start, start + length))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::set;

    #[test]
    fn attributes_and_elements_are_replaced_and_nothing_else() {
        let attribute = br#"<rdf:Description tiff:Orientation="6" tiff:Make="x"/>"#;
        assert_eq!(
            set(attribute, "tiff:Orientation", "1"),
            br#"<rdf:Description tiff:Orientation="1" tiff:Make="x"/>"#
        );
        let element = b"<tiff:ImageWidth>100</tiff:ImageWidth>\n<a>";
        assert_eq!(set(element, "tiff:ImageWidth", "2000"), b"<tiff:ImageWidth>2000</tiff:ImageWidth>\n<a>");
        let odd = b"tiff:Orientation=\"x";
        assert_eq!(set(odd, "tiff:Orientation", "1"), odd);
    }
}
