#ifndef MOECAST_CEILINGS_H
#define MOECAST_CEILINGS_H

// What the machine can do: the same work as the program's kernels in plain C, built for this very
// processor. Nothing here is shipped; `make bench` measures the program against it.

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// One MoE layer's tables: c[E], C[E * E], sums[1 + E], and the histogram of ranks [E].
typedef struct {
  int experts, top_k;
  uint32_t *frequency, *pairs;
  uint64_t *sums, *ranks;
  double loss_bits;
} ceiling_layer;

// Counts `tokens` events: `ids` and `earlier` hold top_k ids a token; `earlier` may be NULL.
void ceiling_update(
    ceiling_layer *layer, const uint16_t *ids, const uint16_t *earlier, size_t tokens);

// Forecasts by the weighted mean of rows in single precision, ranks with one comparison, takes the
// log loss, then counts. Nearly tied experts may be ranked otherwise than exactly.
void ceiling_test_train(
    ceiling_layer *layer, const uint16_t *ids, const uint16_t *earlier, size_t tokens);

// The same results as ours: ranks decided by the exact means where they lie near to each other, log loss
// in double precision.
void ceiling_test_train_exactly(
    ceiling_layer *layer, const uint16_t *ids, const uint16_t *earlier, size_t tokens);

// The least that is still a forecast: ranks by the plain sum of integer rows, no probabilities.
void ceiling_test_train_sums(
    ceiling_layer *layer, const uint16_t *ids, const uint16_t *earlier, size_t tokens);

// One MoE layer of a trace that is analysed: for each of two stages c[E], C[E * E], D[E * E] and the sums of
// their rows [1 + 2 E], and how often two experts were chosen together [E * E], the first id's row.
typedef struct {
  int experts, top_k;
  uint32_t *frequency[2], *layer_pairs[2], *token_pairs[2], *together;
  uint64_t *sums[2];
} ceiling_observed;

// Counts `tokens` events; `previous` is the place of each token's predecessor among them, or -1, and
// `stages` 0 or 1.
void ceiling_observe(
    ceiling_observed *layer, const uint16_t *ids, const uint16_t *earlier, const int32_t *previous,
    const uint8_t *stages, size_t tokens);

// Metrics by which paths are compared; tokens whose paths are searched ahead of the layers.
enum { CEILING_METRICS = 3, CEILING_STEP = 64 };

// The stored paths of `mixture`, what the one request under way left behind, and what voters said of the
// tokens searched for last. The options are the preset's; 2 to 64 layers of at most 64 experts, so that a
// set is one word; no token chooses more than 15.
typedef struct {
  int layers, experts;
  // Tokens ever stored; the paths [capacity, layers] of the latest, which slots hold whom
  // [2, experts, capacity / 64], and the token after each [capacity].
  size_t written, capacity;
  uint64_t *masks, *columns;
  int32_t *successors;
  // The request's last token, and the candidates it left: numbers [256] and scores [256, metric].
  int32_t last_stored, trail_count, *trail_tokens, *trail_scores;
  // [layer, step, metric, expert], and the sums of the votes' weights.
  float *votes, *weights;
  struct ceiling_search *search;
} ceiling_paths;

// Without a path; NULL where there is no memory.
ceiling_paths *ceiling_paths_make(int layers, int experts);

void ceiling_paths_free(ceiling_paths *paths);

// Searches for the paths most like those of `tokens` tokens from `first` on, at most CEILING_STEP, lets
// them vote, and stores the tokens' own. `ids` and `previous` are those of `ceiling_mixture_run`.
void ceiling_paths_search(
    ceiling_paths *paths, const uint16_t *ids, int top_k, const int32_t *previous, size_t rows,
    size_t first, size_t tokens);

// What a mixture has learnt of one MoE layer: parts layer, recent and linear; with paths also frequency
// and the three kinds of path neighbours.
// Experts are a multiple of 32 and at most 512; the tables are c[E], C[E * E] given the layer before with
// the sums of its rows, the decayed counts [E] of the one request under way, and the linear part's rows
// [linear_rows, E], the bias last.
typedef struct {
  int experts, top_k, layers, layer, linear_rows;
  uint32_t frequency_total, *frequency, *rows, *totals, *visits;
  float *weights, *power, *recent, *linear;
  uint64_t *ranks, loss_steps;
} ceiling_mixture;

// Forecasts `tokens` events from `first` on by the mixture's sums in its order, ranks them exactly, takes
// the log loss, then learns weights and counts: the same results to the bit. `ids` holds `rows` events a
// layer, top_k ids each, no slot empty; `previous` the row of every token's predecessor, or -1 where a
// request begins, which is when the one before must have ended. With `paths`, which have searched for
// just these tokens, it is `mixture`; without, `mixture-fast`.
void ceiling_mixture_run(
    ceiling_mixture *layer, const ceiling_paths *paths, const uint16_t *ids,
    const int32_t *previous, size_t rows, size_t first, size_t tokens);

// Adds b to a, cell by cell.
void ceiling_add(uint32_t *a, const uint32_t *b, size_t count);

// Sums up every id of a JSON text in the paper's format with simdjson on demand; -1 on an error.
// `capacity` counts the readable bytes and is at least length + 64.
long ceiling_json(const char *text, size_t length, size_t capacity);

// The same of the GPT-OSS fingerprinting format, gate weights too.
long ceiling_json_fingerprint(const char *text, size_t length, size_t capacity);

// The same of a log of events under these keys, a line at a time.
long ceiling_json_log(
    const char *text, size_t length, size_t capacity, const char *ids, const char *weights);

// The same of lists in lists under a key, a line at a time; of those under that key in every object
// under `outer`, where that is given.
long ceiling_json_lists(
    const char *text, size_t length, size_t capacity, const char *outer, const char *key);

// The same of the activations of moe-routing-atlas, gate weights too, a line at a time.
long ceiling_json_atlas(const char *text, size_t length, size_t capacity);

// Sums up the bytes that a choice's array holds in base64, an answer a line.
long ceiling_json_array(const char *text, size_t length, size_t capacity);

// Sums up the whole numbers of every row's fields from `first` on, a byte at a time; a first line that
// does not begin with a digit is passed over, where `header` is not 0.
long ceiling_fields(const char *text, size_t length, int header, int first);

// Sums up the number of every column behind the second whose field is no 0, reading all as decimals.
long ceiling_gates(const char *text, size_t length);

// Sums up the ids of records of int32: layer, tokens, k, and so many ids.
long ceiling_records(const char *text, size_t length);

// Sums up the ids of an SGLang answer: little-endian int32 in base64.
long ceiling_json_answer(const char *text, size_t length, size_t capacity);

// Sums up every number inside brackets, a byte at a time: MoE-Beyond's tables.
long ceiling_lists(const char *text, size_t length, size_t capacity);

// Sums up every id of lines of `ids, two tabs, gate weights`, a byte at a time, gate weights read too:
// ESFT's expert scores. The loop over ids ends at the first empty field.
long ceiling_scores(const char *text, size_t length, size_t capacity);

// Turns `tokens` rows of [skipped + layers, k] bytes into columns [layers, chunk_tokens, k].
void ceiling_columns(
    const uint8_t *rows, size_t tokens, size_t skipped, size_t layers, size_t k,
    size_t chunk_tokens, uint8_t *columns);

// Puts a batch's ids [skipped + layers, rows, slots], the first k of every event, into columns
// [chunk, layer, chunk_tokens, k]; row r is token places[r].
void ceiling_batch(
    const int32_t *ids, size_t rows, size_t skipped, size_t layers, size_t slots, size_t k,
    const uint32_t *places, size_t chunk_tokens, uint8_t *columns);

// Bytes that a block of `length` takes at most once lz4 has compressed it; a block is below 2 GB.
size_t ceiling_block_room(size_t length);

// Compresses a block as fast as lz4 does, to `room` bytes at most; its bytes, or 0 where it does not fit.
size_t ceiling_compress(const void *plain, size_t length, void *packed, size_t room);

// Decodes a block, and no more than `room` bytes; its bytes, or 0 where it is damaged.
size_t ceiling_decompress(const void *packed, size_t length, void *plain, size_t room);

#ifdef __cplusplus
}
#endif
#endif
