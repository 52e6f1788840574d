"""The figures of a training, each a function from data to a plotly figure."""

from cnnlite.installed import is_installed

if not is_installed("plotly"):
    raise ImportError("figures need plotly: pip install 'cnnlite[see]'", name="plotly")
