// Requests of the GPT-OSS fingerprinting data set: decoded tokens with gate weights.

#include <string_view>

#include "Reader.hpp"

namespace {

class Fingerprint : public FileParser {
 public:
  using FileParser::FileParser;

  void parse(csj_request &request) {
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
        readText(field.value(), dataset);
      } else if (key == "category") {
        readText(field.value(), category);
      } else if (key == "row_index") {
        int64_t row = 0;
        check(field.value().get_int64().get(row), "a whole number");
        r.name = std::to_string(row);
      }
    }
    requireEnd();
    if (!found) fail(CSJ_UNEXPECTED, 0, "the object has no router_data");
    r.task = dataset;
    if (!dataset.empty() && !category.empty()) r.task += '/';
    r.task += category;
    describe(request, tokens, 0);
  }

 private:
  size_t readTokens(ondemand::value value) {
    size_t tokens = 0;
    for (auto element : arrayOf(value, "a list of tokens")) {
      ondemand::value entry = take(element);
      token = static_cast<int64_t>(tokens);
      size_t names = 0;
      for (auto member : objectOf(entry, "an object with one token")) {
        ondemand::field field = take(member);
        if (++names > 1) break;
        if (tokens == 0) {
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
    return tokens;
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
    layer = -1;
    arrange(0);
  }

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
    if (position != r.layers.size()) failMissingLayer();
    if (!ordered) arrange(base);
  }

  /// Brings the token whose ids begin at `base` from the order of its keys into that of layers.
  void arrange(size_t base) {
    const std::vector<uint32_t> &ranks = base == 0 ? r.ranks : order;
    arrange(r.ids, base, ranks);
    if (!r.weights.empty()) arrange(r.weights, base, ranks);
  }

  template <typename Value>
  void arrange(std::vector<Value> &column, size_t base, const std::vector<uint32_t> &ranks) {
    const std::vector<Value> given(column.begin() + static_cast<std::ptrdiff_t>(base),
                                   column.end());
    for (size_t key = 0; key < ranks.size(); key++) {
      std::copy_n(given.begin() + static_cast<std::ptrdiff_t>(key * topK), topK,
                  column.begin() + static_cast<std::ptrdiff_t>(base + ranks[key] * topK));
    }
  }

  /// The ids and weights of one event.
  void readEvent(ondemand::value value) {
    size_t ids = 0;
    size_t weights = 0;
    bool hasIDs = false;
    for (auto element : objectOf(value, "an object with selected_experts")) {
      ondemand::field field = take(element);
      const auto key = field.key();
      if (simdjson_likely(key.unsafe_is_equal("selected_experts"))) {
        if (hasIDs) fail(CSJ_CONTRADICTION, location(), "selected_experts is there twice");
        hasIDs = true;
        ids = appendIDs(field.value(), r.ids);
        requireTopK(ids);
      } else if (key.unsafe_is_equal("selected_probs")) {
        weights += appendWeights(field.value());
      }
    }
    if (!hasIDs) fail(CSJ_UNEXPECTED, location(), "selected_experts is missing");
    // Either all events have weights or none.
    if (weights != ids && (weights != 0 || !r.weights.empty())) {
      fail(CSJ_CONTRADICTION, location(), "%zu selected_probs for %zu selected_experts", weights,
           ids);
    }
    if (!r.weights.empty() && r.weights.size() != r.ids.size()) {
      fail(CSJ_CONTRADICTION, location(), "selected_probs are here, but not in earlier events");
    }
  }

  size_t appendWeights(ondemand::value value) {
    size_t count = 0;
    for (auto element : arrayOf(value, "a list of gate weights")) {
      ondemand::value item = take(element);
      double weight = 0;
      check(item.get_double().get(weight), "a gate weight (a number)");
      r.weights.push_back(static_cast<float>(weight));
      count++;
    }
    return count;
  }

  void readText(ondemand::value value, std::string &text) {
    std::string_view view;
    check(value.get_string().get(view), "a text");
    text = view;
  }

  std::vector<uint32_t> order;
};

}  // namespace

extern "C" int csj_read_fingerprint(
    csj_reader *reader, const uint8_t *json, size_t length, size_t capacity, csj_bounds bounds,
    csj_request *request, csj_fault *fault) {
  return parseFile<Fingerprint>(
      reader, json, length, capacity, bounds, fault,
      [=](Fingerprint &parser) {
        parser.open(capacity);
        parser.parse(*request);
      });
}
