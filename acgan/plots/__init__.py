"""Pictures for people, drawn with Pillow."""

from acgan.plots.confusion import confusion_picture
from acgan.plots.pairs import pairs_picture

__all__ = ["confusion_picture", "pairs_picture"]
