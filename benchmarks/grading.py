"""A class of eighty: the time it takes to check the convolution exercise, hostile files among them.

    python -m benchmarks.grading                 # 80 submissions, 2 at a time
    python -m benchmarks.grading --jobs 1 --hostile 0

The submissions are the tests' solution, as it is and with a usual mistake, and hostile ones that
loop, fork, fill the memory and end what they can. Prints the time of the whole check, which has a
process for each file, and what one honest file costs, and where.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.text import table
from cnnlite.exercises import EXERCISES, Grading, check, find_submissions

SOLUTION = Path(__file__).parents[1] / "tests/exercises/solutions/convolution.py"
MISTAKES = (
    ("", ""), ("+ b[k]", ""), ("padding : padding + h", "0 : h"), ("dw[k] +=", "dw[k] ="),
    ("i * stride : i", "i : i"), ("axis=(0, 2, 3)", "axis=(0, 2)"), ("len(x), f", "f, len(x)"),
    ("w[k] * dy[n", "w[k].T * dy[n"), ("return y", "return y."),
)  # fmt: skip
HEAD = "# cnnlite exercise: convolution\nimport os, signal\n"
HOSTILE = (
    "while True:\n    pass\n",
    "def conv_forward(*a):\n    while True:\n        pass\nconv_backward = conv_forward\n",
    "while True:\n    os.fork()\n",
    "def conv_forward(*a):\n    return bytearray(2**40)\n"
    "def conv_backward(*a):\n    kept = [bytearray(2**26) for _ in range(2**20)]\n",
    "os.kill(os.getppid(), signal.SIGKILL)\nos._exit(0)\n",
)


def main() -> None:
    """Make the class, check it, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--submissions", type=int, default=80)
    parser.add_argument("--hostile", type=int, default=5, help="how many of them")
    parser.add_argument("--jobs", type=int, default=2, help="how many are checked at a time")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_class(Path(folder), arguments.submissions, arguments.hostile)
        submitted = find_submissions(Path(folder))
        begin = time.perf_counter()
        grades = Grading(EXERCISES, jobs=arguments.jobs).grade_all(submitted)
        seconds = time.perf_counter() - begin
    right = sum(grade.right for grade in grades)
    print(
        f"{len(grades)} submissions, {arguments.jobs} at a time: {seconds:.1f} s, {right} right\n"
    )
    print(table(["one honest file", "ms of processor time"], one_file()))


def make_class(folder: Path, submissions: int, hostile: int) -> None:
    """Write a folder for each student, hostile ones spread among the others."""
    text = SOLUTION.read_text(encoding="utf-8")
    every = submissions // hostile if hostile else submissions + 1
    for k in range(submissions):
        mine = text.replace(*MISTAKES[k % len(MISTAKES)])
        if k % every == 0 and k // every < hostile:
            mine = HEAD + HOSTILE[k // every % len(HOSTILE)]
        student = folder / f"student{k:02}"
        student.mkdir()
        (student / "convolution.py").write_text(mine, encoding="utf-8")


def one_file(times: int = 5) -> list[list[str]]:
    """The processor time of the check of a right file, and of what its process does first."""
    exercise = EXERCISES["convolution"]

    def spent() -> tuple[float, float]:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time(), children.ru_utime + children.ru_stime

    rows = []
    begins = [("Python starts", "pass"), ("Python starts, and NumPy", "import numpy")]
    for name, code in begins:
        before = spent()[1]
        for _ in range(times):
            subprocess.run([sys.executable, "-P", "-B", "-c", code], check=True)
        rows.append([name, f"{1e3 * (spent()[1] - before) / times:.0f}"])
    own, child = spent()
    for _ in range(times):
        check(exercise, SOLUTION)
    own_after, child_after = spent()
    rows.append(["its process, in all", f"{1e3 * (child_after - child) / times:.0f}"])
    rows.append(["the checker beside it", f"{1e3 * (own_after - own) / times:.0f}"])
    return rows


if __name__ == "__main__":
    main()
