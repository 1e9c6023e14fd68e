// llc-opt: reads IR, runs passes, writes IR. The tests of passes use it.
#include "compiler/pipelines/passes.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  llc::compiler::registerDialects(registry);
  llc::compiler::registerPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "llc-opt: passes on llm IR\n", registry));
}
