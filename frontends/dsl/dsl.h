// The tracing API: a model is a C++ function on tensors and named parameters; running it once writes the program down.
//
//   Tensor feedForward(Tensor x, int64_t hidden, int64_t inner) {
//     Scope scope("mlp");
//     Tensor gate = linear(x, parameter("gate_proj.weight", {inner, hidden}));
//     Tensor up = linear(x, parameter("up_proj.weight", {inner, hidden}));
//     return linear(silu(gate) * up, parameter("down_proj.weight", {hidden, inner}));
//   }
//
// One function per op comes from the dialect's definition (frontends/dsl/ops.h, written at build time). Values are
// handles: cheap to copy, valid while their Program lives, used by one thread. Shapes are static but for the rows of a
// ragged batch, whose size is `dynamicSize`. A mistake (shapes that don't fit, a missing parameter) ends the trace of
// the entry: Program::entry returns it as an Error whose place is the scope, e.g. "step:
// model.layers.3.self_attn.q_proj".
#pragma once
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/dtype.h"
#include "runtime/base/status.h"

namespace llc::dsl {

inline constexpr int64_t dynamicSize = -1;
using Shape = std::vector<int64_t>;

// Anything an op takes or gives. A default-made value is "absent": what an optional operand takes.
class Value {
 public:
  Value() = default;
  explicit Value(void *handle) : handle_(handle) {}
  explicit operator bool() const { return handle_ != nullptr; }
  void *handle() const { return handle_; }  // mlir::Value::getAsOpaquePointer()

 private:
  void *handle_ = nullptr;
};

class Tensor : public Value {
 public:
  using Value::Value;
  Shape shape() const;
  int64_t rank() const;
  int64_t size(int64_t dimension) const;  // negative counts from the end; dynamicSize for ragged rows
  DType dtype() const;
};
// The cache of one layer: cacheLayer() names it, cache_append() gives it back with this step's keys and values in it.
class Kv : public Value {
 public:
  using Value::Value;
};
// Where the sequences of the ragged batch start and which cache pages are theirs.
class Batch : public Value {
 public:
  using Value::Value;
};

// While it lives, parameters and locations get "name." in front. Scopes nest: "model.layers.3" + "mlp" +
// "up_proj.weight".
class Scope {
 public:
  explicit Scope(std::string_view name);
  ~Scope();
  Scope(const Scope &) = delete;
  Scope &operator=(const Scope &) = delete;
};
std::string scopeName();  // the full name of the innermost scope

// A named weight; asked for twice it is the same one. Its element type is the Program's decision.
Tensor parameter(std::string_view name, const Shape &shape);
// Values known while tracing, f32 (row-major).
Tensor constant(const std::vector<float> &values, const Shape &shape);
Tensor scalar(float value);  // shape [1]: broadcasts against anything
// The cache of layer `number` (counts from 0).
Kv cacheLayer(int64_t number, int64_t heads, int64_t keySize, int64_t valueSize);
// Same elements in another shape; at most one size may be dynamicSize (the rows). Where x's sizes are all static, that
// one is what the others leave.
Tensor reshape(Tensor x, const Shape &shape);
Tensor cast(Tensor x, DType type);

// Stop the trace with this error; its place is set to the current scope.
[[noreturn]] void fail(Error error);

// block(name, function, arguments...): trace function(arguments...) as a function of its own and call it. Bodies that
// come out equal share one function, so a model of 80 equal layers has one. Parameters and outer values that the body
// uses become arguments by themselves.
// What an entry's or a block's function gives; most give one tensor.
class Tensors : public std::vector<Tensor> {
 public:
  using std::vector<Tensor>::vector;
  Tensors(Tensor one) : std::vector<Tensor>{one} {}
};
using TraceBody = std::function<Tensors(const std::vector<Value> &)>;
Tensors traceBlock(std::string_view name, const std::vector<Value> &arguments, const TraceBody &body);

template <class Function, std::derived_from<Value>... Arguments>
Tensor block(std::string_view name, Function &&function, Arguments... arguments) {
  auto body = [&](const std::vector<Value> &inner) {
    return [&]<size_t... I>(std::index_sequence<I...>) {
      return function(Arguments(inner[I].handle())...);
    }(std::index_sequence_for<Arguments...>{});
  };
  return traceBlock(name, {arguments...}, body).front();
}

// body(rows), for some rows at a time: row r of each result follows from row r of each of `rows` (and from parameters
// and other values that are the same for all rows). What is computed on the way then lives for some rows only, in the
// gradient too. `width`: numbers of the widest row that the body makes, a vocabulary for instance; it says how many
// rows are a tile. Few rows, or a number of them that is not static: the body as it is.
Tensors byRows(const Tensors &rows, int64_t width, const std::function<Tensors(const Tensors &)> &body);

// One argument of an entry.
struct Input {
  std::string name;
  enum Kind { tensor, batch } kind = tensor;
  DType type = DType::i32;
  Shape shape = {dynamicSize};
  std::string dimension = "";  // what the dynamic size is called: "tokens" or "rows"
};

// The largest sizes the program is made for; they go into the module's attributes.
struct Bounds {
  int64_t maxTokens = 512;    // rows of one step
  int64_t maxRows = 64;       // rows whose logits are wanted
  int64_t maxContext = 2048;  // tokens of one sequence, cached and new
};

// Says which element type a parameter gets, or why there is no such parameter. Called once per name.
using ParameterTypes = std::function<Result<DType>(const std::string &name, const Shape &shape)>;

// A program being traced. MLIR's side of it is in frontends/dsl/program.h.
class Program {
 public:
  Program(std::string model, Bounds bounds, DType cacheType, ParameterTypes types);
  explicit Program(std::unique_ptr<struct ProgramState> state);
  Program(Program &&) noexcept;
  ~Program();
  // Trace one entry. The body gets the inputs in order.
  Status entry(std::string_view name, const std::vector<Input> &inputs, const TraceBody &body);
  std::string print() const;  // the module as text
  ProgramState &state() { return *state_; }

 private:
  std::unique_ptr<ProgramState> state_;
};

}  // namespace llc::dsl
