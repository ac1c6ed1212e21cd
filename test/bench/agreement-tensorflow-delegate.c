/*
 * The XNNPACK delegate of Python's tf.lite for the agent's interpreter: agreement-delegate.c the other way round.
 *
 *   LIBRARY   the library of Python's tf.lite; it keeps its delegate to itself, so that its functions are found by where they lie:
 *   OPTIONS, CREATE   where TfLiteXNNPackDelegateOptionsDefault and TfLiteXNNPackDelegateCreate lie in it
 *
 * It asks for what a Python program has, which is not called here: agreement.mjs writes such names into a header, as room that is never used.
 * What a later interpreter has appended to structures, this one hands over without, and the delegate does not ask for it, but for one thing: in the
 * interpreter's private part, which is another in every version, it reads which subgraph it is given. So it is shown a context whose private part is zero (the first
 * subgraph), and whose functions ask the interpreter's own.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/lite/c/common.h"

/* Words, of which the first is the number of threads; 2.21 has 14. */
typedef struct {
  int32_t threads;
  int32_t others[63];
} Options;

static TfLiteContext* real;
static TfLiteContext shown;
static char private_part[1 << 16];

static TfLiteStatus (*prepare_own)(TfLiteContext*, TfLiteDelegate*);
static void* (*init_own)(TfLiteContext*, const char*, size_t);

static TfLiteStatus get_plan(TfLiteContext* context, TfLiteIntArray** plan) {
  (void)context;
  return real->GetExecutionPlan(real, plan);
}

static TfLiteStatus get_node(TfLiteContext* context, int index, TfLiteNode** node, TfLiteRegistration** registration) {
  (void)context;
  return real->GetNodeAndRegistration(real, index, node, registration);
}

static TfLiteContext* show(TfLiteContext* context);

static void* init(TfLiteContext* context, const char* buffer, size_t length) {
  return init_own(show(context), buffer, length);
}

static TfLiteStatus replace_nodes(TfLiteContext* context, TfLiteRegistration registration, const TfLiteIntArray* nodes, TfLiteDelegate* delegate) {
  (void)context;
  init_own = registration.init;
  registration.init = init;
  return real->ReplaceNodeSubsetsWithDelegateKernels(real, registration, nodes, delegate);
}

static TfLiteContext* show(TfLiteContext* context) {
  real = context;
  shown = *context;
  shown.impl_ = private_part;
  shown.GetExecutionPlan = get_plan;
  shown.GetNodeAndRegistration = get_node;
  shown.ReplaceNodeSubsetsWithDelegateKernels = replace_nodes;
  return &shown;
}

static TfLiteStatus prepare(TfLiteContext* context, TfLiteDelegate* delegate) {
  return prepare_own(show(context), delegate);
}

/* Where the library lies, once it can be loaded: our own names, of Python among them, are there for it. */
static char* load(void) {
  Dl_info self;
  dladdr((void*)load, &self);
  struct link_map* library = dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_GLOBAL) ? dlopen(LIBRARY, RTLD_LAZY) : NULL;
  if (!library) fprintf(stderr, "expected to load Python's tf.lite, but: %s\n", dlerror());
  return library ? (char*)library->l_addr : NULL;
}

/* One for all models, as in the agent's own (agent/runtime/xnnpack-delegate/delegate.c). */
static TfLiteDelegate* delegate;

TfLiteDelegate* tflite_plugin_create_delegate(char** keys, char** values, size_t option_count, void (*report_error)(const char*)) {
  (void)keys, (void)report_error;
  char* library = delegate ? NULL : load();
  if (!library) return delegate;
  Options (*defaults)(void) = (void*)(library + OPTIONS);
  TfLiteDelegate* (*create)(const Options*) = (void*)(library + CREATE);
  Options options = defaults();
  options.threads = option_count == 1 ? atoi(values[0]) : 1;
  delegate = create(&options);
  prepare_own = delegate->Prepare;
  delegate->Prepare = prepare;
  return delegate;
}

void tflite_plugin_destroy_delegate(TfLiteDelegate* unused) { (void)unused; }
