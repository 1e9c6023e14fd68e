#include "tests/conformance/verdicts.h"

#include <fmt/format.h>

#include <set>

#include "dialect/reference/interpreter.h"
#include "mlir/IR/Diagnostics.h"
#include "tests/conformance/program.h"

namespace llc::conformance {
namespace {
using compiler::CompiledModule;

// Levels that this machine runs, AVX-512's refinements left out: they change nothing in the code yet.
std::vector<IsaLevel> hostLevels() {
  std::vector<IsaLevel> list;
  for (IsaLevel level : {IsaLevel::generic, IsaLevel::avx2, IsaLevel::avx512, IsaLevel::amx})
    if (contains(hostCpu().level, level)) list.push_back(level);
  return list;
}

using Compiler = std::function<Result<CompiledModule>(mlir::ModuleOp)>;

// The program of a family's cases; those that the compiler refuses are left out and have their verdict.
struct FamilyProgram {
  std::vector<Verdict> verdicts;
  std::vector<Case *> cases;  // in the program
  std::unique_ptr<ParameterStore> parameters;
  std::unique_ptr<CompiledModule> compiled;
};

Verdict refusal(const Case &test, const Result<CompiledModule> &result) {
  if (result.ok() && test.refused().empty()) return {};
  if (result.ok()) return {Verdict::wrong, "compiles, but the table says that it is refused: " + test.refused()};
  std::string message = result.error().text();
  bool declared = !test.refused().empty() && message.find(test.refused()) != std::string::npos;
  return {declared ? Verdict::refused : Verdict::wrong, message};
}

FamilyProgram compileFamily(const Family &family, const Compiler &compile) {
  FamilyProgram program;
  program.verdicts.resize(family.cases.size());
  for (size_t i = 0; i < family.cases.size(); ++i) {
    Case &test = *family.cases[i];
    if (!test.refused().empty()) program.verdicts[i] = refusal(test, compile(*moduleOf({&test})));
    if (program.verdicts[i].kind == Verdict::right) program.cases.push_back(&test);
  }
  Result<CompiledModule> together = compile(*moduleOf(program.cases));
  if (!together.ok()) {  // find out which
    program.cases.clear();
    for (size_t i = 0; i < family.cases.size(); ++i) {
      Case &test = *family.cases[i];
      if (test.refused().empty()) program.verdicts[i] = refusal(test, compile(*moduleOf({&test})));
      if (program.verdicts[i].kind == Verdict::right) program.cases.push_back(&test);
    }
    together = compile(*moduleOf(program.cases));
  }
  program.parameters = std::make_unique<ParameterStore>(program.cases);
  if (together.ok())
    program.compiled = std::make_unique<CompiledModule>(std::move(*together));
  else
    for (Verdict &verdict : program.verdicts)
      verdict = {Verdict::wrong, "all cases together: " + together.error().text()};
  return program;
}

// All levels of aarch64, lowest first.
std::vector<IsaLevel> foreignLevels() {
  std::vector<IsaLevel> list = {lowestLevel(Architecture::aarch64)};
  while (nextLevel(list.back()) != list.back()) list.push_back(nextLevel(list.back()));
  return list;
}

// Code for all levels of an architecture serves several modes.
const FamilyProgram &programOf(const Family &family, const std::string &kind) {
  bool wide = kind == "wide", foreign = kind == "emulated";
  static std::map<std::pair<std::string, int>, FamilyProgram> made;
  auto [found, isNew] = made.try_emplace({family.name, wide ? 1 : foreign ? 2 : 0});
  if (isNew)
    found->second = compileFamily(family, [&](mlir::ModuleOp module) {
      return wide ? compileWideForAvx2(module) : compileFor(module, foreign ? foreignLevels() : hostLevels());
    });
  return found->second;
}

std::vector<Verdict> runForeign(const Family &family, const Mode &mode) {
  const FamilyProgram &program = programOf(family, mode.kind);
  std::vector<Verdict> verdicts = program.verdicts;
  if (!program.compiled) return verdicts;
  std::map<const Case *, std::string> messages;
  Status status = runEmulated(*program.compiled, *program.parameters, program.cases, *parseIsa(mode.level), messages);
  for (size_t i = 0; i < verdicts.size(); ++i) {
    if (verdicts[i].kind != Verdict::right) continue;
    if (!status)
      verdicts[i] = {Verdict::wrong, status.error().text()};
    else if (auto found = messages.find(family.cases[i].get()); found != messages.end())
      verdicts[i] = {Verdict::wrong, found->second};
  }
  return verdicts;
}

std::vector<Verdict> runCompiled(const Family &family, const Mode &mode) {
  const FamilyProgram &program = programOf(family, mode.kind);
  std::vector<Verdict> verdicts = program.verdicts;
  if (!program.compiled) return verdicts;
  Result<LoadedProgram> loaded = mode.kind == "aot"
                                     ? loadFromLibrary(*program.compiled, *program.parameters)
                                     : loadFromMemory(*program.compiled, *program.parameters, *parseIsa(mode.level));
  for (size_t i = 0; i < verdicts.size(); ++i) {
    if (verdicts[i].kind != Verdict::right) continue;
    if (!loaded.ok()) verdicts[i] = {Verdict::wrong, loaded.error().text()};
    for (int threads = 1; threads <= 3 && verdicts[i].kind == Verdict::right; ++threads)
      if (std::string message = runAndCompare(*loaded, *family.cases[i], threads); !message.empty())
        verdicts[i] = {Verdict::wrong, fmt::format("{} threads: {}", threads, message)};
  }
  return verdicts;
}

Verdict interpreted(Case &test, mlir::ModuleOp module, bool exact) {
  llm::Environment environment;
  environment.roundToType = !exact;
  environment.parameters = [&](llvm::StringRef name) -> Result<llm::Tensor> {
    return test.parameters.at(name.split('#').first.str());  // a packed weight has the values of its source
  };
  std::string messages;
  mlir::ScopedDiagnosticHandler handler(&context(),
                                        [&](mlir::Diagnostic &diagnostic) { messages += diagnostic.str(); });
  auto results = llm::interpret(module, test.name, test.inputs, environment);
  if (mlir::failed(results)) return {Verdict::wrong, messages};
  for (size_t i = 0; i < results->size(); ++i)
    if (std::string message = compare(test, i, (*results)[i].tensor.values()); !message.empty())
      return {Verdict::wrong, message};
  return {};
}

std::vector<Verdict> runInterpreted(const Family &family, bool phases) {
  std::vector<Verdict> verdicts;
  for (const auto &test : family.cases) {
    mlir::OwningOpRef<mlir::ModuleOp> module = moduleOf({test.get()});
    if (phases) {
      auto compiled = compiler::compile(*module, {.stopAfter = compiler::Phase::scheduled});
      if (!compiled.ok()) {
        verdicts.push_back(refusal(*test, compiled));
        continue;
      }
    }
    verdicts.push_back(interpreted(*test, *module, !test->row.contains("types")));
  }
  return verdicts;
}

}  // namespace

const std::vector<Mode> &modes() {
  static const std::vector<Mode> list = [] {
    std::vector<Mode> read;
    for (const auto &row : nlohmann::json::parse(readFile("tests/conformance/modes.json")))
      read.push_back({row["name"], row["about"], row["kind"], row.value("level", "")});
    return read;
  }();
  return list;
}

std::string whySkipped(const Mode &mode) {
  if (mode.kind == "elsewhere" || mode.kind == "missing") return mode.name + ": " + mode.about;
  if (mode.kind == "emulated")
    return std::string_view(LLC_EMULATED_RUNNER).empty()
               ? mode.name + ": needs the packages of tools/ci/packages-cross.txt"
               : "";
  if (!mode.level.empty() && !contains(hostCpu().level, *parseIsa(mode.level)))
    return mode.name + ": this machine has no " + mode.level;
  return "";
}

const std::vector<Verdict> &verdicts(const Family &family, const Mode &mode) {
  static std::map<std::pair<std::string, std::string>, std::vector<Verdict>> known;
  auto [found, isNew] = known.try_emplace({family.name, mode.name});
  if (!isNew) return found->second;
  if (std::string why = whySkipped(mode); !why.empty())
    found->second.assign(family.cases.size(), {Verdict::skipped, why});
  else if (mode.kind == "reference" || mode.kind == "phases")
    found->second = runInterpreted(family, mode.kind == "phases");
  else if (mode.kind == "emulated")
    found->second = runForeign(family, mode);
  else
    found->second = runCompiled(family, mode);
  return found->second;
}

}  // namespace llc::conformance
