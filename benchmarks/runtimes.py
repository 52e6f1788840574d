"""Runtimes for inference, ONNX Runtime and OpenVINO, in float32, each at its best settings.

They get the network as cnnlite exports it to ONNX, with the number of images fixed, so that they
can prepare for it.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.networks import IMAGE
from benchmarks.sides import Side

TRIALS = 5  # of each setting, before the faster one is taken


class Runtime(Side):
    """One that runs an ONNX file, which it gets as bytes."""

    def load(self, threads: int) -> None:
        self.threads = threads

    def fresh(self) -> None:
        from cnnlite.interop.onnx import to_onnx

        self.model = to_onnx(self.network.make(rng=0), IMAGE).SerializeToString()


class OnnxRuntime(Runtime):
    """ONNX Runtime: all optimisations of the graph, its threads inside an operation."""

    def predictor(self, x: np.ndarray) -> Callable[[], Any]:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.add_free_dimension_override_by_name("N", len(x))
        session = onnxruntime.InferenceSession(self.model, options, ["CPUExecutionProvider"])
        return lambda: session.run(["y"], {"x": x})[0]


class OpenVino(Runtime):
    """OpenVINO: one request over all threads ("latency"), or one for each ("throughput").

    For each number of images both are tried, and the faster one is taken.
    """

    def predictor(self, x: np.ndarray) -> Callable[[], Any]:
        runs = [self._latency(x)]
        if self.threads > 1 and len(x) % self.threads == 0:
            runs.append(self._throughput(x))
        return min(runs, key=_seconds)

    def _compiled(self, images: int, hint: str, requests: int) -> Any:
        import openvino

        core = openvino.Core()
        model = core.read_model(self.model)
        model.reshape([images, *IMAGE])
        return core.compile_model(model, "CPU", {
            "PERFORMANCE_HINT": hint,
            "PERFORMANCE_HINT_NUM_REQUESTS": requests,
            "INFERENCE_NUM_THREADS": self.threads,
            "INFERENCE_PRECISION_HINT": "f32",  # not bfloat16, which it takes where there is some
        })  # fmt: skip

    def _latency(self, x: np.ndarray) -> Callable[[], Any]:
        request = self._compiled(len(x), "LATENCY", 1).create_infer_request()
        return lambda: request.infer({0: x}, share_inputs=True, share_outputs=True)[0]

    def _throughput(self, x: np.ndarray) -> Callable[[], Any]:
        parts = np.split(x, self.threads)
        compiled = self._compiled(len(parts[0]), "THROUGHPUT", self.threads)
        requests = [compiled.create_infer_request() for _ in parts]

        def run() -> np.ndarray:
            for request, part in zip(requests, parts, strict=True):
                request.start_async({0: part}, share_inputs=True)
            for request in requests:
                request.wait()
            return np.concatenate([request.get_output_tensor(0).data for request in requests])

        return run


def _seconds(run: Callable[[], Any]) -> float:
    """The fastest of a few calls."""
    run()
    times = []
    for _ in range(TRIALS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


RUNTIMES = {"onnxruntime": OnnxRuntime, "openvino": OpenVino}
