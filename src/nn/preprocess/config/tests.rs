//! What files say, and what is wrong with them.

use super::*;
use serde_json::json;

fn settings(value: Value) -> Result<Preprocess, Vec<String>> {
    let Value::Object(fields) = value else { panic!("a map") };
    parse(&fields)
        .map(|(settings, _)| settings)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

fn told(value: Value) -> String {
    settings(value).expect("sound settings").to_string()
}

const CLIP: &str = "mean [0.48145466, 0.4578275, 0.40821073], std [0.26862954, 0.26130258, 0.27577711]";

#[test]
fn files_of_all_ages_say_the_same() {
    // The first release of CLIP; a file of version 4; one that leaves all to the class.
    let old = json!({
        "crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true,
        "feature_extractor_type": "CLIPFeatureExtractor", "resample": 3, "size": 224,
        "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
    });
    let new = json!({
        "_valid_processor_keys": ["images"], "crop_size": {"height": 224, "width": 224}, "do_center_crop": true,
        "do_convert_rgb": true, "do_normalize": true, "do_rescale": true, "do_resize": true, "data_format": "channels_first",
        "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
        "image_processor_type": "CLIPImageProcessorFast", "resample": 3, "rescale_factor": 0.00392156862745098,
        "size": {"shortest_edge": 224, "longest_edge": null}, "do_pad": null, "do_reduce_labels": false,
    });
    let bare = json!({"image_processor_type": "CLIPImageProcessor"});
    for file in [old, new, bare] {
        assert_eq!(told(file), format!("shorter side to 224 (bicubic), centre 224x224, over 255, {CLIP}"));
    }
}

#[test]
fn one_number_as_size_is_what_the_class_takes_it_for() {
    let file = |class: &str| json!({"image_processor_type": class, "size": 96, "do_center_crop": false});
    assert!(told(file("ViTImageProcessor")).starts_with("resized to 96x96 (bilinear), over 255"));
    assert!(settings(file("CLIPImageProcessor")).is_err_and(|faults| faults[0].contains("several sizes")));
    let stretched =
        json!({"image_processor_type": "DeiTImageProcessor", "size": {"height": 100, "width": 120}});
    assert!(told(stretched).starts_with("resized to 120x100 (bicubic), centre 224x224"));
}

#[test]
fn convnext_crops_below_384() {
    let file = |side: usize| json!({"image_processor_type": "ConvNextImageProcessor", "size": side, "crop_pct": 0.875});
    assert!(told(file(224)).starts_with("shorter side to 256 (bicubic), centre 224x224, "));
    assert!(told(file(384)).starts_with("resized to 384x384 (bicubic), over 255"));
}

#[test]
fn numbers_may_be_left_as_they_are() {
    let file =
        json!({"image_processor_type": "ViTImageProcessor", "do_rescale": false, "do_normalize": false});
    assert_eq!(told(file), "resized to 224x224 (bilinear), times 1, mean [0.0], std [1.0]");
    let file = json!({"image_processor_type": "ViTImageProcessor", "rescale_factor": 0.5, "image_mean": 0.5, "image_std": 2});
    assert_eq!(told(file), "resized to 224x224 (bilinear), times 0.5, mean [0.5], std [2.0]");
}

#[test]
fn timm_takes_the_centre_of_what_it_resized_to() {
    let file = json!({"architecture": "vit_small", "pretrained_cfg": {
        "input_size": [3, 224, 224], "interpolation": "bicubic", "crop_pct": 0.9, "crop_mode": "center",
        "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "first_conv": "patch_embed.proj",
    }});
    let expected = "shorter side to 248 (bicubic), centre 224x224, rounded to even, over 255, \
                    mean [0.5, 0.5, 0.5], std [0.5, 0.5, 0.5]";
    assert_eq!(told(file), expected);
    let squash =
        json!({"pretrained_cfg": {"input_size": [3, 384, 384], "crop_pct": 1.0, "crop_mode": "squash"}});
    assert!(told(squash).starts_with("resized to 384x384 (bicubic), centre 384x384"));
    let border = settings(json!({"pretrained_cfg": {"input_size": [3, 2, 4], "crop_mode": "border"}}));
    assert_eq!(
        border.expect_err("two faults"),
        [
            "`pretrained_cfg.input_size` is [3,2,4], three numbers, the last two equal expected",
            "`pretrained_cfg.crop_mode` is \"border\", `center` or `squash` expected"
        ]
    );
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let file = json!({
        "image_processor_type": "CLIPImageProcessor", "do_resize": "yes", "size": {"longest_edge": 512}, "resample": 9,
        "crop_size": {"shortest_edge": 224}, "image_std": [0.5, 0.0, 0.5], "image_mean": [1, 2], "do_pad": true,
        "size_divisor": 32, "rescale_factor": -1,
    });
    let faults = settings(file).expect_err("much is wrong");
    for part in [
        "do_resize",
        "`size` is",
        "resample",
        "crop_size",
        "image_std",
        "image_mean",
        "do_pad: true",
        "size_divisor: 32",
        "rescale_factor",
    ] {
        assert_eq!(faults.iter().filter(|fault| fault.contains(part)).count(), 1, "{part}: {faults:#?}");
    }
    let unknown =
        settings(json!({"image_processor_type": "Qwen2VLImageProcessor"})).expect_err("is not known");
    assert!(unknown[0].contains("one of BeitImageProcessor, BitImageProcessor"), "{unknown:?}");
    assert!(
        settings(json!({"model_type": "vit"}))
            .is_err_and(|faults| faults[0].contains("nothing of preprocessing"))
    );
    let no_class = settings(json!({"size": {"height": 8, "width": 8}})).expect_err("leaves much open");
    assert_eq!(no_class, ["`image_mean` is missing", "`image_std` is missing", "`resample` is missing"]);
}

#[test]
fn files_that_are_none_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("writes");
        read(&path).expect_err("is refused").iter().map(ToString::to_string).collect::<String>()
    };
    assert!(at("a", b"{\"size\": 224,").contains("no JSON: EOF while parsing"));
    assert!(at("b", b"[1]").contains("nothing of preprocessing"));
    assert!(at("c", &vec![b' '; 2 << 20]).contains("2097152 bytes"));
    assert!(matches!(read(folder.path()).expect_err("a folder")[..], [Fault::Read(_)]));
}

#[test]
fn a_file_is_found_beside_the_model_or_above_its_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let onnx = folder.path().join("onnx");
    std::fs::create_dir(&onnx).expect("makes a folder");
    let of = |model: &Path| beside(model).expect("can be told");
    assert_eq!(of(&onnx.join("model.onnx")), None);
    let above = folder.path().join(NAME);
    std::fs::write(&above, "{}").expect("writes");
    assert_eq!(of(&onnx.join("model.onnx")), Some(above.clone()));
    assert_eq!(of(&folder.path().join("model.onnx")), Some(above));
    assert_eq!(of(&folder.path().join("other/model.onnx")), None);
    std::fs::write(onnx.join(NAME), "{}").expect("writes");
    assert_eq!(of(&onnx.join("model.onnx")), Some(onnx.join(NAME)));
}
