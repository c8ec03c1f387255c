"""What the training jobs are checked against: scikit-learn on the same data, and onnxruntime on the exported file.

Usage: python tests/python/training_agreement.py BINARY [--protocols] [--mnist ARCHIVE.tar.zst]
BINARY is the safelight program; run it from the repository's root. --protocols prints the silhouettes
under every reading of the published figures, --mnist PCA's baselines on MNIST.
"""
import argparse
import csv
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile

import numpy as np

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


def reduce(binary):
    """The pipeline ancestor_reduce on the same points: its figures against scikit-learn's, its file on raw points."""
    import onnxruntime
    from sklearn.decomposition import PCA
    from sklearn.metrics import silhouette_score
    from sklearn.model_selection import train_test_split

    with tempfile.TemporaryDirectory() as folder:
        command = [binary, "run", "pipelines/ancestor_reduce.yaml", "--progress", "json", "--set", f"output={folder}/out"]
        lines = subprocess.run(command, check=True, capture_output=True, text=True)
        events = [json.loads(line) for line in (lines.stdout + lines.stderr).splitlines() if line.startswith("{")]
        figures = {f["name"]: f["value"] for f in events[-1]["figures"]}
        session = onnxruntime.InferenceSession(f"{folder}/out/model.onnx", providers=["CPUExecutionProvider"])
    x, y = make_blobs()
    train, test, _, labels = train_test_split(x, y, test_size=0.1, random_state=17)
    low, span = train.min(0), np.ptp(train, axis=0)
    scaled = (test - low) / span
    code, back = session.run(["bottleneck", "output"], {"input": test.astype(np.float32)})
    expected = {
        "pca_silhouette": silhouette_score(PCA(2).fit((train - low) / span).transform(scaled), labels),
        "silhouette_of_input": silhouette_score(scaled, labels),
        # By onnxruntime, from points as they are: the scaling is part of the file.
        "silhouette": silhouette_score(code, labels),
        "mse": np.mean(((back - low) / span - scaled) ** 2),
    }
    for name, value in expected.items():
        print(f"  {name}: {figures[name]:.5f}, by Python {value:.5f}")
        if abs(figures[name] - value) > 2e-3:
            sys.exit(f"{name} differs")
    if figures["silhouette"] < 0.8 or abs(figures["pca_silhouette"] - PUBLISHED["PCA"]) > 0.01:
        sys.exit("the silhouettes are not those of the ancestor")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", help="the safelight program")
    parser.add_argument("--protocols", action="store_true")
    parser.add_argument("--mnist", metavar="ARCHIVE")
    arguments = parser.parse_args()
    reduce(arguments.binary)
    if arguments.protocols:
        blobs()
    if arguments.mnist:
        mnist(arguments.mnist)
    return 0


if __name__ == "__main__":
    sys.exit(main())
