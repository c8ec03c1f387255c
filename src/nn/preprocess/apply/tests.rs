//! Against what transformers 5.24 and torchvision 0.29 give; both ways of transformers, by Pillow and by torchvision, give
//! the same here.

use super::*;
use crate::nn::preprocess::presets::preset;
use crate::nn::preprocess::settings::{Crop, Scale};

/// A picture of 1 or 3 channels, or of 3 with alpha.
fn picture(width: usize, height: usize, planes: usize) -> Image {
    let sample =
        |x: usize, y: usize, c: usize| (x * x * 7 + y * 13 + x * y * 5 + c * 71 + x * y / 3 * c) % 256;
    let channels = planes.min(3);
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let samples =
        pixels.clone().flat_map(|(x, y)| (0..channels).map(move |c| sample(x, y, c) as u8)).collect();
    let alpha = pixels.map(|(x, y)| ((x * 31 + y * 57) % 256) as u8).collect();
    let alpha = (planes == 4).then_some(Samples::U8(alpha));
    Image { width, height, channels, samples: Samples::U8(samples), alpha }
}

fn plain(resize: (Target, Kernel), crop: Option<(usize, usize)>) -> Preprocess {
    let crop = crop.map(|(width, height)| Crop { width, height, rounding: Rounding::Down });
    let scale = Scale { factor: 1.0, mean: vec![0.0], std: vec![1.0] };
    Preprocess { from: "a test".into(), resize: Some(resize), crop, unrounded: false, scale }
}

/// Interleaved, as the expected numbers are.
fn numbers(settings: &Preprocess, image: &Image) -> Vec<f32> {
    let interleaved = settings.numbers(image, 3, Layout::Nhwc);
    let planar = settings.numbers(image, 3, Layout::Nchw);
    let pixels = planar.len() / 3;
    assert!((0..planar.len()).all(|i| planar[i] == interleaved[i % pixels * 3 + i / pixels]), "both orders");
    interleaved
}

#[test]
fn the_centre_of_the_shorter_side_is_that_of_transformers() {
    let settings = plain((Target::Shortest(5), Kernel::Bicubic), Some((4, 3)));
    let cases: [((usize, usize, usize), [u8; 36]); 6] = [
        (
            (23, 17, 3),
            [
                140, 133, 123, 137, 132, 124, 131, 118, 121, 128, 134, 120, 118, 124, 127, 129, 136, 119,
                140, 120, 121, 142, 130, 122, 118, 133, 126, 128, 134, 112, 147, 119, 143, 143, 119, 116,
            ],
        ),
        (
            (17, 23, 3),
            [
                116, 156, 133, 137, 129, 121, 140, 137, 128, 132, 122, 119, 136, 133, 105, 114, 119, 129,
                118, 138, 115, 138, 125, 121, 134, 134, 123, 130, 140, 133, 128, 128, 119, 135, 123, 141,
            ],
        ),
        (
            (23, 17, 1),
            [
                140, 140, 140, 137, 137, 137, 131, 131, 131, 128, 128, 128, 118, 118, 118, 129, 129, 129,
                140, 140, 140, 142, 142, 142, 118, 118, 118, 128, 128, 128, 147, 147, 147, 143, 143, 143,
            ],
        ),
        (
            (23, 17, 4),
            [
                190, 198, 188, 187, 198, 194, 203, 191, 193, 186, 196, 186, 183, 191, 187, 182, 186, 186,
                198, 193, 193, 197, 187, 186, 188, 188, 195, 188, 192, 177, 199, 186, 204, 201, 182, 180,
            ],
        ),
        (
            (1, 1, 3),
            [
                0, 71, 142, 0, 71, 142, 0, 71, 142, 0, 71, 142, 0, 71, 142, 0, 71, 142, 0, 71, 142, 0, 71,
                142, 0, 71, 142, 0, 71, 142, 0, 71, 142, 0, 71, 142,
            ],
        ),
        (
            (90, 2, 3),
            [
                226, 89, 87, 233, 55, 138, 165, 109, 197, 99, 163, 237, 216, 85, 89, 223, 52, 141, 156, 106,
                200, 91, 162, 242, 206, 81, 91, 213, 49, 143, 146, 103, 203, 82, 160, 246,
            ],
        ),
    ];
    for ((width, height, planes), expected) in cases {
        let found = numbers(&settings, &picture(width, height, planes));
        assert_eq!(found, expected.map(f32::from), "{width}x{height}, {planes} planes");
    }
}

#[test]
fn what_a_crop_has_beyond_the_picture_is_black() {
    let settings = plain((Target::Exact(3, 2), Kernel::Bicubic), Some((4, 5)));
    let expected: [u8; 60] = [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 120, 136, 133, 136, 127, 123, 128, 122, 134, 0, 0, 0, 128, 132,
        122, 133, 122, 128, 129, 122, 127, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0,
    ];
    assert_eq!(numbers(&settings, &picture(23, 17, 3)), expected.map(f32::from));
    // Black is a sample of 0, not a number of 0.
    let scale = Scale { factor: 1.0, mean: vec![10.0], std: vec![5.0] };
    let scaled = numbers(&Preprocess { scale, ..settings }, &picture(23, 17, 3));
    assert!(scaled.iter().zip(expected).all(|(found, sample)| *found == (f32::from(sample) - 10.0) / 5.0));
}

#[test]
fn numbers_are_normalised() {
    let expected: [f32; 27] = [
        -0.2594278, 0.3639983, 0.5674698, 0.309911, 0.1388817, 0.2830684, 0.0179423, 0.1989128, 0.3683889,
        0.0471392, 0.2439362, 0.2261882, 0.0617376, 0.2439362, 0.2261882, 0.2807141, 0.0938584, 0.2546283,
        0.1347298, 0.2439362, 0.2972885, 0.0617376, 0.1388817, 0.3541688, 0.207722, -0.0262038, 0.396829,
    ];
    let found = numbers(&preset("clip", Some(3)).expect("a preset"), &picture(23, 17, 3));
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 3e-7), "{found:?}");
}

#[test]
fn torchvision_rounds_the_place_of_the_crop_to_even() {
    let scale = Scale { factor: 1.0, mean: vec![0.0], std: vec![1.0] };
    let mut settings = Preprocess { scale, ..preset("imagenet", Some(4)).expect("a preset") };
    settings.resize = Some((Target::Shortest(7), Kernel::Bilinear));
    let expected: [u8; 48] = [
        143, 135, 128, 143, 136, 124, 143, 131, 125, 139, 116, 109, 124, 131, 110, 119, 138, 119, 131, 125,
        118, 136, 121, 126, 115, 115, 124, 120, 136, 117, 139, 134, 121, 152, 110, 143, 118, 142, 134, 133,
        131, 104, 137, 123, 143, 149, 106, 145,
    ];
    assert_eq!(numbers(&settings, &picture(23, 17, 3)), expected.map(f32::from));
    // The margin is half of an odd number above and below, and left and right: 1.5 becomes 2, 2.5 becomes 2.
    assert_eq!(settings.along(7, 4).0.inner, 2);
    assert_eq!(settings.along(9, 4).0.inner, 2);
    settings.crop = settings.crop.map(|crop| Crop { rounding: Rounding::Down, ..crop });
    assert_eq!(settings.along(7, 4).0.inner, 1);
}

#[test]
fn pictures_resized_as_floats_are_not_rounded() {
    let mut settings = plain((Target::Exact(4, 3), Kernel::Bilinear), None);
    settings.unrounded = true;
    settings.scale.factor = 1.0 / 255.0;
    let expected: [f32; 36] = [
        0.423557, 0.5477334, 0.55224, 0.5488082, 0.4978104, 0.4944379, 0.4941332, 0.5031238, 0.5106711,
        0.5077765, 0.4598241, 0.5576692, 0.4943543, 0.5207852, 0.4759329, 0.5010778, 0.5180687, 0.4734302,
        0.5476301, 0.4806884, 0.4824062, 0.4901952, 0.4887972, 0.4949262, 0.5139883, 0.5222931, 0.4967613,
        0.5029474, 0.4942853, 0.5043846, 0.5380097, 0.4549047, 0.5158484, 0.4883813, 0.4879827, 0.5102454,
    ];
    let found = numbers(&settings, &picture(23, 17, 3));
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
}

#[test]
fn depths_become_8_bits_and_colours_gray() {
    let settings = plain((Target::Exact(2, 1), Kernel::Bilinear), None);
    let words = Samples::U16(vec![0, 128, 129, 65535, 65407, 257]);
    let image = Image { width: 2, height: 1, channels: 3, samples: words, alpha: None };
    assert_eq!(settings.numbers(&image, 3, Layout::Nhwc), [0.0, 0.0, 1.0, 255.0, 255.0, 1.0]);
    let floats = Samples::F32(vec![-1.0, 0.5, 2.0, f32::NAN, 1.0, 0.001]);
    let image = Image { width: 2, height: 1, channels: 3, samples: floats, alpha: None };
    assert_eq!(settings.numbers(&image, 3, Layout::Nhwc), [0.0, 128.0, 255.0, 0.0, 255.0, 0.0]);
    let image = Image {
        width: 2,
        height: 1,
        channels: 3,
        samples: Samples::U8(vec![255, 0, 0, 1, 2, 3]),
        alpha: None,
    };
    assert_eq!(settings.numbers(&image, 1, Layout::Nchw), [76.0, 2.0]);
}

#[test]
fn a_panorama_takes_no_more_memory_than_its_part() {
    let settings = plain((Target::Shortest(224), Kernel::Bicubic), Some((224, 224)));
    let image =
        Image { width: 100_000, height: 1, channels: 1, samples: Samples::U8(vec![7; 100_000]), alpha: None };
    assert!(settings.numbers(&image, 3, Layout::Nchw).iter().all(|v| *v == 7.0));
}
