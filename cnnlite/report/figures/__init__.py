"""The figures of a training, each a function from data to a plotly figure."""
