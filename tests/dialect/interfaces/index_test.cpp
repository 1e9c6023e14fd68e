// The index notation: parsing, printing, shapes, evaluation, adjoints, and that errors are errors.
#include "dialect/interfaces/index.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

namespace llc::index {
namespace {

std::string errorOf(const auto &result) { return result.ok() ? "no error" : result.error().text(); }
Tensor ramp(Shape shape, double start = 0) {
  Tensor tensor(std::move(shape));
  for (double &value : tensor.mutableValues()) value = start++;
  return tensor;
}
Tensor evaluated(std::string_view signature, std::string_view body, std::string_view combiner,
                 std::vector<Tensor> operands, const Shape *result = nullptr) {
  auto statement = makeStatement(signature, body, combiner);
  EXPECT_TRUE(statement.ok()) << errorOf(statement);
  std::vector<Shape> shapes;
  for (const Tensor &operand : operands) shapes.push_back(operand.shape());
  auto concrete = instantiate(*statement, shapes);
  EXPECT_TRUE(concrete.ok()) << errorOf(concrete);
  auto value = evaluate(*concrete, operands, result);
  EXPECT_TRUE(value.ok()) << errorOf(value);
  return value.ok() ? *value : Tensor();
}
std::vector<double> valuesOf(const Tensor &tensor) { return {tensor.values().begin(), tensor.values().end()}; }

TEST(Expression, PrintsWhatParsesBack) {
  for (const char *text : {"a-(b-c)", "a-b-c", "a/(b*c)", "-(a+b)*c", "a*-3", "select(ge(@i,@j),a,-inf)", "1e-06+a",
                           "#i*%eps", "0.7978845608028654*(a+0.044715*a*a*a)", "x26+z", "-(-a-b)", "max(a,0)/2"}) {
    auto expr = parseExpr(text);
    ASSERT_TRUE(expr.ok()) << errorOf(expr);
    auto again = parseExpr(print(*expr));
    ASSERT_TRUE(again.ok()) << text << " printed " << print(*expr);
    EXPECT_TRUE(same(*expr, *again)) << text << " printed " << print(*expr);
  }
}

TEST(Expression, Simplifies) {
  auto printed = [](const char *text) { return print(*parseExpr(text)); };
  EXPECT_EQ(printed("a*1+0"), "a");
  EXPECT_EQ(printed("0*exp(a)"), "0");
  EXPECT_EQ(printed("--a"), "a");
  EXPECT_EQ(printed("b*(1/a)"), "b/a");
  EXPECT_EQ(printed("2*3+sqrt(4)"), "8");
}

TEST(Expression, RefusesBadText) {
  EXPECT_NE(errorOf(parseExpr("tahn(a)")).find("did you mean"), std::string::npos) << errorOf(parseExpr("tahn(a)"));
  EXPECT_NE(errorOf(parseExpr("a+")).find("expected an expression"), std::string::npos);
  EXPECT_NE(errorOf(parseExpr("exp(a,b)")).find("2 arguments"), std::string::npos);
  EXPECT_NE(errorOf(parseExpr("foo")).find("operands are a, b"), std::string::npos);
  EXPECT_NE(errorOf(parseExpr(std::string(10000, '('))).find("nested too deeply"), std::string::npos);
  EXPECT_NE(errorOf(parseExpr("a b")).find("text follows"), std::string::npos);
}

// ---- the scalar table against central differences; and that a wrong partial would be seen
double valueAt(const ExprPtr &expr, const double *operands) {
  if (expr->kind == Expr::Number) return expr->number;
  if (expr->kind == Expr::Operand) return operands[expr->operand];
  double arguments[3] = {};
  for (size_t i = 0; i < expr->arguments.size(); ++i) arguments[i] = valueAt(expr->arguments[i], operands);
  return expr->function->evaluate(arguments);
}
double partialError(const ScalarFunction &function, int which, const char *partial) {
  double worst = 0;
  for (double base : {0.3, 0.9, 1.7}) {
    double x[3] = {base, base + 0.45, base - 0.2}, above[3], below[3];
    std::copy(x, x + 3, above), std::copy(x, x + 3, below);
    above[which] += 1e-6, below[which] -= 1e-6;
    double numerical = (function.evaluate(above) - function.evaluate(below)) / 2e-6;
    worst = std::max(worst, std::fabs(numerical - (partial ? valueAt(*parseExpr(partial), x) : 0)));
  }
  return worst;
}
TEST(ScalarTable, PartialsAgreeWithCentralDifferences) {
  for (const ScalarFunction &function : scalarTable())
    for (int i = 0; i < function.arity; ++i)
      if (function.name != "stop")
        EXPECT_LT(partialError(function, i, function.partials[i]), 1e-7) << function.name << " operand " << i;
}
// Values of torch.float8_e4m3fn; in the second column the scale is another power of two.
TEST(ScalarTable, EightBitFloats) {
  auto e4m3 = [](double a, double b) {
    double operands[] = {a, b};
    return findScalar("e4m3")->evaluate(operands);
  };
  for (auto [value, expected] : {std::pair(448.0, 448.0),
                                 {17, 16},
                                 {19, 20},
                                 {-0.3, -0.3125},
                                 {1e-3, 0.001953125},
                                 {0.0009, 0},
                                 {0.0156, 0.015625},
                                 {0.0137, 0.013671875},
                                 {240.1, 240},
                                 {0, 0}}) {
    EXPECT_EQ(e4m3(value, 448), expected) << value;
    EXPECT_EQ(e4m3(value * 0x1p-20, -448 * 0x1p-20), expected * 0x1p-20) << value;
  }
  EXPECT_EQ(e4m3(448, 449), 448);  // the scale is that of 449
  EXPECT_EQ(e4m3(0.0156, 449), 0.015625);
  EXPECT_EQ(e4m3(1e-3, 449), 0);
  EXPECT_TRUE(std::isnan(e4m3(NAN, 1)));
  EXPECT_EQ(e4m3(0.3, INFINITY), 0.3);
}
// Halfway between two numbers of bf16: the even one.
TEST(ScalarTable, RoundingToBf16) {
  auto bf16 = [](double a) { return findScalar("bf16")->evaluate(&a); };
  for (auto [value, expected] : {std::pair(1.0, 1.0),
                                 {1 + 0x1p-8, 1},
                                 {1 + 0x3p-8, 1 + 0x1p-6},
                                 {-(1 + 0x1.1p-8), -(1 + 0x1p-7)},
                                 {0x1.fefp-130, 0x1.00p-129},
                                 {0, 0}})
    EXPECT_EQ(bf16(value), expected) << value;
  EXPECT_TRUE(std::isnan(bf16(NAN)));
  EXPECT_EQ(bf16(-INFINITY), -INFINITY);
  EXPECT_EQ(bf16(3.4e38), INFINITY);
}
// Against the published algorithm (tests/golden/make_dynamic_map_goldens.py).
TEST(ScalarTable, DynamicQuantization) {
  std::ifstream file(LLC_SOURCE_DIR "/tests/golden/dynamic_map.json");
  const nlohmann::json goldens = nlohmann::json::parse(file);
  for (const auto &[signs, golden] : goldens.items()) {
    SCOPED_TRACE(signs);
    auto named = [suffix = signs == "positive" ? "_positive" : ""](const char *stem, double x) {
      return findScalar(std::string(stem) + suffix)->evaluate(&x);
    };
    std::vector<double> numbers = golden["numbers"], block = golden["block"];
    for (size_t code = 0; code < numbers.size(); ++code) {
      EXPECT_NEAR(named("dynamic_value", double(code)), numbers[code], 1e-12 * std::fabs(numbers[code])) << code;
      EXPECT_EQ(named("dynamic_code", numbers[code]), double(code));
    }
    std::vector<double> codes = golden["codes"];
    for (size_t i = 0; i < block.size(); ++i)
      EXPECT_EQ(named("dynamic_code", block[i] / golden["scale"].get<double>()), codes[i]) << block[i];
  }
}
// Every bit of every operand counts; rounding is right in the mean, and exact for what needs none.
TEST(ScalarTable, RandomNumbers) {
  auto random = [](double a, double b, double c) {
    double operands[] = {a, b, c};
    return findScalar("random")->evaluate(operands);
  };
  auto rounded = [](double a, double b) {
    double operands[] = {a, b};
    return findScalar("stochastic_bf16")->evaluate(operands);
  };
  constexpr int count = 4096;
  for (int which = 0; which < 3; ++which) {
    double sum = 0, squares = 0, product = 0, last = 0, of = 0;
    for (int i = 0; i < count; ++i) {
      double operands[] = {7, 11, 13};
      operands[which] = i;
      double u = random(operands[0], operands[1], operands[2]);
      ASSERT_TRUE(u >= 0 && u < 1);
      sum += u, squares += u * u, product += u * last, last = u;
      of += rounded(-1.0 - 0x1p-9, u);  // a quarter of the way from -1 to the next, -1 - 2^-7
    }
    EXPECT_NEAR(sum / count, 0.5, 0.02) << which;
    EXPECT_NEAR(squares / count, 1.0 / 3, 0.02) << which;
    EXPECT_NEAR(product / count, 0.25, 0.02) << which;
    EXPECT_NEAR((of / count + 1) * -0x1p7, 0.25, 0.03) << which;
  }
  EXPECT_NE(random(1, 2, 3), random(2, 1, 3));
  EXPECT_EQ(rounded(1.5, 0.999999), 1.5);
  EXPECT_EQ(rounded(-0.0, 0.999999), 0);
  EXPECT_EQ(rounded(1 + 0x1p-8, 0.4999), 1);
  EXPECT_EQ(rounded(1 + 0x1p-8, 0.5), 1 + 0x1p-7);
  EXPECT_EQ(rounded(INFINITY, 0.9), INFINITY);
}
TEST(ScalarTable, AWrongPartialIsSeen) {
  EXPECT_GT(partialError(*findScalar("div"), 1, "(a/b)/b"), 0.1);
  EXPECT_GT(partialError(*findScalar("mul"), 0, "a"), 0.1);
  EXPECT_GT(partialError(*findScalar("tanh"), 0, "1-tanh(a)"), 0.1);
}

// Texts come from files: whatever they say, parsing returns.
TEST(Parser, SurvivesMutatedTexts) {
  const std::string alphabet = "abik*1(){}[]+-/@#%,;=>. 0sumexp";
  const std::string seeds[] = {"b(2i+k)d,kdc->bic", "{1}d,n->nd",
                               "q[*] = sum[i] x[*i]*x[*i]/#i; y[*i] = x[*i]*rsqrt(q[*]+%eps)",
                               "select(ge(@i,@j),a*1e-3,-inf)"};
  uint32_t state = 7;
  auto next = [&](size_t bound) { return (state = state * 1664525u + 1013904223u) / 65536 % bound; };
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = seeds[next(4)];
    for (size_t edits = next(4); edits-- > 0;) text[next(text.size())] = alphabet[next(alphabet.size())];
    if (auto expr = parseExpr(text); expr.ok()) EXPECT_TRUE(parseExpr(print(*expr)).ok()) << text;
    accepted += parse(text).ok() + makeStatement(text, "a", "sum").ok();
  }
  EXPECT_GT(accepted, 100);
}

TEST(IndexString, Forms) {
  auto items = dimensions("b(2i+k-1){12}1*");
  ASSERT_EQ(items.size(), 5u);
  EXPECT_EQ(items[1].offset, -1);
  EXPECT_EQ(items[1].terms, (std::vector<std::pair<char, int64_t>>{{'i', 2}, {'k', 1}}));
  EXPECT_EQ(items[2].indirect, 12);
  EXPECT_EQ(renumber("a{12}b{3}", [](int k) { return k + 1; }), "a{13}b{4}");
}

TEST(Statement, RefusesBadSignatures) {
  EXPECT_NE(errorOf(makeStatement("ij", "a", "")).find("needs ->"), std::string::npos);
  EXPECT_NE(errorOf(makeStatement("ii->i", "a", "")).find("appears twice"), std::string::npos);
  EXPECT_NE(errorOf(makeStatement("i->i", "b", "")).find("operand 1 does not exist"), std::string::npos);
  EXPECT_NE(errorOf(makeStatement("i->i", "@k", "")).find("unknown index k"), std::string::npos);
  EXPECT_NE(errorOf(makeStatement("i->", "a", "")).find("missing in the result"), std::string::npos);
  EXPECT_NE(errorOf(makeStatement("i->", "a", "mean")).find("unknown combiner"), std::string::npos);
  EXPECT_NE(errorOf(makeStatement("i{4->i", "a", "")).find("expected {operand number}"), std::string::npos);
  EXPECT_NE(errorOf(makeStatement("{7}d,n->nd", "a", "")).find("there is no operand 7"), std::string::npos);
  EXPECT_NE(errorOf(makeStatement("nd,n->{1}d", "a", "")).find("accumulates"), std::string::npos);
  EXPECT_NE(errorOf(makeStatement("(i+k->i", "a", "sum")).find("not closed"), std::string::npos);
}

TEST(Program, ParsesStatementsAndChecksReducedLetters) {
  auto program = parse("q[*] = sum[i] x[*i]*x[*i]/#i; y[*i] = x[*i]*rsqrt(q[*]+%eps)");
  ASSERT_TRUE(program.ok()) << errorOf(program);
  ASSERT_EQ(program->statements.size(), 2u);
  EXPECT_EQ(program->statements[0].inputs.size(), 1u);  // the same read counts once
  EXPECT_EQ(program->statements[1].inputNames, (std::vector<std::string>{"x", "q"}));
  EXPECT_NE(errorOf(parse("q[] = sum[j] x[i]")).find("the reduced indices are [i]"), std::string::npos);
  EXPECT_NE(errorOf(parse("q[] = x[i]")).find("is missing in the result"), std::string::npos);
  EXPECT_TRUE(parse("y[a] = sum[cb] x[abc]").ok());
}

TEST(Shapes, BatchDimensionsAlignAndStretch) {
  auto statement = makeStatement("*,*->*", "a+b", "");
  std::vector<Shape> shapes = {{2, 1, 3}, {4, 1}};
  auto concrete = instantiate(*statement, shapes);
  ASSERT_TRUE(concrete.ok());
  EXPECT_EQ(*resultShape(*concrete, shapes), (Shape{2, 4, 3}));
  std::vector<Shape> dynamic = {{dynamicExtent, 3}, {3}};
  EXPECT_EQ(*resultShape(*instantiate(*statement, dynamic), dynamic), (Shape{dynamicExtent, 3}));
  std::vector<Shape> wrong = {{2, 3}, {4}};
  EXPECT_NE(errorOf(bindLetters(*instantiate(*statement, wrong), wrong)).find("is 3 in an earlier operand and 4"),
            std::string::npos);
}

TEST(Shapes, AffineExtents) {
  auto conv = makeStatement("b(2i+k)d,kdc->bic", "a*b", "sum");
  std::vector<Shape> shapes = {{1, 9, 4}, {3, 4, 5}};
  EXPECT_EQ(*resultShape(*conv, shapes), (Shape{1, 4, 5}));
  auto causal = makeStatement("(t-k)d,kd->td", "a*b", "sum");
  std::vector<Shape> rows = {{6, 4}, {3, 4}};
  EXPECT_EQ(*resultShape(*causal, rows), (Shape{6, 4}));
}

TEST(Evaluate, ContractionsByTheMatrixPathAndByTheGeneralOneAgree) {
  Tensor x = ramp({2, 3, 4}), w = ramp({5, 4, 2}, -3);
  for (const char *signature : {"bmk,nkb->mnb", "bmk,nkb->bnm", "bmk,nkb->mn"}) {
    Tensor fast = evaluated(signature, "a*b", "sum", {x, w}),
           general = evaluated(signature, "a*b+0*#k*a", "sum", {x, w});
    general = evaluated(signature, "(a+0)*b*select(1,1,a)", "sum", {x, w});
    Tensor slow = evaluated(signature, "max(a*b,a*b)", "sum", {x, w});
    EXPECT_EQ(valuesOf(fast), valuesOf(slow)) << signature;
    EXPECT_EQ(fast.shape(), slow.shape());
    EXPECT_EQ(valuesOf(general), valuesOf(slow));
  }
}

TEST(Evaluate, LongRowsCrossBlocks) {
  Tensor x = ramp({2, 1000});
  EXPECT_EQ(valuesOf(evaluated("ti->t", "a", "sum", {x})), (std::vector<double>{499500, 1499500}));
  EXPECT_EQ(valuesOf(evaluated("ti->t", "a*eq(@i,999)", "max", {x})), (std::vector<double>{999, 1999}));
  EXPECT_EQ(evaluated("ti->it", "a", "", {x}).values()[2 * 700 + 1], 1700);
}

TEST(Evaluate, IndirectReadsScattersAndOutOfRange) {
  Tensor table = ramp({3, 2}), ids({4}, {2, 0, -1, 3});
  EXPECT_EQ(valuesOf(evaluated("{1}d,n->nd", "a", "", {table, ids})), (std::vector<double>{4, 5, 0, 1, 0, 0, 0, 0}));
  Shape shape = {3};
  EXPECT_EQ(valuesOf(evaluated("n,n->{1}", "a", "sum", {Tensor({4}, {1, 2, 4, 8}), ids}, &shape)),
            (std::vector<double>{2, 0, 1}));
  Shape padded = {5};
  EXPECT_EQ(valuesOf(evaluated("(i-1)->i", "a", "", {ramp({3}, 1)}, &padded)), (std::vector<double>{0, 1, 2, 3, 0}));
}

TEST(Evaluate, ManyOperandsKeepTheirNumbers) {
  std::vector<Tensor> operands;
  std::string signature, body;
  for (int i = 0; i < 30; ++i) {
    operands.push_back(Tensor({1}, std::vector<double>{double(i)}));
    signature += (i ? ",i" : "i");
    body += (i ? "+" : "") + print(operand(i)) + "*" + std::to_string(i);
  }
  EXPECT_EQ(evaluated(signature + "->i", body, "", operands).values()[0], 8555);  // sum of squares below 30
  std::vector<Tensor> indirect(12, Tensor({1}, std::vector<double>{0.0}));
  indirect[0] = ramp({4}, 10);
  indirect[11] = Tensor({2}, {3, 1});
  EXPECT_EQ(valuesOf(evaluated("{11},i,i,i,i,i,i,i,i,i,i,n->n", "a", "max", indirect)), (std::vector<double>{13, 11}));
}

TEST(Evaluate, EmptyExtents) {
  EXPECT_EQ(valuesOf(evaluated("ti->t", "a", "sum", {Tensor({2, 0})})), (std::vector<double>{0, 0}));
  EXPECT_EQ(evaluated("ti->ti", "a", "", {Tensor({0, 3})}).size(), 0);
}

TEST(Evaluate, HostileShapesAreRefused) {
  Shape huge = {int64_t{1} << 40, int64_t{1} << 40};
  auto value = evaluate(*makeStatement("->ij", "1", ""), {}, &huge);
  EXPECT_NE(errorOf(value).find("too large"), std::string::npos);
}

TEST(AdjointOf, ContractionsStayContractions) {
  auto statement = makeStatement("mk,kn->mn", "a*b", "sum");
  auto left = adjointOf(*statement, 0), right = adjointOf(*statement, 1);
  EXPECT_EQ(left->statement.signature(), "mn,kn->mk");
  EXPECT_EQ(print(left->statement.body), "a*b");
  EXPECT_EQ(left->used, (std::vector<int>{3, 1}));
  EXPECT_EQ(right->statement.signature(), "mn,mk->kn");
}

TEST(AdjointOf, KeepsOperandsThatGiveAShape) {
  auto adjoint = adjointOf(*makeStatement("ij->i", "a", "sum"), 0);  // dx[ij] = dy[i]: j comes from x alone
  EXPECT_EQ(adjoint->statement.signature(), "i,ij->ij");
  EXPECT_EQ(print(adjoint->statement.body), "a");
}

TEST(AdjointOf, ReusesTheResultInsteadOfComputingItAgain) {
  auto adjoint = adjointOf(*makeStatement("i->i", "exp(a)", ""), 0);
  EXPECT_EQ(print(adjoint->statement.body), "a*b");
  EXPECT_EQ(adjoint->used, (std::vector<int>{2, 1}));
}

TEST(AdjointOf, GathersBecomeScatters) {
  auto adjoint = adjointOf(*makeStatement("{1}d,n->nd", "a", ""), 0);
  EXPECT_EQ(adjoint->statement.signature(), "nd,{2}d,n->{2}d");  // the table gives the extent only
  EXPECT_EQ(adjoint->statement.combiner, "sum");
}

TEST(AdjointOf, RefusesProducts) {
  EXPECT_NE(errorOf(adjointOf(*makeStatement("i->", "a", "prod"), 0)).find("not derived"), std::string::npos);
}

}  // namespace
}  // namespace llc::index
