#include "runtime/train/curriculum.h"

#include <algorithm>

#include "runtime/base/json_read.h"

namespace llc::train {

namespace {
using Growth = data::Curriculum::Schedule;
constexpr std::pair<const char *, Growth> growths[] = {
    {"linear", Growth::linear}, {"sqrt", Growth::squareRoot}, {"steps", Growth::doubling}};
constexpr const char *curriculumKeys[] = {"start_len", "end_len", "steps", "schedule", "multiple"};

Error badCurriculum(const std::string &where, const std::string &what, const std::string &remedy) {
  return diagnose(ErrorKind::invalidInput, where).says(what).toFix(remedy);
}

Status checkKeys(const OrderedJson &given, const std::string &where) {
  const std::vector<std::string> known(std::begin(curriculumKeys), std::end(curriculumKeys));
  for (const auto &[name, value] : given.items()) {
    if (std::ranges::find(known, name) != known.end()) continue;
    std::string near = nearestNames(name, known);
    return badCurriculum(where, "has no '" + name + "'",
                         near.empty() ? fmt::format("use {}", fmt::join(known, ", ")) : "did you mean " + near + "?");
  }
  return success();
}

Result<Growth> growthIn(const JsonObject &object) {
  LLC_ASSIGN(std::string wanted, object.text("schedule", "linear"));
  for (const auto &[name, growth] : growths)
    if (wanted == name) return growth;
  return badCurriculum(object.at("schedule"), "is " + wanted, "use linear, sqrt or steps");
}

// Pieces of examples would be answers without their questions.
Status checkCurriculumFits(const TrainerTraits &trainer, const data::StreamOptions &options, const std::string &where) {
  if (trainer.examples != Examples::text)
    return badCurriculum(where, "cuts texts, and this trainer's examples stay whole",
                         "leave it out, or train with causal_lm or mlm");
  if (options.packing == data::Packing::none)
    return badCurriculum(where, "fills rows with short pieces of texts, and here each row holds one text",
                         "leave it out, or let rows hold several texts (data.packing: true)");
  return success();
}
}  // namespace

Result<data::Curriculum> curriculumOf(const RunConfig &config, const TrainerTraits &trainer,
                                      const data::StreamOptions &options, int64_t totalSteps) {
  data::Curriculum curriculum;
  const OrderedJson *given = config.find("training.curriculum");
  if (!given) return curriculum;
  const std::string where = config.where() + ": training.curriculum";
  LLC_TRY(checkKeys(*given, where));
  LLC_TRY(checkCurriculumFits(trainer, options, where));
  Json plain(*given);
  LLC_ASSIGN(JsonObject object, JsonObject::of(plain, where));
  LLC_ASSIGN(curriculum.startLength, object.integer("start_len", 2, INT32_MAX, 64));
  LLC_ASSIGN(curriculum.endLength, object.integer("end_len", 2, INT32_MAX, options.length));
  LLC_ASSIGN(curriculum.steps, object.integer("steps", 1, INT32_MAX, std::max<int64_t>(1, totalSteps / 10)));
  LLC_ASSIGN(curriculum.multiple, object.integer("multiple", 1, INT32_MAX, 64));
  LLC_ASSIGN(curriculum.schedule, growthIn(object));
  curriculum.batchesPerStep = config.integer("training.gradient_accumulation_steps");
  if (curriculum.startLength > curriculum.endLength || curriculum.endLength > options.length)
    return badCurriculum(
        where,
        fmt::format("pieces grow from {} to {} tokens (start_len, end_len), and a row has {}", curriculum.startLength,
                    curriculum.endLength, options.length),
        "begin with fewer tokens than it ends with, and end with at most those of a row (data.block_size)");
  return curriculum;
}

}  // namespace llc::train
