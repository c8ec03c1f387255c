"""Scores a pipeline that is to do no harm, picture by picture, beside one that restores everything.

    no_harm.py <safelight binary> [--photos FOLDER ...] [--sets clean,sigma5,text] [--limit 20] [--sheet sheet.png]

The sets are built by harm_sets.py in a temporary folder. Photographs: `clean` (as PNG), `sigma5` to `sigma50` (Gaussian
noise, rounded to 8 bits), `jpeg10` to `jpeg90`. Drawn: `text`, `lineart`, `night`, `grain`, `phone`. PSNR is over all
channels against the picture before it was degraded; clean pictures, drawn or not, and what a phone made are to be left as
they are. PSNR of equal pictures counts as 100 dB; the means of a set are over its degraded pictures, where it has some.
"At detail" is the worst change of PSNR over the pixels where the truth changes most.

Bars: of `clean` 95 % come out as the bytes that went in; no noisy photograph and no drawn picture is worse than it went in
by more than 0.005 dB; from sigma 10 on, the mean PSNR is within 0.05 dB of restoring everything. `jpeg` sets have none.
The exit status is 1 if a bar is missed or an item has no output.
"""

import argparse
import collections
import csv
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import harm_sets
import numpy as np
import pyarrow
import pyarrow.parquet
from PIL import Image, ImageDraw

REPOSITORY = Path(__file__).resolve().parents[2]
SAME = 100.0
TOLERANCE = 0.005
NEAR = 0.05
IDENTICAL = 0.95
# Exit status of a run some of whose items failed.
FAILED_ITEMS = 10
# Share of the pixels that count as detail: those where the truth changes most.
DETAIL = 0.05

EVERYTHING = """\
version: 1
name: everything
input: in
output: out
steps:
  - measure: {{what: [{measures}], prefix: before_}}
  - restore: {{model: {model}, guard: off}}
  - measure: {{what: [{measures}], prefix: after_}}
  - write: {{folder: images}}
  - table: {{folder: table}}
"""


@dataclass
class Score:
    """One picture, before and after both pipelines; dB."""

    set: str
    name: str
    identical: bool
    before: float
    after: float
    everything: float
    detail: float
    detail_everything: float
    missing: bool
    measured: dict[str, object] = field(default_factory=dict)

    @property
    def change(self) -> float:
        return self.after - self.before

    @property
    def worse(self) -> bool:
        return self.change < -TOLERANCE


def psnr(a: np.ndarray, b: np.ndarray, where: np.ndarray | None = None) -> float:
    difference = a.astype(np.float64) - b
    if where is not None:
        difference = difference[where]
    error = np.mean(difference**2)
    return min(SAME, 10 * np.log10(255**2 / error)) if error else SAME


def detailed(truth: np.ndarray) -> np.ndarray:
    """Pixels where the truth changes most."""
    values = truth.astype(np.float64)
    values = values.mean(-1) if values.ndim == 3 else values
    slope = np.hypot(*np.gradient(values))
    return slope >= max(np.quantile(slope, 1 - DETAIL), 1)


def run(binary: str, pipeline: Path, given: Path, out: Path, settings: list[str]) -> None:
    """Runs a pipeline from the repository's root, as its relative model paths need."""
    overrides = [f"input.path={given}", f"output={out}", *settings]
    command = [binary, "run", str(pipeline), "--progress", "quiet"]
    command += [word for setting in overrides for word in ("--set", setting)]
    environment = {**os.environ, "ARCHIVE": str(given), "OUTPUT": str(out)}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, FAILED_ITEMS):
        sys.exit(f"{' '.join(command)} ended with status {done.returncode}:\n{done.stdout}{done.stderr}")


def written(out: Path) -> dict[str, Path]:
    """Pictures below the output folder, by file name."""
    hidden = out / ".safelight"
    return {p.name: p for p in out.rglob("*") if p.suffix in (".png", ".jpg") and hidden not in p.parents}


def measured(out: Path) -> dict[str, dict[str, object]]:
    """Columns of measurements, by file name."""
    rows = pyarrow.parquet.read_table(out / "table").to_pylist()
    return {r["path"]: {k: v for k, v in r.items() if k.startswith(("before_", "after_"))} for r in rows}


def pixels(path: Path, like: np.ndarray) -> np.ndarray:
    picture = np.asarray(Image.open(path))
    if picture.shape != like.shape or picture.dtype != like.dtype:
        sys.exit(f"{path} is {picture.dtype} {picture.shape}, its truth is {like.dtype} {like.shape}")
    return picture


def score(name: str, items: list[tuple[str, np.ndarray]], folder: Path, tried: bool) -> list[Score]:
    ours = written(folder / "out") if tried else {}
    all_ = written(folder / "everything")
    table = measured(folder / "everything")
    scores = []
    for file, truth in items:
        given = folder / "in" / file
        before, everything = pixels(given, truth), all_.get(file)
        # Without an output, the picture counts as the one that went in.
        after = ours.get(file) if tried else everything
        picture = before if after is None else pixels(after, truth)
        full = before if everything is None else pixels(everything, truth)
        where = detailed(truth)
        scores.append(
            Score(
                set=name,
                name=file,
                identical=after is not None and after.read_bytes() == given.read_bytes(),
                before=psnr(before, truth),
                after=psnr(picture, truth),
                everything=psnr(full, truth),
                detail=psnr(picture, truth, where) - psnr(before, truth, where) if where.any() else 0.0,
                detail_everything=psnr(full, truth, where) - psnr(before, truth, where) if where.any() else 0.0,
                missing=after is None,
                measured=table.get(file, {}),
            )
        )
    return scores


def verdict(name: str, scores: list[Score]) -> list[str]:
    """The bars that are missed, in words."""
    missed = []
    if missing := [s.name for s in scores if s.missing]:
        missed.append(f"{len(missing)} without output, such as {missing[0]}")
    same = np.mean([s.identical for s in scores])
    worse = [s for s in scores if s.worse]
    if name == "clean" and same < IDENTICAL:
        missed.append(f"{same:.1%} identical")
    if worse and (name.startswith("sigma") or name in harm_sets.DRAWN):
        worst = min(worse, key=lambda s: s.change)
        missed.append(f"{len(worse)} worse, {worst.name} by {-worst.change:.2f} dB")
    if name.startswith("sigma") and int(name[5:]) >= 10:
        behind = np.mean([s.everything - s.after for s in scores])
        if behind > NEAR:
            missed.append(f"{behind:.3f} dB behind restoring everything")
    return missed


def row(name: str, scores: list[Score], missed: list[str]) -> str:
    degraded = [s for s in scores if s.before < SAME] or scores
    mean = lambda key: np.mean([getattr(s, key) for s in degraded])
    has_bar = not name.startswith("jpeg")
    return (
        f"{name:<8} {len(scores):>8} {np.mean([s.identical for s in scores]):>9.1%} {mean('before'):>7.2f} "
        f"{mean('after'):>7.2f} {mean('everything'):>10.2f} {min(s.change for s in scores):>7.2f} "
        f"{sum(s.worse for s in scores):>6} {min(s.detail for s in scores):>9.2f}  "
        f"{'; '.join(missed) or ('ok' if has_bar else '-')}"
    )


HEADING = (
    f"{'set':<8} {'pictures':>8} {'identical':>9} {'in':>7} {'out':>7} {'everything':>10} {'worst':>7} {'worse':>6} "
    f"{'at detail':>9}  bars"
)


class Sheet:
    """Parts of pictures side by side: truth, in, out, and with everything restored."""

    SIDE, SHOWN, LABEL = 160, 3, 14

    def __init__(self) -> None:
        self.rows: list[list[Image.Image]] = []

    def add(self, folder: Path, items: list[tuple[str, np.ndarray]], scores: list[Score], tried: bool) -> None:
        """A row of the pictures whose change is the worst, where there is most detail."""
        truths = dict(items)
        outs = [written(folder / "out")] if tried else []
        outs.append(written(folder / "everything"))
        self.rows.append([])
        for s in sorted(scores, key=lambda s: s.change)[: self.SHOWN]:
            truth = truths[s.name]
            centre = self.centre(detailed(truth))
            pictures = [truth, np.asarray(Image.open(folder / "in" / s.name))]
            pictures += [np.asarray(Image.open(out[s.name])) if s.name in out else pictures[1] for out in outs]
            strip = Image.new("RGB", (len(pictures) * 2 * (self.SIDE + 2), 2 * self.SIDE + self.LABEL))
            for k, picture in enumerate(pictures):
                part = Image.fromarray(picture).convert("RGB").crop((*centre, *(c + self.SIDE for c in centre)))
                if s.set == "night":
                    part = part.point(lambda v: round(255 * (v / 255) ** 0.45))
                large = part.resize((2 * self.SIDE, 2 * self.SIDE), Image.Resampling.NEAREST)
                strip.paste(large, (k * 2 * (self.SIDE + 2), self.LABEL))
            label = f"{s.set}/{s.name}: truth, in ({s.before:.2f} dB)"
            label += f", out ({s.after:.2f})" if tried else ""
            ImageDraw.Draw(strip).text((2, 1), f"{label}, everything restored ({s.everything:.2f})", (255, 255, 255))
            self.rows[-1].append(strip)

    def centre(self, where: np.ndarray) -> tuple[int, int]:
        """Left and top of the square with the most of these pixels."""
        sums = np.pad(where.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        n = self.SIDE
        inside = sums[n:, n:] - sums[:-n, n:] - sums[n:, :-n] + sums[:-n, :-n]
        top, left = np.unravel_index(inside.argmax(), inside.shape)
        return int(left), int(top)

    def save(self, path: Path) -> None:
        width, height = (max(getattr(strip, side) for row in self.rows for strip in row) for side in ("width", "height"))
        sheet = Image.new("RGB", (width * self.SHOWN, height * len(self.rows)))
        for y, row in enumerate(self.rows):
            for x, strip in enumerate(row):
                sheet.paste(strip, (x * width, y * height))
        sheet.save(path)


def write_csv(path: Path, scores: list[Score]) -> None:
    columns = ["set", "name", "identical", "before", "after", "everything", "detail", "detail_everything"]
    names = list(dict.fromkeys(k for s in scores for k in s.measured))
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow([*columns, *names])
        for s in scores:
            out.writerow([*(getattr(s, c) for c in columns), *(s.measured.get(n) for n in names)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument(
        "--photos", type=Path, nargs="+", default=[Path("../shared/data/photos-cc0"), Path("../shared/data/photos")]
    )
    parser.add_argument("--pipeline", type=Path, default=Path("pipelines/nightly.yaml"), help="the one that is scored")
    parser.add_argument(
        "--everything", type=Path, help="the one beside it; by default it restores all pictures with --model"
    )
    parser.add_argument("--alone", action="store_true", help="score restoring everything, and no other pipeline")
    parser.add_argument("--model", default="sample_data/models/denoise.onnx")
    parser.add_argument("--measures", default="noise_sigma,sharpness,entropy,mean,contrast", help="for --csv")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="passed on to both pipelines")
    parser.add_argument("--sets", default=",".join(harm_sets.SETS), help=f"by default {','.join(harm_sets.SETS)}; other numbers too")
    parser.add_argument("--limit", type=int, help="pictures of each set")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="an empty folder where pictures and outputs stay")
    parser.add_argument("--sheet", type=Path, help="PNG of before and after, the worst of each set first")
    parser.add_argument("--csv", type=Path, help="one row for each picture, with measurements before and after")
    args = parser.parse_args()
    names = args.sets.split(",")
    if unknown := [n for n in names if not harm_sets.known(n)]:
        parser.error(f"no such set: {', '.join(unknown)}")
    if absent := [p for p in args.photos if not p.is_dir()]:
        parser.error(f"no such folder: {', '.join(map(str, absent))}")
    if args.keep and args.keep.exists() and any(args.keep.iterdir()):
        parser.error(f"{args.keep} is not empty")
    binary = str(Path(args.binary).resolve())
    paths = harm_sets.photographs(args.photos, args.seed)
    missed, sheet, all_scores = collections.Counter(), Sheet(), []
    print(HEADING, flush=True)
    for name in names:
        with tempfile.TemporaryDirectory() as temporary:
            folder = (args.keep.resolve() if args.keep else Path(temporary)) / name
            (folder / "in").mkdir(parents=True)
            items = []
            for item in harm_sets.build(name, paths, args.seed, args.limit):
                (folder / "in" / item.name).write_bytes(item.data)
                items.append((item.name, item.truth))
            everything = args.everything
            if everything is None:
                everything = folder / "everything.yaml"
                everything.write_text(EVERYTHING.format(measures=args.measures, model=args.model))
            run(binary, everything.resolve(), folder / "in", folder / "everything", args.set)
            if not args.alone:
                run(binary, args.pipeline.resolve(), folder / "in", folder / "out", args.set)
            scores = score(name, items, folder, not args.alone)
            found = verdict(name, scores)
            missed[name] = len(found)
            print(row(name, scores, found), flush=True)
            if args.sheet:
                sheet.add(folder, items, scores, not args.alone)
            all_scores += scores
            if args.csv:
                write_csv(args.csv, all_scores)
    if args.sheet:
        sheet.save(args.sheet)
    return 1 if missed.total() else 0


if __name__ == "__main__":
    sys.exit(main())
