// Requests of the data set MoE_expert_selection_trace (arXiv 2510.05497).

#include "Reader.hpp"

namespace {

class SelectionTrace : public FileParser {
 public:
  using FileParser::FileParser;

  /// Reads a file in one pass if it is written as all of the data set are, or on one line; false for
  /// anything else, faults among it, which `parse` tells apart.
  bool parsePlain(csj_request &request) {
    if (topK == 0) topK = plainTopK();
    PlainText plain{text};
    size_t prefill = 0;
    if (topK == 0 || !plain.next('[') || !plain.next('{') || !readPlainPrompt(plain, prefill))
      return false;
    size_t tokens = prefill;
    for (; plain.next(','); tokens++) {
      if (!plain.next('{') || !readPlainToken(plain)) return false;
    }
    // Behind the end of the text there are zeros.
    if (!plain.next(']') || !plain.next(0) || plain.at != text + length + 1) return false;
    describe(request, tokens, prefill);
    return true;
  }

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
        appendEvent(take(row), r.prompt);
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

  /// An entry behind the first: one decoded token, or null where nothing is told of it.
  void readToken(ondemand::value value) {
    requireTopK();
    const size_t base = r.ids.size();
    r.ids.resize(base + width(), CSJ_ABSENT);
    if (isNull(value)) return;
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
        appendEvent(take(row), r.prompt);
        rows++;
      }
      if (rows > 1) {
        fail(CSJ_CONTRADICTION, location(), "%zu rows in the step of one decoded token", rows);
      }
      std::copy(r.prompt.begin(), r.prompt.end(),
                r.ids.begin() + static_cast<std::ptrdiff_t>(base + rank * topK));
      position++;
    }
  }

  /// Ids in the first event, or 0.
  size_t plainTopK() const {
    const std::string_view all(text, length);
    const size_t end = all.find(']');
    if (end == all.npos) return 0;
    const size_t row = all.rfind('[', end);
    if (row == all.npos) return 0;
    return static_cast<size_t>(std::count(text + row, text + end, ',')) + 1;
  }

  /// Entry 0 behind its brace, as `readPrompt` does; layers must ascend, here and in later entries.
  bool readPlainPrompt(PlainText &plain, size_t &tokens) {
    size_t used = 0;
    do {
      uint16_t number = 0;
      if (!plain.nextKey(number)) return false;
      if (plain.nextNull()) continue;
      if (!plain.next('[')) return false;
      size_t count = 0;
      do {
        if (r.prompt.size() < used + topK) r.prompt.resize(2 * r.prompt.size() + topK + 4096);
        if (!plain.nextRow(topK, bounds.experts, r.prompt.data() + used)) return false;
        used += topK;
        count++;
      } while (plain.next(','));
      if (!plain.next(']') || (!r.keys.empty() && (count != tokens || number <= r.keys.back())))
        return false;
      tokens = count;
      r.keys.push_back(number);
    } while (plain.next(','));
    if (!plain.next('}') || r.keys.empty()) return false;
    rankLayers();
    transpose(tokens);
    return true;
  }

  /// A later entry behind its brace, as `readToken` does.
  bool readPlainToken(PlainText &plain) {
    r.ids.resize(r.ids.size() + width());
    uint16_t *const to = r.ids.data() + r.ids.size() - width();
    size_t position = 0;
    do {
      uint16_t number = 0;
      if (!plain.nextKey(number)) return false;
      if (plain.nextNull()) continue;
      if (position >= r.keys.size() || r.keys[position] != number || !plain.next('[') ||
          !plain.nextRow(topK, bounds.experts, to + position * topK) || !plain.next(']'))
        return false;
      position++;
    } while (plain.next(','));
    return plain.next('}') && position == r.keys.size();
  }

  size_t width() const { return r.layers.size() * topK; }
};

}  // namespace

extern "C" int csj_read_selection_trace(
    csj_reader *reader, const uint8_t *json, size_t length, size_t capacity, csj_bounds bounds,
    csj_request *request, csj_fault *fault) {
  return parseFile<SelectionTrace>(
      reader, json, length, capacity, bounds, fault,
      [=](SelectionTrace &parser) {
        if (parser.parsePlain(*request)) return;
        SelectionTrace general(*reader, json, length, bounds, *fault, parser.givenTopK);
        general.open(capacity);
        general.parse(*request);
      });
}
