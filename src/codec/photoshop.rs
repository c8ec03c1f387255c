//! Photoshop image resources (`8BIM` …), which hold IPTC captions and keywords.

/// Photoshop image resources without the thumbnails (0x0409, 0x040C), which show the old picture.
///
/// Resources that can't be read, and what follows them, are left out; then the second value is false.
pub(super) fn without_thumbnails(resources: &[u8]) -> (Vec<u8>, bool) {
    let mut kept = Vec::with_capacity(resources.len());
    let mut rest = resources;
    while let Some((resource, id)) = first_resource(rest) {
        if !matches!(id, 0x0409 | 0x040C) {
            kept.extend_from_slice(resource);
        }
        rest = rest.get(resource.len()..).unwrap_or_default();
    }
    (kept, rest.iter().all(|&b| b == 0))
}

/// IPTC records as a Photoshop image resource.
pub(super) fn as_resource(records: &[u8]) -> Vec<u8> {
    let mut resource = b"8BIM\x04\x04\0\0".to_vec();
    resource.extend(u32::try_from(records.len()).unwrap_or(u32::MAX).to_be_bytes());
    resource.extend_from_slice(records);
    resource.extend(std::iter::repeat_n(0, records.len() % 2));
    resource
}

/// The first resource with its header, and its id.
fn first_resource(bytes: &[u8]) -> Option<(&[u8], u16)> {
    let id = u16::from_be_bytes(*bytes.strip_prefix(b"8BIM")?.first_chunk::<2>()?);
    let name = (1 + usize::from(*bytes.get(6)?)).next_multiple_of(2);
    let size = u32::from_be_bytes(*bytes.get(6 + name..)?.first_chunk::<4>()?) as usize;
    let end = 10 + name + size;
    bytes.get(..end)?;
    // The last resource's padding may be missing.
    bytes.get(..end.next_multiple_of(2).min(bytes.len())).map(|resource| (resource, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photoshop_thumbnails_go_and_iptc_stays() {
        let iptc = *b"8BIM\x04\x04\0\0\0\0\0\x03abc\0";
        let thumbnail = *b"8BIM\x04\x0c\0\0\0\0\0\x02xy";
        let all = [iptc.as_slice(), &thumbnail, &iptc].concat();
        assert_eq!(without_thumbnails(&all), ([iptc, iptc].concat(), true));
        assert_eq!(as_resource(b"abc"), iptc);
        assert_eq!(without_thumbnails(b"8BIM\x04\x04\0\0\xff\xff\xff\xff"), (vec![], false));
        assert_eq!(without_thumbnails(b"\0\0"), (vec![], true));
    }
}
