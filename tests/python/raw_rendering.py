"""Compares how safelight and LibRaw render camera RAW.

    raw_rendering.py <safelight binary built with --features raw> <folder of RAW files>

LibRaw (rawpy) is asked for the same: the camera's white balance, no brightening, PPG, sRGB with its curve, 16 bits. Differences are
in steps of 8 bits, without the four pixels at each border, where both guess. The exit status is 1 where the median of a
picture differs by more than a tenth of a step, or 1 pixel of 100 by more than half a step.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import rawpy

JOB = "version: 1\ninput: {{path: {source}}}\noutput: {out}\nsteps: [write: {{folder: images, format: png}}]\n"


def libraw(path: Path) -> np.ndarray:
    """LibRaw's rendering, red first, turned upright."""
    with rawpy.imread(str(path)) as raw:
        return raw.postprocess(
            demosaic_algorithm=rawpy.DemosaicAlgorithm.PPG, use_camera_wb=True, no_auto_bright=True, output_bps=16,
            output_color=rawpy.ColorSpace.sRGB, gamma=(2.4, 12.92), user_flip=None, highlight_mode=rawpy.HighlightMode.Clip,
            adjust_maximum_thr=0.0,
        )  # fmt: skip


def compare(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Median difference, and that of the 99th of 100 pixels, in steps of 8 bits."""
    height, width = ours.shape[:2]
    down, across = (theirs.shape[0] - height) // 2, (theirs.shape[1] - width) // 2
    if down < 0 or across < 0:
        raise ValueError(f"{ours.shape} for {theirs.shape}")
    theirs = theirs[down : down + height, across : across + width]
    far = np.abs(ours.astype(np.int64) - theirs)[4:-4, 4:-4] / 257
    return float(np.median(far)), float(np.quantile(far, 0.99))


def main() -> int:
    binary, source = sys.argv[1], Path(sys.argv[2])
    worst = 0
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "job.yaml"
        job.write_text(JOB.format(source=source.resolve(), out=Path(folder) / "out"))
        subprocess.run([binary, "run", str(job), "--progress", "quiet"], check=False)
        for path in sorted(path for path in source.iterdir() if path.is_file()):
            written = Path(folder) / "out/images" / f"{path.stem}.png"
            if not written.exists():
                print(f"{path.name}: not rendered")
                continue
            ours = cv2.cvtColor(cv2.imread(str(written), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGR2RGB)
            median, most = compare(ours, libraw(path))
            ok = median <= 0.1 and most <= 0.5
            worst |= not ok
            print(f"{path.name}: {ours.shape[1]} x {ours.shape[0]}, median {median:.3f}, 99% {most:.3f}{'' if ok else '  FAR'}")
    return int(worst)


if __name__ == "__main__":
    sys.exit(main())
