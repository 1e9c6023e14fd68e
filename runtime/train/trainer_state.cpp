#include "runtime/train/trainer_state.h"

#include <cmath>

#include "runtime/base/json_read.h"

namespace llc::train {

namespace {
constexpr int64_t stateVersion = 1;

nlohmann::json optional(const std::optional<double> &value) { return value ? nlohmann::json(*value) : nullptr; }

Status readCounts(const JsonObject &from, std::initializer_list<std::pair<const char *, int64_t *>> fields) {
  for (auto [name, value] : fields) {
    LLC_ASSIGN(*value, from.integer(name, 0, INT64_MAX));
  }
  return success();
}

Status readNumbers(const JsonObject &from, std::initializer_list<std::pair<const char *, double *>> fields) {
  for (auto [name, value] : fields) {
    LLC_ASSIGN(*value, from.number(name));
    if (!std::isfinite(*value))
      return diagnose(ErrorKind::invalidInput, from.at(name)).says("is not finite").toFix("resume an older checkpoint");
  }
  return success();
}

Status readOptional(const JsonObject &from, const char *name, std::optional<double> &value) {
  if (!from.has(name)) return success();
  double number = 0;
  LLC_TRY(readNumbers(from, {{name, &number}}));
  value = number;
  return success();
}

Status readMetrics(const JsonObject &from, std::map<std::string, double> &metrics) {
  LLC_ASSIGN(JsonObject object, from.object("metrics"));
  for (const auto &entry : from.find("metrics")->items())
    LLC_TRY(readNumbers(object, {{entry.key().c_str(), &metrics[entry.key()]}}));
  return success();
}
}  // namespace

nlohmann::json toJson(const TrainerState &s) {
  return {{"version", stateVersion},
          {"step", s.step},
          {"updates", s.updates},
          {"total_steps", s.totalSteps},
          {"tokens", s.tokens},
          {"bad_steps", s.badSteps},
          {"bad_steps_in_a_row", s.badInARow},
          {"seconds", s.seconds},
          {"evaluation_loss", optional(s.evaluationLoss)},
          {"evaluation_step", s.evaluationStep},
          {"best_loss", optional(s.bestLoss)},
          {"best_step", s.bestStep},
          {"reference_loss", s.reference},
          {"evaluations_without_improvement", s.unimproved},
          {"interval",
           {{"steps", s.interval.steps},
            {"tokens", s.interval.tokens},
            {"loss_sum", s.interval.loss},
            {"grad_norm_sum", s.interval.gradientNorm},
            {"max_grad_norm", s.interval.maxGradientNorm},
            {"seconds", s.interval.seconds},
            {"metrics", s.interval.metrics}}}};
}

Result<TrainerState> parseTrainerState(std::string_view text, const std::string &where) {
  LLC_ASSIGN(Json json, parseJson(text, where));
  LLC_ASSIGN(JsonObject object, JsonObject::of(json, where));
  LLC_TRY(object.expectVersion(stateVersion));
  TrainerState s;
  LLC_TRY(readCounts(object, {{"step", &s.step},
                              {"updates", &s.updates},
                              {"total_steps", &s.totalSteps},
                              {"tokens", &s.tokens},
                              {"bad_steps", &s.badSteps},
                              {"bad_steps_in_a_row", &s.badInARow},
                              {"evaluation_step", &s.evaluationStep},
                              {"best_step", &s.bestStep},
                              {"evaluations_without_improvement", &s.unimproved}}));
  LLC_TRY(readNumbers(object, {{"seconds", &s.seconds}, {"reference_loss", &s.reference}}));
  LLC_TRY(readOptional(object, "evaluation_loss", s.evaluationLoss));
  LLC_TRY(readOptional(object, "best_loss", s.bestLoss));
  LLC_ASSIGN(JsonObject interval, object.object("interval"));
  LLC_TRY(readCounts(interval, {{"steps", &s.interval.steps}, {"tokens", &s.interval.tokens}}));
  LLC_TRY(readNumbers(interval, {{"loss_sum", &s.interval.loss},
                                 {"grad_norm_sum", &s.interval.gradientNorm},
                                 {"max_grad_norm", &s.interval.maxGradientNorm},
                                 {"seconds", &s.interval.seconds}}));
  if (interval.has("metrics")) LLC_TRY(readMetrics(interval, s.interval.metrics));
  if (s.updates > s.step || s.step > s.totalSteps)
    return diagnose(ErrorKind::invalidInput, where)
        .says(fmt::format("{} updates in {} steps of {}", s.updates, s.step, s.totalSteps))
        .toFix("resume an older checkpoint");
  return s;
}

}  // namespace llc::train
