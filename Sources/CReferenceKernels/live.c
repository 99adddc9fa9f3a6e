// An engine's side of the C library: what a call costs that observes or forecasts a layer, call by call.
#include "live.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec * 1e-3;
}

static int ascending(const void *one, const void *other) {
  const double a = *(const double *)one, b = *(const double *)other;
  return (a > b) - (a < b);
}

// Times of one kind of call; as many as there is room for.
typedef struct {
  double *values;
  size_t count, room;
} times;

static void note(times *times, double value) {
  if (times->count < times->room) times->values[times->count++] = value;
}

static live_quantiles quantiles(times *times, size_t requests) {
  live_quantiles result = {0, 0};
  if (times->count > 0) {
    qsort(times->values, times->count, sizeof *times->values, ascending);
    result.p50 = times->values[times->count / 2] / (double)requests;
    result.p99 = times->values[times->count * 99 / 100] / (double)requests;
  }
  free(times->values);
  return result;
}

int live_measure(
    const moecast_shape *shape, const char *predictor, const uint16_t *ids, size_t tokens, size_t learnt,
    size_t requests, live_latency *result) {
  const moecast_options options = {.size = sizeof options, .predictors = predictor, .learn = true};
  moecast_forecaster *forecaster = NULL;
  if (moecast_forecaster_create(shape, &options, &forecaster, NULL) != MOECAST_OK) return -1;
  const size_t top_k = shape->top_k, layers = shape->layers;
  const size_t top = 2 * top_k < shape->experts ? 2 * top_k : shape->experts;
  uint64_t *numbers = malloc(requests * sizeof *numbers);
  uint16_t *chosen = malloc(requests * top_k * sizeof *chosen);
  uint16_t *ranked = malloc(requests * top * sizeof *ranked);
  float *chances = malloc(requests * top * sizeof *chances);
  times kinds[3];
  for (int kind = 0; kind < 3; kind++)
    kinds[kind] = (times){malloc(tokens * layers * sizeof(double)), 0, tokens * layers};
  int failed = 0;
  for (size_t request = 0; request < requests; request++) {
    numbers[request] = request;
    failed |= moecast_request_begin(forecaster, request, NULL, 0, NULL);
  }
  for (size_t token = 0; token + requests <= tokens && !failed; token += requests) {
    failed |= moecast_open_tokens(forecaster, requests, numbers, NULL, NULL);
    for (uint32_t layer = 0; layer < layers; layer++) {
      memcpy(chosen, ids + (layer * tokens + token) * top_k, requests * top_k * sizeof *chosen);
      const double start = now();
      failed |= moecast_forecast(forecaster, 0, requests, numbers, layer, (uint32_t)top, ranked, chances, NULL);
      const double middle = now();
      failed |= moecast_observe(forecaster, requests, numbers, layer, chosen, NULL);
      const double end = now();
      if (token < learnt) continue;
      note(&kinds[0], middle - start);
      note(&kinds[layer < 2 ? 1 : 2], end - middle);
    }
    // What was told so far is learnt before it is measured, so that runs can be compared.
    failed |= moecast_forecaster_flush(forecaster, NULL);
  }
  result->forecast = quantiles(&kinds[0], requests);
  result->observe_first = quantiles(&kinds[1], requests);
  result->observe = quantiles(&kinds[2], requests);
  failed |= moecast_forecaster_close(forecaster, NULL);
  free(numbers);
  free(chosen);
  free(ranked);
  free(chances);
  return failed ? -1 : 0;
}
