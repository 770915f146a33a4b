"""The table of classes: whose images are with_noun, in which columns, and how it looks in 80 columns."""

from __future__ import annotations

import numpy as np
import pytest
from rich.cells import cell_len

from acgan.api.class_table import class_table, count_classes, left_out_line, with_noun
from acgan.api.inputs import summary_line, tell_about
from acgan.types import DataReport, Dataset, ImageStore, LeftOut, Reading, SkippedImage


def _store(counts: list[int], names: list[str] | None = None) -> ImageStore:
    labels = np.repeat(np.arange(len(counts)), counts)
    class_names = tuple(names or [f"c{label}" for label in range(len(counts))])
    return ImageStore(np.zeros((len(labels), 1, 16, 16), np.uint8), labels, class_names, "0" * 32)


def _dataset(train: list[int], test: list[int], names: list[str] | None = None, **more: object) -> Dataset:
    return Dataset("set", _store(train, names), _store(test, names), **more)  # type: ignore[arg-type]


def _report(unused: dict[str, dict[str, int]], *left_out: LeftOut) -> DataReport:
    return DataReport(Reading("splits", "train/ and test/", "folders", "", left_out, unused), ())


def test_numbers_stand_below_each_other() -> None:
    assert class_table(_dataset([3, 1200], [0, 40], ["cat", "dog"])).splitlines() == [
        "class  train  test",
        "cat        3     0",
        "dog    1,200    40",
        "all    1,203    40",
    ]


def test_samples_alone_are_no_training_images() -> None:
    samples = _dataset([3, 2], [0, 0], ["cat", "dog"], num_generated=5)
    assert class_table(samples).splitlines()[:2] == ["class  generated  test", "cat            3     0"]
    assert summary_line(samples).startswith("set: 5 generated images, 2 classes")
    mixed = _dataset([3, 2], [0, 0], ["cat", "dog"], num_generated=2)
    assert count_classes(mixed).parts == ("train", "generated", "test")
    assert summary_line(mixed).startswith("set: 5 training images, 2 classes")


def test_validation_and_generated_images_have_columns() -> None:
    dataset = _dataset([3, 2, 3, 2], [1, 1, 1, 1], validation=_store([1, 0, 0, 0]), num_generated=4)
    found = count_classes(dataset)
    assert found.parts == ("train", "generated", "validation", "test")
    # The last four training images are generated: two of the last class, two of the one before.
    assert found.counts.tolist() == [[3, 0, 1, 1], [2, 0, 0, 1], [1, 2, 0, 1], [0, 2, 0, 1]]
    assert found.rows()[-1] == ("all", [6, 4, 1, 4])


def test_parts_that_are_not_used_are_counted_too() -> None:
    report = _report({"val": {"cat": 5, "dog": 6}, "extra": {"fox": 7, "cat": 1}})
    lines = class_table(_dataset([3, 2], [1, 1], ["cat", "dog"], report=report)).splitlines()
    assert lines[0].split("  ")[-2:] == ["val (not used)", "extra (not used)"]
    rows = {line[:15].strip(): line[15:].split() for line in lines[1:]}
    assert rows == {
        "cat": ["3", "1", "5", "1"],
        "dog": ["2", "1", "6", "0"],
        "(other classes)": ["0", "0", "0", "7"],
        "all": ["5", "2", "11", "8"],
    }


@pytest.mark.parametrize(("number", "lines"), [(20, 22), (21, 23), (500, 23)])
def test_twenty_classes_are_shown_and_the_others_summed_up(number: int, lines: int) -> None:
    table = class_table(_dataset([2] * number, [1] * number)).splitlines()
    assert len(table) == lines
    assert table[-1].split() == ["all", f"{2 * number:,}", str(number)]
    assert ("more" in table[-2]) == (number > 20)
    if number > 20:
        left = number - 20
        assert table[-2].split() == ["and", str(left), "more", str(2 * left), str(left)]


def test_long_wide_and_odd_names_fit_80_columns() -> None:
    names = ["x" * 100, "日本" * 40, "a\nb", "[bold]cat[/bold] :cat:", "\udcff"]
    table = class_table(_dataset([1, 1000, 1, 1, 1], [1] * 5, names))
    assert max(map(cell_len, table.splitlines())) <= 80
    joined = "".join(line.split("  ")[0] for line in table.splitlines())
    assert names[0] in joined
    assert names[1] in joined
    assert r"a\nb" in joined
    assert r"\udcff" in joined
    assert names[3] in joined
    table.encode()


def test_what_is_told_of_data_and_in_which_order() -> None:
    left = LeftOut("hidden files", 1200, (".a", ".b"))
    dataset = _dataset(
        [1], [0], ["cat"], report=_report({}, left), warnings=("doubt",), notes=("remark",),
        skipped=(SkippedImage("cat/x.png", "it is empty"),),
    )  # fmt: skip
    said: list[str] = []
    tell_about(dataset, said.append, lambda message: said.append(f"warning: {message}"))
    assert said == [
        "read as splits: train/ and test/",
        "set: 1 training image, 1 class, gray, 16 px",
        "class  train  test\ncat        1     0\nall        1     0",
        "warning: doubt",
        "left out: hidden files: 1,200 (.a, .b, …)",
        "remark",
        "skipped cat/x.png: it is empty",
    ]


def test_words() -> None:
    assert [with_noun(number, "class", "classes") for number in (0, 1, 2000)] == [
        "0 classes",
        "1 class",
        "2,000 classes",
    ]
    assert left_out_line(LeftOut("hidden files", 2)) == "left out: hidden files: 2"
    assert left_out_line(LeftOut("hidden files", 1, ("a\n\x1b",))) == r"left out: hidden files: 1 (a\n\x1b)"
