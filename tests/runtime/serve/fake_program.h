// A program of a few lines that behaves as compiled code does: it keeps the tokens of each sequence in the paged cache
// and computes its results from what it finds there, so that a wrong page, position or chunk changes them.
#pragma once
#include "runtime/serve/program.h"

namespace llc {

inline constexpr int64_t fakeVocabulary = 16;

// Slot of the cache: one head, key and value of one float each; a page is K[32], V[32].
inline float &fakeSlot(const llc_context &context, int64_t sequence, int64_t position) {
  const llc_batch &batch = *context.batch;
  int32_t page = batch.page_table[sequence * batch.page_stride + position / LLC_PAGE_TOKENS];
  return static_cast<float *>(context.caches[0])[page * 2 * LLC_PAGE_TOKENS + position % LLC_PAGE_TOKENS];
}

// The next token that follows a sequence up to `position`: all tokens count, each with its place.
inline int64_t fakeNext(const llc_context &context, int64_t sequence, int64_t position) {
  int64_t sum = 0;
  for (int64_t i = 0; i <= position; ++i) sum += (i + 1) * int64_t(fakeSlot(context, sequence, i));
  return sum % fakeVocabulary;
}

inline void fakeAppend(const llc_context &context) {
  const llc_batch &batch = *context.batch;
  for (int64_t t = 0; t < batch.tokens; ++t)
    fakeSlot(context, batch.sequence_of[t], batch.positions[t]) =
        float(static_cast<const int32_t *>(context.inputs[0])[t]);
}

// logits: 1 for the next token, and for people who test: [1] += context length / 1000, [2] += sequence length / 1000.
inline void fakeStep(llc_context *context, int64_t thread, int64_t) {
  if (thread != 0) return;
  fakeAppend(*context);
  const llc_batch &batch = *context->batch;
  float *logits = static_cast<float *>(context->outputs[0]);
  for (int64_t r = 0; r < batch.rows; ++r) {
    int32_t t = static_cast<const int32_t *>(context->inputs[2])[r], sequence = batch.sequence_of[t];
    std::fill_n(logits + r * fakeVocabulary, fakeVocabulary, 0.0f);
    logits[r * fakeVocabulary + fakeNext(*context, sequence, batch.positions[t])] = 1;
    logits[r * fakeVocabulary + 1] += float(batch.sequence_lengths[t]) / 1000;
  }
}

// "log-probability" of a target: -(distance from the token that the fake model expects) - 0.001 x target.
inline void fakeScore(llc_context *context, int64_t thread, int64_t) {
  if (thread != 0) return;
  fakeAppend(*context);
  const llc_batch &batch = *context->batch;
  for (int64_t t = 0; t < batch.tokens; ++t) {
    int64_t expected = fakeNext(*context, batch.sequence_of[t], batch.positions[t]);
    static_cast<float *>(context->outputs[0])[t] =
        -float(std::abs(expected - batch.targets[t])) - 0.001f * float(batch.targets[t]);
  }
}

inline void fakeEmbed(llc_context *context, int64_t thread, int64_t) {
  if (thread != 0) return;
  fakeAppend(*context);
  const llc_batch &batch = *context->batch;
  for (int64_t r = 0; r < batch.rows; ++r) {
    int32_t t = batch.wanted_rows[r];
    static_cast<float *>(context->outputs[0])[2 * r] =
        float(fakeNext(*context, batch.sequence_of[t], batch.positions[t]));
    static_cast<float *>(context->outputs[0])[2 * r + 1] = float(batch.positions[t]);
  }
}

inline Manifest fakeManifest(int64_t maxTokens = 8, int64_t maxRows = 3, int64_t maxSequences = 4,
                             int64_t maxContext = 100) {
  constexpr int64_t T = dynamicSize(LLC_DIM_TOKENS), R = dynamicSize(LLC_DIM_ROWS);
  Manifest m;
  m.model = m.name = "fake";
  m.vocabulary = fakeVocabulary, m.hidden = 2, m.layers = 1;
  m.maxTokens = maxTokens, m.maxRows = maxRows, m.maxSequences = maxSequences, m.maxContext = maxContext;
  m.arenaBytes = 1024, m.scratchBytes = 100, m.flopsPerToken = 1, m.bytesPerToken = 1;
  TensorSpec tokens{"tokens", DType::i32, {T}}, positions{"positions", DType::i32, {T}};
  m.entries = {{"step", {tokens, positions, {"rows", DType::i32, {R}}}, {{"logits", DType::f32, {R, fakeVocabulary}}}},
               {"score", {tokens, positions, {"targets", DType::i32, {T}}}, {{"log_probs", DType::f32, {T}}}},
               {"embed", {tokens, positions, {"rows", DType::i32, {R}}}, {{"embedding", DType::f32, {R, 2}}}}};
  m.caches = {{0, 1, 1, 1, DType::f32, 0}};
  return m;
}

inline std::shared_ptr<const Program> fakeProgram(Manifest manifest = fakeManifest()) {
  auto program = Program::fromPointers(
      std::move(manifest), {{"step", fakeStep}, {"score", fakeScore}, {"embed", fakeEmbed}}, {}, "test", nullptr);
  return std::make_shared<Program>(std::move(*program));
}

// What the fake model says, computed without it.
inline int32_t fakeNextOf(const std::vector<int32_t> &tokens) {
  int64_t sum = 0;
  for (size_t i = 0; i < tokens.size(); ++i) sum += int64_t(i + 1) * tokens[i];
  return int32_t(sum % fakeVocabulary);
}

}  // namespace llc
