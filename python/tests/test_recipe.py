import copy
import json
import pickle

import numpy as np
import pytest

import safelight

CORRUPTIONS = [
    {"one_of": {"of": [{"gaussian_noise": {"sigma": [5, 50]}}, "camera_noise", "film_grain"]}},
    {"maybe": {"probability": 0.5, "of": [{"jpeg_compression": {"quality": [40, 95]}}]}},
]


def test_results_are_those_of_a_run_with_the_same_seed():
    pipeline = {
        "version": 1,
        "seed": 3,
        "input": {"path": "sample_data/archive", "exclude": ["broken/**"]},
        "output": "out",
        "steps": [{"corrupt": CORRUPTIONS}, {"write": {"folder": "images", "format": "png"}}, "table"],
    }
    assert safelight.Job(pipeline).run()["exit"] == 0
    recipe = safelight.Recipe(CORRUPTIONS)
    rows = safelight.read_table("out").to_pylist()
    assert len(rows) > 10
    for row in rows:
        clean = safelight.decode(f"sample_data/archive/{row['path']}")
        corrupted, applied = recipe.applied(clean.array, row["seed"])
        written = safelight.decode(f"out/images/{row['path'].rsplit('.', 1)[0]}.png")
        if clean.orientation == 1:
            assert np.array_equal(corrupted, written.array), row["path"]
        assert applied == json.loads(row["parameters"]), row["path"]


def test_yaml_and_lists_are_one_recipe(noisy):
    listed = safelight.Recipe([{"gaussian_noise": {"sigma": [5, 50]}}, "film_grain"])
    written = safelight.Recipe("- gaussian_noise: {sigma: [5, 50]}\n- film_grain\n")
    assert np.array_equal(listed(noisy, 7), written(noisy, seed=7))
    assert not np.array_equal(listed(noisy, 7), listed(noisy, 8))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_type_shape_and_alpha_stay_and_the_input_too(dtype, channels):
    recipe = safelight.Recipe(["gaussian_noise"])
    shape = (30, 20) if channels is None else (30, 20, channels)
    array = np.random.default_rng(1).random(shape)
    array = array.astype(np.float32) if dtype is np.float32 else (array * np.iinfo(dtype).max).astype(dtype)
    before = array.copy()
    after = recipe(array, 1)
    assert (after.dtype, after.shape) == (dtype, shape)
    assert np.array_equal(array, before) and not np.array_equal(after, before)
    assert dtype is not np.float32 or (after.min() >= 0 and after.max() <= 1)
    if channels in (2, 4):
        assert np.array_equal(after[..., -1], before[..., -1])


def test_all_mistakes_are_told_at_once():
    with pytest.raises(safelight.PipelineError) as raised:
        safelight.Recipe([{"gausian_noise": {}}, {"jpeg_compression": {"quality": 400}}])
    assert len(raised.value.mistakes) == 2
    assert "did you mean `gaussian_noise`" in str(raised.value)
    assert set(raised.value.mistakes[0]) == {"message", "file", "line", "column", "help"}
    with pytest.raises(safelight.PipelineError):
        safelight.Recipe("gaussian_noise")
    with pytest.raises(TypeError, match="can't be written as YAML"):
        safelight.Recipe([{"gaussian_noise": {"sigma": object()}}])


def test_seeds_are_whole_and_positive(noisy):
    recipe = safelight.Recipe(["gaussian_noise"])
    assert recipe(noisy, np.int64(5)).shape == recipe(noisy, 2**64 - 1).shape
    for wrong in (-1, 2**64):
        with pytest.raises(OverflowError):
            recipe(noisy, wrong)
    with pytest.raises(TypeError):
        recipe(noisy)


def test_numpy_numbers_and_nan(noisy):
    recipe = safelight.Recipe([{"gaussian_noise": {"sigma": np.float32(12)}}])
    assert np.array_equal(recipe(noisy, 1), safelight.Recipe([{"gaussian_noise": {"sigma": 12}}])(noisy, 1))
    with pytest.raises(safelight.ArrayError, match="NaN"):
        recipe(np.full((4, 4), np.nan, np.float32), 1)


def test_pickles_draw_the_same(noisy):
    recipe = safelight.Recipe(CORRUPTIONS)
    for again in (pickle.loads(pickle.dumps(recipe)), copy.deepcopy(recipe)):
        assert all(np.array_equal(again(noisy, seed), recipe(noisy, seed)) for seed in range(5))
