//! Uses of operators that are refused, and why.

use super::operator::{Use, Verdict};

pub(super) fn wrong(what: &str) -> Verdict {
    Verdict::Wrong(what.to_string())
}

/// Dilations go into the padding by ONNX's formula, not by what onnxruntime and ONNX's reference compute; with a
/// ceiling, "VALID" keeps the last window there and loses it here.
pub(super) fn pool(of: &Use<'_>) -> Verdict {
    let padding = of.text("auto_pad").unwrap_or_default();
    let dilated = of.ints("dilations").is_some_and(|d| d.iter().any(|step| *step != 1));
    if padding.starts_with("SAME") && dilated {
        return wrong(
            "implementations differ on auto_pad together with dilations; export it with explicit pads",
        );
    }
    if padding == "VALID" && of.int("ceil_mode") == Some(1) {
        return wrong(
            "implementations differ on auto_pad VALID with ceil_mode; export it with explicit pads",
        );
    }
    Verdict::Right
}

/// tract always takes the stored means and variances.
pub(super) fn batch_normalization(of: &Use<'_>) -> Verdict {
    let more = of.node.output.iter().skip(1).any(|name| !name.is_empty());
    match of.int("training_mode").unwrap_or(0) != 0 || more {
        true => {
            wrong("it is in training mode, where it takes the picture's own mean; export it for inference")
        }
        false => Verdict::Right,
    }
}

/// tract gives a sum over everything the shape of what it sums.
pub(super) fn einsum(of: &Use<'_>) -> Verdict {
    let equation: String = of.text("equation").unwrap_or_default().split_whitespace().collect();
    let scalar = match equation.split_once("->") {
        Some((_, output)) => output.is_empty(),
        None => !equation.chars().any(|c| c == '.' || c != ',' && equation.matches(c).count() == 1),
    };
    if scalar {
        wrong("a sum over every axis is not computed; export it as ReduceSum")
    } else {
        Verdict::Right
    }
}

/// From version 20 on the axis is an input, and that before the last where there is none; tract takes the second.
pub(super) fn dft(of: &Use<'_>) -> Verdict {
    match of.version >= 20 && of.input(2).is_none() {
        true => wrong("without an axis it is not computed as ONNX specifies; export it with one"),
        false => Verdict::Right,
    }
}

/// tract knows the usual functions alone, bounds nothing, and goes through a sequence from its end only beside going
/// through it from the front.
pub(super) fn recurrent(of: &Use<'_>) -> Verdict {
    let direction = of.text("direction").unwrap_or_default();
    let usual: &[&str] = match of.node.op_type.as_str() {
        "RNN" => &["Tanh"],
        "GRU" => &["Sigmoid", "Tanh"],
        _ => &["Sigmoid", "Tanh", "Tanh"],
    };
    let functions = of.texts("activations").unwrap_or_default();
    if direction == "reverse" {
        return wrong("the direction reverse is not computed as ONNX specifies; export it bidirectional");
    }
    if of.float("clip").is_some() || of.int("input_forget").unwrap_or(0) != 0 {
        return wrong("clip and input_forget are not computed; export it without them");
    }
    if functions.iter().zip(usual.iter().cycle()).any(|(given, usual)| given != usual) {
        return wrong("other activations than the usual ones are not computed; export it with those");
    }
    Verdict::Right
}

/// tract takes the mean where ONNX has the sum.
pub(super) fn global_lp_pool(_: &Use<'_>) -> Verdict {
    wrong("it is not computed as ONNX specifies; export it as ReduceL1 or ReduceL2")
}

/// tract bounds the place once, ONNX each of the sixteen pixels around it.
pub(super) fn grid_sample(of: &Use<'_>) -> Verdict {
    let cubic = of.text("mode").is_some_and(|mode| mode == "cubic" || mode == "bicubic");
    let border = of.text("padding_mode").is_some_and(|padding| padding == "border");
    match cubic && border {
        true => wrong(
            "cubic interpolation with padding_mode border is not computed as ONNX specifies; export it with zeros or reflection",
        ),
        false => Verdict::Right,
    }
}

/// tract lays an even window to the other side.
pub(super) fn lrn(of: &Use<'_>) -> Verdict {
    match of.int("size").is_some_and(|size| size % 2 == 0) {
        true => wrong("a window of even size is not computed as ONNX specifies; export it with an odd one"),
        false => Verdict::Right,
    }
}

/// tract takes a negative axis for another one.
pub(super) fn pad(of: &Use<'_>) -> Verdict {
    match of.constant(3).is_some_and(|axes| axes.iter().any(|axis| *axis < 0.0)) {
        true => wrong(
            "negative axes are not computed as ONNX specifies; export it with axes counted from the front",
        ),
        false => Verdict::Right,
    }
}

/// tract goes by the outputs alone.
pub(super) fn split(of: &Use<'_>) -> Verdict {
    match of.int("num_outputs").is_some_and(|n| usize::try_from(n) != Ok(of.node.output.len())) {
        true => wrong("it says another number of outputs than it has; export it again"),
        false => Verdict::Right,
    }
}
