"""Looks with exiftool at the files that the fidelity test wrote: what it calls carried must be there for others too.

Usage: fidelity.py FOLDER, with the files and `fates.csv` that the test leaves with SAFELIGHT_FIDELITY=FOLDER.
"""

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

# Where exiftool shows each property, in whatever container.
TAGS = {
    "EXIF": [r"IFD0:Model"],
    "maker notes": [r"Canon:OwnerName"],
    "IPTC": [r"IPTC\d*:Caption-Abstract"],
    "XMP": [r"XMP-photoshop:Headline"],
    "ICC": [r"ICC-header:ProfileID", r"ICC_Profile:RedMatrixColumn"],
    "comment": [r"File:Comment", r"PNG:Comment", r"GIF:Comment", r"File:Comments", r".*:Comment$"],
    "gain map": [r"MPImage2:MPImageLength"],
    "trailer": [r"PhotoMechanic:.*"],
    "orientation": [r"IFD0:Orientation"],
}


def tags(folder):
    out = subprocess.run(
        ["exiftool", "-j", "-G1", "-a", "-n", "-s", str(folder)], capture_output=True, text=True, check=False
    ).stdout
    return {Path(entry["SourceFile"]).name: entry for entry in json.loads(out)}


def shown(entry, patterns):
    found = [(key, value) for key, value in entry.items() for p in patterns if re.fullmatch(p, key)]
    return found[0][1] if found else None


def resolution(entry):
    """Dots an inch, from whatever container."""
    for x, unit in [("JFIF:XResolution", "JFIF:ResolutionUnit"), ("IFD0:XResolution", "IFD0:ResolutionUnit")]:
        # The units of JFIF count from 0, those of EXIF from 1.
        inch, centimetre = (1, 2) if x.startswith("JFIF") else (2, 3)
        if x in entry and entry.get(unit) in (inch, centimetre):
            return round(float(entry[x]) * (1 if entry[unit] == inch else 2.54))
    for x in ("PNG-pHYs:PixelsPerUnitX", "File:PixelsPerMeterX"):
        if entry.get(x):
            return round(float(entry[x]) * 0.0254)
    return None


def main():
    if shutil.which("exiftool") is None:
        sys.exit("exiftool is not there; install it (Debian: libimage-exiftool-perl)")
    folder = Path(sys.argv[1])
    files = tags(folder)
    names = {name.rsplit(".", 1)[0]: entry for name, entry in files.items()}
    wrong, checked = [], 0
    for row in csv.DictReader(open(folder / "fates.csv")):
        source, target = names.get(row["source"], {}), names.get(f"{row['source']}-{row['target']}")
        if target is None:  # exiftool does not know the format
            continue
        name, fate = row["property"], row["fate"]
        if name == "resolution":
            before, after = resolution(source), resolution(target)
        elif name in TAGS:
            before, after = shown(source, TAGS[name]), shown(target, TAGS[name])
        else:
            continue
        if name == "comment" and "pnm" in (row["source"], row["target"]):  # not shown for PAM
            continue
        checked += 1
        where = f"{row['source']} to {row['target']}: {name} {fate}"
        if fate == "carried" and (before is None or before != after):
            wrong.append(f"{where}, but exiftool sees {before!r} before and {after!r} after")
        if fate == "noted" and after is not None and name != "orientation":
            wrong.append(f"{where}, but exiftool sees {after!r}")
    print("\n".join(wrong) or f"exiftool agrees in {checked} cells")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
