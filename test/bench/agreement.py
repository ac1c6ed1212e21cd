"""Times .tflite files without our agent: invoke() alone, inputs set before, outputs never read.

Arguments: the path of a small block that tells how fast the device is at the moment, as for the agent (docs/adr/0008); then "tensorflow" for
tf.lite.Interpreter, with TensorFlow's own XNNPACK or with the delegate of the given path, or "library" and the path of the agent's XNNPACK delegate, for
the very library that the agent measures with, called here through its C interface.
Prints its version, then for each path on stdin a line of JSON: for each of five passes, with the model loaded afresh, the
milliseconds of each run, what slowed the device taken out, and how many times slower it was.
"""

import ctypes
import json
import math
import os
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy

PASS_COUNT = 5
WARMUP_SECONDS = 0.01
SAMPLING_SECONDS = 0.025
LEAST_SAMPLES = 15


class TensorflowModel:
    def __init__(self, path):
        self.interpreter = tf.lite.Interpreter(model_path=path, num_threads=1, **with_delegate())
        self.interpreter.allocate_tensors()
        for detail in self.interpreter.get_input_details():
            self.interpreter.set_tensor(detail["index"], spread(numpy.prod(detail["shape"])).reshape(detail["shape"]))
        self.invoke = self.interpreter.invoke

    def close(self):
        pass


class LibraryModel:
    def __init__(self, path):
        keys, values = ((ctypes.c_char_p * 1)(text) for text in (b"num_threads", b"1"))
        self.delegate = call("tflite_plugin_create_delegate")(keys, values, ctypes.c_size_t(1), None)
        self.options = call("TfLiteInterpreterOptionsCreate")()
        call("TfLiteInterpreterOptionsSetNumThreads", None)(self.options, 1)
        call("TfLiteInterpreterOptionsAddDelegate", None)(self.options, self.delegate)
        self.model = call("TfLiteModelCreateFromFile")(path.encode())
        self.interpreter = call("TfLiteInterpreterCreate")(self.model, self.options)
        check(call("TfLiteInterpreterAllocateTensors", ctypes.c_int)(self.interpreter))
        for index in range(call("TfLiteInterpreterGetInputTensorCount", ctypes.c_int)(self.interpreter)):
            tensor = call("TfLiteInterpreterGetInputTensor")(self.interpreter, index)
            values = spread(call("TfLiteTensorByteSize", ctypes.c_size_t)(tensor) // 4)
            buffer = values.ctypes.data_as(ctypes.c_void_p)
            check(call("TfLiteTensorCopyFromBuffer", ctypes.c_int)(tensor, buffer, ctypes.c_size_t(values.nbytes)))
        invoke = call("TfLiteInterpreterInvoke", ctypes.c_int)
        self.invoke = lambda: check(invoke(self.interpreter))

    def close(self):
        call("TfLiteInterpreterDelete", None)(self.interpreter)
        call("TfLiteInterpreterOptionsDelete", None)(self.options)
        call("TfLiteModelDelete", None)(self.model)
        call("tflite_plugin_destroy_delegate", None)(self.delegate)


class Pointer(ctypes.c_void_p):
    """Kept whole between calls; a plain c_void_p would come back as a Python integer."""


def with_delegate():
    """Arguments of an interpreter that takes the given delegate in the place of TensorFlow's own."""
    if len(sys.argv) == 3:
        return {}
    lite = tf.lite.experimental
    return {
        "experimental_delegates": [lite.load_delegate(sys.argv[3], {"num_threads": 1})],
        "experimental_op_resolver_type": lite.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    }


def call(name, result=Pointer):
    function = getattr(library, name)
    function.restype = result
    return function


def check(status):
    if status:
        raise RuntimeError(f"expected status 0 of the library, but got {status}")


def spread(count):
    return (numpy.arange(int(count)) * 0.6180339887498949 % 1 * 2 - 1).astype(numpy.float32)


def timed(model, count):
    """Milliseconds of one of so many runs in a row."""
    start = time.perf_counter()
    for _ in range(count):
        model.invoke()
    return (time.perf_counter() - start) * 1000 / count


class Pace:
    """How many times slower than at its quietest the device is, told by a small block (agent/pace.ts)."""

    def __init__(self, path):
        self.block = Model(path)
        timed(self.block, 40)
        self.looks = []
        self.quietest_ms = float("inf")
        for _ in range(20):
            self.slowness()
        self.end_pass()

    def slowness(self):
        self.block.invoke()
        look_ms = timed(self.block, 3)
        self.looks.append(look_ms)
        return max(1, look_ms / self.quietest_ms)

    def end_pass(self):
        self.quietest_ms = min(self.quietest_ms, statistics.median(self.looks))
        self.looks = []


def one_pass(path):
    model = Model(path)
    try:
        return sampled(model)
    finally:
        model.close()
        pace.end_pass()


def sampled(model):
    """The time of samples of a millisecond, each between two looks."""
    end = time.perf_counter() + WARMUP_SECONDS
    warm = []
    while len(warm) < 5 or time.perf_counter() < end:
        warm.append(timed(model, 1))
    count = math.ceil(1 / statistics.median(warm))
    samples, slownesses = [], []
    before = pace.slowness()
    end = time.perf_counter() + SAMPLING_SECONDS
    while len(samples) < LEAST_SAMPLES or time.perf_counter() < end:
        ms = timed(model, count)
        after = pace.slowness()
        slownesses.append((before + after) / 2)
        samples.append(ms / slownesses[-1])
        before = after
    return {"samplesMs": samples, "slowness": statistics.median(slownesses)}


if sys.argv[2] == "tensorflow":
    import tensorflow as tf

    Model = TensorflowModel
    print(tf.__version__, flush=True)
else:
    library = ctypes.CDLL(sys.argv[3])
    Model = LibraryModel
    print(call("TfLiteVersion", ctypes.c_char_p)().decode(), flush=True)
pace = Pace(sys.argv[1])
for line in sys.stdin:
    print(json.dumps([one_pass(line.strip()) for _ in range(PASS_COUNT)]), flush=True)
