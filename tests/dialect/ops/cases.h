// The cases of cases.mlir with their golden inputs, results and gradients.
#pragma once
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/dialect/ops/support.h"

namespace llc::llm::test {

inline std::string readFile(const std::string &path) {
  std::ifstream stream(std::string(LLC_SOURCE_DIR) + "/" + path);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

inline Datum datumOf(const nlohmann::json &entry) {
  if (entry.contains("batch")) {
    auto batch = std::make_shared<Batch>();
    batch->positions = entry["batch"]["positions"].get<std::vector<int64_t>>();
    batch->sequenceOf = entry["batch"]["sequence_of"].get<std::vector<int64_t>>();
    batch->sequenceLengths = entry["batch"]["sequence_lengths"].get<std::vector<int64_t>>();
    return std::shared_ptr<const Batch>(batch);
  }
  return Tensor(entry["shape"].get<Shape>(), entry["values"].get<std::vector<double>>());
}

inline std::vector<Datum> dataOf(const nlohmann::json &entries) {
  std::vector<Datum> data;
  for (const nlohmann::json &entry : entries) data.push_back(datumOf(entry));
  return data;
}

// The largest difference of two tensors relative to the larger one's largest element (at least 1); infinity if the
// shapes differ.
inline double difference(const Tensor &left, const Tensor &right) {
  if (left.shape() != right.shape()) return std::numeric_limits<double>::infinity();
  double largest = 1, error = 0;
  for (size_t i = 0; i < left.values().size(); ++i) {
    double a = left.values()[i], b = right.values()[i];
    largest = std::max({largest, std::fabs(a), std::fabs(b)});
    error = std::max(error, std::isfinite(a - b) ? std::fabs(a - b)
                            : a == b             ? 0
                                                 : std::numeric_limits<double>::infinity());
  }
  return error / largest;
}

class Cases : public ::testing::Test {
 protected:
  void SetUp() override {
    module_ = bench_.parse(readFile("tests/dialect/ops/cases.mlir"));
    ASSERT_TRUE(module_) << bench_.takeMessages();
    goldens_ = nlohmann::json::parse(readFile("tests/golden/dialect/ops.json"));
  }
  // Evaluates in double; results are empty (and messages wait in the bench) on failure.
  std::vector<Datum> run(mlir::ModuleOp module, llvm::StringRef name, const std::vector<Datum> &arguments) {
    Environment environment;
    environment.roundToType = false;
    environment.parameters = [](llvm::StringRef) -> Result<Tensor> {
      Tensor table({3, 4});
      double value = 0;
      for (double &item : table.mutableValues()) item = value++ / 8;
      return table;
    };
    auto results = interpret(module, name, arguments, environment);
    return mlir::succeeded(results) ? *results : std::vector<Datum>();
  }
  std::vector<mlir::func::FuncOp> functions() {
    auto range = module_->getOps<mlir::func::FuncOp>();
    return {range.begin(), range.end()};
  }

  Workbench bench_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  nlohmann::json goldens_;
};

}  // namespace llc::llm::test
