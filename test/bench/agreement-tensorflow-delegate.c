/*
 * The XNNPACK delegate of Python's tf.lite for the agent's interpreter: agreement-delegate.c the other way round.
 *
 *   LIBRARY           the library of Python's tf.lite, which keeps its delegate to itself; so its functions are found by where they lie in it:
 *   OPTIONS, CREATE   TfLiteXNNPackDelegateOptionsDefault and TfLiteXNNPackDelegateCreate
 *
 * The library asks for names that a Python program has, none of which is used here: agreement-agent.mjs writes them into a header, as room.
 * Later versions have appended members to structures; what the delegate reads of the interpreter's lies before them. But it also reads, in the
 * interpreter's private part, which is another in every version, which subgraph it is given. So it is shown a context whose private part is zero: the first
 * subgraph. Of the functions that need that part, the context has those that the delegate calls, and they ask the interpreter's own.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tensorflow/lite/c/common.h"

/* 2.21 has 56 bytes; of all versions, the first member is this. */
typedef struct {
  int32_t num_threads;
  int32_t others[63];
} Options;

/* The agent's, of the model that is prepared. */
static TfLiteContext* real;

static struct {
  TfLiteContext context;
  void* appended[8];
} shown;
static char private_part[1 << 16];

static TfLiteStatus (*prepare_own)(TfLiteContext*, TfLiteDelegate*);
static void* (*init_own)(TfLiteContext*, const char*, size_t);

static void fail(const char* problem, const char* detail) {
  fprintf(stderr, "%s: %s; delete build/python and run `npm run setup:tensorflow`\n", problem, detail);
  exit(1);
}

static void report_error(TfLiteContext* context, const char* format, ...) {
  (void)context;
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
}

static TfLiteStatus get_plan(TfLiteContext* context, TfLiteIntArray** plan) {
  (void)context;
  return real->GetExecutionPlan(real, plan);
}

static TfLiteStatus get_node(TfLiteContext* context, int index, TfLiteNode** node, TfLiteRegistration** registration) {
  (void)context;
  return real->GetNodeAndRegistration(real, index, node, registration);
}

static TfLiteStatus get_metadata(const TfLiteContext* context, const char* name, const char** start, size_t* length) {
  (void)context;
  return real->GetModelMetadata(real, name, start, length);
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
  shown.context = (TfLiteContext){
    .tensors_size = real->tensors_size,
    .tensors = real->tensors,
    .recommended_num_threads = real->recommended_num_threads,
    .allow_fp32_relax_to_fp16 = real->allow_fp32_relax_to_fp16,
    .impl_ = private_part,
    .ReportError = report_error,
    .GetExecutionPlan = get_plan,
    .GetNodeAndRegistration = get_node,
    .GetModelMetadata = get_metadata,
    .ReplaceNodeSubsetsWithDelegateKernels = replace_nodes,
  };
  return &shown.context;
}

/* What it leaves would run in the interpreter's own kernels, under the delegate's name. */
static TfLiteStatus prepare(TfLiteContext* context, TfLiteDelegate* delegate) {
  TfLiteIntArray* plan;
  if (prepare_own(show(context), delegate) != kTfLiteOk || real->GetExecutionPlan(real, &plan) != kTfLiteOk) return kTfLiteError;
  if (plan->size == 1) return kTfLiteOk;
  report_error(context, "expected XNNPACK to take the whole model, but %d parts are left", plan->size);
  return kTfLiteError;
}

/* Where the library lies, once it is loaded; for it, the names of Python that lie here are there for all. */
static char* load(void) {
  Dl_info self;
  dladdr((void*)load, &self);
  if (!dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_GLOBAL)) fail(self.dli_fname, dlerror());
  struct link_map* library = dlopen(LIBRARY, RTLD_LAZY | RTLD_DEEPBIND);
  if (!library) fail(LIBRARY, dlerror());
  return (char*)library->l_addr;
}

static TfLiteDelegate* create(void) {
  char* library = load();
  Options (*defaults)(void) = (void*)(library + OPTIONS);
  TfLiteDelegate* (*create_own)(const Options*) = (void*)(library + CREATE);
  Options options = defaults();
  options.num_threads = 1;
  TfLiteDelegate* delegate = create_own(&options);
  if (!delegate) fail(LIBRARY, "gave no delegate");
  prepare_own = delegate->Prepare;
  delegate->Prepare = prepare;
  return delegate;
}

/* One for all models (agent/runtime/xnnpack-delegate/delegate.c), with one thread, for which agreement.mjs asks. */
TfLiteDelegate* tflite_plugin_create_delegate(char** keys, char** values, size_t option_count, void (*report)(const char*)) {
  static TfLiteDelegate* delegate;
  (void)keys, (void)values, (void)option_count, (void)report;
  if (!delegate) delegate = create();
  return delegate;
}

void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate) { (void)delegate; }
