// Requests of the GPT-OSS fingerprinting data set: decoded tokens with gate weights.

#include <string_view>

#include "PlainReader.hpp"
#include "Reader.hpp"

namespace {

/// A file whose tokens have the same layers, ascending, and whose events are all written as the first,
/// read without the parser.
class PlainFingerprint : private PlainReader, public ObjectPattern::NoValues {
 public:
  std::string dataset;
  std::string category;
  size_t tokens = 0;

  PlainFingerprint(csj_reader &reader, const char *text, size_t length, const csj_bounds &bounds,
                   size_t topK)
      : PlainReader(text, length), r(reader), bounds(bounds), topK(topK) {}

  /// Reads the file; false, and nothing read, where anything in it is not plain.
  bool read() {
    plain::skipSpaces(at);
    if (topK > 0 && readFile() && tokens > 0 && isAtEnd()) {
      r.layers = r.keys;
      return true;
    }
    r.name.clear();
    r.keys.clear();
    r.ids.clear();
    r.weights.clear();
    return false;
  }

  bool row(PlainText &text) {
    r.ids.resize(r.ids.size() + topK);
    return text.nextRow(topK, bounds.experts, r.ids.data() + r.ids.size() - topK);
  }

  bool element(double weight) {
    r.weights.push_back(static_cast<float>(weight));
    return true;
  }

 private:
  csj_reader &r;
  const csj_bounds &bounds;
  const size_t topK;
  ObjectPattern pattern;
  bool isWeighted = false;

  bool readFile() {
    return readObject([&](std::string_view key) {
      if (key == "router_data") return tokens == 0 && readList([&] { return readToken(); });
      if (key == "dataset") return readLabel(dataset);
      if (key == "category") return readLabel(category);
      if (key == "row_index") return readLabel(r.name);
      return !holdsRouting(key) && passValue();
    });
  }

  bool readLabel(std::string &label) {
    const char *const start = at;
    if (plain::passText(at)) {
      label.assign(start + 1, at - 1);
      return true;
    }
    if (!plain::passNumber(at)) return false;
    label.assign(start, at);
    return true;
  }

  /// An object of one token, an object of its layers.
  bool readToken() {
    size_t names = 0, layers = 0;
    const bool isRead = readObject([&](std::string_view) {
      names++;
      return readObject([&](std::string_view key) { return readEvent(key, layers++); });
    });
    tokens++;
    return isRead && names == 1 && layers == r.keys.size();
  }

  /// The event of a layer, the `position`-th of its token.
  bool readEvent(std::string_view key, size_t position) {
    constexpr std::string_view prefix = "layer_";
    if (key.compare(0, prefix.size(), prefix) != 0) return false;
    uint16_t layer;
    if (!PlainText{key.data() + prefix.size()}.restOfKey(layer)) return false;
    if (tokens == 0) {
      if (position > 0 && layer <= r.keys.back()) return false;
      r.keys.push_back(layer);
    } else if (position >= r.keys.size() || r.keys[position] != layer) {
      return false;
    }
    if (!pattern.isKnown() && !learn()) return false;
    const size_t ids = r.ids.size(), weights = r.weights.size();
    return pattern.read(at, *this) && r.ids.size() == ids + topK &&
           r.weights.size() == weights + (isWeighted ? topK : 0);
  }

  /// Learns from the first event, which also tells whether events have weights.
  bool learn() {
    const char *first = at;
    return pattern.learn(first, [&](std::string_view key) -> Wanted {
      if (key == "selected_experts") return {Wanted::Kind::row};
      if (key != "selected_probs" || bounds.weights == 0) return {Wanted::Kind::nothing};
      isWeighted = true;
      return {Wanted::Kind::numbers};
    });
  }
};

class Fingerprint : public FileParser {
 public:
  using FileParser::FileParser;

  /// Reads a plain file; false where the parser must.
  bool readPlain(csj_request &request) {
    PlainFingerprint plain(r, text, length, bounds, topK);
    if (!plain.read()) return false;
    nameTask(plain.dataset, plain.category);
    describe(request, plain.tokens, 0);
    return true;
  }

  void parse(csj_request &request) {
    if (bounds.weights == 0) weighted = Weighted::no;
    ondemand::object object;
    check(doc.get_object().get(object), "an object with router_data");
    std::string dataset;
    std::string category;
    bool found = false;
    size_t tokens = 0;
    for (auto element : object) {
      ondemand::field field = take(element);
      std::string_view key;
      check(field.unescaped_key().get(key));
      if (key == "router_data") {
        if (found) fail(CSJ_CONTRADICTION, location(), "router_data is there twice");
        found = true;
        tokens = readTokens(field.value());
      } else if (key == "dataset") {
        dataset = label(key, field.value());
      } else if (key == "category") {
        category = label(key, field.value());
      } else if (key == "row_index") {
        r.name = label(key, field.value());
      } else {
        noteUnread(key, field.value());
      }
    }
    requireEnd();
    if (weighted != Weighted::yes) r.weights.clear();
    if (!found) fail(CSJ_UNEXPECTED, 0, "the object has no router_data");
    nameTask(dataset, category);
    describe(request, tokens, 0);
  }

 private:
  void nameTask(const std::string &dataset, const std::string &category) {
    r.task = dataset;
    if (!dataset.empty() && !category.empty()) r.task += '/';
    r.task += category;
  }

  size_t readTokens(ondemand::value value) {
    size_t tokens = 0;
    for (auto element : arrayOf(value, "a list of tokens")) {
      ondemand::value entry = take(element);
      token = static_cast<int64_t>(tokens);
      size_t names = 0;
      if (isNull(entry, "an object with one token")) {
        appendAbsentToken();
        tokens++;
        continue;
      }
      for (auto member : objectOf(entry, "an object with one token")) {
        ondemand::field field = take(member);
        if (++names > 1) break;
        if (isNull(field.value(), "an object of layers")) {
          appendAbsentToken();
        } else if (r.layers.empty()) {
          readFirstToken(field.value());
        } else {
          readToken(field.value());
        }
        layer = -1;
      }
      if (names != 1) fail(CSJ_UNEXPECTED, location(), "an object with one token expected");
      tokens++;
    }
    token = -1;
    // Without a layer there is no token either.
    return r.layers.empty() ? 0 : tokens;
  }

  /// Fixes the layers and their order.
  void readFirstToken(ondemand::value value) {
    for (auto element : objectOf(value, "an object of layers")) {
      ondemand::field field = take(element);
      layer = layerNumber(field, "layer_", 6);
      r.keys.push_back(static_cast<uint16_t>(layer));
      readEvent(field.value());
    }
    layer = -1;
    if (r.keys.empty()) fail(CSJ_UNEXPECTED, location(), "the token has no layers");
    rankLayers();
    arrange(r.ids, 0, r.ranks);
    arrange(r.weights, 0, r.ranks);
    // Tokens of which nothing is told may stand before it.
    const size_t width = r.layers.size() * topK;
    r.ids.insert(r.ids.begin(), leading * width, CSJ_ABSENT);
    if (weighted != Weighted::no) r.weights.insert(r.weights.begin(), leading * width, 0.f);
  }

  /// A later token; of layers that it lacks nothing is told.
  void readToken(ondemand::value value) {
    const size_t base = r.ids.size();
    size_t position = 0;
    bool ordered = true;
    order.clear();
    for (auto element : objectOf(value, "an object of layers")) {
      ondemand::field field = take(element);
      const uint16_t number = layerNumber(field, "layer_", 6);
      layer = number;
      const size_t rank = rankOf(number, position);
      order.push_back(static_cast<uint32_t>(rank));
      ordered = ordered && rank == position;
      readEvent(field.value());
      position++;
    }
    layer = -1;
    for (uint32_t rank = 0; position < r.layers.size(); rank++) {
      if (r.filled[rank] == static_cast<size_t>(token) + 1) continue;
      ordered = ordered && rank == position;
      order.push_back(rank);
      appendAbsentEvent(r.ids);
      weighAbsent();
      position++;
    }
    if (ordered) return;
    arrange(r.ids, base, order);
    arrange(r.weights, base, order);
  }

  /// A token of which nothing is told; those before the first that has layers wait for it.
  void appendAbsentToken() {
    if (r.layers.empty()) {
      leading++;
      return;
    }
    r.ids.resize(r.ids.size() + r.layers.size() * topK, CSJ_ABSENT);
    weighAbsent();
  }

  /// Brings the token whose values begin at `base` from the order of its keys into that of layers.
  template <typename Value>
  void arrange(std::vector<Value> &column, size_t base, const std::vector<uint32_t> &ranks) {
    if (column.empty()) return;
    const std::vector<Value> given(column.begin() + static_cast<std::ptrdiff_t>(base),
                                   column.end());
    for (size_t key = 0; key < ranks.size(); key++) {
      std::copy_n(given.begin() + static_cast<std::ptrdiff_t>(key * topK), topK,
                  column.begin() + static_cast<std::ptrdiff_t>(base + ranks[key] * topK));
    }
  }

  /// The ids and weights of one event; null where nothing is told of it.
  void readEvent(ondemand::value value) {
    const size_t base = r.ids.size();
    size_t weights = 0;
    bool hasIDs = false;
    if (!isNull(value, "an object with selected_experts")) {
      for (auto element : objectOf(value, "an object with selected_experts")) {
        ondemand::field field = take(element);
        const auto key = field.key();
        if (simdjson_likely(key.unsafe_is_equal("selected_experts"))) {
          if (hasIDs) fail(CSJ_CONTRADICTION, location(), "selected_experts is there twice");
          hasIDs = true;
          appendEvent(field.value(), r.ids);
        } else if (bounds.weights != 0 && key.unsafe_is_equal("selected_probs")) {
          weights += appendWeights(field.value());
        }
      }
    }
    if (!hasIDs) appendAbsentEvent(r.ids);
    if (weighted == Weighted::no) {
      if (weights > 0)
        fail(CSJ_WEIGHTS, location(), "selected_probs are here, but not in earlier events");
      return;
    }
    const size_t slots = r.ids.size() - base;
    if (weights == slots) {
      weighted = Weighted::yes;
      return;
    }
    // An absent slot may have a weight or none; an event without ids does not say whether others
    // have weights.
    const size_t ids = static_cast<size_t>(
        std::count_if(r.ids.begin() + static_cast<std::ptrdiff_t>(base), r.ids.end(),
                      [](uint16_t id) { return id != CSJ_ABSENT; }));
    if (ids > 0 && weights == 0 && weighted == Weighted::unknown) {
      weighted = Weighted::no;
    } else if (weights < ids || weights > slots) {
      fail(CSJ_WEIGHTS, location(), "%zu selected_probs for %zu selected_experts", weights,
           ids);
    }
    if (weights > 0) weighted = Weighted::yes;
    weighAbsent();
  }

  /// Gives slots behind the weights read the weight 0, where events may have weights.
  void weighAbsent() {
    if (weighted != Weighted::no) r.weights.resize(r.ids.size());
  }

  /// The number of weights of a list, which is read to its end; null is no weight.
  size_t appendWeights(ondemand::value value) {
    if (isNull(value, "a list of gate weights")) return 0;
    size_t count = 0;
    for (auto element : arrayOf(value, "a list of gate weights")) {
      ondemand::value item = take(element);
      double weight = 0;
      // Python writes NaN and Infinity, which are not JSON; null is no number, but an absent one.
      if (!isNull(item, "a gate weight") && item.get_double().get(weight) != simdjson::SUCCESS)
        fail(CSJ_WEIGHTS, location(), "a gate weight is not a number");
      r.weights.push_back(static_cast<float>(weight));
      count++;
    }
    return count;
  }

  /// Whether events have weights: all do or none, and those without ids do not tell.
  enum class Weighted { unknown, yes, no };
  Weighted weighted = Weighted::unknown;
  /// Tokens before the first that has layers.
  size_t leading = 0;
  std::vector<uint32_t> order;
};

}  // namespace

extern "C" int csj_read_fingerprint(
    csj_reader *reader, const uint8_t *json, size_t length, size_t capacity, csj_bounds bounds,
    csj_request *request, csj_fault *fault) {
  return parseFile<Fingerprint>(
      reader, json, length, capacity, bounds, fault,
      [=](Fingerprint &parser) {
        if (parser.readPlain(*request)) return;
        parser.open(capacity);
        parser.parse(*request);
      });
}
