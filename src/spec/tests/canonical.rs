//! The canonical text: one for equal settings, another for others.

use super::params::paint;

fn text(parameters: &str) -> String {
    paint(parameters).canonical(&|_| true)
}

#[test]
fn defaults_order_and_spelling_don_t_count() {
    assert_eq!(text("model: a"), "paint{model=\"a\"}");
    let same = [
        "model: a, strength: 1, share: 10%, bytes: 1MiB",
        "strength: 1.0, share: 0.1, model: 'a', bytes: 1048576",
        "strength: 1e0, model: a, share: 1.0e-1, fit: stretch, ways: [crop, stretch], bytes: 1024KiB, sizes: []",
    ];
    for parameters in same {
        assert_eq!(text(parameters), "paint{bytes=1048576,model=\"a\",share=0.1,strength=1}", "{parameters}");
    }
    assert_eq!(text("model: a, strength: -0.0"), text("model: a, strength: 0"));
}

#[test]
fn every_kind_has_a_text() {
    assert_eq!(
        text(
            "model: 'a\"b\\c', fit: crop, exact: true, batch: 3, mean: [-1, 0.25], ways: [crop], \
             size: {width: 4, height: 9}, sizes: [{width: 1, height: 2}, {width: 3}], limits: 5%, bytes: auto, \
             pixels: 2MP, text: 'x,y=z', globs: ['**/*.png', '*.jpg']"
        ),
        "paint{batch=3,exact=true,fit=\"crop\",globs=[\"**/*.png\",\"*.jpg\"],limits=share 0.05,mean=[-1,0.25],\
         model=\"a\\\"b\\\\c\",pixels=2000000,size={width=4},sizes=[{height=2,width=1},{width=3}],text=\"x,y=z\",\
         ways=[\"crop\"]}"
    );
    assert_eq!(text("model: a, limits: 4"), "paint{limits=4,model=\"a\"}");
}

#[test]
fn parameters_can_be_left_out() {
    let step = paint("model: a, strength: 0.5, batch: 2");
    assert_eq!(step.canonical(&|param| param.name != "model"), "paint{batch=2,strength=0.5}");
    assert_eq!(step.args.canonical(&|_| false), "{}");
}
