// What a call of the C library costs, measured from C.
#ifndef LIVE_H
#define LIVE_H

#include <moecast.h>

// Microseconds a request: the median, and what one call in a hundred passes.
typedef struct {
  double p50, p99;
} live_quantiles;

typedef struct {
  live_quantiles forecast;       // a layer's 2K best experts with their chances
  live_quantiles observe_first;  // the first two layers, which select candidates
  live_quantiles observe;        // the layers behind
} live_latency;

// Lets `requests` requests at a time go through `tokens` tokens, ids [layer, token, slot], of which the first
// `learnt` are only learnt. 0, or -1 where a call fails.
int live_measure(
    const moecast_shape *shape, const char *predictor, const uint16_t *ids, size_t tokens, size_t learnt,
    size_t requests, live_latency *result);

#endif
