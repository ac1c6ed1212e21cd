/* Prints the version of the TensorFlow Lite library inside tfjs-tflite-node, which its binding does not tell. */
#include <stdio.h>

#include "tensorflow/lite/c/c_api.h"

int main(void) {
  puts(TfLiteVersion());
  return 0;
}
