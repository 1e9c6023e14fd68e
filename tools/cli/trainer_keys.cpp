#include "tools/cli/trainer_keys.h"

#include <set>

namespace llc::cli {

namespace {
// Of what the program computes nothing depends on these.
const std::set<std::string_view> ofRuns = {"training.lr",
                                           "training.lr_schedule",
                                           "training.lr_power",
                                           "training.decay_share",
                                           "training.lr_stages",
                                           "training.warmup_steps",
                                           "training.total_steps",
                                           "training.min_lr_ratio",
                                           "training.epochs",
                                           "training.curriculum",
                                           "training.seed",
                                           "training.log_interval",
                                           "training.save_interval",
                                           "training.eval_interval",
                                           "training.early_stopping_patience",
                                           "training.early_stopping_threshold",
                                           "training.validation_split",
                                           "training.max_bad_steps",
                                           "data.num_workers",
                                           "data.shuffle",
                                           "data.shuffle_seed",
                                           "data.on_bad_record",
                                           "data.chat_format",
                                           "data.completion_only_loss",
                                           "data.assistant_only_loss",
                                           "data.max_prompt_length",
                                           "data.max_completion_length",
                                           "evaluation.num_batches",
                                           "logging.level",
                                           "logging.file",
                                           "logging.json",
                                           "logging.rotate_bytes",
                                           "logging.rotate_keep",
                                           "logging.trackers",
                                           "logging.alerts",
                                           "checkpoint.keep_last",
                                           "checkpoint.keep_best",
                                           "checkpoint.keep_every",
                                           "checkpoint.shard_bytes",
                                           "checkpoint.save_optimizer"};
const std::set<std::string_view> compiledIn = {"use_gradient_checkpointing",
                                               "training.optimizer",
                                               "training.optimizer_settings",
                                               "training.optimizer_state",
                                               "training.weight_decay",
                                               "training.parameter_groups",
                                               "training.lr_decay",
                                               "training.max_grad_norm",
                                               "training.early_updates",
                                               "training.freeze",
                                               "training.batch_size",
                                               "training.precision",
                                               "training.trainer",
                                               "training.trainer_settings",
                                               "training.vocab_mismatch",
                                               "training.teacher",
                                               "data.block_size",
                                               "data.packing",
                                               "data.tokenizer_path",
                                               "training.ema_decay",
                                               "training.ema_model",
                                               "training.weight_dtype",
                                               "training.stochastic_rounding",
                                               "dropout",
                                               "embedding_dropout",
                                               "attention_dropout"};
// Of an adapter.
bool ofAdapter(std::string_view path) { return path.starts_with("lora.") || path.starts_with("peft."); }
// Those of the model stand outside of sections.
bool ofModel(std::string_view path) { return path.find('.') == path.npos; }
}  // namespace

std::vector<train::TrainerPlan::Key> trainerKeys(const TrainConfig &config, const TrainVerb &verb, bool fixesSeed) {
  std::vector<train::TrainerPlan::Key> keys;
  for (const KeySpec &spec : recipe::configKeys()) {
    train::TrainerPlan::Key key{.spec = spec, .fixed = !ofRuns.contains(spec.path), .flag = {}, .flagText = {}};
    if (spec.path == "training.seed") key.fixed = fixesSeed;
    bool samples = spec.path == "training.sample_prompt";
    if (samples) key.fixed = !config.given(spec.path);  // without one the program goes on with no text
    bool accumulates = spec.path == "training.gradient_accumulation_steps";
    if (accumulates && config.integer(spec.path) > 1) {
      key.fixed = false;  // another program takes one micro-batch a step
      key.spec.least = 2;
    }
    bool known = !key.fixed || accumulates || samples || ofRuns.contains(spec.path) || compiledIn.contains(spec.path) ||
                 (verb.makesModel && ofModel(spec.path)) || (verb.makesAdapter && ofAdapter(spec.path));
    if (!known) continue;
    if (const KeyFlag *flag = flagOf(spec.path)) {
      key.flag = flag->flag;
      key.flagText = textOfFlag(spec);
      key.spec.help = flag->help;
    }
    if (spec.path == "training.freeze") key.flag = "--freeze";
    if (spec.path == "training.trainer_settings") key.flag = "--trainer-setting";
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace llc::cli
