//! What of a picture goes into a network's planes, and what comes out of them.

use super::info::ModelInfo;

/// What of a picture goes into the network's planes, and what comes out of them.
#[derive(Clone, Debug)]
pub(super) struct Wiring {
    /// Channels of colour that go in: 1 or 3.
    pub(super) colours: usize,
    /// Whether alpha goes in, behind the colours.
    pub(super) alpha_in: bool,
    /// Names of the planes behind that.
    pub(super) levels: Vec<String>,
    /// Channels of colour that come out: 1 or 3.
    colours_out: usize,
    /// Whether alpha comes out, behind the colours.
    alpha_out: bool,
}

impl Wiring {
    pub(super) fn of(info: &ModelInfo, alpha: Option<bool>) -> Wiring {
        let split =
            |channels: usize| if channels >= 3 { (3, channels - 3) } else { (1, channels.saturating_sub(1)) };
        let planes = info.in_channels.saturating_sub(info.levels.len());
        let ((colours, more), (colours_out, more_out)) = (split(planes), split(info.out_channels));
        let alpha_in = more > 0 && alpha.unwrap_or(more == 1 && info.out_channels == planes);
        let first = colours + usize::from(alpha_in) + 1;
        let levels = (first..=planes).map(|number| format!("channel_{number}"));
        let levels = levels.chain(info.levels.iter().cloned()).collect();
        Wiring { colours, alpha_in, levels, colours_out, alpha_out: more_out > 0 }
    }

    /// Channels of colour that come out, where they are others than went in.
    pub(super) fn converts(&self) -> Option<usize> {
        (self.colours_out != self.colours).then_some(self.colours_out)
    }

    /// Whether alpha comes out for a picture with or without: what went in opaque for want of alpha has none.
    pub(super) fn gives_alpha(&self, alpha: bool) -> bool {
        self.alpha_out && (alpha || !self.alpha_in)
    }
}
