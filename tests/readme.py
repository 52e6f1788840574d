"""Print one of the README's two commands, for CI.

python -m tests.readme command|powershell train|test
"""

import re
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def command(shell: str, name: str) -> str:
    """Return the code below the README's `<!-- SHELL: NAME -->`."""
    text = README.read_text(encoding="utf-8")
    found = re.search(rf"<!-- {shell}: {name} -->\n```\w+\n(.*?)```", text, re.DOTALL)
    if found is None:
        raise SystemExit(f"the README has no <!-- {shell}: {name} -->")
    return found[1]


if __name__ == "__main__":
    print(command(*sys.argv[1:]), end="")
