//! What holds to the bit.

use super::*;

#[test]
fn an_item_has_the_same_bits_whatever_the_batch() {
    for (engine, _) in engines() {
        let ran = |batch: usize, inputs: &[Tensor]| {
            let model = rewrite(build(NET, batch, 1.0).unwrap().0, engine, u64::MAX).unwrap();
            assert_eq!(parts(&model), "1");
            run(model, inputs)
        };
        let five = inputs(&[vec![5, 3, 13, 17]]);
        let all = ran(5, &five);
        for i in 0..5 {
            let one = ran(1, &[five[0].slice(0, i, i + 1).unwrap()]);
            for (one, all) in one.iter().zip(&all) {
                let item = all.slice(0, i, i + 1).unwrap();
                assert!(
                    floats(one).iter().zip(floats(&item)).all(|(a, b)| a.to_bits() == b.to_bits()),
                    "{engine:?} {i}"
                );
            }
        }
    }
}

#[test]
fn not_a_number_stays_one() {
    let nets = [
        "a = Conv x w:16,3,3,3 w:16 pads=1,1,1,1; b = Relu a; c = Conv b w:16,16,3,3 pads=1,1,1,1; d = Relu c; y = Conv d w:3,16,3,3 pads=1,1,1,1",
        "a = Conv x w:8,3,1,1 w:8; b = Clip a f:0 f:6; c = Conv b w:8,1,3,3 group=8; d = LeakyRelu c alpha=0.1; y = Conv d w:3,8,3,3 strides=2,2",
        "a = Conv x w:8,3,3,3; b = PRelu a w:8,1,1; c = Add b b; d = Relu c; y = Relu d; z = Tanh y; s = Sigmoid z; t = Mul z s; out y z t",
        "a = ConvTranspose x w:3,8,4,4 strides=2,2; b = Relu a; y = GlobalAveragePool b; z = Max b f:0.1; out y z",
    ];
    for text in nets {
        let text = format!("x = in N,3,10,12; {text}");
        let (model, sizes) = build(&text, 2, 1.0).unwrap();
        let mut x = noise(sizes[0].iter().product(), 3);
        x[77] = f32::NAN;
        let x = [Tensor::from_shape(&sizes[0], &x).unwrap()];
        let theirs = run(model.clone(), &x);
        for (engine, _) in engines() {
            let ours = run(rewrite(model.clone(), engine, u64::MAX).unwrap(), &x);
            for (a, b) in ours.iter().zip(&theirs) {
                // Tract's own Relu takes it for 0.
                assert!(floats(a).iter().any(|v| v.is_nan()), "{engine:?} {text}");
                let lost = floats(a).iter().zip(floats(b)).filter(|(a, b)| b.is_nan() && !a.is_nan()).count();
                assert_eq!(lost, 0, "{engine:?} {text}");
            }
        }
    }
}
