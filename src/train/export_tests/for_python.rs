//! Files for comparisons in Python.

use super::*;

/// Writes `numbers` as NumPy's files are.
fn write_npy(path: &Path, shape: &[usize], numbers: &[f32]) {
    let shape: String = shape.iter().map(|n| format!("{n}, ")).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(numbers.iter().flat_map(|v| v.to_le_bytes()));
    std::fs::write(path, bytes).expect("written");
}

/// For `tests/python/onnx_agreement.py`: writes every network and what the plain loops make of two pictures into the
/// folder that SAFELIGHT_EXPORTS names.
#[test]
fn exports_for_python() {
    let Some(folder) = std::env::var_os("SAFELIGHT_EXPORTS") else { return };
    let folder = PathBuf::from(folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, net) in nets() {
        let parameters = parameters(&net, 7);
        let bytes = onnx(&net, &parameters, &facts(&net, &words()), false);
        for (number, size) in sizes(&net).into_iter().enumerate() {
            let file = |what: &str| folder.join(format!("{name}_{number}.{what}"));
            std::fs::write(file("onnx"), &bytes).expect("written");
            let r = reference(&net, &parameters, size, 2);
            let made = net.sizes_for(size).expect("layers fit");
            for (what, numbers, size, id) in [
                ("input.npy", r.input, size, 0),
                ("output.npy", r.output, made[net.output()], net.output()),
                ("bottleneck.npy", r.bottleneck, made[net.bottleneck], net.bottleneck),
            ] {
                let row = takes_vectors(&net) || is_row(&net, id);
                let shape = if row { vec![2, size.c] } else { vec![2, size.c, size.h, size.w] };
                write_npy(&file(what), &shape, &planar(&numbers, size));
            }
        }
    }
}

/// Whether a dense layer made node `id`'s numbers.
fn is_row(net: &Net, id: usize) -> bool {
    match net.nodes[id].op {
        Op::Dense { .. } => true,
        Op::Dropout(_) => is_row(net, net.nodes[id].inputs[0]),
        _ => false,
    }
}
