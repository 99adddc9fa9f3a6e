// Traces: what is written is read again; what is no trace is refused, and nothing is left of it.
//   traces FOLDER
#include <unistd.h>

#include "check.h"

enum { layers = 3, experts = 20, top_k = 2, tokens = 700 };

static uint16_t ids[tokens + 1][layers][top_k];
static uint16_t weights[tokens + 1][layers][top_k];

int main(int count, char **arguments) {
  if (count != 2 || chdir(arguments[1])) return 2;
  moecast_error error;
  const uint32_t numbers[layers] = {1, 2, 5};
  const moecast_shape shape = {layers, experts, top_k, numbers, "small"};
  for (int token = 0; token < tokens; token++)
    for (int layer = 0; layer < layers; layer++) {
      choose(ids[token][layer], top_k, experts, (uint32_t)(token / 50 + layer));
      weights[token][layer][0] = 0x3800;  // 0.5
      weights[token][layer][1] = 0x3400;  // 0.25
    }

  // Two requests that take turns; the first has a name, the second ends without a token of its own.
  moecast_writer *writer = NULL;
  ANSWERS(MOECAST_OK, moecast_writer_create("a.moe.lz4", &shape, true, 256, &writer, &error));
  ANSWERS(MOECAST_OK, moecast_writer_label(writer, 7, "first", "math", &error));
  const moecast_run parts[] = {
    {7, 0, 100, MOECAST_PREFILL, 0, 0},
    {9, 0, 300, MOECAST_DECODE, 0, 0},
    {7, 100, 300, MOECAST_DECODE, 1, 0},
    {9, 300, 0, MOECAST_DECODE, 1, 0},
  };
  int at = 0;
  for (int part = 0; part < 4; part++) {
    ANSWERS(MOECAST_OK, moecast_writer_append(writer, &parts[part], ids[at][0], weights[at][0], &error));
    at += (int)parts[part].count;
  }

  // Nothing wrong is taken, and the writer goes on.
  const moecast_run next = {11, 0, 1, MOECAST_DECODE, 1, 0};
  moecast_run wrong = next;
  uint16_t bad[layers][top_k];
  memcpy(bad, ids[0], sizeof bad);
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_writer_append(writer, NULL, ids[0][0], weights[0][0], &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_writer_append(writer, &next, NULL, weights[0][0], &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_writer_append(writer, &next, ids[0][0], NULL, &error));
  wrong.stage = 2;
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_writer_append(writer, &wrong, ids[0][0], weights[0][0], &error));
  wrong = next;
  wrong.first_token = 1ull << 32;
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_writer_append(writer, &wrong, ids[0][0], weights[0][0], &error));
  wrong = next;
  wrong.request = 7;  // has ended
  ANSWERS(MOECAST_BAD_CHOICE, moecast_writer_append(writer, &wrong, ids[0][0], weights[0][0], &error));
  bad[1][0] = experts;
  ANSWERS(MOECAST_BAD_CHOICE, moecast_writer_append(writer, &next, bad[0], weights[0][0], &error));
  bad[1][0] = bad[1][1] = 3;
  ANSWERS(MOECAST_BAD_CHOICE, moecast_writer_append(writer, &next, bad[0], weights[0][0], &error));
  bad[1][0] = MOECAST_NO_EXPERT;
  ANSWERS(MOECAST_BAD_CHOICE, moecast_writer_append(writer, &next, bad[0], weights[0][0], &error));
  uint16_t endless[layers][top_k];
  memcpy(endless, weights[0], sizeof endless);
  endless[2][1] = 0x7C00;
  ANSWERS(MOECAST_BAD_CHOICE, moecast_writer_append(writer, &next, ids[0][0], endless[0], &error));
  CLAIM(access("a.moe.lz4", F_OK) != 0);
  ANSWERS(MOECAST_OK, moecast_writer_finish(writer, &error));
  CLAIM(access("a.moe.lz4", F_OK) == 0);

  // Read again, chunk by chunk.
  const char *names[] = {"a.moe.lz4"};
  moecast_reader *reader = NULL;
  ANSWERS(MOECAST_OK, moecast_reader_open(1, names, &reader, &error));
  moecast_shape read;
  ANSWERS(MOECAST_OK, moecast_reader_shape(reader, &read, &error));
  CLAIM(read.layers == layers && read.experts == experts && read.top_k == top_k);
  CLAIM(!memcmp(read.model_layers, numbers, sizeof numbers) && !strcmp(read.name, "small"));
  moecast_chunk chunk;
  int token = 0, chunks = 0, ends = 0;
  for (;;) {
    ANSWERS(MOECAST_OK, moecast_reader_next(reader, &chunk, &error));
    if (chunk.tokens == 0 && chunk.runs == 0) break;
    if (failures) return 1;
    CLAIM(chunk.weights != NULL);
    if (chunks == 0) {
      CLAIM(chunk.labels == 1 && chunk.label_request[0] == 7);
      CLAIM(!strcmp(chunk.label_name[0], "first") && !strcmp(chunk.label_task[0], "math"));
    }
    for (size_t index = 0; index < chunk.tokens; index++, token++)
      for (size_t layer = 0; layer < layers; layer++) {
        const size_t slot = (layer * chunk.tokens + index) * top_k;
        CLAIM(!memcmp(chunk.ids + slot, ids[token][layer], sizeof ids[0][0]));
        CLAIM(!memcmp(chunk.weights + slot, weights[token][layer], sizeof weights[0][0]));
      }
    for (size_t run = 0; run < chunk.runs; run++) ends += chunk.run[run].ends_request;
    chunks++;
  }
  CLAIM(token == tokens && chunks == 3 && ends == 2);
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_reader_next(reader, NULL, &error));
  moecast_reader_close(reader);
  moecast_reader_close(NULL);

  // What cannot be.
  writer = NULL;
  const moecast_shape no_experts = {layers, 0, 1, NULL, NULL}, much = {1u << 31, 4, 1, NULL, NULL};
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_writer_create("b.moe.lz4", &no_experts, false, 0, &writer, &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_writer_create("b.moe.lz4", &much, false, 0, &writer, &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_writer_create("b.moe.lz4", NULL, false, 0, &writer, &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_writer_create(NULL, &shape, false, 0, &writer, &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_writer_create("b.moe.lz4", &shape, false, 0, NULL, &error));
  ANSWERS(MOECAST_FILE, moecast_writer_create("no/such/b.moe.lz4", &shape, false, 0, &writer, &error));
  FILE *other = fopen("notes.txt", "w");
  fputs("not to be lost\n", other);
  fclose(other);
  ANSWERS(MOECAST_FILE, moecast_writer_create("notes.txt", &shape, false, 0, &writer, &error));
  CLAIM(writer == NULL);
  ANSWERS(MOECAST_OK, moecast_writer_create("b.moe.lz4", &shape, false, 0, &writer, &error));
  moecast_writer_discard(writer);
  moecast_writer_discard(NULL);
  CLAIM(access("b.moe.lz4", F_OK) != 0);
  names[0] = "notes.txt";
  ANSWERS(MOECAST_DATA, moecast_reader_open(1, names, &reader, &error));
  CLAIM(strstr(error.text, "notes.txt") != NULL);
  names[0] = "missing.moe.lz4";
  ANSWERS(MOECAST_FILE, moecast_reader_open(1, names, &reader, &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_reader_open(0, names, &reader, &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_reader_open(1, NULL, &reader, &error));
  names[0] = NULL;
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_reader_open(1, names, &reader, &error));
  ANSWERS(MOECAST_BAD_ARGUMENT, moecast_reader_next(NULL, &chunk, &error));
  CLAIM(moecast_reader_open(0, names, &reader, NULL) == MOECAST_BAD_ARGUMENT);
  char version[32];
  snprintf(version, sizeof version, "%d.%d.%d", MOECAST_VERSION_MAJOR, MOECAST_VERSION_MINOR,
           MOECAST_VERSION_PATCH);
  CLAIM(!strcmp(moecast_version(), version));
  return failures != 0;
}
