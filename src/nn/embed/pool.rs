//! The vector from a tensor.

/// How a tensor with height and width, or with tokens, becomes a vector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pool {
    /// Mean over all positions or tokens: one number a channel.
    #[default]
    Mean,
    /// Maximum over all positions or tokens: one number a channel.
    Max,
    /// The first token, which in most transformers stands for the class.
    Cls,
    /// All numbers, in the tensor's own order.
    Flatten,
}

impl Pool {
    /// Its name in the language.
    pub fn name(self) -> &'static str {
        match self {
            Pool::Mean => "mean",
            Pool::Max => "max",
            Pool::Cls => "cls",
            Pool::Flatten => "flatten",
        }
    }
}

/// Why a tensor does not become a vector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    /// It has tokens, and nobody says what to do with them.
    #[error(
        "has {0} tokens of {1} numbers each, which is not one vector a picture: say what you mean, `pool: cls` (the \
         first token), `pool: mean` (of all tokens), `pool: max` or `pool: flatten`, or name another `tensor`"
    )]
    Tokens(usize, usize),
    /// It has none.
    #[error(
        "has the shape {0:?} and no tokens: `pool: cls` is for tensors of the shape [1, tokens, numbers]"
    )]
    NoTokens(Vec<usize>),
}

/// How a tensor of this shape is reduced.
pub(super) fn fit(asked: Option<Pool>, shape: &[usize]) -> Result<Pool, Unfit> {
    match (asked, shape) {
        (None, &[_, tokens, width]) => Err(Unfit::Tokens(tokens, width)),
        (Some(Pool::Cls), shape) if shape.len() != 3 => Err(Unfit::NoTokens(shape.to_vec())),
        (asked, _) => Ok(asked.unwrap_or_default()),
    }
}

/// Numbers of the vector.
pub(super) fn length(shape: &[usize], channel_axis: usize, pool: Pool) -> usize {
    match (pool, shape) {
        (Pool::Mean | Pool::Max, &[_, a, _, c]) => [a, c][usize::from(channel_axis != 1)],
        (Pool::Mean | Pool::Max | Pool::Cls, &[_, _, width]) => width,
        _ => shape.iter().product(),
    }
}

/// The vector from a tensor's values.
pub(super) fn pooled(values: &[f32], shape: &[usize], channel_axis: usize, pool: Pool) -> Vec<f32> {
    let (channels, first) = match (pool, shape) {
        (Pool::Mean | Pool::Max, &[_, a, _, c]) => (if channel_axis == 1 { a } else { c }, channel_axis == 1),
        (Pool::Mean | Pool::Max, &[_, _, width]) => (width, false),
        (Pool::Cls, &[_, _, width]) => return values[..width.min(values.len())].to_vec(),
        _ => return values.to_vec(),
    };
    let positions = values.len() / channels.max(1);
    let of = |channel: usize| {
        let (start, step) = if first { (channel * positions, 1) } else { (channel, channels) };
        values[start..].iter().step_by(step).take(positions)
    };
    (0..channels)
        .map(|c| match pool {
            Pool::Max => of(c).fold(f32::NEG_INFINITY, |m, v| if v.is_nan() { f32::NAN } else { m.max(*v) }),
            _ => (of(c).map(|v| f64::from(*v)).sum::<f64>() / positions.max(1) as f64) as f32,
        })
        .collect()
}

/// The vector at length 1; none for one of zeros.
pub(super) fn normalized(vector: &[f32]) -> Option<Vec<f32>> {
    let length = vector.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    (length > 0.0).then(|| vector.iter().map(|v| (f64::from(*v) / length) as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_reduced_only_as_asked() {
        let (values, shape) = ([1.0, 2.0, 3.0, -4.0, 5.0, 6.0], [1, 3, 2]);
        assert_eq!(fit(None, &shape), Err(Unfit::Tokens(3, 2)));
        let expected = [
            (Pool::Cls, vec![1.0, 2.0]),
            (Pool::Mean, vec![3.0, 4.0 / 3.0]),
            (Pool::Max, vec![5.0, 6.0]),
            (Pool::Flatten, values.to_vec()),
        ];
        for (pool, expected) in expected {
            assert_eq!(fit(Some(pool), &shape), Ok(pool));
            assert_eq!(pooled(&values, &shape, 1, pool), expected, "{pool:?}");
            assert_eq!(length(&shape, 1, pool), expected.len(), "{pool:?}");
        }
    }

    #[test]
    fn height_and_width_are_reduced_by_their_mean_unless_asked_otherwise() {
        let values = [1.0, 2.0, 3.0, 6.0];
        assert_eq!(fit(None, &[1, 2, 1, 2]), Ok(Pool::Mean));
        assert_eq!(pooled(&values, &[1, 2, 1, 2], 1, Pool::Mean), [1.5, 4.5]);
        assert_eq!(pooled(&values, &[1, 1, 2, 2], 3, Pool::Mean), [2.0, 4.0]);
        assert_eq!((length(&[1, 2, 1, 3], 1, Pool::Max), length(&[1, 2, 1, 3], 3, Pool::Max)), (2, 3));
        assert!(matches!(fit(Some(Pool::Cls), &[1, 2, 1, 2]), Err(Unfit::NoTokens(_))));
        assert!(matches!(fit(Some(Pool::Cls), &[1, 2]), Err(Unfit::NoTokens(_))));
    }

    #[test]
    fn a_vector_of_zeros_has_no_direction() {
        assert_eq!(normalized(&[3.0, 0.0, -4.0]), Some(vec![0.6, 0.0, -0.8]));
        assert_eq!(normalized(&[0.0, -0.0]), None);
        // Squares that single precision can't hold.
        let large = normalized(&[3e30, 4e30]).expect("has a length");
        assert!((large[0] - 0.6).abs() < 1e-6 && (large[1] - 0.8).abs() < 1e-6);
    }
}
