use super::*;
use crate::spec::check_registry;
use crate::train::net::Activation;
use crate::train::net::Size;

const GRAY: Wanted = Wanted { channels: 1, side: 28 };
const COLOUR: Wanted = Wanted { channels: 3, side: 64 };

#[test]
fn names_are_unique_documents_sentences_and_examples_valid() {
    check_registry(&descriptors()).unwrap();
}

#[test]
fn the_ancestors_have_the_parameters_they_had() {
    assert_eq!(noise_autoencoder::noise_autoencoder(GRAY).parameters(), 7_009);
    let sr = super_resolution::super_resolution(Wanted { channels: 3, side: 256 }, 0.3);
    assert_eq!(sr.parameters(), 1_110_403);
    let sizes = sr.sizes().unwrap();
    assert_eq!(sizes[sr.bottleneck], Size::new(64, 64, 256));
    let dense = mlp::dense(50, &[100, 50], 2, Activation::Relu);
    assert_eq!(dense.sizes().unwrap().iter().map(|s| s.c).collect::<Vec<_>>(), [50, 100, 50, 2, 50, 100, 50]);
}

#[test]
fn every_network_gives_back_its_input_size_times_its_scale() {
    let mut nets = vec![
        noise_autoencoder::noise_autoencoder(GRAY),
        super_resolution::super_resolution(COLOUR, 0.3),
        mlp::dense(50, &[], 3, Activation::Tanh),
        mlp::dense(50, &[100, 50], 2, Activation::Relu),
    ];
    nets.extend((1..=4).map(|scale| residual::residual(COLOUR, 48, 2, 96, 2, scale)));
    nets.extend(
        (1..=3).map(|split| unet::unet(Wanted { channels: 3, side: 48 }, &[8, 12, 16], &[2, 1, 1], split)),
    );
    nets.extend((1..=4).map(|scale| edsr::edsr(COLOUR, 8, 3, scale % 2 == 0, scale)));
    for side in [3, 8, 20, 28, 64] {
        for (hidden, linear) in [(0, 0), (100, 0), (0, 5), (100, 5)] {
            nets.push(embedding::embedding(Wanted { channels: 3, side }, 16, 8, hidden, linear));
        }
    }
    nets.extend(
        [(16, 0), (64, 2)]
            .map(|(side, blocks)| scene::scene(Wanted { channels: 3, side }, 16, 8, blocks, 12)),
    );
    for net in nets {
        let sizes = net.sizes().unwrap();
        let wanted = Size::new(net.input.h * net.scale, net.input.w * net.scale, net.input.c);
        assert_eq!(sizes[net.output()], wanted, "{}", net.name);
        assert!(net.bottleneck < net.output());
    }
}
