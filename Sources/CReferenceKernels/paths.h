#ifndef MOECAST_PATHS_H
#define MOECAST_PATHS_H

#include "ceilings.h"

// The constants of `PathMemory`.
enum { CAPACITY = 16384, MAP = CAPACITY / 64, PLANES = 5 };
enum { MATCHED = 320, FOLLOWED = 256, ROOM = MATCHED + FOLLOWED, SELECTING = 2 };
// A shared expert in the scores.
enum { UNIT = 64 };

// A metric's scores keep `layer_keep` 256ths at every layer and `history_keep` from token to token.
typedef struct {
  int32_t layer_keep, history_keep, slack, voters;
  float sharpness;
} metric;

static const metric metrics[CEILING_METRICS] = {
    {179, 128, 4, 128, 1}, {256, 128, 6, 64, 0.4f}, {256, 16, 0, 32, 1}};

// Slots that may match, and how they do, by metric.
typedef struct {
  int32_t slots[ROOM], scores[CEILING_METRICS][ROOM];
} candidates;

enum { VOTE_STEPS = 128 };

// What one token's search works on.
struct ceiling_search {
  // Bit planes of the matches in the first layers, and sets of slots.
  uint64_t planes[PLANES][MAP], open[MAP], taken[MAP], historic[MAP];
  // A slot's place among the candidates, where it is historic.
  int32_t places[CAPACITY];
  candidates *now, *next, both[2];
  int count;
  // Votes' weights by sixteenths of an expert below the best.
  float vote_weights[CEILING_METRICS][VOTE_STEPS];
  // The token's own path.
  uint64_t own[64];
  // The candidates' sets, layer by layer.
  uint64_t gathered[64][ROOM];
};

// Makes those that match best up to `layer`, which is below SELECTING, and those with a history the
// candidates.
void select_candidates(const ceiling_paths *paths, int layer);

// Copies the candidates' sets of the later layers, layer by layer.
void gather_candidates(const ceiling_paths *paths);

#endif
