//! Times every ImageNet-C corruption at every severity on photographs, one thread: 8-bit picture in, 8-bit
//! picture out. Prints `corruption,severity,milliseconds` (median over the photographs, best of three each).
//!
//! Usage: `cargo bench --bench corruptions -- <folder of photographs> [count]`

use safelight::codec::{Limits, decode};
use safelight::corrupt::{CORRUPTIONS, Context, Frame, Recipe};
use safelight::image::Depth;
use safelight::random::Rng;
use std::path::PathBuf;
use std::time::Instant;

/// As the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let folder = arguments.first().expect("name a folder of photographs");
    let count = arguments.get(1).map_or(4, |n| n.parse().expect("a number of photographs"));
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a readable folder").flatten().map(|e| e.path()).collect();
    files.sort();
    let limits = Limits { max_pixels: 1 << 30, max_bytes: 8 << 30, strict: false };
    let images: Vec<_> = files
        .iter()
        .take(count)
        .map(|file| decode(&std::fs::read(file).expect("readable"), file, &limits).expect("a picture").image)
        .collect();
    println!("corruption,severity,milliseconds");
    for corruption in CORRUPTIONS.iter().filter(|c| !c.severities.is_empty()) {
        let name = corruption.descriptor.name;
        for severity in 1..=5 {
            let recipe =
                Recipe::parse(&format!("- {name}: {{severity: {severity}}}")).expect("a valid recipe");
            let mut times: Vec<f64> = images
                .iter()
                .map(|image| {
                    let once = |seed| {
                        let start = Instant::now();
                        let mut frame = Frame::from_image(image);
                        let size = (frame.width, frame.height);
                        let mut context = Context { rng: Rng::new(seed), clean: size, target: size };
                        recipe.apply(&mut frame, &mut context).expect("a corrupted picture");
                        std::hint::black_box(frame.to_image(Depth::U8));
                        start.elapsed().as_secs_f64() * 1000.0
                    };
                    (0..3).map(once).fold(f64::MAX, f64::min)
                })
                .collect();
            times.sort_by(f64::total_cmp);
            println!("{name},{severity},{:.4}", times[times.len() / 2]);
        }
    }
}
