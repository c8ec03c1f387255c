//! Small weights files in each format, for unit tests of the reader too.

use std::io::{Cursor, Write};

/// A tensor of single precision, row by row.
#[derive(Clone, Debug)]
pub struct Weights {
    pub name: String,
    pub dims: Vec<usize>,
    pub values: Vec<f32>,
}

/// Tensors of these names and sizes, with numbers that differ and stay small.
pub fn tensors(sizes: &[(&str, &[usize])]) -> Vec<Weights> {
    let mut state = 1u32;
    let mut number = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    let tensor = |(name, dims): &(&str, &[usize])| {
        let values = (0..dims.iter().product::<usize>()).map(|_| number()).collect();
        Weights { name: (*name).to_owned(), dims: dims.to_vec(), values }
    };
    sizes.iter().map(tensor).collect()
}

/// A network of the architecture Compact that enlarges colour pictures twice.
pub fn compact() -> Vec<Weights> {
    tensors(&[
        ("body.0.weight", &[4, 3, 3, 3]),
        ("body.0.bias", &[4]),
        ("body.1.weight", &[4]),
        ("body.2.weight", &[4, 4, 3, 3]),
        ("body.2.bias", &[4]),
        ("body.3.weight", &[4]),
        ("body.4.weight", &[12, 4, 3, 3]),
        ("body.4.bias", &[12]),
    ])
}

fn bytes(tensor: &Weights) -> Vec<u8> {
    tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// A file of safetensors.
pub fn safetensors(tensors: &[Weights]) -> Vec<u8> {
    let mut at = 0;
    let mut entries = vec![];
    for tensor in tensors {
        let end = at + 4 * tensor.values.len();
        let (name, dims) = (&tensor.name, &tensor.dims);
        entries
            .push(format!("{name:?}:{{\"dtype\":\"F32\",\"shape\":{dims:?},\"data_offsets\":[{at},{end}]}}"));
        at = end;
    }
    let header = format!("{{{}}}", entries.join(","));
    let data: Vec<u8> = tensors.iter().flat_map(bytes).collect();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

/// A text of a pickle.
pub fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn number(number: usize) -> Vec<u8> {
    [b"J", &(number as u32).to_le_bytes()[..]].concat()
}

fn row(numbers: &[usize]) -> Vec<u8> {
    [b"(".to_vec(), numbers.iter().flat_map(|n| number(*n)).collect(), b"t".to_vec()].concat()
}

/// What makes a dictionary of `entries`, keys with what makes their values.
pub fn dictionary(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let items: Vec<u8> =
        entries.iter().flat_map(|(key, value)| [text(key), value.clone()].concat()).collect();
    [b"ccollections\nOrderedDict\n)R(".to_vec(), items, b"u".to_vec()].concat()
}

/// What makes a dictionary of tensors, of which the first has its numbers in storage `first`.
pub fn state(tensors: &[Weights], first: usize, legacy: bool) -> Vec<u8> {
    let entry = |(at, tensor): (usize, &Weights)| {
        let mut strides = vec![1; tensor.dims.len()];
        for i in (1..strides.len()).rev() {
            strides[i - 1] = strides[i] * tensor.dims[i];
        }
        let storage = [
            b"(".to_vec(),
            text("storage"),
            b"ctorch\nFloatStorage\n".to_vec(),
            text(&(first + at).to_string()),
            text("cpu"),
            number(tensor.values.len()),
            if legacy { b"NtQ".to_vec() } else { b"tQ".to_vec() },
        ];
        let made = [
            b"ctorch._utils\n_rebuild_tensor_v2\n(".to_vec(),
            storage.concat(),
            number(0),
            row(&tensor.dims),
            row(&strides),
            b"\x89ccollections\nOrderedDict\n)RtR".to_vec(),
        ];
        (tensor.name.clone(), made.concat())
    };
    dictionary(&tensors.iter().enumerate().map(entry).collect::<Vec<_>>())
}

/// A whole pickle of what `make` makes.
pub fn pickle(make: &[u8]) -> Vec<u8> {
    [b"\x80\x02", make, b"."].concat()
}

/// A zip archive as `torch.save` writes it, of that pickle and these tensors' numbers.
pub fn archive(pickle: &[u8], tensors: &[Weights]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(vec![]));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut put = |name: &str, bytes: &[u8]| {
        zip.start_file(format!("archive/{name}"), stored).unwrap();
        zip.write_all(bytes).unwrap();
    };
    put("data.pkl", pickle);
    put("byteorder", b"little");
    for (at, tensor) in tensors.iter().enumerate() {
        put(&format!("data/{at}"), &bytes(tensor));
    }
    zip.finish().unwrap().into_inner()
}

/// A file of `torch.save`.
pub fn zipped(tensors: &[Weights]) -> Vec<u8> {
    archive(&pickle(&state(tensors, 0, false)), tensors)
}

/// A file of `torch.save` before PyTorch 1.6.
pub fn legacy(tensors: &[Weights]) -> Vec<u8> {
    let keys: Vec<u8> = (0..tensors.len()).flat_map(|at| text(&at.to_string())).collect();
    let numbers =
        tensors.iter().flat_map(|t| [&(t.values.len() as u64).to_le_bytes()[..], &bytes(t)].concat());
    [
        b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.".to_vec(),
        pickle(&state(tensors, 0, true)),
        pickle(&[b"](".to_vec(), keys, b"e".to_vec()].concat()),
        numbers.collect(),
    ]
    .concat()
}
