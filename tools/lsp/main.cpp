// llc-lsp: a language server for .mlir files with llm IR; an editor starts it.
#include "compiler/pipelines/pipeline.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  llc::compiler::registerDialects(registry);
  return failed(mlir::MlirLspServerMain(argc, argv, registry));
}
