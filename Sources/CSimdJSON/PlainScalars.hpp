// Single numbers and texts of plain JSON. Where anything else stands, these functions return false and
// somebody else must read it. Zeros stand behind the text, so that none passes its end.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <system_error>

#include "PlainText.hpp"

namespace plain {

inline bool isDigit(char byte) { return static_cast<uint8_t>(byte - '0') <= 9; }

inline uint64_t eightBytes(const char *at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

inline bool isSpace(char byte) {
  return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

inline void skipSpaces(const char *&at) {
  while (isSpace(*at)) {
    at++;
    // Where lines are indented, many blanks follow.
    while (eightBytes(at) == 0x2020202020202020) at += 8;
  }
}

/// How many of eight bytes are digits, from the first on.
inline int countDigits(uint64_t word) {
  constexpr uint64_t high = 0xF0F0F0F0F0F0F0F0, zeros = 0x3030303030303030;
  // The highest four bits of a byte are those of '0' where it is a digit, and still where 6 is added.
  const uint64_t others = ((word & high) ^ zeros) | (((word + 0x0606060606060606) & high) ^ zeros);
  return others == 0 ? 8 : __builtin_ctzll(others) / 8;
}

/// The number that eight digits are, on a little-endian machine; zero bytes count as the digit 0.
inline uint32_t eightDigits(uint64_t word) {
  word = (word & 0x0F0F0F0F0F0F0F0F) * (1 + (10 << 8)) >> 8 & 0x00FF00FF00FF00FF;
  word = word * (1 + (100 << 16)) >> 16 & 0x0000FFFF0000FFFF;
  return static_cast<uint32_t>(word * (1 + (uint64_t(10000) << 32)) >> 32);
}

/// The number that the first `count` of eight bytes are, at most seven of them.
inline uint32_t firstDigits(uint64_t word, int count) {
  return eightDigits(word << 8 * (7 - count) << 8);
}

/// A whole number of up to seven digits, without a branch on how many they are.
inline bool takeWhole(const char *&at, uint32_t &number) {
  const uint64_t word = eightBytes(at);
  const int count = countDigits(word);
  if (count == 0 || count == 8 || (*at == '0' && count > 1)) return false;
  number = firstDigits(word, count);
  at += count;
  return true;
}

/// Takes the digits behind a point, so that they follow those of `number`.
inline void takeFraction(const char *&at, uint64_t &number) {
  static constexpr uint32_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};
  uint64_t word = eightBytes(at);
  int count = countDigits(word);
  while (count == 8) {
    number = number * 100000000 + eightDigits(word);
    at += 8;
    word = eightBytes(at);
    count = countDigits(word);
  }
  number = number * tens[count] + firstDigits(word, count);
  at += count;
}

/// Whether a number that is 2^-51 of itself off at most is rounded to the same single and half as
/// without: it is not beside the middle of two neighbours.
inline bool isClear(double number) {
  uint64_t bits;
  std::memcpy(&bits, &number, sizeof bits);
  // Of 52 bits singles keep 23 and halves 10; smaller halves have fewer.
  constexpr uint64_t single = (1 << 29) - 1, half = (uint64_t(1) << 42) - 1;
  return number >= 0x1p-14 && (bits & single) - (single / 2 - 3) > 8 &&
         (bits & half) - (half / 2 - 3) > 8;
}

/// Any number, of as many signs as a window has: the nearest in double precision, or one that becomes
/// the same in single and in half precision.
inline bool takeNumber(const char *&at, double &number) {
  static constexpr double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                    1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
  const char *now = at;
  const bool isNegative = *now == '-';
  now += isNegative;
  const char *const whole = now;
  uint64_t digits = 0;
  // Before the point are few, and mostly as many as in the numbers before.
  while (isDigit(*now)) digits = digits * 10 + static_cast<uint64_t>(*now++ - '0');
  std::ptrdiff_t count = now - whole, places = 0;
  if (count == 0 || (*whole == '0' && count > 1)) return false;
  if (*now == '.') {
    const char *const fraction = ++now;
    takeFraction(now, digits);
    places = now - fraction;
    count += places;
    if (places == 0) return false;
  }
  if (count <= 18 && (*now | 0x20) != 'e') {
    // Whole numbers up to 2^53 and such powers of ten are exact, and their quotient is the nearest
    // (Clinger 1990); longer numbers are rounded, as is the quotient.
    const double value = static_cast<double>(static_cast<int64_t>(digits)) / tens[places];
    if (digits <= uint64_t(1) << 53 || isClear(value)) {
      number = isNegative ? -value : value;
      at = now;
      return true;
    }
  }
  const auto result = std::from_chars(at, at + plainWindow, number);
  if (result.ec != std::errc()) return false;
  at = result.ptr;
  return true;
}

inline bool passNumber(const char *&at) {
  double number;
  return takeNumber(at, number);
}

/// A text of ASCII without escapes, with its quotes.
inline bool passText(const char *&at) {
  const char *now = at;
  if (*now++ != '"') return false;
  while (*now != '"') {
    // Neither an escape, nor a control sign, nor a byte of another alphabet.
    if (*now == '\\' || static_cast<signed char>(*now) < ' ') return false;
    now++;
  }
  at = now + 1;
  return true;
}

/// True, false or null.
inline bool passWord(const char *&at) {
  for (const char *word : {"true", "false", "null"}) {
    const size_t length = std::strlen(word);
    if (std::memcmp(at, word, length) != 0) continue;
    at += length;
    return true;
  }
  return false;
}

/// A list of numbers, at least one; each is given to `take`, which returns false to end it.
template <typename Take>
bool eachNumber(const char *&at, Take take) {
  const char *now = at;
  if (*now++ != '[') return false;
  do {
    skipSpaces(now);
    double number;
    if (!takeNumber(now, number) || !take(number)) return false;
    skipSpaces(now);
  } while (*now++ == ',');
  if (now[-1] != ']') return false;
  at = now;
  return true;
}

inline bool passNumbers(const char *&at) {
  return eachNumber(at, [](double) { return true; });
}

/// A list of such lists.
inline bool passRows(const char *&at) {
  const char *now = at;
  if (*now++ != '[') return false;
  do {
    skipSpaces(now);
    if (!passNumbers(now)) return false;
    skipSpaces(now);
  } while (*now++ == ',');
  if (now[-1] != ']') return false;
  at = now;
  return true;
}

}  // namespace plain
