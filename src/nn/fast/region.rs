//! A part of tract's graph that the kernels run, as one operator of tract's.

use crate::kernels::{Program, Strides, Workspace};
use std::cell::RefCell;
use std::sync::Arc;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;

thread_local! {
    /// One for each worker, shared by all networks and sizes: it grows to what the largest needs.
    static WORKSPACE: RefCell<Workspace> = RefCell::default();
}

/// The operator: several tensors in, several out.
#[derive(Clone, Debug)]
pub(in super::super) struct Region {
    pub(super) program: Arc<Program>,
    /// How each input tensor's axes lie.
    pub(super) inputs: Vec<Strides>,
    /// Shape of each output tensor, and how its axes lie.
    pub(super) outputs: Vec<(Vec<usize>, Strides)>,
}

impl Region {
    /// Runs the program on the numbers of tensors in row-major order.
    ///
    /// # Panics
    /// When they are not as many as the region has, or too short.
    pub(in super::super) fn apply(&self, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) {
        let inputs: TVec<(&[f32], Strides)> =
            inputs.iter().copied().zip(self.inputs.iter().copied()).collect();
        let strides = self.outputs.iter().map(|o| o.1);
        let mut outputs: TVec<(&mut [f32], Strides)> =
            outputs.iter_mut().map(|o| &mut **o).zip(strides).collect();
        WORKSPACE.with_borrow_mut(|w| self.program.run(w, &inputs, &mut outputs));
    }
}

impl PartialEq for Region {
    fn eq(&self, other: &Region) -> bool {
        Arc::ptr_eq(&self.program, &other.program)
    }
}

impl Eq for Region {}

impl Op for Region {
    fn name(&self) -> StaticName {
        "Kernels".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![self.program.kernels().join(" ")])
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for Region {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let mut results: TVec<Tensor> =
            self.outputs.iter().map(|(shape, _)| Tensor::zero::<f32>(shape)).collect::<TractResult<_>>()?;
        {
            let inputs: Vec<&[f32]> = inputs
                .iter()
                .map(|tensor| tensor.try_as_plain_ram()?.as_slice::<f32>())
                .collect::<TractResult<_>>()?;
            let mut views: TVec<_> =
                results.iter_mut().map(|t| t.try_as_plain_ram_mut()).collect::<TractResult<_>>()?;
            let mut outputs: Vec<&mut [f32]> =
                views.iter_mut().map(|view| view.as_slice_mut::<f32>()).collect::<TractResult<_>>()?;
            self.apply(&inputs, &mut outputs);
        }
        Ok(results.into_iter().map(IntoTValue::into_tvalue).collect())
    }
}

impl TypedOp for Region {
    fn output_facts(&self, _inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(self.outputs.iter().map(|(shape, _)| f32::fact(shape)).collect())
    }

    as_op!();
}
