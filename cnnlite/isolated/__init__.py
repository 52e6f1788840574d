"""Someone else's file, run in a process of its own: with limits, and only numbers come back.

The parent's side is `process`, and for a layer that lives in the child `requests` and `remote`.
`keeper`, `worker`, `calls`, `layers` and `loaded` are the child's side; the child loads this
package without the rest of cnnlite, under the name `_isolated`, so imports there are relative.
`wire` serves both.
"""
