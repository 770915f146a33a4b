"""Names of folders, files and columns that tell what lies there."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from acgan.data.index import shortened

#: Words for parts of a set; "" is a part without labels.
PART_WORDS = {
    **dict.fromkeys(("train", "training", "trainset", "trainval"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "eval", "evaluation", "valset", "devset"), "val"),
    **dict.fromkeys(("test", "testing", "testset"), "test"),
    **dict.fromkeys(("unlabeled", "unlabelled", "pred", "prediction", "predictions"), ""),
}
#: Words for parts that are words for classes, too: vehicles, and what passed a check.
CLASS_WORDS = frozenset({"train", "valid"})
#: Words for folders that hold pictures of any class.
IMAGE_WORDS = frozenset(
    {
        *("image", "images", "img", "imgs", "picture", "pictures", "photo", "photos", "frame", "frames"),
        *("jpegimages", "jpg", "jpeg", "png", "data", "dataset", "samples"),
    }
)
#: Words for folders of pictures, and for those that hold what goes with pictures.
_CONTAINERS = IMAGE_WORDS | {
    *("mask", "masks", "annotation", "annotations", "label", "labels", "trimap", "trimaps"),
    *("segmentation", "segmentations", "thumbnails", "bbox", "boxes", "groundtruth", "gt"),
}
#: Words for the sides of pairs. One alone, such as "target", may be a class.
_PAIRS = frozenset(
    {
        *("input", "inputs", "target", "targets", "output", "outputs", "source"),
        *("hr", "lr", "highres", "lowres", "rgb", "depth", "nir", "thermal", "infrared"),
    }
)
_CHUNK_WORDS = frozenset(
    {
        *("part", "chunk", "batch", "shard", "fold", "split", "subset", "archive", "volume", "vol", "folder"),
        *("dir", "block", "image", "images", "img", "imgs", "photos", "pictures", "data"),
        # Those that pictures were taken of, or with. A person may well be a class.
        *("patient", "pat", "subject", "user", "case", "id", "session", "scan", "study", "visit"),
        *("video", "clip", "frame", "frames", "sequence", "seq", "camera", "cam"),
    }
)
_DATE = re.compile(r"(19|20)\d\d([-_.]?\d\d){0,2}")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
#: Labels that stand for "no label" in other programs.
_NO_LABELS = frozenset({"", "nan", "none", "null", "na", "n/a", "-1", "unlabeled", "unlabelled", "undefined"})


@functools.lru_cache(maxsize=1 << 14)  # asked of every folder on the path of every picture
def part_of(name: str) -> str | None:
    """The part of a set that a name stands for: "train", "val", "test", "" (without labels), or None.

    The first or last word counts, in any case: ``Training``, ``seg_train``, ``test-images``, ``train2017``.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    found = {PART_WORDS[word] for word in (words[:1] + words[-1:]) if word in PART_WORDS}
    if found == {"train", "val"}:  # as in train_val
        return "train"
    return found.pop() if len(found) == 1 else None


def folder_parts(names: Iterable[str]) -> dict[str, str | None]:
    """The part that each of some folders stands for; an evaluation part beside a validation part is for testing."""
    parts = {name: part_of(name) for name in names}
    evaluation = [name for name, part in parts.items() if part == "val" and "eval" in name.lower()]
    if "test" not in parts.values() and 0 < len(evaluation) < list(parts.values()).count("val"):
        parts.update(dict.fromkeys(evaluation, "test"))
    return parts


def beside_part(name: str) -> str:
    """The words of a part's name but the part, as ``seg`` of ``seg_train``; words for pictures do not count."""
    words = [word.lower() for word in _WORD.findall(name)]
    return " ".join(
        word for word in words if word not in PART_WORDS and word not in _CONTAINERS | {"set", "split"}
    )


def part_within(name: str) -> str | None:
    """As ``part_of``, of any word, for the names of label files: ``ISIC_Training_GroundTruth.csv``."""
    found = {PART_WORDS[word.lower()] for word in _WORD.findall(name) if word.lower() in PART_WORDS}
    return found.pop() if len(found) == 1 else None


def is_container(name: str) -> bool:
    """True for names such as ``images`` and ``masks``, which no class has."""
    return _plain(name) in _CONTAINERS


def are_pairs(names: Collection[str]) -> bool:
    """True if all names are those of pairs, as ``input`` and ``target``, or ``rgb``, ``depth`` and ``masks``."""
    plain = {_plain(name) for name in names}
    return len(plain) > 1 and plain <= _PAIRS | _CONTAINERS and bool(plain & _PAIRS)


def is_negated(name: str, names: Iterable[str]) -> bool:
    """True if some of the names are the opposite of one, as ``no_mask`` and ``without_mask`` are of ``mask``."""
    negation = re.compile(rf"(no|non|not|un|without|wo){re.escape(_plain(name).rstrip('s'))}(s|ed)?")
    return any(negation.fullmatch(_plain(other)) for other in names)


def _plain(name: str) -> str:
    return re.sub(r"[-_ .]", "", name.lower())


def could_be_class(name: str) -> bool:
    """True unless a folder's name is that of a part, a container or a chunk."""
    return part_of(name) is None and not is_container(name) and not are_chunks([name])


def are_chunks(names: Iterable[str]) -> bool:
    """True if all names look like numbered chunks, or dates: ``00000``, ``images_001``, ``part2``, ``2019-05``."""
    names = list(names)
    if all(_DATE.fullmatch(name) for name in names):
        return True
    if all(name.isdecimal() for name in names):
        return any(len(name) > 2 and name.startswith("0") for name in names)
    numbered = [re.fullmatch(r"(.*?)[-_ .]*\d+", name) for name in names]
    stems = {found[1].lower() for found in numbered if found}
    if len(stems) != 1 or not all(numbered):
        return False
    words = [word.lower() for word in _WORD.findall(stems.pop())]
    return bool(words) and words[-1] in _CHUNK_WORDS


def is_code(label: str) -> bool:
    """True for a number, and for a code such as ImageNet's ``n01440764``: a label that is no word."""
    return re.fullmatch(r"[a-z]?-?\d+(\.0)?", label) is not None


def doubtful_labels(raw: Iterable[str]) -> list[str]:
    """Warnings about labels that stand for none, or that differ by case, blanks or composition only."""
    raw = set(raw)
    spellings: dict[str, set[str]] = defaultdict(set)
    for label in raw:
        spellings[_folded(label)].add(label)
    warnings = []
    none = sorted(label for label in raw if label.strip().lower() in _NO_LABELS)
    if none:
        warnings.append(
            f"classes that other programs write for pictures without a label: {', '.join(map(repr, none))}. Leave "
            "them out with data.classes if they are none."
        )
    alike = sorted(sorted(group) for group in spellings.values() if len(group) > 1)
    if alike:
        pairs = shortened([" and ".join(_written(group)) for group in alike])
        warnings.append(
            f"labels that differ by upper and lower case, blanks or the composition of letters only: {pairs}. Rename "
            "them, or merge them with data.classes, if they are one class."
        )
    return warnings


def _written(group: Sequence[str]) -> list[str]:
    """Labels in quotes, with codes for letters where they would look the same on the screen."""
    composed = {unicodedata.normalize("NFC", label) for label in group}
    return list(map(repr if len(composed) == len(group) else ascii, group))


def _folded(label: str) -> str:
    """Equal for labels that people take for the same."""
    spaced = re.sub(r"[\s_]+|(?<=\S)-+(?=\S)", " ", unicodedata.normalize("NFKC", label))  # -1 is not 1
    return spaced.strip().casefold()
