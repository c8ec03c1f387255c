//! What a file is, by its first bytes; names count only where those can't tell.

use super::error::WeightsError;
use super::safe;
use super::torch::{Archive, MAGIC};
use std::path::Path;

/// What can be read here, or is named.
pub(super) enum Content {
    Safetensors,
    /// A zip archive of `torch.save`.
    Zip(Archive),
    /// A file of `torch.save` before PyTorch 1.6.
    Legacy,
    /// Likely ONNX, at least nothing else that is known.
    Else,
}

const UNPACK: &str = "unpack it and take the weights file inside";
const FETCH: &str = "download the file itself";
const TORCH: &str = "take the .pth or .safetensors file that it was made from, or an ONNX export";
const KERAS: &str = "export it to ONNX (python -m tf2onnx.convert)";

/// What `bytes` are; an error where they are nothing that can be run.
pub(super) fn content(bytes: &[u8], path: &Path) -> Result<Content, WeightsError> {
    let other = |kind: &str, advice| Err(WeightsError::OtherKind { kind: kind.into(), advice });
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let begins = |start: &[u8]| bytes.starts_with(start);
    // What a text begins with, spaces apart.
    let head = bytes.get(..512).unwrap_or(bytes).trim_ascii_start().to_ascii_lowercase();
    if begins(b"PK\x03\x04") || begins(b"PK\x05\x06") {
        return zip(bytes);
    }
    if begins(MAGIC) {
        return Ok(Content::Legacy);
    }
    if head.starts_with(b"version https://git-lfs") {
        return other(
            "a pointer of Git LFS to a file elsewhere",
            "fetch the file itself (git lfs pull, or the \
            site's download button)",
        );
    }
    if head.starts_with(b"<!doctype html") || head.starts_with(b"<html") {
        return other("a web page", FETCH);
    }
    if begins(b"GGUF") || begins(b"lmgg") || begins(b"tjgg") || begins(b"fmgg") {
        return other("a GGUF (GGML) file", TORCH);
    }
    if begins(b"7767517") || (name.ends_with(".param") && head.first().is_some_and(u8::is_ascii_digit)) {
        return other("the graph of an ncnn model (.param)", TORCH);
    }
    if begins(&[0x47, 0x6B, 0x30, 0x01]) || begins(&[0x38, 0x4B, 0x0D, 0]) || begins(&[0x56, 0xC0, 0x02, 0]) {
        return other("the weights of an ncnn model (.bin)", TORCH);
    }
    if begins(b"\x89HDF\r\n\x1A\n") {
        return other("an HDF5 file (Keras)", KERAS);
    }
    if bytes.get(4..8) == Some(b"TFL3") {
        return other("a TensorFlow Lite model", "export the model that it was made from to ONNX");
    }
    if is_tensorflow(bytes) {
        return other("a TensorFlow graph", KERAS);
    }
    if safe::begins(bytes) {
        return Ok(Content::Safetensors);
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return other(
            "a tar archive",
            "if it is a .pth file of PyTorch 0.1, save it again with a current PyTorch; \
            otherwise unpack it",
        );
    }
    for (start, kind) in [
        (&b"\x1F\x8B"[..], "a gzip archive"),
        (b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive"),
        (b"Rar!", "a RAR archive"),
        (b"\xFD7zXZ", "an xz archive"),
        (b"\x28\xB5\x2F\xFD", "a Zstandard archive"),
    ] {
        if begins(start) {
            return other(kind, UNPACK);
        }
    }
    for (start, kind) in [(&b"\x89PNG"[..], "a PNG picture"), (b"\xFF\xD8\xFF", "a JPEG picture")] {
        if begins(start) {
            return other(kind, "give the model's file");
        }
    }
    if begins(b"\x93NUMPY") {
        return other("a NumPy array", "give the model's file");
    }
    if head.starts_with(b"<?xml") || head.starts_with(b"<net") {
        return other("XML (the graph of an OpenVINO model?)", TORCH);
    }
    if let [0x80, 2..=5, ..] = bytes {
        return other(
            "a pickle of something else than PyTorch's",
            "save the model's state dict with torch.save, or \
            export it to ONNX",
        );
    }
    // Files of ONNX begin with their version.
    if begins(&[8]) {
        return Ok(Content::Else);
    }
    if let Some(ending) = [".pth", ".pt", ".ckpt", ".safetensors"].into_iter().find(|end| name.ends_with(end))
    {
        let known = bytes.first_chunk::<4>().map(|b| format!("{b:02x?}")).unwrap_or_default();
        return other(
            &format!("no {ending} file by its content (it begins with {known})"),
            "download it again",
        );
    }
    if name.ends_with(".bin") {
        return other("a .bin file of unknown content (ncnn?)", TORCH);
    }
    Ok(Content::Else)
}

/// A SavedModel, or a frozen graph: nodes with names and operators of TensorFlow, where ONNX has a version first.
fn is_tensorflow(bytes: &[u8]) -> bool {
    let start = bytes.get(..4096).unwrap_or(bytes);
    let has = |word: &[u8]| start.windows(word.len()).any(|window| window == word);
    match bytes {
        [0x0A, ..] => has(b"Placeholder") || has(b"\x12\x05Const"),
        [8, 1, 0x12, ..] => {
            has(b"tensorflow") || has(b"saved_model") || has(b"_DerivedAttribute") || has(b"VarHandleOp")
        }
        _ => false,
    }
}

fn zip(bytes: &[u8]) -> Result<Content, WeightsError> {
    let other = |kind: &str, advice| Err(WeightsError::OtherKind { kind: kind.into(), advice });
    let archive = Archive::read(bytes)?;
    let has = |name: &str| archive.folder_of(name).is_some();
    let ends = |end: &str| archive.files.iter().any(|(name, _)| name.ends_with(end));
    if has("data.pkl") {
        // Its code tells a program from mere data.
        let program = has("constants.pkl") || archive.files.iter().any(|(name, _)| name.contains("/code/"));
        return match program {
            true => other(
                "a TorchScript program",
                "take the state dict (.pth or .safetensors) that it was made from, or \
                export it to ONNX",
            ),
            false => Ok(Content::Zip(archive)),
        };
    }
    if has("config.json") && ends("weights.h5") {
        return other("a Keras model", KERAS);
    }
    if has("Manifest.json") || ends(".mlmodel") {
        return other("a Core ML package", TORCH);
    }
    if !archive.files.is_empty() && archive.files.iter().all(|(name, _)| name.ends_with(".npy")) {
        return other("an archive of NumPy arrays (.npz)", TORCH);
    }
    let names: Vec<_> = archive.files.iter().take(3).map(|(name, _)| name.as_str()).collect();
    other(&format!("a zip archive ({})", names.join(", ")), UNPACK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(bytes: &[u8], name: &str) -> String {
        match content(bytes, Path::new(name)) {
            Ok(Content::Else) => "else".into(),
            Ok(_) => "read".into(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn wrong_files_are_named_for_what_they_are() {
        let graph = b"\x0a\x20\x0a\x05input\x12\x0bPlaceholder*\x0b";
        for (bytes, name, wanted) in [
            (&b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n"[..], "a.pth", "Git LFS"),
            (b"\n <!DOCTYPE HTML><html>", "a.pth", "web page"),
            (b"<html><body>", "a.onnx", "web page"),
            (b"GGUF\x03\0\0\0", "a.safetensors", "GGUF"),
            (b"7767517\n75 83\nInput", "a.param", "ncnn"),
            (b"\x47\x6B\x30\x01\0\0", "a.bin", "ncnn"),
            (b"\0\0\0\0\x12\x34", "a.bin", "ncnn"),
            (b"\x89HDF\r\n\x1A\n\0", "a.h5", "Keras"),
            (b"\x1c\0\0\0TFL3\0\0", "a.tflite", "TensorFlow Lite"),
            (graph, "a.pb", "TensorFlow graph"),
            (b"\x1F\x8B\x08\0", "a.pth.gz", "gzip"),
            (b"\x80\x04\x95\x10", "a.pkl", "pickle of something else"),
            (b"\x93NUMPY\x01", "a.npy", "NumPy"),
            (b"garbage", "a.pth", "no .pth file"),
            (b"", "a.safetensors", "no .safetensors file"),
            (b"PK\x03\x04cut off", "a.pth", "no whole zip archive"),
        ] {
            let told = kind(bytes, name);
            assert!(told.contains(wanted), "{name}: {told}");
        }
        assert_eq!(kind(b"\x08\x08\x12\x07pytorch", "a.onnx"), "else");
        assert_eq!(kind(b"\x08\x01\x12\x07pytorch", "a.onnx"), "else");
    }
}
