// How ops of the tensor phases become stages of a program, and which memory each value means.
#pragma once
#include <optional>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/abi/llc_abi.h"
#include "runtime/base/dtype.h"
#include "runtime/base/status.h"

namespace llc::compiler {

enum class StageKind {
  none,    // takes no time: a name (parameter, cache), a constant, the end of a function
  alias,   // its result is the memory of operand 0 under another type
  kernel,  // chunks of work for the team
  call,    // the stages of another function
};
StageKind stageKind(mlir::Operation *);

// The value whose memory `value` is: through aliases and cache updates.
mlir::Value memoryOf(mlir::Value value);
// On a stage that every thread computes for itself when its rows are one chunk, so that no barrier follows it then:
// some threads may still read its operands while others compute the next group that is not replicated.
inline constexpr const char *replicatedAttribute = "llm.replicated";
// The function of this name; null if there is none.
mlir::func::FuncOp functionNamed(mlir::ModuleOp, llvm::StringRef name);
// The function that a call goes to.
mlir::func::FuncOp calleeOf(mlir::func::CallOp);
// A new stage at the builder that copies a tensor of any rank.
mlir::Value copyOf(mlir::OpBuilder &builder, mlir::Value value);
// A stage that writes to a cache, alone or among other things.
bool appendsToCache(mlir::Operation *);

// Functions: entries are called by the runtime; blocks by other functions; prepare functions make parameters.
bool isEntry(mlir::func::FuncOp);
bool isPrepare(mlir::func::FuncOp);  // carries llm.prepare; called by @prepare only
bool isBlock(mlir::func::FuncOp);
inline constexpr const char *prepareFunctionName = "prepare";  // the list of prepared parameters; itself never compiled

// Which run-time number (LLC_DIM_*) the leading '?' of a value stands for; nothing for values of static shape.
std::optional<int> dynamicDimension(mlir::Value value);
// Bounds of the dynamic dimensions, from the module's attributes.
struct Bounds {
  int64_t tokens = 0, rows = 0;
  int64_t context = 0;  // tokens of the longest sequence; 0: the module does not say
  int64_t of(int dimension) const { return dimension == LLC_DIM_ROWS ? rows : tokens; }
};
Result<Bounds> boundsOf(mlir::ModuleOp);

// Element type of a tensor as the runtime knows it. i1 is one byte.
std::optional<DType> dtypeOf(mlir::Type element);
// Bytes of a value at its bound; packed weights with their padding. 0 for handles.
int64_t boundedBytes(mlir::Value value, const Bounds &);
// Bytes that the stage of `op` needs while it runs, beside its operands and results, for all threads together.
int64_t workspaceBytes(mlir::Operation *op, const Bounds &);
// "layers.*.self_attn.q_proj": the name in the model's language, from the location; the op's name if there is none.
std::string modelName(mlir::Operation *);

}  // namespace llc::compiler
