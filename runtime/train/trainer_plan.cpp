#include "runtime/train/trainer_plan.h"

#include <cfloat>
#include <cmath>

#include "runtime/base/json_read.h"

namespace llc::train {

namespace {
constexpr std::string_view exampleNames[] = {"text", "completions", "preferences",
                                             "comparisons"};  // in the order of Examples

OrderedJson toJson(const InitialTensor &tensor) {
  return {
      {"name", tensor.name}, {"shape", tensor.shape}, {"deviation", tensor.deviation}, {"constant", tensor.constant}};
}
OrderedJson toJson(const TrainerPlan::Key &key) {
  return {{"key", toJson(key.spec)}, {"fixed", key.fixed}, {"flag", key.flag}, {"flag_text", key.flagText}};
}
template <class T>
OrderedJson listOf(const std::vector<T> &items) {
  OrderedJson list = OrderedJson::array();
  for (const T &item : items) list.push_back(toJson(item));
  return list;
}

Result<InitialTensor> readTensor(const OrderedJson &json, const std::string &where) {
  Json plain(json);
  LLC_ASSIGN(JsonObject object, JsonObject::of(plain, where));
  InitialTensor tensor;
  LLC_ASSIGN(tensor.name, object.text("name"));
  LLC_ASSIGN(tensor.shape, object.integers("shape", 1, INT32_MAX));
  LLC_ASSIGN(tensor.deviation, object.number("deviation"));
  LLC_ASSIGN(double constant, object.number("constant"));
  if (!(std::fabs(constant) <= FLT_MAX))
    return diagnose(ErrorKind::invalidInput, object.at("constant"))
        .says("is no number of 32 bits")
        .toFix("compile the trainer again");
  tensor.constant = float(constant);
  return tensor;
}
Result<TrainerPlan::Key> readKey(const OrderedJson &json, const std::string &where) {
  Json plain(json);
  LLC_ASSIGN(JsonObject object, JsonObject::of(plain, where));
  TrainerPlan::Key key;
  LLC_ASSIGN(key.spec, parseKeySpec(json.value("key", OrderedJson()), where));
  LLC_ASSIGN(key.fixed, object.boolean("fixed", false));
  LLC_ASSIGN(key.flag, object.text("flag"));
  LLC_ASSIGN(key.flagText, object.text("flag_text"));
  return key;
}

OrderedJson toJson(const std::optional<AdapterRun> &adapter) {
  if (!adapter) return nullptr;
  return {{"files", adapter->files},
          {"metadata", adapter->metadata},
          {"summary", adapter->summary},
          {"virtual_tokens", adapter->virtualTokens}};
}
Result<std::map<std::string, std::string>> readTexts(const JsonObject &object, const char *key) {
  std::map<std::string, std::string> texts;
  LLC_ASSIGN(JsonObject map, object.object(key));
  for (const auto &[name, value] : object.find(key)->items()) {
    LLC_ASSIGN(texts[name], map.text(name));
  }
  return texts;
}
Result<std::optional<AdapterRun>> readAdapter(const JsonObject &object) {
  if (!object.has("adapter")) return std::optional<AdapterRun>();
  LLC_ASSIGN(JsonObject json, object.object("adapter"));
  AdapterRun adapter;
  LLC_ASSIGN(adapter.files, readTexts(json, "files"));
  LLC_ASSIGN(adapter.metadata, readTexts(json, "metadata"));
  LLC_ASSIGN(adapter.summary, json.text("summary"));
  LLC_ASSIGN(adapter.virtualTokens, json.integer("virtual_tokens", 0, INT32_MAX));
  return std::optional(std::move(adapter));
}

OrderedJson toJson(const std::optional<MaskingShares> &shares) {
  if (!shares) return nullptr;
  return {{"probability", shares->probability}, {"mask", shares->mask}, {"random", shares->random}};
}
Result<std::optional<MaskingShares>> readMasking(const JsonObject &object) {
  if (!object.has("masking")) return std::optional<MaskingShares>();
  LLC_ASSIGN(JsonObject json, object.object("masking"));
  MaskingShares shares;
  LLC_ASSIGN(shares.probability, json.number("probability"));
  LLC_ASSIGN(shares.mask, json.number("mask"));
  LLC_ASSIGN(shares.random, json.number("random"));
  for (double share : {shares.probability, shares.mask, shares.random})
    if (!(share >= 0 && share <= 1))
      return diagnose(ErrorKind::invalidInput, object.at("masking"))
          .says("holds shares that are not from 0 to 1")
          .toFix("compile the trainer again");
  return std::optional(shares);
}

Result<TrainerTraits> readTraits(const JsonObject &object) {
  TrainerTraits traits;
  LLC_ASSIGN(std::string examples, object.text("examples"));
  auto found = std::find(std::begin(exampleNames), std::end(exampleNames), examples);
  if (found == std::end(exampleNames))
    return diagnose(ErrorKind::invalidInput, object.at("examples"))
        .says("is " + examples)
        .toFix("compile the trainer again");
  traits.examples = Examples(found - std::begin(exampleNames));
  LLC_ASSIGN(traits.likelihood, object.boolean("likelihood", true));
  LLC_ASSIGN(traits.hasReference, object.boolean("reference", false));
  LLC_ASSIGN(traits.masking, readMasking(object));
  return traits;
}
}  // namespace

std::string toJson(const TrainerPlan &plan) {
  OrderedJson json = {{"verb", plan.verb},
                      {"where", plan.config.where()},
                      {"config", plan.config.all()},
                      {"given", plan.config.allGiven()},
                      {"trainer",
                       {{"examples", exampleNames[size_t(plan.trainer.examples)]},
                        {"likelihood", plan.trainer.likelihood},
                        {"reference", plan.trainer.hasReference},
                        {"masking", toJson(plan.trainer.masking)}}},
                      {"initial", listOf(plan.initial)},
                      {"names", plan.names},
                      {"adapter", toJson(plan.adapter)},
                      {"keys", listOf(plan.keys)}};
  return json.dump(1) + "\n";
}

Result<TrainerPlan> parseTrainerPlan(std::string_view text, const std::string &where) {
  LLC_ASSIGN(Json plain, parseJson(text, where));
  OrderedJson json = OrderedJson::parse(text, nullptr, false);  // the same, with its keys in their order
  LLC_ASSIGN(JsonObject object, JsonObject::of(plain, where));
  TrainerPlan plan;
  LLC_ASSIGN(plan.verb, object.text("verb"));
  LLC_ASSIGN(std::string configured, object.text("where"));
  LLC_TRY(object.object("config"));
  LLC_TRY(object.object("given"));
  plan.config = RunConfig(json["given"], json["config"], configured);
  LLC_ASSIGN(JsonObject traits, object.object("trainer"));
  LLC_ASSIGN(plan.trainer, readTraits(traits));
  LLC_TRY(object.array("initial"));
  for (const OrderedJson &item : json["initial"]) {
    LLC_ASSIGN(InitialTensor tensor, readTensor(item, where));
    plan.initial.push_back(std::move(tensor));
  }
  LLC_ASSIGN(plan.names, readTexts(object, "names"));
  LLC_ASSIGN(plan.adapter, readAdapter(object));
  LLC_TRY(object.array("keys"));
  for (const OrderedJson &item : json["keys"]) {
    LLC_ASSIGN(TrainerPlan::Key key, readKey(item, where));
    plan.keys.push_back(std::move(key));
  }
  return plan;
}

}  // namespace llc::train
