#include <stdlib.h>
#include <string.h>

#include "floats.h"
#include "paths.h"

ceiling_paths *ceiling_paths_make(int layers, int experts) {
  ceiling_paths *paths = calloc(1, sizeof *paths);
  if (!paths) return NULL;
  const size_t events = (size_t)layers * CEILING_STEP * CEILING_METRICS;
  paths->layers = layers;
  paths->experts = experts;
  paths->capacity = CAPACITY;
  paths->last_stored = -1;
  paths->masks = calloc((size_t)CAPACITY * layers, sizeof *paths->masks);
  paths->columns = calloc((size_t)SELECTING * experts * MAP, sizeof *paths->columns);
  paths->successors = malloc(CAPACITY * sizeof *paths->successors);
  paths->trail_tokens = calloc(FOLLOWED, sizeof *paths->trail_tokens);
  paths->trail_scores = calloc(FOLLOWED * CEILING_METRICS, sizeof *paths->trail_scores);
  paths->votes = calloc(events * experts, sizeof *paths->votes);
  paths->weights = calloc(events, sizeof *paths->weights);
  struct ceiling_search *s = paths->search = calloc(1, sizeof *s);
  if (!paths->masks || !paths->columns || !paths->successors || !paths->trail_tokens ||
      !paths->trail_scores || !paths->votes || !paths->weights || !s) {
    ceiling_paths_free(paths);
    return NULL;
  }
  memset(paths->successors, 0xFF, CAPACITY * sizeof *paths->successors);
  s->now = &s->both[0];
  s->next = &s->both[1];
  for (int m = 0; m < CEILING_METRICS; m++)
    for (int step = 0; step < VOTE_STEPS; step++)
      s->vote_weights[m][step] = exponential(-metrics[m].sharpness * (float)step / 16);
  return paths;
}

void ceiling_paths_free(ceiling_paths *paths) {
  if (!paths) return;
  free(paths->masks);
  free(paths->columns);
  free(paths->successors);
  free(paths->trail_tokens);
  free(paths->trail_scores);
  free(paths->votes);
  free(paths->weights);
  free(paths->search);
  free(paths);
}

// Begins with the tokens that followed the candidates of the token before.
static void follow(const ceiling_paths *paths) {
  struct ceiling_search *s = paths->search;
  const int64_t written = paths->written;
  for (int i = 0; i < paths->trail_count; i++) {
    const int64_t token = paths->trail_tokens[i];
    if (written - token > CAPACITY) continue;
    const int64_t after = paths->successors[token & (CAPACITY - 1)];
    if (after < 0 || written - after > CAPACITY) continue;
    s->now->slots[s->count] = after & (CAPACITY - 1);
    for (int m = 0; m < CEILING_METRICS; m++)
      s->now->scores[m][s->count] =
          paths->trail_scores[i * CEILING_METRICS + m] * metrics[m].history_keep >> 8;
    s->count++;
  }
}

// Which of 16 scores reach the threshold, a bit each.
INLINE uint32_t reaching(const int32_t *scores, int32_t threshold) {
  typedef int32_t scores16 __attribute__((vector_size(64), aligned(4)));
  typedef _Bool signs16 __attribute__((ext_vector_type(16)));
  const signs16 reach =
      __builtin_convertvector(*(const scores16 *)scores >= threshold, signs16);
  uint16_t bits;
  memcpy(&bits, &reach, 2);
  return bits;
}

// Lets the candidates that match best vote on `layer`; the result is the sum of their weights.
static float vote(const ceiling_paths *paths, int m, int layer, float *restrict votes) {
  const struct ceiling_search *s = paths->search;
  const int32_t *scores = s->now->scores[m];
  const int experts = paths->experts, count = s->count;
  int32_t best = 0;
  for (int i = 0; i < count; i++) best = scores[i] > best ? scores[i] : best;
  if (best <= 0) {
    memset(votes, 0, experts * sizeof *votes);
    return 0;
  }
  const int32_t lowest = best - metrics[m].slack * UNIT;
  const int32_t threshold = lowest > 1 ? lowest : 1;
  // Four sums an expert, taken in turns: one alone would wait for itself, since most voters agree.
  float banks[4][64] = {{0}}, sum = 0;
  int left = metrics[m].voters;
  for (int i = 0; i < count && left > 0; i += 16) {
    uint32_t voters = reaching(scores + i, threshold);
    if (count - i < 16) voters &= (1u << (count - i)) - 1;
    for (; voters && left > 0; voters &= voters - 1, left--) {
      const int voter = i + __builtin_ctz(voters);
      const float weight = s->vote_weights[m][(best - scores[voter]) >> 2];
      sum += weight;
      uint64_t set = paths->masks[(size_t)s->now->slots[voter] * paths->layers + layer];
      for (; set; set &= set - 1) banks[left & 3][__builtin_ctzll(set)] += weight;
    }
  }
  for (int j = 0; j < experts; j++)
    votes[j] = (banks[0][j] + banks[1][j]) + (banks[2][j] + banks[3][j]);
  return sum;
}

// Adds what the candidates share with the token in `layer` to their scores.
static void compare(const ceiling_paths *paths, int layer) {
  struct ceiling_search *s = paths->search;
  const uint64_t own = s->own[layer], *sets = s->gathered[layer];
  const int count = s->count;
  int32_t shared[ROOM];
  if (layer < SELECTING)
    for (int i = 0; i < count; i++)
      shared[i] = UNIT * __builtin_popcountll(
                             paths->masks[(size_t)s->now->slots[i] * paths->layers + layer] & own);
  else
    for (int i = 0; i < count; i++) shared[i] = UNIT * __builtin_popcountll(sets[i] & own);
  for (int m = 0; m < CEILING_METRICS; m++) {
    int32_t *scores = s->now->scores[m];
    for (int i = 0; i < count; i++)
      scores[i] = (scores[i] * metrics[m].layer_keep >> 8) + shared[i];
  }
}

// Remembers the candidates that match best, for the request's next token.
static void leave_trail(ceiling_paths *paths) {
  const struct ceiling_search *s = paths->search;
  const int32_t *scores = s->now->scores[0];
  const int count = s->count;
  int32_t best = 0;
  for (int i = 0; i < count; i++) best = scores[i] > best ? scores[i] : best;
  int shift = 0;
  while (best >> shift > 255) shift++;
  int histogram[256] = {0};
  for (int i = 0; i < count; i++) histogram[scores[i] >> shift]++;
  int threshold = 255, above = 0;
  while (threshold > 0 && above + histogram[threshold] <= FOLLOWED)
    above += histogram[threshold--];
  int kept = 0, equals = FOLLOWED - above;
  const int64_t last = (int64_t)paths->written - 1;
  for (int i = 0; i < count; i++) {
    const int bucket = scores[i] >> shift;
    if (bucket < threshold) continue;
    if (bucket == threshold && equals-- <= 0) continue;
    // The number of the token in the slot: the latest that falls there.
    const int64_t age = (last - s->now->slots[i]) & (CAPACITY - 1);
    paths->trail_tokens[kept] = (int32_t)(last - age);
    for (int m = 0; m < CEILING_METRICS; m++)
      paths->trail_scores[kept * CEILING_METRICS + m] = s->now->scores[m][i];
    kept++;
  }
  paths->trail_count = kept;
}

// Stores the token's path in place of the oldest.
static void store(ceiling_paths *paths) {
  const struct ceiling_search *s = paths->search;
  const int64_t number = paths->written, last = paths->last_stored;
  const size_t slot = number & (CAPACITY - 1);
  uint64_t *sets = paths->masks + slot * paths->layers;
  const uint64_t bit = 1ULL << (slot & 63);
  for (int layer = 0; layer < SELECTING; layer++) {
    uint64_t *columns = paths->columns + (size_t)layer * paths->experts * MAP + (slot >> 6);
    for (uint64_t set = sets[layer]; set; set &= set - 1)
      columns[(size_t)__builtin_ctzll(set) * MAP] &= ~bit;
    for (uint64_t set = s->own[layer]; set; set &= set - 1)
      columns[(size_t)__builtin_ctzll(set) * MAP] |= bit;
  }
  memcpy(sets, s->own, paths->layers * sizeof *sets);
  paths->successors[slot] = -1;
  if (last >= 0 && number - last < CAPACITY)
    paths->successors[last & (CAPACITY - 1)] = (int32_t)number;
  paths->last_stored = (int32_t)number;
  paths->written++;
}

void ceiling_paths_search(
    ceiling_paths *paths, const uint16_t *ids, int top_k, const int32_t *previous, size_t rows,
    size_t first, size_t tokens) {
  struct ceiling_search *s = paths->search;
  const int layers = paths->layers;
  for (size_t token = 0; token < tokens; token++) {
    for (int layer = 0; layer < layers; layer++) {
      const uint16_t *chosen = ids + (layer * rows + first + token) * top_k;
      uint64_t set = 0;
      for (int slot = 0; slot < top_k; slot++) set |= 1ULL << chosen[slot];
      s->own[layer] = set;
    }
    s->count = 0;
    if (previous[first + token] < 0) {
      paths->last_stored = -1;
      paths->trail_count = 0;
    } else {
      follow(paths);
    }
    for (int layer = 0; layer < layers; layer++) {
      const size_t said = ((size_t)layer * CEILING_STEP + token) * CEILING_METRICS;
      for (int m = 0; m < CEILING_METRICS; m++)
        paths->weights[said + m] =
            vote(paths, m, layer, paths->votes + (said + m) * paths->experts);
      compare(paths, layer);
      if (layer < SELECTING) select_candidates(paths, layer);
      if (layer == SELECTING - 1) gather_candidates(paths);
    }
    leave_trail(paths);
    store(paths);
  }
}
