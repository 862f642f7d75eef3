"""Host of a policy that OPA compiled to WebAssembly, ABI 1.2 and later (OPA documentation, "WebAssembly: ABI")."""

from __future__ import annotations

from typing import Any, Final

import wasmtime

from dyocense_cli.errors import UnavailableError

__all__ = ["WasmPolicy", "engine"]

PAGE: Final = 65536
MAX_PAGES: Final = 4096  # 256 MiB
FUEL: Final = 4_000_000_000  # instructions, some seconds; counted, so the same question always ends the same way


def engine() -> wasmtime.Engine:
    """Return an engine that counts instructions, so that no policy runs for ever."""
    config = wasmtime.Config()
    config.consume_fuel = True
    # what a policy may use at most; the default reserves 4 GiB of addresses, which a limit on memory refuses
    config.memory_reservation = PAGE * MAX_PAGES
    config.memory_guard_size = PAGE
    return wasmtime.Engine(config)


class WasmPolicy:
    """One instance of a compiled policy with its data; not safe to share between threads."""

    def __init__(self, made: wasmtime.Engine, module: wasmtime.Module, data: bytes) -> None:
        self._store = wasmtime.Store(made)
        self._store.set_fuel(FUEL)
        self._said = ""
        linker = wasmtime.Linker(made)
        wanted = next(i.type for i in module.imports if i.name == "memory")
        self._memory = wasmtime.Memory(self._store, wasmtime.MemoryType(wasmtime.Limits(wanted.limits.min, MAX_PAGES)))
        linker.define(self._store, "env", "memory", self._memory)
        linker.define(self._store, "env", "opa_abort", wasmtime.Func(self._store, wasmtime.FuncType([_I32], []), self._abort))
        linker.define(self._store, "env", "opa_println", wasmtime.Func(self._store, wasmtime.FuncType([_I32], []), lambda _: None))
        for n in range(5):
            kind = wasmtime.FuncType([_I32] * (n + 2), [_I32])
            linker.define(self._store, "env", f"opa_builtin{n}", wasmtime.Func(self._store, kind, self._builtin))
        self._exports = linker.instantiate(self._store, module).exports(self._store)
        self._data = self._parse(data)
        self._heap: int = self._call("opa_heap_ptr_get")

    def evaluate(self, question: bytes) -> bytes:
        """Return the result set (JSON text) of the first entry point for an input (JSON text).

        Raises
        ------
        UnavailableError
            DY4202 if it runs too long, DY4203 if it aborts.
        """
        self._store.set_fuel(FUEL)
        self._reserve(self._heap + len(question))
        self._memory.write(self._store, question, self._heap)
        answer = self._call("opa_eval", 0, 0, self._data, self._heap, len(question), self._heap + len(question), 0)
        return self._text(answer)

    def builtins(self) -> bytes:
        """Return, as JSON text, the builtins that the host would have to supply."""
        return self._text(self._call("opa_json_dump", self._call("builtins")))

    def _call(self, name: str, *args: int) -> int:
        try:
            return int(self._exports[name](self._store, *args) or 0)
        except wasmtime.Trap as trap:
            if trap.trap_code == wasmtime.TrapCode.OUT_OF_FUEL:
                raise UnavailableError("DY4202", "the policy gave no verdict in time", why="no verdict is not a yes") from trap
            raise self._failed(str(trap).splitlines()[-1]) from trap
        except wasmtime.WasmtimeError as error:
            raise self._failed(str(error).splitlines()[0]) from error

    def _failed(self, why: str) -> UnavailableError:
        return UnavailableError(
            "DY4203", f"the policy gave no verdict: {self._said or why}", hints="`dyocense doctor` tells which engine decides"
        )

    def _parse(self, text: bytes) -> int:
        place = self._call("opa_malloc", len(text))
        self._memory.write(self._store, text, place)
        value = self._call("opa_json_parse", place, len(text))
        if value == 0:
            raise self._failed("its data is not JSON")
        return value

    def _reserve(self, size: int) -> None:
        missing = size - self._memory.data_len(self._store)
        if missing > 0:
            try:
                self._memory.grow(self._store, -(-missing // PAGE))
            except wasmtime.WasmtimeError as error:
                raise self._failed(f"the question is too large ({size >> 20} MiB)") from error

    def _text(self, place: int) -> bytes:
        size = self._memory.data_len(self._store)
        start, window = place, bytearray()
        while start < size:
            part = self._memory.read(self._store, start, min(start + PAGE, size))
            end = part.find(b"\0")
            window += part if end < 0 else part[:end]
            if end >= 0:
                return bytes(window)
            start += PAGE
        raise self._failed("its answer has no end")

    def _abort(self, place: int) -> None:
        self._said = self._text(place).decode("utf-8", "replace")[:300]
        raise RuntimeError(self._said)

    def _builtin(self, number: int, *_: Any) -> int:
        self._said = f"it calls builtin {number}, which only OPA itself has"
        raise RuntimeError(self._said)


_I32: Final = wasmtime.ValType.i32()
