#include "tools/cli/reference_engine.h"

#include <fmt/format.h>

#include <set>

#include "tools/cli/interpreted.h"

namespace llc::cli {

namespace {
class ReferenceEngine final : public Engine {
 public:
  explicit ReferenceEngine(TracedModel traced)
      : traced_(std::move(traced)), weights_(*traced_.source, *traced_.module) {
    const dsl::Model &model = traced_.source->model;
    limits_ = {model.vocabulary, model.hidden, bound("llm.max_context") - model.virtualTokens, INT32_MAX};
    for (int64_t i = 0; i < model.virtualTokens; ++i) virtualIds_.push_back(int32_t(model.vocabulary + i));
    environment_.parameters = [this](llvm::StringRef name) { return weights_.get(name); };
  }

  const EngineLimits &limits() const override { return limits_; }
  Result<int64_t> open() override {
    int64_t sequence = next_++;
    lengths_[sequence] = 0;
    return sequence;
  }
  void close(int64_t sequence) override {
    lengths_.erase(sequence);
    for (auto &[layer, cache] : environment_.caches) cache->sequences.erase(sequence);
  }
  int64_t length(int64_t sequence) const override { return lengths_.at(sequence); }

  Result<Rows> step(std::span<const SequenceTokens> batch) override {
    values_.clear();
    int64_t columns = limits_.vocabulary;
    for (const SequenceTokens &part : batch) {
      LLC_TRY(check(part.tokens, lengths_.at(part.sequence)));
      int64_t &length = lengths_.at(part.sequence);
      if (length == 0 && !virtualIds_.empty())
        LLC_TRY(run("step", stepArguments(virtualIds_, 0, part.sequence, false)));
      auto arguments = stepArguments(part.tokens, skipped() + length, part.sequence, part.wanted == Wanted::all);
      LLC_ASSIGN(llm::Tensor logits, run("step", arguments));
      length += int64_t(part.tokens.size());
      if (part.wanted != Wanted::none) append(logits);
    }
    return Rows{values_.data(), int64_t(values_.size()) / columns, columns};
  }

  Result<std::vector<float>> score(std::span<const int32_t> tokens) override {
    LLC_TRY(check(tokens, 0));
    LLC_ASSIGN(int64_t sequence, open());
    auto arguments = stepArguments(withVirtual(tokens.first(tokens.size() - 1)), 0, sequence, true);
    std::vector<int32_t> targets(virtualIds_.size(), 0);  // nobody predicts virtual tokens
    targets.insert(targets.end(), tokens.begin() + 1, tokens.end());
    arguments[3] = llm::Datum(integers(targets));
    auto result = run("score", arguments);
    close(sequence);
    if (!result) return std::move(result.error());
    return std::vector<float>(result->values().begin() + skipped(), result->values().end());
  }

  Result<Rows> embed(std::span<const int32_t> tokens, Wanted wanted) override {
    return runWhole("embed", tokens, wanted, limits_.hidden);
  }
  Result<Rows> classify(std::span<const int32_t> tokens) override {
    return runWhole("classify", tokens, Wanted::last, traced_.source->model.labels);
  }

  std::string description() const override { return "reference interpreter"; }

 private:
  int64_t bound(llvm::StringRef name) {
    auto attribute = (*traced_.module)->getAttrOfType<mlir::IntegerAttr>(name);
    return attribute ? attribute.getInt() : INT32_MAX;
  }
  int64_t skipped() const { return int64_t(virtualIds_.size()); }
  std::vector<int32_t> withVirtual(std::span<const int32_t> tokens) const {
    std::vector<int32_t> all = virtualIds_;
    all.insert(all.end(), tokens.begin(), tokens.end());
    return all;
  }
  void append(const llm::Tensor &tensor) {
    values_.insert(values_.end(), tensor.values().begin(), tensor.values().end());
  }

  Status check(std::span<const int32_t> tokens, int64_t before) const {
    for (int32_t token : tokens)
      if (token < 0 || token >= limits_.vocabulary)
        return diagnose(ErrorKind::invalidInput, "tokens")
            .says(fmt::format("id {} is outside of the vocabulary of {}", token, limits_.vocabulary))
            .toFix("use the tokenizer of this model");
    if (before + int64_t(tokens.size()) <= limits_.maxContext) return success();
    return diagnose(ErrorKind::invalidInput, "tokens")
        .says(fmt::format("{} tokens are longer than the context of {}", before + int64_t(tokens.size()),
                          limits_.maxContext))
        .toFix("shorten them, or raise --context");
  }

  Result<Rows> runWhole(llvm::StringRef entry, std::span<const int32_t> tokens, Wanted wanted, int64_t columns) {
    LLC_TRY(check(tokens, 0));
    LLC_ASSIGN(int64_t sequence, open());
    auto result = run(entry, stepArguments(withVirtual(tokens), 0, sequence, wanted == Wanted::all));
    close(sequence);
    if (!result) return std::move(result.error());
    values_.clear();
    append(*result);
    int64_t first = wanted == Wanted::all ? skipped() : 0;
    return Rows{values_.data() + first * columns, int64_t(values_.size()) / columns - first, columns};
  }

  Result<llm::Tensor> run(llvm::StringRef entry, llvm::ArrayRef<llm::Datum> arguments) {
    if (!traced_.module->lookupSymbol(entry))
      return diagnose(ErrorKind::unsupported, traced_.name)
          .says(traced_.source->model.labels ? "gives whole texts scores and predicts no tokens"
                                             : "predicts tokens and has no labels")
          .toFix("use a command that fits: classify, or one that predicts tokens");
    Diagnostics diagnostics(*traced_.context);
    auto results = llm::interpret(*traced_.module, entry, arguments, environment_);
    if (mlir::failed(results)) return diagnostics.error(entry.str());
    return results->front().tensor;
  }

  TracedModel traced_;
  InterpretedWeights weights_;
  llm::Environment environment_;
  EngineLimits limits_;
  std::vector<int32_t> virtualIds_;  // fed before each sequence's own tokens
  std::map<int64_t, int64_t> lengths_;
  std::vector<float> values_;
  int64_t next_ = 0;
};
}  // namespace

Result<std::unique_ptr<Engine>> makeReferenceEngine(const ModelPlace &place, const TraceOptions &options,
                                                    Progress &progress) {
  LLC_ASSIGN(TracedModel traced, traceDirectory(place, options, progress));
  progress.finish();
  return std::unique_ptr<Engine>(std::make_unique<ReferenceEngine>(std::move(traced)));
}

}  // namespace llc::cli
