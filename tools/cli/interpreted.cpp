#include "tools/cli/interpreted.h"

#include "dialect/ops/llm.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llc::cli {

InterpretedWeights::InterpretedWeights(const huggingface::ModelSource &source, mlir::ModuleOp module)
    : source_(source), module_(module) {
  module.walk([&](llm::ParameterOp op) { types_[op.getSymName().str()] = op.getType(); });
}

Result<llm::Tensor> InterpretedWeights::get(llvm::StringRef name) {
  auto found = loaded_.find(name.str());
  if (found != loaded_.end()) return found->second;
  auto known = source_.weight(std::string_view(name));
  if (!known && module_.lookupSymbol("prepare") && !preparing_) {
    LLC_TRY(prepare());
    if (found = loaded_.find(name.str()); found != loaded_.end()) return found->second;
  }
  LLC_ASSIGN(const TensorView *view, std::move(known));
  std::vector<double> values(static_cast<size_t>(view->elements()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = loadElement(view->bytes.data(), view->type, i);
  llm::Tensor tensor(view->shape, std::move(values));
  if (auto type = types_.find(name.str()); type != types_.end())
    if (auto shaped = mlir::dyn_cast<mlir::ShapedType>(type->second)) tensor = llm::roundedTo(shaped.getElementType(), tensor);
  loaded_.emplace(name.str(), tensor);
  return tensor;
}

Status InterpretedWeights::prepare() {
  llm::Environment environment;
  environment.parameters = [this](llvm::StringRef name) { return get(name); };
  Diagnostics diagnostics(*module_.getContext());
  preparing_ = true;
  auto results = llm::interpret(module_, "prepare", {}, environment);
  preparing_ = false;
  if (mlir::failed(results)) return diagnostics.error("prepare");
  auto function = module_.lookupSymbol<mlir::func::FuncOp>("prepare");
  for (unsigned i = 0; i < results->size(); ++i)
    if (auto name = function.getResultAttrOfType<mlir::StringAttr>(i, "llm.parameter")) loaded_[name.str()] = (*results)[i].tensor;
  return success();
}

llm::Tensor integers(std::span<const int32_t> values) {
  return llm::Tensor({int64_t(values.size())}, std::vector<double>(values.begin(), values.end()));
}

llvm::SmallVector<llm::Datum> stepArguments(std::span<const int32_t> tokens, int64_t start, int64_t sequence, bool allRows) {
  std::vector<int32_t> positions, rows;
  for (int32_t i = 0; i < int32_t(tokens.size()); ++i) {
    positions.push_back(int32_t(start) + i);
    if (allRows || size_t(i) + 1 == tokens.size()) rows.push_back(i);
  }
  return {llm::Datum(integers(tokens)), llm::Datum(integers(positions)),
          llm::Datum(llm::Batch::contiguous(start, int64_t(tokens.size()), sequence)), llm::Datum(integers(rows))};
}

llvm::SmallVector<llm::Datum> batchArguments(const TrainingBatch &batch) {
  llvm::SmallVector<llm::Datum> arguments;
  for (const std::vector<int32_t> *values : {&batch.ids, &batch.mask, &batch.labels, &batch.types})
    if (!values->empty())
      arguments.push_back(llm::Tensor({batch.rows, batch.width}, std::vector<double>(values->begin(), values->end())));
  return arguments;
}

Diagnostics::Diagnostics(mlir::MLIRContext &context)
    : handler_(&context, [this](mlir::Diagnostic &diagnostic) {
        if (!text_.empty()) text_ += "\n";
        llvm::raw_string_ostream out(text_);
        out << diagnostic.getLocation() << ": " << diagnostic;
        return mlir::success();
      }) {}

Error Diagnostics::error(const std::string &where) const {
  return diagnose(ErrorKind::internal, where)
      .says(text_.empty() ? "the interpreter failed" : text_)
      .toFix("report this, with the model's config.json");
}

}  // namespace llc::cli
