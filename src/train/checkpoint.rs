//! The state of training as bytes: what a killed run goes on from.

use super::adam::Adam;
use super::event::Figure;
use serde::{Deserialize, Serialize};

/// First bytes of a checkpoint; the digit counts up when the layout changes.
const MAGIC: &[u8; 8] = b"SLTRAIN1";
/// Bytes of the digest at the end.
const DIGEST: usize = 32;

/// Numbers that may be none, which JSON can't write.
mod finite {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(v: &f64, s: S) -> Result<S::Ok, S::Error> {
        v.is_finite().then_some(*v).serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
        Ok(Option::<f64>::deserialize(d)?.unwrap_or(f64::NAN))
    }
}

/// How one epoch went.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Past {
    /// Mean loss of its batches.
    #[serde(with = "finite")]
    pub train: f64,
    /// Loss on what is held out.
    #[serde(with = "finite")]
    pub validation: f64,
    /// Time it took.
    pub seconds: f64,
}

/// All that training goes on from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    /// Weights and biases.
    pub parameters: Vec<f32>,
    /// The optimiser.
    pub adam: Adam,
    /// The moving average of the parameters; empty where none is kept.
    pub average: Vec<f32>,
    /// The weights and biases of the best epoch; those at the start before the first.
    pub best: Vec<f32>,
    /// Progress.
    pub progress: Progress,
}

/// Numbers of the state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Epochs that are over.
    pub history: Vec<Past>,
    /// Steps made in the epoch under way.
    pub step: usize,
    /// Sum of their losses.
    pub sum: f64,
    /// Seconds they took.
    pub seconds: f64,
    /// Running mean of the gradients' lengths; 0 before the first.
    pub length: f64,
    /// Epoch (from 0) whose parameters are the best.
    pub best: Option<usize>,
    /// Whether training is over and the model written.
    pub over: bool,
    /// Digest of the model's file, then.
    pub model: String,
    /// The final figures, then.
    pub figures: Vec<Figure>,
    /// Digest of what they, and the file's metadata, depend on beside the weights.
    pub besides: String,
    /// Digest of what is learned from: names, sizes and times.
    pub data: String,
    /// Digest of the names of what of it can be used.
    pub used: String,
}

impl Progress {
    /// The epoch under way, from 1, and steps made of it.
    pub(super) fn at(&self) -> (usize, usize) {
        (self.history.len() + 1, self.step)
    }

    /// Loss on what is held out in the best epoch; none before the first.
    pub(super) fn validation(&self) -> Option<f64> {
        self.best.map(|best| self.history[best].validation)
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    fingerprint: String,
    parameters: usize,
    updates: u64,
    /// Whether a moving average follows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    average: bool,
    progress: Progress,
}

impl State {
    /// Before the first step.
    pub(super) fn new(parameters: Vec<f32>) -> State {
        let adam = Adam::new(parameters.len());
        State { best: parameters.clone(), parameters, adam, average: vec![], progress: Progress::default() }
    }

    /// Lets the moving average follow the parameters: `kept` of it stays, less at the beginning; 0 keeps none.
    pub(super) fn follow(&mut self, kept: f64) {
        if kept <= 0.0 {
            return;
        }
        if self.average.is_empty() {
            self.average.clone_from(&self.parameters);
        }
        // What training started with is soon forgotten.
        let updates = self.adam.updates as f64;
        let new = (1.0 - kept.min((1.0 + updates) / (10.0 + updates))) as f32;
        self.average.iter_mut().zip(&self.parameters).for_each(|(a, p)| *a += new * (p - *a));
    }

    /// The parameters that are judged and exported: the moving average where one is kept.
    pub(super) fn standing_now(&self) -> &[f32] {
        if self.average.is_empty() { &self.parameters } else { &self.average }
    }

    /// Whether the last epoch's parameters are the best.
    pub(super) fn improving(&self) -> bool {
        self.progress.best == self.progress.history.len().checked_sub(1)
    }

    /// As bytes; `fingerprint` tells the job they belong to.
    pub(super) fn to_bytes(&self, fingerprint: &[u8; 32]) -> Vec<u8> {
        let header = Header {
            fingerprint: blake3::Hash::from_bytes(*fingerprint).to_hex().to_string(),
            parameters: self.parameters.len(),
            updates: self.adam.updates,
            average: !self.average.is_empty(),
            progress: self.progress.clone(),
        };
        let header = serde_json::to_vec(&header).unwrap_or_default();
        let mut bytes = Vec::with_capacity(header.len() + 16 * self.parameters.len() + 64);
        bytes.extend(MAGIC);
        bytes.extend((header.len() as u64).to_le_bytes());
        bytes.extend(header);
        for part in [&self.parameters, &self.adam.mean, &self.adam.square, &self.best, &self.average] {
            part.iter().for_each(|v| bytes.extend(v.to_le_bytes()));
        }
        let digest = blake3::hash(&bytes);
        bytes.extend(digest.as_bytes());
        bytes
    }

    /// From bytes, if they are whole and belong to the job with this fingerprint and number of parameters.
    pub(super) fn from_bytes(bytes: &[u8], fingerprint: &[u8; 32], parameters: usize) -> Option<State> {
        let (content, digest) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST)?)?;
        if blake3::hash(content).as_bytes() != digest {
            return None;
        }
        let rest = content.strip_prefix(MAGIC)?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let (header, numbers) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        let header: Header = serde_json::from_slice(header).ok()?;
        let same = header.fingerprint == blake3::Hash::from_bytes(*fingerprint).to_hex().as_str();
        let parts = if header.average { 5 } else { 4 };
        if !same || header.parameters != parameters || numbers.len() != 4 * parts * parameters {
            return None;
        }
        let (chunks, _) = numbers.as_chunks::<4>();
        let mut parts = chunks
            .chunks(parameters.max(1))
            .map(|part| part.iter().map(|b| f32::from_le_bytes(*b)).collect::<Vec<f32>>());
        let mut next = || parts.next().unwrap_or_default();
        let (parameters, mean, square, best, average) = (next(), next(), next(), next(), next());
        let adam = Adam { mean, square, updates: header.updates };
        Some(State { parameters, adam, best, average, progress: header.progress })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let mut state = State::new(vec![1.0, -2.5, f32::MIN_POSITIVE]);
        state.adam = Adam { mean: vec![0.1, 0.2, 0.3], square: vec![3.0, 2.0, 1.0], updates: 77 };
        state.best = vec![4.0, 5.0, 6.0];
        state.progress = Progress {
            history: vec![Past { train: 0.1, validation: 0.07, seconds: 1.5 }],
            step: 3,
            sum: 0.1 + 0.2,
            seconds: 0.25,
            length: 0.3,
            best: Some(0),
            over: false,
            model: "m".into(),
            figures: vec![],
            besides: String::new(),
            data: "d".into(),
            used: "u".into(),
        };
        state
    }

    #[test]
    fn it_comes_back_whole() {
        let mut state = state();
        assert_eq!(State::from_bytes(&state.to_bytes(&[7; 32]), &[7; 32], 3), Some(state.clone()));
        state.average = vec![0.25, -1.0, 9.0];
        assert_eq!(State::from_bytes(&state.to_bytes(&[7; 32]), &[7; 32], 3), Some(state));
    }

    #[test]
    fn the_average_forgets_its_start_and_follows() {
        let mut state = State::new(vec![0.0]);
        state.follow(0.0);
        assert!(state.average.is_empty() && state.standing_now() == [0.0]);
        for _ in 0..2000 {
            state.adam.updates += 1;
            state.parameters[0] = if state.adam.updates < 1000 { 8.0 } else { 1.0 };
            state.follow(0.99);
        }
        // By then 0.99^1000 of the former 8 is left.
        assert!((state.standing_now()[0] - 1.0).abs() < 1e-3, "{:?}", state.average);
        assert_eq!(state.parameters, [1.0]);
    }

    #[test]
    fn a_loss_that_is_no_number_is_readable() {
        let mut state = state();
        state.progress.history[0].train = f64::INFINITY;
        let back = State::from_bytes(&state.to_bytes(&[7; 32]), &[7; 32], 3).unwrap();
        assert!(back.progress.history[0].train.is_nan() && back.progress.history[0].validation == 0.07);
    }

    #[test]
    fn another_job_damage_and_a_torn_end_are_no_checkpoint() {
        let bytes = state().to_bytes(&[7; 32]);
        assert_eq!(State::from_bytes(&bytes, &[8; 32], 3), None);
        assert_eq!(State::from_bytes(&bytes, &[7; 32], 4), None);
        for length in 0..bytes.len() {
            assert_eq!(State::from_bytes(&bytes[..length], &[7; 32], 3), None);
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert_eq!(State::from_bytes(&damaged, &[7; 32], 3), None, "byte {at}");
        }
    }
}
