//! Rewritten networks against the same networks run by tract alone.
//!
//! Results must agree within 5e-6 of the result's range (with 0 in it) by direct sums and within 2e-5 where
//! Winograd's algorithm may be used; and what stays with tract's operators must be what is expected to.

mod bits;
mod builder;
mod harness;
mod random;
mod transformers;

use super::*;
use builder::{build, noise};
use harness::{check, compare, engines, floats, inputs, parts, run};

#[test]
fn convolutions() {
    check(
        "N,6,11,9",
        "1 | y = Conv x w:10,6,3,3 w:10 pads=1,1,1,1
         1 | y = Conv x w:12,2,3,3 w:12 group=3
         1 | y = Conv x w:6,1,3,3 w:6 group=6 pads=1,1,1,1
         1 | y = Conv x w:12,1,5,3 group=6 pads=2,1,2,1 strides=2,1
         1 | y = Conv x w:8,6,3,3 dilations=2,3 pads=2,3,2,3
         1 | y = Conv x w:6,1,3,3 w:6 dilations=2,2 group=6
         1 | y = Conv x w:17,6,3,3 w:17 strides=2,2 pads=0,1,2,0
         1 | y = Conv x w:5,6,3,3 strides=3,2 pads=1,0,0,2
         1 | y = Conv x w:7,6,4,3 w:7 auto_pad=SAME_UPPER strides=2,2
         1 | y = Conv x w:7,6,4,2 w:7 auto_pad=SAME_LOWER strides=2,3
         1 | y = Conv x w:7,6,4,2 w:7 auto_pad=SAME_LOWER
         1 | y = Conv x w:7,6,3,3 w:7 auto_pad=VALID
         1 | y = Conv x w:40,6,1,1
         1 | y = Conv x w:33,6,1,1 w:33 strides=2,2
         1 | y = Conv x w:9,6,5,5 w:9 pads=2,2,2,2
         1 | y = Conv x w:3,6,7,7 w:3 pads=3,3,3,3
         1 | y = Conv x w:6,1,7,7 w:6 group=6 pads=3,3,3,3
         1 | y = Conv x w:8,6,11,9 w:8
         1 | y = Conv x w:8,6,1,5 w:8 pads=0,2,0,2
         1 | y = Conv x w:8,6,5,1 w:8 strides=2,1
         1 | a = Conv x w:16,6,3,3 w:16 pads=1,1,1,1; b = Conv a w:16,16,3,3 w:16 pads=1,1,1,1; y = Conv b w:3,16,3,3 w:3 pads=1,1,1,1",
    );
    check("N,4,1,7", "1 | y = Conv x w:5,4,1,3 w:5 pads=0,1,0,1\n 1 | y = Conv x w:5,4,3,3 w:5 pads=1,1,1,1");
    check("N,4,1,1", "1 | y = Conv x w:5,4,3,3 w:5 pads=1,1,1,1\n 1 | y = Conv x w:9,4,1,1 w:9");
    check("N,4,19", "1 | y = Conv x w:5,4,3 w:5 pads=1,1 strides=2");
    check("N,4,1,7", "1 Conv | y = Conv x w:5,4,1,3 w:5 pads=1,1,1,1; z = Conv y w:4,5,3,3");
}

#[test]
fn transposed_convolutions() {
    check(
        "N,6,7,5",
        "1 | y = ConvTranspose x w:6,5,2,2 w:5 strides=2,2
         1 | y = ConvTranspose x w:6,5,3,3 w:5 strides=2,2 pads=1,1,1,1 output_padding=1,1
         1 | y = ConvTranspose x w:6,5,3,3 strides=2,2 pads=0,1,1,0
         1 | y = ConvTranspose x w:6,9,4,4 w:9 strides=2,2 pads=1,1,1,1
         1 | y = ConvTranspose x w:6,9,3,3 w:9 pads=1,1,1,1
         1 | y = ConvTranspose x w:6,9,4,3 w:9
         1 | y = ConvTranspose x w:6,4,2,2 w:4 strides=3,3
         1 | y = ConvTranspose x w:6,4,2,2 strides=3,3 output_padding=1,0
         1 | y = ConvTranspose x w:6,4,3,3 w:8 group=2 strides=2,2 pads=1,1,1,1 output_padding=1,1
         1 | y = ConvTranspose x w:6,1,4,4 w:6 group=6 strides=2,2 pads=1,1,1,1
         1 | y = ConvTranspose x w:6,3,3,3 w:3 dilations=2,2
         1 | a = ConvTranspose x w:6,9,4,4 w:9 strides=2,2 pads=1,1,1,1; b = Relu a; y = Conv b w:3,9,3,3 pads=1,1,1,1",
    );
}

#[test]
fn activations() {
    let with = |list: &str| {
        let line = |l: &str| {
            let (left, text) = l.trim().split_once('|').unwrap();
            format!("{left} | a = Conv x w:12,5,3,3 w:12 pads=1,1,1,1; {text}; y = Conv b w:7,12,3,3 w:7\n")
        };
        check("N,5,9,7", &list.lines().map(line).collect::<String>());
        // Where nothing takes it in.
        check(
            "N,5,9,7",
            &list
                .lines()
                .map(|l| line(l).replace("; y = Conv b", "; last = Add a b; y = Conv last"))
                .collect::<String>(),
        );
    };
    with(
        "1 | b = Relu a
         1 | b = LeakyRelu a alpha=0.1
         1 | b = LeakyRelu a alpha=1.5
         1 | b = LeakyRelu a alpha=-0.3
         1 | b = PRelu a w:12,1,1
         1 | b = PRelu a v:0.2
         1 | b = PRelu a v:-2.5
         1 | b = PRelu a p:12,1,1
         1 | b = Clip a f:0 f:6
         1 | b = Clip a f:-0.2 f:0.3
         1 | b = Clip a _ f:0.3
         1 | b = Clip a f:0.1
         1 | b = HardSwish a
         1 | b = HardSigmoid a alpha=0.2 beta=0.5
         1 | s = Sigmoid a; b = Mul s a
         1 | s = Sigmoid a; b = Mul a s
         1 | b = Sigmoid a
         1 | b = Tanh a
         1 | b = Exp a
         1 | b = Neg a
         1 | b = Abs a
         1 | c = Mul a a; d = Add c f:0.5; e = Sqrt d; b = Reciprocal e
         1 | b = Pow a f:2
         1 | b = Erf a
         1 | e = Div a f:1.4142135; f = Erf e; g = Add f f:1; h = Mul a g; b = Mul h f:0.5
         2 Iff LT | b = Elu a
         1 | b = Softplus a
         1 | b = Mish a
         1 | s = Softplus a; t = Tanh s; b = Mul a t",
    );
}

#[test]
fn boundaries_of_regions() {
    check(
        "N,5,9,7",
        // Two operators of tract's one after the other; one that both sides go around.
        "2 Iff LT | a = Conv x w:5,5,3,3 pads=1,1,1,1; b = Elu a; c = Conv b w:5,5,1,1; d = Softplus c; e = Add d a; f = Mul e b; y = Conv f w:3,5,3,3
         2 Iff Iff LT LT | a = Conv x w:5,5,1,1; b = Elu x; c = Elu a; d = Mul b c; y = Conv d w:3,5,1,1
         2 Iff LT | a = Conv x w:5,5,1,1; b = Elu a; c = Conv x w:5,5,3,3 pads=1,1,1,1; d = Add c b; e = Relu d; y = Conv e w:5,5,1,1; z = Concat c y axis=1; out z a
         1 Exp Iff LT Sub | a = Elu x; y = Conv a w:3,5,1,1
         1 Iff LT | a = Conv x w:5,5,1,1; y = Elu a; out y a
         1 | a = Conv x w:4,5,3,3; b = Resize a _ v:1,1,2,2 mode=linear coordinate_transformation_mode=half_pixel; y = Conv b w:3,4,3,3
         1 Iff LT | a = Conv x w:5,5,3,3 pads=1,1,1,1; l = Less a f:0; b = Exp a; c = Neg a; y = Where l b c",
    );
}

#[test]
fn moves() {
    check(
        "N,8,6,10",
        "1 | a = Conv x w:12,8,3,3 w:12; y = DepthToSpace a blocksize=2 mode=DCR
         1 | a = Conv x w:12,8,3,3 w:12; y = DepthToSpace a blocksize=2 mode=CRD
         1 | a = Conv x w:12,8,3,3 w:12; b = DepthToSpace a blocksize=2 mode=CRD; y = Conv b w:5,3,3,3 pads=1,1,1,1
         1 | a = Conv x w:18,8,1,1; b = DepthToSpace a blocksize=3; c = Relu b; y = Add c v:0.5
         1 | a = SpaceToDepth x blocksize=2; y = Conv a w:7,32,3,3 w:7 pads=1,1,1,1
         1 | a = Reshape x i:N,8,3,2,5,2; b = Transpose a perm=0,1,3,5,2,4; c = Reshape b i:N,32,3,5; y = Conv c w:7,32,3,3 pads=1,1,1,1
         1 | a = Reshape x i:N,2,2,2,6,10; b = Transpose a perm=0,1,4,2,5,3; c = Reshape b i:N,2,12,20; y = Conv c w:7,2,3,3 pads=1,1,1,1
         1 | a = Reshape x i:N,2,4,6,10; b = Transpose a perm=0,2,1,3,4; c = Reshape b i:N,8,6,10; y = Conv c w:8,2,3,3 group=4
         1 | a = Conv x w:4,8,1,1; y = Resize a _ v:1,1,2,2 mode=nearest coordinate_transformation_mode=asymmetric nearest_mode=floor
         1 | a = Conv x w:4,8,1,1; b = Resize a _ v:1,1,3,3 mode=nearest coordinate_transformation_mode=asymmetric nearest_mode=floor; y = Conv b w:3,4,3,3
         1 | a = Conv x w:4,8,1,1; b = Resize a _ v:1,1,2,1 mode=nearest coordinate_transformation_mode=asymmetric nearest_mode=floor; y = Conv b w:3,4,3,3
         1 | a = Conv x w:4,8,1,1; b = Resize a _ v:1,1,2,2 mode=nearest coordinate_transformation_mode=asymmetric nearest_mode=floor; c = Relu b; y = GlobalAveragePool c
         1 | a = Conv x w:4,8,1,1; b = Transpose a perm=0,1,3,2; y = Conv b w:3,4,3,1 w:3
         1 | a = Conv x w:4,8,1,1; b = Transpose a perm=0,2,3,1; c = Tanh b; d = Transpose c perm=0,3,1,2; y = Conv d w:3,4,3,3
         1 | a = Conv x w:4,8,1,1; y = Transpose a perm=0,2,1,3
         1 | a = Conv x w:4,8,1,1; b = Flatten a axis=1; y = Gemm b w:9,240 w:9 transB=1
         1 | a = Conv x w:4,8,1,1; b = Flatten a axis=1; c = Gemm b w:9,240 w:9 transB=1; d = Relu c; y = Gemm d w:9,4 w:4
         1 | a = Conv x w:4,8,1,1; b = Flatten a axis=1; c = MatMul b w:240,24; d = Reshape c i:N,2,3,4; y = Conv d w:5,2,3,3 pads=1,1,1,1
         1 | a = Conv x w:4,8,1,1; b = GlobalAveragePool a; c = Flatten b axis=1; y = Gemm c w:4,6 w:6
         1 | a = Transpose x perm=0,2,3,1; y = MatMul a w:8,5
         1 | a = Reshape x i:N,8,60; b = Transpose a perm=0,2,1; c = MatMul b w:8,5; d = Add c w:5; e = Transpose d perm=0,2,1; y = Reshape e i:N,5,6,10
         1 | y = MatMul x w:10,5; z = MatMul y w:5,4
         1 | a = Conv x w:4,8,1,1; b = Expand a i:N,4,6,10; y = Add b a
         1 | a = Conv x w:4,8,1,1; b = GlobalAveragePool a; c = Expand b i:N,4,6,10; y = Concat a c axis=1
         1 | a = Conv x w:4,8,1,1; b = Transpose x perm=0,1,3,2; c = Reshape x i:N,60,8; d = Identity x; out a b c d",
    );
}

#[test]
fn pools_and_reductions() {
    let after = |list: &str| {
        let line = |l: &str| {
            let (left, text) = l.trim().split_once('|').unwrap();
            format!("{left} | a = Conv x w:6,5,3,3 w:6 pads=1,1,1,1; {text}\n")
        };
        check("N,5,11,8", &list.lines().map(line).collect::<String>());
    };
    after(
        "1 | y = MaxPool a kernel_shape=2,2 strides=2,2
         1 | y = MaxPool a kernel_shape=3,3 strides=2,2 pads=1,1,1,1
         1 | y = MaxPool a kernel_shape=3,2 strides=2,3 pads=1,0,0,1
         1 | y = MaxPool a kernel_shape=2,2 strides=2,2 ceil_mode=1
         1 | y = MaxPool a kernel_shape=3,3 strides=2,2 ceil_mode=1
         1 | y = MaxPool a kernel_shape=3,3 strides=2,2 auto_pad=SAME_UPPER
         1 MaxPool | y = MaxPool a kernel_shape=3,3 dilations=2,2
         1 | y = AveragePool a kernel_shape=2,2 strides=2,2
         1 | y = AveragePool a kernel_shape=3,3 strides=2,2 pads=1,1,1,1
         1 | y = AveragePool a kernel_shape=3,3 strides=2,2 pads=1,1,1,1 count_include_pad=1
         1 | y = AveragePool a kernel_shape=3,3 pads=1,1,1,1 count_include_pad=1
         1 | y = AveragePool a kernel_shape=3,2 strides=2,2 pads=0,0,1,1
         1 | y = GlobalAveragePool a
         1 | y = GlobalMaxPool a
         1 | y = ReduceMean a axes=2,3 keepdims=1
         1 | y = ReduceMean a axes=2,3 keepdims=0
         1 | y = ReduceMean a axes=1 keepdims=1
         1 | y = ReduceMax a axes=1 keepdims=1
         1 | y = ReduceMin a axes=2,3 keepdims=1
         1 | b = ReduceMean a axes=1 keepdims=0; y = Relu b
         1 | b = ReduceMean a axes=1; c = ReduceMax a axes=1; d = Concat b c axis=1; e = Conv d w:1,2,7,7 pads=3,3,3,3; f = Sigmoid e; y = Mul a f
         1 | b = ReduceL2 a axes=1 keepdims=1; y = Div a b",
    );
    after(
        "1 | y = ReduceMean a axes=3 keepdims=1
         1 | y = ReduceMax a axes=2 keepdims=0
         1 | y = ReduceMean a axes=1,2 keepdims=0
         1 | y = ReduceMean a axes=1,2,3 keepdims=1
         1 | b = ReduceMean a axes=1,2,3 keepdims=1; y = Sub a b
         1 | b = ReduceMean a axes=3 keepdims=1; y = Sub a b
         1 | b = ReduceMean a axes=2 keepdims=1; c = Sub b a; y = Relu c
         1 | b = ReduceMax a axes=1,3 keepdims=1; y = Max a b
         1 | y = ReduceMean a keepdims=0",
    );
}

#[test]
fn branches_that_are_weighed_and_kernels_that_are_scaled() {
    check(
        "N,6,7,9",
        "1 | a = Conv x w:5,6,3,3 pads=1,1,1,1; b = Conv x w:5,6,1,1; c = Concat a b axis=1; d = Reshape c i:N,2,5,7,9; y = ReduceSum d i:1 keepdims=1
         1 | a = Conv x w:15,6,1,1; d = Reshape a i:N,3,5,7,9; y = ReduceMax d axes=1 keepdims=0
         1 | a = Conv x w:15,6,1,1; d = Reshape a i:N,3,5,7,9; y = ReduceMin d axes=1,3,4 keepdims=1
         1 | a = Conv x w:10,6,1,1; d = Reshape a i:N,2,5,7,9; s = ReduceSum d i:1,3,4 keepdims=1; t = Softmax d axis=1; u = Mul t s; y = ReduceSum u i:1 keepdims=0
         1 | p = GlobalAveragePool x; g = Conv p w:8,6,1,1; a = Conv x w:8,6,3,3 w:8 pads=1,1,1,1; y = Mul a g
         1 | p = GlobalAveragePool x; g = Conv p w:8,6,1,1; a = Conv x w:8,6,3,3 pads=1,1,1,1; b = Mul g a; y = Conv b w:4,8,1,1",
    );
}

#[test]
fn joins_cuts_and_sums() {
    check(
        "N,6,7,9",
        "1 | a = Conv x w:4,6,3,3 pads=1,1,1,1; b = Conv a w:5,4,3,3 pads=1,1,1,1; c = Concat a b axis=1; y = Conv c w:3,9,3,3
         1 | a = Conv x w:4,6,3,3 pads=1,1,1,1; c = Concat x a axis=1; y = Conv c w:3,10,3,3
         1 | a = Conv x w:4,6,3,3 pads=1,1,1,1; c = Concat a a axis=1; y = Conv c w:3,8,3,3
         1 | a = Conv x w:4,6,3,3 pads=1,1,1,1; b = Concat a x axis=1; c = Concat b a b axis=1; d = Relu c; y = Conv d w:3,24,3,3; out y b
         1 | a = Conv x w:4,6,3,3 pads=1,1,1,1; b = Relu a; c = Concat x b axis=1; d = Conv c w:4,10,3,3 pads=1,1,1,1; e = Concat c d axis=1; f = Conv e w:4,14,3,3 pads=1,1,1,1; g = Concat e f axis=1; y = Conv g w:6,18,1,1; z = Add y x
         1 | a = Conv x w:8,6,1,1; s = Slice a i:2 i:5 i:1; c = Concat s a s axis=1; y = Conv c w:3,14,3,3
         1 | a = Conv x w:8,6,1,1; s,t = Split a i:3,5 axis=1; u = Conv s w:4,3,3,3 pads=1,1,1,1; y = Concat t u axis=1
         1 | s,t = Split x i:3,3 axis=1; a = Conv s w:3,3,3,3 pads=1,1,1,1; y = Mul a t
         1 | a = Conv x w:12,6,1,1; s,t = Split a i:6,6 axis=1; g = Mul s t; h = Conv g w:6,6,1,1; y = Add h x
         1 | a = Conv x w:12,6,1,1; s = Slice a i:-4 i:99 i:1; t = Slice s i:1 i:3 i:1; y = Relu t
         1 | a = Conv x w:1,6,1,1; b = Conv x w:3,6,1,1; c = Concat a b axis=1; y = Conv c w:3,4,3,3
         1 | a = Conv x w:6,6,3,3 w:6 pads=1,1,1,1; b = Relu a; c = Conv b w:6,6,3,3 w:6 pads=1,1,1,1; d = Add x c; e = Relu d; y = Conv e w:6,6,3,3 w:6 pads=1,1,1,1; z = Add y d; out z e d
         1 | a = Conv x w:6,6,3,3 pads=1,1,1,1; b = Add a a; c = Mul b b; y = Sub a c
         1 | a = Conv x w:6,6,1,1; b = Relu a; c = Sigmoid a; y = Mul b c; out y a b c
         1 | a = Conv x w:6,6,1,1; b = Conv x w:6,6,1,1; c = Max a b; d = Min c x; e = Max d x; y = Min e f:0.4",
    );
    check(
        "N,6,7,9",
        "1 | a = Conv x w:4,6,1,1; s = Slice a i:0 i:3 i:2; t = Slice a i:3 i:7 i:2; c = Concat t s axis=2; y = Conv c w:3,4,3,3
         1 | a = Conv x w:4,6,1,1; y = Slice a i:0 i:9 i:3 i:2
         1 | a = Conv x w:4,6,1,1; y = Slice a i:0 i:5 i:3; z = Slice y i:0 i:4 i:2; u = Conv z w:3,4,1,1 strides=2,2; out u y z
         1 | a = Conv x w:4,6,1,1; y = Slice a i:1 i:6 i:3",
    );
}

#[test]
fn constants_and_broadcasts() {
    let mut list = String::new();
    for op in ["Add", "Sub", "Mul", "Div", "Max", "Min"] {
        for c in ["f:0.3", "p:1,6,1,1", "p:6,1,1", "p:1,1,7,1", "p:9", "p:1,6,7,9", "p:7,9", "p:1,6,7,1"] {
            // On a convolution's result and on one that is read twice; on the right and on the left.
            list += &format!("1 | a = Conv x w:6,6,3,3 w:6 pads=1,1,1,1; y = {op} a {c}\n");
            let safe = if op == "Div" { "a = Exp b" } else { "a = Neg b" };
            list += &format!(
                "1 | b = Conv x w:6,6,3,3 w:6 pads=1,1,1,1; {safe}; y = {op} {c} a; z = Mul y a; out z y\n"
            );
        }
        let dear = if op == "Div" { "b = Exp c" } else { "b = Relu c" };
        for (w, pool) in
            [("6", "GlobalAveragePool"), ("1", "Relu"), ("1", "GlobalAveragePool"), ("6", "Relu")]
        {
            let gate = format!("a = Conv x w:6,6,1,1; c0 = Conv x w:{w},6,1,1; c = {pool} c0; {dear}");
            list += &format!("1 | {gate}; y = {op} a b\n");
            if op != "Div" {
                list += &format!("1 | {gate}; y = {op} b a; z = Relu y\n");
            }
        }
    }
    check("N,6,7,9", &list);
}

#[test]
fn norms_pads_and_blocks() {
    let norm = "m = ReduceMean a axes=1; d = Sub a m; q = Pow d f:2; v = ReduceMean q axes=1; e = Add v f:0.000001; \
                s = Sqrt e; n = Div d s; g = Mul n p:6,1,1; b = Add g w:6,1,1";
    let gate = "c1 = Conv b w:12,6,1,1 w:12; c2 = Conv c1 w:12,1,3,3 w:12 group=12 pads=1,1,1,1; s1,s2 = Split c2 i:6,6 axis=1; \
                sg = Mul s1 s2; p = GlobalAveragePool sg; k = Conv p w:6,6,1,1 w:6; t = Mul sg k; u = Conv t w:6,6,1,1 w:6; \
                r = Mul u w:1,6,1,1; y = Add a r";
    check(
        "N,6,8,10",
        &format!(
            "1 | a = Conv x w:9,6,3,3 pads=1,1,1,1; y = BatchNormalization a p:9 w:9 w:9 p:9
             1 | a = Conv x w:9,6,3,3 w:9 pads=1,1,1,1; b = BatchNormalization a p:9 w:9 w:9 p:9; c = Relu b; y = Conv c w:3,9,3,3
             1 | a = BatchNormalization x p:6 w:6 w:6 p:6; y = Conv a w:9,6,3,3 w:9 pads=1,1,1,1
             1 | a = BatchNormalization x p:6 w:6 w:6 p:6; b = Relu a; y = Conv b w:9,6,3,3 w:9 pads=1,1,1,1
             1 | a = Conv x w:9,6,3,3; b = InstanceNormalization a p:9 w:9; y = Conv b w:3,9,1,1
             1 | a = Conv x w:6,6,3,3; {norm}; y = Relu b
             1 | a = Conv x w:6,6,3,3; {norm}; {gate}
             1 | a = Conv x w:6,6,3,3; h = Transpose a perm=0,2,3,1; l = LayerNormalization h p:6 w:6; b = Transpose l perm=0,3,1,2; {gate}
             1 | a = Conv x w:6,6,3,3; p = GlobalAveragePool a; q = Conv p w:3,6,1,1 w:3; r = Relu q; s = Conv r w:6,3,1,1 w:6; t = Sigmoid s; u = Mul a t; y = Conv u w:3,6,3,3
             1 | a = Conv x w:6,6,3,3; p = ReduceMean a axes=2,3 keepdims=0; q = Gemm p w:6,3 w:3; r = Relu q; s = Gemm r w:3,6 w:6; t = HardSigmoid s alpha=0.16666667 beta=0.5; v = Reshape t i:N,6,1,1; u = Mul a v; y = Conv u w:3,6,3,3
             1 | a = Pad x i:0,0,2,1,0,0,1,3 mode=reflect; y = Conv a w:9,6,3,3
             1 | a = Pad x i:0,0,2,1,0,0,1,3 mode=edge; y = Conv a w:9,6,3,3
             1 | a = Pad x i:0,0,2,1,0,0,1,3 f:0.5; y = Conv a w:9,6,3,3
             1 | a = Pad x i:0,0,2,1,0,0,1,3 f:0; y = Conv a w:9,6,3,3 pads=1,1,1,1
             1 | a = Conv x w:4,6,1,1; y = Pad a i:0,0,1,1,0,0,1,1 mode=reflect
             1 Pad | a = Pad x i:0,1,0,0,0,1,0,0; y = Conv a w:9,8,3,3"
        ),
    );
    // Vision transformers' parts, and several heads.
    check(
        "N,12,16",
        "1 | a = MatMul x w:16,24; b = Add a w:24; c = Add b w:1,12,24; d = Tanh c; y = MatMul d w:24,5
         1 | a = LayerNormalization x p:16 w:16; b = MatMul a w:16,16; c = Add b x; d = ReduceMean c axes=1 keepdims=0; y = Gemm d w:16,7 w:7 alpha=0.5 beta=2.0
         1 | a = MatMul w:5,12 x; y = Relu a
         1 | a = MatMul x w:16,16; t = Transpose a perm=0,2,1; s = Softmax t axis=2; y = MatMul s a; z = MatMul y w:16,3
         1 | a = MatMul x w:16,8; b = MatMul x w:16,8; c = Concat a b axis=2; y = MatMul c w:16,3
         1 | a = MatMul x w:16,8; b = MatMul x w:16,8; c = Concat a b axis=1; y = Transpose c perm=0,2,1
         1 | a = MatMul x w:16,12; b = Transpose a perm=0,2,1; y = Add b a",
    );
    check(
        "N,8,6,10",
        "1 | a = Conv x w:8,8,3,3; r = Reshape a i:N,2,-1,; i = InstanceNormalization r v:1,1 v:0,0; b = Reshape i i:N,8,4,8; m = Mul b p:8,1,1; y = Add m w:8,1,1
         1 | a = Conv x w:8,8,1,1; n = Mul a a; g = ReduceSum n i:2,3 keepdims=1; s = Add g f:0.1; q = Sqrt s; m = ReduceMean q axes=1 keepdims=1; d = Div q m; y = Mul a d
         1 | a = Conv x w:4,8,1,1; b = Conv x w:4,8,1,1; c = Concat a b axis=2; y = Conv c w:3,4,3,3
         1 | a = Conv x w:4,8,1,1; c = Concat a w:N,2,6,10 axis=1
         1 | a = Conv x w:4,8,1,1 strides=2,1; b = Conv x w:4,8,1,1 strides=2,2; c = Conv x w:4,8,1,1 strides=1,3 w:4; out a b c",
    );
    check(
        "N,9,7,3",
        "1 | t = Transpose x perm=0,3,1,2; a = Conv t w:8,3,3,3 w:8 pads=1,1,1,1; b = Relu a; c = Conv b w:3,8,3,3 w:3 pads=1,1,1,1; d = Add c t; y = Transpose d perm=0,2,3,1
         1 | t = Transpose x perm=0,3,1,2; a = Conv t w:8,3,3,3 w:8 pads=1,1,1,1; b = Transpose a perm=0,2,3,1; c = Add b w:8; d = MatMul c w:8,5; e = Concat d b axis=3; f = ReduceMean e axes=1,2; y = Sigmoid f",
    );
}

#[test]
fn inputs_and_outputs_keep_their_order() {
    check(
        "N,5,9,7",
        "1 | v = in N,3,9,7; a = Conv v w:5,3,1,1; b = Conv x w:5,5,1,1; y = Sub a b; out y a x v
         1 | v = in N,5,1,1; w = in N,1,9,7; a = Mul w v; b = Conv a w:5,5,1,1; y = Add b x
         1 | v = in N,5,9,7; y = Conv v w:5,5,1,1; out y
         1 | a = Conv x w:5,5,1,1; c = Identity w:4,2; out c a a x",
    );
}

/// Tract scales a convolution's weights by what its result is multiplied with, if there is one item.
#[test]
fn weights_that_are_not_constant_stay_with_tract() {
    let text = "x = in N,6,9,9; a = Conv x w:6,6,3,3 w:6; p = GlobalAveragePool x; q = Conv p w:6,6,1,1; y = Mul a q";
    assert_eq!(compare(text, 1, "1 Conv Mul", 1.0), Ok(()));
    assert_eq!(compare(text, 3, "1", 1.0), Ok(()));
}

#[test]
fn a_planted_fault_is_found() {
    let text = "x = in N,6,9,9; a = Conv x w:8,6,3,3 w:8 pads=1,1,1,1; b = Relu a; y = Conv b w:3,8,3,3 w:3";
    assert_eq!(compare(text, 1, "1", 1.0), Ok(()));
    for scale in [1.01, 1.0001] {
        let found = compare(text, 1, "1", scale).unwrap_err();
        assert!(found.contains("differs by"), "{found}");
    }
    assert!(compare(text, 1, "1 Elu", 1.0).unwrap_err().contains("not 1 Elu"));
}

const NET: &str = "x = in N,3,13,17; a = Conv x w:24,3,3,3 w:24 pads=1,1,1,1; b = PRelu a p:24,1,1
    c = Conv b w:24,24,3,3 w:24 pads=1,1,1,1; d = Relu c; p = GlobalAveragePool d; q = Conv p w:24,24,1,1; r = Sigmoid q
    e = Mul d r; f = Conv e w:24,1,3,3 w:24 group=24 pads=1,1,1,1; g = Add f b; h = Conv g w:12,24,3,3 w:12 pads=1,1,1,1
    i = DepthToSpace h blocksize=2 mode=CRD; k = MaxPool i kernel_shape=3,3 strides=2,2; l = Flatten k axis=1
    m = Gemm l w:576,5 w:5; n = Relu m; o = Gemm n w:5,7; out i k o";
