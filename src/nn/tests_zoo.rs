//! Scratch: many small models.
use super::tests::{agrees, picture};
use super::*;
use crate::image::Depth;
use std::path::Path;
use std::sync::Arc;

#[test]
fn zoo() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("zoo");
    let mut bad = vec![];
    for line in std::fs::read_to_string(folder.join("zoo.csv")).unwrap().lines() {
        let fields: Vec<&str> = line.split(',').collect();
        let t = std::time::Instant::now();
        let network = match Network::load(&folder.join(fields[0]), &LoadOptions::default()) {
            Ok(n) => Arc::new(n),
            Err(e) => { bad.push(format!("{}: {e}", fields[0])); continue }
        };
        let ms = t.elapsed().as_millis();
        let i = network.info();
        println!("{:22} {ms:4} ms {:?} scale {:?} mult {} rf {:?} range {} {:?} macs {:.0} mem {} best {:?} notes {:?}", fields[0], i.layout, i.scale, i.size_multiple, i.receptive, i.range, i.range_origin, i.macs_per_pixel, i.memory_per_pixel, i.candidates.first().map(|c| (&c.name, &c.shape, c.on_every_path)), i.notes);
        if let Err(e) = std::panic::catch_unwind(|| agrees(&network, &fields)) { bad.push(format!("{}: disagrees {:?}", fields[0], e.downcast_ref::<String>())); }
        if i.scale.is_none() { continue; }
        let restore = |tile, image: &crate::image::Image| Restorer::new(network.clone(), RestoreOptions { tile: Some(tile), ..Default::default() }).unwrap().predict_unchecked(image);
        for (w, h) in [(1, 1), (2, 5), (97, 31), (128, 64), (131, 150)] {
            let image = picture(w, h, i.in_channels, Depth::F32);
            let (a, b) = match (restore(4096, &image), restore(48, &image)) {
                (Ok(a), Ok(b)) => (a, b),
                (a, b) => { bad.push(format!("{} {w}x{h} {:?} {:?}", fields[0], a.err(), b.err())); continue }
            };
            let worst = (0..a.len()).map(|k| (a.get(k) - b.get(k)).abs()).fold(0.0, f32::max);
            if worst > 1e-4 && i.receptive != Receptive::Global { bad.push(format!("{} {w}x{h}: tiled differs {worst}", fields[0])); }
            if (0..a.len()).any(|k| !b.get(k).is_finite()) { bad.push(format!("{} {w}x{h}: not finite", fields[0])); }
        }
        let r = Restorer::new(network.clone(), RestoreOptions::default()).unwrap();
        let image = picture(90, 70, i.in_channels, Depth::U8);
        if let Err(e) = r.restore(&image) { bad.push(format!("{} restore {e}", fields[0])); }
    }
    for b in &bad { println!("BAD {b}"); }
    assert!(bad.is_empty());
}
