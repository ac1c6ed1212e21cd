"""Runs .tflite files by TensorFlow's own interpreter. Argument: a folder with cases.json, [{"model", "inputs": [file, ...]}, ...], all float32.

Writes outputs.json: for each case the outputs in order, flat, or {"error": text}.
"""

import json
import pathlib
import sys

import numpy
import tensorflow

folder = pathlib.Path(sys.argv[1])


def run(case):
    interpreter = tensorflow.lite.Interpreter(model_path=str(folder / case["model"]), num_threads=1)
    interpreter.allocate_tensors()
    for detail, name in zip(interpreter.get_input_details(), case["inputs"], strict=True):
        values = numpy.fromfile(folder / name, dtype=numpy.float32)
        interpreter.set_tensor(detail["index"], values.reshape(detail["shape"]))
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]).ravel().tolist() for detail in interpreter.get_output_details()]


def attempt(case):
    try:
        return run(case)
    except (RuntimeError, ValueError) as error:
        return {"error": str(error)}


cases = json.loads((folder / "cases.json").read_text())
(folder / "outputs.json").write_text(json.dumps([attempt(case) for case in cases]))
