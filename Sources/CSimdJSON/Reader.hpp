// What the parsers of all JSON formats share: the reader's arrays, faults, rows of ids.
#pragma once

#include <simdjson.h>

#include <algorithm>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "CSimdJSON.h"
#include "ObjectPattern.hpp"
#include "PlainText.hpp"

namespace ondemand = simdjson::ondemand;

/// What simdjson and `PlainText` look at behind a text.
constexpr size_t padding = std::max<size_t>(simdjson::SIMDJSON_PADDING, plainWindow);

/// How the latest line of a routing log was written that told a choice. Where lines are of many kinds,
/// it is looked for in a few of them only.
struct LinePattern {
  ObjectPattern object;
  /// What the line was read for.
  csj_record_keys keys;
  bool readsWeights;
  /// What such lines say besides their values.
  csj_record record;
  /// Lines since the last that was written so, and lines to come in which no pattern is looked for.
  int misses = 0;
  int pause = 0;

  static constexpr int mostMisses = 8;
  static constexpr int longestPause = 256;
};

/// Arrays that keep their capacity from file to file.
struct csj_reader {
  ondemand::parser parser;
  /// How the routing log's lines are written.
  LinePattern line;
  std::vector<uint16_t> ids;
  std::vector<float> weights;
  /// The prompt's ids, layer-major in the order of the file's keys.
  std::vector<uint16_t> prompt;
  /// Routing layers in the order of the file's keys, and each one's place in ascending order.
  std::vector<uint16_t> keys;
  std::vector<uint32_t> ranks;
  /// The same layers, ascending.
  std::vector<uint16_t> layers;
  /// For each rank the last token that filled it, plus 1.
  std::vector<size_t> filled;
  std::string name;
  std::string task;
  /// Keys that hold routing and are not read, and those of labels that are left out.
  std::string unread;
  std::string unlabelled;
  /// Gate weights of a record, not rounded yet.
  std::vector<double> recordWeights;
  /// What was found of answers.
  std::vector<csj_answer> answers;
  /// Choices of traces that stand one by one, and the traces.
  std::vector<csj_choice> choices;
  std::vector<csj_choices> traces;
  /// Prompts of a layered export.
  std::vector<csj_prompt> prompts;
};

/// Whether a key speaks of routing, so that it is told where it is not read.
inline bool holdsRouting(std::string_view key) {
  return key.find("rout") != key.npos || key.find("expert") != key.npos;
}

/// Leaves a parser's nested loops at the first fault; caught before the C boundary.
struct Abort {};

/// Leaves them where an event has more ids than those before it, so that the file is read again with
/// rows of `topK` ids.
struct Wider {
  size_t topK;
};

/// Appends the rows `[[8, 10], [3, 5]]` of `width` ids below `experts` and returns how many they are; 0,
/// and nothing appended, where anything else stands there.
inline size_t appendRows(
    PlainText &plain, size_t width, uint32_t experts, std::vector<uint16_t> &ids) {
  const size_t first = ids.size();
  size_t rows = 0;
  if (width == 0 || !plain.next('[')) return 0;
  do {
    ids.resize(first + (rows + 1) * width);
    if (!plain.nextRow(width, experts, ids.data() + first + rows * width)) break;
    rows++;
  } while (plain.next(','));
  const bool isRead = ids.size() == first + rows * width && plain.next(']');
  ids.resize(isRead ? first + rows * width : first);
  return isRead ? rows : 0;
}

/// One file on its way through the parser.
class FileParser {
 public:
  /// A parser of events with `topK` ids; 0 where the first event is to tell.
  FileParser(csj_reader &reader, const uint8_t *json, size_t length, csj_bounds bounds,
             csj_fault &fault, size_t topK)
      : givenTopK(topK), r(reader), text(reinterpret_cast<const char *>(json)), length(length),
        bounds(bounds), fault(fault), topK(topK) {
    r.ids.clear();
    r.weights.clear();
    r.prompt.clear();
    r.keys.clear();
    r.ranks.clear();
    r.layers.clear();
    r.filled.clear();
    r.name.clear();
    r.task.clear();
    r.unread.clear();
    r.unlabelled.clear();
    r.recordWeights.clear();
    r.answers.clear();
    r.choices.clear();
    r.traces.clear();
    r.prompts.clear();
  }

  /// Opens the document. The caller has checked the padding.
  void open(size_t capacity) {
    check(r.parser.iterate(text, length, capacity).get(doc));
    isOpen = true;
  }

  /// Ids in an event as the parser was told, or 0.
  const size_t givenTopK;

 protected:
  csj_reader &r;
  const char *text;
  size_t length;
  csj_bounds bounds;
  csj_fault &fault;
  ondemand::document doc;
  /// Whether `doc` may be asked; faults before that have no place.
  bool isOpen = false;
  /// Place for faults; -1 where there is none.
  int64_t token = -1;
  int64_t layer = -1;
  /// Ids in an event, 0 until known.
  size_t topK;

  /// Offset of the parser in the file.
  size_t location() {
    if (!isOpen) return length;
    const char *at = nullptr;
    if (doc.current_location().get(at) != simdjson::SUCCESS || at < text) return length;
    return std::min(length, static_cast<size_t>(at - text));
  }

  [[noreturn]] [[gnu::cold]] [[gnu::format(printf, 4, 5)]] void fail(
      int code, size_t byte, const char *format, ...) {
    fault.code = code;
    fault.byte = isOpen ? static_cast<int64_t>(byte) : -1;
    fault.token = token;
    fault.layer = layer;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fault.problem, sizeof fault.problem, format, arguments);
    va_end(arguments);
    throw Abort();
  }

  /// Turns simdjson's error, if any, into a fault at the parser's place.
  void check(simdjson::error_code error, const char *expected = nullptr) {
    if (simdjson_unlikely(error != simdjson::SUCCESS)) failWith(error, expected);
  }

  [[noreturn]] [[gnu::cold]] void failWith(simdjson::error_code error, const char *expected) {
    using namespace simdjson;
    const size_t at = location();
    switch (error) {
      case MEMALLOC:
        fail(CSJ_NO_MEMORY, at, "there is not enough memory to parse it");
      case INCORRECT_TYPE:
      case NUMBER_OUT_OF_RANGE:
      case NUMBER_ERROR:
        if (expected && at < length) fail(CSJ_UNEXPECTED, at, "%s expected", expected);
        break;
      case INCOMPLETE_ARRAY_OR_OBJECT:
        fail(CSJ_MALFORMED, length, "a list or object is not closed: the file is cut off");
      default:
        break;
    }
    fail(CSJ_MALFORMED, at, "not valid JSON, or cut off (%s)", error_message(error));
  }

  /// All of the text must have been read.
  void requireEnd() {
    if (doc.current_location().error() != simdjson::OUT_OF_BOUNDS) {
      fail(CSJ_MALFORMED, location(), "text follows the end of the JSON value");
    }
  }

  /// What an iteration gives, or its error as a fault.
  template <typename Value>
  Value take(simdjson::simdjson_result<Value> &result) {
    Value value;
    check(std::move(result).get(value));
    return value;
  }

  /// Whether a value is null; `expected` is what else it may be.
  bool isNull(ondemand::value &value, const char *expected = "a value") {
    bool null = false;
    check(value.is_null().get(null), expected);
    return null;
  }

  ondemand::array arrayOf(ondemand::value value, const char *expected) {
    ondemand::array array;
    check(value.get_array().get(array), expected);
    return array;
  }

  ondemand::object objectOf(ondemand::value value, const char *expected) {
    ondemand::object object;
    check(value.get_object().get(object), expected);
    return object;
  }

  /// The model layer that a key names: `prefix` and a decimal number.
  uint16_t layerNumber(ondemand::field &field, const char *prefix, size_t prefixLength) {
    // The key ends with a quote inside the buffer, so no comparison below passes it unseen.
    const char *key = field.key().raw();
    const char *at = key;
    for (size_t i = 0; i < prefixLength; i++, at++) {
      if (*at != prefix[i]) failKey(key, prefix);
    }
    uint16_t number = 0;
    if (!PlainText{at}.restOfKey(number)) failKey(key, prefix);
    return number;
  }

  [[noreturn]] [[gnu::cold]] void failKey(const char *key, const char *prefix) {
    fail(CSJ_UNEXPECTED, static_cast<size_t>(key - text), "a key \"%s<layer number>\" expected",
         prefix);
  }

  /// Appends the ids of one event to `ids`, which the first event gives `topK` slots where the bounds
  /// leave them open: shorter lists and null leave slots absent.
  void appendEvent(ondemand::value value, std::vector<uint16_t> &ids) {
    if (simdjson_unlikely(isNull(value, "a list of expert ids"))) return appendAbsentEvent(ids);
    ondemand::array array = arrayOf(value, "a list of expert ids");
    if (simdjson_likely(topK != 0)) {
      std::string_view raw;
      check(array.raw_json().get(raw));
      ids.resize(ids.size() + topK);
      if (PlainText{raw.data()}.nextRow(topK, bounds.experts, ids.data() + ids.size() - topK)) return;
      ids.resize(ids.size() - topK);
      check(array.reset().error());
    }
    appendEventOneByOne(array, ids);
  }

  /// Appends the rows of a list of lists of `width` plain ids each, read without simdjson's numbers, and
  /// returns how many they are; 0, and nothing appended, where anything else is in the list.
  size_t appendPlainRows(std::string_view raw, size_t width, std::vector<uint16_t> &ids) {
    const size_t first = ids.size();
    PlainText plain{raw.data()};
    const size_t rows = appendRows(plain, width, bounds.experts, ids);
    if (plain.at == raw.data() + raw.size()) return rows;
    ids.resize(first);
    return 0;
  }

  /// An event of which nothing is told.
  void appendAbsentEvent(std::vector<uint16_t> &ids) {
    requireTopK();
    ids.resize(ids.size() + topK, CSJ_ABSENT);
  }

  /// The same by simdjson's own numbers, which tells what is wrong.
  void appendEventOneByOne(ondemand::array array, std::vector<uint16_t> &ids) {
    size_t count = 0;
    for (auto element : array) {
      ondemand::value item = take(element);
      ids.push_back(slot(item));
      count++;
    }
    if (count == 0) return appendAbsentEvent(ids);
    if (topK == 0) topK = count;
    if (simdjson_unlikely(count > topK)) {
      if (bounds.top_k == 0 && count <= CSJ_LARGEST_TOP_K) throw Wider{count};
      fail(CSJ_OTHER_MODEL, location(), "%zu expert ids; an event has at most %zu", count,
           bounds.top_k == 0 ? size_t(CSJ_LARGEST_TOP_K) : topK);
    }
    ids.resize(ids.size() + topK - count, CSJ_ABSENT);
  }

  /// An id, or `CSJ_ABSENT`; the number of experts itself is let pass, since some pad with it.
  uint16_t slot(ondemand::value item) {
    if (isNull(item, idExpected)) return CSJ_ABSENT;
    int64_t id = 0;
    check(item.get_int64().get(id), idExpected);
    if (id == -1) return CSJ_ABSENT;
    if (simdjson_unlikely(id < 0 || id > static_cast<int64_t>(bounds.experts))) failID(id);
    return static_cast<uint16_t>(id);
  }

  static constexpr const char *idExpected = "an expert id (a whole number from 0, or -1 for none)";

  [[noreturn]] [[gnu::cold]] void failID(int64_t id) {
    // The parser stands behind the number; go back to its first digit.
    size_t at = std::min(location(), length - 1);
    auto digit = [&](size_t i) { return text[i] >= '0' && text[i] <= '9'; };
    while (at > 0 && !digit(at)) at--;
    while (at > 0 && digit(at - 1)) at--;
    fail(CSJ_OTHER_MODEL, at, "expert %lld is outside 0 to %u", static_cast<long long>(id),
         bounds.experts - 1);
  }

  /// Where nothing is told of the first event, nobody knows how many slots it has: it has one until a
  /// wider event comes.
  void requireTopK() {
    if (topK == 0) topK = 1;
  }

  /// Sorts the layers gathered in `r.keys`, which must differ.
  void rankLayers() {
    const size_t count = r.keys.size();
    r.layers = r.keys;
    std::sort(r.layers.begin(), r.layers.end());
    r.ranks.resize(count);
    for (size_t i = 0; i < count; i++) {
      auto at = std::lower_bound(r.layers.begin(), r.layers.end(), r.keys[i]);
      r.ranks[i] = static_cast<uint32_t>(at - r.layers.begin());
    }
    auto twice = std::adjacent_find(r.layers.begin(), r.layers.end());
    if (twice != r.layers.end()) {
      layer = *twice;
      fail(CSJ_CONTRADICTION, location(), "the layer is there twice");
    }
    r.filled.assign(count, 0);
  }

  /// The rank of the `position`-th key of a later token, which is most often that of the first.
  size_t rankOf(uint16_t number, size_t position) {
    size_t rank = 0;
    if (simdjson_likely(position < r.keys.size() && r.keys[position] == number)) {
      rank = r.ranks[position];
    } else {
      auto at = std::lower_bound(r.layers.begin(), r.layers.end(), number);
      if (at == r.layers.end() || *at != number) {
        fail(CSJ_CONTRADICTION, location(), "the layer routes here, but not in the first token");
      }
      rank = static_cast<size_t>(at - r.layers.begin());
    }
    const size_t stamp = static_cast<size_t>(token) + 1;
    if (r.filled[rank] == stamp) fail(CSJ_CONTRADICTION, location(), "the layer is there twice");
    r.filled[rank] = stamp;
    return rank;
  }

  /// A whole number from 0 to `largest`; `expected` says of what.
  int64_t numberUpTo(ondemand::value value, int64_t largest, const char *expected) {
    int64_t number = 0;
    check(value.get_int64().get(number), expected);
    if (number < 0 || number > largest) {
      fail(CSJ_UNEXPECTED, location(), "%s expected, not %lld", expected,
           static_cast<long long>(number));
    }
    return number;
  }

  /// Notes a key that is not read where it speaks of routing and holds a list, an object or a text.
  void noteUnread(std::string_view key, ondemand::value value) {
    if (!holdsRouting(key)) return;
    ondemand::json_type type;
    check(value.type().get(type));
    if (type == ondemand::json_type::array || type == ondemand::json_type::object ||
        type == ondemand::json_type::string)
      note(key, r.unread);
  }

  /// Adds a key to a list of keys, once.
  static void note(std::string_view key, std::string &keys) {
    if ((", " + keys + ",").find(", " + std::string(key) + ",") != keys.npos) return;
    if (!keys.empty()) keys += ", ";
    keys += key;
  }

  /// A label as text: a text as it is, a number as it is written, null as nothing. Any other value is
  /// no label, and its key is told.
  std::string label(std::string_view key, ondemand::value value) {
    ondemand::json_type type;
    check(value.type().get(type));
    if (type == ondemand::json_type::string) {
      std::string_view text;
      check(value.get_string().get(text));
      return std::string(text);
    }
    std::string_view raw = value.raw_json_token();
    if (type == ondemand::json_type::number) {
      while (!raw.empty() && std::strchr(" \n\r\t", raw.back())) raw.remove_suffix(1);
      return std::string(raw);
    }
    if (type != ondemand::json_type::null) note(key, r.unlabelled);
    return {};
  }

  void describe(csj_request &request, size_t tokens, size_t prefill) const {
    request.ids = r.ids.data();
    request.weights = r.weights.empty() ? nullptr : r.weights.data();
    request.layer_numbers = r.layers.data();
    request.layers = r.layers.size();
    request.tokens = tokens;
    request.prefill = prefill;
    request.top_k = topK;
    request.name = r.name.data();
    request.name_length = r.name.size();
    request.task = r.task.data();
    request.task_length = r.task.size();
  }
};

/// Makes a parser, runs `body` with it and keeps every exception on this side of the C boundary. An event
/// that is wider than those before it makes another parser, of rows as wide as it.
template <typename Parser, typename Body>
int parseFile(csj_reader *reader, const uint8_t *json, size_t length, size_t capacity,
              csj_bounds bounds, csj_fault *fault, Body body) {
  *fault = csj_fault{CSJ_OK, -1, -1, -1, {0}};
  // An empty text has no first byte for the parser to look at.
  if (length == 0 || capacity < length || capacity - length < padding) {
    fault->code = CSJ_MALFORMED;
    snprintf(fault->problem, sizeof fault->problem, "%s",
             length == 0 ? "the file is empty" : "the buffer lacks padding");
    return fault->code;
  }
  size_t topK = bounds.top_k;
  while (true) {
    try {
      Parser parser(*reader, json, length, bounds, *fault, topK);
      body(parser);
      return CSJ_OK;
    } catch (const Wider &wider) {
      topK = wider.topK;
    } catch (const Abort &) {
      return fault->code;
    } catch (const std::bad_alloc &) {
      fault->code = CSJ_NO_MEMORY;
      snprintf(fault->problem, sizeof fault->problem, "there is not enough memory to parse it");
      return fault->code;
    }
  }
}
