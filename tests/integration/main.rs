//! End-to-end tests of the built program, in one binary.

mod bad_input;
mod commands;
mod crash;
mod determinism;
mod faults;
mod nights;
mod pairs;
mod read_only;
mod resume;
mod retrained;
mod shipped;
mod support;
mod synth;
mod threads;
mod trained;
mod training;
