//! Kinds of failures and of duplicates in words.

/// What a kind of failure means, and what helps.
pub(super) fn meaning(kind: &str) -> &'static str {
    match kind {
        "vanished" => "The file was listed and then gone. The next run looks again.",
        "unreadable" => {
            "The system did not let the file be read. Check permissions and the disk, then retry."
        }
        "not_a_file" => "A pipe, a device or a folder stands where a picture was expected.",
        "changed" => "The file changed while it was read. The next run takes it as it is then.",
        "unsupported" => "A format, or a variety of one, that is not read.",
        "undecodable" => "Not a picture, or a damaged one.",
        "too_large" => "More pixels than limits.pixels allows.",
        "over_memory" => "More memory than limits.memory allows for one picture.",
        "model" => "The network could not run on this picture.",
        "bad_result" => "The network ran, and its result is not a picture. The original is untouched.",
        "encode" => "The result could not be written in the format asked for.",
        "output_name" => "The output's name can't be used here.",
        "collision" => "Another input has the same output name.",
        "no_reference" => "No clean picture to compare with was found, or it does not fit.",
        "exists" => "A file that safelight did not write stands at the output's name. It was left alone.",
        "edited" => "Somebody changed the output since it was written. It was left alone.",
        "panic" => "A defect of safelight, caught. Please report it.",
        _ => "",
    }
}

/// A class of duplicates as a title, and what it means.
pub(super) fn class(class: &str) -> (&'static str, &'static str) {
    match class {
        "identical" => ("Identical", "The same bytes, or the same pixels."),
        "near" => ("Near", "The same shot: resized, recompressed, or cropped a little."),
        _ => ("Similar", "Look-alikes, told by the embedding alone."),
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;

    #[test]
    fn every_kind_of_failure_has_a_meaning() {
        for kind in ErrorKind::ALL.iter().map(|(kind, _)| kind.name()) {
            assert!(!super::meaning(kind).is_empty(), "{kind}");
        }
    }
}
