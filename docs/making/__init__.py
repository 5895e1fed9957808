"""What the documentation site makes of the program while it is built: pages that nobody has to keep in step by hand.

    hook.py        what mkdocs calls: markers in pages are replaced, made files added
    commands.py    the command line, from its parser
    parameters.py  every parameter, protocol and preset, from their declarations
    sources.py     parts of source files and texts of this repository
    figures.py     the findings' figures and tables, from the result files that are shipped
    examples.py    examples in docstrings as code, for mkdocstrings

A page says `<!-- made: NAME WORDS -->` on a line of its own where one of these belongs.
"""
