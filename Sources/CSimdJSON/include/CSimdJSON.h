// Whole routing-trace files in JSON, parsed by simdjson into flat arrays.
//
// One call parses one file, so that no call is paid per value. Types and bounds are checked here;
// nothing is thrown across this boundary.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Parser and result arrays, reused from file to file. Not for two threads at once.
typedef struct csj_reader csj_reader;

/// What must hold of every event, and what is read. A bound of 0 for `top_k` means: as in the file's
/// widest event.
typedef struct {
  uint32_t experts;
  uint32_t top_k;
  /// 0 where gate weights are not to be looked at.
  uint32_t weights;
} csj_bounds;

/// The id in a slot for which the file says that nothing was recorded: by -1, by null, by a list that
/// is too short or not there.
enum { CSJ_ABSENT = 0xFFFF };

/// The most ids of an event.
enum { CSJ_LARGEST_TOP_K = 64 };

/// The most experts of a layer.
enum { CSJ_MOST_EXPERTS = 32768 };

/// A request; the pointers belong to the reader and live until its next call.
typedef struct {
  /// `tokens * layers * top_k` expert ids, token-major, prompt first; `CSJ_ABSENT` in any slot.
  const uint16_t *ids;
  /// Gate weights beside the ids, or null.
  const float *weights;
  /// Model layer numbers, ascending.
  const uint16_t *layer_numbers;
  size_t layers;
  size_t tokens;
  size_t prefill;
  size_t top_k;
  /// UTF-8, not terminated; empty where the file has none.
  const char *name;
  size_t name_length;
  const char *task;
  size_t task_length;
} csj_request;

/// What is to be said of the text that was read last; the pointers live until the reader's next call.
typedef struct {
  /// Keys that hold routing and are not read, parted by commas, as UTF-8; empty where there are none.
  const char *unread;
  size_t unread_length;
  /// Keys whose label is neither text nor a number, and so is left out, in the same way.
  const char *unlabelled;
  size_t unlabelled_length;
} csj_remarks;

enum {
  CSJ_OK = 0,
  /// Not JSON, or cut off.
  CSJ_MALFORMED = 1,
  /// JSON, but not of this format.
  CSJ_UNEXPECTED = 2,
  /// A value that the bounds or the file's own other values contradict.
  CSJ_CONTRADICTION = 3,
  CSJ_NO_MEMORY = 4,
  /// An id, or a number of ids, that the model meant cannot have.
  CSJ_OTHER_MODEL = 5,
  /// Gate weights that are none, or not as many as there are ids.
  CSJ_WEIGHTS = 6,
};

/// The first fault of a file.
typedef struct {
  int code;
  /// Offset in the file near which it lies, or -1.
  int64_t byte;
  /// Token of the request and model layer, or -1.
  int64_t token;
  int64_t layer;
  char problem[192];
} csj_fault;

/// Bytes that must be readable behind the text of a file, and zero.
size_t csj_padding(void);

/// Null where there is no memory.
csj_reader *csj_reader_create(void);
void csj_reader_destroy(csj_reader *reader);

/// Remarks on the text that a function below read last.
csj_remarks csj_last_remarks(const csj_reader *reader);

/// Parses one request of the data set MoE_expert_selection_trace: a list whose entry 0 is the prompt
/// (`{"layer": null or [[ids] per token]}`) and whose others are a decoded token each.
///
/// `json` has `length` bytes of text in a buffer of `capacity`. Returns `CSJ_OK` and fills
/// `request`, or another code and fills `fault`.
int csj_read_selection_trace(
    csj_reader *reader, const uint8_t *json, size_t length, size_t capacity, csj_bounds bounds,
    csj_request *request, csj_fault *fault);

/// Parses one request of the GPT-OSS fingerprinting data set: an object whose `router_data` lists
/// `{"token_N": {"layer_N": {"selected_experts": [ids], "selected_probs": [weights]}}}`.
int csj_read_fingerprint(
    csj_reader *reader, const uint8_t *json, size_t length, size_t capacity, csj_bounds bounds,
    csj_request *request, csj_fault *fault);

enum {
  /// Neither of the two below: to be passed over.
  CSJ_OTHER_RECORD = 0,
  /// What is known of the records behind it.
  CSJ_META_RECORD = 1,
  /// The choice of one token in one layer.
  CSJ_ROUTE_RECORD = 2,
};

/// A key or a value of JSON text; a length of 0 for one that a kind of log has not.
typedef struct {
  const char *text;
  size_t length;
} csj_name;

/// How a kind of routing log calls what it tells: its keys, and the values of `kind`.
typedef struct {
  /// The key that says what a record is, and its values for choices and for what is known of the records
  /// behind it. Without such a key all records are choices.
  csj_name kind, choice, meta;
  csj_name request, token, layer, ids, weights, phase;
  /// Of meta records, and of records that tell top-k themselves.
  csj_name top_k, layers, model, experts;
  /// A list of stages in a meta record, each an object, of which that of `stage` tells its `stage_top_k`
  /// and `experts`.
  csj_name stages, stage, stage_name, stage_top_k;
  /// Whether `ids` is a list of rows, one a token, and no token is told.
  int has_rows;
} csj_record_keys;

/// A line of a routing log; the pointers are into the line, or belong to the reader and live until its
/// next call.
typedef struct {
  int kind;
  /// The request's name; UTF-8, not terminated; empty where the record has none.
  const char *request;
  size_t request_length;
  /// Place of the token, and its layer, or -1.
  int64_t token;
  int64_t layer;
  /// Ids as far as they are there, `CSJ_ABSENT` where one is absent; of `rows` tokens of equally many.
  /// Behind those of one token that has fewer than top-k stands `CSJ_ABSENT` in the slots left.
  const uint16_t *ids;
  size_t ids_count;
  size_t rows;
  /// Gate weights, NaN where one is no number; no more than are there.
  const double *weights;
  size_t weights_count;
  /// The phase; empty where the record has none.
  const char *phase;
  size_t phase_length;
  /// Top-k and experts of a layer, or -1.
  int64_t top_k;
  int64_t experts;
  /// The layers of a meta record.
  const uint16_t *layers;
  size_t layers_count;
  /// The model of a meta record.
  const char *model;
  size_t model_length;
} csj_record;

/// Parses one line of a routing log with such keys.
int csj_read_record(
    csj_reader *reader, const uint8_t *json, size_t length, size_t capacity,
    const csj_record_keys *keys, csj_bounds bounds, csj_record *record, csj_fault *fault);

/// How an answer holds its routing.
enum {
  /// Base64 of little-endian int32 (SGLang).
  CSJ_RAW_ROUTING = 0,
  /// Base64 of a NumPy file (vLLM).
  CSJ_NUMPY_ROUTING = 1,
  /// Base64 of an array beside its shape and type (prime-rl, Dynamo).
  CSJ_ARRAY_ROUTING = 2,
  /// Lists of numbers (vLLM up to 0.21).
  CSJ_LISTED_ROUTING = 3,
};

/// Ids that stand in lists: `rows * layers * top_k` from `first` on among all listed ids, token-major.
typedef struct {
  size_t first;
  size_t rows;
  size_t layers;
  size_t top_k;
} csj_listed;

/// The routing that one answer of a server holds; the pointers live until the reader's next call.
typedef struct {
  /// One of the above.
  int form;
  /// What is in base64; not terminated; null where the answer has no routing, or has it in lists.
  const char *routed;
  size_t routed_length;
  /// Shape and NumPy type of an array, -1 and empty where they are not told.
  int64_t shape[3];
  const char *dtype;
  size_t dtype_length;
  /// Ids in lists, and those of the prompt, which other forms do not have apart.
  csj_listed listed;
  csj_listed prompt;
  const uint16_t *listed_ids;
  /// Tokens at the beginning that have no row, or -1.
  int64_t start;
  /// Where the answer, or its choice, begins in the file.
  size_t byte;
  /// `id`; empty where the answer has none.
  const char *name;
  size_t name_length;
  /// `prompt_tokens` and `completion_tokens`, or -1.
  int64_t prompt_tokens;
  int64_t completion_tokens;
} csj_answer;

/// Finds the routing of one answer of SGLang, vLLM and servers on them, or of a list of answers:
/// `routed_experts` in it, in `meta_info`, `sglext`, `sgl_ext` or `nvext`, in its `choices` or in these
/// objects of a choice, `prompt_routed_experts`, and an array alone.
///
/// Fills `answers`, which lives as its pointers do, and `count`: one each, or one a choice.
int csj_find_answers(
    csj_reader *reader, const uint8_t *json, size_t length, size_t capacity, csj_bounds bounds,
    const csj_answer **answers, size_t *count, csj_fault *fault);

/// Parses one request of OLMoE's routing script: an object whose `exp_ids` is `[tokens][top-k][layers]`.
/// All tokens are the prompt's; layers are counted from 0.
int csj_read_transposed(
    csj_reader *reader, const uint8_t *json, size_t length, size_t capacity, csj_bounds bounds,
    csj_request *request, csj_fault *fault);

/// One expert that a token takes in a layer.
typedef struct {
  int32_t token;
  uint16_t layer;
  uint16_t expert;
  /// NaN where it has no gate weight.
  double weight;
} csj_choice;

/// The choices of one request; the pointers live until the reader's next call.
typedef struct {
  const csj_choice *choices;
  size_t count;
  /// `top_k` and `num_experts`, or -1.
  int64_t top_k;
  int64_t experts;
} csj_choices;

/// Parses the traces of moe-routing-atlas in an object: it is one itself, or lists some as `traces`.
/// Fills `traces`, which lives as its pointers do, and `count`.
int csj_read_atlas(
    csj_reader *reader, const uint8_t *json, size_t length, size_t capacity, csj_bounds bounds,
    const csj_choices **traces, size_t *count, csj_fault *fault);

/// A prompt of a layered export: its rows, the first of them those of the prompt.
typedef struct {
  size_t start;
  size_t prefill;
  size_t end;
  const char *category;
  size_t category_length;
} csj_prompt;

/// An export of all rows of every layer; the pointers live until the reader's next call.
typedef struct {
  /// Model layer numbers in the file's order.
  const uint16_t *layers;
  size_t layers_count;
  /// `layers_count * rows * top_k` ids, layer-major in that order.
  const uint16_t *ids;
  size_t rows;
  size_t top_k;
  int64_t experts;
  /// None where the file tells of no prompts.
  const csj_prompt *prompts;
  size_t prompts_count;
} csj_layered;

/// Parses a `glm52-routing-trace-export`.
int csj_read_layered(
    csj_reader *reader, const uint8_t *json, size_t length, size_t capacity, csj_bounds bounds,
    csj_layered *layered, csj_fault *fault);

/// Whether a text holds another, which is not empty.
int csj_holds(const uint8_t *text, size_t length, const uint8_t *wanted, size_t wanted_length);

/// Bytes of the first JSON value in a text that begins with it; all of the text where the value does
/// not end in it. That is the first line where it is one value and another or nothing follows; else
/// brackets and quotes are looked at, and nothing else.
size_t csj_value_length(const uint8_t *json, size_t length);

/// Finds a non-negative integer at the top level of an object; `*found` is 0 where it has no such
/// key or is null.
int csj_find_integer(
    csj_reader *reader, const uint8_t *json, size_t length, size_t capacity, const char *key,
    int64_t *value, int *found, csj_fault *fault);

#ifdef __cplusplus
}
#endif
