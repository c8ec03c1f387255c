"""NIQE (Mittal, Soundararajan, Bovik 2013) in numpy, in double precision: full-range BT.601 luma, the whole picture filtered.

What differs from the authors' code: luma is not rounded; less than 0.01 from the local mean counts as 0, since in flat
places that is rounding alone.
"""
import numpy as np
from scipy.ndimage import correlate1d
from scipy.special import gamma

SIDE = 96
DIM = 36
SHAPES = np.arange(0.2, 10.0005, 0.001)
RATIOS = gamma(2 / SHAPES) ** 2 / (gamma(1 / SHAPES) * gamma(3 / SHAPES))
WINDOW = np.exp(-(np.arange(-3, 4) ** 2) / (2 * (7 / 6) ** 2))
WINDOW /= WINDOW.sum()
HALVING = np.array([-3, -9, 29, 111, 111, 29, -9, -3]) / 256


def luma(rgb):
    return rgb.astype(np.float64) @ np.array([0.299, 0.587, 0.114])


def aggd(v):
    """Shape and scales of an asymmetric generalised Gaussian, by its moments."""
    left, right = v[v < 0], v[v > 0]
    if len(left) == 0 or len(right) == 0:
        return np.nan, np.nan, np.nan
    left, right = np.sqrt((left * left).mean()), np.sqrt((right * right).mean())
    g = left / right
    ratio = np.abs(v).mean() ** 2 / (v * v).mean() * (g**3 + 1) * (g + 1) / (g * g + 1) ** 2
    shape = SHAPES[np.argmin((RATIOS - ratio) ** 2)]
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * scale, right * scale


def numbers(block):
    shape, left, right = aggd(block.ravel())
    out = [shape, (left + right) / 2]
    for shift in [(0, 1), (1, 0), (1, 1), (1, -1)]:
        shape, left, right = aggd((block * np.roll(block, shift, (0, 1))).ravel())
        out += [shape, (right - left) * gamma(2 / shape) / gamma(1 / shape), left, right]
    return out


def normalised(y):
    def mean(p):
        return correlate1d(correlate1d(p, WINDOW, 0, mode="nearest"), WINDOW, 1, mode="nearest")

    mu = mean(y)
    away = y - mu
    away[np.abs(away) < 0.01] = 0
    return away / (np.sqrt(np.abs(mean(y * y) - mu * mu)) + 1)


def halve(y):
    for axis in (0, 1):
        y = np.moveaxis(y, axis, 0)
        p = np.pad(y, ((3, 4), (0, 0)), mode="symmetric")
        n = y.shape[0] // 2
        y = np.moveaxis(sum(HALVING[i] * p[i : i + 2 * n : 2] for i in range(8)), 0, axis)
    return y


def features(rgb):
    """The 36 numbers of each 96x96 pixels."""
    y = luma(rgb)
    height, width = (side // SIDE * SIDE for side in y.shape)
    y, scales = y[:height, :width], []
    for side in (SIDE, SIDE // 2):
        m = normalised(y)
        starts = [(j, i) for j in range(0, y.shape[0], side) for i in range(0, y.shape[1], side)]
        scales.append([numbers(m[j : j + side, i : i + side]) for j, i in starts])
        y = halve(y)
    return np.concatenate(scales, 1)


def read_model(path):
    """Mean and covariance of a model file."""
    lines = [line.split("#")[0] for line in open(path).read().splitlines()[1:]]
    found = np.array(" ".join(lines).split(), float)
    covariance = np.zeros((DIM, DIM))
    covariance[np.tril_indices(DIM)] = found[DIM:]
    return found[:DIM], covariance + np.tril(covariance, -1).T


def niqe(rgb, model):
    found = features(rgb)
    found = found[np.isfinite(found).all(1)]
    if len(found) == 0:
        return np.nan
    covariance = np.cov(found, rowvar=False) if len(found) > 1 else np.zeros((DIM, DIM))
    away = found.mean(0) - model[0]
    return float(np.sqrt(away @ np.linalg.pinv((covariance + model[1]) / 2) @ away))
