"""pytest plugin: every ``*.golden.yaml`` file is a test; a failure reads as the differences."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dyocense_cli.cli.render import error_text
from dyocense_cli.errors import DyocenseError

__all__ = ["GoldenFile", "GoldenItem", "pytest_collect_file"]


class GoldenMismatch(Exception):  # read as a result, not as an error
    """The outcome of a goal is not the golden one."""


class GoldenItem(pytest.Item):
    """One golden goal."""

    def runtest(self) -> None:
        """Plan the goal and compare."""
        from dyocense_cli.cli.golden import found
        from dyocense_cli.runner.golden import differences, load

        expected = load(self.path.read_text("utf-8"), file=str(self.path))
        lines = [str(d) for d in differences(expected, found(expected.goal, expected.overrides))]
        if lines:
            raise GoldenMismatch("\n".join(lines))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:  # noqa: ARG002  # the hook names it
        """Show the differences, not a traceback."""
        if isinstance(excinfo.value, GoldenMismatch):
            lines = [f"{self._shown}: not what the golden file holds", *(f"  {line}" for line in str(excinfo.value).splitlines())]
            return "\n".join([*lines, f"if the change is meant: dyocense golden update {self._shown}"])
        if isinstance(excinfo.value, DyocenseError):
            return error_text(excinfo.value)
        return str(super().repr_failure(excinfo))

    @property
    def _shown(self) -> str:
        here = Path.cwd()
        return self.path.relative_to(here).as_posix() if self.path.is_relative_to(here) else str(self.path)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the test is."""
        return self.path, None, f"golden goal {self.name}"


class GoldenFile(pytest.File):
    """A golden file is a collector of one test."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the test of this file."""
        yield GoldenItem.from_parent(self, name=self.path.name.removesuffix(".golden.yaml"))


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    """Collect golden files."""
    if file_path.name.endswith(".golden.yaml"):
        return GoldenFile.from_parent(parent, path=file_path)
    return None
