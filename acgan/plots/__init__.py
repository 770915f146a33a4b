"""Pictures for people, drawn with matplotlib, and grids of images. Only what draws imports matplotlib."""
