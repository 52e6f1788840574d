"""How the files of a package import one another, compared with its listing.

    python -m tests.law        count rooms, upward arrows, circles and private names that cross

The graph is grimp's, with the imports that only type checkers follow; it gets those of stubs and of
Cython besides.  A room is what a line of the listing names: a folder or a file of the package.
"""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import grimp

ROOT = Path(__file__).resolve().parents[1]
LINE = re.compile(r"^ *(?P<name>\w+)(?:/|\.py|)  +\S", re.M)
CYTHON = re.compile(
    r"^ *(?:from +(?P<where>[\w.]+) +c?import +(?P<names>.+)|c?import +(?P<module>[\w.]+))"
)


class Import(NamedTuple):
    """A name that a module takes from a module, both with all their dots."""

    importer: str
    module: str
    name: str


def listing(text: str) -> list[str]:
    """Return the names of a listing's lines, from the top."""
    return LINE.findall(text)


def listed_rooms(page: Path) -> list[str]:
    """Return the rooms of the package in docs/architecture.md, from the top."""
    block = page.read_text(encoding="utf-8").partition("<!-- listing -->")[2].split("```")[1]
    inside = [line for line in block.splitlines() if line.startswith("  ")]
    return listing("\n".join(inside))


class House:
    """A package that lies in a folder from which it can be imported.

    Args:
        folder: the package's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self._files = {
            path: self._module(path.relative_to(folder.parent))
            for suffix in ("py", "pyi", "pyx", "pxd", "pxi")
            for path in sorted(folder.rglob(f"*.{suffix}"))
        }
        self.graph = grimp.build_graph(self.name, cache_dir=None)
        modules = set(self._files.values())
        self.imports = [
            found
            for path, module in self._files.items()
            for found in (_python if path.suffix in (".py", ".pyi") else _cython)(path, module)
            if found.module.split(".")[0] == self.name
        ]
        for importer, module, name in self.imports:
            target = f"{module}.{name}" if f"{module}.{name}" in modules else module
            if target != importer and target in modules:
                self.graph.add_import(importer=importer, imported=target)

    def _module(self, path: Path) -> str:
        parts = path.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def arrows(self) -> Iterator[tuple[str, str]]:
        """Yield (importer, imported) for each pair of modules of which one imports the other."""
        for module in sorted(self.graph.modules):
            for imported in sorted(self.graph.find_modules_directly_imported_by(module)):
                yield module, imported

    def room(self, module: str, package: str) -> str:
        """Return the part of a package that a module is in; "__init__" for the package itself."""
        return module.removeprefix(package).split(".")[1] if module != package else "__init__"

    def rooms(self, package: str = "") -> set[str]:
        """Return all parts of a package."""
        package = package or self.name
        inside = [m for m in self.graph.modules if f"{m}.".startswith(f"{package}.")]
        return {self.room(module, package) for module in inside}

    def upward(self, order: list[str], package: str = "") -> list[str]:
        """Return the imports that do not point down a list of the package's parts."""
        package = package or self.name
        place = {name: number for number, name in enumerate(order)}
        found = []
        for importer, imported in self.arrows():
            if all(f"{module}.".startswith(f"{package}.") for module in (importer, imported)):
                above, below = self.room(importer, package), self.room(imported, package)
                if above != below and place.get(above, -1) >= place.get(below, -1):
                    found.append(f"{importer} -> {imported}")
        return found

    def circles(self) -> list[str]:
        """Return circles of modules, and of a package's parts, until there are none left."""
        found = []
        graph: dict[str, set[str]] = {module: set() for module in self.graph.modules}
        for importer, imported in self.arrows():
            graph[importer].add(imported)
        while True:
            try:
                graphlib.TopologicalSorter(graph).prepare()
                break
            except graphlib.CycleError as error:
                circle = error.args[1][::-1]
                found.append(" -> ".join(circle))
                graph[circle[0]].discard(circle[1])
        for package in sorted(self.graph.modules):
            if self.graph.find_children(package):
                breakers = self.graph.nominate_cycle_breakers(package)
                found += [f"{a} -> {b} closes a circle in {package}" for a, b in sorted(breakers)]
        return found

    def crossing(self) -> list[str]:
        """Return names with an underscore that are used outside the folder, or file, they are in.

        A module with an underscore belongs to its folder, anything else to its file.
        """
        packages = {module for path, module in self._files.items() if path.stem == "__init__"}
        found = []
        for importer, module, name in self.imports:
            folder = importer if importer in packages else importer.rpartition(".")[0]
            parts = f"{module}.{name}".split(".")
            for number, part in enumerate(parts):
                home = ".".join(parts[:number])
                private = part.startswith("_") and not part.endswith("__")
                inside = f"{importer}.".startswith(f"{home}.{part}.")
                if private and not inside and home not in (folder, importer):
                    found.append(f"{importer} uses {home}.{part}")
        return sorted(set(found))


def _python(path: Path, module: str) -> Iterator[Import]:
    """Yield what a file imports, and the attributes that it asks of imported modules."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = module if path.stem == "__init__" else module.rpartition(".")[0]
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            start = ".".join([*above, *filter(None, [node.module])]) if node.level else node.module
            for alias in node.names:
                yield Import(module, start or "", alias.name)
                bound[alias.asname or alias.name] = f"{start}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, *alias.name.rpartition(".")[::2])
                bound[alias.asname or alias.name] = alias.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            home = bound.get(node.value.id)
            if home is not None and node.attr.startswith("_"):
                yield Import(module, home, node.attr)


def _cython(path: Path, module: str) -> Iterator[Import]:
    for line in path.read_text(encoding="utf-8").splitlines():
        found = CYTHON.match(line)
        if found and found["where"]:
            for name in found["names"].split("#")[0].split(","):
                yield Import(module, found["where"], name.split(" as ")[0].strip(" ()"))
        elif found:
            yield Import(module, *found["module"].rpartition(".")[::2])


def main() -> None:
    """Print the counts, and all that is against the law."""
    house = House(ROOT / "cnnlite")
    order = listed_rooms(ROOT / "docs" / "architecture.md")
    print(f"{len(house.graph.modules)} modules in {len(house.rooms())} rooms")
    unlisted = sorted(house.rooms() ^ set(order))
    findings = {
        "rooms that only the listing or only the tree has": unlisted,
        "upward arrows": house.upward(order),
        "circles": house.circles(),
        "private names that cross": house.crossing(),
    }
    for what, found in findings.items():
        print(f"{len(found)} {what}", *found, sep="\n    ")


if __name__ == "__main__":
    main()
