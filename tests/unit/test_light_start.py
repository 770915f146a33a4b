"""What a light start must not load, and what can be imported after it."""

import subprocess
import sys

import pytest

HEAVY = {
    "torch",
    "torchvision",
    "numpy",
    "pydantic",
    "rich",
    "jinja2",
    "PIL",
    "scipy",
    "sklearn",
    "tensorboard",
    "matplotlib",
    "pandas",
    "pyarrow",
}
CLI = "from acgan.cli import main; main({}, standalone_mode=False)"


@pytest.mark.parametrize(
    "start",
    [
        "import acgan; acgan.__version__",
        "import acgan; dir(acgan)",
        "import acgan.metrics.catalogue",
        CLI.format(["--help"]),
        CLI.format(["--version"]),
        *(
            CLI.format([command, "--help"])
            for command in (
                *("train", "sample", "evaluate", "report", "fid", "compare", "table", "plot", "classify"),
                *("data", "config"),
                *("sweep", "export", "explore", "info", "benchmark", "doctor", "completion"),
            )
        ),
    ],
)
def test_a_light_start_loads_nothing_heavy(start: str) -> None:
    command = [sys.executable, "-c", f"{start}; import sys; print('loaded', *sys.modules)"]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    loaded = out.splitlines()[-1].split()
    assert "acgan" in loaded
    assert not HEAVY & set(loaded)


def test_the_configuration_needs_no_torch() -> None:
    script = "import acgan.config; acgan.config.RunConfig(); import sys; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "pydantic" in out.split()
    assert not {"torch", "numpy"} & set(out.split())


@pytest.mark.parametrize("module", ["acgan.sampling", "acgan.api"])
def test_only_drawing_loads_matplotlib(module: str) -> None:
    script = f"import {module}; import sys; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "acgan.plots.grid" in out.split()
    assert "matplotlib" not in out.split()


def test_after_acgan_torchvision_can_be_imported_by_anyone() -> None:
    """Beside a CPU build of torch, torchvision's default wheel cannot be imported alone."""
    script = "import acgan; import torchvision; print(torchvision.models.resnet18().fc.out_features)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "1000"), done.stderr
