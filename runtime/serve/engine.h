// What generation, scoring and benchmarks need of whatever computes the model: compiled code (session.h) or the
// reference interpreter (tools). Sequences are opened, fed with tokens, and closed; the engine keeps their state.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/status.h"

namespace llc {

struct EngineLimits {
  int64_t vocabulary = 0, hidden = 0;
  int64_t maxContext = 0;    // tokens of one sequence
  int64_t maxSequences = 1;  // open at the same time
};

// Rows of floats, row-major; valid until the next call of the engine that gave them.
struct Rows {
  const float *data = nullptr;
  int64_t rows = 0, columns = 0;
  std::span<const float> row(int64_t index) const { return {data + index * columns, size_t(columns)}; }
};

enum class Wanted { none, last, all };

// New tokens of one sequence: a whole prompt, a part of it, or the one token that was just chosen.
struct SequenceTokens {
  int64_t sequence = 0;  // as open() gave it
  std::span<const int32_t> tokens;
  Wanted wanted = Wanted::last;
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual const EngineLimits &limits() const = 0;
  // Errors: resource when maxSequences are open.
  virtual Result<int64_t> open() = 0;
  virtual void close(int64_t sequence) = 0;
  virtual int64_t length(int64_t sequence) const = 0;  // tokens fed so far
  // Logits of the wanted rows, in the order of the batch. A batch may be larger than one step of the compiled code: it
  // is cut as needed. Errors: invalidInput (token outside the vocabulary, longer than maxContext), resource (cache
  // full).
  virtual Result<Rows> step(std::span<const SequenceTokens> batch) = 0;
  // log p(tokens[i + 1] | tokens[0..i]), natural logarithm: tokens.size() - 1 values.
  virtual Result<std::vector<float>> score(std::span<const int32_t> tokens) = 0;
  // Final hidden states (after the last norm) of the wanted rows of one sequence: [rows, hidden].
  virtual Result<Rows> embed(std::span<const int32_t> tokens, Wanted wanted) = 0;
  // Of a classification model, the scores of one sequence: [1, labels]. Error: unsupported by models that predict
  // tokens, as are step and score by these.
  virtual Result<Rows> classify(std::span<const int32_t> tokens) = 0;
  virtual std::string description() const = 0;  // "compiled code, avx2, 2 threads"
};

}  // namespace llc
