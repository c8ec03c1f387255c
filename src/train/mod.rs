//! Training: networks made of a few layers, their gradients on [`crate::kernels`], the loop, and export as ONNX.

pub mod net;
pub mod networks;
mod settings;

pub use settings::{Beside, Blobs, Data, Loss, Schedule, Task, TrainPlan, Vectors};
