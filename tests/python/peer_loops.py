"""The two end-to-end jobs of the comparison, as tuned Python loops over onnxruntime, and the files they work on.

Usage: python tests/python/peer_loops.py denoise MODEL FOLDER OUTPUT_FOLDER [--workers 2] [--threads 1] [--limit FILES]
       python tests/python/peer_loops.py embed MODEL FOLDER OUTPUT.parquet [the same options]
`embed` takes a model that ends at its bottleneck.
"""
import argparse
import contextlib
import multiprocessing
import os
import tarfile

import numpy as np

BATCH = 256
# Larger pictures are run in tiles of this side that overlap by what the shipped networks see: whole, they take many
# gigabytes. Both are multiples of what the networks halve.
TILE, MARGIN = 1024, 64
session = None  # of a worker


def make_photos(source, folder, count):
    """JPEGs of 768x512 cut out of the photographs in `source`, which are enlarged and mirrored."""
    from PIL import Image, ImageOps

    names = sorted(os.listdir(source))
    rng = np.random.default_rng(0)
    os.makedirs(folder)
    for i in range(count):
        picture = Image.open(os.path.join(source, names[i % len(names)])).convert("RGB")
        picture = ImageOps.fit(picture, (800, 560))
        left, top = int(rng.integers(0, 33)), int(rng.integers(0, 49))
        picture = picture.crop((left, top, left + 768, top + 512))
        if rng.random() < 0.5:
            picture = ImageOps.mirror(picture)
        picture.save(os.path.join(folder, f"{i:04}.jpg"), quality=92)


def make_large(source, folder):
    """A JPEG of 6000x4000, the photographs in `source` side by side, enlarged."""
    from PIL import Image, ImageOps

    names = sorted(os.listdir(source))
    os.makedirs(folder)
    picture = Image.new("RGB", (6000, 4000))
    for i, corner in enumerate((x, y) for y in range(0, 4000, 1000) for x in range(0, 6000, 1000)):
        part = Image.open(os.path.join(source, names[i % len(names)])).convert("RGB")
        picture.paste(ImageOps.fit(part, (1000, 1000)), corner)
    picture.save(os.path.join(folder, "large.jpg"), quality=92)


def make_digits(archive, folder, count):
    """PNGs of 28x28: those of MNIST where the archive is there, made-up strokes otherwise."""
    os.makedirs(folder)
    if os.path.exists(archive):
        import pyarrow

        with tarfile.open(fileobj=pyarrow.input_stream(archive, compression="zstd"), mode="r|") as files:
            made = 0
            for member in files:
                if member.name.endswith(".png"):
                    with open(os.path.join(folder, f"{made:05}.png"), "wb") as f:
                        f.write(files.extractfile(member).read())
                    made += 1
                    if made == count:
                        return
    from PIL import Image, ImageDraw

    rng = np.random.default_rng(0)
    for i in range(count):
        picture = Image.new("L", (112, 112))
        points = [tuple(p) for p in rng.integers(20, 92, (4, 2)).tolist()]
        ImageDraw.Draw(picture).line(points, fill=255, width=12, joint="curve")
        picture.resize((28, 28), Image.Resampling.BOX).save(os.path.join(folder, f"{i:05}.png"))


def cut(model, tensor, path):
    """Writes the model again with `tensor` as its only output, so that nothing beyond it is computed."""
    import onnx

    model = onnx.load(model)
    del model.graph.output[:]
    model.graph.output.append(onnx.ValueInfoProto(name=tensor))
    onnx.save(model, path)


def start(model, threads):
    global session
    import cv2
    import onnxruntime as ort

    cv2.setNumThreads(1)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def restore(pixels):
    import cv2

    x = np.multiply(pixels.transpose(2, 0, 1)[None], np.float32(1 / 255), dtype=np.float32, order="C")
    y = session.run([session.get_outputs()[0].name], {session.get_inputs()[0].name: x})[0][0]
    # Rounds and saturates at 255; below 0 it would take the absolute value.
    return cv2.merge([cv2.convertScaleAbs(np.maximum(plane, 0), alpha=255) for plane in y])


def restore_file(paths):
    import cv2
    from PIL import Image

    source, target = paths
    pixels = cv2.imread(source, cv2.IMREAD_COLOR_RGB)
    height, width = pixels.shape[:2]
    if height * width <= TILE * TILE:
        made = restore(pixels)
    else:
        made = np.empty_like(pixels)
        step = TILE - 2 * MARGIN
        for y in range(0, height, step):
            for x in range(0, width, step):
                top, left = max(y - MARGIN, 0), max(x - MARGIN, 0)
                tile = restore(pixels[top : y + step + MARGIN, left : x + step + MARGIN])
                made[y : y + step, x : x + step] = tile[y - top :, x - left :][:step, :step]
    Image.fromarray(made).save(target, quality=92)


def embed_files(paths):
    from PIL import Image

    info = session.get_inputs()[0]
    x = np.stack([np.asarray(Image.open(path)) for path in paths]).astype(np.float32) / np.float32(255)
    x = x[:, None] if info.shape[1] == 1 else x[..., None]
    y = session.run(None, {info.name: x})[0]
    return y.reshape(len(paths), -1)


@contextlib.contextmanager
def mapper(workers, *settings):
    """`map` over worker processes, or in this process for one worker."""
    if workers == 1:
        start(*settings)
        yield map
    else:
        with multiprocessing.Pool(workers, start, settings) as pool:
            yield pool.imap


def names_of(folder, limit):
    return sorted(os.listdir(folder))[:limit]


def denoise(model, folder, output, workers, threads, limit):
    os.makedirs(output)
    with mapper(workers, model, threads) as run:
        for _ in run(restore_file, [(os.path.join(folder, n), os.path.join(output, n)) for n in names_of(folder, limit)]):
            pass


def embed(model, folder, output, workers, threads, limit):
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = names_of(folder, limit)
    batches = [names[i : i + BATCH] for i in range(0, len(names), BATCH)]
    with mapper(workers, model, threads) as run, contextlib.ExitStack() as stack:
        writer = None
        vectors = run(embed_files, [[os.path.join(folder, n) for n in batch] for batch in batches])
        for batch, y in zip(batches, vectors):
            column = pa.FixedSizeListArray.from_arrays(pa.array(y.reshape(-1)), y.shape[1])
            table = pa.table({"path": batch, "embedding": column})
            if writer is None:
                writer = stack.enter_context(pq.ParquetWriter(output, table.schema))
            writer.write_table(table)


def main():
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--workers", type=int, default=2)
    common.add_argument("--threads", type=int, default=1)
    common.add_argument("--limit", type=int)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    jobs = parser.add_subparsers(required=True)
    for job in (denoise, embed):
        command = jobs.add_parser(job.__name__, parents=[common])
        command.set_defaults(job=job)
        for name in ("model", "folder", "output"):
            command.add_argument(name)
    arguments = vars(parser.parse_args())
    arguments.pop("job")(**arguments)


if __name__ == "__main__":
    main()
