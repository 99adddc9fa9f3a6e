// Objects that are written as the one before them, since one line of a program wrote them all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "PlainScalars.hpp"
#include "PlainText.hpp"

/// What is wanted of the value under a key.
struct Wanted {
  enum class Kind : uint8_t {
    /// That it is JSON: a text, a number, a list of numbers; or that it is the same true, false or null.
    nothing,
    /// That it is what it was: a text, a number, true, false or null.
    same,
    /// A whole number from 0, of seven digits at most.
    whole,
    /// Any number.
    number,
    /// A text; or a number, as it is written.
    label,
    /// A list of expert ids, or a list of such lists.
    row,
    rows,
    /// A list of numbers.
    numbers,
    /// That it is not there: an object with such a key is not learnt.
    absence,
  };

  Kind kind;
  /// What its reader calls it.
  uint8_t name = 0;
};

/// The texts between the values of an object and the kinds of these: a later object with the same texts
/// and values of such kinds is the same JSON but for the values, so that these alone are to be read.
///
/// It knows plain JSON only: keys and texts of ASCII without escapes, no objects within the object. Of
/// anything else its functions return false, and somebody else must read it. Zeros stand behind the
/// text, `plainWindow` of them at least.
class ObjectPattern {
 public:
  /// What takes no values; readers of some take the others from it.
  struct NoValues {
    bool whole(uint8_t, uint32_t) { return false; }
    bool number(uint8_t, double) { return false; }
    bool label(uint8_t, std::string_view) { return false; }
    bool row(PlainText &) { return false; }
    bool rows(PlainText &) { return false; }
    bool element(double) { return false; }
  };

  bool isKnown() const { return !steps.empty(); }

  void forget() {
    steps.clear();
    words.clear();
  }

  /// Learns from the object at `at`, which is passed then. `wanted` says what is wanted under a key.
  template <typename WantedUnder>
  bool learn(const char *&at, WantedUnder wanted) {
    forget();
    const char *now = at;
    const char *literal = at;
    if (*now++ != '{') return false;
    do {
      plain::skipSpaces(now);
      const char *const key = now + 1;
      if (!plain::passText(now)) return fail();
      const Wanted value = wanted(std::string_view(key, static_cast<size_t>(now - key) - 1));
      plain::skipSpaces(now);
      if (*now++ != ':') return fail();
      plain::skipSpaces(now);
      if (!learn(value, now, literal)) return fail();
      plain::skipSpaces(now);
    } while (*now++ == ',');
    if (now[-1] != '}') return fail();
    add(Step::Kind::end, 0, literal, now);
    at = now;
    return true;
  }

  /// Reads the object at `at`, which is passed where it is written as the one that was learnt.
  ///
  /// `values`, some `NoValues`, takes what is wanted by name, and each of a list's numbers; it returns
  /// false where something is not what it must be.
  template <typename Values>
  bool read(const char *&at, Values &values) const {
    const char *now = at;
    for (const Step &step : steps) {
      if (!isNext(step, now)) return false;
      now += step.length;
      if (!read(step, now, values)) return false;
    }
    at = now;
    return isKnown();
  }

 private:
  /// A text that must be there, and the value behind it.
  struct Step {
    enum class Kind : uint8_t {
      whole, number, text, digits, row, rows, numbers, anyText, anyNumber, anyNumbers, end
    };
    Kind kind;
    uint8_t name;
    /// The text: so many bytes from `words[first]` on, of the last word these bits.
    uint32_t length;
    size_t first;
    uint64_t lastBits;
  };

  std::vector<Step> steps;
  /// The texts of all steps.
  std::vector<uint64_t> words;

  bool fail() {
    forget();
    return false;
  }

  /// A step of the text from `literal` to `end`, where the next one begins.
  void add(Step::Kind kind, uint8_t name, const char *&literal, const char *end) {
    const size_t length = static_cast<size_t>(end - literal);
    steps.push_back(Step{kind, name, static_cast<uint32_t>(length), words.size(),
                         (uint64_t(1) << (8 * (length % 8))) - 1});
    words.resize(words.size() + length / 8 + 1);
    std::memcpy(words.data() + steps.back().first, literal, length);
    literal = end;
  }

  /// Whether the step's text is at `at`. It ends at the first word that differs: no zero stands in a step's
  /// text, so that nothing is looked at that is more than a word behind the zeros' first.
  bool isNext(const Step &step, const char *at) const {
    const uint64_t *const own = words.data() + step.first;
    const size_t whole = step.length / 8;
    for (size_t i = 0; i < whole; i++) {
      if (own[i] != plain::eightBytes(at + 8 * i)) return false;
    }
    return own[whole] == (plain::eightBytes(at + 8 * whole) & step.lastBits);
  }

  bool learn(Wanted value, const char *&now, const char *&literal) {
    using Kind = Wanted::Kind;
    const char *const start = now;
    switch (value.kind) {
      case Kind::nothing:
        if (plain::passText(now)) return step(Step::Kind::anyText, 0, literal, start, now);
        if (plain::passNumber(now)) return step(Step::Kind::anyNumber, 0, literal, start, now);
        if (plain::passNumbers(now))
          return step(Step::Kind::anyNumbers, 0, literal, start, now);
        return plain::passWord(now);
      case Kind::same:
        return plain::passText(now) || plain::passNumber(now) || plain::passWord(now);
      case Kind::whole: {
        uint32_t number;
        return plain::takeWhole(now, number) && step(Step::Kind::whole, value.name, literal, start, now);
      }
      case Kind::number:
        return plain::passNumber(now) && step(Step::Kind::number, value.name, literal, start, now);
      case Kind::label:
        if (plain::passText(now)) return step(Step::Kind::text, value.name, literal, start, now);
        return plain::passNumber(now) && step(Step::Kind::digits, value.name, literal, start, now);
      case Kind::row:
        return plain::passNumbers(now) && step(Step::Kind::row, 0, literal, start, now);
      case Kind::rows:
        return plain::passRows(now) && step(Step::Kind::rows, 0, literal, start, now);
      case Kind::numbers:
        return plain::passNumbers(now) &&
               step(Step::Kind::numbers, 0, literal, start, now);
      case Kind::absence:
        return false;
    }
    return false;
  }

  /// A step of a value that begins at `start` and ends at `now`.
  bool step(Step::Kind kind, uint8_t name, const char *&literal, const char *start, const char *now) {
    add(kind, name, literal, start);
    literal = now;
    return true;
  }

  template <typename Values>
  bool read(const Step &step, const char *&now, Values &values) const {
    const char *const start = now;
    switch (step.kind) {
      case Step::Kind::whole: {
        uint32_t number;
        return plain::takeWhole(now, number) && values.whole(step.name, number);
      }
      case Step::Kind::number: {
        double number;
        return plain::takeNumber(now, number) && values.number(step.name, number);
      }
      case Step::Kind::text:
        return plain::passText(now) &&
               values.label(step.name, {start + 1, static_cast<size_t>(now - start) - 2});
      case Step::Kind::digits:
        return plain::passNumber(now) &&
               values.label(step.name, {start, static_cast<size_t>(now - start)});
      case Step::Kind::row:
      case Step::Kind::rows: {
        PlainText text{now};
        const bool isRead = step.kind == Step::Kind::row ? values.row(text) : values.rows(text);
        now = text.at;
        return isRead;
      }
      case Step::Kind::numbers:
        return plain::eachNumber(now, [&](double number) { return values.element(number); });
      case Step::Kind::anyText:
        return plain::passText(now);
      case Step::Kind::anyNumber:
        return plain::passNumber(now);
      case Step::Kind::anyNumbers:
        return plain::passNumbers(now);
      case Step::Kind::end:
        return true;
    }
    return false;
  }
};
