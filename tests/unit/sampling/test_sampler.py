"""Sampling: the same bytes whatever else is drawn, classes by name, pictures."""

import random
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from sampler_helpers import CLASSES, make_sampler
from torch import nn

from acgan import parallel
from acgan.errors import UserError
from acgan.models import GENERATORS
from acgan.plots.grid import to_uint8
from acgan.plots.page import ClassPage
from acgan.sampling import CHUNK, class_latents, grid, load_generator
from acgan.sampling import sampler as sampler_module
from acgan.weights import save_generator


def all_of(sampler, label, count, **options):
    return torch.cat([images for _, images in sampler.stream(label, count, **options)])


@pytest.fixture(scope="module", params=[(kind, c) for kind in GENERATORS for c in (1, 3)], ids=str)
def any_sampler(request):
    return make_sampler(*request.param)


@pytest.fixture
def sampler():
    return make_sampler()


@pytest.fixture
def _settings_of_a_gpu(monkeypatch):
    """Sampling on the CPU sets what it would set on a GPU."""
    reproducible = sampler_module._reproducible
    monkeypatch.setattr(sampler_module, "_reproducible", lambda _: reproducible(torch.device("cuda")))


class TestSample:
    def test_an_image_is_a_function_of_seed_class_and_index(self, any_sampler):
        whole = all_of(any_sampler, 1, CHUNK + 3, seed=5)
        assert whole.float().std(dim=0).mean() > 5, "images that are all alike would prove nothing"
        assert torch.equal(all_of(any_sampler, 1, 2, seed=5), whole[:2])
        mixed, labels = any_sampler.sample(7, seed=5)
        assert labels.tolist() == [0, 1, 2, 0, 1, 2, 0]
        assert torch.equal(mixed[labels == 1], whole[:2])
        alone, labels = any_sampler.sample(CHUNK + 1, "dog", seed=5)
        assert torch.equal(alone, whole[: CHUNK + 1])
        assert labels.unique().tolist() == [1]

    def test_images_are_uint8_of_the_generators_shape(self, any_sampler):
        images, labels = any_sampler.sample(4)
        side, channels = any_sampler.generator.resolution, any_sampler.generator.image_channels
        assert images.shape == (4, channels, side, side)
        assert (images.dtype, labels.dtype) == (torch.uint8, torch.int64)

    def test_portions_are_counted_by_their_first_index(self, sampler):
        portions = [(start, len(images)) for start, images in sampler.stream(0, 2 * CHUNK + 1)]
        assert portions == [(0, CHUNK), (CHUNK, CHUNK), (2 * CHUNK, 1)]

    def test_portions_have_the_latents_of_their_number(self, sampler):
        z = class_latents(sampler.generator, 1, 1, seed=5, truncation=0.7)
        second = sampler.draw(z, torch.full((CHUNK,), 1))
        assert torch.equal(all_of(sampler, 1, 2 * CHUNK, seed=5, truncation=0.7)[CHUNK:], second)

    def test_classes_take_turns_beyond_a_portion(self, sampler):
        images, _ = sampler.sample(2 * CHUNK + 6, [0, 1])
        for turn in range(2):
            assert torch.equal(images[turn::2], all_of(sampler, turn, CHUNK + 3))

    def test_classes_take_turns_in_the_order_given_and_count_once(self, sampler):
        images, labels = sampler.sample(5, ["1", 0, "1", "cat"])
        assert labels.tolist() == [2, 0, 2, 0, 2]
        assert torch.equal(images[1::2], all_of(sampler, 0, 2))

    def test_seeds_and_classes_differ(self, sampler):
        drawn = [all_of(sampler, label, 1, seed=seed) for label in (0, 1) for seed in (0, 1)]
        assert all(not torch.equal(a, b) for i, a in enumerate(drawn) for b in drawn[:i])

    def test_truncation_scales_the_latents(self, sampler):
        z = class_latents(sampler.generator, 2, 1, seed=3, truncation=1.0)
        assert torch.equal(class_latents(sampler.generator, 2, 1, seed=3, truncation=0.5), z * 0.5)
        assert z.shape == (CHUNK, 8)
        spread = [all_of(sampler, 0, 20, truncation=psi).float().std(dim=0).mean() for psi in (0.1, 1.0)]
        assert spread[0] < spread[1] / 2

    @pytest.mark.parametrize("truncation", [0.0, -1.0, 1.1, float("nan")])
    def test_truncation_out_of_range(self, sampler, truncation):
        with pytest.raises(UserError, match="above 0 and at most 1"):
            sampler.sample(1, truncation=truncation)

    def test_nothing_to_draw(self, sampler):
        with pytest.raises(UserError, match="num: found 0"):
            sampler.sample(0)
        with pytest.raises(UserError, match="classes: found none"):
            sampler.sample(1, [])

    def test_global_random_state_is_neither_read_nor_changed(self, tmp_path):
        file = tmp_path / "g.safetensors"
        made = make_sampler("dcgan")
        save_generator(file, made.generator, made.info)
        drawn = []
        for seed in (1, 2):
            torch.manual_seed(seed), np.random.seed(seed), random.seed(seed)  # noqa: NPY002
            before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
            drawn.append(load_generator(file).sample(3)[0])
            assert torch.equal(before[0], torch.get_rng_state())
            assert before[1:] == (np.random.get_state()[1].tolist(), random.getstate())  # noqa: NPY002
        assert torch.equal(*drawn)


class TestCores:
    @pytest.mark.parametrize("cores", [1, 2, 3])
    def test_bytes_are_those_of_one_portion_after_another(self, any_sampler, cores):
        expected = {}
        with parallel.using_cores(1), torch.no_grad():  # and one of torch's own threads
            for label, count in ((2, 3 * CHUNK), (0, CHUNK + 5)):
                images = []
                for chunk in range(-(-count // CHUNK)):
                    z = class_latents(any_sampler.generator, label, chunk, seed=3, truncation=0.9)
                    images.append(to_uint8(any_sampler.generator(z, torch.full((CHUNK,), label))))
                expected[label] = torch.cat(images)[:count]
        counts = {label: len(images) for label, images in expected.items()}
        with parallel.using_cores(cores):
            drawn = list(any_sampler.stream_classes(counts, seed=3, truncation=0.9))
            last = any_sampler.image(0, CHUNK + 4, seed=3, truncation=0.9)
        assert [(label, start, len(images)) for label, start, images in drawn] == [
            *((2, start, CHUNK) for start in (0, CHUNK, 2 * CHUNK)), (0, 0, CHUNK), (0, CHUNK, 5),
        ]  # fmt: skip
        for label, wanted in expected.items():
            assert torch.equal(torch.cat([images for of, _, images in drawn if of == label]), wanted)
        assert torch.equal(last, expected[0][CHUNK + 4])

    def test_threads_of_the_caller_are_left_alone(self, sampler):
        before = torch.get_num_threads()
        seen = set()
        sampler.generator.register_forward_hook(lambda *_: seen.add(torch.get_num_threads()))
        torch.set_num_threads(3)
        try:
            sampler.sample(2)
            assert torch.get_num_threads() == 3
        finally:
            torch.set_num_threads(before)
        assert seen == {1}

    @pytest.mark.parametrize("cores", [1, 3])
    def test_a_long_stream_is_drawn_only_a_little_ahead(self, sampler, cores):
        drawn = []
        sampler.generator.register_forward_hook(lambda *_: drawn.append(None))
        with parallel.using_cores(cores):
            stream = sampler.stream(0, 10**9)
            for _ in range(5):
                next(stream)
            stream.close()
            assert len(drawn) <= 5 + cores + 1

    def test_an_interrupted_consumer_leaves_no_busy_thread(self, sampler):
        drawn = []
        sampler.generator.register_forward_hook(lambda *_: drawn.append(None))

        def consume():
            for start, _ in sampler.stream(0, 10**9):
                if start == 5 * CHUNK:
                    raise KeyboardInterrupt

        with parallel.using_cores(2), pytest.raises(KeyboardInterrupt):
            consume()
        time.sleep(0.2)  # what had begun is done, and nothing else begins
        assert len(drawn) <= 6 + 2 + 1


class TestModule:
    def test_stays_in_eval_mode(self):
        sampler = make_sampler("dcgan")
        expected, state = sampler.sample(3)[0], {k: v.clone() for k, v in sampler.state_dict().items()}
        nn.Sequential(sampler).train()
        assert not any(module.training for module in sampler.modules())
        assert torch.equal(sampler.sample(3)[0], expected)
        assert all(torch.equal(value, state[name]) for name, value in sampler.state_dict().items())

    def test_moves_and_loads_like_any_module(self, sampler):
        other = make_sampler(seed=1)
        assert not torch.equal(other.sample(2)[0], sampler.sample(2)[0])
        other.load_state_dict(sampler.state_dict())
        assert torch.equal(other.sample(2)[0], sampler.sample(2)[0])
        exact = other.to(torch.float64).sample(2)[0]
        assert (exact.int() - sampler.sample(2)[0].int()).abs().max() <= 1

    def test_forward_gives_images_for_given_latents(self, sampler):
        z, y = class_latents(sampler.generator, 1, 0, seed=0, truncation=1.0), torch.full((CHUNK,), 1)
        assert torch.equal(to_uint8(sampler(z, y)), all_of(sampler, 1, CHUNK))

    @pytest.mark.usefixtures("_settings_of_a_gpu")
    def test_sampling_keeps_cudnns_settings_and_no_graph(self, sampler):
        cudnn = torch.backends.cudnn
        before = cudnn.deterministic, cudnn.benchmark
        cudnn.benchmark = True
        try:
            assert not sampler.sample(1)[0].requires_grad
            assert (cudnn.deterministic, cudnn.benchmark) == (before[0], True)
        finally:
            cudnn.benchmark = before[1]

    @pytest.mark.skipif(
        not hasattr(torch.backends.cudnn, "conv"), reason="torch before 2.9 has another switch"
    )
    @pytest.mark.usefixtures("_settings_of_a_gpu")
    def test_float32_is_not_rounded_to_tf32(self, sampler):
        heard = self._hear(sampler, lambda: torch.backends.cudnn.conv.fp32_precision)
        sampler.sample(1)
        assert set(heard) == {"ieee"}
        assert torch.backends.cudnn.conv.fp32_precision != "ieee", "as it was before"

    @pytest.mark.usefixtures("_settings_of_a_gpu")
    def test_algorithms_of_cudnn_add_in_the_same_order_each_time(self, sampler):
        cudnn = torch.backends.cudnn
        heard = self._hear(sampler, lambda: (cudnn.deterministic, cudnn.benchmark))
        sampler.sample(1)
        assert set(heard) == {(True, False)}

    def test_on_a_cpu_settings_that_other_threads_share_are_left_alone(self, sampler, monkeypatch):
        cudnn = torch.backends.cudnn
        monkeypatch.setattr(cudnn, "benchmark", True)
        heard = self._hear(sampler, lambda: (cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32))
        sampler.sample(1)
        assert set(heard) == {(cudnn.deterministic, True, cudnn.allow_tf32)}

    @staticmethod
    def _hear(sampler, setting):
        """A setting, once each convolution has run."""
        heard = []
        for module in sampler.generator.modules():
            if isinstance(module, nn.Conv2d):
                module.register_forward_hook(lambda *_: heard.append(setting()))
        return heard


class TestClasses:
    def test_by_name_by_index_and_a_name_wins(self, sampler):
        assert sampler.labels_of("dog") == [1]
        assert sampler.labels_of([2, "0"]) == [2, 0]
        assert sampler.labels_of("1") == [2], "a class called 1"
        assert sampler.labels_of(1) == [1]
        assert sampler.labels_of(None) == [0, 1, 2]

    def test_numpys_and_torchs_integers_are_labels(self, sampler):
        for given in (np.int64(2), np.array([2]), torch.tensor(2), torch.tensor([2]), [np.int64(2)]):
            assert sampler.labels_of(given) == [2]

    def test_a_name_as_macos_writes_it(self, sampler):
        sampler.info = replace(sampler.info, class_names=("caf\u00e9", "dog", "1"))
        assert sampler.labels_of("cafe\u0301") == [0]

    @pytest.mark.parametrize("name", ["dgo", 3, "3", -1, "²"])
    def test_unknown(self, sampler, name):
        with pytest.raises(UserError) as caught:
            sampler.labels_of(["cat", name])
        assert all(repr(known) in str(caught.value) for known in CLASSES)

    def test_nearest_come_first(self, sampler):
        with pytest.raises(UserError, match="'dog', 'cat', '1'"):
            sampler.labels_of("dogg")


class TestPictures:
    def test_uint8_rounds_and_clamps(self):
        x = torch.tensor([-1.5, -1.0, 0.0, 1 / 255, 1.0, 2.0])
        assert to_uint8(x).tolist() == [0, 0, 128, 128, 255, 255]  # 127.5 rounds to even

    def test_grid_shows_the_same_images_as_sample(self, any_sampler):
        images = torch.cat([all_of(any_sampler, label, 2) for label in (0, 1)])
        page = ClassPage.planned(any_sampler.class_names[:2], 2, images.shape[-1])
        expected, shown = page.draw(images), grid(any_sampler, 2, max_classes=2)
        assert shown.shape == expected.shape
        assert (shown.int() - expected.int()).abs().max() <= 1
