/*
 * Runs a model of one input and one output through the functions that leave tensors in place (linked before the library's own), loaded anew for each of some inputs.
 * Arguments: model, inputs (float32, one after another); a third has XNNPACK run it. Prints what the model made of each, read where it lies: at first; after another input was copied in, which must not be;
 * and what a 7 became where the output was to be copied.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tensorflow/lite/c/c_api.h"

static void print(const TfLiteTensor* output) {
  const float* values = TfLiteTensorData(output);
  for (size_t i = 0; i < TfLiteTensorByteSize(output) / sizeof *values; i++) printf("%.9g ", values[i]);
}

/* Of agent/runtime/xnnpack-delegate/delegate.c. */
struct TfLiteDelegate* tflite_plugin_create_delegate(char** keys, char** values, size_t option_count, void (*report_error)(const char*));

static TfLiteInterpreter* load(TfLiteModel* model, int with_xnnpack) {
  TfLiteInterpreterOptions* options = TfLiteInterpreterOptionsCreate();
  if (with_xnnpack) TfLiteInterpreterOptionsAddDelegate(options, tflite_plugin_create_delegate(NULL, NULL, 0, NULL));
  return TfLiteInterpreterCreate(model, options);
}

int main(int argument_count, char** arguments) {
  FILE* file = argument_count >= 3 ? fopen(arguments[2], "rb") : NULL;
  TfLiteModel* model = file ? TfLiteModelCreateFromFile(arguments[1]) : NULL;
  if (!model) return 1;
  for (;;) {
    TfLiteInterpreter* interpreter = load(model, argument_count == 4);
    if (!interpreter || TfLiteInterpreterAllocateTensors(interpreter)) return 2;
    TfLiteTensor* input = TfLiteInterpreterGetInputTensor(interpreter, 0);
    const TfLiteTensor* output = TfLiteInterpreterGetOutputTensor(interpreter, 0);
    size_t byte_count = TfLiteTensorByteSize(input);
    void *values = malloc(byte_count), *zeros = calloc(byte_count, 1);
    float* copy = malloc(TfLiteTensorByteSize(output));
    if (fread(values, byte_count, 1, file) != 1) return 0;
    if (TfLiteTensorCopyFromBuffer(input, values, byte_count - 1) == kTfLiteOk) return 3;
    for (int run = 0; run < 2; run++) {
      if (TfLiteTensorCopyFromBuffer(input, run == 0 ? values : zeros, byte_count) || TfLiteInterpreterInvoke(interpreter)) return 4;
      print(output);
    }
    copy[0] = 7;
    if (TfLiteTensorCopyToBuffer(output, copy, TfLiteTensorByteSize(output))) return 5;
    printf("%g\n", copy[0]);
    TfLiteInterpreterDelete(interpreter);
  }
}
