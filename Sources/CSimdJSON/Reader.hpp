// What the parsers of all JSON formats share: the reader's arrays, faults, rows of ids.
#pragma once

#include <simdjson.h>

#include <algorithm>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "CSimdJSON.h"
#include "PlainText.hpp"

namespace ondemand = simdjson::ondemand;

/// What simdjson and `PlainText` look at behind a text.
constexpr size_t padding = std::max<size_t>(simdjson::SIMDJSON_PADDING, plainWindow);

/// Arrays that keep their capacity from file to file.
struct csj_reader {
  ondemand::parser parser;
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
  /// Gate weights of a record, not rounded yet.
  std::vector<double> recordWeights;
  /// What was found of SGLang's answers.
  std::vector<csj_answer> answers;
};

/// Leaves a parser's nested loops at the first fault; caught before the C boundary.
struct Abort {};

/// One file on its way through the parser.
class FileParser {
 public:
  FileParser(csj_reader &reader, const uint8_t *json, size_t length, csj_bounds bounds,
             csj_fault &fault)
      : r(reader), text(reinterpret_cast<const char *>(json)), length(length), bounds(bounds),
        fault(fault), topK(bounds.top_k) {
    r.ids.clear();
    r.weights.clear();
    r.prompt.clear();
    r.keys.clear();
    r.ranks.clear();
    r.layers.clear();
    r.filled.clear();
    r.name.clear();
    r.task.clear();
    r.recordWeights.clear();
    r.answers.clear();
  }

  /// Opens the document. The caller has checked the padding.
  void open(size_t capacity) {
    check(r.parser.iterate(text, length, capacity).get(doc));
    isOpen = true;
  }

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

  /// Appends the ids of one event to `ids` and returns their number.
  size_t appendIDs(ondemand::value value, std::vector<uint16_t> &ids) {
    ondemand::array array = arrayOf(value, "a list of expert ids");
    if (simdjson_unlikely(topK == 0)) return appendIDsOneByOne(array, ids);
    std::string_view raw;
    check(array.raw_json().get(raw));
    ids.resize(ids.size() + topK);
    if (PlainText{raw.data()}.nextRow(topK, bounds.experts, ids.data() + ids.size() - topK))
      return topK;
    ids.resize(ids.size() - topK);
    check(array.reset().error());
    return appendIDsOneByOne(array, ids);
  }

  /// The same by simdjson's own numbers, which tells what is wrong.
  size_t appendIDsOneByOne(ondemand::array array, std::vector<uint16_t> &ids) {
    size_t count = 0;
    for (auto element : array) {
      ondemand::value item = take(element);
      uint64_t id = 0;
      check(item.get_uint64().get(id), "an expert id (a whole number from 0)");
      if (simdjson_unlikely(id >= bounds.experts)) failID(id);
      ids.push_back(static_cast<uint16_t>(id));
      count++;
    }
    return count;
  }

  [[noreturn]] [[gnu::cold]] void failID(uint64_t id) {
    // The parser stands behind the number; go back to its first digit.
    size_t at = std::min(location(), length - 1);
    auto digit = [&](size_t i) { return text[i] >= '0' && text[i] <= '9'; };
    while (at > 0 && !digit(at)) at--;
    while (at > 0 && digit(at - 1)) at--;
    fail(CSJ_CONTRADICTION, at, "expert %llu is outside 0 to %u",
         static_cast<unsigned long long>(id), bounds.experts - 1);
  }

  /// The first event fixes the number of ids where the bounds leave it open.
  void requireTopK(size_t count) {
    if (topK == 0 && count > 0) topK = count;
    if (simdjson_unlikely(count != topK || count == 0)) {
      if (topK == 0) fail(CSJ_CONTRADICTION, location(), "an event without expert ids");
      fail(CSJ_CONTRADICTION, location(), "%zu expert ids instead of %zu", count, topK);
    }
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

  /// Names the first layer that the current token lacks.
  [[noreturn]] [[gnu::cold]] void failMissingLayer() {
    const size_t stamp = static_cast<size_t>(token) + 1;
    for (size_t rank = 0; rank < r.layers.size(); rank++) {
      if (r.filled[rank] != stamp) {
        layer = r.layers[rank];
        break;
      }
    }
    fail(CSJ_CONTRADICTION, location(), "the token lacks this layer");
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

/// Makes a parser, runs `body` with it and keeps every exception on this side of the C boundary.
template <typename Parser, typename Body>
int parseFile(csj_reader *reader, const uint8_t *json, size_t length, size_t capacity,
              csj_bounds bounds, csj_fault *fault, Body body) {
  *fault = csj_fault{CSJ_OK, -1, -1, -1, {0}};
  try {
    Parser parser(*reader, json, length, bounds, *fault);
    // An empty text has no first byte for the parser to look at.
    if (length == 0 || capacity < length || capacity - length < padding) {
      fault->code = CSJ_MALFORMED;
      snprintf(fault->problem, sizeof fault->problem, "%s",
               length == 0 ? "the file is empty" : "the buffer lacks padding");
      return fault->code;
    }
    body(parser);
    return CSJ_OK;
  } catch (const Abort &) {
    return fault->code;
  } catch (const std::bad_alloc &) {
    fault->code = CSJ_NO_MEMORY;
    snprintf(fault->problem, sizeof fault->problem, "there is not enough memory to parse it");
    return fault->code;
  }
}
