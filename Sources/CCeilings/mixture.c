#include "ceilings.h"

#include <math.h>
#include <string.h>

// The formulas are those of `Forecast`, operation by operation and with the same constants, so that the
// results are the same to the bit: no sum may be fused or put in another order.
#pragma STDC FP_CONTRACT OFF

#define INLINE static inline __attribute__((always_inline))

enum { MAX_LANES = 512, MAX_TOP_K = 64, INPUTS = 2, BACKS = 8, GROUPS = BACKS + 2 };
// Of the table of the linear part's steps.
enum { STEPS = 26 * 32 + 64 };
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
  const uint16_t *chosen, *layer_before, *sets[GROUPS];
  int rows[MAX_ROWS];
  float scales[MAX_ROWS];
  int count;
} context;

INLINE void find(
    context *to, const ceiling_mixture *m, const uint16_t *ids, int64_t before, size_t rows,
    size_t token, const float *slot_scales, int experts, int k) {
  const size_t stride = rows * k;
  const uint16_t *own = ids + m->layer * stride;
  to->chosen = own + token * k;
  const int follows = before >= 0;
  to->layer_before = m->layer > 0 ? to->chosen - stride : NULL;
  to->sets[0] = follows ? own + before * k : NULL;
  // Before the first layer come the last ones of the token before.
  for (int back = 1; back <= BACKS; back++) {
    const int at = m->layer - back, wrapped = at + m->layers;
    to->sets[back] = at >= 0 ? ids + at * stride + token * k
                   : follows && wrapped >= 0 ? ids + wrapped * stride + before * k
                                             : NULL;
  }
  to->sets[BACKS + 1] = m->layer > BACKS ? ids + token * k : NULL;
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
}

INLINE void average(
    const ceiling_mixture *m, const uint16_t *given, const float *restrict prior,
    float *restrict out, int experts, int k) {
  if (!given) {
    memcpy(out, prior, experts * sizeof *out);
    return;
  }
  const uint32_t *row[MAX_TOP_K];
  float share[MAX_TOP_K], all = 0;
  for (int s = 0; s < k; s++) {
    row[s] = m->rows + (size_t)given[s] * experts;
    share[s] = 1 / ((float)(int32_t)m->totals[given[s]] + 2);
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

INLINE void forecast(
    const ceiling_mixture *m, const context *at, float *restrict inputs, float *restrict chances,
    int experts, int k) {
  float prior[MAX_LANES];
  const float unit = 1 / ((float)(int32_t)m->frequency_total + (float)experts / 2);
  for (int j = 0; j < experts; j++)
    prior[j] = ((float)(int32_t)m->frequency[j] + 0.5f) * unit;
  average(m, at->layer_before, prior, inputs, experts, k);
  eight sums = {0};
  for (int j = 0; j < experts; j += 8) sums += load(m->recent + j);
  const float share = 1 / (total(sums) + 1);
  for (int j = 0; j < experts; j++)
    inputs[experts + j] = (m->recent[j] + prior[j]) * share;
  stretch(inputs, INPUTS * experts, k);
  for (int lane = 0; lane < experts; lane += 32) {
    sixteen low = {0}, high = {0};
    for (int i = 0; i < INPUTS; i++) {
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
  double bits = 0, product = 1;
  for (int s = 0; s < k; s++) {
    const int expert = at->chosen[s];
    const double own = probability[expert];
    int64_t rank = 0;
    for (int j = 0; j < expert; j++) rank += probability[j] >= own;
    for (int j = expert; j < experts; j++) rank += probability[j] > own;
    m->ranks[rank]++;
    product *= own;
    if ((s & 7) == 7) bits += log2(product), product = 1;
  }
  if (k & 7) bits += log2(product);
  m->loss_steps += (uint64_t)round(fmin(-(bits / k), 64) * 16777216);
}

INLINE void learn(
    ceiling_mixture *m, const context *at, const float *restrict inputs,
    const float *restrict chances, const float *table, int experts, int k) {
  float errors[MAX_LANES];
  const float share = 1 / (float)k;
  for (int j = 0; j < experts; j++) errors[j] = -chances[j] * share;
  for (int s = 0; s < k; s++) errors[at->chosen[s]] += share;
  for (int i = 0; i < INPUTS; i++) {
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
  const uint16_t *given = at->layer_before;
  for (int s = 0; given && s < k; s++)
    count_in(m->rows + (size_t)given[s] * experts, m->totals + given[s], at->chosen, k);
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
