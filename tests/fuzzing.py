"""Cases at random for whatever reads files and arguments: how many, how long one may take, and how values are bent."""

from __future__ import annotations

import contextlib
import copy
import json
import shlex
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acgan.cli import main
from acgan.errors import UserError

_Case = TypeVar("_Case")
_SECONDS = 5.0
_LONGEST_MESSAGE = 5000
_DEEP = "@deep"  # stands for a list in lists, of which Python's own reader of JSON is hardly capable
_SETTINGS = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

#: Each reader gets this many cases, in `make test` and in `make test-slow`.
counted = pytest.mark.parametrize("count", [100, pytest.param(2000, marks=pytest.mark.slow)])

SCALARS: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        3,
        17,
        2**31,
        2**32,
        2**63,
        10**39,
        -(2**63),
        10**400,
        0.5,
        -0.0,
        1e-300,
    ),
    *(
        1e300,
        float("inf"),
        float("-inf"),
        float("nan"),
        "",
        " ",
        "x",
        "null",
        "1e5",
        "NaN",
        "\0",
        "\x85",
        "é",
    ),
    *("\u202e", "\x1b[2J", "\ud800", "x" * 5000, "7" * 5000, "..", "../x", "/", "/dev/zero", "a\nb"),
    _DEEP,
]
ODD: list[Any] = [
    *SCALARS,
    [],
    {},
    [[]],
    [1, 2],
    [[0, 1], [1, 2]],
    [None],
    {"": 1},
    {"kind": []},
    [{}],
    {"x": {}},
]
values = st.one_of(
    st.sampled_from(ODD),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.recursive(
        st.sampled_from(SCALARS),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ),
)
_PIECES = [
    *(
        b"",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\n",
        b"\r",
        b"\r\n",
        b"\t",
        b" ",
        b'"',
        b"'",
        b"\\",
    ),
    *(
        b",",
        b";",
        b"|",
        b":",
        b"[",
        b"]",
        b"{",
        b"}",
        b"1",
        b"-",
        b"NaN",
        b"Infinity",
        b"null",
        b"1e999",
        b"\\ud800",
    ),
    *(
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"7" * 5000,
        b"x" * 200_000,
        b"\xc3\xa9",
        b"\xed\xa0\x80",
        b"\x1b[2J",
    ),
    *(b"../", b"/dev/zero", b"sep=;\n", b"#"),
]


def answers(cases: st.SearchStrategy[_Case], check: Callable[[_Case], None], count: int) -> None:
    """Check this many cases, each of which must end in time."""

    @settings(_SETTINGS, max_examples=count)
    @given(case=cases)
    def each(case: _Case) -> None:
        with in_time():
            check(case)

    each()


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    """Fail what takes longer than a user waits, even if it would never end."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"no answer after {_SECONDS:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    started = time.perf_counter()
    signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.perf_counter() - started < _SECONDS  # also where a reader took the alarm for damage


def acgan(*arguments: str) -> Result:
    """Run a command, which must answer plainly whatever it was given."""
    result = CliRunner().invoke(main, list(arguments))
    told = f"{shlex.join(arguments)[:2000]}\n{result.output[-4000:]}"
    assert result.exit_code in (0, 1, 2), told
    assert "Traceback" not in result.output, told
    assert result.exit_code == 0 or "Error: " in result.stderr, told
    assert len(result.stderr) < _LONGEST_MESSAGE + 3 * sum(map(len, arguments)), told  # they are named in it
    return result


def refused(read: Callable[[], object]) -> bool:
    """True if a reader refuses what it is given with an error of ours, which is short and names something."""
    try:
        read()
    except UserError as error:
        told = str(error)
        assert 10 < len(told) < _LONGEST_MESSAGE, told[:2000]
        return True
    return False


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all keys and positions in nested tables and lists."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [one for key, child in inner for one in ((*path, key), *places(child, (*path, key)))]


@st.composite
def bent(draw: st.DrawFn, value: Any, most: int = 3) -> Any:
    """A value of JSON with a few changes: others in place of some, keys that lack or are new, more or fewer levels."""
    value = {"": copy.deepcopy(value)}
    for _ in range(draw(st.integers(1, most))):
        *path, key = draw(st.sampled_from(places(value) or [("",)]))
        table = value
        for part in path:
            table = table[part]
        change = draw(st.sampled_from(["value", "value", "delete", "nest", "unnest", "key", "deep", "twice"]))
        if change == "delete" and path:
            del table[key]
        elif change == "nest":
            table[key] = draw(st.sampled_from([{"x": table[key]}, [table[key]], {str(key): table[key]}]))
        elif change == "unnest" and isinstance(table[key], (dict, list)) and table[key]:
            table[key] = next(iter(table[key].values() if isinstance(table[key], dict) else table[key]))
        elif change == "key" and isinstance(table, dict) and path:
            table[draw(st.text(max_size=5) | st.just(str(key)[:-1]))] = table.pop(key)
        elif change == "deep":
            for _ in range(draw(st.sampled_from([5, 30, 90]))):
                table[key] = [table[key]]
        elif change == "twice" and isinstance(table[key], list):
            table[key] = table[key] * 2
        else:
            table[key] = copy.deepcopy(draw(values))
    return value[""]


@st.composite
def damaged(
    draw: st.DrawFn, content: bytes, pieces: Sequence[bytes] = tuple(_PIECES), most: int = 3
) -> bytes:
    """Bytes with a few changes: pieces put in, removed or repeated, bits flipped, the end cut off."""
    for _ in range(draw(st.integers(0, most))):
        at = draw(st.integers(0, len(content)))
        to = min(len(content), at + draw(st.sampled_from([0, 1, 1, 4, 40])))
        change = draw(st.sampled_from(["put", "put", "flip", "cut", "remove", "repeat"]))
        if change == "put":
            content = content[:at] + draw(st.sampled_from(pieces)) + content[to:]
        elif change == "flip" and at < len(content):
            content = content[:at] + bytes([content[at] ^ draw(st.integers(1, 255))]) + content[at + 1 :]
        elif change == "cut":
            content = content[:at]
        elif change == "remove":
            content = content[:at] + content[to:]
        else:
            content = content[:to] + content[at:]
    return content


def instead_of(file: Path, read: Callable[[], object]) -> Callable[[bytes], None]:
    """A check that writes a case to a file, reads, and puts back what was there."""
    whole = file.read_bytes()

    def check(content: bytes) -> None:
        file.write_bytes(content)
        try:
            read()
        finally:
            file.write_bytes(whole)

    return check


def json_bytes(value: Any) -> bytes:
    """JSON as other programs write it, with NaN, and halves of surrogates as escapes."""
    return json.dumps(value).encode().replace(f'"{_DEEP}"'.encode(), b"[" * 900 + b"]" * 900)


def strict_json(text: str) -> Any:
    """The value of a text that any reader of JSON takes: without NaN and Infinity."""

    def stop(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=stop)


@st.composite
def json_texts(draw: st.DrawFn, value: Any) -> bytes:
    """A JSON text whose values are bent, or its bytes damaged, or both."""
    content = json_bytes(draw(bent(value)) if draw(st.integers(0, 3)) else value)
    return draw(damaged(content, most=2)) if draw(st.integers(0, 2)) == 0 else content
