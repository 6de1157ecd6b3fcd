"""State: where a server keeps its term, its vote and its log (Figure 3.1) while it does not run.

`memory` keeps them in an object, `json` in a file that a person can read. `document` turns state into the text of
that file and back without any I/O, `files` replaces a file whole, and `lock` keeps a second process out.
"""
