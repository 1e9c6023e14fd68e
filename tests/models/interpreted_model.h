// A Hugging Face directory run by the reference interpreter: what the tests of front ends and models share.
#pragma once
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "dialect/reference/interpreter.h"
#include "frontends/huggingface/import.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "models/registry.h"

namespace llc::test {

// Rows of one sequence in a step.
struct Rows {
  std::vector<int64_t> ids;
  int64_t start = 0;  // position of the first
};

class InterpretedModel {
 public:
  static Result<std::unique_ptr<InterpretedModel>> open(
      const std::filesystem::path &directory, huggingface::TraceOptions options = {},
      const std::vector<dsl::Architecture> &architectures = models::architectures()) {
    auto model = std::make_unique<InterpretedModel>();
    LLC_ASSIGN(model->source, huggingface::openHuggingFace(directory, architectures));
    if (model->source.model.positionsAreLearned)
      options.bounds.maxContext = std::min(options.bounds.maxContext, model->source.model.maxPositions);
    LLC_ASSIGN(model->module, huggingface::traceModel(model->source, model->context, options));
    model->environment.parameters = [raw = model.get()](llvm::StringRef name) { return raw->parameter(name.str()); };
    return model;
  }

  // The entry's result for the rows of several sequences; `last` is its fourth argument, by default all rows.
  Result<llm::Tensor> run(const char *entry, const std::vector<Rows> &sequences, std::vector<int64_t> last = {}) {
    auto batch = std::make_shared<llm::Batch>();
    std::vector<double> ids;
    for (size_t s = 0; s < sequences.size(); ++s)
      for (size_t i = 0; i < sequences[s].ids.size(); ++i) {
        ids.push_back(double(sequences[s].ids[i]));
        batch->positions.push_back(sequences[s].start + int64_t(i));
        batch->sequenceOf.push_back(int64_t(s));
        batch->sequenceLengths.push_back(sequences[s].start + int64_t(sequences[s].ids.size()));
      }
    if (last.empty())
      for (size_t i = 0; i < ids.size(); ++i) last.push_back(int64_t(i));
    int64_t tokens = int64_t(ids.size());
    std::vector<llm::Datum> arguments = {
        llm::Tensor({tokens}, ids),
        llm::Tensor({tokens}, std::vector<double>(batch->positions.begin(), batch->positions.end())),
        llm::Datum(std::shared_ptr<const llm::Batch>(batch)),
        llm::Tensor({int64_t(last.size())}, std::vector<double>(last.begin(), last.end()))};
    std::string problem;
    mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
      problem += diagnostic.str() + "\n";
      return mlir::success();
    });
    auto results = llm::interpret(*module, entry, arguments, environment);
    if (failed(results)) return diagnose(ErrorKind::internal, entry).says(problem).toFix("see the op named here");
    return results->front().tensor;
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  huggingface::ModelSource source;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  llm::Environment environment;

 private:
  Result<llm::Tensor> parameter(const std::string &name) {
    auto known = parameters_.find(name);
    if (known != parameters_.end()) return known->second;
    LLC_ASSIGN(const TensorView *view, source.weight(name));
    std::vector<double> values(size_t(view->elements()));
    for (size_t i = 0; i < values.size(); ++i) values[i] = loadElement(view->bytes.data(), view->type, i);
    return parameters_.emplace(name, llm::Tensor(view->shape, std::move(values))).first->second;
  }
  std::map<std::string, llm::Tensor> parameters_;
};

// A tensor of an expectations file as doubles.
inline std::vector<double> valuesOf(const SafeTensors &file, const std::string &name) {
  const TensorView *view = file.find(name);
  std::vector<double> values(view ? size_t(view->elements()) : 0);
  for (size_t i = 0; i < values.size(); ++i) values[i] = loadElement(view->bytes.data(), view->type, i);
  return values;
}
inline std::vector<int64_t> idsOf(const SafeTensors &file, const std::string &name) {
  std::vector<double> values = valuesOf(file, name);
  return {values.begin(), values.end()};
}

// Largest difference as a share of the largest expected magnitude; infinite when the sizes differ or nothing is there.
inline double difference(const llm::Tensor &produced, const std::vector<double> &expected) {
  if (expected.empty() || size_t(produced.size()) != expected.size()) return INFINITY;
  double worst = 0, largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    worst = std::max(worst, std::abs(produced.values()[i] - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
    if (std::isnan(produced.values()[i])) return INFINITY;
  }
  return worst / largest;
}

}  // namespace llc::test
