"""The page of ``acgan explore``: fields of many classes."""

from __future__ import annotations

import pytest

gr = pytest.importorskip("gradio", reason="no Gradio: pip install 'acgan[explore]'")

from acgan.exploring.page import _class_fields  # noqa: E402  # needs Gradio


@pytest.mark.parametrize(("number", "kind"), [(30, gr.CheckboxGroup), (31, gr.Dropdown)])
def test_many_classes_are_found_by_typing(number: int, kind: type) -> None:
    names = [(f"bird {label}", label) for label in range(number)]
    with gr.Blocks():
        chosen = _class_fields(names, judged=True)[0]
    assert type(chosen) is kind
    assert chosen.value == [0]
    assert [tuple(choice) for choice in chosen.choices] == names
    assert chosen.preprocess([1, 5]) == [1, 5]
