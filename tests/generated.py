"""How many generated cases a suite runs."""

from hypothesis import HealthCheck, settings


def generated(cases: int, asked: int) -> settings:
    """Hypothesis's settings for so many cases, always the same, or for as many new ones as asked.

    Args:
        cases: in every run.
        asked: by an environment variable; 0 if it was not set.
    """
    return settings(
        max_examples=asked or cases,
        derandomize=not asked,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
