"""Documents that no configuration is: each is refused at once, in a line that says where and what."""

import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from acgan.cli import main
from acgan.config import RunConfig, load
from acgan.errors import ConfigError


def _print_config(*arguments: str) -> Result:
    started = time.perf_counter()
    result = CliRunner().invoke(main, ["train", *arguments, "--print-config"])
    assert time.perf_counter() - started < 5
    return result


NESTED_LISTS = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 15)
)
NESTED_MAPS = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{{', '.join(f'k{key}: *a{n - 1}' for key in range(10))}}}\n" for n in range(1, 15)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 15)
)
JSON_FLOW = (
    "{"
    + ", ".join(
        ['"a0": &a0 ["x"]', *(f'"a{n}": &a{n} [{", ".join([f"*a{n - 1}"] * 10)}]' for n in range(1, 15))]
    )
    + "}"
)
IN_A_VALUE = (
    "data.classes="
    + "[" * 1
    + ", ".join(["&a0 [x]", *(f"&a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 15))])
    + "]"
)


@pytest.mark.parametrize("text", [NESTED_LISTS, NESTED_MAPS, MERGES, JSON_FLOW])
def test_aliases_that_unfold_to_billions(text: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    result = _print_config(str(tmp_path / "mine.yaml"))
    assert result.exit_code == 1
    assert "mine.yaml: line " in result.stderr
    assert "each alias written out; expected 50,000 or fewer" in result.stderr


def test_aliases_in_an_option() -> None:
    result = _print_config("--set", IN_A_VALUE)
    assert result.exit_code == 1
    assert "each alias written out; expected 50,000 or fewer" in result.stderr


def test_an_alias_of_a_long_text_counts_its_characters(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(f"a: &a {'x' * 1000}\nb: [{', '.join(['*a'] * 2000)}]\n")
    with pytest.raises(ConfigError, match=r"line 2: found .* characters, each alias written out"):
        load(RunConfig, tmp_path / "mine.yaml")


ADAM = "optim:\n  generator: &adam {lr: 1e-4}\n  discriminator: "


@pytest.mark.parametrize(
    "discriminator", ["*adam", "{<<: *adam}", "{<<: [*adam], eps: 1.0e-8}", "{<<: *adam, lr: 1e-4}"]
)
def test_aliases_as_people_use_them_are_fine(discriminator: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(f"{ADAM}{discriminator}\n")
    assert load(RunConfig, tmp_path / "mine.yaml").optim.discriminator.lr == 1e-4


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("train:\n  batch_size: 3\n  batch_size: 4", "line 3: the key 'batch_size' is there twice, first in line 2"),
        ("seed: 1\ntrain: {}\nseed: 1", "line 3: the key 'seed' is there twice, first in line 1; expected it once"),
        ("data: {classes: [{1: [a], '1': [b]}]}", "line 1: the key '1' is there twice"),
        ("train: &a\n  b: *a", "line 2: found *a within &a itself; expected an alias of another part"),
        ("train: &a [*a]", "line 1: found *a within &a itself"),
        ("seed: *nowhere", "line 1: not valid YAML: found undefined alias 'nowhere'"),
        ("\nseed: " + "[" * 10_000, "line 2: found more than 20 levels; expected fewer"),
        ("seed: " + "{a: " * 10_000, "line 1: found more than 20 levels"),
        ("- " * 10_000 + "1", "line 1: found more than 20 levels"),
        ("\n".join(f"{' ' * n}a:" for n in range(1000)), "line 20: found more than 20 levels"),
        ("seed: 2026-13-45", "line 1: seed: found '2026-13-45'; expected a whole number"),
        ("seed: !!timestamp 2026-13-45", "line 1: not valid YAML: found the tag !!timestamp; expected values without"),
        ("seed: !!int x", "line 1: found 'x' with a tag; expected a whole number"),
        ("seed: !!float x", "line 1: found 'x' with a tag; expected a number"),
        ("seed: !!bool x", "line 1: found 'x' with a tag; expected true or false"),
        ("seed: !!null x", "line 1: found 'x' with a tag; expected null"),
        ("seed: !!binary '***'", "found the tag !!binary"),
        ("train: !!set {a, b}", "found the tag !!set"),
        ("train: !!omap [a: 1]", "found the tag !!omap"),
        ("seed: !mine 3", "found the tag !mine"),
        ("seed: !!python/object/apply:os.system ['true']", "line 1: not valid YAML: found the tag"),
        ("seed: !!python/name:os.system", "line 1: not valid YAML: found the tag"),
        ("\n\nseed: " + "7" * 5000, "line 3: found a number of 5,000 characters; expected 40 or fewer"),
        ("seed: " + "7" * 5000 + "e3", "line 1: found a number of 5,002 characters"),
        ("seed: 1e999", "line 1: found '1e999', too large for a number; expected a finite one"),
        ("task: [gan]", "line 1: task: found ['gan']; expected one of gan"),
        ("task: {gan: 1}", "line 1: task: found {'gan': 1}; expected one of gan"),
        ("task: 3", "line 1: task: found 3; expected one of gan"),
        ("train:\n\tbatch_size: 3", "line 2: not valid YAML: found character '\\t'"),
        ("seed: 3\0", "line 1: not valid YAML: found the character 0x0000"),
        ('seed: "\\0"', "line 1: found '\\x00', with a character that no text may have"),
        ('data: {source: "\\ud800"}', "line 1: found '\\ud800', with a character that no text may have"),
        ('data: {source: "\\U99999999"}', "not valid YAML: "),
        ("seed: 3".encode("utf-16"), "found UTF-16; expected text in UTF-8"),
        (b"seed: 3\ndata: {source: caf\xe9}", "line 2: not valid YAML: found the byte 0xe9; expected text in UTF-8"),
        ("[1, 2]", "found a list; expected sections of keys"),
        ("just words", "found 'just words'; expected sections of keys"),
        ("seed: 1\n---\nseed: 2", "line 2: not valid YAML: but found another document"),
        ("optim: {generator: {lr: .inf}}", "line 1: optim.generator.lr: found '.inf'; expected a number above 0"),
        ("optim: {generator: {lr: .nan}}", "line 1: optim.generator.lr: found '.nan'; expected a number above 0"),
        ("loss: {classification: {weight_g: .nan}}", "loss.classification.weight_g: found '.nan'; expected a number"),
        ("1: 2", "line 1: unknown key 1."),
        ("null: 3", "line 1: unknown key null."),
        ("0.5: 3", "line 1: unknown key 0.5."),
        ("true: 3", "line 1: unknown key true."),
        ("? " + "k" * 200_000 + "\n: 3", "line 1: unknown key 'kkkk"),
        ('"a\\nb": 3', "line 1: unknown key 'a\\nb'."),
        (": 3", "line 1: not valid YAML: expected <block end>, but found ':'"),
        ("? \n: 3", "line 1: unknown key ."),
        ("loss: {1: 2}", "line 1: unknown key loss.1."),
        ("[a]: b", "line 1: found a list as a key; expected a name"),
        ("{a: b}: c", "line 1: found a table of keys as a key; expected a name"),
        ("? [a]\n: b", "line 1: found a list as a key; expected a name"),
        ("seed: 3\ntrain: 2", "line 2: train: found 2; expected a section of keys, as in {batch_size: 64}"),
        ("loss: {penalty: {kind: [zero_centered]}}", "line 1: loss.penalty.kind: found ['zero_centered']; expected"),
        ("loss: {penalty: {kind: {a: b}}}", "line 1: loss.penalty.kind: found {'a': 'b'}; expected"),
        ("augment: {kind: 3}", "augment.kind: found 3; expected one of diff_augment, ada"),
        ("<<: 3", "line 1: not valid YAML: expected a mapping or list of mappings for merging, but found scalar"),
        ("seed: <<", "line 1: "),
        ("seed: =", "line 1: seed: found '='; expected a whole number"),
        ("description: 5", "line 1: description: found 5; expected a text; quotes make one of a number, as in '3'"),
        ("x" * 1_000_001, "found 1,000,001 characters; expected 1,000,000 or fewer in a configuration"),
    ],
)  # fmt: skip
def test_an_odd_document_is_refused_in_a_line(content: str | bytes, told: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    result = _print_config(str(file))
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith(f"Error: {file}: ")
    assert told in result.stderr
    assert (
        "; expected " in result.stderr
        or "not valid YAML" in result.stderr
        or "unknown key" in result.stderr
        or "no text may" in result.stderr
    )
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert len(result.stderr) < 2000


@pytest.mark.parametrize(
    "value",
    ["train=2", "train=[1]", "train=text", "train=", "train=null", "loss=3", "optim.generator=0.1"],
)
def test_a_later_option_does_not_heal_a_wrong_section(value: str) -> None:
    section = value.partition("=")[0]
    inner = {"train": "train.threads=1", "loss": "loss.penalty=null"}.get(section, "optim.generator.lr=0.1")
    for options in ([value, inner], [inner, value]):
        result = _print_config("digits", *(word for option in options for word in ("--set", option)))
        assert result.exit_code == 1, result.output
        assert f"--set: {section}: found " in result.stderr
        assert "expected a section of keys, as in {" in result.stderr


def test_an_option_does_not_heal_a_wrong_section_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("train: 2\n")
    result = _print_config(str(tmp_path / "mine.yaml"), "--set", "train.threads=1")
    assert result.exit_code == 1
    assert (
        "mine.yaml: line 1: train: found 2; expected a section of keys, as in {batch_size: 64}"
        in result.stderr
    )
    assert "(--set train.batch_size=64)" in result.stderr


@pytest.mark.parametrize("key", ["..", "a..b", "train.", ".train", ".".join("a" * 10_000)])
def test_an_odd_key_of_an_option(key: str) -> None:
    result = _print_config("--set", f"{key}=3")
    assert result.exit_code == 1
    assert len(result.stderr) < 300


def test_a_folder_or_nothing_in_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").mkdir()
    for name, told in (("mine.yaml", "is a folder without a run"), ("none.yaml", "no recipe, file or run")):
        result = _print_config(str(tmp_path / name))
        assert result.exit_code == 1
        assert told in result.stderr
    with pytest.raises(ConfigError, match=r"mine.yaml: cannot be read \(.*\); expected a YAML file"):
        load(RunConfig, tmp_path / "mine.yaml")


def test_what_a_message_expects_can_be_given_as_it_is_written() -> None:
    with pytest.raises(ConfigError, match=r"expected loss\.penalty: \{kind: gradient_penalty\}"):
        load(RunConfig, None, ["loss.adversarial.kind=wgan_gp"])
    found = load(RunConfig, None, ["loss.adversarial.kind=wgan_gp", "loss.penalty: {kind: gradient_penalty}"])
    assert found.loss.penalty is not None
    assert found.loss.penalty.kind == "gradient_penalty"
