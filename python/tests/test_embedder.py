import pickle
from pathlib import Path

import numpy as np
import pytest

import safelight

ARCHIVE = Path("sample_data/archive")
NAMES = ["2019/summer/fruit.png", "2019/lake.jpg", "phone/rotated.jpg", "scans/film-16bit.png", "art/sprite.png"]


def table(step):
    pipeline = {
        "version": 1,
        "input": {"path": str(ARCHIVE), "exclude": ["broken/**"]},
        "output": "out",
        "steps": [{"embed": step}, "table"],
    }
    assert safelight.Job(pipeline).run()["exit"] == 0
    rows = safelight.read_table("out").to_pydict()
    return {path: np.array(vector, np.float32) for path, vector in zip(rows["path"], rows["embedding"])}


@pytest.mark.parametrize(
    "options",
    [{}, {"normalize": True, "fit": "crop"}, {"preprocess": "imagenet", "size": 64}, {"dtype": "float16"}],
)
def test_vectors_are_those_of_the_table(options):
    model = "sample_data/models/embed.onnx"
    rows = table({"model": model, **options})
    embed = safelight.Embedder(model, **options)
    paths = [ARCHIVE / name for name in rows]
    vectors = embed(paths)
    assert vectors.dtype == np.float32 and vectors.shape == (len(paths), embed.dim)
    for path, vector in zip(rows, vectors):
        assert np.array_equal(vector, rows[path]), path


def test_all_forms_of_a_picture_give_the_same(embed):
    paths = [str(ARCHIVE / name) for name in NAMES]
    wanted = embed(paths)
    forms = [
        [Path(path) for path in paths],
        [Path(path).read_bytes() for path in paths],
        [bytearray(Path(path).read_bytes()) for path in paths],
        [memoryview(Path(path).read_bytes()) for path in paths],
        [safelight.decode(path) for path in paths],
        [safelight.decode(path).upright().array for path in paths],
        (path for path in paths),
        np.array(paths, dtype=object),
    ]
    for form in forms:
        assert np.array_equal(embed(form), wanted)


def test_a_vector_does_not_depend_on_its_company(embed):
    pictures = np.random.default_rng(0).integers(0, 256, (45, 30, 20, 3), np.uint8)
    wanted = embed(pictures)
    assert all(np.array_equal(embed([picture])[0], vector) for picture, vector in zip(pictures, wanted))
    one = safelight.Embedder("sample_data/models/embed.onnx", threads=1)
    assert np.array_equal(one(pictures), wanted)
    assert embed([]).shape == (0, embed.dim)


def test_a_picture_that_fails_is_told(embed):
    pictures = [ARCHIVE / "2019/lake.jpg", ARCHIVE / "broken/truncated.jpg", b"nothing", "nowhere.png"]
    with pytest.raises(safelight.ItemError, match="truncated.jpg: undecodable: .*embed.*damaged jpeg") as raised:
        embed(pictures)
    assert raised.value.kind == "undecodable"
    vectors, failures = embed.attempt(pictures)
    assert np.array_equal(vectors[0], embed(pictures[:1])[0]) and np.isnan(vectors[1:]).all()
    assert [failure and failure.kind for failure in failures] == [None, "undecodable", "unsupported", "vanished"]
    assert "picture 2" in str(failures[2]) and "nowhere.png" in str(failures[3])


@pytest.mark.parametrize("single", [np.zeros((8, 8, 3), np.uint8), "a.png", b"abc"])
def test_one_picture_is_no_list(embed, single):
    with pytest.raises(TypeError, match="a list of pictures is expected"):
        embed(single)


def test_wrong_arrays_are_refused(embed):
    with pytest.raises(safelight.ArrayTypeError):
        embed([np.zeros((8, 8))])


def test_mistakes_are_told():
    with pytest.raises(safelight.ModelError, match="did you mean"):
        safelight.Embedder("sample_data/models/embed.onnx", tensr="x")
    with pytest.raises(safelight.ModelError, match="pool"):
        safelight.Embedder("sample_data/models/embed.onnx", pool="median")


def test_pickles_embed_the_same(embed):
    again = pickle.loads(pickle.dumps(embed))
    paths = [ARCHIVE / name for name in NAMES]
    assert np.array_equal(again(paths), embed(paths)) and again.dim == embed.dim
