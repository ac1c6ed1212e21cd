"""Times TensorFlow's own conversion of MobileNetV2 by TensorFlow's own interpreter.

Prints "ready", then for each line "<threads> <runs>" on stdin a line of JSON: milliseconds of each run, inputs set before.
"""

import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy
import tensorflow as tf

WARMUP_RUNS = 10

model = tf.keras.applications.MobileNetV2(weights=None, classifier_activation=None)
flatbuffer = tf.lite.TFLiteConverter.from_keras_model(model).convert()


def load(threads):
    interpreter = tf.lite.Interpreter(model_content=flatbuffer, num_threads=threads)
    interpreter.allocate_tensors()
    image = numpy.random.default_rng(1).uniform(-1, 1, (1, 224, 224, 3)).astype(numpy.float32)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    return interpreter


def timed(interpreter):
    start = time.perf_counter()
    interpreter.invoke()
    return (time.perf_counter() - start) * 1000


interpreters = {threads: load(threads) for threads in (1, 2)}
print("ready", flush=True)
for line in sys.stdin:
    threads, runs = map(int, line.split())
    for _ in range(WARMUP_RUNS):
        interpreters[threads].invoke()
    print(json.dumps([timed(interpreters[threads]) for _ in range(runs)]), flush=True)
