//! Times the measurements that look at pixels, one thread, pictures decoded. Prints `measurement,megapixels,milliseconds`, the
//! least of so many rounds; `luma` is what they share, `all` is everything together.
//!
//! Usage: `cargo bench --bench measures -- <folder of photographs> [rounds]`, or `-- --values <folder>` for what they find, as
//! `file,column,value`.

use safelight::codec::{Limits, decode};
use safelight::image::measure::{
    Measurement, Reading, Subject, banding, blockiness, clipping, edge_width, jpeg_quality, niqe, noise_sigma,
};
use safelight::{Image, Samples};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// As the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

static TIMED: [&Measurement; 7] = [
    &noise_sigma::MEASUREMENT,
    &blockiness::MEASUREMENT,
    &jpeg_quality::MEASUREMENT,
    &clipping::MEASUREMENT,
    &banding::MEASUREMENT,
    &edge_width::MEASUREMENT,
    &niqe::MEASUREMENT,
];

/// Sides of the pictures that are timed.
const SIDES: [usize; 4] = [512, 1024, 2048, 4096];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let (values, arguments) = match arguments.split_first() {
        Some((first, rest)) if first == "--values" => (true, rest),
        _ => (false, &arguments[..]),
    };
    let folder = arguments.first().expect("name a folder of photographs");
    let rounds = arguments.get(1).map_or(20, |n| n.parse().expect("a number of rounds"));
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a readable folder").flatten().map(|e| e.path()).collect();
    files.retain(|file| {
        file.extension().is_some_and(|e| ["png", "webp", "jpg"].iter().any(|known| e == *known))
    });
    files.sort();
    if values {
        for file in &files {
            print_values(file);
        }
        return;
    }
    let photographs: Vec<Image> = files.iter().map(|file| read(file)).collect();
    println!("measurement,megapixels,milliseconds");
    for side in SIDES {
        time(&mosaic(&photographs, side), rounds);
    }
}

fn read(file: &Path) -> Image {
    let limits = Limits { max_pixels: 1 << 30, max_bytes: 8 << 30, strict: false };
    decode(&std::fs::read(file).expect("readable"), file, &limits).expect("a picture").image
}

/// A square picture of photographs side by side, each begun again where it ends.
fn mosaic(photographs: &[Image], side: usize) -> Image {
    const TILE: usize = 512;
    let mut samples = vec![0; side * side * 3];
    for (i, out) in samples.chunks_exact_mut(3).enumerate() {
        let (x, y) = (i % side, i / side);
        let image = &photographs[(x / TILE + y / TILE * side.div_ceil(TILE)) % photographs.len()];
        let Samples::U8(pixels) = image.samples() else { panic!("8-bit photographs") };
        let (x, y) = (x % TILE % image.width(), y % TILE % image.height());
        out.copy_from_slice(&pixels[(y * image.width() + x) * 3..][..3]);
    }
    Image::from_samples((side, side), 3, Samples::U8(samples), None).expect("a picture")
}

fn time(image: &Image, rounds: usize) {
    let pixels = (image.width() * image.height()) as f64 / 1e6;
    let least = |timed: &mut dyn FnMut() -> f64| (0..rounds).map(|_| timed()).fold(f64::MAX, f64::min);
    let tell = |name: &str, milliseconds: f64| println!("{name},{pixels:.3},{milliseconds:.3}");
    let since = |start: Instant| start.elapsed().as_secs_f64() * 1000.0;
    let luma = &mut || {
        let (subject, start) = (Subject::new(image), Instant::now());
        black_box(subject.luma());
        since(start)
    };
    tell("luma", least(luma));
    for (n, measurement) in TIMED.iter().enumerate() {
        let alone = &mut || {
            let subject = Subject::new(image);
            // What those before it have left to share.
            subject.luma();
            TIMED[..n].iter().filter(|m| ["noise_sigma", "blockiness"].contains(&m.name)).for_each(|m| {
                (m.read)(&subject);
            });
            let start = Instant::now();
            black_box((measurement.read)(&subject));
            since(start)
        };
        tell(measurement.name, least(alone));
    }
    let all = &mut || {
        let (subject, start) = (Subject::new(image), Instant::now());
        TIMED.iter().for_each(|measurement| {
            black_box((measurement.read)(&subject));
        });
        since(start)
    };
    tell("all", least(all));
}

fn print_values(file: &Path) {
    let image = read(file);
    let subject = Subject::new(&image);
    for measurement in TIMED {
        let readings = (measurement.read)(&subject).unwrap_or_default();
        for ((column, _), reading) in measurement.columns.iter().zip(readings) {
            let value = match reading {
                Reading::Float(v) => v.to_string(),
                Reading::Int(v) => v.to_string(),
                _ => String::new(),
            };
            println!("{},{column},{value}", file.file_name().unwrap_or_default().to_string_lossy());
        }
    }
}
