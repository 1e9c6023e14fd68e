// MLIR's side of the tracing API: what a Program is made of, and how a front end takes the module out of it.
#pragma once
#include <exception>
#include <map>
#include <string>
#include <vector>

#include "frontends/dsl/dsl.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace llc::dsl {

// Thrown by fail() and caught by Program::entry, so that models need not check every op.
struct TraceFailure : std::exception {
  explicit TraceFailure(Error problem) : error(std::move(problem)) {}
  const char *what() const noexcept override { return error.what.c_str(); }
  Error error;
};

// One function being traced: an entry, or a block inside of it (`outer` is who calls it).
struct Frame {
  Frame *outer = nullptr;
  mlir::func::FuncOp function = {};
  mlir::OpBuilder builder;
  size_t firstScope = 0;                   // scopes from here on are relative to this function
  std::vector<mlir::Value> captured = {};  // values of outer functions, in the order of the arguments they got
  std::vector<std::string> argumentDimensions = {};  // what the arguments' dynamic size is called, "" if there is none
  mlir::DenseMap<mlir::Value, std::string> dimensions =
      mlir::DenseMap<mlir::Value, std::string>();  // the same for the values made here
};

struct ProgramState {
  ProgramState(mlir::MLIRContext &context, std::string model, Bounds bounds, DType cacheType, ParameterTypes types);
  ~ProgramState();

  std::unique_ptr<mlir::MLIRContext> ownContext;  // when the caller brought none
  mlir::MLIRContext &context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  DType cacheType;
  ParameterTypes types;

  std::string entryName;
  Frame *frame = nullptr;  // innermost function
  std::vector<std::string> scopes;
  std::map<std::string, mlir::RankedTensorType> parameters;
  std::map<std::string, mlir::Value> uses;                        // of this entry, by parameter
  std::map<std::string, std::vector<mlir::func::FuncOp>> blocks;  // by name, bodies that differ
  std::map<int64_t, mlir::Value> caches;                          // of this entry, by layer

  // `value` as the innermost function sees it: itself, or the argument that carries it in.
  mlir::Value resolve(mlir::Value value);
  mlir::Location location();
  // Adds `op` to the innermost function, verified; errors become TraceFailure.
  mlir::Operation *insert(mlir::OperationState &state, bool infer);
  Frame &entryFrame();  // outermost function
  mlir::Type elementType(DType type);
  std::string scope(size_t first) const;  // scopes from `first` on, joined by dots
};

// Ends a function: return, final type, names of dynamic sizes.
void finishFunction(ProgramState &state, Frame &frame, const Tensors &results);
// The state that tracing on this thread goes to. Asserts that there is one: ops exist only inside Program::entry.
ProgramState &currentState();
std::unique_ptr<ProgramState> makeState(mlir::MLIRContext &context, std::string model, Bounds bounds, DType cacheType,
                                        ParameterTypes types);
// The finished module, verified. The Program is empty afterwards.
Result<mlir::OwningOpRef<mlir::ModuleOp>> takeModule(Program &program);

inline mlir::Value unwrap(Value value) { return mlir::Value::getFromOpaquePointer(value.handle()); }
template <class T>
T wrap(mlir::Value value) {
  return T(value.getAsOpaquePointer());
}

}  // namespace llc::dsl
