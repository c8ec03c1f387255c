//! Networks wired at random.

use super::builder::build;
use super::harness::compare;
use proptest::prelude::*;

/// A network made of random numbers: what each step does, on which results, and with how many channels.
fn random_net(steps: &[(u8, u8, u8, usize)]) -> String {
    let mut text = String::from("x = in N,4,8,12; t0 = Conv x w:4,4,3,3 w:4 pads=1,1,1,1");
    let mut known = vec![[4, 8, 12], [4, 8, 12]];
    let name = |i: usize| if i == 0 { "x".to_string() } else { format!("t{}", i - 1) };
    for (kind, first, second, oc) in steps {
        let i = usize::from(*first) % known.len();
        let ([c, h, w], a, to) = (known[i], name(i), name(known.len()));
        // Another result with the same rows and columns, and one with the same channels too.
        let near: Vec<usize> = (0..known.len()).filter(|j| known[*j][1..] == [h, w]).collect();
        let same: Vec<usize> = near.iter().copied().filter(|j| known[*j][0] == c).collect();
        let near = near[usize::from(*second) % near.len()];
        let same = name(same[usize::from(*second) % same.len()]);
        let (line, size) = match kind % 25 {
            0 => (format!("{to} = Conv {a} w:{oc},{c},3,3 w:{oc} pads=1,1,1,1"), [*oc, h, w]),
            1 => (format!("{to}c = Conv {a} w:{oc},{c},3,3 pads=1,1,1,1; {to} = Relu {to}c"), [*oc, h, w]),
            2 => (
                format!("{to}c = Conv {a} w:{c},1,3,3 group={c} pads=1,1,1,1; {to} = Add {to}c {same}"),
                [c, h, w],
            ),
            3 => (format!("{to} = Tanh {a}"), [c, h, w]),
            4 => (format!("{to} = Add {a} {same}"), [c, h, w]),
            5 => (format!("{to} = Concat {a} {} axis=1", name(near)), [c + known[near][0], h, w]),
            6 if h * w > 12 => {
                (format!("{to} = MaxPool {a} kernel_shape=2,2 strides=2,2"), [c, h / 2, w / 2])
            }
            7 if h * w < 200 => {
                let how = "mode=nearest coordinate_transformation_mode=asymmetric nearest_mode=floor";
                (format!("{to} = Resize {a} _ v:1,1,2,2 {how}"), [c, 2 * h, 2 * w])
            }
            8 if c > 1 => (format!("{to} = Slice {a} i:1 i:{} i:1", c.min(4)), [c.min(4) - 1, h, w]),
            9 if c % 4 == 0 && h * w < 200 => {
                (format!("{to} = DepthToSpace {a} blocksize=2"), [c / 4, 2 * h, 2 * w])
            }
            10 => {
                let gate = format!("{to}g = GlobalAveragePool {a}; {to}h = Conv {to}g w:{c},{c},1,1");
                (
                    format!("{gate}; {to}s = Sigmoid {to}h; {to}a = Abs {same}; {to} = Mul {to}a {to}s"),
                    [c, h, w],
                )
            }
            11 => (
                format!("{to}g = Conv {a} w:1,{c},1,1; {to}s = Sigmoid {to}g; {to} = Mul {to}s {same}"),
                [c, h, w],
            ),
            14 if h > 1 => (format!("{to} = Pad {a} i:0,0,1,0,0,0,0,1 mode=edge"), [c, h + 1, w + 1]),
            15 if h * w < 200 => {
                (format!("{to} = ConvTranspose {a} w:{c},{oc},2,2 strides=2,2"), [*oc, 2 * h, 2 * w])
            }
            16 => (format!("{to}m = ReduceMean {a} axes=3 keepdims=1; {to} = Sub {same} {to}m"), [c, h, w]),
            17 => (format!("{to}m = ReduceMax {a} axes=1 keepdims=1; {to} = Mul {to}m {same}"), [c, h, w]),
            18 => {
                (format!("{to} = Conv {a} w:{oc},{c},1,1 strides=2,2"), [*oc, h.div_ceil(2), w.div_ceil(2)])
            }
            19 => (format!("{to}a = Transpose {a} perm=0,1,3,2; {to} = Clip {to}a f:-1 f:1"), [c, w, h]),
            21 if h > 2 => (format!("{to} = Slice {a} i:0 i:{} i:2", h - 1), [c, h - 1, w]),
            20 if h > 2 => (format!("{to} = Slice {a} i:{} i:{h} i:2", oc % 2), [c, h - oc % 2, w]),
            23 if h > 1 => (
                // Rolled, and its columns the other way round.
                format!(
                    "{to}a = Slice {a} i:1 i:{h} i:2; {to}b = Slice {a} i:0 i:1 i:2; {to}c = Concat {to}a {to}b axis=2; \
                     {to} = Slice {to}c i:-1 i:-999 i:3 i:-1"
                ),
                [c, h, w],
            ),
            24 if h * w < 200 => {
                let how = "mode=linear coordinate_transformation_mode=half_pixel";
                (format!("{to} = Resize {a} _ v:1,1,2,2 {how}"), [c, 2 * h, 2 * w])
            }
            13 if oc % 4 == 0 => (format!("{to} = Softplus {a}"), [c, h, w]),
            12 => (format!("{to} = Mul {a} p:{c},1,1"), [c, h, w]),
            _ => (format!("{to} = LeakyRelu {a} alpha=0.2"), [c, h, w]),
        };
        text += &format!("; {line}");
        known.push(size);
    }
    let (last, also) = (known.len() - 1, usize::from(steps[0].2) % known.len());
    text + &format!("; y = Conv {} w:3,{},1,1; out y {}", name(last), known[last][0], name(also))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn random_networks(steps in proptest::collection::vec((any::<u8>(), any::<u8>(), any::<u8>(), 1usize..20), 1..14), batch in 1usize..4) {
        let text = random_net(&steps);
        // Tract can't pull a strided 1x1 convolution over a reshape.
        prop_assume!(build(&text, batch, 1.0).is_ok());
        // Nor are there kernels for every second row from the second on.
        let odd = text.contains("Slice") && text.contains("1,1 strides");
        let expected = if odd || text.contains("Softplus") { "?" } else { "1" };
        prop_assert_eq!(compare(&text, batch, expected, 1.0), Ok(()), "{}", text);
    }
}
