"""Someone else's file, run in a process of its own: with limits, and only numbers come back.

`process` is the parent's side, and `remote` a layer that lives in the child.  `keeper`, `worker`,
`calls` and `layers` are the child's side; the child loads this package without the rest of
cnnlite, under the name `_isolated`, so imports in here are relative.  `wire` serves both.
"""
