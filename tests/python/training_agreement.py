"""What the training jobs are checked against: classical baselines on the same data, and onnxruntime.

Usage: python tests/python/training_agreement.py BINARY [--blobs FILE.parquet|csv] [--mnist ARCHIVE.tar.zst]
                                                        [--model FILE.onnx INPUT.npy OUTPUT.npy]
Without --mnist, MNIST is left out. BINARY is the safelight program.
"""
import argparse
import csv
import io
import os
import subprocess
import sys
import tarfile

import numpy as np

LARGEST_DIFFERENCE = 1e-4
DIMENSIONS = (2, 8, 16, 32)
# The published figures of the dense autoencoder on the blobs.
PUBLISHED = {"PCA": 0.368, "raw": 0.611, "autoencoder": 0.807}


def make_blobs():
    """(points, labels), as scikit-learn draws them: 20,000 x 50 float64, 20 centres."""
    from sklearn.datasets import make_blobs

    return make_blobs(n_samples=20000, centers=20, n_features=50, cluster_std=0.2, center_box=(-1, 1), random_state=17)


def blobs():
    """Silhouettes of the raw points and of their 2-d PCA under the protocols that the published figures may mean.

    {(scaling, points): (raw, PCA)}; PCA is always fitted on the training points of the split. The published 0.368 is
    that of the 2,000 test points of the split with seed 17, scaled per feature by the training points: 0.3679. Their raw
    value is 0.6101; the published 0.611 is that of the training points or of all.
    """
    from sklearn.decomposition import PCA
    from sklearn.metrics import silhouette_score
    from sklearn.model_selection import train_test_split

    x, labels = make_blobs()
    train, test = train_test_split(np.arange(len(x)), test_size=0.1, random_state=17)
    low, high = x[train].min(0), x[train].max(0)
    scalings = {"per feature, by the training points": (x - low) / (high - low),
                "per feature, by all": (x - x.min(0)) / (x.max(0) - x.min(0)),
                "global": (x - x.min()) / (x.max() - x.min())}
    table = {}
    for scaling, z in scalings.items():
        pca = PCA(2).fit(z[train])
        for name, points in (("test", test), ("train", train), ("all", np.arange(len(x)))):
            raw, reduced = (silhouette_score(v, labels[points]) for v in (z[points], pca.transform(z[points])))
            table[scaling, name] = raw, reduced
            print(f"blobs, scaled {scaling}, {name}: raw {raw:.4f}, PCA {reduced:.4f}", flush=True)
    return table


def read_mnist(archive):
    """(train images, train labels, test images, test labels); images as rows of 784 float32 in [0,1]."""
    from PIL import Image

    process = subprocess.Popen(["zstd", "-dc", archive], stdout=subprocess.PIPE)
    pictures, lists = {}, {}
    with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
        for member in tar:
            name = member.name.removeprefix("./")
            if name.endswith(".png"):
                pictures[name] = np.asarray(Image.open(io.BytesIO(tar.extractfile(member).read())).convert("L"))
            elif name.endswith(".csv"):
                text = tar.extractfile(member).read().decode()
                lists[os.path.basename(name)] = list(csv.DictReader(io.StringIO(text)))
    if process.wait():
        raise RuntimeError(f"zstd ended with {process.returncode}")
    result = []
    for part in ("train.csv", "test.csv"):
        rows = lists[part]
        paths = [row["filepath"].removeprefix("./") for row in rows]
        result.append(np.stack([pictures[path] for path in paths]).reshape(len(paths), 784).astype(np.float32) / 255)
        result.append(np.array([int(row["label"]) for row in rows]))
    return result


def mnist(archive, dimensions=DIMENSIONS):
    """Exact PCA fitted on the 60,000, tested on the 10,000: {dimensions: (MSE per pixel, accuracy of kNN with k = 5)}."""
    from sklearn.neighbors import KNeighborsClassifier

    train, train_labels, test, test_labels = read_mnist(archive)
    centre = train.mean(0, dtype=np.float64)
    a, b = train - centre, test - centre
    _, vectors = np.linalg.eigh(a.T @ a)
    vectors = vectors[:, ::-1]
    table = {}
    for n in dimensions:
        v = vectors[:, :n]
        mse = float(np.mean((b - b @ v @ v.T) ** 2))
        near = KNeighborsClassifier(5, algorithm="auto" if n <= 8 else "brute", n_jobs=2).fit(a @ v, train_labels)
        accuracy = float(near.score(b @ v, test_labels))
        table[n] = mse, accuracy
        print(f"MNIST, PCA {n}: MSE per pixel {mse:.5f}, kNN accuracy {accuracy:.4f}", flush=True)
    return table


def check_model(path, sample_input, expected):
    """The checker's full check, and onnxruntime against `expected`, an array or .npy file of what safelight computed.

    `sample_input`: an array or .npy file, or a dictionary of these by input name. Returns the largest difference.
    """
    import onnx
    import onnxruntime as ort

    def load(x):
        return np.load(x) if isinstance(x, (str, os.PathLike)) else np.asarray(x)

    onnx.checker.check_model(path, full_check=True)
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    if not isinstance(sample_input, dict):
        sample_input = {session.get_inputs()[0].name: sample_input}
    result = session.run(None, {name: load(x).astype(np.float32) for name, x in sample_input.items()})[0]
    expected = load(expected)
    if result.shape != expected.shape:
        raise AssertionError(f"{path}: onnxruntime gives {result.shape}, expected {expected.shape}")
    difference = float(np.abs(result - expected).max())
    if not difference <= LARGEST_DIFFERENCE:
        raise AssertionError(f"{path}: onnxruntime differs by {difference:.2e}")
    return difference


def compare_blobs(path):
    """Our own blobs, written as a table of 50 columns of numbers (and perhaps `label`), with scikit-learn's."""
    x, labels = make_blobs()
    if path.endswith(".csv"):
        with open(path, newline="") as f:
            rows = list(csv.DictReader(f))
        columns = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
    else:
        import pyarrow.parquet as pq  # not among the pinned packages: only for whoever passes a Parquet file

        table = pq.read_table(path)
        columns = {name: table[name].to_numpy() for name in table.column_names}
    theirs = columns.pop("label", None)
    ours = np.stack(list(columns.values()), 1)
    assert ours.shape == x.shape, ours.shape
    assert theirs is None or np.array_equal(theirs, labels), "labels differ"
    print(f"{path}: {np.count_nonzero(ours != x)} of {x.size} numbers differ from scikit-learn's, "
          f"the largest by {np.abs(ours - x).max():.1e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", help="the safelight program")
    parser.add_argument("--blobs", metavar="FILE", help="table of our blobs, .csv or .parquet")
    parser.add_argument("--mnist", metavar="ARCHIVE")
    parser.add_argument("--model", nargs=3, metavar=("FILE", "INPUT", "OUTPUT"))
    arguments = parser.parse_args()
    if arguments.model:
        print(f"{arguments.model[0]}: differs by {check_model(*arguments.model):.1e}")
    if arguments.blobs:
        compare_blobs(arguments.blobs)
    blobs()
    if arguments.mnist:
        mnist(arguments.mnist)
    return 0


if __name__ == "__main__":
    sys.exit(main())
