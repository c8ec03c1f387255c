//! The course of a training, from what it writes beside the model.

use super::chart::lines;
use super::numbers::{duration, figure};
use serde_json::{Value, json};

/// One epoch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Epoch {
    pub epoch: f64,
    pub train: f64,
    pub held_out: f64,
    pub seconds: f64,
}

/// The epochs of a `history.csv`; lines that are none are passed over.
pub(super) fn epochs(csv: &[u8]) -> Vec<Epoch> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(csv);
    let number = |record: &csv::StringRecord, place: usize| {
        record.get(place).and_then(|cell| cell.trim().parse::<f64>().ok()).unwrap_or(f64::NAN)
    };
    let epoch = |record: csv::StringRecord| Epoch {
        epoch: number(&record, 0),
        train: number(&record, 1),
        held_out: number(&record, 2),
        seconds: number(&record, 3),
    };
    reader.records().filter_map(Result::ok).map(epoch).filter(|e| e.epoch.is_finite()).collect()
}

/// What the page says of them.
pub(super) fn section(epochs: &[Epoch], figures: &[Value], sheet: Option<&str>) -> Value {
    let series = |of: fn(&Epoch) -> f64| epochs.iter().map(|e| (e.epoch, of(e))).collect::<Vec<_>>();
    let last = epochs.last().map_or(f64::NAN, |e| e.held_out);
    let label = format!("Loss by epoch, of training and held out; {} held out in the end", figure(last));
    let svg = lines(&[("training", series(|e| e.train)), ("held out", series(|e| e.held_out))], &label);
    let rows = epochs.iter().map(|e| {
        json!({"epoch": figure(e.epoch), "train": figure(e.train), "held_out": figure(e.held_out),
               "seconds": duration(e.seconds)})
    });
    let beside = |value: &Value| {
        let (number, label) =
            (value.get("value").and_then(Value::as_f64), value.get("label").and_then(Value::as_str));
        number.map_or(String::new(), |n| format!("{} {}", figure(n), label.unwrap_or_default()))
    };
    let figures = figures.iter().map(|f| {
        json!({"name": f["name"], "value": figure(f["value"].as_f64().unwrap_or(f64::NAN)),
               "baseline": beside(&f["baseline"]), "beside": beside(&f["beside"])})
    });
    json!({"svg": (!epochs.is_empty()).then_some(svg), "epochs": rows.collect::<Vec<_>>(),
           "figures": figures.collect::<Vec<_>>(), "sheet": sheet})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_is_read_as_training_writes_it() {
        let found = epochs(b"epoch,train,validation,seconds\n1,0.5,0.25,1.500\n2,0.4,NaN,2\nx\n");
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].held_out, found[1].held_out.is_nan(), found[1].seconds), (0.25, true, 2.0));
        let told = section(
            &found,
            &[
                json!({"name": "psnr", "value": 30.41, "baseline": {"label": "noisy", "value": 20.2}, "beside": null}),
            ],
            None,
        );
        assert_eq!(told["figures"][0]["baseline"], "20.2 noisy");
        assert!(section(&[], &[], None)["svg"].is_null());
    }
}
