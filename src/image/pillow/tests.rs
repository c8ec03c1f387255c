//! Against what Pillow 13.0.0 gives.

use super::*;

const KERNELS: [Kernel; 6] =
    [Kernel::Nearest, Kernel::Box, Kernel::Bilinear, Kernel::Hamming, Kernel::Bicubic, Kernel::Lanczos];

fn pattern((width, height): (usize, usize), channels: usize) -> Vec<u8> {
    let sample =
        |x: usize, y: usize, c: usize| (x * x * 7 + y * 13 + x * y * 5 + c * 71 + x * y / 3 * c) % 256;
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    pixels.flat_map(|(x, y)| (0..channels).map(move |c| sample(x, y, c) as u8)).collect()
}

fn whole(old: (usize, usize), channels: usize, new: (usize, usize), kernel: Kernel) -> Vec<u8> {
    let samples = pattern(old, channels);
    let part = Region { x: 0, y: 0, width: new.0, height: new.1 };
    resize_part(Bytes { samples: &samples, size: old, channels }, new, kernel, part)
}

#[test]
fn pixels_are_those_of_pillow() {
    let expected: [(Kernel, [u8; 36]); 6] = [
        (
            Kernel::Nearest,
            [
                25, 96, 167, 145, 217, 33, 245, 62, 135, 147, 221, 39, 97, 169, 241, 21, 98, 175, 201, 29,
                113, 163, 252, 85, 169, 243, 61, 153, 236, 63, 157, 252, 91, 179, 27, 131,
            ],
        ),
        (
            Kernel::Box,
            [
                39, 110, 182, 140, 149, 126, 148, 116, 127, 143, 113, 125, 102, 174, 133, 158, 129, 122, 120,
                148, 118, 139, 115, 119, 144, 132, 99, 101, 120, 140, 114, 143, 130, 150, 124, 119,
            ],
        ),
        (
            Kernel::Bilinear,
            [
                57, 126, 167, 141, 147, 129, 142, 119, 128, 138, 123, 120, 111, 152, 137, 135, 130, 122, 139,
                132, 128, 135, 130, 116, 134, 140, 108, 114, 121, 134, 121, 139, 119, 143, 123, 119,
            ],
        ),
        (
            Kernel::Hamming,
            [
                45, 116, 174, 150, 149, 123, 143, 116, 126, 142, 123, 121, 110, 162, 135, 132, 128, 126, 140,
                134, 130, 138, 130, 115, 143, 140, 101, 111, 126, 130, 115, 144, 120, 146, 121, 116,
            ],
        ),
        (
            Kernel::Bicubic,
            [
                47, 123, 172, 145, 151, 128, 142, 115, 128, 139, 122, 119, 112, 157, 137, 138, 130, 118, 139,
                136, 130, 133, 127, 116, 136, 138, 107, 111, 117, 137, 120, 140, 118, 145, 123, 117,
            ],
        ),
        (
            Kernel::Lanczos,
            [
                43, 124, 174, 147, 154, 129, 142, 112, 129, 139, 123, 117, 114, 159, 138, 142, 130, 113, 139,
                138, 132, 131, 127, 116, 136, 138, 106, 109, 112, 141, 120, 141, 114, 147, 124, 119,
            ],
        ),
    ];
    for (kernel, expected) in expected {
        assert_eq!(whole((13, 11), 3, (4, 3), kernel), expected, "{kernel:?}");
    }
}

#[test]
fn pictures_of_all_shapes_have_the_sums_that_pillow_gives() {
    /// Old size, channels, new size, and the sum for each kernel.
    type Case = ((usize, usize), usize, (usize, usize), [u64; 6]);
    let cases: [Case; 11] = [
        ((100, 80), 3, (37, 29), [650058090, 662644742, 661404880, 661829330, 661417856, 661601129]),
        ((100, 80), 1, (37, 29), [73757614, 73843603, 73770096, 73849812, 73785039, 73790935]),
        ((31, 200), 3, (224, 1444), [512776564, 161024612, 528931768, 868018874, 48393788, 3705960806]),
        ((200, 31), 3, (1444, 224), [1699979760, 3058163808, 3720771079, 2784547783, 2812245167, 945053449]),
        ((257, 3), 3, (19, 3), [1887372, 1876689, 1882213, 1876889, 1882006, 1881910]),
        ((3, 257), 3, (3, 19), [2001430, 1886029, 1886191, 1890505, 1885914, 1886138]),
        ((1, 1), 3, (8, 8), [1324576, 1324576, 1324576, 1324576, 1324576, 1324576]),
        ((2, 1), 1, (5, 7), [2793, 2793, 2401, 2415, 2555, 2541]),
        ((640, 480), 3, (299, 224), [1771788576, 4235289338, 939513450, 140539980, 637336500, 4242882416]),
        ((64, 64), 3, (63, 65), [1048057869, 1046995685, 1055959686, 1055474177, 1052974633, 1047648484]),
        ((1000, 7), 3, (3, 7), [226798, 254029, 253750, 253840, 253643, 253617]),
    ];
    for (old, channels, new, sums) in cases {
        for (kernel, sum) in KERNELS.into_iter().zip(sums) {
            let samples = whole(old, channels, new, kernel);
            let weighed = samples.iter().zip(1u64..).map(|(sample, place)| u64::from(*sample) * place);
            assert_eq!(weighed.sum::<u64>() % (1 << 32), sum, "{old:?} to {new:?}, {kernel:?}");
        }
    }
}

#[test]
fn a_part_has_the_pixels_of_the_whole() {
    let (old, new, part) = ((61, 47), (30, 90), Region { x: 7, y: 31, width: 11, height: 40 });
    for kernel in KERNELS {
        let samples = pattern(old, 3);
        let from = Bytes { samples: &samples, size: old, channels: 3 };
        let all = whole(old, 3, new, kernel);
        let rows = part.y..part.y + part.height;
        let expected: Vec<u8> =
            rows.flat_map(|y| &all[(y * new.0 + part.x) * 3..][..part.width * 3]).copied().collect();
        assert_eq!(resize_part(from, new, kernel, part), expected, "{kernel:?}");
    }
}
