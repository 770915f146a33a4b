import numpy as np
import pytest
import torch
from PIL import ImageFont

from acgan.plots import fonts
from acgan.plots.page import ClassPage, PageTooLargeError

DIGITS = tuple("0123456789")


def drawn(names, count, side, channels=1, scale=None):
    page = ClassPage.planned(names, count, side, scale)
    values = torch.arange(len(names) * count) % 200 + 1
    images = values.to(torch.uint8)[:, None, None, None].expand(-1, channels, side, side)
    return page, images, page.draw(images)


class TestDraw:
    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize(("num_classes", "count"), [(1, 1), (2, 5), (10, 10), (3, 7), (1, 60), (40, 3)])
    def test_images_lie_at_their_places_enlarged_and_nothing_else_but_names(
        self, num_classes, count, channels
    ):
        page, images, picture = drawn([f"class {i}" for i in range(num_classes)], count, 8, channels)
        assert picture.shape == (channels, page.height, page.width)
        side, left_of_all = 8 * page.scale, page.width
        for number, image in enumerate(images):
            top, left = page.place(*divmod(number, count))
            assert (picture[:, top : top + side, left : left + side] == image[:, :1, :1]).all()
            picture[:, top : top + side, left : left + side] = 255
            left_of_all = min(left_of_all, left)
        assert (picture[:, :, -page.scale :] == 255).all()
        assert (picture[:, :, :left_of_all] < 255).any()  # the names

    def test_pixels_of_an_image_are_repeated_not_smoothed(self):
        page = ClassPage.planned(["cat"], 1, 8, scale=3)
        image = torch.arange(64, dtype=torch.uint8).view(1, 1, 8, 8)
        top, left = page.place(0, 0)
        shown = page.draw(image)[0, top : top + 24, left : left + 24]
        assert (shown[::3, ::3] == image[0, 0]).all()
        assert (shown.numpy() == np.kron(image[0, 0].numpy(), np.ones((3, 3), dtype=np.uint8))).all()

    def test_each_class_has_its_own_name(self):
        page, _, picture = drawn(["cat", "dog"], 2, 32, scale=1)
        (top, left), (below, _) = page.place(0, 0), page.place(1, 0)
        first, second = picture[0, top : top + 32, :left], picture[0, below : below + 32, :left]
        assert (first < 255).any()
        assert (second < 255).any()
        assert (first != second).any()

    def test_names_that_steer_or_are_long_are_one_short_line(self):
        page = ClassPage.planned(["a\nb\x1b[31m", "x" * 500], 1, 8)
        assert page.names == ("a b\\x1b[31m", "x" * 23 + "…")


class TestPlanned:
    def test_a_few_classes_have_one_row_each(self):
        page = ClassPage.planned(DIGITS, 10, 28)
        assert (page.columns, page.blocks) == (10, 1)

    @pytest.mark.parametrize("num_classes", range(1, 13))
    @pytest.mark.parametrize("count", [4, 6, 8, 10, 12])
    def test_rows_are_full_and_no_class_is_a_column(self, num_classes, count):
        page = ClassPage.planned([f"class {k}" for k in range(num_classes)], count, 32)
        assert count % page.columns == 0
        assert (page.columns + 1) ** 2 > count

    @pytest.mark.parametrize(
        ("num_classes", "count"), [(1, 60), (2, 64), (3, 10), (10, 64), (100, 10), (1000, 10), (1, 2)]
    )
    @pytest.mark.parametrize("side", [8, 32])
    def test_near_to_a_square(self, num_classes, count, side):
        page = ClassPage.planned([str(i) for i in range(num_classes)], count, side, scale=1)
        assert 0.3 < page.width / page.height < 3
        assert page.columns * -(-count // page.columns) < count + page.columns

    @pytest.mark.parametrize("side", [8, 28, 32, 64, 128, 256])
    def test_enlarged_to_be_seen_and_within_a_screen(self, side):
        page = ClassPage.planned(DIGITS, 10, side)
        assert page.scale * side <= max(128, side)
        assert page.scale == 1 or max(page.width, page.height) <= 1200
        larger = ClassPage.planned(DIGITS, 10, side, page.scale + 1)
        assert (page.scale + 1) * side > 128 or max(larger.width, larger.height) > 1200

    def test_scale_is_taken(self):
        assert ClassPage.planned(DIGITS, 10, 32, 7).scale == 7

    def test_no_picture_that_viewers_refuse(self):
        with pytest.raises(PageTooLargeError, match=r"\d+ x \d+ pixels"):
            ClassPage.planned([str(i) for i in range(1000)], 64, 64, 2)


class TestFonts:
    def test_europe_has_the_font_of_the_plots(self):
        for text in ("cat", "Žluťoučký", "Ελληνικά", "кошка"):
            assert font_name(text) == "DejaVu Sans"

    def test_another_font_where_it_has_more(self, monkeypatch):
        own = fonts.font_file(frozenset("a"))
        codes = {own: frozenset(map(ord, "ab")), "other.ttf": frozenset(map(ord, "猫b"))}
        monkeypatch.setattr(fonts, "_codes", lambda file: codes.get(file, frozenset()))
        monkeypatch.setattr(fonts, "installed", lambda: {"Other": "other.ttf"})
        fonts.font_file.cache_clear()
        try:
            assert fonts.font_file(frozenset("猫b")) == "other.ttf"
            assert fonts.font_file(frozenset("ab")) == own
            assert fonts.font_file(frozenset("犬")) == own
        finally:
            fonts.font_file.cache_clear()

    def test_a_font_of_boxes_is_none(self):
        assert "DejaVu Sans" in fonts.installed()
        assert not any("resort" in (name + file).lower() for name, file in fonts.installed().items())

    def test_figures_fall_back_on_what_is_installed(self, monkeypatch):
        names = {"DejaVu Serif": "a", "Noto Sans CJK JP": "b", "WenQuanYi Micro Hei": "c"}
        monkeypatch.setattr(fonts, "installed", lambda: names)
        fonts.families.cache_clear()
        try:
            assert fonts.families() == ["DejaVu Sans", "Noto Sans CJK JP", "WenQuanYi Micro Hei"]
        finally:
            fonts.families.cache_clear()


def font_name(text):
    font = fonts.font_for(text, 14)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font.getname()[0]


class TestWalks:
    @pytest.mark.parametrize(("names", "count"), [(1, 9), (4, 9), (1, 60), (12, 16)])
    def test_a_walk_is_one_row_whatever_its_length(self, names, count):
        page = ClassPage.planned(
            [f"class {k} to class {k + 1}" for k in range(names)], count, 64, is_walk=True
        )
        assert page.columns == count

    def test_names_of_two_classes_are_whole(self):
        name = "chat & chien of the house to frogs of the pond"
        assert ClassPage.planned([name], 9, 64, is_walk=True).names == (name,)

    def test_changed_names_have_the_room_that_was_planned(self):
        page = ClassPage.planned(["a to b"], 1, 16, is_walk=True, room=["a long name to b"])
        other = page.named(["a long name to b"])
        assert other.names == ("a long name to b",)
        assert (other.width, other.place(0, 0)) == (page.width, page.place(0, 0))
