//! Reading and patching single properties of an XMP packet, the rest left byte for byte.
//!
//! Tags and attributes are found as XML has them; nothing else of the language is understood. Packets that are
//! not UTF-8 or ASCII are left as they are.

use std::ops::Range;

/// An item of a `Container:Directory`: what stands behind a photograph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// `Primary`, `GainMap`, `MotionPhoto` …
    pub(super) semantic: String,
    /// Bytes; 0 for the first picture.
    pub(super) length: usize,
    /// Bytes between it and the next.
    pub(super) padding: usize,
}

/// Replaces the number in every `name="..."` attribute and `<name>...</name>` element.
pub(super) fn set(packet: &[u8], name: &str, value: &str) -> Vec<u8> {
    let is_number = |range: &Range<usize>| {
        let value = packet.get(range.clone()).unwrap_or_default().trim_ascii();
        !value.is_empty() && value.iter().all(u8::is_ascii_digit)
    };
    let values =
        properties(packet, |found| found == name).into_iter().filter_map(|p| p.value).filter(is_number);
    replace(packet, values.map(|range| (range, value.as_bytes())))
}

/// The packet without the properties whose names (`prefix:local`) `unwanted` picks.
pub(super) fn without(packet: &[u8], unwanted: impl Fn(&str) -> bool) -> Vec<u8> {
    replace(packet, properties(packet, unwanted).into_iter().map(|p| (p.whole, b"".as_slice())))
}

/// True when there is such a property.
pub(super) fn has(packet: &[u8], wanted: impl Fn(&str) -> bool) -> bool {
    !properties(packet, wanted).is_empty()
}

/// The value of a property by its local name, whatever its prefix.
pub(super) fn text<'a>(packet: &'a [u8], local: &str) -> Option<&'a str> {
    let found = properties(packet, |name| name.split_once(':').is_some_and(|(_, rest)| rest == local));
    let range = found.into_iter().find_map(|property| property.value)?;
    std::str::from_utf8(packet.get(range)?).ok().map(str::trim)
}

/// As [`text`], a whole number.
pub(super) fn number(packet: &[u8], local: &str) -> Option<usize> {
    text(packet, local)?.parse().ok()
}

/// The items of the container's directory, in order; empty without one.
pub(super) fn container_items(packet: &[u8]) -> Vec<Item> {
    let directory = properties(packet, |name| name.ends_with(":Directory")).into_iter().next();
    let Some(list) = directory.and_then(|directory| packet.get(directory.whole)) else { return Vec::new() };
    let entries = properties(list, |name| name == "rdf:li");
    let item = |entry: &[u8]| {
        let count = |local| number(entry, local).unwrap_or(0);
        let semantic = text(entry, "Semantic")?.to_owned();
        Some(Item { semantic, length: count("Length"), padding: count("Padding") })
    };
    entries.into_iter().filter_map(|entry| item(packet_part(list, &entry.whole))).collect()
}

fn packet_part<'a>(packet: &'a [u8], range: &Range<usize>) -> &'a [u8] {
    packet.get(range.clone()).unwrap_or_default()
}

/// One packet of a main one and the extension that its `HasExtendedXMP` names; `None` when they don't fit.
pub(super) fn join(main: &[u8], extension: &[u8]) -> Option<Vec<u8>> {
    let inner = |packet: &[u8]| {
        let open = find(packet, b"<rdf:RDF", 0)?;
        let start = open + packet.get(open..)?.iter().position(|&b| b == b'>')? + 1;
        let end = rfind(packet, b"</rdf:RDF>")?;
        (start <= end).then_some(start..end)
    };
    let (at, added) = (inner(main)?.end, extension.get(inner(extension)?)?);
    let joined = [main.get(..at)?, added, main.get(at..)?].concat();
    Some(without(&joined, |name| name == "xmpNote:HasExtendedXMP"))
}

/// A property in a packet, an attribute or an element.
struct Property {
    /// All of it, with the blank before an attribute.
    whole: Range<usize>,
    /// Its value, where that is plain text.
    value: Option<Range<usize>>,
}

/// The attributes and outermost elements whose names `wanted` picks, in order.
fn properties(packet: &[u8], wanted: impl Fn(&str) -> bool) -> Vec<Property> {
    let wanted = |range: &Range<usize>| {
        std::str::from_utf8(packet.get(range.clone()).unwrap_or_default()).is_ok_and(&wanted)
    };
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = find(packet, b"<", at) {
        let rest = packet.get(open..).unwrap_or_default();
        let skip = [("<!--", "-->"), ("<?", "?>"), ("<![CDATA[", "]]>"), ("</", ">")];
        if let Some((start, end)) = skip.iter().find(|(start, _)| rest.starts_with(start.as_bytes())) {
            let Some(close) = find(packet, end.as_bytes(), open + start.len()) else { break };
            at = close + end.len();
            continue;
        }
        let Some(tag) = tag(packet, open) else { break };
        at = tag.end;
        if wanted(&tag.name) {
            let element = element(packet, open, &tag);
            at = element.whole.end;
            found.push(element);
            continue;
        }
        found.extend(tag.attributes.into_iter().filter(|(name, _)| wanted(name)).map(|(name, value)| {
            let blank = packet.get(..name.start).unwrap_or_default();
            let blank = blank.iter().rev().take_while(|b| b.is_ascii_whitespace()).count();
            Property { whole: name.start - blank..value.end + 1, value: Some(value) }
        }));
    }
    found
}

/// An opening tag.
struct Tag {
    name: Range<usize>,
    /// Names and values.
    attributes: Vec<(Range<usize>, Range<usize>)>,
    /// Behind its `>`.
    end: usize,
    empty: bool,
}

/// The tag that opens at `open`; `None` when it is not whole.
fn tag(packet: &[u8], open: usize) -> Option<Tag> {
    let is_name = |b: &u8| !b.is_ascii_whitespace() && !matches!(b, b'=' | b'>' | b'/' | b'<');
    let name_at = |at: usize| {
        let length = packet.get(at..)?.iter().take_while(|b| is_name(b)).count();
        Some(at..at + length)
    };
    let blank =
        |at: usize| Some(at + packet.get(at..)?.iter().take_while(|b| b.is_ascii_whitespace()).count());
    let name = name_at(open + 1)?;
    let mut attributes = Vec::new();
    let mut at = blank(name.end)?;
    loop {
        match packet.get(at)? {
            b'>' => return Some(Tag { name, attributes, end: at + 1, empty: false }),
            b'/' if packet.get(at + 1) == Some(&b'>') => {
                return Some(Tag { name, attributes, end: at + 2, empty: true });
            }
            _ => {
                let attribute = name_at(at)?;
                let equals = blank(attribute.end)?;
                if attribute.is_empty() || packet.get(equals) != Some(&b'=') {
                    return None;
                }
                let quote = blank(equals + 1)?;
                let mark = *packet.get(quote).filter(|q| matches!(q, b'"' | b'\''))?;
                let length = packet.get(quote + 1..)?.iter().position(|&b| b == mark)?;
                attributes.push((attribute, quote + 1..quote + 1 + length));
                at = blank(quote + length + 2)?;
            }
        }
    }
}

/// The element that `tag` opens, up to the end of the packet where it is not closed.
fn element(packet: &[u8], open: usize, tag: &Tag) -> Property {
    if tag.empty {
        return Property { whole: open..tag.end, value: None };
    }
    let name = packet.get(tag.name.clone()).unwrap_or_default();
    let (opening, closing) = ([b"<", name].concat(), [b"</", name].concat());
    let mut depth = 1;
    let mut at = tag.end;
    while let Some(next) = find(packet, b"<", at) {
        let rest = packet.get(next..).unwrap_or_default();
        let ends = |mark: &[u8]| {
            rest.get(mark.len()).is_none_or(|b| b.is_ascii_whitespace() || matches!(b, b'>' | b'/'))
        };
        at = next + 1;
        if rest.starts_with(&closing) && ends(&closing) {
            depth -= 1;
        } else if rest.starts_with(&opening) && ends(&opening) {
            depth += usize::from(self::tag(packet, next).is_none_or(|tag| !tag.empty));
        }
        if depth == 0 {
            let end = rest.iter().position(|&b| b == b'>').map_or(packet.len(), |close| next + close + 1);
            let plain = tag.end..next;
            let is_plain = !packet.get(plain.clone()).unwrap_or_default().contains(&b'<');
            return Property { whole: open..end, value: is_plain.then_some(plain) };
        }
    }
    Property { whole: open..packet.len(), value: None }
}

/// The packet with other bytes in the places given, which are in order and don't overlap.
fn replace<'a>(packet: &[u8], places: impl Iterator<Item = (Range<usize>, &'a [u8])>) -> Vec<u8> {
    let mut out = Vec::with_capacity(packet.len());
    let mut at = 0;
    for (range, new) in places {
        out.extend_from_slice(packet.get(at..range.start).unwrap_or_default());
        out.extend_from_slice(new);
        at = range.end;
    }
    out.extend_from_slice(packet.get(at..).unwrap_or_default());
    out
}

fn find(haystack: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let at = haystack.get(from..)?.windows(needle.len()).position(|window| window == needle)?;
    Some(from + at)
}

fn rfind(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).rposition(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILM: &[u8] = br#"<?xpacket begin=''?><x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="r"><rdf:Description rdf:about="" xmlns:C="c" G:MicroVideo="1" G:MicroVideoOffset='352' dc:format="image/jpeg">
<C:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><C:Item I:Semantic="Primary" I:Padding="8"/></rdf:li>
<rdf:li rdf:parseType="Resource"><C:Item><I:Length>430</I:Length><I:Semantic>GainMap</I:Semantic></C:Item></rdf:li></rdf:Seq></C:Directory>
<dc:title><rdf:Alt><rdf:li>a &lt;b&gt;</rdf:li></rdf:Alt></dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"#;

    #[test]
    fn attributes_and_elements_are_replaced_and_nothing_else() {
        let attribute = br#"<rdf:Description tiff:Orientation="6" tiff:Make="x"/>"#;
        assert_eq!(
            set(attribute, "tiff:Orientation", "1"),
            br#"<rdf:Description tiff:Orientation="1" tiff:Make="x"/>"#
        );
        let element = b"<tiff:ImageWidth>100</tiff:ImageWidth>\n<a>";
        assert_eq!(set(element, "tiff:ImageWidth", "2000"), b"<tiff:ImageWidth>2000</tiff:ImageWidth>\n<a>");
        for odd in [
            b"<a tiff:Orientation=\"x".as_slice(),
            b"tiff:Orientation=\"6\"",
            b"<a tiff:Orientation=6>",
            b"<",
        ] {
            assert_eq!(set(odd, "tiff:Orientation", "1"), odd);
        }
    }

    #[test]
    fn properties_are_read_whatever_their_form() {
        assert_eq!(number(FILM, "MicroVideoOffset"), Some(352));
        let item = |semantic: &str, length, padding| Item { semantic: semantic.into(), length, padding };
        assert_eq!(container_items(FILM), [item("Primary", 0, 8), item("GainMap", 430, 0)]);
        assert!(container_items(b"<a/>").is_empty());
    }

    #[test]
    fn properties_go_and_the_rest_stays() {
        let kept = without(FILM, |name| name.starts_with("G:") || name == "C:Directory");
        let text = std::str::from_utf8(&kept).unwrap();
        assert!(!text.contains("Micro") && !text.contains("Item") && text.contains("dc:title"), "{text}");
        assert!(text.contains(r#"xmlns:C="c" dc:format="image/jpeg">"#), "{text}");
        assert_eq!(without(FILM, |_| false), FILM);
        assert_eq!(without(b"<a><b>1</b><b/><c>", |name| name == "b"), b"<a><c>");
        assert_eq!(without(b"<a><b>1", |name| name == "b"), b"<a>");
    }

    #[test]
    fn an_extension_joins_its_packet() {
        let main = br#"<x><rdf:RDF><rdf:Description xmpNote:HasExtendedXMP="0A" a="1"/></rdf:RDF></x>"#;
        let more = br#"<x><rdf:RDF xmlns:rdf="r"><rdf:Description b="2"/></rdf:RDF></x>"#;
        let joined = br#"<x><rdf:RDF><rdf:Description a="1"/><rdf:Description b="2"/></rdf:RDF></x>"#;
        assert_eq!(join(main, more).as_deref(), Some(joined.as_slice()));
        assert_eq!(join(main, b"<x/>"), None);
    }
}
