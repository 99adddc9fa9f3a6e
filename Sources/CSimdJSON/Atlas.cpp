// moe-routing-atlas: the experts of tokens one by one.

#include <cmath>
#include <string_view>

#include "PlainReader.hpp"
#include "Reader.hpp"

namespace {

/// Takes the values of activations that are written alike.
struct ActivationValues : ObjectPattern::NoValues {
  enum Name : uint8_t { layer, token, expert, weight };

  const csj_bounds &bounds;
  csj_choice choice;
  /// The names that are there, as bits.
  unsigned found = 0;

  explicit ActivationValues(const csj_bounds &bounds) : bounds(bounds) { clear(); }

  void clear() { choice = csj_choice{-1, CSJ_ABSENT, CSJ_ABSENT, NAN}; }

  /// Whether nothing is missing without which an activation means nothing.
  bool hasAll() const { return (~found & (1u << layer | 1u << token | 1u << expert)) == 0; }

  Wanted wanted(std::string_view key) {
    using Kind = Wanted::Kind;
    if (key == "layer") return find(Kind::whole, layer);
    if (key == "token_idx") return find(Kind::whole, token);
    if (key == "expert_idx") return find(Kind::whole, expert);
    if (key == "gate_weight" && bounds.weights != 0) return find(Kind::number, weight);
    return {Kind::nothing};
  }

  bool whole(uint8_t name, uint32_t value) {
    if (name == token) {
      choice.token = static_cast<int32_t>(value);
      return true;
    }
    (name == layer ? choice.layer : choice.expert) = static_cast<uint16_t>(value);
    return value <= (name == layer ? UINT16_MAX - 1 : bounds.experts);
  }

  bool number(uint8_t, double value) {
    choice.weight = value;
    return true;
  }

 private:
  Wanted find(Wanted::Kind kind, Name name) {
    found |= 1u << name;
    return {kind, name};
  }
};

/// A text of traces whose activations are all written as the first of their list, read without the parser.
class PlainAtlas : private PlainReader {
 public:
  PlainAtlas(csj_reader &reader, const char *text, size_t length, const csj_bounds &bounds)
      : PlainReader(text, length), r(reader), values(bounds) {}

  /// Reads the text; false, and nothing read, where anything in it is not plain.
  bool read() {
    plain::skipSpaces(at);
    if (readTrace(true) && isAtEnd()) return true;
    r.choices.clear();
    r.traces.clear();
    return false;
  }

 private:
  csj_reader &r;
  ObjectPattern pattern;
  ActivationValues values;

  /// An object that is a trace or, at the top, lists some.
  bool readTrace(bool isTop) {
    const size_t first = r.choices.size();
    csj_choices trace{};
    trace.top_k = trace.experts = -1;
    bool hasActivations = false, hasTraces = false;
    const bool isRead = readObject([&](std::string_view key) {
      if (key == "activations") {
        if (hasActivations) return false;
        hasActivations = true;
        return readActivations();
      }
      if (key == "traces" && isTop) {
        if (hasTraces) return false;
        hasTraces = true;
        return readList([&] { return readTrace(false); });
      }
      if (key == "top_k") return readNumber(CSJ_LARGEST_TOP_K, trace.top_k);
      if (key == "num_experts") return readNumber(CSJ_MOST_EXPERTS, trace.experts);
      return !holdsRouting(key) && passValue();
    });
    if (!isRead || hasActivations == hasTraces) return false;
    if (hasTraces) return true;
    trace.count = r.choices.size() - first;
    r.traces.push_back(trace);
    return true;
  }

  bool readNumber(uint32_t largest, int64_t &number) {
    uint32_t value;
    if (!plain::takeWhole(at, value) || value > largest) return false;
    number = value;
    return true;
  }

  bool readActivations() {
    const char *first = at + 1;
    plain::skipSpaces(first);
    values.found = 0;
    const auto wanted = [&](std::string_view key) { return values.wanted(key); };
    if (!pattern.learn(first, wanted) || !values.hasAll()) return false;
    return readList([&] {
      values.clear();
      if (!pattern.read(at, values)) return false;
      r.choices.push_back(values.choice);
      return true;
    });
  }
};

class Atlas : public FileParser {
 public:
  using FileParser::FileParser;

  void parse() {
    ondemand::object object;
    check(doc.get_object().get(object), "an object");
    const size_t listed = readTrace(object, true);
    requireEnd();
    if (listed == 0 && r.traces.empty()) fail(CSJ_UNEXPECTED, 0, "the object has no activations");
  }

  /// Reads a plain text; false where the parser must.
  bool readPlain() { return PlainAtlas(r, text, length, bounds).read(); }

 private:
  /// Reads a trace, or, at the top, a list of them; returns how many were listed.
  size_t readTrace(ondemand::object object, bool isTop) {
    const size_t first = r.choices.size();
    csj_choices trace{};
    trace.top_k = trace.experts = -1;
    bool found = false;
    size_t listed = 0;
    for (auto element : object) {
      ondemand::field field = take(element);
      std::string_view key;
      check(field.unescaped_key().get(key));
      ondemand::value value = field.value();
      if (key == "activations") {
        if (found) fail(CSJ_UNEXPECTED, location(), "activations are there twice");
        found = true;
        readChoices(value);
      } else if (key == "traces" && isTop) {
        for (auto item : arrayOf(value, "a list of traces")) {
          ondemand::value entry = take(item);
          readTrace(objectOf(entry, "a trace (an object)"), false);
          listed++;
        }
      } else if (key == "top_k") {
        if (!isNull(value)) {
          trace.top_k = numberUpTo(value, CSJ_LARGEST_TOP_K, "top_k, a number up to 64,");
        }
      } else if (key == "num_experts") {
        if (!isNull(value)) {
          trace.experts = numberUpTo(value, CSJ_MOST_EXPERTS, "num_experts, a number,");
        }
      } else {
        noteUnread(key, value);
      }
    }
    if (found) {
      if (listed > 0) fail(CSJ_UNEXPECTED, 0, "activations stand beside traces");
      trace.count = r.choices.size() - first;
      r.traces.push_back(trace);
    } else if (!isTop) {
      fail(CSJ_UNEXPECTED, location(), "the trace has no activations");
    }
    return listed;
  }

  void readChoices(ondemand::value value) {
    for (auto element : arrayOf(value, "a list of activations")) {
      ondemand::value item = take(element);
      csj_choice choice{-1, CSJ_ABSENT, CSJ_ABSENT, NAN};
      bool hasExpert = false;
      for (auto member : objectOf(item, "an activation (an object)")) {
        ondemand::field field = take(member);
        std::string_view key;
        check(field.unescaped_key().get(key));
        ondemand::value own = field.value();
        if (key == "layer") {
          choice.layer = static_cast<uint16_t>(
              numberUpTo(own, UINT16_MAX - 1, "layer, a whole number from 0,"));
        } else if (key == "token_idx") {
          choice.token = static_cast<int32_t>(
              numberUpTo(own, INT32_MAX, "token_idx, a whole number from 0,"));
        } else if (key == "expert_idx") {
          choice.expert = slot(own);
          hasExpert = true;
        } else if (key == "gate_weight" && bounds.weights != 0) {
          if (own.get_double().get(choice.weight) != simdjson::SUCCESS) choice.weight = NAN;
        }
      }
      if (choice.token < 0 || choice.layer == CSJ_ABSENT || !hasExpert) {
        fail(CSJ_UNEXPECTED, location(), "an activation lacks its layer, token_idx or expert_idx");
      }
      r.choices.push_back(choice);
    }
  }
};

}  // namespace

extern "C" int csj_read_atlas(
    csj_reader *reader, const uint8_t *json, size_t length, size_t capacity, csj_bounds bounds,
    const csj_choices **traces, size_t *count, csj_fault *fault) {
  return parseFile<Atlas>(
      reader, json, length, capacity, bounds, fault,
      [=](Atlas &parser) {
        if (!parser.readPlain()) {
          parser.open(capacity);
          parser.parse();
        }
        // The choices have found their place only now.
        const csj_choice *at = reader->choices.data();
        for (csj_choices &trace : reader->traces) {
          trace.choices = at;
          at += trace.count;
        }
        *traces = reader->traces.data();
        *count = reader->traces.size();
      });
}
