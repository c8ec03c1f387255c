//! The sample archive: the scenes as a family's cameras, phones and scanners would have kept them.

use super::degrade::{camera_noise, film_grain};
use super::rng::SplitMix64;
use super::scenes::{Scene, scene};
use image::codecs::{bmp::BmpEncoder, png::PngEncoder, tiff::TiffEncoder, webp::WebPEncoder};
use image::{ExtendedColorType, ImageEncoder};
use safelight::image::gray::to_gray;
use safelight::image::{Depth, Image};
use std::io::Cursor;

/// A sample file that couldn't be encoded: a fault of the program, not of its user.
#[derive(Debug, thiserror::Error)]
#[error("can't encode the sample {file}: {source}; please report this as a bug")]
pub struct SampleError {
    /// Path of the file within the archive.
    file: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

type Encoded = Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>>;

const NOTES: &str = "\
The pictures in this folder are made up: drawn by a program, then given the noise of small sensors,
film grain and JPEG compression. The files in broken/ are broken on purpose.
";

/// A small archive of noisy pictures: (path with forward slashes, file's bytes), sorted by path,
/// about 2 MB in all. The same seed gives the same archive.
///
/// Holds JPEG, PNG, TIFF, WebP and BMP in colour and gray, 8 and 16 bits, with alpha, with EXIF and a
/// turned orientation; besides a cut-off JPEG, a text file that is called one, and notes.
pub fn archive(seed: u64) -> Result<Vec<(String, Vec<u8>)>, SampleError> {
    let mut files = Vec::new();
    let mut add = |path: &str, bytes: Encoded| {
        let bytes = bytes.map_err(|source| SampleError { file: path.to_owned(), source })?;
        files.push((path.to_owned(), bytes));
        Ok(())
    };
    let mut stream = 0;
    // Every picture has random numbers of its own, so that one can change without the others.
    let mut rng = || {
        stream += 1;
        SplitMix64::new(seed.wrapping_mul(1000).wrapping_add(stream))
    };
    let camera = |date| exif("Halden", "Compact 7", 1, date);

    let lake = camera_noise(&scene(Scene::Lake, 512, 384, seed), 0.020, 0.010, &mut rng());
    add("2019/lake.jpg", jpeg(&lake, 90, &camera("2019:06:02 18:41:07")))?;
    let house = scene(Scene::House, 512, 384, seed);
    let noisy = camera_noise(&house, 0.014, 0.010, &mut rng());
    add("2019/house.jpg", jpeg(&noisy, 92, &camera("2019:05:18 11:20:45")))?;
    add("2019/house-tripod.jpg", jpeg(&house, 90, &camera("2019:05:18 11:24:10")))?;
    let leaves = camera_noise(&scene(Scene::Leaves, 448, 336, seed), 0.016, 0.008, &mut rng());
    add("2019/autumn/leaves.jpg", jpeg(&leaves, 90, &camera("2019:10:27 15:03:31")))?;
    let fruit = camera_noise(&scene(Scene::Fruit, 352, 264, seed), 0.018, 0.012, &mut rng());
    add("2019/summer/fruit.png", png(&fruit, Depth::U8))?;
    let night = camera_noise(&scene(Scene::Night, 448, 336, seed), 0.012, 0.010, &mut rng());
    add("2021/night.jpg", jpeg(&night, 88, &camera("2021:11:06 21:55:12")))?;

    let cat = camera_noise(&scene(Scene::Cat, 330, 440, seed), 0.020, 0.010, &mut rng());
    let phone = exif("Fjord", "F3", 6, "2022:02:13 10:17:26");
    let cat = jpeg(&quarter_turn(&cat), 90, &phone);
    add("phone/rotated.jpg", cat)?;
    let snap = camera_noise(&scene(Scene::Leaves, 224, 168, seed.wrapping_add(1)), 0.012, 0.008, &mut rng());
    add("phone/snap.webp", webp(&snap))?;

    let page = camera_noise(&to_gray(&scene(Scene::Page, 384, 512, seed)), 0.010, 0.02, &mut rng());
    add("scans/page-1.png", png(&page, Depth::U8))?;
    let mut blank = Image::new(180, 240, 1, Depth::F32);
    (0..180 * 240).for_each(|i| blank.samples_mut().set(i, 0.93));
    add("scans/page-2-blank.png", png(&camera_noise(&blank, 0.0, 0.007, &mut rng()), Depth::U8))?;
    let portrait = film_grain(&scene(Scene::Portrait, 240, 320, seed), 0.07, &mut rng());
    add("scans/old.tif", tiff(&portrait))?;
    let film = film_grain(&to_gray(&scene(Scene::Lake, 320, 240, seed.wrapping_add(1))), 0.065, &mut rng());
    add("scans/film-16bit.png", png(&film, Depth::U16))?;

    let sprite = camera_noise(&scene(Scene::Sprite, 160, 160, seed), 0.010, 0.006, &mut rng());
    add("art/sprite.png", png(&sprite, Depth::U8))?;
    let print = camera_noise(&scene(Scene::House, 160, 120, seed.wrapping_add(1)), 0.020, 0.012, &mut rng());
    add("prints/small.bmp", bmp(&print))?;

    let whole = jpeg(
        &camera_noise(&scene(Scene::Fruit, 256, 192, seed.wrapping_add(1)), 0.012, 0.01, &mut rng()),
        90,
        &[],
    );
    add(
        "broken/truncated.jpg",
        whole.map(|mut bytes| {
            bytes.truncate(bytes.len() * 2 / 5);
            bytes
        }),
    )?;
    add("broken/not-an-image.jpg", Ok(b"This is not a picture, whatever its name says.\n".to_vec()))?;
    add("notes.txt", Ok(NOTES.as_bytes().to_vec()))?;
    files.sort();
    Ok(files)
}

/// The picture as a sensor held sideways stores it: EXIF orientation 6 turns it back upright.
fn quarter_turn(image: &Image) -> Image {
    let (w, h) = (image.height(), image.width());
    let mut out = Image::new(w, h, image.channels(), image.depth());
    for y in 0..h {
        for x in 0..w {
            for c in 0..image.channels() {
                out.samples_mut().set((y * w + x) * image.channels() + c, image.at(h - 1 - y, x, c));
            }
        }
    }
    out
}

fn bytes8(image: &Image) -> Vec<u8> {
    let value = |v: f32| (v * 255.0).round().clamp(0.0, 255.0) as u8;
    interleaved(image).map(value).collect()
}

/// Samples in \[0, 1\] pixel by pixel, alpha after the colour.
fn interleaved(image: &Image) -> impl Iterator<Item = f32> {
    (0..image.width() * image.height()).flat_map(move |i| {
        let colour = (0..image.channels()).map(move |c| image.samples().get(i * image.channels() + c));
        colour.chain(image.alpha().as_ref().map(|a| a.get(i)))
    })
}

fn jpeg(image: &Image, quality: u8, exif: &[u8]) -> Encoded {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    if !exif.is_empty() {
        encoder.add_app_segment(1, exif.to_vec())?;
    }
    let (w, h) = (u16::try_from(image.width())?, u16::try_from(image.height())?);
    encoder.encode(&bytes8(image), w, h, jpeg_encoder::ColorType::Rgb)?;
    Ok(bytes)
}

fn png(image: &Image, depth: Depth) -> Encoded {
    use ExtendedColorType::{L8, L16, Rgb8, Rgba8};
    let mut bytes = Vec::new();
    let (data, kind) = match (depth, image.channels(), image.alpha().is_some()) {
        (Depth::U16, _, _) => {
            let value = |v: f32| ((v * 65535.0).round().clamp(0.0, 65535.0) as u16).to_ne_bytes();
            (interleaved(image).flat_map(value).collect(), L16)
        }
        (_, 1, _) => (bytes8(image), L8),
        (_, _, false) => (bytes8(image), Rgb8),
        (_, _, true) => (bytes8(image), Rgba8),
    };
    PngEncoder::new(&mut bytes).write_image(&data, image.width() as u32, image.height() as u32, kind)?;
    Ok(bytes)
}

fn tiff(image: &Image) -> Encoded {
    let mut file = Cursor::new(Vec::new());
    let (w, h) = (image.width() as u32, image.height() as u32);
    TiffEncoder::new(&mut file).write_image(&bytes8(image), w, h, ExtendedColorType::Rgb8)?;
    Ok(file.into_inner())
}

fn webp(image: &Image) -> Encoded {
    let mut bytes = Vec::new();
    let (w, h) = (image.width() as u32, image.height() as u32);
    WebPEncoder::new_lossless(&mut bytes).write_image(&bytes8(image), w, h, ExtendedColorType::Rgb8)?;
    Ok(bytes)
}

fn bmp(image: &Image) -> Encoded {
    let mut bytes = Vec::new();
    let (w, h) = (image.width() as u32, image.height() as u32);
    BmpEncoder::new(&mut bytes).write_image(&bytes8(image), w, h, ExtendedColorType::Rgb8)?;
    Ok(bytes)
}

/// A small EXIF segment (little-endian TIFF with one directory): make, model, orientation, date.
fn exif(make: &str, model: &str, orientation: u16, date: &str) -> Vec<u8> {
    let texts = [(0x010fu16, make), (0x0110, model), (0x0132, date)].map(|(tag, t)| (tag, format!("{t}\0")));
    let entries = 4u16;
    // Header, entry count, entries and the link to a next directory come before the texts.
    let mut at = 8 + 2 + 12 * u32::from(entries) + 4;
    let mut directory = Vec::new();
    let mut tail = Vec::new();
    for (tag, text) in &texts {
        let mut entry = Vec::from(tag.to_le_bytes());
        entry.extend(2u16.to_le_bytes());
        entry.extend((text.len() as u32).to_le_bytes());
        if text.len() <= 4 {
            let mut inline = text.clone().into_bytes();
            inline.resize(4, 0);
            entry.extend(inline);
        } else {
            entry.extend(at.to_le_bytes());
            // Values start at even offsets.
            tail.extend(text.bytes().chain((text.len() % 2 == 1).then_some(0)));
            at += text.len().next_multiple_of(2) as u32;
        }
        directory.push((*tag, entry));
    }
    let mut entry = Vec::from(0x0112u16.to_le_bytes());
    entry.extend(3u16.to_le_bytes());
    entry.extend(1u32.to_le_bytes());
    entry.extend(u32::from(orientation).to_le_bytes());
    directory.push((0x0112, entry));
    directory.sort();
    let mut out = b"Exif\0\0II*\0\x08\0\0\0".to_vec();
    out.extend(entries.to_le_bytes());
    directory.into_iter().for_each(|(_, entry)| out.extend(entry));
    out.extend(0u32.to_le_bytes());
    out.extend(tail);
    out
}
