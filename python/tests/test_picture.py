import warnings
from pathlib import Path

import numpy as np
import pytest

import safelight

ARCHIVE = Path("sample_data/archive")


def test_pixels_come_as_they_are_stored():
    film = safelight.decode(ARCHIVE / "scans/film-16bit.png")
    assert film.array.dtype == np.uint16 and film.bit_depth == 16 and film.format == "png"
    fruit = safelight.decode((ARCHIVE / "2019/summer/fruit.png").read_bytes())
    assert fruit.array.dtype == np.uint8 and fruit.array.ndim == 3
    assert np.array_equal(fruit.array, safelight.decode(str(ARCHIVE / "2019/summer/fruit.png")).array)


@pytest.mark.parametrize("channels", [None, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_gives_back_what_it_got(channels, dtype):
    shape = (9, 7) if channels is None else (9, 7, channels)
    array = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    for compression in ("fast", "small"):
        again = safelight.decode(safelight.encode(array, compression=compression)).array
        assert again.dtype == dtype and np.array_equal(again, array)


def test_what_stands_beside_the_pixels_goes_along():
    picture = safelight.decode(ARCHIVE / "phone/rotated.jpg")
    assert picture.orientation != 1 and picture.exif
    again = safelight.decode(safelight.encode(picture))
    assert (again.format, again.orientation) == ("jpeg", picture.orientation)
    bare = safelight.decode(safelight.encode(picture, metadata=False))
    assert bare.orientation == 1 and bare.exif is None
    assert bare.array.shape[:2] == picture.upright().array.shape[:2]


def test_upright_turns_once():
    picture = safelight.decode(ARCHIVE / "phone/rotated.jpg")
    upright = picture.upright()
    assert upright.orientation == 1
    assert upright.array.shape[:2] in (picture.array.shape[:2], picture.array.shape[1::-1])
    assert not np.array_equal(upright.array, picture.array)
    assert np.array_equal(upright.upright().array, upright.array)


def test_other_pixels_take_over_what_stands_beside():
    picture = safelight.decode(ARCHIVE / "phone/rotated.jpg")
    small = np.ascontiguousarray(picture.array[::2, ::2])
    again = safelight.decode(safelight.encode(picture.replace(small), "png"))
    assert again.exif and again.orientation == 1
    assert sorted(again.array.shape[:2]) == sorted(small.shape[:2])
    with pytest.raises(safelight.ArrayError):
        picture.replace(np.zeros(3, np.uint8))


def test_losses_are_warned_of():
    deep = np.zeros((4, 4), np.uint16)
    with pytest.warns(safelight.LossWarning, match="jpeg holds 8 bits"):
        safelight.encode(deep, "jpeg")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        safelight.encode(deep, "tiff")


def test_quality_counts():
    picture = safelight.decode(ARCHIVE / "2019/lake.jpg")
    assert len(safelight.encode(picture, "jpeg", quality=30)) < len(safelight.encode(picture, "jpeg", quality=95))


@pytest.mark.parametrize(
    ("arguments", "options", "error", "text"),
    [
        (["jpg2"], {}, ValueError, "there is no format"),
        (["jpeg"], {"quality": 0}, ValueError, "1 to 100"),
        (["png"], {"compression": "best"}, ValueError, "fast"),
        (["avif"], {}, safelight.ItemError, "only read"),
    ],
)
def test_what_can_not_be_is_refused(arguments, options, error, text):
    with pytest.raises(error, match=text):
        safelight.encode(np.zeros((4, 4), np.uint8), *arguments, **options)


def test_transparency_does_not_fit_a_jpeg():
    with pytest.raises(safelight.ItemError, match="can't write jpeg") as raised:
        safelight.encode(np.zeros((4, 4, 4), np.uint8), "jpeg")
    assert raised.value.kind == "encode"


def test_files_that_fail_are_told():
    with pytest.raises(safelight.ItemError, match="truncated.jpg: undecodable: damaged jpeg") as raised:
        safelight.decode(ARCHIVE / "broken/truncated.jpg")
    assert raised.value.kind == "undecodable"
    with pytest.raises(safelight.ItemError, match="no longer there"):
        safelight.decode("nowhere.png")
    with pytest.raises(safelight.ItemError):
        safelight.decode(b"")
    with pytest.raises(TypeError):
        safelight.decode(7)
