"""Converts camera JPEGs to TIFF, PNG and WebP and has exiftool compare maker notes and all EXIF fields with the source's.

Usage: makernotes.py target/release/safelight [FOLDER ...]; exiftool's own test pictures (t/images of its
repository) are such a folder. A tag may be missing only where a note says so; a wrong value never passes.
"""
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DEFAULT = ROOT / "../shared/data/cases/makernote-tiff"
FORMATS = {"tiff": "tif", "png": "png", "webp": "webp"}
GROUPS = ("MakerNotes:", "EXIF:ExifIFD:", "EXIF:GPS:", "EXIF:InteropIFD:", "EXIF:IFD0:")
# What another file has otherwise or not at all: its layout, its thumbnail, its size, the turned picture.
OTHERWISE = re.compile(
    r"EXIF:IFD0:(YCb.*|ReferenceBlackWhite|Orientation|ImageWidth|ImageHeight|BitsPerSample|Compression|StripOffsets"
    r"|PhotometricInterpretation|SamplesPerPixel|RowsPerStrip|StripByteCounts|PlanarConfiguration|Predictor"
    r"|SampleFormat|.Resolution|ResolutionUnit|ExtraSamples)"
    r"|EXIF:ExifIFD:ExifImage.*|EXIF:InteropIFD:RelatedImage.*"
)
# Notes that stand in segments of their own in a JPEG, beside EXIF.
SEGMENTS = ("MakerNotes:Casio:", "MakerNotes:CIFF:", "MakerNotes:Qualcomm:")
# Places that exiftool reckons in the file, for pictures that it finds by them.
PLACES = re.compile(r".*:(PreviewImageStart|ThumbnailOffset|OtherImageStart|JpgFromRawStart|OriginalDecisionDataOffset)")


def tags(folder):
    """Everything exiftool finds in the files of a folder, by name without ending."""
    command = ["exiftool", "-j", "-G0:1", "-a", "-u", "-n", "-b", "-q", str(folder)]
    out = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return {Path(entry["SourceFile"]).stem: entry for entry in json.loads(out or "[]")}


def convert(binary, pictures, form, out):
    spec = out / "job.yaml"
    spec.write_text(
        f"version: 1\nname: notes\ninput: {{path: {json.dumps(str(pictures))}}}\noutput: {json.dumps(str(out / 'job'))}\n"
        f"steps:\n- write: {{folder: images, format: {form}}}\n"
    )
    subprocess.run([binary, "run", str(spec), "--progress", "quiet"], check=False, stdout=subprocess.DEVNULL)
    with open(out / "job/.safelight/manifest.csv", newline="") as file:
        return {Path(row["path"]).stem: row for row in csv.DictReader(file)}


def compare(name, form, source, written, notes):
    """What is wrong, and how many tags are right and left out."""
    wrong, right, left_out = [], 0, 0
    for key, value in source.items():
        if not key.startswith(GROUPS) or OTHERWISE.fullmatch(key) or PLACES.fullmatch(key):
            continue
        if key not in written:
            left_out += 1
            told = ["lost metadata", "lost further pictures"]
            told += ["lost other data"] if key.startswith(SEGMENTS) else []
            if not any(what in notes for what in told):
                wrong.append(f"{name}.{form}: {key} is missing without a note")
        elif written[key] != value:
            wrong.append(f"{name}.{form}: {key} was {str(value)[:60]}, is {str(written[key])[:60]}")
        else:
            right += 1
    return wrong, right, left_out


def main():
    if shutil.which("exiftool") is None:
        print("skipped: exiftool is not there (Debian: libimage-exiftool-perl)")
        return 0
    folders = [Path(folder) for folder in sys.argv[2:]] or [DEFAULT]
    pictures = [path for folder in folders if folder.is_dir() for path in sorted(folder.glob("*.jpg"))]
    if not pictures:
        print(f"skipped: no pictures in {', '.join(map(str, folders))}")
        return 0
    wrong = []
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        (work / "in").mkdir()
        for path in pictures:
            shutil.copy(path, work / "in")
        source = tags(work / "in")
        with_notes = [name for name, entry in source.items() if any(key.startswith("MakerNotes:") for key in entry)]
        for form in FORMATS:
            out = work / form
            out.mkdir()
            manifest = convert(os.path.abspath(sys.argv[1]), work / "in", form, out)
            written = tags(out / "job/images")
            total = [0, 0]
            for name, entry in source.items():
                row = manifest.get(name, {})
                if name not in written:
                    wrong.append(f"{name}.{form}: not written ({row.get('message', '')})")
                    continue
                bad, right, left_out = compare(name, form, entry, written[name], json.dumps(row))
                wrong += bad
                total[0] += right
                total[1] += left_out
            print(f"{form}: {len(with_notes)} of {len(source)} pictures have maker notes; "
                  f"{total[0]} tags equal, {total[1]} left out")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
