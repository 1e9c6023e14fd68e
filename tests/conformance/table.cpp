#include "tests/conformance/table.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "compiler/pipelines/pipeline.h"
#include "dialect/ops/llm.h"
#include "dialect/reference/interpreter.h"
#include "mlir/Parser/Parser.h"

namespace llc::conformance {
namespace {
using namespace mlir;
using nlohmann::json;

[[noreturn]] void wrong(const std::string &where, const std::string &what) {
  std::fprintf(stderr, "tests/conformance/tables: %s: %s\n", where.c_str(), what.c_str());
  std::exit(2);
}

// The functions of cases.mlir, and the parameter that one of them reads.
ModuleOp goldenModule() {
  static OwningOpRef<ModuleOp> module = parse(readFile("tests/dialect/ops/cases.mlir"), "cases.mlir");
  return *module;
}
constexpr const char *goldenParameter = "table.weight";

std::vector<std::string> split(const std::string &shape) {
  llvm::SmallVector<llvm::StringRef> parts;
  llvm::StringRef(shape).split(parts, 'x');
  return {parts.begin(), parts.end()};
}

// "?x4xf32" is short for tensor<?x4xf32>; types of the dialect stand as they are.
std::string typeText(const json &type) {
  std::string text = type;
  return text.starts_with("!") ? text : "tensor<" + text + ">";
}

std::string joined(const json &types) {
  std::string text;
  for (const json &type : types) text += (text.empty() ? "" : ", ") + typeText(type);
  return text;
}

// Keys %b and values %c appended to the cache of a layer, then the attention of %a over it; %d, %e: batch, positions.
std::string pagedText(const json &row) {
  const json &types = row["types"];
  std::vector<std::string> key = split(types[1]), value = split(types[2]);
  std::string cache =
      "!llm.kv<" + key[1] + ", " + key[2] + ", " + value[2] + ", " + row["paged"].get<std::string>() + ">";
  std::string extra, result = joined(row["results"]);
  for (size_t i = 5; i < types.size(); ++i) extra += ", " + typeText(types[i]);
  return "%kv = llm.cache_layer {layer = " + std::to_string(row["layer"].get<int>()) + " : i64} : " + cache +
         "\n%n = llm.cache_append %kv, %b, %c, %d : (" + cache + ", " + typeText(types[1]) + ", " + typeText(types[2]) +
         ", !llm.batch) -> " + cache + "\n%y = llm.paged_attention %a, %n, %d, %e " + row["op"].get<std::string>() +
         " : (" + typeText(types[0]) + ", " + cache + ", !llm.batch, " + typeText(types[4]) + extra + ") -> " + result +
         "\nreturn %y : " + result;
}

// The function of a row that writes its op down itself.
std::string functionText(const json &row) {
  std::string text = "func.func @\"" + row["name"].get<std::string>() + "\"(";
  char letter = 'a';
  for (const json &type : row["types"]) {
    text += std::string(letter == 'a' ? "%" : ", %") + letter + ": " + typeText(type);
    ++letter;
  }
  std::string results = joined(row["results"]);
  text += ") -> (" + results + ") {\n";
  if (row.contains("paged")) return text + pagedText(row) + "\n}";
  size_t count = row["results"].size();
  text += "%r:" + std::to_string(count) + " = " + row["op"].get<std::string>() + " : (" + joined(row["types"]) +
          ") -> (" + results + ")\nreturn ";
  for (size_t i = 0; i < count; ++i) text += (i ? ", %r#" : "%r#") + std::to_string(i);
  return text + " : " + results + "\n}";
}

std::string goldenName(const Case &test) { return test.row.value("golden", test.name); }

// The golden's function with every `?` replaced by the size that the golden's first dynamic input has.
std::string fixedText(const Case &test, func::FuncOp function) {
  std::string text, size;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    if (auto tensor = dyn_cast<RankedTensorType>(type); tensor && size.empty())
      for (int64_t d = 0; d < tensor.getRank(); ++d)
        if (tensor.isDynamicDim(d))
          size = std::to_string(goldens()[goldenName(test)]["inputs"][i]["shape"][d].get<int64_t>());
  llvm::raw_string_ostream stream(text);
  function.print(stream);
  for (size_t at; (at = text.find('?')) != std::string::npos;) text.replace(at, 1, size);
  return text;
}

void readFunction(Case &test) {
  if (test.row.contains("types")) {
    test.module = parse(functionText(test.row), test.name);
    return;
  }
  auto function = goldenModule().lookupSymbol<func::FuncOp>(goldenName(test));
  if (!function) wrong(test.name, "cases.mlir has no such function, and the row has no \"types\"");
  if (test.row.value("fixed", false)) {
    test.module = parse(fixedText(test, function), test.name);
  } else {
    test.module = ModuleOp::create(UnknownLoc::get(&context()));
    test.module->push_back(function.clone());
  }
  test.module->walk([&](func::FuncOp copy) { copy.setName(test.name); });
  test.module->walk([&](llm::UseOp) {
    test.module->insert(test.module->begin(), goldenModule().lookupSymbol(goldenParameter)->clone());
    llm::Tensor table({3, 4});
    double value = 0;
    for (double &item : table.mutableValues()) item = value++ / 8;
    test.parameters[goldenParameter] = table;
  });
}

std::set<unsigned> numbers(const json &row, const char *key) {
  return row.contains(key) ? row[key].get<std::set<unsigned>>() : std::set<unsigned>();
}

// Names the dynamic dimensions and finds their sizes.
void nameDimensions(Case &test) {
  std::set<unsigned> rows = numbers(test.row, "rows");
  func::FuncOp function = test.function();
  test.tokens = test.row.value("tokens", 7), test.wanted = test.row.value("wanted", 3);
  if (test.row.contains("batch")) {
    test.tokens = 0;
    for (const json &fresh : test.row["batch"]) test.tokens += fresh.get<int64_t>();
  }
  bool golden = !test.row.contains("types");
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto type = dyn_cast<RankedTensorType>(function.getArgument(i).getType());
    if (!type || type.hasStaticShape() || !type.isDynamicDim(0)) {
      if (golden && isa<llm::BatchType>(function.getArgument(i).getType()))
        test.tokens = int64_t(goldens()[goldenName(test)]["inputs"][i]["batch"]["positions"].size());
      continue;
    }
    int64_t &size = rows.count(i) ? test.wanted : test.tokens;
    if (golden) size = goldens()[goldenName(test)]["inputs"][i]["shape"][0].get<int64_t>();
    function.setArgAttr(i, "llm.dim", StringAttr::get(&context(), rows.count(i) ? "rows" : "tokens"));
  }
}

std::shared_ptr<const llm::Batch> batchOf(const json &fresh) {
  auto batch = std::make_shared<llm::Batch>();
  int64_t sequence = 0;
  for (const json &count : fresh) {
    for (int64_t i = 0; i < count.get<int64_t>(); ++i) {
      batch->positions.push_back(i);
      batch->sequenceOf.push_back(sequence);
      batch->sequenceLengths.push_back(count.get<int64_t>());
    }
    ++sequence;
  }
  return batch;
}

llm::Datum randomInput(Case &test, unsigned argument, std::mt19937 &random) {
  auto type = cast<RankedTensorType>(test.function().getArgument(argument).getType());
  llm::Shape shape(type.getShape().begin(), type.getShape().end());
  for (int64_t &size : shape)
    if (size == ShapedType::kDynamic) size = numbers(test.row, "rows").count(argument) ? test.wanted : test.tokens;
  llm::Tensor tensor(shape);
  if (test.row.value("positions", -1) == int(argument)) {
    auto batch = batchOf(test.row["batch"]);
    std::copy(batch->positions.begin(), batch->positions.end(), tensor.mutableValues().begin());
    return tensor;
  }
  json range = test.row.value("range", json::array({-1.5, 1.5}));
  if (test.row.contains("ranges")) range = test.row["ranges"].value(std::to_string(argument), range);
  bool whole = type.getElementType().isInteger();
  std::uniform_real_distribution<double> real(range[0].get<double>(), range[1].get<double>());
  std::uniform_int_distribution<int64_t> integer(range[0].get<int64_t>(), range[1].get<int64_t>());
  for (double &value : tensor.mutableValues()) value = whole ? double(integer(random)) : real(random);
  return llm::roundedTo(type.getElementType(), tensor);
}

llm::Tensor goldenTensor(const json &entry) {
  return llm::Tensor(entry["shape"].get<llm::Shape>(), entry["values"].get<std::vector<double>>());
}

void readGoldenValues(Case &test) {
  const json &golden = goldens()[goldenName(test)];
  if (golden.is_null()) wrong(test.name, "ops.json has no such golden: run tests/golden/make_op_goldens.py");
  for (const json &entry : golden["inputs"]) {
    if (!entry.contains("batch")) {
      test.inputs.push_back(goldenTensor(entry));
      continue;
    }
    auto batch = std::make_shared<llm::Batch>();
    batch->positions = entry["batch"]["positions"].get<std::vector<int64_t>>();
    batch->sequenceOf = entry["batch"]["sequence_of"].get<std::vector<int64_t>>();
    batch->sequenceLengths = entry["batch"]["sequence_lengths"].get<std::vector<int64_t>>();
    test.inputs.push_back(std::shared_ptr<const llm::Batch>(batch));
  }
  for (const json &entry : golden["results"]) test.expected.push_back(goldenTensor(entry));
}

void inventValues(Case &test) {
  std::mt19937 random(unsigned(std::hash<std::string>()(test.name)));
  func::FuncOp function = test.function();
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    if (isa<llm::BatchType>(function.getArgument(i).getType()))
      test.inputs.push_back(batchOf(test.row["batch"]));
    else
      test.inputs.push_back(randomInput(test, i, random));
  }
  llm::Environment environment;
  auto results = llm::interpret(*test.module, test.name, test.inputs, environment);
  if (failed(results)) wrong(test.name, "the interpreter fails");
  for (llm::Datum &datum : *results) test.expected.push_back(datum.tensor);
}

// Arguments that the row calls parameters become llm.parameter and llm.use.
void makeParameters(Case &test) {
  func::FuncOp function = test.function();
  OpBuilder builder(&context());
  std::set<unsigned> chosen = numbers(test.row, "parameters");
  for (auto argument = chosen.rbegin(); argument != chosen.rend(); ++argument) {
    BlockArgument value = function.getArgument(*argument);
    std::string name = test.name + ".weight" + std::to_string(*argument);
    builder.setInsertionPointToStart(test.module->getBody());
    builder.create<llm::ParameterOp>(function.getLoc(), name, cast<RankedTensorType>(value.getType()));
    builder.setInsertionPointToStart(&function.front());
    value.replaceAllUsesWith(
        builder.create<llm::UseOp>(function.getLoc(), value.getType(), llvm::StringRef(name)).getResult());
    function.eraseArgument(*argument);
    test.parameters[name] = test.inputs[*argument].tensor;
    test.inputs.erase(test.inputs.begin() + *argument);
  }
}

std::string filled(std::string text, const std::string &with) {
  for (size_t at; (at = text.find('$')) != std::string::npos;) text.replace(at, 1, with);
  return text;
}

std::vector<json> rowsOf(const json &row) {
  if (row.is_string()) return {json{{"name", row}}};
  if (!row.contains("each")) return {row};
  std::vector<json> rows;
  for (const json &name : row["each"]) {
    json copy = row;
    copy.erase("each");
    for (const char *key : {"name", "op"}) copy[key] = filled(row[key].get<std::string>(), name.get<std::string>());
    rows.push_back(std::move(copy));
  }
  return rows;
}

std::unique_ptr<Case> readCase(const Family &family, json row, double tolerance) {
  auto test = std::make_unique<Case>();
  test->family = family.name, test->name = row["name"];
  if (!row.contains("tolerance")) row["tolerance"] = tolerance;
  test->row = std::move(row);
  readFunction(*test);
  nameDimensions(*test);
  if (test->row.contains("types"))
    inventValues(*test);
  else
    readGoldenValues(*test);
  makeParameters(*test);
  return test;
}

std::vector<Family> readFamilies() {
  std::vector<Family> list;
  std::set<std::string> names;
  for (auto &file : std::filesystem::directory_iterator(LLC_SOURCE_DIR "/tests/conformance/tables")) {
    std::string path = "tests/conformance/tables/" + file.path().filename().string();
    json table = json::parse(readFile(path), nullptr, /*allow_exceptions=*/false, /*ignore_comments=*/true);
    if (table.is_discarded()) wrong(path, "is not JSON");
    Family family{file.path().stem().string(), table["about"], {}};
    for (const json &entry : table["cases"])
      for (json &row : rowsOf(entry)) {
        if (!names.insert(row["name"]).second) wrong(path, "two cases are called " + row["name"].get<std::string>());
        family.cases.push_back(readCase(family, row, table["tolerance"]));
      }
    list.push_back(std::move(family));
  }
  std::sort(list.begin(), list.end(), [](const Family &a, const Family &b) { return a.name < b.name; });
  return list;
}
}  // namespace

func::FuncOp Case::function() { return module->lookupSymbol<func::FuncOp>(name); }

std::vector<std::string> Case::ops() {
  std::set<std::string> found;
  module->walk([&](Operation *op) {
    if (op->getName().getDialectNamespace() == "llm") found.insert(op->getName().stripDialect().str());
  });
  return {found.begin(), found.end()};
}

MLIRContext &context() {
  static std::unique_ptr<MLIRContext> made = compiler::makeContext();
  return *made;
}

const json &goldens() {
  static const json values = json::parse(readFile("tests/golden/dialect/ops.json"));
  return values;
}

std::string readFile(const std::string &pathInProject) {
  std::ifstream stream(std::string(LLC_SOURCE_DIR) + "/" + pathInProject);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

OwningOpRef<ModuleOp> parse(const std::string &text, const std::string &what) {
  auto module = parseSourceString<ModuleOp>(text, ParserConfig(&context()), what);
  if (!module) wrong(what, "does not parse:\n" + text);
  return module;
}

const std::vector<Family> &families() {
  static const std::vector<Family> list = readFamilies();
  return list;
}

OwningOpRef<ModuleOp> moduleOf(const std::vector<Case *> &cases) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context()));
  Builder builder(&context());
  (*module)->setAttr("llm.model", builder.getStringAttr("conformance"));
  for (const char *bound : {"llm.max_tokens", "llm.max_rows", "llm.max_context", "llm.vocabulary", "llm.hidden"})
    (*module)->setAttr(bound, builder.getI64IntegerAttr(128));
  for (Case *test : cases)
    for (Operation &op : test->module->getBody()->getOperations()) module->push_back(op.clone());
  return module;
}

}  // namespace llc::conformance
