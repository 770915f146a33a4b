"""``acgan export --format projector``: points of D's features, as TensorBoard's own projector reads them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from run_helpers import acgan, trained
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.projector.projector_plugin import ProjectorPlugin
from werkzeug.test import Client
from werkzeug.wrappers import Response

from acgan.api.projector import export_projector
from acgan.assembly.backbones import read_discriminator
from acgan.errors import UserError
from acgan.sampling import load_generator

N = 3


@pytest.fixture(scope="module")
def run(nothing_at_hand: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("projector") / "a-run", {"monitor.num_per_class": 0})


@pytest.fixture(scope="module")
def folder(run: Path) -> Path:
    result = acgan("export", str(run), "--format", "projector", "-n", str(N), "--seed", "4")
    assert result.exit_code == 0, result.output
    assert f"for {10 * N} samples and {10 * N} held-out images" in result.output
    return run / "tensorboard" / "projector"


def test_points_are_d_s_features_of_what_their_rows_say(run: Path, folder: Path) -> None:
    (tensors,) = folder.rglob("tensors.tsv")
    points = np.loadtxt(tensors, delimiter="\t")
    header, *rows = [line.split("\t") for line in tensors.with_name("metadata.tsv").read_text().splitlines()]
    assert header == ["class", "image", "D's class", "D's adversarial logit"]
    assert len(points) == len(rows) == 2 * 10 * N
    d, names = read_discriminator(run)
    images, labels = load_generator(run).sample(10 * N, seed=4)
    with torch.no_grad():
        out = d.eval()(images / 127.5 - 1, labels)
    np.testing.assert_allclose(points[: 10 * N], out.features, rtol=1e-4, atol=1e-5)
    assert [row[0] for row in rows[: 10 * N]] == [names[label] for label in labels]
    assert [row[1] for row in rows] == ["generated"] * 10 * N + ["held out"] * 10 * N
    assert [row[2] for row in rows[: 10 * N]] == [names[guess] for guess in out.aux.logits.argmax(1)]
    assert [float(row[3]) for row in rows[: 10 * N]] == pytest.approx(out.adv.tolist(), rel=0.01, abs=1e-3)
    assert [row[0] for row in rows[10 * N :]] == [name for name in names for _ in range(N)]


def test_tensorboard_shows_it(run: Path, folder: Path) -> None:
    multiplexer = EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(run / "tensorboard"))
    multiplexer.Reload()
    from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider

    provider = MultiplexerDataProvider(multiplexer, str(run / "tensorboard"))
    plugin = ProjectorPlugin(TBContext(logdir=str(run / "tensorboard"), data_provider=provider))
    pages = plugin.get_plugin_apps()

    def asked(page: str, **query: str) -> Response:
        return Client(pages[page], Response).get("/", query_string=query)

    assert json.loads(asked("/runs").data) == ["projector"]
    (embedding,) = json.loads(asked("/info", run="projector").data)["embeddings"]
    name = embedding["tensorName"]
    assert embedding["tensorShape"] == [2 * 10 * N, embedding["tensorShape"][1]]
    assert len(asked("/metadata", run="projector", name=name).data.splitlines()) == 2 * 10 * N + 1
    assert asked("/sprite_image", run="projector", name=name).data[1:4] == b"PNG"


def test_what_is_there_is_replaced_only_with_force(run: Path, folder: Path, tmp_path: Path) -> None:
    args = ("export", str(run), "--format", "projector", "-n", "1")
    assert "exists already" in acgan(*args).output
    assert acgan(*args, "--force").exit_code == 0
    assert not list(folder.parent.glob(".*"))
    other = tmp_path / "mine"
    other.mkdir()
    (other / "notes.txt").write_text("keep")
    result = acgan(*args, "--out", str(other), "--force")
    assert result.exit_code == 1
    assert "no folder that --format projector wrote" in result.output
    assert (other / "notes.txt").read_text() == "keep"


def test_refusals(run: Path, tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match="more than the 262,144 whose pictures TensorBoard takes; expected at most"
    ):
        export_projector(run, tmp_path / "a", num_per_class=10**6)
    with pytest.raises(UserError, match=r"expected a run directory of `acgan train`"):
        export_projector(run / "generator.safetensors", tmp_path / "a")
    bare = tmp_path / "bare"
    shutil.copytree(run, bare, ignore=shutil.ignore_patterns("checkpoints", "projector"))
    with pytest.raises(UserError, match="no checkpoint in it"):
        export_projector(bare, tmp_path / "a")
    assert not (tmp_path / "a").exists()
