"""Generator files: what they hold, and what can be wrong with them."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from sampler_helpers import make_sampler

from acgan.errors import RunError
from acgan.models import GENERATORS
from acgan.sampling import load_generator
from acgan.weights import GeneratorInfo, save_generator


@pytest.fixture(scope="module", params=[(kind, c) for kind in GENERATORS for c in (1, 3)], ids=str)
def any_sampler(request):
    return make_sampler(*request.param)


@pytest.fixture
def sampler():
    return make_sampler()


class TestFile:
    def test_holds_all_that_sampling_needs(self, any_sampler, tmp_path):
        save_generator(tmp_path / "generator.safetensors", any_sampler.generator, any_sampler.info)
        for path in (tmp_path, str(tmp_path / "generator.safetensors")):
            loaded = load_generator(path)
            assert loaded.info == any_sampler.info
            assert torch.equal(loaded.sample(4)[0], any_sampler.sample(4)[0])
            assert not any(parameter.requires_grad for parameter in loaded.parameters())

    @pytest.mark.parametrize(
        ("broken", "cause"),
        [
            (b"", "not a safetensors file"),
            (b"no such thing " * 50, "not a safetensors file"),
            (slice(-10), "not a whole one"),
            (slice(100), "not a whole one"),
            ({"acgan": None}, "no acgan metadata"),
            ({"acgan": "{"}, "metadata is damaged"),
            ({"acgan": "[]"}, "metadata is damaged"),
            ({"class_names": None}, "metadata is damaged"),
            ({"surprise": 1}, "metadata is damaged"),
            ({"format": 99}, "format 99; this version of acgan reads formats 1 and 2"),
            ({"format": None}, "metadata is damaged"),
            ({"class_names": ["cat"]}, "class_names: found (1,), expected (3,)"),
            ({"architecture": 3}, "metadata is damaged"),
            ({"mapping_layers": 2**31}, "found 2147483648 mapping layers"),
            (
                {"kind": "transformer"},
                "architecture cannot be built (there is no kind 'transformer'; there are paper",
            ),
            ({"kind": "paper"}, "architecture cannot be built"),
            ({"resolution": "large"}, "architecture cannot be built"),
            (
                {"channels": 8},
                "does not fit its architecture: blocks.1.conv1.bias: found (4,), expected (8,)",
            ),
            ({"resolution": 32, "channels": 2}, "blocks.2.conv1.bias: found none, expected (2,)"),
            ({"resolution": 8, "channels": 8}, "blocks.1.conv1.bias: found (4,), expected none"),
        ],
    )
    def test_what_can_be_wrong(self, sampler, tmp_path, broken, cause):
        file = tmp_path / "generator.safetensors"
        save_generator(file, sampler.generator, sampler.info)
        if isinstance(broken, bytes):
            file.write_bytes(broken)
        elif isinstance(broken, slice):
            file.write_bytes(file.read_bytes()[broken])
        else:
            save_file(load_file(file), file, metadata=changed_metadata(sampler.info, broken))
        with pytest.raises(RunError) as caught:
            load_generator(tmp_path)
        message = str(caught.value)
        assert cause in message
        assert str(file) in message
        assert "\n" not in message

    def test_missing(self, sampler, tmp_path):
        with pytest.raises(RunError, match=r"no such run or file.*`acgan train`"):
            load_generator(tmp_path / "nowhere" / "run")
        (tmp_path / "digits").mkdir()
        with pytest.raises(RunError, match="Did you mean 'digits'"):
            load_generator(tmp_path / "digit")
        with pytest.raises(RunError, match="from its first checkpoint on"):
            load_generator(tmp_path / "digits")
        save_generator(tmp_path / "digits" / "generator.safetensors", sampler.generator, sampler.info)
        with pytest.raises(RunError, match=r"Name one of the runs in it: .*digits\."):
            load_generator(tmp_path)


def changed_metadata(info: GeneratorInfo, change: dict) -> dict[str, str]:
    """Metadata with a value set, or taken away where it is None; a key it lacks belongs to the architecture."""
    values = {
        "architecture": dict(info.architecture),
        "class_names": list(info.class_names),
        "provenance": {},
        "normalisation": "",
        "product": "generator",
        "format": 1,
    }
    for key, value in change.items():
        if key == "acgan":
            return {"acgan": value} if value else {"other": "tool"}
        home = values["architecture"] if key in values["architecture"] else values
        home[key] = value
        if value is None:
            del home[key]
    return {"acgan": json.dumps(values)}
