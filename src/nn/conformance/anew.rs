//! Uses of operators that are written anew, and why.

use super::operator::{Use, Verdict};
use super::parts::{Rewrite, floats, int, int64s, text};
use super::rules::wrong;

/// tract leaves out the factor before the exponential.
pub(super) fn celu(of: &Use<'_>) -> Verdict {
    let alpha = of.float("alpha").unwrap_or(1.0);
    if alpha == 1.0 {
        return Verdict::Right;
    }
    if alpha == 0.0 || !alpha.is_finite() {
        return wrong("its alpha is no number to divide by; export it again");
    }
    // max(0, x) + min(0, alpha * (exp(x / alpha) - 1))
    let mut new = Rewrite::of(of);
    let (x, zero, one) = (new.x.clone(), new.like(0.0), new.like(1.0));
    let (factor, inverse) = (new.like(alpha), new.like(1.0 / alpha));
    let scaled = new.node("Mul", &[&x, &inverse]);
    let power = new.node("Exp", &[&scaled]);
    let less = new.node("Sub", &[&power, &one]);
    let low = new.node("Mul", &[&less, &factor]);
    let low = new.node("Min", &[&low, &zero]);
    let high = new.node("Max", &[&x, &zero]);
    new.end("Add", &[&high, &low])
}

/// tract leaves out alpha.
pub(super) fn swish(of: &Use<'_>) -> Verdict {
    let alpha = of.float("alpha").unwrap_or(1.0);
    if alpha == 1.0 {
        return Verdict::Right;
    }
    let mut new = Rewrite::of(of);
    let (x, factor) = (new.x.clone(), new.like(alpha));
    let scaled = new.node("Mul", &[&x, &factor]);
    let gate = new.node("Sigmoid", &[&scaled]);
    new.end("Mul", &[&x, &gate])
}

/// tract takes the exponential of numbers as they are, which is infinite beyond 88.
pub(super) fn softplus(of: &Use<'_>) -> Verdict {
    // max(0, x) + ln(1 + exp(-|x|))
    let mut new = Rewrite::of(of);
    let (x, zero, one) = (new.x.clone(), new.like(0.0), new.like(1.0));
    let size = new.node("Abs", &[&x]);
    let negative = new.node("Neg", &[&size]);
    let power = new.node("Exp", &[&negative]);
    let more = new.node("Add", &[&power, &one]);
    let low = new.node("Log", &[&more]);
    let high = new.node("Max", &[&x, &zero]);
    new.end("Add", &[&high, &low])
}

/// tract takes the logarithm of a softmax, which is that of 0 where numbers lie far apart.
pub(super) fn log_softmax(of: &Use<'_>) -> Verdict {
    let mut new = Rewrite::of(of);
    let x = new.x.clone();
    // Before version 13 everything from the axis on is one row.
    let (rows, axis) = if of.version < 13 {
        let axis = of.int("axis").unwrap_or(1);
        (new.with("Flatten", &[&x], vec![int("axis", axis)]), 1)
    } else {
        (x.clone(), of.int("axis").unwrap_or(-1))
    };
    let lowered = new.less_largest(&rows, Some(&[axis]), of.version).1;
    let power = new.node("Exp", &[&lowered]);
    let sum = new.reduce("ReduceSum", &power, Some(&[axis]), of.version);
    let sum = new.node("Log", &[&sum]);
    if of.version >= 13 {
        return new.end("Sub", &[&lowered, &sum]);
    }
    let rows = new.node("Sub", &[&lowered, &sum]);
    let shape = new.node("Shape", &[&x]);
    new.end("Reshape", &[&rows, &shape])
}

/// tract takes exponentials of numbers as they are from version 18 on.
pub(super) fn reduce_log_sum_exp(of: &Use<'_>) -> Verdict {
    let given = of.input(1).is_some();
    let axes: Option<Vec<i64>> = match (of.ints("axes"), of.constant(1)) {
        (Some(axes), _) => Some(axes.to_vec()),
        (None, Some(axes)) => Some(axes.iter().map(|axis| *axis as i64).collect()),
        (None, None) if given => {
            return wrong("its axes are computed in the graph; export them as constants");
        }
        (None, None) => None,
    };
    let axes = axes.filter(|axes| !axes.is_empty());
    if axes.is_none() && of.int("noop_with_empty_axes") == Some(1) {
        return Verdict::Right;
    }
    let keep = of.int("keepdims").unwrap_or(1);
    let mut new = Rewrite::of(of);
    let x = new.x.clone();
    let (largest, lowered) = new.less_largest(&x, axes.as_deref(), of.version);
    let power = new.node("Exp", &[&lowered]);
    let sum = new.reduce("ReduceSum", &power, axes.as_deref(), of.version);
    let sum = new.node("Log", &[&sum]);
    if keep != 0 {
        return new.end("Add", &[&sum, &largest]);
    }
    let whole = new.node("Add", &[&sum, &largest]);
    // Sides of 1, so that their sum is themselves.
    let (inputs, attributes) = new.axes(&whole, axes.as_deref(), of.version >= 13, 0);
    new.end_with("ReduceSum", &inputs, attributes)
}

/// tract's remainder of 64-bit numbers has the sign of the dividend: those are sizes to it, which are positive.
pub(super) fn modulo(of: &Use<'_>) -> Verdict {
    const INT64: i32 = 7;
    let other = of.constant_type(1).or(of.constant_type(0)).is_some_and(|kind| kind != INT64);
    if of.int("fmod").unwrap_or(0) != 0 || other {
        return Verdict::Right;
    }
    // The remainder that has the sign of the divisor, from two that have that of the dividend.
    let mut new = Rewrite::of(of);
    let Some(by) = of.input(1).map(str::to_string) else { return Verdict::Right };
    let x = new.x.clone();
    let truncated = |new: &mut Rewrite<'_>, a: &str, b: &str| new.with("Mod", &[a, b], vec![int("fmod", 1)]);
    let first = truncated(&mut new, &x, &by);
    let more = new.node("Add", &[&first, &by]);
    new.end_with("Mod", &[more, by], vec![int("fmod", 1)])
}

/// Version 10 has no rounding for "nearest": onnxruntime's is down where it enlarges and up where it reduces, tract's
/// is to the nearest. With `align_corners` it is the sizes that count; tract takes those before they are rounded.
pub(super) fn resize(of: &Use<'_>) -> Verdict {
    if of.version < 11 {
        if of.text("mode").is_some_and(|mode| mode != "nearest") {
            return Verdict::Right;
        }
        let scales = of.constant(1).unwrap_or(&[]);
        let rounding = if scales.is_empty() {
            return wrong(
                "version 10 of ONNX leaves open which pixel is the nearest; export it for version 11 or later",
            );
        } else if scales.iter().all(|scale| *scale >= 1.0) {
            "floor"
        } else if scales.iter().all(|scale| *scale <= 1.0) {
            "ceil"
        } else {
            return wrong(
                "version 10 of ONNX leaves open which pixel is the nearest; export it for version 11 or later",
            );
        };
        let mut node = of.node.clone();
        node.attribute.push(text("nearest_mode", rounding));
        return Verdict::Instead(vec![node]);
    }
    let corners = of.text("coordinate_transformation_mode").is_some_and(|mode| mode == "align_corners");
    let whole = |scales: &[f64]| scales.iter().all(|scale| scale.fract() == 0.0);
    let by_sizes = of.constant(2).is_some_and(<[f64]>::is_empty) || of.input(2).is_none();
    if !corners || by_sizes || of.constant(2).is_some_and(whole) {
        return Verdict::Right;
    }
    if of.ints("axes").is_some() || of.int("antialias").unwrap_or(0) != 0 {
        return wrong(
            "align_corners with scales and axes or antialias is not computed; export it with sizes",
        );
    }
    let mut new = Rewrite::of(of);
    let (x, scales) = (new.x.clone(), of.input(2).unwrap_or_default().to_string());
    let shape = new.node("Shape", &[&x]);
    let shape = new.with("Cast", &[&shape], vec![int("to", 1)]);
    let sizes = new.node("Mul", &[&shape, &scales]);
    let sizes = new.node("Floor", &[&sizes]);
    let sizes = new.with("Cast", &[&sizes], vec![int("to", 7)]);
    let none = if of.version < 13 { new.constant(floats("", &[])) } else { String::new() };
    new.end_with("Resize", &[x, none.clone(), none, sizes], of.node.attribute.clone())
}

/// tract pads nothing where the output's shape is given, and knows no SAME: the whole result is cut to that shape.
pub(super) fn conv_transpose(of: &Use<'_>) -> Verdict {
    let padding = of.text("auto_pad").unwrap_or_default();
    let (same, upper) = (padding.starts_with("SAME"), padding == "SAME_UPPER");
    let shape = of.ints("output_shape").filter(|shape| !shape.is_empty());
    if !same && shape.is_none() {
        return Verdict::Right;
    }
    let strides = of.ints("strides").map(<[i64]>::to_vec);
    let given = shape.or(of.ints("kernel_shape")).or(strides.as_deref()).map(<[i64]>::len);
    let axes = given.or_else(|| of.rank(1)?.checked_sub(2));
    let Some(axes) = axes else {
        return wrong("auto_pad without kernel_shape is not computed; export it with explicit pads");
    };
    let mut new = Rewrite::of(of);
    let x = new.x.clone();
    let Some(kernel) = of.input(1).map(str::to_string) else { return Verdict::Right };
    // Without bias, which goes also to what lies beyond the whole result.
    let placed = ["auto_pad", "output_shape", "pads"];
    let attributes = of.node.attribute.iter().filter(|a| !placed.contains(&a.name.as_str())).cloned();
    let whole = new.with("ConvTranspose", &[&x, &kernel], attributes.collect());
    let spatial = |new: &mut Rewrite<'_>, of: &str| {
        let shape = new.node("Shape", &[of]);
        let (start, end) = (new.constant(int64s("", &[2])), new.constant(int64s("", &[2 + axes as i64])));
        new.node("Slice", &[&shape, &start, &end])
    };
    let has = spatial(&mut new, &whole);
    let wanted = match shape {
        Some(shape) => new.constant(int64s("", shape)),
        None => {
            let sides = spatial(&mut new, &x);
            let strides = new.constant(int64s("", &strides.unwrap_or_else(|| vec![1; axes])));
            new.node("Mul", &[&sides, &strides])
        }
    };
    let (zero, two) = (new.constant(int64s("", &[0])), new.constant(int64s("", &[2])));
    let surplus = new.node("Sub", &[&has, &wanted]);
    let lack = new.node("Neg", &[&surplus]);
    let (surplus, lack) = (new.node("Max", &[&surplus, &zero]), new.node("Max", &[&lack, &zero]));
    let half = new.node("Div", &[&surplus, &two]);
    let start = if upper { half } else { new.node("Sub", &[&surplus, &half]) };
    let end = new.node("Add", &[&start, &wanted]);
    let front = new.constant(int64s("", &vec![0; 4 + axes]));
    let pads = new.with("Concat", &[&front, &lack], vec![int("axis", 0)]);
    let filled = match of.version {
        11.. => new.node("Pad", &[&whole, &pads]),
        _ => {
            return wrong(
                "auto_pad SAME or output_shape is not computed before version 11 of ONNX; export it for a later one",
            );
        }
    };
    let along = new.constant(int64s("", &(2..2 + axes as i64).collect::<Vec<_>>()));
    let Some(bias) = of.input(2).map(str::to_string) else {
        return new.end("Slice", &[&filled, &start, &end, &along]);
    };
    let cut = new.node("Slice", &[&filled, &start, &end, &along]);
    let sides: Vec<i64> = [1, -1].into_iter().chain(vec![1; axes]).collect();
    let sides = new.constant(int64s("", &sides));
    let bias = new.node("Reshape", &[&bias, &sides]);
    new.end("Add", &[&cut, &bias])
}
