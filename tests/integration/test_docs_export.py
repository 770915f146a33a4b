"""Every snippet of docs/export.md runs, from top to bottom, without the packages that it says it does without."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from run_helpers import acgan, classified, trained

PAGE = Path(__file__).parents[2] / "docs" / "export.md"
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="docs/ is in a checkout alone")


def _blocks() -> list[tuple[str, str]]:
    return re.findall(r"^```(\w+)\n((?s:.*?))^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_snippet_runs(nothing_at_hand: None, workdir: Path) -> None:
    pytest.importorskip("onnxruntime")
    trained(workdir / "runs" / "digits", {"monitor.num_per_class": 0})
    classified(workdir / "runs" / "classify-digits")
    printed = []
    for language, code in _blocks():
        if language == "bash":
            for line in code.splitlines():
                result = acgan(*shlex.split(line)[1:])
                assert result.exit_code == 0, result.output
            continue
        first = code.splitlines()[0]
        without = re.findall(r"\w+", first.partition("without")[2].replace(" and ", " "))
        blocked = f"import sys; sys.modules.update(dict.fromkeys({without}))\n"
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", blocked + code],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{code}\n{done.stderr}"
        printed.append(done.stdout.strip())
    of_state = "the last state, after 320 images shown"
    assert printed[0] == f"(16, 1, 16, 16) uint8 {of_state}"
    assert printed[1] == f"(16, 1, 16, 16) torch.uint8 {of_state}"
    assert printed[2] in {*"0123456789"}
    assert printed[3].endswith("(16, 1, 16, 16)")
