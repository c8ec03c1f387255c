#!/usr/bin/env python3
"""Times a second, unchanged run over many items, and the publishing of a wide table; shows the memory each takes.

    make bench-records [N=1000000]

A network is trained on tiny pictures first (16 x 16, vectors of 64 numbers), then N pictures are made, embedded and put into a table,
one after another by the runner. Listing is timed apart: `plan` of a new output lists and decides, and nothing else.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time


def run(binary, arguments, expect=0):
    """Seconds and peak resident bytes of one call."""
    start = time.monotonic()
    child = subprocess.Popen([binary, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = child.stdout.read().decode(errors="replace")
    _, status, usage = os.wait4(child.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code != expect:
        sys.exit(f"{' '.join(arguments)}: exit {code}\n{output}")
    return time.monotonic() - start, usage.ru_maxrss * 1024


def pictures(folder, count):
    """Empty-looking PNG files of 1 x 1 pixels, 1,000 in a folder."""
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    for number in range(count):
        below = os.path.join(folder, f"{number // 1000:05}")
        if number % 1000 == 0:
            os.makedirs(below)
        data = zlib.compress(bytes([0, number % 251]))
        png = (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
               + chunk(b"IDAT", data) + chunk(b"IEND", b""))
        with open(os.path.join(below, f"{number % 1000:03}.png"), "wb") as file:
            file.write(png)


def main():
    binary, count = os.path.abspath(sys.argv[1]), int(sys.argv[2])
    work = tempfile.mkdtemp(prefix="safelight-records-")
    try:
        train = os.path.join(work, "train.yaml")
        with open(train, "w") as file:
            file.write(
                "version: 1\nname: tiny\n"
                "input: {synth: dead_leaves, count: 8, size: 64}\n"
                f"output: {work}/model\n"
                "train: {network: {embedding: {latent: 64, hidden: 64, width: 4}}, patch: 16, epochs: 1, steps: 2, batch: 4, colour: gray}\n"
            )
        run(binary, ["run", train])
        archive = os.path.join(work, "in")
        os.makedirs(archive)
        pictures(archive, count)
        job = os.path.join(work, "job.yaml")
        with open(job, "w") as file:
            file.write(
                f"version: 1\nname: records\ninput: {archive}\noutput: {work}/out\n"
                f"steps: [embed: {{model: {work}/model/model.onnx}}, measure: [mean], table]\n"
            )
        print(f"{count} items")
        for name, arguments in [
            ("first run, table of 64 numbers a row", ["run", job]),
            ("listing alone (plan into a new output)", ["plan", job, "--set", f"output={work}/none"]),
            ("second run, unchanged", ["run", job]),
            ("verify", ["verify", job]),
        ]:
            seconds, memory = run(binary, arguments)
            print(f"{name:45} {seconds:8.1f} s {memory / 2**20:8.0f} MiB", flush=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
