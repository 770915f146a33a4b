"""Variants of a recipe, trained and evaluated with several seeds: which runs there are, and who computes them."""
