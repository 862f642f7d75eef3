"""The command line application: one command is imported and run, errors become text or JSON and an exit code."""

from __future__ import annotations

import difflib
import errno
import json
import os
import re
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Final, TextIO

from dyocense_cli.cli import exits
from dyocense_cli.cli.commands import COMMANDS, Command, general_help
from dyocense_cli.cli.loading import load_command
from dyocense_cli.cli.render import error_json, error_text, stderr
from dyocense_cli.errors import AdapterError, DyocenseError, UsageError

__all__ = ["run"]

#: What a machine says where a path cannot be used, and where there is no room.
_PATHS: Final = frozenset(
    getattr(errno, name)
    for name in ("ENOENT", "ENOTDIR", "EISDIR", "EEXIST", "ENOTEMPTY", "ENAMETOOLONG", "EACCES", "EPERM", "EROFS", "ELOOP", "ENXIO")
)
_FULL: Final = frozenset(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG", "EIO", "EMFILE", "ENFILE") if hasattr(errno, name))
#: what DuckDB, the system and the loader of libraries say
_NO_MEMORY: Final = ("Out of Memory", "Cannot allocate memory", "failed to map segment")


def _find(name: str) -> Command:
    for command in COMMANDS:
        if command.name == name:
            return command
    if name.startswith("-"):
        raise UsageError("DY1001", f"no such option: {name}", hints="dyocense --help")
    near = difflib.get_close_matches(name, [c.name for c in COMMANDS], 1)
    hints = (f"did you mean `dyocense {near[0]}`?",) if near else ()
    raise UsageError("DY1001", f"no such command: {name}", hints=(*hints, "dyocense --help"))


def _dispatch(arguments: list[str]) -> int:
    name, *rest = arguments or ["--help"]
    if [name, *rest[:1]] == ["plan", "diff"]:  # what a plan becomes is asked of plans too
        name, *rest = rest
    if name == "--version":
        from dyocense_cli.wiring import package_version

        sys.stdout.write(f"dyocense {package_version()}\n")
        return exits.DONE
    if name in ("--show-completion", "completion"):
        from dyocense_cli.cli.completion import candidates, script

        if rest[:1] == ["--words"]:
            sys.stdout.write("".join(f"{word}\n" for word in candidates(rest[1:])))
        else:
            sys.stdout.write(script(rest[0] if rest else ""))
        return exits.DONE
    if name in ("--help", "-h", "help") and not rest:
        sys.stdout.write(general_help())
        return exits.DONE
    if name == "help":
        name, rest = rest[0], ["--help"]
    result = load_command(_find(name))(args=_folded(rest), prog_name=f"dyocense {name}", standalone_mode=False)
    return result if isinstance(result, int) else exits.DONE


def _folded(words: list[str]) -> list[str]:
    """Let an option take several selectors: ``--select sku:A* supplier:S1`` is one option with both."""
    out: list[str] = []
    for word in words:
        if out[-2:-1] == ["--select"] and re.fullmatch(r"[A-Za-z_]+:\S+", word):
            out[-1] += f" {word}"
        else:
            out.append(word)
    return out


def _usage(error: Exception, arguments: list[str]) -> DyocenseError | None:
    """Turn the option parser's own error into ours; its classes are told by what they offer, since they moved between versions."""
    describe = getattr(error, "format_message", None)
    if describe is None:
        return None
    near = [str(p) for p in getattr(error, "possibilities", None) or ()]
    hints = (("did you mean " + " or ".join(near) + "?",) if near else ()) + (f"dyocense {arguments[0]} --help",)
    message = str(describe()).rstrip(".")
    return UsageError("DY1001", message[:1].lower() + message[1:], hints=hints)


def _report(error: DyocenseError, *, as_json: bool) -> int:
    if as_json:
        from dyocense_cli.cli.options import write_utf8

        try:
            write_utf8(json.dumps(error_json(error), ensure_ascii=False) + "\n")
            sys.stdout.flush()
        except OSError:  # it may be standard output that is refused; standard error says so
            _nowhere()
    stderr(error_text(error))
    return error.exit_code


def _nowhere() -> None:
    """Let what is still to be written to standard output go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _bug(error: BaseException, arguments: list[str], *, as_json: bool) -> int:
    """Write a crash report and say where it is."""
    report = f"dyocense {' '.join(arguments)}\n\n{''.join(traceback.format_exception(error))}"
    try:
        handle, name = tempfile.mkstemp(prefix="dyocense-bug-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(report)
        hint = f"please report it with {name}"
    except OSError:
        frames = traceback.extract_tb(error.__traceback__)
        hint = "please report it" + (
            f" with {frames[-1].name}, line {frames[-1].lineno} of {Path(frames[-1].filename).name}" if frames else ""
        )
    bug = DyocenseError("DY9001", f"a bug of this program: {type(error).__name__}: {error}", hints=hint)
    return _report(bug, as_json=as_json)


def _of_machine(error: OSError) -> DyocenseError | None:
    """Turn what the machine refuses into an error of ours: a path that cannot be used, a disk that is full; None for anything else."""
    name = error.filename if isinstance(error.filename, str) else ""
    about = f" `{name}`: {error.strerror}" if name else f": {error.strerror}"
    if error.errno in _FULL:
        return AdapterError("DY4703", f"cannot write{about}", hints="make room, or let --store and DYOCENSE_CACHE name another disk")
    if error.errno in _PATHS and name and not Path(name).is_relative_to(Path(__file__).parents[1]):
        return UsageError(
            "DY1025", f"cannot use{about}", hints="name a place that is there and may be written; DYOCENSE_CACHE and --store move ours"
        )
    return None


def _is_out_of_memory(error: Exception) -> bool:
    """Say whether memory was refused: by Python, or by a library of another language in words of its own."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY)


def _other(error: Exception, arguments: list[str], *, as_json: bool) -> int:
    if type(error).__name__ == "Abort":
        stderr("interrupted")
        return exits.INTERRUPTED
    if type(error).__name__ == "Exit":
        return int(getattr(error, "exit_code", exits.DONE))
    if _is_out_of_memory(error):
        spent = AdapterError("DY4703", "out of memory", hints="raise the limit (`ulimit -v`), or plan fewer SKUs and scenarios at once")
        return _report(spent, as_json=as_json)
    usage = _of_machine(error) if isinstance(error, OSError) else _usage(error, arguments)
    return _report(usage, as_json=as_json) if usage is not None else _bug(error, arguments, as_json=as_json)


def _can_write(stream: TextIO) -> bool:
    try:
        stream.flush()
    except OSError:
        return False
    return True


def _closed() -> int:
    """Whoever read standard output has read enough: nothing is wrong."""
    _nowhere()
    return exits.DONE


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; no exception leaves this function."""
    as_json = "--json" in arguments
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except DyocenseError as error:
        return _report(error, as_json=as_json)
    except KeyboardInterrupt:
        stderr("interrupted")
        return exits.INTERRUPTED
    except BrokenPipeError:
        return _closed()
    except OSError as error:
        if not _can_write(sys.stdout):
            _nowhere()
        return _other(error, arguments, as_json=as_json)
    except SystemExit as error:  # the option parser leaves this way when the reader of a pipe is gone
        return _closed() if isinstance(error.__context__, BrokenPipeError) else int(error.code or 0)
    except Exception as error:  # the last door: whatever it is, no traceback reaches the user
        return _other(error, arguments, as_json=as_json)
    return code
