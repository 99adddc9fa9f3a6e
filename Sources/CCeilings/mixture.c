#include "ceilings.h"

#include <math.h>
#include <string.h>

// The formulas are those of `Forecast`, operation by operation and with the same constants, so that the
// results are the same to the bit: no sum may be fused or put in another order.
#pragma STDC FP_CONTRACT OFF

#define INLINE static inline __attribute__((always_inline))

enum { MAX_LANES = 512, MAX_TOP_K = 64, INPUTS = 4, GROUPS = 7 };
// Of the table of repeats: places a bucket, sets a place; and of the table of the linear part's steps.
enum { WAYS = 4, DEPTH = 4, STEPS = 26 * 32 + 64 };
// Room for whole vectors.
enum { MAX_ROWS = GROUPS * MAX_TOP_K + 16 };

// Sums that are compared run over eight lanes; sixteen serve where every lane is a sum of its own.
typedef float eight __attribute__((vector_size(32), aligned(4)));
typedef float sixteen __attribute__((vector_size(64), aligned(4)));

INLINE eight load(const float *from) { return *(const eight *)from; }

INLINE float total(eight sum) {
  const float a = sum[0] + sum[4], b = sum[1] + sum[5], c = sum[2] + sum[6], d = sum[3] + sum[7];
  return (a + c) + (b + d);
}

INLINE float natural_log(float value) {
  int32_t bits;
  memcpy(&bits, &value, 4);
  const float exponent = (float)((bits >> 23) - 127);
  bits = (bits & 0x007FFFFF) | 0x3F800000;
  float mantissa;
  memcpy(&mantissa, &bits, 4);
  const float t = mantissa - 1;
  float q = -0.026273051f;
  q = q * t + 0.098387614f;
  q = q * t - 0.184862226f;
  q = q * t + 0.276728332f;
  q = q * t - 0.442659438f;
  return (exponent + t * (1 + (t - 1) * q)) * 0.69314718f;
}

INLINE float exponential(float value) {
  const float low = value > -60 ? value : -60;
  const float x = (low < 60 ? low : 60) * 1.44269504f;
  const float shifter = 12582912;
  const float shifted = x + shifter;
  const float f = x - (shifted - shifter);
  float p = 0.00134004327f;
  p = p * f + 0.00967603736f;
  p = p * f + 0.0555032715f;
  p = p * f + 0.240221068f;
  p = p * f + 0.693147182f;
  p = p * f + 1;
  uint32_t power, bits;
  memcpy(&power, &shifted, 4);
  memcpy(&bits, &p, 4);
  bits += power << 23;
  memcpy(&p, &bits, 4);
  return p;
}

// What an event may look at, and the rows of the linear part that follow from it.
typedef struct {
  const uint16_t *chosen, *sets[GROUPS];
  int rows[MAX_ROWS];
  float scales[MAX_ROWS];
  int count;
  // A hash of the sets one to three layers back and of the token before, its place or -1, and the inputs
  // that are heard: all but the repeats where there is none.
  uint32_t hash;
  int64_t found;
  int heard;
} context;

INLINE uint64_t hash_set(uint64_t earlier, const uint16_t *set, int k) {
  uint64_t sum = 0;
  for (int s = 0; set && s < k; s++) {
    const uint64_t id = (uint64_t)set[s] + 1;
    sum += (id * 0x9E3779B97F4A7C15) ^ ((id * 0xBF58476D1CE4E5B9) >> 29);
  }
  const uint64_t hash = (earlier ^ sum) * 0x94D049BB133111EB;
  return hash ^ (hash >> 32);
}

INLINE size_t bucket(const ceiling_mixture *m, uint32_t hash) {
  return hash & (m->places - 1) & ~(size_t)(WAYS - 1);
}

INLINE void find_repeat(context *to, const ceiling_mixture *m, int k) {
  uint64_t hash = hash_set(0, to->sets[0], k);
  hash = hash_set(hash, to->sets[1], k);
  hash = hash_set(hash, to->sets[2], k);
  hash = hash_set(hash, to->sets[4], k);
  to->hash = (uint32_t)(hash >> 32);
  to->found = -1;
  const size_t first = bucket(m, to->hash);
  for (int way = WAYS - 1; way >= 0; way--)
    if (m->repeat_keys[first + way] == (to->hash | 1)) to->found = first + way;
  to->heard = to->found < 0 ? INPUTS - 1 : INPUTS;
}

INLINE void learn_repeat(ceiling_mixture *m, const context *at, int k) {
  int64_t place = at->found;
  if (place < 0) {
    const size_t first = bucket(m, at->hash);
    place = first + (at->hash >> 30);
    for (int way = 1; way < WAYS; way++) {
      const size_t other = first + ((at->hash >> 30) + way) % WAYS;
      if (m->repeat_counts[other] < m->repeat_counts[place]) place = other;
    }
    if (m->repeat_counts[place] > 0)
      for (size_t other = first; other < first + WAYS; other++)
        m->repeat_counts[other] -= m->repeat_counts[other] > 1;
    m->repeat_keys[place] = at->hash | 1;
    m->repeat_counts[place] = 0;
  }
  const uint32_t held = m->repeat_counts[place];
  uint16_t *sets = m->repeat_sets + place * DEPTH * k;
  memmove(sets + k, sets, (held < DEPTH ? held : DEPTH - 1) * k * sizeof *sets);
  memcpy(sets, at->chosen, k * sizeof *sets);
  m->repeat_counts[place] += held < DEPTH;
}

INLINE void find(
    context *to, const ceiling_mixture *m, const uint16_t *ids, int64_t before, size_t rows,
    size_t token, const float *slot_scales, int experts, int k) {
  const size_t stride = rows * k;
  const uint16_t *own = ids + m->layer * stride;
  to->chosen = own + token * k;
  for (int back = 1; back <= 4; back++)
    to->sets[back - 1] = m->layer >= back ? to->chosen - back * stride : NULL;
  const int follows = before >= 0;
  to->sets[4] = follows ? own + before * k : NULL;
  to->sets[5] = follows && m->layer + 1 < m->layers ? own + stride + before * k : NULL;
  to->sets[6] = follows && m->layer > 0 ? own - stride + before * k : NULL;
  int count = 0;
  for (int group = 0; group < GROUPS; group++) {
    if (!to->sets[group]) continue;
    for (int s = 0; s < k; s++, count++) {
      to->rows[count] = group * experts + to->sets[group][s];
      to->scales[count] = slot_scales[s];
    }
  }
  to->rows[count] = m->linear_rows - 1;
  to->scales[count] = 1;
  to->count = count + 1;
  find_repeat(to, m, k);
}

INLINE void average(
    const ceiling_mixture *m, int table, const uint16_t *given, const float *restrict prior,
    float *restrict out, int experts, int k) {
  if (!given) {
    memcpy(out, prior, experts * sizeof *out);
    return;
  }
  const uint32_t *row[MAX_TOP_K];
  float share[MAX_TOP_K], all = 0;
  for (int s = 0; s < k; s++) {
    row[s] = m->rows[table] + (size_t)given[s] * experts;
    share[s] = 1 / ((float)(int32_t)m->totals[table][given[s]] + 2);
    all += 2 * share[s];
  }
  const float scale = 1 / (float)k;
  for (int j = 0; j < experts; j++) {
    float sum = 0;
    for (int s = 0; s < k; s++) sum += (float)(int32_t)row[s][j] * share[s];
    out[j] = (sum + all * prior[j]) * scale;
  }
}

// Replaces probabilities by the log odds of being among the chosen.
INLINE void stretch(float *values, int count, int k) {
  for (int j = 0; j < count; j++) {
    const float drawn = values[j] * (float)k * 0.995f + 0.0005f;
    const float p = drawn < 0.999f ? drawn : 0.999f;
    values[j] = natural_log(p / (1 - p));
  }
}

// What the sets of a context that came before say beyond the mean of layer and token.
INLINE void repeat(
    const ceiling_mixture *m, const context *at, const float *restrict layer,
    const float *restrict token, float *restrict out, int experts, int k) {
  float mean[MAX_LANES];
  for (int j = 0; j < experts; j++) mean[j] = (token[j] + layer[j]) / 2;
  memset(out, 0, experts * sizeof *out);
  const uint16_t *sets = m->repeat_sets + at->found * DEPTH * k;
  const uint32_t held = m->repeat_counts[at->found] * k;
  for (uint32_t s = 0; s < held; s++) out[sets[s]] += 1;
  const float share = 1 / ((float)held + 0.5f);
  for (int j = 0; j < experts; j++) out[j] = (out[j] + 0.5f * mean[j]) * share;
  stretch(out, experts, k);
  stretch(mean, experts, k);
  for (int j = 0; j < experts; j++) out[j] -= mean[j];
}

INLINE void forecast(
    const ceiling_mixture *m, const context *at, float *restrict inputs, float *restrict chances,
    int experts, int k) {
  float prior[MAX_LANES];
  const float unit = 1 / ((float)(int32_t)m->frequency_total + (float)experts / 2);
  for (int j = 0; j < experts; j++)
    prior[j] = ((float)(int32_t)m->frequency[j] + 0.5f) * unit;
  average(m, 0, at->sets[0], prior, inputs, experts, k);
  average(m, 1, at->sets[4], prior, inputs + experts, experts, k);
  eight sums = {0};
  for (int j = 0; j < experts; j += 8) sums += load(m->recent + j);
  const float share = 1 / (total(sums) + 1);
  for (int j = 0; j < experts; j++)
    inputs[2 * experts + j] = (m->recent[j] + prior[j]) * share;
  if (at->heard == INPUTS)
    repeat(m, at, inputs, inputs + experts, inputs + 3 * experts, experts, k);
  stretch(inputs, 3 * experts, k);
  for (int lane = 0; lane < experts; lane += 32) {
    sixteen low = {0}, high = {0};
    for (int i = 0; i < at->heard; i++) {
      const sixteen *input = (const sixteen *)(inputs + i * experts + lane);
      low += input[0] * m->weights[i];
      high += input[1] * m->weights[i];
    }
    for (int r = 0; r < at->count; r++) {
      const sixteen *row = (const sixteen *)(m->linear + (size_t)at->rows[r] * experts + lane);
      low += row[0] * at->scales[r];
      high += row[1] * at->scales[r];
    }
    ((sixteen *)(chances + lane))[0] = low;
    ((sixteen *)(chances + lane))[1] = high;
  }
  for (int j = 0; j < experts; j++) {
    const float low = chances[j] > -20 ? chances[j] : -20;
    chances[j] = 1 / (1 + exponential(-(low < 20 ? low : 20)));
  }
}

INLINE void score(
    ceiling_mixture *m, const context *at, const float *chances, int experts, int k) {
  double probability[MAX_LANES];
  eight sums = {0};
  for (int j = 0; j < experts; j += 8) sums += load(chances + j);
  const double share = 1 / (double)total(sums);
  for (int j = 0; j < experts; j++) probability[j] = (double)chances[j] * share;
  double bits = 0;
  for (int s = 0; s < k; s++) {
    const int expert = at->chosen[s];
    const double own = probability[expert];
    int64_t rank = 0;
    for (int j = 0; j < expert; j++) rank += probability[j] >= own;
    for (int j = expert; j < experts; j++) rank += probability[j] > own;
    m->ranks[rank]++;
    bits += log2(own);
  }
  m->loss_steps += (uint64_t)round(fmin(-(bits / k), 64) * 16777216);
}

INLINE void learn(
    ceiling_mixture *m, const context *at, const float *restrict inputs,
    const float *restrict chances, const float *table, int experts, int k) {
  float errors[MAX_LANES];
  const float share = 1 / (float)k;
  for (int j = 0; j < experts; j++) errors[j] = -chances[j] * share;
  for (int s = 0; s < k; s++) errors[at->chosen[s]] += share;
  for (int i = 0; i < at->heard; i++) {
    eight sums = {0};
    for (int j = 0; j < experts; j += 8)
      sums += load(errors + j) * load(inputs + i * experts + j);
    const float gradient = total(sums);
    m->power[i] = 0.999f * m->power[i] + 0.001f * gradient * gradient;
    m->weights[i] += 0.002f * gradient / (sqrtf(m->power[i]) + 1e-9f);
  }
  float steps[MAX_ROWS];
  for (int r = 0; r < at->count; r++) {
    uint32_t *visits = m->visits + at->rows[r];
    const int shift = *visits < 64 ? 0 : 26 - __builtin_clz(*visits);
    steps[r] = table[32 * shift + (*visits >> shift)] * at->scales[r];
    *visits += 1;
  }
  steps[at->count - 1] = 0.02f;
  for (int r = 0; r < at->count; r++) {
    float *restrict row = m->linear + (size_t)at->rows[r] * experts;
    const float step = steps[r];
    for (int j = 0; j < experts; j++) row[j] += errors[j] * step;
  }
}

INLINE void count_in(
    uint32_t *restrict row, uint32_t *restrict sum, const uint16_t *chosen, int k) {
  for (int s = 0; s < k; s++) row[chosen[s]]++;
  *sum += k;
}

INLINE void count(ceiling_mixture *m, const context *at, int experts, int k) {
  count_in(m->frequency, &m->frequency_total, at->chosen, k);
  for (int table = 0; table < 2; table++) {
    const uint16_t *given = at->sets[table ? 4 : 0];
    if (!given) continue;
    for (int s = 0; s < k; s++)
      count_in(
          m->rows[table] + (size_t)given[s] * experts, m->totals[table] + given[s], at->chosen, k);
  }
  for (int j = 0; j < experts; j++) m->recent[j] *= 0.9f;
  for (int s = 0; s < k; s++) m->recent[at->chosen[s]] += 1;
}

INLINE void run(
    ceiling_mixture *m, const uint16_t *ids, const int32_t *previous, size_t rows, size_t tokens,
    int experts, int k) {
  float inputs[INPUTS * MAX_LANES], chances[MAX_LANES], slot_scales[MAX_TOP_K];
  for (int s = 0; s < k; s++) {
    const float place = k > 1 ? 1 - 2 * (float)s / (float)(k - 1) : 0;
    slot_scales[s] = 1 + 0.25f * place;
  }
  float steps[STEPS];
  for (int i = 0; i < STEPS; i++) {
    const int shift = i < 64 ? 0 : i / 32 - 1;
    const float visits = (float)((uint32_t)(i - 32 * shift) << shift);
    steps[i] = 0.2f / sqrtf(sqrtf(1 + visits / 20));
  }
  context at;
  for (size_t token = 0; token < tokens; token++) {
    if (previous[token] < 0) memset(m->recent, 0, experts * sizeof *m->recent);
    find(&at, m, ids, previous[token], rows, token, slot_scales, experts, k);
    forecast(m, &at, inputs, chances, experts, k);
    score(m, &at, chances, experts, k);
    learn(m, &at, inputs, chances, steps, experts, k);
    learn_repeat(m, &at, k);
    count(m, &at, experts, k);
  }
}

// The shapes that are measured are constants in a copy each, so that loops unroll.
void ceiling_mixture_run(
    ceiling_mixture *m, const uint16_t *ids, const int32_t *previous, size_t rows, size_t tokens) {
  if (m->experts == 128 && m->top_k == 1) return run(m, ids, previous, rows, tokens, 128, 1);
  if (m->experts == 32 && m->top_k == 4) return run(m, ids, previous, rows, tokens, 32, 4);
  if (m->experts == 64 && m->top_k == 6) return run(m, ids, previous, rows, tokens, 64, 6);
  run(m, ids, previous, rows, tokens, m->experts, m->top_k);
}
