#include <math.h>
#include <string.h>

#include "ceilings.h"

// What the program's ranks and loss take, as fast as we know how to write it in C. Experts are a multiple
// of 32 and at most 512.

enum { MAX_EXPERTS = 512, MAX_K = 8, SHIFT = 12, TOP_KEY = 32000 };

typedef int16_t keys16 __attribute__((vector_size(32)));
typedef int32_t wide16 __attribute__((vector_size(64)));

typedef struct {
  const uint32_t *row[MAX_K];
  double weight[MAX_K], prior;
  union { float score[MAX_EXPERTS]; int32_t bits[MAX_EXPERTS]; } u __attribute__((aligned(64)));
  int16_t key[MAX_EXPERTS] __attribute__((aligned(64)));
} event;

static double exact_mean(
    const ceiling_layer *layer, const uint16_t *earlier, const event *event, int expert) {
  const double total = (double)layer->sums[0] + layer->experts / 2.0;
  const double prior = ((double)layer->frequency[expert] + 0.5) / total;
  double sum = 0;
  for (int i = 0; i < layer->top_k; i++)
    sum += ((double)event->row[i][expert] + 2 * prior) / ((double)layer->sums[1 + earlier[i]] + 2);
  return sum / layer->top_k;
}

static int precedes(
    const ceiling_layer *layer, const uint16_t *earlier, const event *event, int j, int expert) {
  uint32_t difference = layer->frequency[j] ^ layer->frequency[expert];
  for (int i = 0; i < layer->top_k; i++) difference |= event->row[i][j] ^ event->row[i][expert];
  if (!difference) return j < expert;
  const double other = exact_mean(layer, earlier, event, j);
  const double own = exact_mean(layer, earlier, event, expert);
  return other > own || (other == own && j < expert);
}

// How many of those with keys from lowest to highest stand before the expert.
static __attribute__((noinline)) int resolve(
    const ceiling_layer *layer, const uint16_t *earlier, const event *event, int expert, int band,
    int16_t lowest, int16_t highest) {
  const int32_t upper = event->u.bits[expert] + band, lower = event->u.bits[expert] - band;
  int before = 0;
  for (int first = 0; first < layer->experts; first += 16) {
    const keys16 key = *(const keys16 *)(event->key + first);
    const keys16 near = (key >= lowest) & (key <= highest);
    if (!__builtin_reduce_or(near)) continue;
    for (int j = first; j < first + 16; j++) {
      if (!near[j - first] || j == expert || event->u.bits[j] < lower) continue;
      before += event->u.bits[j] > upper || precedes(layer, earlier, event, j, expert);
    }
  }
  return before;
}

static inline __attribute__((always_inline)) int16_t short_key(int32_t bits, int32_t zero) {
  const int32_t key = (bits - zero) >> SHIFT;
  return key < INT16_MIN ? INT16_MIN : (int16_t)key;
}

static inline __attribute__((always_inline)) void score(
    const ceiling_layer *layer, event *event, int k, int32_t zero) {
  float weight[MAX_K];
  for (int i = 0; i < k; i++) weight[i] = (float)event->weight[i];
  const float prior = (float)event->prior;
  for (int j = 0; j < layer->experts; j++) {
    float sum = prior * ((float)(int32_t)layer->frequency[j] + 0.5f);
    for (int i = 0; i < k; i++) sum += weight[i] * (float)(int32_t)event->row[i][j];
    event->u.score[j] = sum;
  }
  for (int j = 0; j < layer->experts; j += 16) {
    wide16 own = (*(const wide16 *)(event->u.bits + j) - zero) >> SHIFT;
    own = __builtin_elementwise_max(own, (wide16){0} + INT16_MIN);
    own = __builtin_elementwise_min(own, (wide16){0} + INT16_MAX);
    *(keys16 *)(event->key + j) = __builtin_convertvector(own, keys16);
  }
}

static inline __attribute__((always_inline)) void rank(
    ceiling_layer *layer, const uint16_t *ids, const uint16_t *earlier, event *event, int k,
    int32_t zero) {
  const int band = 3 * (k + 6);
  for (int s = 0; s < k; s++) {
    const int32_t own = event->u.bits[ids[s]];
    const int16_t lowest = short_key(own - band, zero), highest = short_key(own + band, zero);
    keys16 up = {0}, down = {0};
    for (int j = 0; j < layer->experts; j += 16) {
      const keys16 key = *(const keys16 *)(event->key + j);
      up -= key > highest;
      down -= key < lowest;
    }
    int above = __builtin_reduce_add(up);
    if (above + __builtin_reduce_add(down) + 1 != layer->experts)
      above += resolve(layer, earlier, event, ids[s], band, lowest, highest);
    layer->ranks[above]++;
  }
}

// The mean of log2 of the chosen experts' means, by one product of at most eight.
static inline __attribute__((always_inline)) double mean_log2(
    const ceiling_layer *layer, const uint16_t *ids, const event *event, int k) {
  double product = 1;
  for (int s = 0; s < k; s++) {
    double sum = ((double)(int32_t)layer->frequency[ids[s]] + 0.5) * event->prior, other = 0;
    for (int i = 0; i + 2 <= k; i += 2) {
      sum += event->weight[i] * (double)(int32_t)event->row[i][ids[s]];
      other += event->weight[i + 1] * (double)(int32_t)event->row[i + 1][ids[s]];
    }
    if (k & 1) sum += event->weight[k - 1] * (double)(int32_t)event->row[k - 1][ids[s]];
    product *= sum + other;
  }
  return log2(product) / k - log2(k);
}

static void score_frequency(ceiling_layer *layer, const uint16_t *ids, int k) {
  const double total = (double)layer->sums[0] + layer->experts / 2.0;
  double product = 1;
  for (int s = 0; s < k; s++) {
    const uint32_t own = layer->frequency[ids[s]];
    int above = 0;
    for (int j = 0; j < layer->experts; j++)
      above += layer->frequency[j] > own || (layer->frequency[j] == own && j < ids[s]);
    layer->ranks[above]++;
    product *= (own + 0.5) / total;
  }
  layer->loss_bits -= log2(product) / k;
}

static inline __attribute__((always_inline)) void test_train_exactly(
    ceiling_layer *layer, const uint16_t *ids, const uint16_t *earlier, size_t tokens, int k) {
  event event;
  const float top = (float)k;
  int32_t zero;
  memcpy(&zero, &top, sizeof zero);
  zero -= TOP_KEY << SHIFT;
  for (size_t t = 0; t < tokens; t++, ids += k, earlier += earlier ? k : 0) {
    if (!earlier) {
      score_frequency(layer, ids, k);
      ceiling_update(layer, ids, NULL, 1);
      continue;
    }
    double sum = 0;
    for (int i = 0; i < k; i++) {
      event.row[i] = layer->pairs + (size_t)earlier[i] * layer->experts;
      event.weight[i] = 1 / ((double)(int64_t)layer->sums[1 + earlier[i]] + 2);
    }
    for (int i = 0; i < k; i++) sum += event.weight[i];
    event.prior = 2 * sum / ((double)(int64_t)layer->sums[0] + layer->experts / 2.0);
    layer->loss_bits -= mean_log2(layer, ids, &event, k);
    score(layer, &event, k, zero);
    rank(layer, ids, earlier, &event, k, zero);
    for (int s = 0; s < k; s++) layer->frequency[ids[s]]++;
    layer->sums[0] += k;
    for (int i = 0; i < k; i++) {
      uint32_t *restrict row = layer->pairs + (size_t)earlier[i] * layer->experts;
      for (int s = 0; s < k; s++) row[ids[s]]++;
      layer->sums[1 + earlier[i]] += k;
    }
  }
}

void ceiling_test_train_exactly(
    ceiling_layer *layer, const uint16_t *ids, const uint16_t *earlier, size_t tokens) {
  switch (layer->top_k) {
    case 1: return test_train_exactly(layer, ids, earlier, tokens, 1);
    case 4: return test_train_exactly(layer, ids, earlier, tokens, 4);
    case 6: return test_train_exactly(layer, ids, earlier, tokens, 6);
    case 8: return test_train_exactly(layer, ids, earlier, tokens, 8);
  }
}
