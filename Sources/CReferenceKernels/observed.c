#include "ceilings.h"

static inline __attribute__((always_inline)) void pairs(
    uint32_t *restrict table, uint64_t *sums, const uint16_t *ids, const uint16_t *given,
    int experts, int k) {
  for (int i = 0; i < k; i++) {
    uint32_t *restrict row = table + (size_t)given[i] * experts;
    for (int s = 0; s < k; s++) row[ids[s]]++;
    sums[given[i]] += k;
  }
}

static inline __attribute__((always_inline)) void observe(
    ceiling_observed *layer, const uint16_t *ids, const uint16_t *earlier, const int32_t *previous,
    const uint8_t *stages, size_t tokens, int k) {
  const int experts = layer->experts;
  for (size_t t = 0; t < tokens; t++) {
    const uint16_t *own = ids + t * k;
    const int stage = stages[t];
    for (int s = 0; s < k; s++) layer->frequency[stage][own[s]]++;
    layer->sums[stage][0] += k;
    if (earlier)
      pairs(layer->layer_pairs[stage], layer->sums[stage] + 1, own, earlier + t * k, experts, k);
    if (previous[t] >= 0)
      pairs(
          layer->token_pairs[stage], layer->sums[stage] + 1 + experts, own,
          ids + (size_t)previous[t] * k, experts, k);
    for (int s = 0; s < k; s++) {
      uint32_t *restrict row = layer->together + (size_t)own[s] * experts;
      for (int u = s + 1; u < k; u++) row[own[u]]++;
    }
  }
}

void ceiling_observe(
    ceiling_observed *layer, const uint16_t *ids, const uint16_t *earlier, const int32_t *previous,
    const uint8_t *stages, size_t tokens) {
  // The top-k that traces have is a constant in each copy, so that its loops unroll.
  switch (layer->top_k) {
    case 1: return observe(layer, ids, earlier, previous, stages, tokens, 1);
    case 4: return observe(layer, ids, earlier, previous, stages, tokens, 4);
    case 6: return observe(layer, ids, earlier, previous, stages, tokens, 6);
    case 8: return observe(layer, ids, earlier, previous, stages, tokens, 8);
    default: return observe(layer, ids, earlier, previous, stages, tokens, layer->top_k);
  }
}
