// Answers of SGLang: where in them the routing is, and what they say of the prompt.

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
  }

 private:
  /// What an answer says of all of its choices.
  struct Facts {
    std::string_view name;
    int64_t prompt = -1;
    int64_t completion = -1;
  };

  void readAnswer(ondemand::object answer, size_t begin) {
    const size_t first = r.answers.size();
    Facts facts;
    for (auto element : answer) {
      ondemand::field field = take(element);
      std::string_view key;
      check(field.unescaped_key().get(key));
      ondemand::value value = field.value();
      if (key == "meta_info") {
        readInfo(value, facts, begin);
      } else if (key == "sglext" || key == "sgl_ext") {
        readExtension(value, begin);
      } else if (key == "usage") {
        readUsage(value, facts);
      } else if (key == "choices") {
        readChoices(value);
      } else if (key == "id") {
        readText(value, facts.name);
      } else {
        noteUnread(key, value);
      }
    }
    if (r.answers.size() == first) {
      csj_answer without{};
      without.byte = begin;
      r.answers.push_back(without);
    }
    // A prompt and a number of tokens belong to each of several choices, or to one.
    const bool isOne = r.answers.size() == first + 1;
    for (size_t i = first; i < r.answers.size(); i++) {
      csj_answer &found = r.answers[i];
      found.name = facts.name.data();
      found.name_length = facts.name.size();
      found.prompt_tokens = facts.prompt;
      found.completion_tokens = isOne ? facts.completion : -1;
    }
  }

  void readInfo(ondemand::value value, Facts &facts, size_t begin) {
    if (isNull(value)) return;
    for (auto element : objectOf(value, "meta_info, an object,")) {
      ondemand::field field = take(element);
      std::string_view key;
      check(field.unescaped_key().get(key));
      if (key == "routed_experts") {
        readRouting(field.value(), begin);
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
      for (auto member : objectOf(choice, "a choice (an object)")) {
        ondemand::field field = take(member);
        std::string_view key;
        check(field.unescaped_key().get(key));
        if (key == "sgl_ext" || key == "sglext") {
          readExtension(field.value(), begin);
        } else {
          noteUnread(key, field.value());
        }
      }
    }
  }

  void readExtension(ondemand::value value, size_t begin) {
    if (isNull(value)) return;
    for (auto element : objectOf(value, "SGLang's extension, an object,")) {
      ondemand::field field = take(element);
      std::string_view key;
      check(field.unescaped_key().get(key));
      if (key == "routed_experts") {
        readRouting(field.value(), begin);
      } else {
        noteUnread(key, field.value());
      }
    }
  }

  void readRouting(ondemand::value value, size_t begin) {
    if (isNull(value)) return;
    std::string_view routed;
    check(value.get_string().get(routed), "routed_experts, a text in base64,");
    csj_answer answer{};
    answer.routed = routed.data();
    answer.routed_length = routed.size();
    answer.byte = begin;
    r.answers.push_back(answer);
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
    csj_reader *reader, const uint8_t *json, size_t length, size_t capacity,
    const csj_answer **answers, size_t *count, csj_fault *fault) {
  return parseFile<Answers>(
      reader, json, length, capacity, csj_bounds{1, 0, 0}, fault,
      [=](Answers &parser) {
        parser.open(capacity);
        parser.parse();
        *answers = reader->answers.data();
        *count = reader->answers.size();
      });
}
