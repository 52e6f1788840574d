"""Make the notebooks in this folder from the scripts that they are named after.

python examples/make_notebooks.py           writes them
python examples/make_notebooks.py --check   says which are not current; status 1 if any
"""

import argparse
from pathlib import Path

from cnnlite.notebooks import from_script, to_json

HERE = Path(__file__).parent
NOTEBOOKS = ("quickstart", "see")


def made(name: str) -> str:
    """Return the notebook of a script."""
    return to_json(from_script((HERE / f"{name}.py").read_text(encoding="utf-8")))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    old = []
    for name in NOTEBOOKS:
        path, text = HERE / f"{name}.ipynb", made(name)
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        old.append(path.name)
        if not check:
            path.write_text(text, encoding="utf-8")
    word = "is not current" if check else "written"
    print("; ".join(f"{name} {word}" for name in old) or "all are current")
    return 1 if check and old else 0


if __name__ == "__main__":
    raise SystemExit(main())
