//! Attention and what stands around it.

use super::builder::{build, noise};
use super::harness::{check, compare, engines, floats, parts, run};
use super::*;

/// A block of attention in windows of 4x4 of an 8x12 picture `t` with 6 channels, with two masks, and rolls around it.
const WINDOWS: &str = "l = LayerNormalization t p:6 w:6; \
    ra = Slice l i:2 i:8 i:1; rb = Slice l i:0 i:2 i:1; rc = Concat ra rb axis=1; \
    rd = Slice rc i:1 i:12 i:2; re = Slice rc i:0 i:1 i:2; r = Concat rd re axis=2; \
    w1 = Reshape r i:-1,2,4,3,4,6; w2 = Transpose w1 perm=0,1,3,2,4,5; w3 = Reshape w2 i:-1,16,6; \
    a1 = MatMul w3 w:6,18; a2 = Add a1 w:18; a3 = Reshape a2 i:-1,16,3,3,2; a4 = Transpose a3 perm=2,0,3,1,4; \
    q0,k0,v0 = Split a4 i:1,1,1 axis=0; q1 = Squeeze q0 i:0; k1 = Squeeze k0 i:0; v = Squeeze v0 i:0; \
    q = Mul q1 f:0.7; k = Transpose k1 perm=0,1,3,2; s1 = MatMul q k; s2 = Add s1 w:1,3,16,16; \
    s3 = Reshape s2 i:-1,6,3,16,16; s4 = Add s3 w:1,6,1,16,16; s5 = Reshape s4 i:-1,3,16,16; \
    p = Softmax s5 axis=-1; o1 = MatMul p v; o2 = Transpose o1 perm=0,2,1,3; o3 = Reshape o2 i:-1,16,6; \
    o4 = MatMul o3 w:6,6; o5 = Add o4 w:6; \
    u1 = Reshape o5 i:-1,2,3,4,4,6; u2 = Transpose u1 perm=0,1,3,2,4,5; u3 = Reshape u2 i:-1,8,12,6; \
    ba = Slice u3 i:6 i:8 i:1; bb = Slice u3 i:0 i:6 i:1; bc = Concat ba bb axis=1; \
    bd = Slice bc i:11 i:12 i:2; be = Slice bc i:0 i:11 i:2; b = Concat bd be axis=2; \
    c = Add t b; d = LayerNormalization c p:6 w:6; e = MatMul d w:6,12; f = Add e w:12; \
    g1 = Div f f:1.4142135; g2 = Erf g1; g3 = Add g2 f:1; g4 = Mul f g3; g = Mul g4 f:0.5; \
    h = MatMul g w:12,6; i = Add h w:6; j = Add i c";

fn windows() -> String {
    format!(
        "t0 = Conv x w:6,4,3,3 w:6 pads=1,1,1,1; t = Transpose t0 perm=0,2,3,1; {WINDOWS}; \
        j1 = Transpose j perm=0,3,1,2; y = Conv j1 w:4,6,3,3 pads=1,1,1,1; z = Add y x"
    )
}

/// A picture cut into patches, with a token of its own, position embeddings and two heads.
const TOKENS: &str = "a0 = Conv x w:8,4,4,4 w:8 strides=4,4; a1 = Reshape a0 i:0,8,-1; a2 = Transpose a1 perm=0,2,1; \
    c = Expand w:1,1,8 i:N,1,8; a3 = Concat c a2 axis=1; a = Add a3 w:1,7,8; l = LayerNormalization a p:8 w:8; \
    q0 = MatMul l w:8,8; k0 = MatMul l w:8,8; v0 = MatMul l w:8,8; q1 = Add q0 w:8; \
    q2 = Reshape q1 i:0,-1,2,4; q = Transpose q2 perm=0,2,1,3; k1 = Reshape k0 i:0,-1,2,4; k = Transpose k1 perm=0,2,3,1; \
    v1 = Reshape v0 i:0,-1,2,4; v = Transpose v1 perm=0,2,1,3; s = MatMul q k; s1 = Mul s f:0.5; p = Softmax s1 axis=3; \
    o = MatMul p v; o1 = Transpose o perm=0,2,1,3; o2 = Reshape o1 i:0,-1,8; o3 = MatMul o2 w:8,8; b = Add o3 a; \
    m = LayerNormalization b p:8 w:8; e = Gather m i:0 axis=1; f = Flatten e axis=1; y = Gemm f w:5,8 w:5 transB=1";

#[test]
fn blocks_are_whole_regions() {
    check("N,4,8,12", &format!("1 | {}\n1 | {TOKENS}", windows()));
}

#[test]
fn attention_of_many_kinds() {
    check(
        "N,6,8,8",
        // Over channels; of other lengths; of one head; with scores that others read; a few queries of many keys.
        "1 | a = Conv x w:18,6,1,1; q0,k0,v0 = Split a i:6,6,6 axis=1; q = Reshape q0 i:0,2,3,64; k1 = Reshape k0 i:0,2,3,64; k = Transpose k1 perm=0,1,3,2; v = Reshape v0 i:0,2,3,64; n = ReduceL2 q axes=3 keepdims=1; r = Div q n; s = MatMul r k; u = Mul s p:1,2,1,1; p = Softmax u axis=-1; o = MatMul p v; b = Reshape o i:0,6,8,8; y = Conv b w:6,6,1,1; z = Add y x
         1 | a = Conv x w:12,6,2,2 strides=2,2; b = Reshape a i:0,12,16; c = Transpose b perm=0,2,1; e = Reshape x i:0,6,64; d = Transpose e perm=0,2,1; q = MatMul d w:6,8; k0 = MatMul c w:12,8; k = Transpose k0 perm=0,2,1; v = MatMul c w:12,10; s = MatMul q k; p = Softmax s axis=2; o = MatMul p v; f = Transpose o perm=0,2,1; g = Reshape f i:0,10,8,8; y = Conv g w:3,10,3,3
         1 | a = Conv x w:6,6,1,1; b = Reshape a i:0,6,64; c = Transpose b perm=0,2,1; s = MatMul c b; p = Softmax s axis=1; o = MatMul p c; y = Transpose o perm=0,2,1; out y s
         1 | a = Conv x w:6,6,1,1; b = Reshape a i:0,6,64; c = Transpose b perm=0,2,1; s = MatMul c b; t = Tanh s; o = MatMul t c; y = Sub o c; z = Exp s; out y z
         1 | a = Conv x w:2,6,1,1; b = Reshape a i:0,2,64; e = Reshape x i:0,6,64; d = Transpose e perm=0,2,1; p = Softmax b axis=2; y = MatMul p d
         1 | a = Conv x w:6,6,1,1; y = MatMul a x
         1 | a = Conv x w:6,6,1,1; b = Softmax a axis=1; c = Softmax a axis=3; y = Add b c",
    );
}

#[test]
fn moves_of_all_axes() {
    check(
        "N,6,7,9",
        "1 | a = Conv x w:6,6,1,1; y = Gather a i:3,1,1,0 axis=1; z = Gather a i:3,6,0 axis=2; w = Gather a i:-1,0 axis=3; out y z w
         1 | a = Conv x w:6,6,1,1; y = Slice a i:-1 i:-99 i:2 i:-1; z = Slice y i:-1 i:-99 i:3 i:-1; w = Concat y a z axis=2; out w
         1 | a = Conv x w:6,6,1,1; b = Reshape a i:0,2,3,7,9; c = Transpose b perm=0,3,4,2,1; e = Reshape c i:0,63,6; d = Reshape e i:0,9,7,2,3; y = Transpose d perm=0,3,1,2,4
         1 | a = Conv x w:6,6,1,1; b = Slice a i:1 i:5 i:2; c = Slice b i:2 i:8 i:3; d = Slice c i:1 i:3 i:2; y = Relu d
         1 | a = Conv x w:6,6,1,1; b = Concat w:N,6,1,9 a axis=2; y = Conv b w:3,6,3,3
         1 | a = Conv x w:4,6,1,1; b = Add a w:1,4,7,1; c = Mul b w:1,1,7,9; d = Sub w:7,1 c; y = Add d w:9
         1 | a = Conv x w:6,6,1,1; p = Pow a f:3; m = Mul p f:0.044715; s = Add a m; u = Mul s f:0.79788456; t = Tanh u; o = Add t f:1; h = Mul a f:0.5; y = Mul h o",
    );
    // The first channels written over.
    let list: String = (0..3).map(|c| format!("0,{c},")).collect();
    let text = format!(
        "x = in N,6,7,9; a = Conv x w:6,6,1,1; b = Slice a i:0 i:3 i:1; c = Conv b w:3,3,3,3 pads=1,1,1,1; \
        i = Reshape i:{} i:1,3,2; y = ScatterND a i c; z = Conv y w:3,6,3,3",
        list.trim_end_matches(',')
    );
    assert_eq!(compare(&text, 1, "1", 1.0), Ok(()));
}

#[test]
fn positions_that_are_computed_and_interpolation() {
    let mut list = String::new();
    for mode in ["bilinear", "nearest"] {
        for beyond in ["zeros", "border", "reflection"] {
            for corners in [0, 1] {
                list += &format!(
                    "1 | g = Conv x w:2,4,1,1; t = Tanh g; s = Mul t f:1.7; h = Transpose s perm=0,2,3,1; \
                     y = GridSample x h mode={mode} padding_mode={beyond} align_corners={corners}\n"
                );
            }
        }
    }
    for how in ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"] {
        for (mode, scales) in [("linear", "1,1,2,2"), ("linear", "1,1,1.5,0.5"), ("cubic", "1,1,2,1")] {
            list += &format!(
                "1 | a = Conv x w:5,4,3,3 pads=1,1,1,1; b = Resize a _ v:{scales} mode={mode} \
                 coordinate_transformation_mode={how}; y = Conv b w:3,5,3,3\n"
            );
        }
    }
    check("N,4,6,10", &list);
}

#[test]
fn an_item_has_the_same_bits_whatever_the_batch() {
    for text in [windows(), TOKENS.to_string()] {
        let size = [4, 8, 12];
        for (engine, _) in engines() {
            let ran = |batch: usize, x: &[f32]| {
                let text = format!("x = in N,4,8,12; {text}");
                let model = rewrite(build(&text, batch, 1.0).unwrap().0, engine, u64::MAX).unwrap();
                assert_eq!(parts(&model), "1");
                let x = Tensor::from_shape(&[batch, 4, 8, 12], x).unwrap();
                floats(&run(model, &[x])[0]).to_vec()
            };
            let len = size.iter().product::<usize>();
            let x = noise(4 * len, 5);
            let all = ran(4, &x);
            for (i, x) in x.chunks(len).enumerate() {
                let one = ran(1, x);
                let same = one.iter().zip(&all[i * one.len()..]).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same, "{engine:?} {i}");
            }
        }
    }
}
