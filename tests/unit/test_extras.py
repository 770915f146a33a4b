"""Optional packages: the command that installs them, with the versions that acgan is tested with in a checkout."""

from pathlib import Path

import pytest

from acgan import extras


def test_the_command_takes_the_tested_versions_where_they_are_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = tmp_path / "the checkout"
    checkout.mkdir()
    monkeypatch.setattr(extras, "_CONSTRAINTS", checkout / "constraints.txt")
    assert extras.install_command("explore") == "pip install 'acgan[explore]'", "installed without a checkout"
    (checkout / "constraints.txt").write_text("gradio==6.31.0\n")
    monkeypatch.chdir(tmp_path)
    assert extras.install_command("explore") == (
        f"pip install -c '{checkout / 'constraints.txt'}' 'acgan[explore]'"
    )
    monkeypatch.chdir(checkout)
    assert extras.install_command("explore") == "pip install -c constraints.txt 'acgan[explore]'"
