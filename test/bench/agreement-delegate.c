/*
 * The agent's XNNPACK delegate for interpreters of later versions, such as Python's. These have appended members to the structures that a delegate hands
 * over, of which TensorFlow Lite 2.9 does not know; here there is room for them, all zero, which means "not given".
 */
#define tflite_plugin_create_delegate create_own
#define tflite_plugin_destroy_delegate destroy_own
#include "../../agent/runtime/xnnpack-delegate/delegate.c"
#undef tflite_plugin_create_delegate
#undef tflite_plugin_destroy_delegate

/* Of words; 2.21 has appended one to delegates and three to registrations. */
enum { room = 8 };

typedef struct {
  TfLiteDelegate known;
  void* appended[room];
  TfLiteDelegate* own;
} Delegate;

typedef struct {
  TfLiteRegistration known;
  void* appended[room];
} Registration;

typedef TfLiteStatus (*ReplaceNodes)(TfLiteContext*, Registration, const TfLiteIntArray*, TfLiteDelegate*);

/* The interpreter's, while a delegate is prepared. */
static ReplaceNodes replace_nodes;

static TfLiteStatus replace_with_room(TfLiteContext* context, TfLiteRegistration registration,
                                      const TfLiteIntArray* nodes, TfLiteDelegate* delegate) {
  return replace_nodes(context, (Registration){.known = registration}, nodes, delegate);
}

static TfLiteStatus prepare(TfLiteContext* context, TfLiteDelegate* delegate) {
  replace_nodes = (ReplaceNodes)(void*)context->ReplaceNodeSubsetsWithDelegateKernels;
  context->ReplaceNodeSubsetsWithDelegateKernels = replace_with_room;
  TfLiteStatus status = ((Delegate*)delegate)->own->Prepare(context, delegate);
  context->ReplaceNodeSubsetsWithDelegateKernels = (void*)replace_nodes;
  return status;
}

TfLiteDelegate* tflite_plugin_create_delegate(char** keys, char** values, size_t option_count,
                                              void (*report_error)(const char*)) {
  TfLiteDelegate* own = create_own(keys, values, option_count, report_error);
  Delegate* delegate = own ? calloc(1, sizeof *delegate) : NULL;
  if (!delegate) return NULL;
  delegate->own = own;
  delegate->known = *own;
  delegate->known.Prepare = prepare;
  return &delegate->known;
}

void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate) {
  destroy_own(((Delegate*)delegate)->own);
  free(delegate);
}
