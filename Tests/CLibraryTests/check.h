// What the tests of the C library share: claims that name their line, and ids that a seed gives.
#ifndef CHECK_H
#define CHECK_H

#include <moecast.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

#define CLAIM(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
      failures++;                                                               \
    }                                                                           \
  } while (0)

// The call answers `expected`, and says why where that is a failure. `error` is in scope.
#define ANSWERS(expected, call)                                                             \
  do {                                                                                      \
    memset(&error, 0, sizeof error);                                                        \
    moecast_status got = (call);                                                            \
    if (got != (expected) || (got != MOECAST_OK && (error.status != got || !error.text[0]))) { \
      fprintf(stderr, "%s:%d: %s answers %d (%s), not %s\n", __FILE__, __LINE__, #call, got,  \
              error.text, #expected);                                                       \
      failures++;                                                                           \
    }                                                                                       \
  } while (0)

static uint64_t seed = 20261126;

static uint32_t below(uint32_t bound) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(seed >> 33) % bound;
}

// A choice of `top_k` experts that leans on `near`, the last slot empty now and then.
static inline void choose(uint16_t *ids, uint32_t top_k, uint32_t experts, uint32_t near) {
  for (uint32_t slot = 0; slot < top_k; slot++) {
    int again = 1;
    while (again) {
      ids[slot] = (uint16_t)(below(3) ? (near + below(4)) % experts : below(experts));
      again = 0;
      for (uint32_t other = 0; other < slot; other++) again |= ids[other] == ids[slot];
    }
  }
  if (!below(20)) ids[top_k - 1] = MOECAST_NO_EXPERT;
}

static inline int same_file(const char *one, const char *other) {
  FILE *a = fopen(one, "rb"), *b = fopen(other, "rb");
  int same = a && b, left = 0, right = 0;
  while (same && left != EOF) {
    left = fgetc(a);
    right = fgetc(b);
    same = left == right;
  }
  if (a) fclose(a);
  if (b) fclose(b);
  return same;
}

#endif
