// The derived lowering of every op with a program, and of every op in its gradient: compiled loops against the
// interpreter, on the inputs of tests/dialect/ops/cases.mlir.
#include "compiler/lowering/row_program.h"
#include "harness.h"
#include "tests/dialect/ops/backward.h"
#include "tests/dialect/ops/cases.h"

namespace llc::kernels {
namespace {

using llm::Datum;

template <size_t>
using Pointer = void *;
template <size_t... I>
void callWith(void *address, const std::vector<void *> &p, int64_t rows, int64_t chunk, void *scratch,
              std::index_sequence<I...>) {
  using Pointers = void (*)(Pointer<I>..., int64_t, int64_t, void *, const void *);
  reinterpret_cast<Pointers>(address)(p[I]..., rows, chunk, scratch, nullptr);
}

void call(void *address, const std::vector<void *> &pointers, int64_t rows, int64_t chunk, void *scratch) {
  switch (pointers.size()) {
    case 1:
      return callWith(address, pointers, rows, chunk, scratch, std::make_index_sequence<1>());
    case 2:
      return callWith(address, pointers, rows, chunk, scratch, std::make_index_sequence<2>());
    case 3:
      return callWith(address, pointers, rows, chunk, scratch, std::make_index_sequence<3>());
    case 4:
      return callWith(address, pointers, rows, chunk, scratch, std::make_index_sequence<4>());
    case 5:
      return callWith(address, pointers, rows, chunk, scratch, std::make_index_sequence<5>());
    case 6:
      return callWith(address, pointers, rows, chunk, scratch, std::make_index_sequence<6>());
    case 7:
      return callWith(address, pointers, rows, chunk, scratch, std::make_index_sequence<7>());
    default:
      FAIL() << pointers.size() << " pointers";
  }
}

// One op with the shapes of one run, its kernel and what the interpreter computed.
struct Sample {
  std::string name;
  KernelFunction function;
  int64_t rows = 1;  // known when it is emitted: shapes are static
  std::vector<Buffer> inputs, outputs;
  std::vector<index::Tensor> expected;
};

class OpLoops : public llm::test::Cases {
 protected:
  // The types of `types` with the extents that the data have.
  static llvm::SmallVector<mlir::Type> concreteTypes(mlir::TypeRange types, llvm::ArrayRef<Datum> data) {
    llvm::SmallVector<mlir::Type> result;
    for (auto [type, datum] : llvm::zip(types, data))
      result.push_back(mlir::RankedTensorType::get(datum.tensor.shape(), mlir::getElementTypeOrSelf(type)));
    return result;
  }

  void addSample(Emitter &emitter, mlir::Operation *op, llvm::ArrayRef<Datum> operands, llvm::ArrayRef<Datum> results) {
    mlir::OperationState state(op->getLoc(), op->getName());
    mlir::Block arguments;
    auto operandTypes = concreteTypes(op->getOperandTypes(), operands);
    for (auto [operand, type] : llvm::zip(op->getOperands(), operandTypes)) {
      // Operands that are one value stay one value.
      auto first = llvm::find(op->getOperands(), operand) - op->getOperands().begin();
      bool isNew = static_cast<size_t>(first) == state.operands.size();
      state.operands.push_back(isNew ? arguments.addArgument(type, op->getLoc()) : state.operands[first]);
    }
    state.addTypes(concreteTypes(op->getResultTypes(), results));
    state.attributes = op->getAttrs();
    mlir::Operation *concrete = mlir::Operation::create(state);
    llvm::SmallVector<unsigned> numbers;
    auto spec = compiler::rowProgramOf(concrete, numbers);
    EXPECT_TRUE(spec.ok()) << spec.error().text();
    std::string name;
    llvm::raw_string_ostream stream(name);
    op->print(stream);
    if (spec.ok()) emitSample(emitter, std::move(name), *spec, numbers, operands, results);
    concrete->destroy();
  }

  void emitSample(Emitter &emitter, std::string name, const RowProgramSpec &spec, llvm::ArrayRef<unsigned> numbers,
                  llvm::ArrayRef<Datum> operands, llvm::ArrayRef<Datum> results) {
    Sample sample{std::move(name), emitLoops(emitter, spec), std::max<int64_t>(spec.rows, 1), {}, {}, {}};
    for (auto [value, number] : llvm::zip(spec.inputs, numbers)) {
      auto values = operands[number].tensor.values();
      sample.inputs.emplace_back(value.type, std::vector<float>(values.begin(), values.end()));
    }
    for (auto [value, result] : llvm::zip(spec.outputs, results)) {
      sample.outputs.emplace_back(value.type, size_t(result.tensor.size()));
      sample.expected.push_back(result.tensor);
    }
    samples.push_back(std::move(sample));
  }

  // Runs every case and its gradient by the interpreter; every op with a program becomes a sample.
  void collect(Emitter &emitter) {
    for (mlir::func::FuncOp function : functions()) {
      const nlohmann::json &golden = goldens_[function.getName().str()];
      std::vector<Datum> arguments = llm::test::dataOf(golden["inputs"]);
      interpretInto(emitter, function.getName().str(), arguments);
      if (!golden.contains("cotangents")) continue;
      auto backward = llm::test::addBackward(function);
      ASSERT_TRUE(backward) << bench_.takeMessages();
      for (const Datum &cotangent : llm::test::dataOf(golden["cotangents"])) arguments.push_back(cotangent);
      interpretInto(emitter, backward.getName().str(), arguments);
    }
  }

  void interpretInto(Emitter &emitter, const std::string &name, std::vector<Datum> arguments) {
    llm::Environment environment;
    environment.roundToType = false;
    // Inputs are f32 in both worlds; the rest stays double here.
    auto function = module_->lookupSymbol<mlir::func::FuncOp>(name);
    for (auto [argument, type] : llvm::zip(arguments, function.getArgumentTypes()))
      if (llm::derive::isFloat(type))
        argument.tensor = llm::roundedTo(mlir::getElementTypeOrSelf(type), argument.tensor);
    environment.parameters = [](llvm::StringRef) -> Result<index::Tensor> { return index::Tensor({3, 4}); };
    environment.observer = [&](mlir::Operation *op, llvm::ArrayRef<Datum> operands, llvm::ArrayRef<Datum> results) {
      if (llm::derive::hasProgram(op)) addSample(emitter, op, operands, results);
      return mlir::success();
    };
    ASSERT_TRUE(mlir::succeeded(llm::interpret(*module_, name, arguments, environment))) << bench_.takeMessages();
  }

  static double errorOf(Sample &sample, void *address) {
    std::vector<void *> pointers;
    for (Buffer &buffer : sample.inputs) pointers.push_back(buffer.data());
    for (Buffer &buffer : sample.outputs) pointers.push_back(buffer.data());
    std::vector<float> scratch(size_t(sample.function.scratchBytes / 4 + 64), NAN);
    void *aligned = reinterpret_cast<void *>((reinterpret_cast<uintptr_t>(scratch.data()) + 63) / 64 * 64);
    for (int64_t chunk = 0; chunk < sample.function.chunks(sample.rows); ++chunk)
      call(address, pointers, sample.rows, chunk, aligned);
    double error = 0;
    for (auto [buffer, expected] : llvm::zip(sample.outputs, sample.expected)) {
      std::vector<double> values;
      for (size_t i = 0; i < buffer.count; ++i) values.push_back(buffer[i]);
      error = std::max(error, llm::test::difference(index::Tensor(expected.shape(), values), expected));
      if (!buffer.intact()) error = std::numeric_limits<double>::infinity();
    }
    return error;
  }

  std::vector<Sample> samples;
};

TEST_F(OpLoops, ComputeWhatTheInterpreterComputes) {
  mlir::DialectRegistry registry;
  registerCodeDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  const Target &target = targetOf(hostCpu().level);
  Emitter emitter(*module, target);
  collect(emitter);
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_GT(samples.size(), 200u);
  ASSERT_TRUE(mlir::succeeded(mlir::verify(*module)));
  Status lowered = lowerToLlvm(*module);
  ASSERT_TRUE(lowered.ok()) << lowered.error().text();
  auto object = emitObject(*module, target, ObjectOptions());
  ASSERT_TRUE(object.ok()) << object.error().text();
  auto code = LoadedObject::load(std::move(*object), "op_loops");
  ASSERT_TRUE(code.ok()) << code.error().text();
  for (Sample &sample : samples) {
    auto address = code->find(sample.function.symbol);
    ASSERT_TRUE(address.ok()) << address.error().text();
    EXPECT_LT(errorOf(sample, reinterpret_cast<void *>(*address)), 2e-5)
        << sample.name << " " << sample.function.symbol;
  }
}

}  // namespace
}  // namespace llc::kernels
