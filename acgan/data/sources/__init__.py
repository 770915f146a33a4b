"""Sources of pictures: one module a format, behind the protocol ``Source`` of ``data/load.py``."""
