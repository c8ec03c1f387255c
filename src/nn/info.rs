//! What is known of a network before it sees a picture.

use super::axes::Layout;
use super::branch::LeftOut;
use super::candidates::Bottleneck;
use super::choice::Choice;
use super::normalise::border::Border;
use super::places::Places;
use super::range::{Range, RangeOrigin};
use std::collections::BTreeMap;
use tract_onnx::pb::{ValueInfoProto, tensor_proto::DataType, type_proto};

/// What is known about a network.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ModelInfo {
    /// BLAKE3 of the file (and of weight files beside it), in hexadecimal.
    pub hash: String,
    /// The inputs, weights apart.
    pub inputs: Vec<TensorInfo>,
    /// The outputs.
    pub outputs: Vec<TensorInfo>,
    /// Order of the input's axes.
    pub layout: Layout,
    /// Planes of the input: the picture's channels and those of `levels`.
    pub in_channels: usize,
    /// Names of the planes behind the picture's channels: what the file declares as inputs beside the picture.
    pub levels: Vec<String>,
    /// Channels of the output picture; 0 when the output is no picture.
    pub out_channels: usize,
    /// Height and width, where the file fixes them.
    pub fixed_size: Option<(usize, usize)>,
    /// Batch size, where the file fixes it (pictures are run one at a time all the same).
    pub fixed_batch: Option<usize>,
    /// Output size over input size: 1 to 4; none when the output is no picture of such a size.
    pub scale: Option<usize>,
    /// Why the model can't restore, when `scale` is none.
    pub not_restorer: Option<String>,
    /// Height and width must be multiples of this.
    pub size_multiple: usize,
    /// Parts of a picture that begin at multiples of this give what the whole gives.
    pub period: usize,
    /// Height and width must be at least this.
    pub least: usize,
    /// What is laid around the picture inside the graph.
    pub(super) border: Option<Border>,
    /// How far an output pixel looks.
    pub receptive: Receptive,
    /// Multiply-adds for each input pixel.
    pub macs_per_pixel: f64,
    /// What runs where; none where there is no plan for a trial.
    pub places: Option<Places>,
    /// Seconds for a million input pixels on one thread of this machine, where it was measured.
    pub seconds_per_megapixel: Option<f64>,
    /// Bytes of working memory for each input pixel while running.
    pub memory_per_pixel: usize,
    /// The same if each step were run to its end before the next, by which tiles are chosen: how steps are run must not decide
    /// what comes out.
    pub memory_apart: usize,
    /// Bytes that each worker needs beside that, whatever the picture's size.
    pub scratch_bytes: usize,
    /// Number of weights.
    pub parameters: u64,
    /// What runs it in place of our own engine, such as `onnxruntime 1.32.0 (git-commit-id=fab30a4) on cpu`.
    pub outside: Option<String>,
    /// Range of the numbers that go in.
    pub range: Range,
    /// Range of the numbers that come out: that of the input, save where the graph scales by itself.
    pub out_range: Range,
    /// How the range became known.
    pub range_origin: RangeOrigin,
    /// Tensors that can serve as the embedding, best first.
    pub candidates: Vec<Bottleneck>,
    /// Which tensor is the embedding where nobody names one.
    pub choice: Choice,
    /// Outputs that need more than a picture, and are left out for that.
    pub left_out: Vec<LeftOut>,
    /// Metadata that the file carries.
    pub metadata: BTreeMap<String, String>,
    /// Remarks for a person.
    pub notes: Vec<String>,
}

impl ModelInfo {
    /// Pixels that are laid around the picture, by reflection, for a network that gives less than it gets.
    pub fn around(&self) -> usize {
        self.border.map_or(0, |border| border.around)
    }

    /// Name of the plane behind the colours, which may be the picture's alpha or a level; none where there is none.
    pub fn behind_colours(&self) -> Option<String> {
        let planes = self.in_channels.saturating_sub(self.levels.len());
        let colours = if planes >= 3 { 3 } else { 1 };
        (planes > colours).then(|| format!("channel_{}", colours + 1))
    }
}

/// How far an output pixel looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Receptive {
    /// At most this many input pixels away from its own place, in each direction.
    Pixels(usize),
    /// Over the whole picture (or unknown): tiles can only be blended.
    Global,
}

/// An input or output as the file declares it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TensorInfo {
    /// Tensor name.
    pub name: String,
    /// Dimensions, numbers or names, such as `1 x 3 x H x W`.
    pub shape: String,
    /// Element type, such as `float`.
    pub dtype: String,
}

impl TensorInfo {
    /// As the file declares it.
    pub(super) fn of(info: &ValueInfoProto) -> TensorInfo {
        use tract_onnx::pb::tensor_shape_proto::dimension::Value;
        let Some(type_proto::Value::TensorType(t)) = info.r#type.as_ref().and_then(|t| t.value.as_ref())
        else {
            return TensorInfo { name: info.name.clone(), shape: "?".into(), dtype: "?".into() };
        };
        let dim = |d: &tract_onnx::pb::tensor_shape_proto::Dimension| match &d.value {
            Some(Value::DimValue(v)) => v.to_string(),
            Some(Value::DimParam(p)) if !p.is_empty() => p.clone(),
            _ => "?".into(),
        };
        let shape: Vec<String> = t.shape.iter().flat_map(|s| &s.dim).map(dim).collect();
        let dtype = DataType::try_from(t.elem_type).map_or("?".into(), |d| format!("{d:?}").to_lowercase());
        TensorInfo { name: info.name.clone(), shape: shape.join(" x "), dtype }
    }
}
