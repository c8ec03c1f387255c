//! Vectors: of a column of Parquet files, or made; brought to one range.

use super::data::{Example, Known, Loaded};
use super::inventory::groups;
use super::settings::{TrainPlan, Vectors};
use super::sides::split;
use super::{TrainError, blobs, vector_files};

/// Loads vectors, splits them, and brings every column to \[0, 1\].
///
/// # Errors
/// When they can't be read, or are too few.
pub(super) fn load(source: &Vectors, plan: &TrainPlan) -> Result<Loaded, TrainError> {
    let (mut rows, width, labels) = match source {
        Vectors::Parquet { files, column, label, .. } => vector_files::read(files, column, label.as_deref())?,
        Vectors::Blobs(b) => {
            let (points, labels) = blobs::make_blobs(b.count, b.dimensions, b.centres, b.deviation, b.seed);
            let labels = labels.into_iter().map(|l| Some(l.to_string())).collect();
            (points.iter().map(|v| *v as f32).collect(), b.dimensions, labels)
        }
    };
    if width != plan.net.input.c {
        let wanted = plan.net.input.c;
        return Err(TrainError::Data(format!(
            "the vectors have {width} numbers where {wanted} were planned"
        )));
    }
    let count = rows.len() / width;
    if count < 2 {
        return Err(TrainError::Data(format!("{count} vectors are too few: at least 2 are needed")));
    }
    let (kept, held) = match source {
        Vectors::Blobs(b) => blobs::train_test_split(count, plan.validation, b.seed),
        Vectors::Parquet { .. } => {
            let names: Vec<[u8; 8]> = (0..count).map(name_of).collect();
            split(&names.iter().map(|n| &n[..]).collect::<Vec<_>>(), plan.validation, plan.seed)
        }
    };
    let scaling = scale(&mut rows, width, &kept);
    if let Some(what) = too_far(&scaling) {
        return Err(TrainError::Data(what));
    }
    let groups = groups(labels.iter());
    let known = |i: &usize| Known {
        name: name_of(*i).to_vec(),
        label: labels[*i].as_ref().and_then(|l| groups.get(l).copied()),
        example: Example::Vector(rows[i * width..][..width].to_vec()),
    };
    let take = |indices: &[usize]| -> Vec<Known> { indices.iter().map(known).collect() };
    let (examples, held) = (take(&kept), take(&held));
    let parts = vec![(examples.len(), 1.0)];
    Ok(Loaded { examples, held, test: Vec::new(), parts, scaling: Some(scaling) })
}

fn name_of(row: usize) -> [u8; 8] {
    (row as u64).to_le_bytes()
}

/// Largest distance from 0, in spans of a column, at which single precision keeps what tells its numbers apart.
const FARTHEST: f32 = 1000.0;

/// The first column whose numbers lie too close together for their distance from 0.
fn too_far((lows, spans): &(Vec<f32>, Vec<f32>)) -> Option<String> {
    let far = |&at: &usize| spans[at] > 0.0 && lows[at].abs() > FARTHEST * spans[at];
    let at = (0..lows.len()).find(far)?;
    Some(format!(
        "the {}. numbers of the vectors lie between {} and {}: too close together, so far from 0, for single precision; \
         subtract {} from them first",
        at + 1,
        lows[at],
        lows[at] + spans[at],
        lows[at]
    ))
}

/// Brings every column to \[0, 1\], as the rows of `by` span it; gives the lowest numbers and the spans, 0 for a column
/// of one number.
fn scale(rows: &mut [f32], width: usize, by: &[usize]) -> (Vec<f32>, Vec<f32>) {
    let (mut lows, mut spans) = (Vec::with_capacity(width), Vec::with_capacity(width));
    for column in 0..width {
        let values = || by.iter().map(|row| rows[row * width + column]);
        let low = values().fold(f32::INFINITY, f32::min);
        let high = values().fold(f32::NEG_INFINITY, f32::max);
        let span = (high - low).max(0.0);
        let divisor = if span > 0.0 { span } else { 1.0 };
        rows.iter_mut().skip(column).step_by(width).for_each(|v| *v = (*v - low) / divisor);
        lows.push(low);
        spans.push(span);
    }
    (lows, spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_scaled_by_the_rows_learned_from() {
        let mut rows = [1.0, 5.0, 3.0, 5.0, 9.0, 5.0];
        let (lows, spans) = scale(&mut rows, 2, &[0, 1]);
        assert_eq!((&lows[..], &spans[..]), (&[1.0, 5.0][..], &[2.0, 0.0][..]));
        assert_eq!(rows, [0.0, 0.0, 1.0, 0.0, 4.0, 0.0]);
        assert_eq!(too_far(&(lows, spans)), None);
        let told = too_far(&(vec![0.0, -20_000.0], vec![1.0, 10.0])).unwrap();
        assert!(told.contains("the 2. numbers") && told.contains("subtract -20000"), "{told}");
    }
}
