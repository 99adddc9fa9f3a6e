#ifndef MOECAST_FLOATS_H
#define MOECAST_FLOATS_H

#include <stdint.h>
#include <string.h>

// The formulas are those of `Forecast`, operation by operation and with the same constants, so that the
// results are the same to the bit: no sum may be fused or put in another order.
#pragma STDC FP_CONTRACT OFF

#define INLINE static inline __attribute__((always_inline))

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

#endif
