"""Every exercise: its starting file is worth nothing, a right solution everything."""

import ast
from pathlib import Path

import pytest

from cnnlite.exercises import EXERCISES, check, exercise_of, starting_file
from tests.exercises.checked import Here, solution, verdict_on

NAMES = list(EXERCISES)


@pytest.mark.parametrize("name", NAMES)
def test_a_right_solution_has_all_points(name: str) -> None:
    """In a process of its own, as a student's file is checked."""
    file = solution(name)
    exercise = exercise_of(file, EXERCISES)
    verdicts = list(check(exercise, file, seconds=60))
    assert [verdict.message for verdict in verdicts] == [""] * len(exercise.parts)
    assert sum(verdict.points for verdict in verdicts) == exercise.points


@pytest.mark.parametrize("name", NAMES)
def test_a_right_solution_is_right_for_other_numbers(name: str) -> None:
    for seed in (1, 2, 3):
        for verdict in check(EXERCISES[name], solution(name), seed=seed, start=Here):
            assert not verdict.message, (seed, verdict.part.name, verdict.message)


@pytest.mark.parametrize("name", NAMES)
def test_the_starting_file_has_no_points_and_is_told_kindly(name: str, tmp_path: Path) -> None:
    file = tmp_path / EXERCISES[name].file
    file.write_text(starting_file(name), encoding="utf-8")
    assert exercise_of(file, EXERCISES).name == name
    for part in EXERCISES[name].parts:
        verdict = verdict_on(file, name, part.name)
        assert (verdict.points, verdict.word) == (0, "to do"), verdict
        assert "raised" not in verdict.message


@pytest.mark.parametrize("name", NAMES)
def test_the_starting_file_has_each_function_and_names_each_part(name: str) -> None:
    text = starting_file(name)
    functions = {
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    for part in EXERCISES[name].parts:
        assert part.function.partition(".")[0] in functions
        assert f"Part {part.name}." in text
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("name", NAMES)
def test_no_suspect_is_right(name: str) -> None:
    """A cause that fits a right answer would be told of right answers."""
    import numpy as np

    for part in EXERCISES[name].parts:
        told = set()
        causes = set()
        for case in part.cases(np.random.default_rng(0)):
            for cause, wrong in case.suspects:
                causes.add(cause)
                array = np.asarray(wrong())
                expected = np.asarray(case.expected)
                if array.shape != expected.shape or not np.allclose(array, expected):
                    told.add(cause)
        assert causes == told, "a mistake that no case finds"


def test_there_is_no_other_starting_file() -> None:
    folder = Path(__file__).parents[2] / "cnnlite/exercises/start"
    assert {path.name for path in folder.glob("*.txt")} == {
        f"{EXERCISES[name].file}.txt" for name in NAMES
    }


def test_solutions_ship_in_no_wheel() -> None:
    """Not a line of the solutions' bodies stands in the starting files."""
    for name in NAMES:
        text = solution(name).read_text(encoding="utf-8")
        start = {line.strip() for line in starting_file(name).splitlines()}
        given = ("def ", "class ", "import ", "return ", "#", "self.", '"""', "@", ")", "other = ")
        lines = [line.strip() for line in text.splitlines() if len(line.strip()) > 12]
        shared = [line for line in lines if line in start and not line.startswith(given)]
        assert not shared
