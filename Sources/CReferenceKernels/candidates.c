#include <string.h>

#include "paths.h"

// 512 slots of a bitmap.
typedef uint64_t slots512 __attribute__((vector_size(64), aligned(8)));

// Adds the matches of `layer` to the bit planes: a ripple of half adders for every expert chosen.
static void count_matches(const ceiling_paths *paths, int layer) {
  struct ceiling_search *s = paths->search;
  if (layer == 0) memset(s->planes, 0, sizeof s->planes);
  const uint64_t *columns[64];
  int chosen = 0;
  for (uint64_t bits = s->own[layer]; bits; bits &= bits - 1)
    columns[chosen++] =
        paths->columns + ((size_t)layer * paths->experts + __builtin_ctzll(bits)) * MAP;
  for (int at = 0; at < MAP; at += 8) {
    slots512 count[PLANES];
    for (int p = 0; p < PLANES; p++) count[p] = *(const slots512 *)(s->planes[p] + at);
    for (int c = 0; c < chosen; c++) {
      slots512 carry = *(const slots512 *)(columns[c] + at);
      for (int p = 0; p < PLANES - 1; p++) {
        const slots512 both = count[p] & carry;
        count[p] ^= carry;
        carry = both;
      }
      count[PLANES - 1] |= carry;
    }
    for (int p = 0; p < PLANES; p++) *(slots512 *)(s->planes[p] + at) = count[p];
  }
}

// Marks as taken the slots above some number of matches, at most MATCHED, and leaves open those that just
// reach it; the result is how many of them there is room for.
static int take_best(struct ceiling_search *s) {
  memset(s->open, 0xFF, sizeof s->open);
  memset(s->taken, 0, sizeof s->taken);
  int left = MATCHED, threshold = 0;
  for (int p = PLANES - 1; p >= 0; p--) {
    const uint64_t *plane = s->planes[p];
    int64_t inside = 0;
    for (int w = 0; w < MAP; w++) inside += __builtin_popcountll(s->open[w] & plane[w]);
    if (inside <= left) {
      left -= (int)inside;
      for (int w = 0; w < MAP; w++) {
        s->taken[w] |= s->open[w] & plane[w];
        s->open[w] &= ~plane[w];
      }
    } else {
      threshold = 1;
      for (int w = 0; w < MAP; w++) s->open[w] &= plane[w];
    }
  }
  return threshold ? left : 0;
}

// Lists those that are taken or historic and the `equals` most recent open ones, most recent first.
static void list_best(struct ceiling_search *s, size_t written, int equals) {
  const int newest = written & (CAPACITY - 1);
  // The newest slots stand below the cursor in its word, the oldest from the cursor on.
  const uint64_t below = (1ULL << (newest & 63)) - 1;
  int count = 0;
  for (int step = 0; step <= MAP; step++) {
    const int word = ((newest >> 6) - step + MAP) & (MAP - 1);
    const uint64_t visible = step == 0 ? below : step == MAP ? ~below : ~0ULL;
    const uint64_t sure = s->taken[word] | s->historic[word];
    uint64_t bits = (equals > 0 ? sure | s->open[word] : sure) & visible;
    while (bits) {
      const int bit = 63 - __builtin_clzll(bits);
      const uint64_t flag = 1ULL << bit;
      bits ^= flag;
      if (!(sure & flag)) {
        if (equals == 0) continue;
        equals--;
      }
      s->next->slots[count++] = word * 64 + bit;
    }
  }
  s->count = count;
}

void select_candidates(const ceiling_paths *paths, int layer) {
  struct ceiling_search *s = paths->search;
  candidates *now = s->now, *next = s->next;
  count_matches(paths, layer);
  if (layer == 0) {
    memset(s->historic, 0, sizeof s->historic);
    for (int i = 0; i < s->count; i++)
      s->historic[now->slots[i] >> 6] |= 1ULL << (now->slots[i] & 63);
  }
  for (int i = 0; i < s->count; i++) s->places[now->slots[i]] = i;
  list_best(s, paths->written, take_best(s));
  for (int i = 0; i < s->count; i++) {
    const int slot = next->slots[i];
    // Stored paths lie all over the memory: asked for ahead, they are there in time.
    const int soon = next->slots[i + 8 < s->count ? i + 8 : i];
    __builtin_prefetch(paths->masks + (size_t)soon * paths->layers);
    if (s->historic[slot >> 6] >> (slot & 63) & 1) {
      for (int m = 0; m < CEILING_METRICS; m++)
        next->scores[m][i] = now->scores[m][s->places[slot]];
      continue;
    }
    const uint64_t *sets = paths->masks + (size_t)slot * paths->layers;
    int32_t scores[CEILING_METRICS] = {0};
    for (int past = 0; past <= layer; past++) {
      const int32_t match = UNIT * __builtin_popcountll(sets[past] & s->own[past]);
      for (int m = 0; m < CEILING_METRICS; m++)
        scores[m] = (scores[m] * metrics[m].layer_keep >> 8) + match;
    }
    for (int m = 0; m < CEILING_METRICS; m++) next->scores[m][i] = scores[m];
  }
  s->now = next;
  s->next = now;
}

void gather_candidates(const ceiling_paths *paths) {
  struct ceiling_search *s = paths->search;
  const int layers = paths->layers;
  // Eight at a time are written as whole cache lines; slots beyond `count` are valid and not heard.
  for (int i = 0; i < s->count; i += 8) {
    const uint64_t *sets[8];
    for (int c = 0; c < 8; c++)
      sets[c] = paths->masks + (size_t)s->now->slots[i + c] * layers;
    for (int layer = SELECTING; layer < layers; layer++)
      for (int c = 0; c < 8; c++) s->gathered[layer][i + c] = sets[c][layer];
  }
}
