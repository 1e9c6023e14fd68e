// Every op by its cases: goldens, decomposition, factors, cost; and that no op lacks a facet.
#include "tests/dialect/ops/cases.h"

namespace llc::llm::test {
namespace {

using Ops = Cases;

TEST_F(Ops, EvaluateLikeTheGoldens) {
  for (mlir::func::FuncOp function : functions()) {
    std::string name = function.getName().str();
    ASSERT_TRUE(goldens_.contains(name)) << "no golden for @" << name << ": add case(\"" << name
                                         << "\", ...) to tests/golden/make_op_goldens.py and run it";
    std::vector<Datum> results = run(*module_, name, dataOf(goldens_[name]["inputs"]));
    std::vector<Datum> expected = dataOf(goldens_[name]["results"]);
    ASSERT_EQ(results.size(), expected.size()) << name << ": " << bench_.takeMessages();
    for (size_t r = 0; r < results.size(); ++r)
      EXPECT_LT(difference(results[r].tensor, expected[r].tensor), 1e-12) << name << " result " << r;
  }
}

TEST_F(Ops, GoldensHaveNoCaseThatIsGone) {
  for (const auto &[name, entry] : goldens_.items())
    EXPECT_TRUE(module_->lookupSymbol<mlir::func::FuncOp>(name)) << "cases.mlir has no @" << name;
}

TEST_F(Ops, DecompositionsComputeTheSame) {
  int decomposed = 0;
  for (mlir::func::FuncOp function : functions()) {
    std::string name = function.getName().str();
    std::vector<Datum> before = run(*module_, name, dataOf(goldens_[name]["inputs"]));
    for (mlir::Operation &op : llvm::make_early_inc_range(function.getBody().front().without_terminator())) {
      bool primitive = mlir::isa<GenericOp, ContractOp>(op);
      if (primitive ||
          !(derive::hasProgram(&op) ||
            mlir::isa<AttentionOp, AttentionBackwardOp, ByRowsOp, LinearLogProbBackwardOp, RotaryOp, FusedOp>(op)))
        continue;
      mlir::OpBuilder builder(&op);
      llvm::SmallVector<mlir::Value> results;
      ASSERT_TRUE(mlir::succeeded(mlir::cast<Decomposable>(op).decompose(builder, results)))
          << name << bench_.takeMessages();
      op.replaceAllUsesWith(results);
      op.erase();
      ++decomposed;
    }
    ASSERT_TRUE(mlir::succeeded(mlir::verify(function))) << name << ": " << bench_.takeMessages();
    std::vector<Datum> after = run(*module_, name, dataOf(goldens_[name]["inputs"]));
    ASSERT_EQ(after.size(), before.size()) << name << ": " << bench_.takeMessages();
    for (size_t r = 0; r < before.size(); ++r) EXPECT_LT(difference(before[r].tensor, after[r].tensor), 1e-12) << name;
  }
  EXPECT_GT(decomposed, 60);
}

// ---- sharding factors mean what they say: the op on one half gives that half of the result
int64_t halved(int64_t extent) { return extent == mlir::ShapedType::kDynamic ? extent : extent / 2; }

mlir::Type cutType(mlir::Type type, int value, const std::vector<DimensionRef> &cuts) {
  auto tensor = mlir::cast<mlir::RankedTensorType>(type);
  llvm::SmallVector<int64_t> shape(tensor.getShape());
  for (DimensionRef cut : cuts)
    if (cut.value == value) shape[cut.dimension] = halved(shape[cut.dimension]);
  return mlir::RankedTensorType::get(shape, tensor.getElementType(), tensor.getEncoding());
}

// The first half along every listed dimension.
Tensor cutTensor(const Tensor &tensor, int value, const std::vector<DimensionRef> &cuts) {
  Tensor result = tensor;
  for (DimensionRef cut : cuts) {
    if (cut.value != value) continue;
    std::string letters;
    for (int64_t d = 0; d < result.rank(); ++d) letters += static_cast<char>('a' + d);
    std::string from = letters;
    from.replace(cut.dimension, 1, std::string("(") + letters[cut.dimension] + ")");
    Shape shape = result.shape();
    shape[cut.dimension] /= 2;
    result = *index::evaluate(*index::makeStatement(from + "->" + letters, "a", ""), std::span(&result, 1), &shape);
  }
  return result;
}

bool canBeHalved(const Factor &factor, llvm::ArrayRef<Datum> operands, llvm::ArrayRef<Datum> results) {
  auto even = [](const Tensor &tensor, int dimension) { return tensor.shape()[dimension] % 2 == 0; };
  for (DimensionRef cut : factor.operands)
    if (!even(operands[cut.value].tensor, cut.dimension)) return false;
  for (DimensionRef cut : factor.results)
    if (!even(results[cut.value].tensor, cut.dimension)) return false;
  return !factor.reduction;
}

bool hasOnlyTensors(mlir::Operation *op) {
  auto isTensor = [](mlir::Type type) { return mlir::isa<mlir::RankedTensorType>(type); };
  return op->getNumOperands() > 0 && llvm::all_of(op->getOperandTypes(), isTensor) &&
         llvm::all_of(op->getResultTypes(), isTensor);
}

// The op on the first half of its operands against the first half of its results.
double errorOfHalf(mlir::Operation *op, const Factor &factor, llvm::ArrayRef<Datum> operands,
                   llvm::ArrayRef<Datum> results) {
  mlir::OperationState state(op->getLoc(), op->getName());
  mlir::Block arguments;
  std::vector<Datum> parts;
  for (auto [number, type] : llvm::enumerate(op->getOperandTypes())) {
    state.operands.push_back(arguments.addArgument(cutType(type, number, factor.operands), op->getLoc()));
    parts.push_back(cutTensor(operands[number].tensor, number, factor.operands));
  }
  for (auto [number, type] : llvm::enumerate(op->getResultTypes()))
    state.addTypes(cutType(type, number, factor.results));
  state.attributes = op->getAttrs();
  mlir::Operation *half = mlir::Operation::create(state);
  llvm::SmallVector<Datum> computed;
  Environment environment;
  bool runs = mlir::succeeded(mlir::cast<Evaluable>(half).evaluate(parts, environment, computed));
  double error = runs ? 0 : std::numeric_limits<double>::infinity();
  for (size_t r = 0; r < computed.size(); ++r)
    error = std::max(error, difference(computed[r].tensor, cutTensor(results[r].tensor, r, factor.results)));
  half->destroy();
  return error;
}

TEST_F(Ops, FactorsCutOpsIntoIndependentHalves) {
  int checked = 0;
  auto observe = [&](mlir::Operation *op, llvm::ArrayRef<Datum> operands,
                     llvm::ArrayRef<Datum> results) -> llvm::LogicalResult {
    if (!mlir::isa<Shardable>(op) || !hasOnlyTensors(op)) return mlir::success();
    for (const Factor &factor : mlir::cast<Shardable>(op).shardingFactors()) {
      if (!canBeHalved(factor, operands, results)) continue;
      EXPECT_LT(errorOfHalf(op, factor, operands, results), 1e-12)
          << op->getName().getStringRef().str() << ": factor of size " << factor.size << bench_.takeMessages();
      ++checked;
    }
    return mlir::success();
  };
  for (mlir::func::FuncOp function : functions()) {
    Environment environment;
    environment.roundToType = false;
    environment.observer = observe;
    environment.parameters = [](llvm::StringRef) -> Result<Tensor> { return Tensor({3, 4}); };
    std::vector<Datum> arguments = dataOf(goldens_[function.getName().str()]["inputs"]);
    ASSERT_TRUE(mlir::succeeded(interpret(*module_, function.getName(), arguments, environment)));
  }
  EXPECT_GT(checked, 50);
}

// Negative control: a factor that is really a reduction is caught when it claims not to be.
TEST_F(Ops, AWrongFactorIsCaught) {
  auto function = module_->lookupSymbol<mlir::func::FuncOp>("softmax");
  mlir::Operation *op = &function.getBody().front().front();
  std::vector<Datum> inputs = dataOf(goldens_["softmax"]["inputs"]), results = dataOf(goldens_["softmax"]["results"]);
  Factor wrong{4, false, {{0, 1}}, {{0, 1}}};
  EXPECT_GT(errorOfHalf(op, wrong, inputs, results), 0.01);
}

std::vector<Factor> factorsIn(mlir::ModuleOp module, llvm::StringRef name) {
  auto function = module.lookupSymbol<mlir::func::FuncOp>(name);
  return mlir::cast<Shardable>(function.getBody().front().front()).shardingFactors();
}

TEST_F(Ops, FactorsOfAMatrixProduct) {
  std::vector<Factor> factors = factorsIn(*module_, "linear");  // x[t,k] w[n,k] -> y[t,n]
  ASSERT_EQ(factors.size(), 3u);
  int reductions = 0;
  for (const Factor &factor : factors) {
    reductions += factor.reduction;
    if (factor.reduction) {
      EXPECT_EQ(factor.operands, (std::vector<DimensionRef>{{0, 1}, {1, 1}}));
      EXPECT_TRUE(factor.results.empty());
    }
  }
  EXPECT_EQ(reductions, 1);
}

TEST_F(Ops, SoftmaxCannotBeCutAlongItsLastDimensionWithoutACollective) {
  for (const Factor &factor : factorsIn(*module_, "softmax"))
    EXPECT_EQ(factor.reduction, factor.operands[0].dimension == 1);
}

TEST_F(Ops, CostCountsArithmeticAndTraffic) {
  auto costOf = [&](const char *name, int64_t rows) {
    auto function = module_->lookupSymbol<mlir::func::FuncOp>(name);
    return mlir::cast<Costed>(function.getBody().front().front()).cost({rows, 100});
  };
  EXPECT_EQ(costOf("linear", 10).flops, 2.0 * 10 * 6 * 4);
  EXPECT_EQ(costOf("linear", 10).bytes, 10 * 4 * 4 + 6 * 4 * 2 + 10 * 6 * 4.0);
  EXPECT_EQ(costOf("add", 7).flops, 28);
  EXPECT_EQ(costOf("gather_rows", 3).bytes, 3 * 4 * 4 + 3 * 4 * 2 + 3 * 4.0);  // rows, not the table
  EXPECT_EQ(costOf("reshape", 5).bytes, 0);
  auto paged = module_->lookupSymbol<mlir::func::FuncOp>("paged_attention");
  for (PagedAttentionOp op : paged.getOps<PagedAttentionOp>()) {
    EXPECT_EQ(op.cost({1, 100}).flops, 4 * 100 * (2.0 * (3 + 2) + 5));
    EXPECT_GT(op.cost({1, 200}).bytes, op.cost({1, 100}).bytes);
  }
}

TEST_F(Ops, EveryCaseHasACost) {
  module_->walk([&](Costed op) {
    Cost cost = op.cost({3, 16});
    EXPECT_TRUE(std::isfinite(cost.flops) && cost.flops >= 0 && std::isfinite(cost.bytes) && cost.bytes >= 0);
    if (derive::hasProgram(op)) EXPECT_GT(cost.bytes, 0) << op->getName().getStringRef().str();
  });
}

// ---- coverage
TEST_F(Ops, NoOpLacksAFacet) {
  std::set<std::string> used;
  module_->walk([&](mlir::Operation *op) { used.insert(op->getName().getStringRef().str()); });
  std::string documentation = readFile("docs/generated/ops.md");
  int registered = 0;
  for (mlir::RegisteredOperationName name : bench_.context().getRegisteredOperations()) {
    if (name.getDialectNamespace() != "llm") continue;
    ++registered;
    std::string op = name.getStringRef().str(), mnemonic = op.substr(4);
    EXPECT_TRUE(name.hasInterface<Indexed>() && name.hasInterface<Evaluable>() && name.hasInterface<Differentiable>() &&
                name.hasInterface<Decomposable>() && name.hasInterface<Shardable>() && name.hasInterface<Costed>())
        << op << " lacks a facet interface: derive its class from Llm_Op (dialect/ops/base.td)";
    EXPECT_TRUE(used.count(op)) << "no case for " << op << ": add to tests/dialect/ops/cases.mlir\n  func.func @"
                                << mnemonic << "(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { ... " << op << " ... }\n"
                                << "and case(\"" << mnemonic << "\", ...) to tests/golden/make_op_goldens.py";
    EXPECT_NE(documentation.find("### `" + op + "`"), std::string::npos)
        << op << " is not in docs/generated/ops.md: run tools/generate/op_docs";
  }
  EXPECT_GE(registered, 60);
}

// Ops without a program write every facet by hand (or say why they have none).
TEST_F(Ops, OpsWithoutAProgramWriteEveryFacet) {
  module_->walk([&](Indexed op) {
    if (derive::hasProgram(op)) return;
    std::string name = op->getName().getStringRef().str();
    for (const char *facet : {"evaluate", "decompose", "shardingFactors", "cost"})
      EXPECT_TRUE(derive::isOverridden(op, facet))
          << name << ": add \"" << facet << "\" to its list in the .td and define it in the .cpp";
    bool decided =
        derive::isOverridden(op, "buildAdjoint") || *op.meaningText().adjoint || *op.meaningText().notDifferentiable;
    EXPECT_TRUE(decided) << name << ": add \"buildAdjoint\" to its list, or let notDifferentiable = \"<reason>\"";
  });
}

TEST_F(Ops, EveryOpDocumentsItselfWithAnExample) {
  std::string documentation = readFile("docs/generated/ops.md");
  for (mlir::RegisteredOperationName name : bench_.context().getRegisteredOperations()) {
    if (name.getDialectNamespace() != "llm") continue;
    std::string op = name.getStringRef().str();
    size_t start = documentation.find("### `" + op + "`");
    ASSERT_NE(start, std::string::npos) << op;
    std::string section = documentation.substr(start, documentation.find("\n### `", start + 1) - start);
    EXPECT_NE(section.find(op, section.find("```mlir")), std::string::npos)
        << op << ": its description has no example that uses it";
  }
}

// What the compiler lowers: concrete statements whose names are operands, earlier statements or results.
TEST_F(Ops, EveryProgramBecomesConcreteStatements) {
  module_->walk([&](Indexed op) {
    if (!derive::hasProgram(op)) return;
    auto statements = derive::concreteStatements(op);
    ASSERT_TRUE(statements.ok()) << statements.error().text();
    std::vector<std::string> names = op.operandNames();
    std::set<std::string> defined(names.begin(), names.end());
    for (const index::Statement &statement : *statements) {
      EXPECT_EQ(statement.signature().find('*'), std::string::npos);
      for (const std::string &name : statement.inputNames)
        EXPECT_TRUE(defined.count(name)) << name << " in " << index::print(statement);
      defined.insert(statement.name);
    }
    for (const std::string &name : derive::resultNames(op)) EXPECT_TRUE(defined.count(name)) << name;
  });
}

TEST_F(Ops, DocumentationIsFresh) { EXPECT_EQ(std::system(LLC_SOURCE_DIR "/tools/generate/op_docs --check"), 0); }

// Texts survive printing and parsing.
TEST_F(Ops, RoundTripThroughText) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module_->print(stream);
  auto again = bench_.parse(text);
  ASSERT_TRUE(again) << bench_.takeMessages();
  std::string twice;
  llvm::raw_string_ostream second(twice);
  again->print(second);
  EXPECT_EQ(text, twice);
}

}  // namespace
}  // namespace llc::llm::test
