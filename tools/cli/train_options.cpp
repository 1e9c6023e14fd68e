#include "tools/cli/train_options.h"

#include <fmt/ranges.h>

#include <cmath>
#include <span>

#include "frontends/recipe/bert_config.h"
#include "frontends/recipe/read_config.h"
#include "runtime/base/json_read.h"
#include "runtime/train/run_settings.h"

namespace llc::cli {

namespace {
using recipe::OrderedJson;
using train::findKey, train::keyAt;

constexpr KeyFlag keyFlags[] = {
    {"--output-dir", "checkpoint.dir", train::outputHelp},
    {"--tokenizer-path", "data.tokenizer_path", "tokenizer.model, tokenizer.json, or a directory with a tokenizer"},
    {"--batch-size", "training.batch_size", "Rows of a micro-batch"},
    {"--block-size", "data.block_size", "Tokens of a row; default: the longest that the model takes"},
    {"--learning-rate,--lr", "training.lr", "Learning rate at its peak"},
    {"--epochs", "training.epochs", "Passes over the data"},
    {"--max-steps", "training.total_steps", "Steps of the optimizer; counts instead of --epochs"},
    {"--gradient-accumulation-steps", "training.gradient_accumulation_steps",
     "Micro-batches of a step, weighted by their tokens: as one large batch"},
    {"--optimizer,--optimizer-name", "training.optimizer",
     "sgd, adamw, lion, adafactor, rmsprop, muon, mars; adamw_8bit, lion_8bit: with --optimizer-state 8bit"},
    {"--optimizer-state", "training.optimizer_state",
     "What the optimizer keeps: f32, or 8bit (of weights with 4096 elements and more: blocks of 256, as bitsandbytes)"},
    {"--weight-decay", "training.weight_decay", "Of matrices; vectors don't decay"},
    {"--dropout", "dropout",
     "Share of the embeddings and of what sublayers add that is left out in each step; default of a model that exists: "
     "as its config.json says"},
    {"--attention-dropout", "attention_dropout", "The same of the weights of attention"},
    {"--max-grad-norm", "training.max_grad_norm", "Gradients are clipped at this global norm; 0: never"},
    {"--early-updates", "training.early_updates",
     "Each weight moves as soon as its gradient is complete, which saves memory: always, never, or auto (without "
     "clipping, accumulation and f16)"},
    {"--ema-decay", "training.ema_decay",
     "Averages the weights over the steps, by this decay; evaluation and the saved model are of the averages; 0: none"},
    {"--lr-schedule", "training.lr_schedule", "none, constant, linear, cosine, wsd, polynomial, multistage"},
    {"--lr-decay", "training.lr_decay",
     "Each layer learns by so much of the rate of the one above it, the last one by the whole; 1: all by the same"},
    {"--warmup-steps", "training.warmup_steps", "Steps to the peak; default: at most a tenth of all"},
    {"--min-lr-ratio", "training.min_lr_ratio", "Learning rate at the end, as a share of the peak; linear: 0"},
    {"--curriculum", "training.curriculum",
     "Texts are cut into short pieces at first: {\"start_len\": 64, \"end_len\": tokens of a row, \"steps\": a tenth "
     "of "
     "all, \"schedule\": linear, sqrt or steps, \"multiple\": 64}; {} for these defaults"},
    {"--precision,--dtype", "training.precision",
     "What products of matrices read: f32, bf16, f16 (with loss scaling), fp8 (e4m3, emulated); the rest stays f32, "
     "weights "
     "and optimizer too. auto: f32"},
    {"--weight-dtype", "training.weight_dtype",
     "Of matrices that are trained: f32, or bf16 without a copy in f32, rounded stochastically"},
    {"--seed", "training.seed", "Of first weights, data order and held-out data"},
    {"--validation-split", "training.validation_split", "Share of the sequences that is held out; 0: no evaluation"},
    {"--eval-interval", "training.eval_interval", "Steps between evaluations; 0: only one at the end"},
    {"--save-interval", "training.save_interval", "Steps between checkpoints; 0: only one at the end"},
    {"--log-interval", "training.log_interval", "Steps between lines of the log"},
    {"--max-bad-steps", "training.max_bad_steps",
     "Steps in a row whose loss or gradient is not finite; they are left out, then training stops"},
    {"--early-stopping-patience", "training.early_stopping_patience",
     "Evaluations without improvement before it stops; 0: never"},
    {"--sample-prompt", "training.sample_prompt", "Shows text that continues it, after each evaluation"},
    {"--log-level", "logging.level", "Least level that training.log has: DEBUG, INFO, WARNING, ERROR"},
    {"--log-file", "logging.file", "Name of that log in the run's folder"},
    {"--trackers,--tracker", "logging.trackers",
     "Besides metrics.jsonl: tensorboard, mlflow (OUTPUT/mlruns), wandb (OUTPUT/wandb, to be synced): a,b"},
    {"--trainer", "training.trainer", "What is learned: one that llc-model trainers lists"},
    {"--vocab-mismatch", "training.vocab_mismatch",
     "A tokenizer with more tokens than the model: resize (the model gets rows for them; adapters can't), or error"},
    {"--teacher", "training.teacher", "Model to learn from, for trainers that have a teacher"},
    {"--chat-format", "data.chat_format",
     "How conversations become text: template (the model's own: the default if there is one), chatml, roles (<|user|> "
     "...)"},
    {"--no-completion-only-loss", "data.completion_only_loss",
     "Of a prompt with its completion all tokens are learned, not the completion alone"},
    {"--assistant-only-loss", "data.assistant_only_loss", "Of a conversation only what the assistant says is learned"},
    {"--on-bad-record", "data.on_bad_record", "Records that are broken: refuse, or skip with a warning"},
    {"--num-workers", "data.num_workers", "Threads that encode raw texts"},
    {"--keep-last", "checkpoint.keep_last", "Newest checkpoints that are kept"},
    {"--keep-best", "checkpoint.keep_best", "Checkpoints of lowest loss in evaluation that are kept"},
    {"--keep-every", "checkpoint.keep_every", "Checkpoints of each of these many steps are kept for good; 0: none"},
};

constexpr KeyFlag adapterFlags[] = {
    {"--peft", "peft.type",
     "What is trained: lora; ia3, factors of what layers give; bottleneck, layers of their own; prompt_tuning, "
     "p_tuning, prefix_tuning: virtual tokens "
     "before each text"},
    {"--lora-rank", "lora.r", "Rank: columns of the two small matrices of a layer"},
    {"--lora-alpha", "lora.alpha", "What they add is scaled by alpha / rank"},
    {"--lora-dropout", "lora.dropout", "Share of what the adapter reads that is left out while it is trained"},
    {"--target-modules", "lora.target_modules",
     "Layers that get some: ends of their names with commas between, re:REGEX of whole names, or all-linear (default: "
     "q_proj,v_proj, or what is in their place; ia3: k_proj,v_proj,down_proj; bottleneck: the last layers of "
     "sublayers)"},
    {"--use-rslora", "lora.use_rslora", "Scaled by alpha / sqrt(rank) (rsLoRA)"},
    {"--use-dora", "lora.use_dora", "Lengths of the weights' rows are trained, too (DoRA)"},
    {"--merge", "lora.merge", "Also writes the model with the adapter in its weights, as RUN/merged"},
    {"--modules-to-save", "peft.modules_to_save",
     "Modules whose weights are trained in full beside a LoRA or an IA3: ends of their names, with commas between"},
    {"--feedforward-modules", "peft.feedforward_modules",
     "Of the target modules of ia3 those whose inputs are scaled: with commas between (default: down_proj, mlp.c_proj, "
     "dense_4h_to_h, output.dense)"},
    {"--bottleneck-size", "peft.bottleneck_size", "Width of bottleneck adapters"},
    {"--non-linearity", "peft.non_linearity", "Of bottleneck adapters: relu, gelu, gelu_new, silu, tanh"},
    {"--num-virtual-tokens", "peft.num_virtual_tokens", "Virtual tokens before each text"},
    {"--prompt-tuning-init-text", "peft.prompt_tuning_init_text",
     "prompt_tuning begins with the embeddings of this text, over and over (default: random ones)"},
    {"--encoder-reparameterization-type", "peft.encoder_reparameterization_type",
     "Network that computes embeddings in p_tuning: MLP"},
    {"--encoder-hidden-size", "peft.encoder_hidden_size",
     "Width of the network of p_tuning, or of --prefix-projection (default: as wide as what it computes)"},
    {"--prefix-projection", "peft.prefix_projection", "Keys and values of prefix_tuning are computed by a network"},
};

constexpr KeyFlag modeFlag = {
    "--mode", "training.mode",
    "What is trained: full, all weights, of every token; sft, all weights, of completions (default where all data are "
    "records); lora, adapter (bottleneck), prompt, p-tuning, p-tuning-v2 and prefix: as lora-finetune does it, with "
    "its "
    "defaults"};

const KeySpec *specOf(std::string_view path) {
  for (const KeySpec &key : recipe::configKeys())
    if (key.path == path) return &key;
  return nullptr;
}

std::string defaultOf(const char *path, const TrainVerb &verb) {
  OrderedJson value = specOf(path)->initial;
  for (const auto &[key, other] : verb.defaults)
    if (std::string_view(key) == path) value = other;
  if (value.is_string()) return value.get<std::string>();
  return value.is_null() || value.is_array() ? "" : value.dump();
}

// What a key may not ask for yet: its value must be one of these, if it is there.
Status refuseUnavailableKeys(const TrainConfig &config, const TrainVerb &verb) {
  auto refuse = [&](const std::string &key, const std::string &remedy) { return config.unavailable(key, remedy); };
  if (config.flag("lora.merge") && !verb.makesAdapter)
    return refuse("lora.merge", "leave it out: all weights are trained");
  if (config.given("data.prefetch") && config.integer("data.prefetch") != specOf("data.prefetch")->initial)
    return refuse("data.prefetch", "leave it out: batches are views of mapped files, there is nothing to wait for");
  return train::refuseUnavailable(config);
}

// A file may be shared by several verbs.
void warnOfAdapterKeys(const TrainConfig &config, const std::function<void(const std::string &)> &warn) {
  for (const KeySpec &key : recipe::configKeys()) {
    bool ofAdapters = key.path.starts_with("lora.") || key.path.starts_with("peft.");
    if (ofAdapters && config.given(key.path) && *config.find(key.path) != key.initial)
      warn(fmt::format("warning: {}: {} has no effect here: all weights are trained, and no adapter", config.where(),
                       key.path));
  }
}

// A model that scores has a head of its own, and says nothing.
Status refuseForScores(const TrainConfig &config, const TrainVerb &verb) {
  auto refuse = [&](const std::string &where, const std::string &why, const std::string &remedy) {
    return diagnose(ErrorKind::unsupported, where).says(why).toFix(remedy);
  };
  std::string trainer = "--trainer " + config.text("training.trainer");
  if (verb.makesModel || verb.makesAdapter)
    return refuse(trainer, fmt::format("{} makes no head for scores", verb.name), "use llc-model finetune");
  if (config.given("training.sample_prompt"))
    return refuse("--sample-prompt", "a model that scores texts writes none", "leave it out");
  return success();
}
}  // namespace

const KeyFlag *flagOf(std::string_view key) {
  for (std::span<const KeyFlag> flags : {std::span<const KeyFlag>(keyFlags), std::span<const KeyFlag>(adapterFlags)})
    for (const KeyFlag &one : flags)
      if (one.key == key) return &one;
  return nullptr;
}

std::string textOfFlag(const KeySpec &key) {
  if (key.type != KeyType::boolean) return "";
  return key.initial == true ? "false" : "true";  // the other one than without the flag
}

namespace {
void declareKey(CLI::App &app, TrainFlags &flags, const TrainVerb &verb, const KeyFlag &one) {
  if (std::string other = textOfFlag(*specOf(one.key)); !other.empty()) {
    app.add_flag_callback(one.flag, [&flags, other, key = std::string(one.key)] { flags.keys[key] = other; }, one.help);
    return;
  }
  std::string text = defaultOf(one.key, verb);
  CLI::Option *option = app.add_option_function<std::string>(
      one.flag, [&flags, key = std::string(one.key)](const std::string &value) { flags.keys[key] = value; }, one.help);
  if (!text.empty()) option->default_str(text);
}
}  // namespace

void declareAdapterFlags(CLI::App &app, TrainFlags &flags, const TrainVerb &verb) {
  for (const KeyFlag &one : adapterFlags) declareKey(app, flags, verb, one);
  app.add_option("--adapter", flags.adapter,
                 "Directory of an adapter to go on from, or of a run for its latest, instead of a new one; its own "
                 "settings count");
}

void declareKeyFlags(CLI::App &app, TrainFlags &flags, const TrainVerb &verb) {
  for (const KeyFlag &one : keyFlags) declareKey(app, flags, verb, one);
  if (verb.hasModes) declareKey(app, flags, verb, modeFlag);
  if (verb.makesAdapter || verb.hasModes) declareAdapterFlags(app, flags, verb);
  app.add_option("--trainer-setting", flags.trainerSettings,
                 "NAME=VALUE of the trainer (llc-model trainers lists them); may be given more than once")
      ->expected(1)
      ->take_all();
  app.add_option("--freeze", flags.freeze,
                 "Pattern of names of weights that stay as they are; may be given more than once")
      ->expected(1)
      ->take_all();
  app.add_option("--set", flags.set, "KEY=VALUE over the configuration's; may be given more than once")
      ->expected(1)
      ->take_all();
}

void declareTrainFlags(CLI::App &app, TrainFlags &flags, const TrainVerb &verb) {
  auto *config = app.add_option("--config", flags.config,
                                verb.makesModel ? "Configuration of the model and its training, of create-config"
                                                : "Configuration of the training: .json or .yaml");
  if (verb.makesModel) {
    flags.config = "config/default_config.json";
    config->capture_default_str();
  } else {
    app.add_option("--model-path,MODEL", flags.model, "Directory of the model to go on from, or a built-in one")
        ->required();
  }
  app.add_option("--data-path", flags.data, train::dataPathHelp)->expected(1)->take_all();
  if (!verb.hasModes && !verb.makesAdapter)
    app.add_flag(
        "--use-lmsys-dataset", flags.lmsys,
        "Data are data/preprocessed/lmsys_dataset.bin; if that, or the tokenizer of a new model, is not there, it "
        "is made of the copy of LMSYS-Chat in --data-path. Nothing is downloaded");
  app.add_option("--run-name", flags.runName, fmt::format("That folder (default: {}, {}-2 ...)", verb.name, verb.name));
  app.add_option("--resume-from-checkpoint", flags.resume, train::resumeHelp)->capture_default_str();
  declareKeyFlags(app, flags, verb);
  app.add_option("-t,--threads", flags.threads, "0: what affinity and CPU quota allow")
      ->capture_default_str()
      ->check(CLI::Range(0, 256));
  app.add_flag("--json", flags.json, "One JSON object about the result");
}

// What stands for a trainer: training.distillation, and the settings on the command line.
Status TrainConfig::addTrainer(const TrainFlags &flags) {
  OrderedJson settings = OrderedJson::object();
  if (const OrderedJson *known = findKey(given_, "training.trainer_settings"); known && known->is_object())
    settings = *known;
  const OrderedJson *distillation = findKey(given_, "training.distillation");
  if (distillation && distillation->is_object()) {
    if (!given("training.trainer")) keyAt(given_, "training.trainer") = "distillation";
    for (const auto &[name, value] : findKey(given_, "training.distillation")->items()) {
      if (name == "teacher" && !given("training.teacher")) keyAt(given_, "training.teacher") = value;
      if (name != "teacher" && !settings.contains(name)) settings[name] = value;
    }
  }
  for (const std::string &assignment : flags.trainerSettings) {
    size_t equals = assignment.find('=');
    if (equals == assignment.npos || equals == 0)
      return diagnose(ErrorKind::invalidInput, "--trainer-setting " + assignment)
          .says("expected NAME=VALUE")
          .toFix("write for instance beta=0.2");
    OrderedJson value = OrderedJson::parse(assignment.substr(equals + 1), nullptr, false);
    settings[assignment.substr(0, equals)] = value.is_number() ? value : OrderedJson(assignment.substr(equals + 1));
  }
  if (!settings.empty()) keyAt(given_, "training.trainer_settings") = settings;
  return success();
}

// A new model is made for its trainer, and the trainer chosen for the model.
void TrainConfig::settleObjective() {
  const OrderedJson *trainer = findKey(given_, "training.trainer");
  if (recipe::fillsIn(given_) && !trainer)
    keyAt(given_, "training.trainer") = "mlm";
  else if (trainer && *trainer == "mlm" && !given("objective"))
    keyAt(given_, "objective") = "mlm";
}

Result<const models::Trainer *> TrainConfig::trainer() const { return models::trainerNamed(text("training.trainer")); }

Result<models::TrainerSettings> TrainConfig::trainerSettings() const {
  LLC_ASSIGN(const models::Trainer *trainer, this->trainer());
  models::TrainerSettings settings;
  if (const OrderedJson *given = find("training.trainer_settings"))
    for (const auto &[name, value] : given->items()) {
      if (value.is_number())
        settings.numbers[name] = value.get<double>();
      else if (value.is_string())
        settings.texts[name] = value.get<std::string>();
      else
        return diagnose(ErrorKind::invalidInput, "training.trainer_settings." + name)
            .says("is neither a number nor a text")
            .toFix("write for instance {beta: 0.2, loss_type: ipo}");
    }
  return models::completeSettings(*trainer, settings);
}

Result<TrainConfig> TrainConfig::make(const TrainFlags &flags, const TrainVerb &verb,
                                      const std::function<void(const std::string &)> &warn) {
  TrainConfig config;
  config.where_ = flags.config.empty() ? std::string(verb.name) : flags.config;
  config.given_ = OrderedJson::object();
  std::vector<std::string> warnings;
  if (!flags.config.empty()) {
    LLC_ASSIGN(config.given_, recipe::readConfig(flags.config, warnings));
  }
  for (const auto &[key, text] : flags.keys) {
    const KeyFlag *flag = key == modeFlag.key ? &modeFlag : flagOf(key);
    std::string name = flag ? std::string(flag->flag).substr(0, std::string_view(flag->flag).find(',')) : "--set";
    LLC_ASSIGN(keyAt(config.given_, key), parseFlag(*specOf(key), text, name));
  }
  for (const std::string &assignment : flags.set) LLC_TRY(recipe::setKey(config.given_, assignment));
  if (!flags.data.empty()) keyAt(config.given_, "data.path") = flags.data;
  if (!flags.freeze.empty()) keyAt(config.given_, "training.freeze") = flags.freeze;
  if (const OrderedJson *mixed = findKey(config.given_, "training.use_amp");
      mixed && !config.given("training.precision"))
    keyAt(config.given_, "training.precision") = mixed->is_boolean() && mixed->get<bool>() ? "bf16" : "f32";
  LLC_TRY(config.settleMode(verb, warn));
  LLC_TRY(config.addTrainer(flags));
  if (verb.makesModel) config.settleObjective();
  const OrderedJson *name = findKey(config.given_, "training.trainer");
  LLC_ASSIGN(const models::Trainer *trainer,
             models::trainerNamed(name && name->is_string() ? name->get<std::string>() : "causal_lm"));
  config.effective_ = config.given_;
  auto fallBack = [&](std::string_view path, const OrderedJson &value) {
    if (!value.is_null() && !findKey(config.effective_, path)) keyAt(config.effective_, path) = value;
  };
  if (verb.makesModel && recipe::fillsIn(config.given_))
    for (const auto &[key, value] : recipe::bertDefaults())
      if (!(key == "use_rope" && config.given("pos_type")) && !(key == "pos_type" && config.given("use_rope")))
        fallBack(key, value);
  for (const auto &[key, value] : trainer->defaults)
    fallBack(key, value == std::floor(value) ? OrderedJson(int64_t(value)) : OrderedJson(value));
  for (const auto &[key, value] : verb.defaults) fallBack(key, value);
  for (const KeySpec &key : recipe::configKeys())
    if (!(key.path == "d_ff" && config.given("d_model")) && !(key.path == "pos_type" && config.given("use_rope")))
      fallBack(key.path, key.initial);
  // What checkConfig warns of unknown keys has been said for the file; relations count for all.
  std::vector<std::string> again;
  LLC_TRY(recipe::checkConfig(config.effective_, config.where_, warnings.empty() ? warnings : again));
  for (const std::string &warning : warnings) warn("warning: " + warning);
  if (const OrderedJson *device = findKey(config.effective_, "device"); device && *device != "cpu" && *device != "auto")
    warn(fmt::format("warning: {}: device {} has no effect: training is on the CPU", config.where_, device->dump()));
  if (!verb.makesAdapter) warnOfAdapterKeys(config, warn);
  LLC_TRY(refuseUnavailableKeys(config, verb));
  if (trainer->scores) LLC_TRY(refuseForScores(config, verb));
  if (!trainer->hides.empty() && config.given("training.sample_prompt"))
    return diagnose(ErrorKind::unsupported, "--sample-prompt")
        .says("a model that fills in hidden tokens writes no text")
        .toFix("leave it out");
  // Steps on the command line count, also where a file gives epochs.
  if (flags.keys.contains("training.total_steps")) keyAt(config.given_, "training.epochs") = nullptr;
  return config;
}

}  // namespace llc::cli
