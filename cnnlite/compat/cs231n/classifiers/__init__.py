"""The course's networks, with `params` and `loss(X, y)`, on fused passes."""
