//! The architectures that are known. A new one is one file and one line in [`ALL`].

mod compact;
mod dat;
mod dncnn;
mod drunet;
mod esrgan;
mod nafnet;
mod omnisr;
mod plksr;
mod span;
mod swinir;

use super::architecture::Architecture;
use super::error::WeightsError;
use super::net::Net;
use super::state::State;
use tract_onnx::pb::ModelProto;

/// All of them, in the order in which they are tried: looser conditions come later.
const ALL: &[&Architecture] = &[
    &esrgan::ESRGAN,
    &span::SPAN,
    &nafnet::NAFNET,
    &plksr::PLKSR,
    &swinir::SWINIR,
    &dat::DAT,
    &omnisr::OMNISR,
    &drunet::DRUNET,
    &dncnn::DNCNN,
    &compact::COMPACT,
];

/// The model of the first state dict that is recognised.
pub(super) fn model(states: &[State<'_>]) -> Result<ModelProto, WeightsError> {
    for state in states {
        if let Some(known) = ALL.iter().find(|known| (known.recognise)(state)) {
            let mut net = Net::new(known.name, state);
            let (output, facts) = (known.build)(&mut net)?;
            return net.finish(&output, &facts);
        }
    }
    let Some(largest) = states.iter().max_by_key(|state| state.count()) else {
        return Err(WeightsError::Empty("save the model's state dict (torch.save(model.state_dict(), …))"));
    };
    Err(WeightsError::Unknown {
        known: ALL.iter().map(|known| known.name).collect::<Vec<_>>().join(", "),
        count: largest.count(),
        first: largest.first(4),
    })
}
