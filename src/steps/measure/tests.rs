//! Columns, values and mistakes of `measure`.

use super::*;

#[test]
fn the_parameter_names_every_measurement() {
    assert_eq!(MEASUREMENTS.iter().map(|m| m.name).collect::<Vec<_>>(), NAMES);
}

#[test]
fn every_measurement_of_a_file_fills_its_columns() {
    for measurement in &MEASUREMENTS {
        if let Compute::File(names) = measurement.compute {
            assert_eq!(exif(names).map(|column| column.0).collect::<Vec<_>>(), names);
            let row: Row = exif(names).map(|(.., read)| read(&ExifData::default())).collect();
            assert_eq!(row, vec![Value::Null; measurement.columns().len()], "{}", measurement.name);
        }
    }
}

#[test]
fn the_documentation_names_every_column() {
    for measurement in &MEASUREMENTS {
        for name in measurement.columns().iter().map(|c| c.0).chain([measurement.name]) {
            assert!(measurement.doc.contains(&format!("`{name}`")), "{name}");
        }
        assert!(DOC.contains(measurement.doc), "{}", measurement.name);
    }
    assert!(DOC.starts_with(PARTS[0]) && DOC.ends_with("`orientation` (1 to 8)."), "{DOC}");
}

#[test]
fn a_measurement_of_pixels_fills_its_columns_for_any_picture() {
    use crate::image::{Depth, Samples};
    let mut odd = Image::new(130, 98, 3, Depth::F32);
    odd.samples = Samples::F32(
        (0..odd.samples.len()).map(|i| [f32::NAN, f32::INFINITY, -2.0, 0.5, 0.1][i * i % 5]).collect(),
    );
    let sides = [(1, 1), (2, 1), (1, 9), (3, 3), (8, 8), (31, 40), (33, 200), (96, 96), (200, 97), (400, 1)];
    let flat = sides.into_iter().flat_map(|(w, h)| {
        [(1, Depth::U8), (3, Depth::U16), (3, Depth::F32)].map(|(c, d)| Image::new(w, h, c, d))
    });
    for image in flat.chain([odd]) {
        let subject = Subject::new(&image);
        for own in MEASUREMENTS
            .iter()
            .filter_map(|m| if let Compute::Own(own) = m.compute { Some(own) } else { None })
        {
            let Some(readings) = (own.read)(&subject) else {
                assert!(image.width < niqe::SIDE || image.height < niqe::SIDE, "{}", own.name);
                continue;
            };
            assert_eq!(readings.len(), own.columns.len(), "{}", own.name);
            for (reading, (_, kind)) in readings.iter().zip(own.columns) {
                let fits = match (reading, kind) {
                    (Reading::Unknown, Kind::Bool | Kind::Int | Kind::Float) => true,
                    (Reading::Bool(_), Kind::Bool) | (Reading::Int(_), Kind::Int) => true,
                    (Reading::Float(v), Kind::Float) => v.is_finite(),
                    (Reading::Vector(v), Kind::Vector(n)) => v.len() == *n && v.iter().all(|v| v.is_finite()),
                    _ => false,
                };
                assert!(fits, "{} of {} x {}: {reading:?}", own.name, image.width, image.height);
            }
        }
    }
}
