"""The course's modules: each keeps its cache and its gradients itself."""

from cnnlite.compat.cs7643.modules.conv_classifier import ConvNet
from cnnlite.compat.cs7643.modules.convolution import Conv2D
from cnnlite.compat.cs7643.modules.linear import Linear
from cnnlite.compat.cs7643.modules.max_pool import MaxPooling
from cnnlite.compat.cs7643.modules.relu import ReLU
from cnnlite.compat.cs7643.modules.softmax_ce import SoftmaxCrossEntropy

__all__ = ["Conv2D", "ConvNet", "Linear", "MaxPooling", "ReLU", "SoftmaxCrossEntropy"]
