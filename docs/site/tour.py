"""Make the three pictures of the README's tour from the report of a run.

cnnlite train --data cifar10 --augment crop,flip --epochs 8 --out run
python -m docs.site.tour run

Each picture is a part of the page that `cnnlite report` writes, photographed in Chromium, at the
width of a screen for the README and at that of a telephone, in build/photographs, to be looked at.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from docs.site.photographs import WIDTHS, browser, photograph

ROOT = Path(__file__).resolve().parents[2]
PICTURES = {
    "tour-curves": ("#curves", 900),
    "tour-inside": ("#inside", 1400),
    "tour-confusion": ("#confusion", 770),
}
"""By the names of the pictures: a section of the report, and how many pixels of it at most."""


def main() -> None:
    """Write the report of a run and photograph it; status 1 if a browser complains."""
    parser = argparse.ArgumentParser(prog="python -m docs.site.tour")
    parser.add_argument("run", type=Path, help="a run folder, with kept epochs")
    run = parser.parse_args().run
    work = ROOT / "build" / "photographs"
    work.mkdir(parents=True, exist_ok=True)
    page = work / "tour.html"
    command = [sys.executable, "-m", "cnnlite", "report", str(run), "--out", str(page)]
    subprocess.run(command, check=True)
    faults = []
    with browser() as chromium:
        for name, (selector, tallest) in PICTURES.items():
            seen = photograph(chromium, page, work / name, selector=selector, tallest=tallest)
            faults += seen.faults()
            picture = work / f"{name}-{WIDTHS[0]}.png"
            (ROOT / "docs" / "images" / f"{name}.png").write_bytes(picture.read_bytes())
    print("\n".join(dict.fromkeys(faults)) or f"{len(PICTURES)} pictures in docs/images")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
