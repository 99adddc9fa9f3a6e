/* moecast: forecasts of expert choices, learning from them, and routing traces, from C.
 *
 * Conventions
 *   - Every function that can fail returns a moecast_status, MOECAST_OK or the kind of failure, and
 *     writes what, where and the remedy into `error` (which may be NULL). A call that fails has
 *     changed nothing.
 *   - Layers are ordinals of MoE layers, 0 to layers - 1; moecast_shape.model_layers has the model's
 *     own numbers. Expert ids are 16 bits; MOECAST_NO_EXPERT stands for an empty slot: a choice may
 *     hold fewer than top_k ids, the rest of its row is empty; a row of empty slots is an event
 *     without a route.
 *   - Arrays are the caller's, contiguous, row by row; `n` is the length of the first axis.
 *   - Texts are UTF-8 and end with 0.
 *
 * Threads
 *   - Different handles are independent of each other.
 *   - The calls of one forecaster may come from any thread; they are taken one at a time. Learning
 *     happens on a thread of its own and never holds up a forecast.
 *   - A reader or a writer is used from one thread at a time.
 *   - A handle must not be used while, or after, it is closed.
 *
 * Versions: the major number changes when a program must be changed, the minor one when something is
 * added. Structs that may grow begin with their size.
 */
#ifndef MOECAST_H
#define MOECAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MOECAST_VERSION_MAJOR 1
#define MOECAST_VERSION_MINOR 0
#define MOECAST_VERSION_PATCH 0

/* The version of the library that was loaded, such as "1.0.0". */
const char *moecast_version(void);

/* Kinds of failure. */
typedef enum moecast_status {
  MOECAST_OK = 0,
  /* An argument is NULL, of a wrong size, or out of its range. */
  MOECAST_BAD_ARGUMENT = 1,
  /* The request is not under way: never begun, ended, or forgotten. */
  MOECAST_UNKNOWN_REQUEST = 2,
  /* The layer, or the call, is out of order. */
  MOECAST_OUT_OF_ORDER = 3,
  /* The ids are no choice of this router: out of range, twice, or too many. */
  MOECAST_BAD_CHOICE = 4,
  /* A file cannot be opened, read or written. */
  MOECAST_FILE = 5,
  /* A file is damaged, or not what it should be. */
  MOECAST_DATA = 6,
  /* Model and trace, or model and call, do not fit each other. */
  MOECAST_MISMATCH = 7,
  /* There is no room: memory, or a limit of what may be under way. */
  MOECAST_NO_ROOM = 8,
  /* Anything else. */
  MOECAST_FAILED = 9
} moecast_status;

/* What went wrong, in one line for people. */
typedef struct moecast_error {
  moecast_status status;
  char text[1020];
} moecast_error;

/* No expert, in ids. */
#define MOECAST_NO_EXPERT ((uint16_t)0xFFFF)

/* Stages of a token. */
#define MOECAST_PREFILL ((uint8_t)0)
#define MOECAST_DECODE ((uint8_t)1)

/* The shape of a model's routing. */
typedef struct moecast_shape {
  uint32_t layers;               /* MoE layers, from 1 */
  uint32_t experts;              /* routed experts a layer, 1 to 65,535 */
  uint32_t top_k;                /* experts a token chooses in a layer */
  const uint32_t *model_layers;  /* [layers]: the model's own numbers of them; NULL for 0, 1, 2, ... */
  const char *name;              /* the model's name; NULL or "" for none */
} moecast_shape;

/* ---------------------------------------------------------------------- forecasts ------------- */

/* A model, and the requests that it follows. */
typedef struct moecast_forecaster moecast_forecaster;

/* What a forecaster does beside forecasting. Set all of it to 0 but `size` for what is usual. */
typedef struct moecast_options {
  size_t size;              /* sizeof(moecast_options) */
  const char *predictors;   /* with a shape: what learns, such as "mixture-fast,layer-markov"; NULL for "mixture" */
  bool learn;               /* learn tokens as they are closed */
  uint32_t max_requests;    /* requests followed at most; the one used longest ago is forgotten; 0 for 4,096. A
                               mixture keeps about 65 kB for each with 26 layers of 64 experts, 130 kB with 58 of 256;
                               one that learns has its tables twice */
  const char *record;       /* also write what is observed to this trace, *.moe.lz4; NULL for none. Needs `learn`
                               or not: a frozen model records too */
} moecast_options;

/* Opens a model file. `options` may be NULL; options->predictors must be NULL. */
moecast_status moecast_forecaster_open(const char *model, const moecast_options *options,
                                       moecast_forecaster **forecaster, moecast_error *error);

/* A forecaster that has learnt nothing yet. `options` may be NULL for a mixture that learns. */
moecast_status moecast_forecaster_create(const moecast_shape *shape, const moecast_options *options,
                                         moecast_forecaster **forecaster, moecast_error *error);

/* Waits for what is being learnt, closes the recording, frees everything. NULL is ignored. A recording that
 * cannot be finished is told in `error`; the handle is gone all the same. */
moecast_status moecast_forecaster_close(moecast_forecaster *forecaster, moecast_error *error);

/* The shape; its pointers live as long as the forecaster. */
moecast_status moecast_forecaster_shape(const moecast_forecaster *forecaster, moecast_shape *shape,
                                        moecast_error *error);

/* The names of its predictors, with commas, for `predictor` by position; lives as long as the forecaster. */
const char *moecast_forecaster_predictors(const moecast_forecaster *forecaster);

/* How far ahead of the last observed layer a predictor forecasts: 1 for the next layer; 0 where it needs none
 * of the token's layers. */
moecast_status moecast_forecaster_horizon(const moecast_forecaster *forecaster, uint32_t predictor,
                                          uint32_t *horizon, moecast_error *error);

/* Begins a request under a number of the caller's.
 *   task      its task's name, or NULL
 *   position  of its first token that will be seen, 0 for a new request */
moecast_status moecast_request_begin(moecast_forecaster *forecaster, uint64_t request, const char *task,
                                     uint64_t position, moecast_error *error);

/* Ends requests: an open token of theirs is dropped, closed ones are learnt.
 *   requests  [n] */
moecast_status moecast_request_end(moecast_forecaster *forecaster, size_t n, const uint64_t *requests,
                                   moecast_error *error);

/* Opens the next token of each request. The token before must be closed, which observing its last layer does.
 *   requests  [n], no two the same
 *   stages    [n] MOECAST_PREFILL or MOECAST_DECODE; NULL for decode */
moecast_status moecast_open_tokens(moecast_forecaster *forecaster, size_t n, const uint64_t *requests,
                                   const uint8_t *stages, moecast_error *error);

/* Tells what the routers chose at `layer`, the next of each request's open token. The last layer closes the token.
 *   requests  [n], no two the same
 *   ids       [n, top_k], empty slots last
 * All is checked before any of it is noted. */
moecast_status moecast_observe(moecast_forecaster *forecaster, size_t n, const uint64_t *requests,
                               uint32_t layer, const uint16_t *ids, moecast_error *error);

/* Forecasts `layer` of each request's open token, from what has been observed. Changes nothing.
 *   predictor  by its position, 0 for the first
 *   requests   [n]
 *   layer      not observed yet, within the predictor's horizon
 *   top        experts told, 1 to experts
 *   ranked     [n, top] out: ids, the likeliest first, ties to the lower id
 *   chances    [n, top] out: their probabilities (those of all experts add up to 1); NULL where not wanted */
moecast_status moecast_forecast(moecast_forecaster *forecaster, uint32_t predictor, size_t n,
                                const uint64_t *requests, uint32_t layer, uint32_t top,
                                uint16_t *ranked, float *chances, moecast_error *error);

/* moecast_observe(layer, ids), then moecast_forecast(layer + horizon) where there is such a layer: one call a layer.
 * Where there is none, `ranked` is filled with MOECAST_NO_EXPERT and `chances` with 0. */
moecast_status moecast_step(moecast_forecaster *forecaster, uint32_t predictor, size_t n,
                            const uint64_t *requests, uint32_t layer, const uint16_t *ids, uint32_t top,
                            uint16_t *ranked, float *chances, moecast_error *error);

/* How it stands. */
typedef struct moecast_counts {
  size_t size;              /* sizeof(moecast_counts) */
  uint64_t tokens_learnt;   /* tokens that the present model has learnt, by earlier streams too */
  uint64_t tokens_waiting;  /* closed, and not learnt yet */
  uint64_t requests;        /* under way */
} moecast_counts;

moecast_status moecast_forecaster_counts(moecast_forecaster *forecaster, moecast_counts *counts,
                                         moecast_error *error);

/* Waits until every closed token is learnt. */
moecast_status moecast_forecaster_flush(moecast_forecaster *forecaster, moecast_error *error);

/* Learns what is closed, then writes the model: the bytes that `moecast train` makes of the recorded trace. The
 * file is replaced whole or not at all. */
moecast_status moecast_forecaster_save(moecast_forecaster *forecaster, const char *path,
                                       moecast_error *error);

/* Recall and loss of a predictor over what it has scored: test, then train. */
typedef struct moecast_score {
  size_t size;           /* sizeof(moecast_score) */
  uint64_t events;       /* events scored */
  double recall_at_1, recall_at_k, recall_at_2k, recall_at_4k; /* NaN where nothing was scored */
  double log_loss_bits;  /* bits an expert chosen; NaN where nothing was scored */
} moecast_score;

moecast_status moecast_forecaster_score(moecast_forecaster *forecaster, uint32_t predictor,
                                        moecast_score *score, moecast_error *error);

/* ---------------------------------------------------------------------- whole traces ---------- */

/* Trains predictors on traces and writes the model, as `moecast train` does.
 *   traces      [n] paths: files or folders
 *   predictors  names with commas; NULL for "mixture"
 *   threads     0 for one a core */
moecast_status moecast_train(size_t n, const char *const *traces, const char *predictors, const char *model,
                             uint32_t threads, moecast_error *error);

/* Scores a model on traces.
 *   learn      whether it goes on learning as it is scored (in memory; the file stays)
 *   predictor  by its position */
moecast_status moecast_evaluate(const char *model, size_t n, const char *const *traces, bool learn,
                                uint32_t predictor, uint32_t threads, moecast_score *score,
                                moecast_error *error);

/* ---------------------------------------------------------------------- traces ---------------- */

typedef struct moecast_reader moecast_reader;
typedef struct moecast_writer moecast_writer;

/* Consecutive tokens of one request in a chunk. */
typedef struct moecast_run {
  uint64_t request;      /* its number */
  uint64_t first_token;  /* position of the first token in the request, prefill included */
  uint32_t count;        /* tokens; may be 0 where the run only ends the request */
  uint8_t stage;         /* MOECAST_PREFILL or MOECAST_DECODE */
  uint8_t ends_request;  /* 1 where nothing of the request comes after it */
  uint16_t reserved;     /* 0 */
} moecast_run;

/* A chunk; its pointers live until the next call with its reader. */
typedef struct moecast_chunk {
  size_t tokens;
  size_t runs;
  const moecast_run *run;    /* [runs] */
  const uint16_t *ids;       /* [layers, tokens, top_k] */
  const uint16_t *weights;   /* [layers, tokens, top_k], IEEE half; NULL where none were recorded */
  size_t labels;             /* requests that begin in this chunk and have a name or a task */
  const uint64_t *label_request;  /* [labels] */
  const char *const *label_name;  /* [labels] */
  const char *const *label_task;  /* [labels] */
} moecast_chunk;

/* Opens traces as one stream.
 *   traces  [n] paths: files or folders */
moecast_status moecast_reader_open(size_t n, const char *const *traces, moecast_reader **reader,
                                   moecast_error *error);
moecast_status moecast_reader_shape(const moecast_reader *reader, moecast_shape *shape, moecast_error *error);
/* The next chunk, verified; chunk->tokens and chunk->runs are 0 at the end. */
moecast_status moecast_reader_next(moecast_reader *reader, moecast_chunk *chunk, moecast_error *error);
void moecast_reader_close(moecast_reader *reader);

/* Creates a trace; the file appears under its name when it is finished.
 *   has_weights   whether every append brings weights
 *   chunk_tokens  tokens a chunk, 0 for 4,096 */
moecast_status moecast_writer_create(const char *path, const moecast_shape *shape, bool has_weights,
                                     uint32_t chunk_tokens, moecast_writer **writer, moecast_error *error);

/* Names a request before its first run. */
moecast_status moecast_writer_label(moecast_writer *writer, uint64_t request, const char *name,
                                    const char *task, moecast_error *error);

/* Appends consecutive tokens of one request.
 *   ids      [count, layers, top_k] (token by token, as engines have them), empty slots last
 *   weights  [count, layers, top_k], IEEE half, or NULL */
moecast_status moecast_writer_append(moecast_writer *writer, const moecast_run *run, const uint16_t *ids,
                                     const uint16_t *weights, moecast_error *error);

/* Writes what is left and gives the file its name; frees the writer, whatever it returns. */
moecast_status moecast_writer_finish(moecast_writer *writer, moecast_error *error);
/* Throws away what was written, and frees the writer. NULL is ignored. */
void moecast_writer_discard(moecast_writer *writer);

#ifdef __cplusplus
}
#endif
#endif
