/*
 * The XNNPACK delegate as a plugin for tfjs-tflite-node: the TensorFlow Lite library inside that package holds XNNPACK but
 * does not apply it, and is 8 to 16 times slower without. The binding loads this library through its option `delegate`.
 * Option: num_threads.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/lite/c/common.h"

/* As TensorFlow Lite 2.9 declares them in delegates/xnnpack/xnnpack_delegate.h, which the package does not hold. */
typedef struct {
  int32_t num_threads;
  uint32_t flags;
} TfLiteXNNPackDelegateOptions;
TfLiteXNNPackDelegateOptions TfLiteXNNPackDelegateOptionsDefault(void);
TfLiteDelegate* TfLiteXNNPackDelegateCreate(const TfLiteXNNPackDelegateOptions* options);
void TfLiteXNNPackDelegateDelete(TfLiteDelegate* delegate);

TfLiteDelegate* tflite_plugin_create_delegate(char** keys, char** values, size_t option_count, void (*report_error)(const char*)) {
  TfLiteXNNPackDelegateOptions options = TfLiteXNNPackDelegateOptionsDefault();
  for (size_t i = 0; i < option_count; i++) {
    if (strcmp(keys[i], "num_threads") == 0) {
      options.num_threads = atoi(values[i]);
    } else if (report_error) {
      report_error("expected the option num_threads only");
      return NULL;
    }
  }
  return TfLiteXNNPackDelegateCreate(&options);
}

void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate) { TfLiteXNNPackDelegateDelete(delegate); }
