// Answers of serving engines: where in them the routing is, and what they say of the prompt.

#include <string_view>

#include "Reader.hpp"

namespace {

class Answers : public FileParser {
 public:
  using FileParser::FileParser;

  void parse() {
    ondemand::json_type type;
    check(doc.type().get(type), "an object or a list of objects");
    if (type == ondemand::json_type::array) {
      ondemand::array list;
      check(doc.get_array().get(list), "a list of answers");
      for (auto element : list) {
        ondemand::value answer = take(element);
        const size_t begin = location();
        readAnswer(objectOf(answer, "an answer (an object)"), begin);
      }
      if (r.answers.empty()) fail(CSJ_UNEXPECTED, 0, "the list of answers is empty");
    } else {
      const size_t begin = location();
      ondemand::object answer;
      check(doc.get_object().get(answer), "an object or a list of objects");
      readAnswer(answer, begin);
    }
    requireEnd();
    // The lists have found their place only now.
    for (csj_answer &answer : r.answers) answer.listed_ids = r.ids.data();
  }

 private:
  /// What an answer says of all of its choices.
  struct Facts {
    std::string_view name;
    int64_t prompt = -1;
    int64_t completion = -1;
    int64_t start = -1;
    csj_listed prompted{};
  };

  void readAnswer(ondemand::object answer, size_t begin) {
    const size_t first = r.answers.size();
    Facts facts;
    csj_answer alone = without(begin);
    for (auto element : answer) {
      ondemand::field field = take(element);
      std::string_view key;
      check(field.unescaped_key().get(key));
      ondemand::value value = field.value();
      if (key == "meta_info") {
        readInfo(value, facts, begin);
      } else if (isExtension(key)) {
        readExtension(value, begin);
      } else if (key == "usage") {
        readUsage(value, facts);
      } else if (key == "choices") {
        readChoices(value);
      } else if (key == "routed_experts") {
        readRouted(value, begin);
      } else if (key == "prompt_routed_experts") {
        if (!isNull(value)) readLists(value, facts.prompted);
      } else if (key == "routed_experts_prompt_start") {
        readStart(value, facts.start);
      } else if (key == "id") {
        readText(value, facts.name);
      } else if (!readCount(key, value, facts) && !readArrayKey(key, value, alone)) {
        noteUnread(key, value);
      }
    }
    if (r.answers.size() == first) {
      if (alone.routed != nullptr) {
        alone.form = CSJ_ARRAY_ROUTING;
      } else if (facts.prompted.rows > 0) {
        alone.form = CSJ_LISTED_ROUTING;
      }
      r.answers.push_back(alone);
    }
    // A prompt and a number of tokens belong to each of several choices, or to one.
    const bool isOne = r.answers.size() == first + 1;
    for (size_t i = first; i < r.answers.size(); i++) {
      csj_answer &found = r.answers[i];
      found.name = facts.name.data();
      found.name_length = facts.name.size();
      found.prompt_tokens = facts.prompt;
      found.completion_tokens = isOne ? facts.completion : -1;
      found.prompt = facts.prompted;
      if (found.start < 0) found.start = facts.start;
    }
  }

  static csj_answer without(size_t begin) {
    csj_answer answer{};
    answer.byte = begin;
    answer.start = -1;
    answer.shape[0] = answer.shape[1] = answer.shape[2] = -1;
    return answer;
  }

  static bool isExtension(std::string_view key) {
    return key == "sglext" || key == "sgl_ext" || key == "nvext";
  }

  void readInfo(ondemand::value value, Facts &facts, size_t begin) {
    if (isNull(value)) return;
    for (auto element : objectOf(value, "meta_info, an object,")) {
      ondemand::field field = take(element);
      std::string_view key;
      check(field.unescaped_key().get(key));
      if (key == "routed_experts") {
        readRaw(field.value(), begin);
      } else if (key == "id") {
        readText(field.value(), facts.name);
      } else if (!readCount(key, field.value(), facts)) {
        noteUnread(key, field.value());
      }
    }
  }

  void readUsage(ondemand::value value, Facts &facts) {
    if (isNull(value)) return;
    for (auto element : objectOf(value, "usage, an object,")) {
      ondemand::field field = take(element);
      std::string_view key;
      check(field.unescaped_key().get(key));
      readCount(key, field.value(), facts);
    }
  }

  void readChoices(ondemand::value value) {
    for (auto element : arrayOf(value, "a list of choices")) {
      ondemand::value choice = take(element);
      const size_t begin = location();
      const size_t first = r.answers.size();
      int64_t start = -1;
      for (auto member : objectOf(choice, "a choice (an object)")) {
        ondemand::field field = take(member);
        std::string_view key;
        check(field.unescaped_key().get(key));
        if (isExtension(key)) {
          readExtension(field.value(), begin);
        } else if (key == "routed_experts") {
          readRouted(field.value(), begin);
        } else if (key == "routed_experts_prompt_start") {
          readStart(field.value(), start);
        } else {
          noteUnread(key, field.value());
        }
      }
      if (start >= 0 && r.answers.size() > first) r.answers.back().start = start;
    }
  }

  void readExtension(ondemand::value value, size_t begin) {
    if (isNull(value)) return;
    for (auto element : objectOf(value, "an extension, an object,")) {
      ondemand::field field = take(element);
      std::string_view key;
      check(field.unescaped_key().get(key));
      if (key == "routed_experts") {
        readRaw(field.value(), begin);
      } else {
        noteUnread(key, field.value());
      }
    }
  }

  /// What SGLang has in its own objects: raw ids, unless another server put an array there.
  void readRaw(ondemand::value value, size_t begin) {
    ondemand::json_type type;
    check(value.type().get(type));
    if (type != ondemand::json_type::null && type != ondemand::json_type::string) {
      return readRouted(value, begin);
    }
    if (isNull(value)) return;
    std::string_view routed;
    check(value.get_string().get(routed), "routed_experts, a text in base64,");
    csj_answer answer = without(begin);
    answer.routed = routed.data();
    answer.routed_length = routed.size();
    r.answers.push_back(answer);
  }

  /// `routed_experts` of an answer or choice: a NumPy file, an array, or lists.
  void readRouted(ondemand::value value, size_t begin) {
    ondemand::json_type type;
    check(value.type().get(type));
    if (type == ondemand::json_type::null) return;
    csj_answer answer = without(begin);
    if (type == ondemand::json_type::array) {
      answer.form = CSJ_LISTED_ROUTING;
      readLists(value, answer.listed);
    } else if (type == ondemand::json_type::object) {
      answer.form = CSJ_ARRAY_ROUTING;
      for (auto element : objectOf(value, "routed_experts, an object,")) {
        ondemand::field field = take(element);
        std::string_view key;
        check(field.unescaped_key().get(key));
        readArrayKey(key, field.value(), answer);
      }
      if (answer.routed == nullptr) {
        fail(CSJ_UNEXPECTED, location(), "routed_experts has no data");
      }
    } else {
      answer.form = CSJ_NUMPY_ROUTING;
      std::string_view routed;
      check(value.get_string().get(routed), "routed_experts, a text in base64,");
      answer.routed = routed.data();
      answer.routed_length = routed.size();
    }
    r.answers.push_back(answer);
  }

  /// Whether the key is one of an array, which is taken.
  bool readArrayKey(std::string_view key, ondemand::value value, csj_answer &answer) {
    if (key == "data") {
      ondemand::json_type type;
      check(value.type().get(type));
      if (type != ondemand::json_type::string) return false;
      std::string_view data;
      check(value.get_string().get(data), "data, a text in base64,");
      answer.routed = data.data();
      answer.routed_length = data.size();
    } else if (key == "shape") {
      size_t axis = 0;
      for (auto element : arrayOf(value, "a shape (a list)")) {
        ondemand::value length = take(element);
        if (axis == 3) fail(CSJ_UNEXPECTED, location(), "a shape of three numbers expected");
        answer.shape[axis++] = numberUpTo(length, INT32_MAX, "a shape's number");
      }
    } else if (key == "dtype") {
      if (isNull(value)) return true;
      std::string_view dtype;
      check(value.get_string().get(dtype), "dtype, a text,");
      answer.dtype = dtype.data();
      answer.dtype_length = dtype.size();
    } else if (key == "start") {
      readStart(value, answer.start);
    } else {
      return false;
    }
    return true;
  }

  void readStart(ondemand::value value, int64_t &start) {
    if (!isNull(value)) start = numberUpTo(value, INT32_MAX, "a number of tokens left out");
  }

  /// `[tokens][layers][k]`.
  void readLists(ondemand::value value, csj_listed &listed) {
    listed.first = r.ids.size();
    listed.layers = 0;
    size_t rows = 0;
    for (auto element : arrayOf(value, "a list of tokens")) {
      token = static_cast<int64_t>(rows);
      ondemand::value item = take(element);
      ondemand::array own = arrayOf(item, "a list of layers");
      size_t layers = 0;
      if (topK > 0) {
        std::string_view raw;
        check(own.raw_json().get(raw));
        layers = appendPlainRows(raw, topK, r.ids);
        if (layers == 0) check(own.reset().error());
      }
      if (layers == 0) {
        for (auto element : own) {
          layer = static_cast<int64_t>(layers);
          ondemand::value event = take(element);
          appendEvent(event, r.ids);
          layers++;
        }
        layer = -1;
      }
      if (rows == 0) listed.layers = layers;
      if (layers != listed.layers || layers == 0) {
        fail(CSJ_CONTRADICTION, location(), "%zu layers, but %zu in the tokens before it", layers,
             listed.layers);
      }
      rows++;
    }
    token = -1;
    listed.rows = rows;
    listed.top_k = topK;
  }

  /// Whether the key is one of a number of tokens, which is taken.
  bool readCount(std::string_view key, ondemand::value value, Facts &facts) {
    if (key != "prompt_tokens" && key != "completion_tokens") return false;
    if (isNull(value)) return true;
    int64_t count = 0;
    check(value.get_int64().get(count), "a number of tokens");
    if (count < 0 || count > INT32_MAX) {
      fail(CSJ_CONTRADICTION, location(), "a number of tokens expected, not %lld",
           static_cast<long long>(count));
    }
    (key == "prompt_tokens" ? facts.prompt : facts.completion) = count;
    return true;
  }

  /// A text, which lives as long as the parser's memory; a number or anything else names nothing.
  void readText(ondemand::value value, std::string_view &text) {
    ondemand::json_type type;
    check(value.type().get(type), "a text");
    if (type == ondemand::json_type::string) {
      check(value.get_string().get(text), "a text");
    } else if (type != ondemand::json_type::null) {
      note("id", r.unlabelled);
    }
  }
};

}  // namespace

extern "C" int csj_find_answers(
    csj_reader *reader, const uint8_t *json, size_t length, size_t capacity, csj_bounds bounds,
    const csj_answer **answers, size_t *count, csj_fault *fault) {
  return parseFile<Answers>(
      reader, json, length, capacity, bounds, fault,
      [=](Answers &parser) {
        parser.open(capacity);
        parser.parse();
        *answers = reader->answers.data();
        *count = reader->answers.size();
      });
}
