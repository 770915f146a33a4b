"""Layouts of folders and lists: which one a tree has, and what is the label of which picture."""
