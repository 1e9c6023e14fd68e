// Helpers of the dialect tests: a context with the dialect, parsing, diagnostics as text.
#pragma once
#include <string>

#include "dialect/ops/llm.h"
#include "dialect/reference/interpreter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

namespace llc::llm::test {

class Workbench {
 public:
  Workbench() {
    mlir::DialectRegistry registry;
    registerDialect(registry);
    context_.appendDialectRegistry(registry);
    context_.loadAllAvailableDialects();
    context_.getDiagEngine().registerHandler([this](mlir::Diagnostic &diagnostic) {
      messages_ += diagnostic.str() + "\n";
      return mlir::success();
    });
  }
  mlir::MLIRContext &context() { return context_; }
  // Diagnostics since the last call.
  std::string takeMessages() { return std::exchange(messages_, {}); }
  mlir::OwningOpRef<mlir::ModuleOp> parse(const std::string &text) {
    return mlir::parseSourceString<mlir::ModuleOp>(text, mlir::ParserConfig(&context_));
  }

 private:
  mlir::MLIRContext context_;
  std::string messages_;
};

}  // namespace llc::llm::test
