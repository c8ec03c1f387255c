//! End-to-end tests of the built program, in one binary.

mod bad_input;
mod commands;
mod crafted;
mod crash;
mod determinism;
mod exif;
mod faults;
mod harm;
mod lists;
mod models;
mod mutated;
mod nights;
mod onnx;
mod pairs;
mod read_only;
mod resume;
mod retrained;
mod shipped;
mod sources;
mod support;
mod synth;
mod threads;
mod trained;
mod training;
mod vanished;
