// Requests of the data set MoE_expert_selection_trace (arXiv 2510.05497).

#include "Reader.hpp"

namespace {

class SelectionTrace : public FileParser {
 public:
  using FileParser::FileParser;

  void parse(csj_request &request) {
    ondemand::array entries;
    check(doc.get_array().get(entries), "a list, one entry for the prompt and one a decoded token,");
    size_t prefill = 0;
    size_t entry = 0;
    for (auto element : entries) {
      ondemand::value value = take(element);
      if (entry == 0) {
        prefill = readPrompt(value);
      } else {
        token = static_cast<int64_t>(prefill + entry - 1);
        readToken(value);
      }
      layer = -1;
      entry++;
    }
    token = -1;
    requireEnd();
    if (entry == 0) fail(CSJ_UNEXPECTED, 0, "the list is empty: it has no prompt");
    describe(request, prefill + entry - 1, prefill);
  }

 private:
  /// Entry 0, layer by layer; returns the number of the prompt's tokens.
  size_t readPrompt(ondemand::value value) {
    size_t tokens = 0;
    for (auto element : objectOf(value, "an object of layers")) {
      ondemand::field field = take(element);
      const uint16_t number = layerNumber(field, "", 0);
      layer = number;
      if (isNull(field.value())) continue;
      token = 0;
      for (auto row : arrayOf(field.value(), "null or a list of tokens")) {
        ondemand::value ids = take(row);
        requireTopK(appendIDs(ids, r.prompt));
        token++;
      }
      const size_t count = static_cast<size_t>(token);
      token = -1;
      if (r.keys.empty()) tokens = count;
      if (count != tokens) {
        fail(CSJ_CONTRADICTION, location(), "%zu prompt tokens, but layer %u has %zu", count,
             unsigned(r.keys[0]), tokens);
      }
      r.keys.push_back(number);
    }
    layer = -1;
    if (r.keys.empty()) fail(CSJ_UNEXPECTED, location(), "no layer of the prompt routes");
    rankLayers();
    layer = -1;
    transpose(tokens);
    return tokens;
  }

  /// Layer-major in the order of keys to token-major in the order of layers.
  void transpose(size_t tokens) {
    const size_t layers = r.keys.size();
    r.ids.resize(tokens * layers * topK);
    for (size_t key = 0; key < layers; key++) {
      const uint16_t *from = r.prompt.data() + key * tokens * topK;
      uint16_t *to = r.ids.data() + r.ranks[key] * topK;
      for (size_t t = 0; t < tokens; t++) {
        for (size_t slot = 0; slot < topK; slot++) to[slot] = *from++;
        to += layers * topK;
      }
    }
  }

  /// An entry behind the first: one decoded token.
  void readToken(ondemand::value value) {
    size_t position = 0;
    for (auto element : objectOf(value, "an object of layers")) {
      ondemand::field field = take(element);
      const uint16_t number = layerNumber(field, "", 0);
      layer = number;
      if (isNull(field.value())) continue;
      const size_t rank = rankOf(number, position);
      r.prompt.clear();
      size_t rows = 0;
      for (auto row : arrayOf(field.value(), "null or a list of one token")) {
        ondemand::value ids = take(row);
        requireTopK(appendIDs(ids, r.prompt));
        rows++;
      }
      if (rows != 1) {
        fail(CSJ_CONTRADICTION, location(), "%zu rows in the step of one decoded token", rows);
      }
      // The first id of the trace may stand here, where the prompt is empty.
      if (position == 0) r.ids.resize((r.ids.size() / width() + 1) * width());
      uint16_t *to = r.ids.data() + r.ids.size() - width() + rank * topK;
      for (size_t slot = 0; slot < topK; slot++) to[slot] = r.prompt[slot];
      position++;
    }
    if (position != r.layers.size()) failMissingLayer();
  }

  size_t width() const { return r.layers.size() * topK; }

  bool isNull(ondemand::value &value) {
    bool null = false;
    check(value.is_null().get(null), "null or a list of tokens");
    return null;
  }
};

}  // namespace

extern "C" int csj_read_selection_trace(
    csj_reader *reader, const uint8_t *json, size_t length, size_t capacity, csj_bounds bounds,
    csj_request *request, csj_fault *fault) {
  return parseFile<SelectionTrace>(
      reader, json, length, capacity, bounds, fault,
      [request](SelectionTrace &parser) { parser.parse(*request); });
}
