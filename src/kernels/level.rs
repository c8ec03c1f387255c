//! Which vector instructions are used: found at run time, so that one binary serves all machines.

use std::fmt;
use std::sync::LazyLock;

/// An instruction set that the kernels have a path for and that this machine has: whoever holds one has asked
/// the CPU, as nothing outside this file can make one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Level(Set);

/// The instruction sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Set {
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

impl Set {
    /// All, best first.
    const ALL: [Set; 5] = [Set::Avx512, Set::Avx512Half, Set::Avx2, Set::Neon, Set::Plain];

    fn name(self) -> &'static str {
        match self {
            Set::Avx512 => "avx512",
            Set::Avx512Half => "avx512-half",
            Set::Avx2 => "avx2",
            Set::Neon => "neon",
            Set::Plain => "plain",
        }
    }

    /// Whether this machine has it. Where it has AVX-512, it has all of it: [`Level::for_channels`] and
    /// [`Level::full_width`] go from one of its levels to the other.
    fn runs_here(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            match self {
                Set::Avx512 | Set::Avx512Half => avx512,
                Set::Avx2 => avx2,
                Set::Neon => false,
                Set::Plain => true,
            }
        }
        #[cfg(target_arch = "aarch64")]
        {
            matches!(self, Set::Neon | Set::Plain)
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            self == Set::Plain
        }
    }
}

impl Level {
    /// The best of this machine.
    pub fn best() -> Level {
        static BEST: LazyLock<Level> = LazyLock::new(|| Level::available()[0]);
        *BEST
    }

    /// All that this machine can run, best first; never empty.
    pub fn available() -> Vec<Level> {
        Set::ALL.into_iter().filter(|set| set.runs_here()).map(Level).collect()
    }

    /// The level of that name (`avx512`, `avx512-half`, `avx2`, `neon`, `plain`), if this machine can run it.
    pub fn of(name: &str) -> Option<Level> {
        Level::available().into_iter().find(|level| level.0.name() == name)
    }

    /// Its instruction set.
    pub(super) fn set(self) -> Set {
        self.0
    }

    /// The level for results of `channels` channels: half the width where the full one would idle.
    pub(super) fn for_channels(self, channels: usize) -> Level {
        let rest = channels % 16;
        if self.0 == Set::Avx512 && channels <= 24 && (1..=8).contains(&rest) {
            Level(Set::Avx512Half)
        } else {
            self
        }
    }

    /// The level at the full width of its registers.
    pub(super) fn full_width(self) -> Level {
        if self.0 == Set::Avx512Half { Level(Set::Avx512) } else { self }
    }

    /// Floats in one register.
    pub(super) fn lanes(self) -> usize {
        match self.0 {
            Set::Avx512 => 16,
            Set::Avx512Half | Set::Avx2 | Set::Plain => 8,
            Set::Neon => 4,
        }
    }

    /// Registers that instructions can name.
    pub(super) fn registers(self) -> usize {
        match self.0 {
            Set::Avx512 | Set::Avx512Half | Set::Neon => 32,
            Set::Avx2 | Set::Plain => 16,
        }
    }
}

impl fmt::Debug for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

/// Makes `$name(level, &arguments)`, which runs `$generic::<V>(&arguments)` with the vectors of `level`,
/// compiled for its instructions.
///
/// A [`Level`] proves that its instructions are there, so the made function is safe to call if `$generic` is.
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
            // SAFETY: a `Level` is only made of a set that this CPU was asked for.
            match level.set() {
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::level::Set::Avx512 => avx512(arguments),
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::level::Set::Avx512Half => avx512_half(arguments),
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::level::Set::Avx2 => avx2(arguments),
                #[cfg(target_arch = "aarch64")]
                $crate::kernels::level::Set::Neon => $generic::<$crate::kernels::neon::Neon>(arguments),
                _ => $generic::<$crate::kernels::vector::Plain>(arguments),
            }
        }
    };
}
pub(super) use dispatch;

#[cfg(test)]
mod tests {
    use super::{Level, Set};

    #[test]
    fn levels_are_those_that_the_machine_has() {
        let available = Level::available();
        assert_eq!((available[0], available.last()), (Level::best(), Level::of("plain").as_ref()));
        for set in Set::ALL {
            let level = Level::of(set.name());
            assert_eq!(level.map(Level::set), set.runs_here().then_some(set));
            // Each step from level to level stays on what the machine has.
            for level in level
                .into_iter()
                .flat_map(|l| (1..=32).map(move |c| l.for_channels(c)).chain([l.full_width()]))
            {
                assert!(level.set().runs_here(), "{level:?} from {set:?}");
            }
        }
        assert!(["", "AVX2", "sse9"].iter().all(|name| Level::of(name).is_none()));
    }
}
