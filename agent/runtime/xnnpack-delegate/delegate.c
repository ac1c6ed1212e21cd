/*
 * The XNNPACK delegate as a plugin for tfjs-tflite-node: the TensorFlow Lite library inside that package holds XNNPACK but
 * does not apply it, and is 8 to 16 times slower without. The binding loads this library through its option `delegate`.
 * Option: num_threads.
 *
 * All models of a process with the same number of threads share one delegate, and so one pool of threads. A pool of its own for each model would
 * disturb the next one's measurement: new threads, and those that have just worked, spin for up to 100 ms before they sleep.
 * A delegate forgets what it unpacked for one model (float16 or sparse constants) when the next is loaded: of such models, only the last may run.
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

/* A delegate that is shared, for as long as the process lives. */
struct shared {
  int32_t num_threads;
  TfLiteDelegate* delegate;
  struct shared* next;
};
static struct shared* first;

static TfLiteDelegate* share(const TfLiteXNNPackDelegateOptions* options) {
  for (struct shared* entry = first; entry; entry = entry->next) {
    if (entry->num_threads == options->num_threads) return entry->delegate;
  }
  struct shared* entry = malloc(sizeof *entry);
  TfLiteDelegate* delegate = entry ? TfLiteXNNPackDelegateCreate(options) : NULL;
  if (!delegate) {
    free(entry);
    return NULL;
  }
  *entry = (struct shared){options->num_threads, delegate, first};
  first = entry;
  return delegate;
}

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
  return share(&options);
}

/* Other models may use it, or will. */
void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate) { (void)delegate; }
