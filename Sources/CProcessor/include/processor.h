#ifndef MOECAST_PROCESSOR_H
#define MOECAST_PROCESSOR_H

// Whether this processor has what the program was built for. Inline, so that it is compiled with the
// flags of the Swift code that calls it.
static inline int processor_suffices(void) {
#if defined(__x86_64__) && defined(__AVX2__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("fma");
#else
  return 1;
#endif
}

// a * b + c, in one instruction where the build's processor has it. The last bit differs from machine
// to machine: only for sums whose rounding decides nothing.
static inline float processor_multiply_add(float a, float b, float c) {
#pragma STDC FP_CONTRACT ON
  return a * b + c;
}

#endif
