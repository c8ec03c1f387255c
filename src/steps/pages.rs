//! What `input.pages: all` puts before the first step: a sample of each page or frame of a file.

use crate::codec::{self, ExifData, Loss};
use crate::columns::{Column, ColumnType, Row, Value};
use crate::error::ItemError;
use crate::pipeline::{Further, ManyStep, Pieces, Place, Sample, Shape};
use std::sync::Arc;

/// The fan-out.
#[derive(Debug)]
pub(crate) struct EachPage;

/// Name in messages and lists of steps.
pub(crate) const NAME: &str = "pages";

impl ManyStep for EachPage {
    fn split(&self, mut sample: Sample) -> Result<Pieces<'_>, ItemError> {
        let row = |sample: &Sample, page: u32| -> Row {
            let int = |side: usize| Value::Int(i64::try_from(side).unwrap_or(i64::MAX));
            vec![Value::Int(page.into()), int(sample.image.width), int(sample.image.height)]
        };
        let Some(Further { bytes, header, limits }) = sample.further.take() else {
            let row = row(&sample, 1);
            return Ok(Box::new(std::iter::once(Ok((sample, row)))));
        };
        let failed = move |page: u32, e: codec::CodecError| {
            let mut error = ItemError::from(&e);
            error.message = format!("page {page} of {}: {}", header.pictures, error.message);
            error
        };
        // A page is not its file.
        sample.observed.changed();
        let (relative, hash, observed) = (sample.relative.clone(), sample.hash, sample.observed.clone());
        let further = codec::further(bytes, &header, relative.clone(), limits).map_err(|e| failed(1, e))?;
        sample.place = Place { page: Some(1), numbers: vec![1], ..sample.place };
        let first = row(&sample, 1);
        let others = (2..).zip(further).map(move |(page, decoded)| {
            let decoded = decoded.map_err(|e| failed(page, e))?;
            let mut notes = decoded.source.notes.clone();
            keep_notes(&mut notes);
            let sample = Sample {
                relative: relative.clone(),
                hash,
                exif: Arc::new(ExifData::of(&decoded.meta)),
                image: decoded.image,
                reference: None,
                place: Place { page: Some(page), numbers: vec![page], ..Place::default() },
                meta: decoded.meta,
                source: decoded.source,
                notes,
                observed: observed.clone(),
                further: None,
            };
            let row = row(&sample, page);
            Ok((sample, row))
        });
        Ok(Box::new(std::iter::once(Ok((sample, first))).chain(others)))
    }

    fn columns(&self) -> Vec<Column> {
        ["page", "page_width", "page_height"].map(|name| Column::new(name, ColumnType::Int)).to_vec()
    }

    fn shape(&self, shape: Shape) -> Shape {
        shape
    }

    fn count(&self, _shape: Shape) -> u64 {
        1
    }

    fn peak_bytes(&self, shape: Shape) -> u64 {
        shape.bytes()
    }
}

/// Takes out the notes on pages or frames that are not taken, where all are.
pub(crate) fn keep_notes(notes: &mut Vec<String>) {
    notes.retain(|note| !matches!(Loss::of(note), Some(Loss::Pages | Loss::Frames)));
}
