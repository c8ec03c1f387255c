//! Times exact nearest neighbours, all among all. Prints the seconds of each round, and writes the neighbours of the last.
//!
//! Usage: `cargo bench --bench neighbours -- <float32 file> <numbers of a row> <k> <cosine|euclidean> <rounds> <result>`. The
//! file holds rows of numbers one after another; the result is `[n][k]` 32-bit numbers of rows, then as many distances as
//! float32.

use safelight::vectors::{Distance, Points, nearest};
use std::io::{BufWriter, Read, Write};
use std::time::Instant;

/// As the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let [file, width, k, distance, rounds, result] = &arguments[..] else {
        panic!("name a file, the numbers of a row, k, a distance, rounds and a result");
    };
    let number = |text: &str| text.parse::<usize>().expect("a number");
    let distance = if distance == "cosine" { Distance::Cosine } else { Distance::Euclidean };
    let mut found = None;
    for _ in 0..number(rounds) {
        let rows = read(file);
        let start = Instant::now();
        let points = Points::new(rows, number(width), distance);
        found = Some(nearest(&points, number(k)));
        println!("{:.3}", start.elapsed().as_secs_f64());
    }
    let found = found.expect("at least one round");
    let mut to = BufWriter::new(std::fs::File::create(result).expect("a file for the result"));
    found.ids.iter().for_each(|id| to.write_all(&id.to_le_bytes()).expect("room for the result"));
    found.distances.iter().for_each(|d| to.write_all(&d.to_le_bytes()).expect("room for the result"));
    to.flush().expect("room for the result");
}

/// Piece by piece, so that no second copy of it is in memory.
fn read(file: &str) -> Vec<f32> {
    let mut file = std::fs::File::open(file).expect("a file of rows");
    let mut rows = Vec::with_capacity(file.metadata().map_or(0, |m| m.len() as usize / 4));
    let mut buffer = vec![0; 1 << 20];
    loop {
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read(&mut buffer[filled..]).expect("a readable file") {
                0 => break,
                more => filled += more,
            }
        }
        rows.extend(buffer[..filled].as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        if filled < buffer.len() {
            return rows;
        }
    }
}
