"""The figures of the pages in docs/learn, each a function that draws it on a matplotlib figure."""
