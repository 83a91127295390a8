"""Sphinx configuration: MyST Markdown and the docstrings."""

project = "spinbnn"
author = "The spinbnn authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.napoleon"]
html_theme = "furo"
myst_enable_extensions = ["dollarmath"]
exclude_patterns = ["_build"]
autodoc_typehints = "description"
