"""PyTorch datasets: where image and label are, names of classes, and what is refused."""

from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from data_helpers import noise, options
from PIL import Image

from acgan.data import dataset_from_torch
from acgan.errors import DataError

GRAY, RGB = noise((4, 16, 16)), noise((4, 16, 16, 3))


class Pairs(torch.utils.data.Dataset):
    def __init__(self, images, labels, classes=None):
        self.images, self.labels = images, labels
        if classes:
            self.classes = classes

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, row):
        return self.images[row], self.labels[row]


def from_torch(dataset, **changes):
    return dataset_from_torch(dataset, "mine", options(Path("unused"), **changes))


CHW = torch.from_numpy(RGB.transpose(0, 3, 1, 2).copy())


@pytest.mark.parametrize(
    "images",
    [
        [Image.fromarray(image) for image in RGB],
        CHW,
        CHW.float() / 255,
        CHW.double() / 255,
        RGB,
        RGB.astype(np.float32) / 255,
    ],
)
def test_torch_images(images):
    data = from_torch(Pairs(images, [0, 1, 0, 1]))
    assert data.name == "mine"
    assert (data.train.images == CHW.numpy()).all()
    assert data.train.labels.tolist() == [0, 1, 0, 1]
    assert data.train.class_names == ("0", "1")


@pytest.mark.parametrize(
    "images", [GRAY, torch.from_numpy(GRAY), torch.from_numpy(GRAY)[:, None], GRAY[..., None]]
)
def test_torch_gray_images(images):
    assert (from_torch(Pairs(images, [0] * 4)).train.images[:, 0] == GRAY).all()


def test_torch_dataset_keeps_its_own_images():
    image = Image.fromarray(RGB[0])
    image.getexif()[0x0112] = 6
    dataset = Pairs([image], [0])
    before = image.tobytes()
    from_torch(dataset)
    assert image.tobytes() == before


def test_torch_labels_and_names():
    labels = [torch.tensor(2), np.int64(0), 2, np.array(0)]
    assert from_torch(Pairs(GRAY, labels)).train.class_names == ("0", "2")
    named = from_torch(Pairs(GRAY, labels, classes=["a", "b", "c"]))
    assert named.train.class_names == ("a", "c")
    assert named.train.labels.tolist() == [1, 0, 1, 0]
    decomposed = from_torch(Pairs(GRAY, labels, classes=["e\u0301", "b", "c"]))
    assert decomposed.train.class_names == ("\u00e9", "c"), "composed, as the names of folders are"


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (Pairs(CHW.float(), [0] * 4), r"mine\[0\] has values from 0 to 255; expected floats from 0 to 1"),
        (Pairs([torch.full((1, 4, 4), torch.nan)], [0]), r"values from nan"),
        (Pairs(CHW.int(), [0] * 4), r"has the type int32; expected uint8"),
        (Pairs([torch.zeros(2, 8, 8)], [0]), r"has the shape \(8, 8, 2\)"),
        (
            Pairs(["file.png"], [0]),
            r"a tuple of str 'file.png', int 0\. None of it is the image; expected an image",
        ),
        (Pairs(GRAY, [0.5] * 4), r"a tuple of array \(16, 16\) uint8, float 0\.5\. None of it is the label"),
        (Pairs(GRAY, [0, 0, 0.5, 0]), r"mine\[2\] has the label 0\.5; expected a whole number from 0 on"),
        (Pairs(GRAY, [0, 0, "cat", 0]), r"whole numbers and names as labels, such as 0 and 'cat'"),
        (Pairs(GRAY, [np.array([0, 1, 1])] * 4), r"array \(3,\) int64\. None of it is the label"),
        (Pairs(GRAY, [-1] * 4), r"has the label -1"),
        (Pairs(GRAY, [3] * 4, classes=["a"]), r"has the label 3 but 1 class names"),
        (Pairs([], []), r"mine is an empty dataset"),
    ],
)
def test_torch_errors(dataset, message):
    with pytest.raises(DataError, match=message):
        from_torch(dataset)


class Items(torch.utils.data.Dataset):
    """A dataset of items as they are given."""

    def __init__(self, *items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, row):
        return self.items[row]


Named = namedtuple("Named", ["index", "image", "label"])
PIL = [Image.fromarray(image) for image in RGB]


@pytest.mark.parametrize(
    "item",
    [
        lambda image, label: (image, label),
        lambda image, label: [label, image],
        lambda image, label: (label, image),
        lambda image, label: (image, label, {"more": 1}),
        lambda image, label: ("path.png", image, label) if isinstance(label, np.ndarray) else (image, label),
        lambda image, label: {"image": image, "label": label},
        lambda image, label: {"pixel_values": image, "labels": label, "id": 7},
        lambda image, label: {"x": image, "y": label, "mask": image},
        lambda image, label: {"scan": image, "grade": label, "idx": 5},
        lambda image, label: Named(9, image, label),
    ],
)
@pytest.mark.parametrize("images", [PIL, CHW, RGB])
def test_image_and_label_are_found(item, images):
    data = from_torch(Items(*(item(image, label) for image, label in zip(images, [4, 1, 4, 1], strict=True))))
    assert (data.train.images == CHW.numpy()).all()
    assert data.train.class_names == ("1", "4")
    assert data.train.labels.tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ("labels", "names", "numbers"),
    [
        (["dog", "cat", "dog", "e\u0301"], ("cat", "dog", "\u00e9"), [1, 0, 1, 2]),
        ([np.array([3]), torch.tensor([0]), np.array([3]), np.array([0])], ("0", "3"), [1, 0, 1, 0]),
        (
            [torch.tensor([0.0, 0, 1]), np.array([1, 0, 0]), np.array([0, 0, 1]), np.array([1, 0, 0])],
            ("0", "2"),
            [1, 0, 1, 0],
        ),
    ],
)
def test_kinds_of_labels(labels, names, numbers):
    data = from_torch(Pairs(RGB, labels))
    assert (data.train.class_names, data.train.labels.tolist()) == (names, numbers)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (
            (PIL[0], 3, 7),
            r"mine\[0\] is a tuple of PIL image RGB 16 x 16, int 3, int 7\. 1 and 2 could each be the"
            r" label; expected an image",
        ),
        (
            (PIL[0], CHW[1], 3),
            r"PIL image RGB 16 x 16, tensor \(3, 16, 16\) uint8, int 3\. 0 and 1 could each be the"
            " image",
        ),
        ((PIL[0], "cat", 3), r"1 and 2 could each be the label"),
        (
            {"img": PIL[0], "fine_label": 3, "coarse_label": 1},
            r"a dict with img: .*[Ff]ine_label and coarse_label could",
        ),
        ({"image": PIL[0], "label": 1, "target": 2}, r"Label and target could each be the label"),
        ({"image": PIL[0], "index": 1}, r"None of it is the label"),
        ({"image": "a.png", "label": 1}, r"mine\[0\] is a str; expected a PIL image"),
        ({"image": PIL[0], "label": 0.5, "row": 1}, r"mine\[0\] has the label 0\.5"),
        (PIL[0], r"mine\[0\] is a PIL image RGB 16 x 16; expected an image"),
        ((), r"a tuple of nothing\. None of it is the image"),
    ],
)
def test_an_item_that_cannot_be_read_is_told_with_all_its_parts(item, message):
    with pytest.raises(DataError, match=message):
        from_torch(Items(item))


def test_columns_choose_keys():
    items = [{"img": image, "fine": row, "coarse": 7} for row, image in enumerate(PIL)]
    assert from_torch(Items(*items), columns={"label": "fine"}).train.class_names == ("0", "1", "2", "3")
    assert from_torch(Items(*items), columns={"label": "coarse", "path": "img"}).train.class_names == ("7",)
    with pytest.raises(DataError, match=r"img: PIL image .*names 'finer' as the label, which is not there"):
        from_torch(Items(*items), columns={"label": "finer"})


def test_items_of_other_forms_are_refused():
    with pytest.raises(
        DataError, match=r"mine\[1\] has img, label; expected image and label, as the first item has"
    ):
        from_torch(Items({"image": PIL[0], "label": 0}, {"img": PIL[1], "label": 1}))


def test_subsets_and_joined_datasets_have_names():
    base = Pairs(RGB, [0, 1, 2, 1], classes=["a", "b", "c"])
    subset = torch.utils.data.Subset(torch.utils.data.Subset(base, [1, 2, 3]), [0, 1])
    assert from_torch(subset).train.class_names == ("b", "c")
    joined = torch.utils.data.ConcatDataset([subset, torch.utils.data.Subset(base, [0])])
    assert from_torch(joined).train.class_names == ("a", "b", "c")
    other = torch.utils.data.ConcatDataset([base, Pairs(RGB, [0] * 4, classes=["z"])])
    with pytest.raises(DataError, match=r"joins datasets with different class names: .*'z'"):
        from_torch(other)


class Relabelled(torch.utils.data.Dataset):
    """A wrapper that gives other labels than what it wraps."""

    def __init__(self, dataset):
        self.dataset = dataset

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, row):
        image, label = self.dataset[row]
        return image, label % 2


def test_a_wrapper_of_unknown_kind_does_not_lend_names():
    wrapped = Relabelled(Pairs(RGB, [0, 1, 2, 3], classes=["a", "b", "c", "d"]))
    assert from_torch(wrapped).train.class_names == ("0", "1")


def test_a_folder_of_torchvision(write):
    folder = torchvision.datasets.ImageFolder(write({"cat/1.png": 10, "dog/2.png": 20}))
    data = from_torch(torch.utils.data.Subset(folder, [1]))
    assert data.train.class_names == ("dog",)
    assert (data.train.images == 20).all()


class Stream(torch.utils.data.IterableDataset):
    def __iter__(self):
        yield RGB[0], 0


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (
            Stream(),
            r"mine is a Stream, without a length or an item of each number; expected a map-style Dataset",
        ),
        (
            {"train": Pairs(GRAY, [0] * 4)},
            r"mine is a dict of train; expected one of them, as data=mine\[\.\.\.\]",
        ),
    ],
)
def test_what_is_no_map_style_dataset(dataset, message):
    with pytest.raises(DataError, match=message):
        from_torch(dataset)


def test_the_reading_is_told():
    reading = from_torch(Items({"image": PIL[0], "label": 0, "id": 3})).report.reading
    assert (reading.layout, reading.labels) == ("dataset", "'label' of each item")
    assert from_torch(Pairs(RGB, [0] * 4)).report.reading.labels == "part 1 of each item"
