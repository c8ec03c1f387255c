//! Which vector instructions are used: found at run time, so that one binary serves all machines.

use std::sync::LazyLock;

/// An instruction set that the kernels have a path for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// AVX-512 F, BW, DQ and VL: 16 floats.
    Avx512,
    /// AVX-512's registers and masks at 8 floats, for layers of few channels.
    Avx512Half,
    /// AVX2 and FMA: 8 floats.
    Avx2,
    /// NEON: 4 floats.
    Neon,
    /// Whatever the compiler makes of plain code.
    Plain,
}

impl Level {
    /// The best of this machine.
    pub fn best() -> Level {
        static BEST: LazyLock<Level> = LazyLock::new(|| Level::available()[0]);
        *BEST
    }

    /// All that this machine can run, best first; never empty.
    pub fn available() -> Vec<Level> {
        let all = [Level::Avx512, Level::Avx512Half, Level::Avx2, Level::Neon, Level::Plain];
        all.into_iter().filter(|level| level.runs_here()).collect()
    }

    /// Whether this machine has it.
    pub fn runs_here(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            match self {
                Level::Avx512 | Level::Avx512Half => avx512,
                Level::Avx2 => avx2,
                Level::Neon => false,
                Level::Plain => true,
            }
        }
        #[cfg(target_arch = "aarch64")]
        {
            matches!(self, Level::Neon | Level::Plain)
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            self == Level::Plain
        }
    }

    /// The level for results of `channels` channels: half the width where the full one would idle.
    pub(super) fn for_channels(self, channels: usize) -> Level {
        let rest = channels % 16;
        if self == Level::Avx512 && channels <= 24 && (1..=8).contains(&rest) {
            Level::Avx512Half
        } else {
            self
        }
    }

    /// Floats in one register.
    pub(super) fn lanes(self) -> usize {
        match self {
            Level::Avx512 => 16,
            Level::Avx512Half | Level::Avx2 | Level::Plain => 8,
            Level::Neon => 4,
        }
    }

    /// Registers that instructions can name.
    pub(super) fn registers(self) -> usize {
        match self {
            Level::Avx512 | Level::Avx512Half | Level::Neon => 32,
            Level::Avx2 | Level::Plain => 16,
        }
    }
}

/// Makes `$name(level, &arguments)`, which runs `$generic::<V>(&arguments)` with the vectors of `level`,
/// compiled for its instructions.
///
/// The made function is safe to call for a level of [`Level::available`] if `$generic` is with that level.
macro_rules! dispatch {
    ($(#[$doc:meta])* $name:ident = $generic:ident($arguments:ty)) => {
        $(#[$doc])*
        #[expect(unsafe_op_in_unsafe_fn, reason = "each arm is the one call that its condition allows")]
        pub(super) unsafe fn $name(level: $crate::kernels::Level, arguments: &$arguments) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            unsafe fn avx512(arguments: &$arguments) {
                $generic::<$crate::kernels::x86::Avx512>(arguments)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            unsafe fn avx512_half(arguments: &$arguments) {
                $generic::<$crate::kernels::x86::Avx512Half>(arguments)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2(arguments: &$arguments) {
                $generic::<$crate::kernels::x86::Avx2>(arguments)
            }
            // SAFETY: whoever makes a kernel for a level asks `Level::runs_here`, which asks the CPU.
            match level {
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::Level::Avx512 => avx512(arguments),
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::Level::Avx512Half => avx512_half(arguments),
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::Level::Avx2 => avx2(arguments),
                #[cfg(target_arch = "aarch64")]
                $crate::kernels::Level::Neon => $generic::<$crate::kernels::neon::Neon>(arguments),
                _ => $generic::<$crate::kernels::vector::Plain>(arguments),
            }
        }
    };
}
pub(super) use dispatch;
