"""The list of all kernels, by the module of `cnnlite._ext` that has them.

It is the only one: setup.py makes of it the table of the engine's C kernels, the list of its
headers and that of its bindings; the package and its twin `cnnlite.reference` export these names.
"""

ENGINE = (
    "add",
    "batch_norm_backward",
    "batch_norm_forward",
    "conv2d_depthwise_forward",
    "conv2d_depthwise_input_gradient",
    "conv2d_depthwise_weight_gradient",
    "conv2d_tiled_forward",
    "conv2d_tiled_input_gradient",
    "conv2d_tiled_weight_gradient",
    "conv2d_winograd_forward",
    "conv2d_winograd_input_gradient",
    "conv2d_winograd_weight_gradient",
    "exp",
    "expm1",
    "gelu_backward",
    "gelu_forward",
    "linear_forward",
    "linear_input_gradient",
    "linear_weight_gradient",
    "log",
    "log1p",
    "max_pool2x2_backward",
    "max_pool2x2_forward",
    "relu_backward",
    "relu_forward",
    "sgd_step",
    "tanh",
    "windows_forward",
)
"""In C, for every instruction set."""

FAMILIES = {
    "simd": ("vec", "microkernel"),
    "pointwise": ("pointwise", "elementary", "gelu"),
    "pool": ("pool2x2", "windows"),
    "norm": ("sums", "moments", "batch_norm", "gradient"),
    "conv": (
        "plan", "gather", "correlate", "convolve", "transpose", "gradient_plan", "weight_gradient",
    ),
    "depthwise": (
        "window", "sums", "input_gradient", "narrow", "forward", "weight_sums", "weight_gradient",
    ),
    "linear": ("product",),
    "winograd": (
        "lanes", "transform", "product", "bfloat16", "plan", "mend", "large", "large_product",
        "forward", "gradient",
    ),
}  # fmt: skip
"""The engine's folders and the headers of each, in the order in which they build on each other.  A
folder's bindings are in a .pxi of its name."""

KERNELS = {
    "augment": ("crop_flip", "crop_flip_normalize"),
    "avg_pooling": ("avg_pool2d_backward", "avg_pool2d_forward"),
    "engine": ENGINE,
    "max_pooling": ("max_pool2d_backward", "max_pool2d_forward"),
    "patches": ("col2im", "im2col"),
    "pixels": ("split_planes",),
    "shortcut": ("zero_pad_shortcut_backward", "zero_pad_shortcut_forward"),
}

RUNTIME = {
    "engine": ("fused_multiply_add", "instruction_set", "paired_products", "record"),
    "memory": ("empty",),
    "runtime": ("compiler", "get_num_threads", "multithreaded", "set_num_threads"),
}
"""What is asked of the kernels as a whole."""
