// Forecasts and learning: many requests at once; misuse changes nothing; the model that is saved is the one that
// training on the recorded trace makes.
//   forecaster FOLDER
#include <math.h>
#include <unistd.h>

#include "check.h"

enum { layers = 4, experts = 70, top_k = 3, width = 64, tokens = 70, top = 6 };

static moecast_error error;
static uint64_t requests[width];

// Lets `n` requests decode tokens first..last, a layer of all at a time; forecasts each layer by a call of its own and
// by the step before it, which say the same while nothing is learnt in between.
static void decode(moecast_forecaster *forecaster, size_t n, int first, int last, bool compares) {
  static uint16_t ids[width][top_k], ranked[width][top], stepped[width][top];
  static float chances[width][top], step_chances[width][top];
  for (int token = first; token < last; token++) {
    ANSWERS(MOECAST_OK, moecast_open_tokens(forecaster, n, requests, NULL, &error));
    for (uint32_t layer = 0; layer < layers; layer++) {
      ANSWERS(MOECAST_OK, moecast_forecast(forecaster, 1, n, requests, layer, top, ranked[0], chances[0], &error));
      if (layer > 0 && compares) {
        CLAIM(!memcmp(ranked, stepped, n * sizeof ranked[0]));
        CLAIM(!memcmp(chances, step_chances, n * sizeof chances[0]));
      }
      for (size_t request = 0; request < n; request++) {
        for (int place = 1; place < top; place++) CLAIM(chances[request][place] <= chances[request][place - 1]);
        CLAIM(chances[request][0] > 0 && chances[request][0] < 1);
        choose(ids[request], top_k, experts, (uint32_t)(token / 10 + 3 * layer));
      }
      ANSWERS(MOECAST_OK, moecast_step(forecaster, 1, n, requests, layer, ids[0], top, stepped[0], step_chances[0],
                                       &error));
      if (layer == layers - 1) CLAIM(stepped[n - 1][0] == MOECAST_NO_EXPERT && step_chances[0][0] == 0);
    }
  }
}

// Calls that cannot be, each refused with its reason.
static void misuse(moecast_forecaster *forecaster) {
  uint16_t ids[2][top_k] = {{1, 2, 3}, {4, 5, 6}}, ranked[2][top];
  uint64_t twice[2] = {requests[0], requests[0]}, unknown[2] = {requests[0], 999};
  uint8_t stages[2] = {MOECAST_DECODE, 3}, prefill[2] = {MOECAST_PREFILL, MOECAST_PREFILL};
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_request_begin(NULL, 1, NULL, 0, &error));
  ANSWERS(MOECAST_OUT_OF_ORDER, moecast_request_begin(forecaster, requests[0], NULL, 0, &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_request_begin(forecaster, 5000, "\xff\xfe", 0, &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_request_begin(forecaster, 5000, NULL, UINT64_MAX, &error));
  ANSWERS(MOECAST_UNKNOWN_REQUEST, moecast_request_end(forecaster, 2, unknown, &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_request_end(forecaster, 2, NULL, &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_open_tokens(forecaster, 2, requests, stages, &error));
  ANSWERS(MOECAST_OUT_OF_ORDER, moecast_open_tokens(forecaster, 2, requests, prefill, &error));
  ANSWERS(MOECAST_UNKNOWN_REQUEST, moecast_open_tokens(forecaster, 2, unknown, NULL, &error));
  ANSWERS(MOECAST_OUT_OF_ORDER, moecast_open_tokens(forecaster, 2, twice, NULL, &error));
  ANSWERS(MOECAST_OUT_OF_ORDER, moecast_observe(forecaster, 2, requests, 0, ids[0], &error));
  ANSWERS(MOECAST_OUT_OF_ORDER, moecast_forecast(forecaster, 1, 2, requests, 0, top, ranked[0], NULL, &error));

  ANSWERS(MOECAST_OK, moecast_open_tokens(forecaster, 2, requests, NULL, &error));
  ANSWERS(MOECAST_OUT_OF_ORDER, moecast_open_tokens(forecaster, 2, requests, NULL, &error));
  ANSWERS(MOECAST_OUT_OF_ORDER, moecast_observe(forecaster, 2, requests, 1, ids[0], &error));
  ANSWERS(MOECAST_OUT_OF_ORDER, moecast_observe(forecaster, 2, requests, layers, ids[0], &error));
  ANSWERS(MOECAST_OUT_OF_ORDER, moecast_observe(forecaster, 2, twice, 0, ids[0], &error));
  ANSWERS(MOECAST_UNKNOWN_REQUEST, moecast_observe(forecaster, 2, unknown, 0, ids[0], &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_observe(forecaster, 2, requests, 0, NULL, &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_observe(forecaster, 2, NULL, 0, ids[0], &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_observe(forecaster, SIZE_MAX / 2, requests, 0, ids[0], &error));
  ids[1][2] = experts;
  ANSWERS(MOECAST_BAD_CHOICE, moecast_observe(forecaster, 2, requests, 0, ids[0], &error));
  ids[1][2] = 5;
  ANSWERS(MOECAST_BAD_CHOICE, moecast_observe(forecaster, 2, requests, 0, ids[0], &error));
  ids[1][1] = MOECAST_NO_EXPERT;
  ANSWERS(MOECAST_BAD_CHOICE, moecast_observe(forecaster, 2, requests, 0, ids[0], &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_forecast(forecaster, 9, 2, requests, 0, top, ranked[0], NULL, &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_forecast(forecaster, 1, 2, requests, 0, 0, ranked[0], NULL, &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_forecast(forecaster, 1, 2, requests, 0, experts + 1, ranked[0], NULL, &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_forecast(forecaster, 1, 2, requests, 0, top, NULL, NULL, &error));
  ANSWERS(MOECAST_OUT_OF_ORDER, moecast_forecast(forecaster, 1, 2, requests, 1, top, ranked[0], NULL, &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_forecaster_save(forecaster, NULL, &error));
  ANSWERS(MOECAST_FILE, moecast_forecaster_save(forecaster, "no/such/model.h5", &error));
  moecast_counts counts = {.size = 1};
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_forecaster_counts(forecaster, &counts, &error));
}

// Ends the token that `misuse` opened, in both forecasters alike.
static void close_token(moecast_forecaster *forecaster) {
  static const uint16_t ids[2][top_k] = {{1, 2, 3}, {4, 5, MOECAST_NO_EXPERT}};
  for (uint32_t layer = 0; layer < layers; layer++)
    ANSWERS(MOECAST_OK, moecast_observe(forecaster, 2, requests, layer, ids[0], &error));
}

static moecast_forecaster *begun(const char *record, bool learns) {
  const moecast_shape shape = {layers, experts, top_k, NULL, "small"};
  const moecast_options options = {sizeof options, "layer-markov,mixture-fast,mixture", learns, 0, record};
  moecast_forecaster *forecaster = NULL;
  ANSWERS(MOECAST_OK, moecast_forecaster_create(&shape, &options, &forecaster, &error));
  for (size_t request = 0; request < width; request++)
    ANSWERS(MOECAST_OK, moecast_request_begin(forecaster, requests[request], request % 2 ? "math" : NULL, 0, &error));
  return forecaster;
}

int main(int count, char **arguments) {
  if (count != 2 || chdir(arguments[1])) return 2;
  for (size_t request = 0; request < width; request++) requests[request] = 100 + 7 * request;

  // 64 at a time, then one alone; misuse in between. More tokens than a chunk of the trace has.
  moecast_forecaster *live = begun("live.moe.lz4", true);
  seed = 1;
  decode(live, width, 0, tokens, false);
  decode(live, 1, tokens, tokens + 20, false);
  misuse(live);
  close_token(live);
  ANSWERS(MOECAST_OK, moecast_request_end(live, width, requests, &error));
  ANSWERS(MOECAST_UNKNOWN_REQUEST, moecast_open_tokens(live, 1, requests, NULL, &error));
  ANSWERS(MOECAST_OK, moecast_forecaster_flush(live, &error));
  moecast_counts counts = {.size = sizeof counts};
  ANSWERS(MOECAST_OK, moecast_forecaster_counts(live, &counts, &error));
  CLAIM(counts.tokens_learnt == width * tokens + 20 + 2 && counts.tokens_waiting == 0 && counts.requests == 0);
  ANSWERS(MOECAST_OK, moecast_forecaster_save(live, "live.h5", &error));
  moecast_score score = {.size = sizeof score};
  ANSWERS(MOECAST_OK, moecast_forecaster_score(live, 1, &score, &error));
  CLAIM(score.events == counts.tokens_learnt * layers && score.recall_at_2k > score.recall_at_k);
  CLAIM(!strcmp(moecast_forecaster_predictors(live), "layer-markov,mixture-fast,mixture"));
  uint32_t horizon = 9;
  ANSWERS(MOECAST_OK, moecast_forecaster_horizon(live, 2, &horizon, &error));
  CLAIM(horizon == 1);
  ANSWERS(MOECAST_OK, moecast_forecaster_close(live, &error));
  ANSWERS(MOECAST_OK, moecast_forecaster_close(NULL, &error));

  // The same without misuse: the same model.
  moecast_forecaster *calm = begun(NULL, true);
  seed = 1;
  decode(calm, width, 0, tokens, false);
  decode(calm, 1, tokens, tokens + 20, false);
  ANSWERS(MOECAST_OK, moecast_open_tokens(calm, 2, requests, NULL, &error));
  close_token(calm);
  ANSWERS(MOECAST_OK, moecast_request_end(calm, width, requests, &error));
  ANSWERS(MOECAST_OK, moecast_forecaster_save(calm, "calm.h5", &error));
  CLAIM(same_file("live.h5", "calm.h5"));
  ANSWERS(MOECAST_OK, moecast_forecaster_close(calm, &error));

  // The recorded trace makes it too.
  const char *traces[] = {"live.moe.lz4"};
  ANSWERS(MOECAST_OK, moecast_train(1, traces, "layer-markov,mixture-fast,mixture", "trained.h5", 2, &error));
  CLAIM(same_file("live.h5", "trained.h5"));
  moecast_score evaluated = {.size = sizeof evaluated};
  ANSWERS(MOECAST_OK, moecast_evaluate("trained.h5", 1, traces, false, 1, 1, &evaluated, &error));
  CLAIM(evaluated.events == score.events && evaluated.recall_at_k != score.recall_at_k);
  printf("%.17g\n", evaluated.recall_at_k);

  // A frozen model of that file: step and forecast say the same, and nothing is learnt.
  const moecast_options frozen = {.size = sizeof frozen};
  moecast_forecaster *opened = NULL;
  ANSWERS(MOECAST_OK, moecast_forecaster_open("trained.h5", &frozen, &opened, &error));
  moecast_shape shape;
  ANSWERS(MOECAST_OK, moecast_forecaster_shape(opened, &shape, &error));
  CLAIM(shape.layers == layers && shape.experts == experts && shape.top_k == top_k && !strcmp(shape.name, "small"));
  for (size_t request = 0; request < width; request++)
    ANSWERS(MOECAST_OK, moecast_request_begin(opened, requests[request], NULL, 0, &error));
  decode(opened, width, 0, 10, true);
  ANSWERS(MOECAST_OK, moecast_forecaster_flush(opened, &error));
  ANSWERS(MOECAST_OK, moecast_forecaster_counts(opened, &counts, &error));
  CLAIM(counts.tokens_learnt == width * tokens + 22 && counts.requests == width);
  ANSWERS(MOECAST_OK, moecast_forecaster_close(opened, &error));
  shape.name = NULL;  // these were the forecaster's
  shape.model_layers = NULL;

  // What is no model, and options that cannot be.
  opened = NULL;
  moecast_options wrong = {.size = sizeof wrong, .predictors = "mixture"};
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_forecaster_open("trained.h5", &wrong, &opened, &error));
  wrong.size = 4;
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_forecaster_open("trained.h5", &wrong, &opened, &error));
  ANSWERS(MOECAST_DATA, moecast_forecaster_open("live.moe.lz4", NULL, &opened, &error));
  CLAIM(strstr(error.text, "live.moe.lz4") != NULL);
  ANSWERS(MOECAST_FILE, moecast_forecaster_open("missing.h5", NULL, &opened, &error));
  wrong = (moecast_options){.size = sizeof wrong, .predictors = "no-such"};
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_forecaster_create(&shape, &wrong, &opened, &error));
  wrong = (moecast_options){.size = sizeof wrong, .record = "live.moe.lz4"};
  const moecast_shape other = {layers + 1, experts, top_k, NULL, NULL};
  ANSWERS(MOECAST_FILE, moecast_forecaster_create(&other, &wrong, &opened, &error));
  CLAIM(opened == NULL);
  // A model of another shape is not replaced.
  wrong.record = NULL;
  ANSWERS(MOECAST_OK, moecast_forecaster_create(&other, &wrong, &opened, &error));
  ANSWERS(MOECAST_MISMATCH, moecast_forecaster_save(opened, "calm.h5", &error));
  CLAIM(same_file("live.h5", "calm.h5"));
  ANSWERS(MOECAST_OK, moecast_forecaster_close(opened, &error));
  // Nor is a trace of another shape scored.
  static const uint16_t ids[(layers + 1) * top_k] = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2};
  const moecast_run run = {0, 0, 1, MOECAST_DECODE, 1, 0};
  moecast_writer *writer = NULL;
  ANSWERS(MOECAST_OK, moecast_writer_create("other.moe.lz4", &other, false, 0, &writer, &error));
  ANSWERS(MOECAST_OK, moecast_writer_append(writer, &run, ids, NULL, &error));
  ANSWERS(MOECAST_OK, moecast_writer_finish(writer, &error));
  traces[0] = "other.moe.lz4";
  ANSWERS(MOECAST_MISMATCH, moecast_evaluate("trained.h5", 1, traces, false, 1, 1, &evaluated, &error));
  return failures != 0;
}
