#include "compiler/aot/module_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/jit/object.h"
#include "compiler/targets/target.h"

namespace llc::compiler {
namespace {
// Writes the table as text of the llvm dialect: the shortest way to say constant data with addresses in it.
class TableText {
 public:
  std::string string(std::string_view value) {
    std::string name = fmt::format("llc_text_{}", strings_++);
    text_ += fmt::format("llvm.mlir.global internal constant @{}(\"{}\\00\") {{addr_space = 0 : i32}}\n", name, value);
    return name;
  }
  void declare(const std::string &function) { text_ += fmt::format("llvm.func @\"{}\"()\n", function); }
  // A constant array of structs; each field is the name of a symbol, "" for null, or "#N" for the integer N.
  void array(const std::string &name, std::string_view linkage, const std::vector<std::vector<std::string>> &rows) {
    std::string fields;
    for (const std::string &field : rows.front())
      fields += (fields.empty() ? "" : ", ") + std::string(isInteger(field) ? "i64" : "ptr");
    std::string row = fmt::format("!llvm.struct<({})>", fields);
    std::string whole = fmt::format("!llvm.array<{} x struct<({})>>", rows.size(), fields);
    text_ += fmt::format("llvm.mlir.global {} constant @\"{}\"() {{addr_space = 0 : i32}} : {} {{\n", linkage, name, whole);
    std::string array = value(fmt::format("llvm.mlir.undef : {}", whole));
    for (size_t i = 0; i < rows.size(); ++i) {
      std::string element = value(fmt::format("llvm.mlir.undef : {}", row));
      for (size_t k = 0; k < rows[i].size(); ++k)
        element = value(fmt::format("llvm.insertvalue {}, {}[{}] : {}", field(rows[i][k]), element, k, row));
      array = value(fmt::format("llvm.insertvalue {}, {}[{}] : {}", element, array, i, whole));
    }
    text_ += fmt::format("  llvm.return {} : {}\n}}\n", array, whole);
  }
  const std::string &text() const { return text_; }

 private:
  static bool isInteger(const std::string &field) { return !field.empty() && field[0] == '#'; }
  std::string field(const std::string &field) {
    if (field.empty()) return value("llvm.mlir.zero : !llvm.ptr");
    if (isInteger(field)) return value(fmt::format("llvm.mlir.constant({} : i64) : i64", field.substr(1)));
    return value(fmt::format("llvm.mlir.addressof @\"{}\" : !llvm.ptr", field));
  }
  std::string value(const std::string &definition) {
    std::string name = fmt::format("%v{}", values_++);
    text_ += fmt::format("  {} = {}\n", name, definition);
    return name;
  }
  std::string text_;
  int strings_ = 0, values_ = 0;
};

std::string tableText(const CompiledModule &module, const std::vector<std::string> &entries) {
  TableText table;
  std::vector<std::vector<std::string>> modules;
  // Levels are ordered lowest first in the compile; the runtime takes the first row that fits.
  for (auto object = module.objects.rbegin(); object != module.objects.rend(); ++object) {
    std::vector<std::vector<std::string>> rows;
    for (const std::string &entry : entries) {
      std::string symbol = entry + "." + object->target;
      table.declare(symbol);
      rows.push_back({table.string(entry), symbol});
    }
    rows.push_back({"", ""});
    std::string name = "llc_entries_" + object->target;
    table.array(name, "internal", rows);
    modules.push_back(
        {table.string(object->target), table.string(object->features), name, fmt::format("#{}", LLC_ABI_VERSION)});
  }
  modules.push_back({"", "", "", "#0"});
  table.array(LLC_MODULES_SYMBOL, "external", modules);
  return table.text();
}
}  // namespace

Result<Architecture> architectureOf(const CompiledModule &module) {
  assert(!module.objects.empty() && "the module was compiled up to the phase object");
  LLC_ASSIGN(IsaLevel level, parseIsa(module.objects.front().target));
  return llc::architectureOf(level);
}

Result<std::string> emitModuleTable(const CompiledModule &module, const std::vector<std::string> &entries) {
  auto context = makeContext();
  auto parsed = mlir::parseSourceString<mlir::ModuleOp>(tableText(module, entries), context.get());
  if (!parsed)
    return diagnose(ErrorKind::internal, "module table").says("its text does not parse").toFix("please report this");
  LLC_ASSIGN(Architecture architecture, architectureOf(module));
  LLC_ASSIGN(std::vector<char> bytes, emitObject(*parsed, targetOf(lowestLevel(architecture)), {}));
  return std::string(bytes.begin(), bytes.end());
}

}  // namespace llc::compiler
