"""Pictures for people, drawn with matplotlib, and grids of images. Functions import matplotlib when they draw."""
