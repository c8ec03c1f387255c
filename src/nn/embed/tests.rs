//! Batches: every vector has the bits that it has alone.

use super::*;
use crate::image::{Depth, Samples};
use crate::nn::LoadOptions;
use crate::shown::Show;
use std::path::Path;

fn embedder(path: &str) -> Option<Embedder> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.shown());
        return None;
    }
    let network = Network::load(&path, &LoadOptions::default()).expect("a good model loads");
    Some(Embedder::new(Arc::new(network), &EmbedOptions::default()).expect("embeds"))
}

fn pictures(count: usize) -> Vec<Image> {
    let mut random = Rng::new(3);
    let mut picture = |n: usize| {
        let mut image = Image::new(20 + n % 9, 28, if n.is_multiple_of(3) { 3 } else { 1 }, Depth::U8);
        (0..image.samples.len()).for_each(|i| image.samples.set(i, random.unit() as f32));
        image
    };
    (0..count).map(&mut picture).collect()
}

fn bits(vectors: &[Result<Vec<f32>, EmbedError>]) -> Vec<Option<Vec<u32>>> {
    vectors.iter().map(|v| Some(v.as_ref().ok()?.iter().map(|v| v.to_bits()).collect())).collect()
}

#[test]
fn a_batch_gives_each_picture_the_bits_that_it_has_alone() {
    for path in ["sample_data/models/embed.onnx", "../shared/models/keras_denoise_mnist.onnx"] {
        let Some(embedder) = embedder(path) else { continue };
        assert_eq!(embedder.batch(), 8, "{path} runs in batches that stay in the cache");
        let pictures = pictures(43);
        let alone: Vec<_> = pictures.iter().map(|picture| embedder.embed(picture)).collect();
        let all: Vec<&Image> = pictures.iter().collect();
        // 43 are five times 8, and 3; others end elsewhere and stand in other places.
        for range in [0..43, 1..41, 5..14, 40..43, 7..7] {
            let together = embedder.embed_batch(&all[range.clone()]);
            assert_eq!(bits(&together), bits(&alone[range.clone()]), "{path} {range:?}");
        }
    }
}

#[test]
fn a_bad_picture_in_a_batch_fails_alone() {
    let Some(embedder) = embedder("sample_data/models/embed.onnx") else { return };
    embedder.batch();
    let mut pictures = pictures(40);
    let alone: Vec<_> = pictures.iter().map(|picture| embedder.embed(picture)).collect();
    pictures[17].samples = Samples::U8(vec![0; 5]);
    let together = embedder.embed_batch(&pictures.iter().collect::<Vec<_>>());
    assert!(matches!(together[17], Err(EmbedError::Image(_))));
    let good = |all: &[Result<_, _>]| [bits(&all[..17]), bits(&all[18..])].concat();
    assert_eq!(good(&together), good(&alone));
}
