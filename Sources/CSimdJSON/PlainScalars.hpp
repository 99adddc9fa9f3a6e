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

inline void skipSpaces(const char *&at) {
  while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t') at++;
}

inline uint64_t eightBytes(const char *at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// A whole number of up to seven digits, without a branch on how many they are.
inline bool takeWhole(const char *&at, uint32_t &number) {
  const uint64_t word = eightBytes(at);
  constexpr uint64_t high = 0xF0F0F0F0F0F0F0F0, zeros = 0x3030303030303030;
  // The highest four bits of a byte are those of '0' where it is a digit, and still where 6 is added.
  const uint64_t others = ((word & high) ^ zeros) | (((word + 0x0606060606060606) & high) ^ zeros);
  const int count = others == 0 ? 8 : __builtin_ctzll(others) / 8;
  if (count == 0 || count == 8 || (*at == '0' && count > 1)) return false;
  // Zeros in front; on a little-endian machine the last digit is in the highest byte.
  uint64_t digits = (word << 8 * (8 - count)) & 0x0F0F0F0F0F0F0F0F;
  digits = digits * (1 + (10 << 8)) >> 8 & 0x00FF00FF00FF00FF;
  digits = digits * (1 + (100 << 16)) >> 16 & 0x0000FFFF0000FFFF;
  number = static_cast<uint32_t>(digits * (1 + (uint64_t(10000) << 32)) >> 32);
  at += count;
  return true;
}

/// Any number, of as many signs as a window has.
inline bool takeNumber(const char *&at, double &number) {
  const char *now = at;
  if (*now == '-') now++;
  // What JSON refuses and `from_chars` takes: words, zeros in front, points without digits.
  const char *const whole = now;
  while (isDigit(*now)) now++;
  if (now == whole || (*whole == '0' && now - whole > 1)) return false;
  if (*now == '.' && !isDigit(now[1])) return false;
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
    if (*now == ' ') now++;
    double number;
    if (!takeNumber(now, number) || !take(number)) return false;
    if (*now == ' ') now++;
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
