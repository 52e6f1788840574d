"""Inside a network: what each layer makes of an image, and how each number came about.

All are functions of a network and images, and change neither.
"""

from cnnlite.layers.trace import Ran, trace
from cnnlite.report.inside.attention import cam_layer, grad_cam, occlusion
from cnnlite.report.inside.back import WayBack, way_back
from cnnlite.report.inside.difficulty import easiest, hardest, losses
from cnnlite.report.inside.pixel import Computation, computed
from cnnlite.training.kept_sheet import filter_pictures

__all__ = [
    "Computation", "Ran", "WayBack", "cam_layer", "computed", "easiest", "filter_pictures",
    "grad_cam", "hardest", "losses", "occlusion", "trace", "way_back",
]  # fmt: skip
