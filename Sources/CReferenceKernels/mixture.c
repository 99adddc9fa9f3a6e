#include "ceilings.h"

#include <math.h>

#include "floats.h"

enum { MAX_LANES = 512, MAX_TOP_K = 64, BACKS = 8, GROUPS = BACKS + 2 };
// Of the table of the linear part's steps.
enum { STEPS = 26 * 32 + 64 };
// Inputs: layer and recent, or frequency, layer, recent and what paths say by each metric.
enum { FAST = 2, FULL = FAST + 1 + CEILING_METRICS };
// Room for whole vectors.
enum { MAX_ROWS = GROUPS * MAX_TOP_K + 16 };

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

// What the voters said, filled up with the prior.
INLINE void hear(
    const float *restrict votes, float weight, const float *restrict prior, float *restrict out,
    int experts, int k) {
  const float share = 1 / ((float)k * (weight + 0.5f));
  const float prior_share = 0.5f * (float)k * share;
  for (int j = 0; j < experts; j++) out[j] = votes[j] * share + prior[j] * prior_share;
}

INLINE void forecast(
    const ceiling_mixture *m, const ceiling_paths *paths, size_t event, const context *at,
    float *restrict inputs, float *restrict chances, int experts, int k, int parts) {
  float prior[MAX_LANES];
  const float unit = 1 / ((float)(int32_t)m->frequency_total + (float)experts / 2);
  for (int j = 0; j < experts; j++)
    prior[j] = ((float)(int32_t)m->frequency[j] + 0.5f) * unit;
  float *restrict own = inputs;
  if (parts == FULL) {
    memcpy(own, prior, experts * sizeof *own);
    own += experts;
  }
  average(m, at->layer_before, prior, own, experts, k);
  own += experts;
  eight sums = {0};
  for (int j = 0; j < experts; j += 8) sums += load(m->recent + j);
  const float share = 1 / (total(sums) + 1);
  for (int j = 0; j < experts; j++)
    own[j] = (m->recent[j] + prior[j]) * share;
  for (int metric = 0; parts == FULL && metric < CEILING_METRICS; metric++) {
    const size_t said = event * CEILING_METRICS + metric;
    own += experts;
    hear(paths->votes + said * experts, paths->weights[said], prior, own, experts, k);
  }
  stretch(inputs, parts * experts, k);
  for (int lane = 0; lane < experts; lane += 32) {
    sixteen low = {0}, high = {0};
    for (int i = 0; i < parts; i++) {
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
    const float *restrict chances, const float *table, int experts, int k, int parts) {
  float errors[MAX_LANES];
  const float share = 1 / (float)k;
  for (int j = 0; j < experts; j++) errors[j] = -chances[j] * share;
  for (int s = 0; s < k; s++) errors[at->chosen[s]] += share;
  for (int i = 0; i < parts; i++) {
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

// What the linear part moves by, and how much a slot counts.
typedef struct {
  float steps[STEPS], slot_scales[MAX_TOP_K];
  int top_k;
} constants;

static const constants *look_up(int k) {
  static constants known;
  if (known.top_k == k) return &known;
  known.top_k = k;
  for (int s = 0; s < k; s++) {
    const float place = k > 1 ? 1 - 2 * (float)s / (float)(k - 1) : 0;
    known.slot_scales[s] = 1 + 0.25f * place;
  }
  for (int i = 0; i < STEPS; i++) {
    const int shift = i < 64 ? 0 : i / 32 - 1;
    const float visits = (float)((uint32_t)(i - 32 * shift) << shift);
    known.steps[i] = 0.2f / sqrtf(sqrtf(1 + visits / 20));
  }
  return &known;
}

INLINE void run(
    ceiling_mixture *m, const ceiling_paths *paths, const uint16_t *ids, const int32_t *previous,
    size_t rows, size_t first, size_t tokens, int experts, int k, int parts) {
  float inputs[FULL * MAX_LANES], chances[MAX_LANES];
  const constants *known = look_up(k);
  context at;
  for (size_t token = first; token < first + tokens; token++) {
    if (previous[token] < 0) memset(m->recent, 0, experts * sizeof *m->recent);
    find(&at, m, ids, previous[token], rows, token, known->slot_scales, experts, k);
    const size_t event = (size_t)m->layer * CEILING_STEP + token - first;
    forecast(m, paths, event, &at, inputs, chances, experts, k, parts);
    score(m, &at, chances, experts, k);
    learn(m, &at, inputs, chances, known->steps, experts, k, parts);
    count(m, &at, experts, k);
  }
}

// The shapes that are measured are constants in a copy each, so that loops unroll.
void ceiling_mixture_run(
    ceiling_mixture *m, const ceiling_paths *paths, const uint16_t *ids, const int32_t *previous,
    size_t rows, size_t first, size_t tokens) {
  const int experts = m->experts, k = m->top_k;
  if (paths && experts == 64 && k == 6)
    run(m, paths, ids, previous, rows, first, tokens, 64, 6, FULL);
  else if (paths)
    run(m, paths, ids, previous, rows, first, tokens, experts, k, FULL);
  else if (experts == 128 && k == 1)
    run(m, NULL, ids, previous, rows, first, tokens, 128, 1, FAST);
  else if (experts == 32 && k == 4)
    run(m, NULL, ids, previous, rows, first, tokens, 32, 4, FAST);
  else if (experts == 64 && k == 6)
    run(m, NULL, ids, previous, rows, first, tokens, 64, 6, FAST);
  else
    run(m, NULL, ids, previous, rows, first, tokens, experts, k, FAST);
}
