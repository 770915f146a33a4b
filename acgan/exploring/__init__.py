"""Playing with a generator: what a page asks of it, and the page."""

from acgan.exploring.explorer import DrawnSample, Explorer, Neighbour

__all__ = ["DrawnSample", "Explorer", "Neighbour"]
