// Lines of routing logs: what is known of a log, and the choice of a token, or of some, in a layer.

#include <cmath>
#include <cstddef>
#include <string_view>

#include "Reader.hpp"

namespace {

/// Whether a text is a name that the log has.
bool is(std::string_view text, const csj_name &name) {
  return text.size() == name.length && name.length > 0 &&
         std::memcmp(text.data(), name.text, name.length) == 0;
}

/// Points a record to what the reader's arrays hold of it.
void describeRecord(csj_record &record, const csj_reader &r) {
  record.request = r.name.data();
  record.request_length = r.name.size();
  record.ids = r.ids.data();
  record.ids_count = r.ids.size();
  record.weights = r.recordWeights.data();
  record.weights_count = r.recordWeights.size();
}

class RouteRecord : public FileParser {
 public:
  using FileParser::FileParser;

  void parse(const csj_record_keys &keys, csj_record &record) {
    record = csj_record{};
    record.token = record.layer = record.top_k = record.experts = -1;
    record.kind = keys.kind.length > 0 ? CSJ_OTHER_RECORD : CSJ_ROUTE_RECORD;
    ondemand::object object;
    check(doc.get_object().get(object), "an object");
    bool hasKind = keys.kind.length == 0;
    bool hasIDs = false;
    for (auto element : object) {
      ondemand::field field = take(element);
      std::string_view key;
      check(field.unescaped_key().get(key));
      ondemand::value value = field.value();
      if (is(key, keys.layer)) {
        record.layer = layer = wholeNumber(value, UINT16_MAX, keys.layer);
      } else if (is(key, keys.token)) {
        record.token = wholeNumber(value, INT32_MAX, keys.token);
      } else if (is(key, keys.ids)) {
        if (hasIDs) fail(CSJ_UNEXPECTED, location(), "%s are there twice", keys.ids.text);
        hasIDs = true;
        record.rows = keys.has_rows ? readRows(value) : readIDs(value);
      } else if (is(key, keys.weights)) {
        if (bounds.weights != 0) readWeights(value);
      } else if (is(key, keys.kind)) {
        std::string_view kind;
        check(value.get_string().get(kind), "a text");
        hasKind = true;
        record.kind = is(kind, keys.choice) ? CSJ_ROUTE_RECORD
                      : is(kind, keys.meta) ? CSJ_META_RECORD : CSJ_OTHER_RECORD;
        if (record.kind == CSJ_OTHER_RECORD) {
          if (kind.find("rout") != kind.npos) note("records of type " + std::string(kind), r.unread);
          return;
        }
      } else if (is(key, keys.phase)) {
        std::string_view phase;
        check(value.get_string().get(phase), "a phase, a text,");
        record.phase = phase.data();
        record.phase_length = phase.size();
      } else if (is(key, keys.request)) {
        r.name = label(key, value);
      } else if (is(key, keys.top_k)) {
        if (!isNull(value)) record.top_k = wholeNumber(value, CSJ_LARGEST_TOP_K, keys.top_k);
      } else if (is(key, keys.experts)) {
        if (!isNull(value)) record.experts = wholeNumber(value, CSJ_MOST_EXPERTS, keys.experts);
      } else if (is(key, keys.layers)) {
        readLayers(value, keys.layers);
      } else if (is(key, keys.model)) {
        r.task = label(key, value);
      } else if (is(key, keys.stages)) {
        readStages(value, keys, record);
      } else if (!is(key, keys.stage)) {
        noteUnread(key, value);
      }
    }
    requireEnd();
    if (!hasKind) fail(CSJ_UNEXPECTED, 0, "the record has no %s", keys.kind.text);
    if (record.kind == CSJ_ROUTE_RECORD) {
      if (record.token < 0 && !keys.has_rows) {
        fail(CSJ_UNEXPECTED, 0, "the record has no %s", keys.token.text);
      }
      if (record.layer < 0) fail(CSJ_UNEXPECTED, 0, "the record has no %s", keys.layer.text);
      if (!hasIDs) fail(CSJ_UNEXPECTED, 0, "the record has no %s", keys.ids.text);
    }
    describeRecord(record, r);
    const size_t slots = std::max(topK, record.top_k > 0 ? static_cast<size_t>(record.top_k) : 0);
    if (!keys.has_rows && record.ids_count < slots) {
      r.ids.resize(slots, CSJ_ABSENT);
      record.ids = r.ids.data();
    }
    record.layers = r.layers.data();
    record.layers_count = r.layers.size();
    record.model = r.task.data();
    record.model_length = r.task.size();
  }

 private:
  int64_t wholeNumber(ondemand::value value, int64_t largest, const csj_name &name) {
    int64_t number = 0;
    const auto error = value.get_int64().get(number);
    if (simdjson_unlikely(error || number < 0 || number > largest)) {
      failNumber(error, number, largest, name);
    }
    return number;
  }

  [[noreturn]] [[gnu::cold]] void failNumber(
      simdjson::error_code error, int64_t number, int64_t largest, const csj_name &name) {
    char expected[96];
    snprintf(expected, sizeof expected, "%s, a whole number %s,", name.text,
             largest == CSJ_LARGEST_TOP_K ? "up to 64" : "from 0");
    check(error, expected);
    fail(CSJ_UNEXPECTED, location(), "%s expected, not %lld", expected,
         static_cast<long long>(number));
  }

  size_t readIDs(ondemand::value value) {
    if (isNull(value)) return 1;
    ondemand::array array = arrayOf(value, "a list of expert ids");
    if (topK > 0) {
      std::string_view raw;
      check(array.raw_json().get(raw));
      r.ids.resize(topK);
      if (PlainText{raw.data()}.nextRow(topK, bounds.experts, r.ids.data())) return 1;
      r.ids.clear();
      check(array.reset().error());
    }
    for (auto element : array) r.ids.push_back(slot(take(element)));
    return 1;
  }

  size_t readRows(ondemand::value value) {
    if (isNull(value)) return 0;
    ondemand::array list = arrayOf(value, "a list of lists of expert ids");
    if (topK > 0) {
      std::string_view raw;
      check(list.raw_json().get(raw));
      const size_t plain = appendPlainRows(raw, topK, r.ids);
      if (plain > 0) return plain;
      check(list.reset().error());
    }
    size_t rows = 0;
    for (auto element : list) {
      token = static_cast<int64_t>(rows);
      ondemand::value row = take(element);
      appendEvent(row, r.ids);
      rows++;
    }
    token = -1;
    return rows;
  }

  void readWeights(ondemand::value value) {
    if (isNull(value)) return;
    for (auto element : arrayOf(value, "a list of gate weights")) {
      ondemand::value item = take(element);
      double weight = 0;
      // Python writes NaN and Infinity, which are not JSON; null is no number either.
      if (item.get_double().get(weight) != simdjson::SUCCESS) weight = NAN;
      r.recordWeights.push_back(weight);
    }
  }

  void readLayers(ondemand::value value, const csj_name &name) {
    if (isNull(value)) return;
    for (auto element : arrayOf(value, "a list of layers")) {
      r.layers.push_back(static_cast<uint16_t>(
          wholeNumber(take(element), UINT16_MAX, name)));
    }
  }

  void readStages(ondemand::value value, const csj_record_keys &keys, csj_record &record) {
    if (isNull(value)) return;
    for (auto element : arrayOf(value, "a list of stages")) {
      bool isWanted = false;
      int64_t own = -1, experts = -1;
      ondemand::value stage = take(element);
      for (auto member : objectOf(stage, "a stage (an object)")) {
        ondemand::field field = take(member);
        std::string_view key;
        check(field.unescaped_key().get(key));
        if (is(key, keys.stage)) {
          std::string_view name;
          check(field.value().get_string().get(name), "a stage's name");
          isWanted = is(name, keys.stage_name);
        } else if (is(key, keys.stage_top_k)) {
          own = wholeNumber(field.value(), CSJ_LARGEST_TOP_K, keys.stage_top_k);
        } else if (is(key, keys.experts)) {
          experts = wholeNumber(field.value(), CSJ_MOST_EXPERTS, keys.experts);
        }
      }
      if (!isWanted) continue;
      record.top_k = own;
      record.experts = experts;
    }
  }
};

/// Whether two kinds of logs have the same names, which live as long as the program.
bool areSame(const csj_record_keys &a, const csj_record_keys &b) {
  return std::memcmp(&a, &b, offsetof(csj_record_keys, has_rows)) == 0 && a.has_rows == b.has_rows;
}

/// Takes the values of a line that is written as one before it.
struct LineValues : ObjectPattern::NoValues {
  enum Name : uint8_t { token, layer, phase, request };

  csj_reader &r;
  const csj_bounds &bounds;
  csj_record &record;

  LineValues(csj_reader &reader, const csj_bounds &bounds, csj_record &record)
      : r(reader), bounds(bounds), record(record) {}

  static Wanted wanted(std::string_view key, const csj_record_keys &keys, bool readsWeights) {
    using Kind = Wanted::Kind;
    if (is(key, keys.layer)) return {Kind::whole, layer};
    if (is(key, keys.token)) return {Kind::whole, token};
    if (is(key, keys.ids)) return {keys.has_rows ? Kind::rows : Kind::row};
    if (is(key, keys.weights)) return {readsWeights ? Kind::numbers : Kind::nothing};
    if (is(key, keys.phase)) return {Kind::label, phase};
    if (is(key, keys.request)) return {Kind::label, request};
    if (is(key, keys.kind) || is(key, keys.top_k) || is(key, keys.experts)) return {Kind::same};
    if (is(key, keys.layers) || is(key, keys.model) || is(key, keys.stages)) return {Kind::absence};
    return {Kind::nothing};
  }

  bool whole(uint8_t name, uint32_t number) {
    (name == layer ? record.layer : record.token) = number;
    return name == token || number <= UINT16_MAX;
  }

  bool label(uint8_t name, std::string_view text) {
    if (name == request) {
      r.name = text;
    } else {
      record.phase = text.data();
      record.phase_length = text.size();
    }
    return true;
  }

  bool row(PlainText &text) {
    record.rows = 1;
    r.ids.resize(bounds.top_k);
    return text.nextRow(bounds.top_k, bounds.experts, r.ids.data());
  }

  bool rows(PlainText &text) {
    record.rows = appendRows(text, bounds.top_k, bounds.experts, r.ids);
    return record.rows > 0;
  }

  bool element(double weight) {
    r.recordWeights.push_back(weight);
    return true;
  }
};

/// Reads a line that is written as one before it; false, and the line must be parsed, where it is not.
bool readAsBefore(csj_reader &r, const char *json, size_t length, const csj_record_keys &keys,
                  const csj_bounds &bounds, csj_record &record) {
  const LinePattern &line = r.line;
  if (!line.object.isKnown() || bounds.top_k == 0 || line.readsWeights != (bounds.weights != 0) ||
      !areSame(line.keys, keys)) {
    return false;
  }
  record = line.record;
  r.ids.clear();
  r.recordWeights.clear();
  r.name.clear();
  r.unread.clear();
  r.unlabelled.clear();
  LineValues values(r, bounds, record);
  const char *at = json;
  if (!line.object.read(at, values) || at != json + length) return false;
  describeRecord(record, r);
  return true;
}

/// Learns how a line is written that was parsed without remarks.
void learn(csj_reader &r, const char *json, size_t length, const csj_record_keys &keys,
           const csj_bounds &bounds, const csj_record &parsed) {
  LinePattern &line = r.line;
  if (line.pause > 0) {
    line.pause--;
    return;
  }
  if (++line.misses > LinePattern::mostMisses) {
    line.misses = 0;
    line.pause = LinePattern::longestPause;
    return line.object.forget();
  }
  line.keys = keys;
  line.readsWeights = bounds.weights != 0;
  line.record = csj_record{};
  line.record.kind = parsed.kind;
  line.record.token = -1;
  line.record.top_k = parsed.top_k;
  line.record.experts = parsed.experts;
  const char *at = json;
  const bool isLearnt = line.object.learn(at, [&](std::string_view key) {
    return LineValues::wanted(key, keys, line.readsWeights);
  });
  if (isLearnt && at != json + length) line.object.forget();
}

}  // namespace

extern "C" int csj_read_record(
    csj_reader *reader, const uint8_t *json, size_t length, size_t capacity,
    const csj_record_keys *keys, csj_bounds bounds, csj_record *record, csj_fault *fault) {
  const char *const text = reinterpret_cast<const char *>(json);
  if (capacity >= length && capacity - length >= padding &&
      readAsBefore(*reader, text, length, *keys, bounds, *record)) {
    reader->line.misses = 0;
    return CSJ_OK;
  }
  const int code = parseFile<RouteRecord>(
      reader, json, length, capacity, bounds, fault,
      [=](RouteRecord &parser) {
        parser.open(capacity);
        parser.parse(*keys, *record);
      });
  if (code == CSJ_OK && record->kind == CSJ_ROUTE_RECORD && reader->unread.empty() &&
      reader->unlabelled.empty()) {
    learn(*reader, text, length, *keys, bounds, *record);
  }
  return code;
}
