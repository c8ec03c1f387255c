import copy
import pickle
import threading

import numpy as np
import pytest

import safelight


NAMES = ["2019/summer/fruit.png", "scans/film-16bit.png", "art/sprite.png"]


def run(step):
    pipeline = {
        "version": 1,
        "input": {"path": "sample_data/archive", "include": NAMES},
        "output": "out",
        "steps": [step, {"write": {"folder": "images", "format": "png"}}],
    }
    summary = safelight.Job(pipeline).run()
    assert summary["exit"] == 0, summary


@pytest.mark.parametrize("options", [{}, {"strength": 0.4, "texture": 0.3, "guard": "off"}])
def test_results_are_those_of_a_run(options):
    model = "sample_data/models/denoise.onnx"
    run({"restore": {"model": model, **options}})
    restore = safelight.Restorer(model, **options)
    for name in NAMES:
        before = safelight.decode(f"sample_data/archive/{name}")
        after = safelight.decode(f"out/images/{name}")
        assert np.array_equal(restore(before.array), after.array), name


def test_upscaled_pictures_are_those_of_a_run():
    model = "sample_data/models/upscale_x2.onnx"
    run({"restore": {"model": model}})
    restore = safelight.Restorer(model)
    before = safelight.decode("sample_data/archive/art/sprite.png").array
    assert restore.scale == 2
    assert restore(before).shape[:2] == (before.shape[0] * 2, before.shape[1] * 2)
    assert np.array_equal(restore(before), safelight.decode("out/images/art/sprite.png").array)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_type_and_axes_stay_and_the_input_too(denoise, dtype, channels):
    shape = (40, 50) if channels is None else (40, 50, channels)
    array = np.random.default_rng(1).random(shape)
    array = array.astype(np.float32) if dtype is np.float32 else (array * np.iinfo(dtype).max).astype(dtype)
    before = array.copy()
    array.flags.writeable = False
    after = denoise(array)
    assert (after.dtype, after.shape) == (dtype, shape)
    assert after.flags.writeable and after.flags.c_contiguous and not np.shares_memory(after, array)
    assert np.array_equal(array, before)
    assert not np.array_equal(after, before)
    if channels in (2, 4):
        assert np.array_equal(after[..., -1], before[..., -1])


def test_depths_agree(denoise, noisy):
    deep = denoise(noisy.astype(np.uint16) * 257)
    floats = denoise(noisy.astype(np.float32) / 255)
    eight = denoise(noisy)
    assert np.abs(deep / 65535 - floats).max() < 1e-4
    assert np.abs(eight / 255 - floats).max() < 0.51 / 255


def test_strides_do_not_matter(denoise, noisy):
    wanted = denoise(np.ascontiguousarray(noisy[::-1, ::2]))
    assert np.array_equal(denoise(noisy[::-1, ::2]), wanted)
    assert np.array_equal(denoise(np.asfortranarray(noisy[::-1, ::2])), wanted)
    unaligned = np.frombuffer(b"\0" + (noisy.astype(np.uint16) * 257).tobytes(), np.uint8)[1:].view(np.uint16)
    unaligned = unaligned.reshape(noisy.shape)
    assert not unaligned.flags.aligned
    assert np.array_equal(denoise(unaligned), denoise(unaligned.copy()))


def test_strength_zero_changes_nothing(noisy):
    restore = safelight.Restorer("sample_data/models/denoise.onnx", strength=0)
    assert np.array_equal(restore(noisy), noisy)


def test_the_guard_tells_what_it_did(denoise):
    texture = np.random.default_rng(0).integers(0, 2, (16, 16)).repeat(3, 0).repeat(3, 1).astype(np.uint8) * 90 + 80
    after, notes = denoise.noted(texture)
    assert after.shape == texture.shape
    assert all(note.startswith("guard: ") for note in notes)
    assert denoise.noted(np.full((32, 32), 128, np.uint8))[1] == []


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        ([[1, 2]], safelight.ArrayTypeError, "NumPy array, found list"),
        (np.zeros((4, 4)), safelight.ArrayTypeError, "found float64"),
        (np.zeros((4, 4), ">u2"), safelight.ArrayTypeError, "found >u2"),
        (np.zeros((4, 4), bool), safelight.ArrayTypeError, "found bool"),
        (np.zeros(4, np.uint8), safelight.ArrayError, r"found \[4\]"),
        (np.zeros((4, 4, 5), np.uint8), safelight.ArrayError, r"found \[4, 4, 5\]"),
        (np.zeros((1, 4, 4, 3), np.uint8), safelight.ArrayError, "1 to 4 channels"),
        (np.zeros((0, 4), np.uint8), safelight.ArrayError, "both sides are at least 1"),
        (np.full((4, 4), np.nan, np.float32), safelight.ArrayError, "NaN or infinite"),
        (np.full((4, 4), np.inf, np.float32), safelight.ArrayError, "NaN or infinite"),
    ],
)
def test_what_is_no_picture_is_refused(denoise, wrong, error, text):
    with pytest.raises(error, match=text) as raised:
        denoise(wrong)
    assert isinstance(raised.value, safelight.Error)
    assert isinstance(raised.value, TypeError if error is safelight.ArrayTypeError else ValueError)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(safelight.ModelError) as raised:
        safelight.Restorer("missing.onnx", strenght=1, tile=3)
    told = [mistake["message"] for mistake in raised.value.mistakes]
    assert len(told) == 3, told
    assert "did you mean" in str(raised.value) and "`strength`" in str(raised.value)
    assert "missing.onnx" in str(raised.value)
    assert isinstance(raised.value, ValueError)
    with pytest.raises(safelight.ModelError, match="unknown key `when`"):
        safelight.Restorer("sample_data/models/denoise.onnx", when="width > 3")
    with pytest.raises(safelight.ModelError, match="colour each does not suit"):
        safelight.Restorer("sample_data/models/denoise.onnx", colour="each")
    with pytest.raises(ValueError, match="threads"):
        safelight.Restorer("sample_data/models/denoise.onnx", threads=0)


def test_a_file_that_is_no_model_is_refused(here):
    (here / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(safelight.ModelError, match="bad.onnx"):
        safelight.Restorer("bad.onnx")


def test_pickles_know_the_model_from_any_folder(here, monkeypatch, noisy):
    restore = safelight.Restorer("sample_data/models/denoise.onnx", strength=0.5, threads=1)
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    for again in [pickle.loads(pickle.dumps(restore)), copy.deepcopy(restore)]:
        assert np.array_equal(again(noisy), restore(noisy))
    assert not np.array_equal(restore(noisy), safelight.Restorer(here / "sample_data/models/denoise.onnx")(noisy))


def test_errors_can_be_pickled():
    with pytest.raises(safelight.ModelError) as raised:
        safelight.Restorer("missing.onnx")
    again = pickle.loads(pickle.dumps(raised.value))
    assert (type(again), str(again), again.mistakes) == (
        safelight.ModelError,
        str(raised.value),
        raised.value.mistakes,
    )


def test_threads_of_python_may_call_at_once(noisy):
    for threads in (1, 3):
        restore = safelight.Restorer("sample_data/models/denoise.onnx", threads=threads)
        pictures = [np.roll(noisy, shift, axis=1) for shift in range(8)]
        wanted = [restore(picture) for picture in pictures]
        found = [None] * len(pictures)

        def work(first):
            for at in range(first, len(pictures), 2):
                found[at] = restore(pictures[at])

        workers = [threading.Thread(target=work, args=(first,)) for first in range(2)]
        [worker.start() for worker in workers]
        [worker.join() for worker in workers]
        assert all(np.array_equal(a, b) for a, b in zip(found, wanted))


def test_python_runs_on_during_a_call(denoise):
    large = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    over = threading.Event()
    worker = threading.Thread(target=lambda: (denoise(large), over.set()))
    worker.start()
    turns = 0
    while not over.wait(0.005):
        turns += 1
    worker.join()
    assert turns > 2
