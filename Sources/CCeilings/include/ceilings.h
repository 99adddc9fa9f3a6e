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

// The least that is still a forecast: ranks by the plain sum of integer rows, no probabilities.
void ceiling_test_train_sums(
    ceiling_layer *layer, const uint16_t *ids, const uint16_t *earlier, size_t tokens);

// Adds b to a, cell by cell.
void ceiling_add(uint32_t *a, const uint32_t *b, size_t count);

// Sums up every id of a JSON text in the paper's format with simdjson on demand; -1 on an error.
// `capacity` counts the readable bytes and is at least length + 64.
long ceiling_json(const char *text, size_t length, size_t capacity);

// The same of the GPT-OSS fingerprinting format, gate weights too.
long ceiling_json_fingerprint(const char *text, size_t length, size_t capacity);

#ifdef __cplusplus
}
#endif
#endif
