#include "compiler/pipelines/program_text.h"

namespace llc::compiler {
using nlohmann::json;

json describeProgram(const CompiledModule &module) {
  json prepare = json::array();
  for (const PrepareStep &step : module.prepare) {
    json sources = json::array();
    for (const TensorSpec &s : step.sources)
      sources.push_back({{"name", s.name}, {"type", std::string(dtypeName(s.type))}, {"shape", s.shape}});
    prepare.push_back(
        {{"function", step.function}, {"sources", sources}, {"arena", step.arenaBytes}, {"meaning", step.meaning}});
  }
  return {{"manifest", toJson(module.manifest)},
          {"prepare", prepare},
          {"memory_plan", module.memoryPlan},
          {"memory_report", module.memoryReport}};
}

Result<CompiledModule> parseProgram(const json &description, const std::string &where) {
  auto damaged = [&](const std::string &what) {
    return diagnose(ErrorKind::invalidInput, where)
        .says("the program's description is damaged: " + what)
        .toFix("compile from an earlier phase");
  };
  try {
    CompiledModule module;
    LLC_ASSIGN(module.manifest, parseManifest(description.at("manifest").get<std::string>(), where));
    module.memoryPlan = description.at("memory_plan");
    module.memoryReport = description.at("memory_report");
    for (const json &step : description.at("prepare")) {
      PrepareStep out{step.at("function"), {}, step.at("arena"), step.at("meaning")};
      for (const json &s : step.at("sources")) {
        auto type = parseDType(s.at("type").get<std::string>());
        if (!type) return damaged("an unknown element type");
        out.sources.push_back({s.at("name"), *type, s.at("shape")});
      }
      module.prepare.push_back(std::move(out));
    }
    if (module.prepare.size() != module.manifest.parameters.size())
      return damaged("prepare steps and parameters differ in number");
    return module;
  } catch (const json::exception &error) {
    return damaged(error.what());
  }
}

}  // namespace llc::compiler
