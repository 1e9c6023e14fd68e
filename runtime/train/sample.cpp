#include "runtime/train/sample.h"

#include "runtime/serve/commands.h"
#include "runtime/serve/generate.h"

namespace llc::train {

namespace {
// A training program as what generates.
class StepEngine final : public Engine {
 public:
  StepEngine(StepProgram &program, int64_t vocabulary) : program_(program) {
    limits_.vocabulary = vocabulary;
    limits_.maxContext = program.sampleLength();
  }
  const EngineLimits &limits() const override { return limits_; }
  Result<int64_t> open() override { return tokens_.clear(), 0; }
  void close(int64_t) override {}
  int64_t length(int64_t) const override { return int64_t(tokens_.size()); }
  Result<Rows> step(std::span<const SequenceTokens> batch) override {
    for (const SequenceTokens &part : batch) tokens_.insert(tokens_.end(), part.tokens.begin(), part.tokens.end());
    LLC_ASSIGN(std::span<const float> logits, program_.nextLogits(tokens_));
    return Rows{logits.data(), 1, int64_t(logits.size())};
  }
  Result<std::vector<float>> score(std::span<const int32_t>) override { return only(); }
  Result<Rows> embed(std::span<const int32_t>, Wanted) override { return only(); }
  Result<Rows> classify(std::span<const int32_t>) override { return only(); }
  std::string description() const override { return "a training program"; }

 private:
  static Error only() {
    return diagnose(ErrorKind::unsupported, "training program").says("only generates").toFix("compile the checkpoint");
  }
  StepProgram &program_;
  EngineLimits limits_;
  std::vector<int32_t> tokens_;
};

// One id, or a list.
std::vector<int32_t> endsOf(const OrderedJson &model, const Tokenizer &tokenizer) {
  std::vector<int32_t> ends;
  if (tokenizer.eosId()) ends.push_back(*tokenizer.eosId());
  OrderedJson given = model.value("eos_token_id", OrderedJson());
  if (!given.is_array()) given = OrderedJson::array({given});
  for (const OrderedJson &id : given)
    if (id.is_number_integer()) ends.push_back(id.get<int32_t>());
  return ends;
}
}  // namespace

Result<std::string> sampleText(StepProgram &program, const Tokenizer &tokenizer, const OrderedJson &model,
                               const std::string &prompt) {
  TextOrIds input;
  input.text = prompt;
  LLC_ASSIGN(std::vector<int32_t> ids, idsOf(input, &tokenizer));
  GenerateOptions generation;
  generation.maxTokens = 50;
  generation.sampling.temperature = 0.8;
  generation.sampling.seed = 42;
  generation.eos = endsOf(model, tokenizer);
  StepEngine engine(program, model.value("vocab_size", int64_t(0)));
  TokenizerStream text(tokenizer);
  LLC_ASSIGN(GenerateResult result, generate(engine, ids, generation, &text));
  return prompt + result.text;
}

}  // namespace llc::train
