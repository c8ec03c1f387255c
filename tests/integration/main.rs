//! End-to-end tests of the built program, in one binary.

mod bad_input;
mod commands;
mod crafted;
mod crash;
mod determinism;
mod faults;
mod models;
mod mutated;
mod onnx;
mod pairs;
mod resume;
mod retrained;
mod shipped;
mod support;
mod synth;
mod trained;
mod training;
