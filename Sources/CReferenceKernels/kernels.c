#include "ceilings.h"

#include <math.h>

enum { MAX_EXPERTS = 512 };

static inline __attribute__((always_inline)) void count(
    ceiling_layer *layer, const uint16_t *ids, const uint16_t *earlier, int k) {
  const int experts = layer->experts;
  for (int s = 0; s < k; s++) layer->frequency[ids[s]]++;
  layer->sums[0] += k;
  if (!earlier) return;
  for (int i = 0; i < k; i++) {
    uint32_t *restrict row = layer->pairs + (size_t)earlier[i] * experts;
    for (int s = 0; s < k; s++) row[ids[s]]++;
    layer->sums[1 + earlier[i]] += k;
  }
}

static inline __attribute__((always_inline)) void update(
    ceiling_layer *layer, const uint16_t *ids, const uint16_t *earlier, size_t tokens, int k) {
  for (size_t t = 0; t < tokens; t++)
    count(layer, ids + t * k, earlier ? earlier + t * k : NULL, k);
}

static inline __attribute__((always_inline)) void rank(
    ceiling_layer *layer, const int32_t *restrict key, const uint16_t *ids, int k) {
  const int experts = layer->experts;
  for (int s = 0; s < k; s++) {
    const int32_t own = key[ids[s]];
    int above = 0;
    for (int j = 0; j < experts; j++) above += key[j] > own;
    layer->ranks[above]++;
  }
}

static inline __attribute__((always_inline)) void test_train(
    ceiling_layer *layer, const uint16_t *ids, const uint16_t *earlier, size_t tokens, int k) {
  const int experts = layer->experts;
  union { float score[MAX_EXPERTS]; int32_t key[MAX_EXPERTS]; } u;
  for (size_t t = 0; t < tokens; t++, ids += k, earlier += earlier ? k : 0) {
    const float unit = 1 / ((float)layer->sums[0] + experts * 0.5f);
    if (!earlier) {
      for (int j = 0; j < experts; j++)
        u.score[j] = ((float)(int32_t)layer->frequency[j] + 0.5f) * unit;
    } else {
      float weight[64], all = 0;
      const uint32_t *row[64];
      for (int i = 0; i < k; i++) {
        weight[i] = 1 / ((float)(int64_t)layer->sums[1 + earlier[i]] + 2);
        row[i] = layer->pairs + (size_t)earlier[i] * experts;
        all += weight[i];
      }
      const float prior = 2 * all * unit;
      for (int j = 0; j < experts; j++) {
        float sum = prior * ((float)(int32_t)layer->frequency[j] + 0.5f);
        for (int i = 0; i < k; i++) sum += weight[i] * (float)(int32_t)row[i][j];
        u.score[j] = sum;
      }
    }
    rank(layer, u.key, ids, k);
    float product = 1;
    for (int s = 0; s < k; s++) product *= u.score[ids[s]];
    layer->loss_bits -= log2f(product);
    count(layer, ids, earlier, k);
  }
}

static inline __attribute__((always_inline)) void test_train_sums(
    ceiling_layer *layer, const uint16_t *ids, const uint16_t *earlier, size_t tokens, int k) {
  const int experts = layer->experts;
  int32_t key[MAX_EXPERTS];
  for (size_t t = 0; t < tokens; t++, ids += k, earlier += earlier ? k : 0) {
    if (!earlier) {
      for (int j = 0; j < experts; j++) key[j] = layer->frequency[j];
    } else {
      const uint32_t *row[64];
      for (int i = 0; i < k; i++) row[i] = layer->pairs + (size_t)earlier[i] * experts;
      for (int j = 0; j < experts; j++) {
        int32_t sum = 0;
        for (int i = 0; i < k; i++) sum += row[i][j];
        key[j] = sum;
      }
    }
    rank(layer, key, ids, k);
    count(layer, ids, earlier, k);
  }
}

// The top-k that traces have is a constant in each copy, so that its loops unroll.
#define FOR_EACH_TOP_K(kernel)                                                              \
  switch (layer->top_k) {                                                                   \
    case 1: return kernel(layer, ids, earlier, tokens, 1);                                  \
    case 4: return kernel(layer, ids, earlier, tokens, 4);                                  \
    case 6: return kernel(layer, ids, earlier, tokens, 6);                                  \
    case 8: return kernel(layer, ids, earlier, tokens, 8);                                  \
    default: return kernel(layer, ids, earlier, tokens, layer->top_k);                      \
  }

void ceiling_update(
    ceiling_layer *layer, const uint16_t *ids, const uint16_t *earlier, size_t tokens) {
  FOR_EACH_TOP_K(update)
}

void ceiling_test_train(
    ceiling_layer *layer, const uint16_t *ids, const uint16_t *earlier, size_t tokens) {
  FOR_EACH_TOP_K(test_train)
}

void ceiling_test_train_sums(
    ceiling_layer *layer, const uint16_t *ids, const uint16_t *earlier, size_t tokens) {
  FOR_EACH_TOP_K(test_train_sums)
}

void ceiling_add(uint32_t *restrict a, const uint32_t *restrict b, size_t count) {
  for (size_t i = 0; i < count; i++) a[i] += b[i];
}
