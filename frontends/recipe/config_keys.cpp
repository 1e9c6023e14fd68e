// The table of keys, and the sizes.
#include <fmt/format.h>

#include <set>

#include "frontends/recipe/model_config.h"

namespace llc::recipe {

namespace {
constexpr double big = 1e15;
using Texts = std::vector<std::string>;

KeySpec integer(std::string_view path, OrderedJson initial, double least, double most, std::string_view help) {
  return {std::string(path), KeyType::integer, std::move(initial), least, most, {}, std::string(help)};
}
KeySpec number(std::string_view path, OrderedJson initial, double least, double most, std::string_view help) {
  return {std::string(path), KeyType::number, std::move(initial), least, most, {}, std::string(help)};
}
KeySpec boolean(std::string_view path, OrderedJson initial, std::string_view help) {
  return {std::string(path), KeyType::boolean, std::move(initial), 0, 0, {}, std::string(help)};
}
KeySpec text(std::string_view path, OrderedJson initial, Texts choices, std::string_view help) {
  return {std::string(path), KeyType::text, std::move(initial), 0, 0, std::move(choices), std::string(help)};
}
KeySpec other(std::string_view path, KeyType type, OrderedJson initial, std::string_view help) {
  return {std::string(path), type, std::move(initial), 0, 0, {}, std::string(help)};
}

std::vector<KeySpec> modelKeys() {
  return {
      integer("vocab_size", 32000, 1, 1 << 24, "Tokens; the tokenizer's"),
      integer("d_model", 4096, 1, 1 << 20, "Width of the hidden states"),
      integer("n_layers", 32, 1, 1 << 16, "Blocks"),
      integer("n_heads", 32, 1, 1 << 16, "Query heads; divides d_model unless head_dim is given"),
      integer("n_kv_heads", nullptr, 1, 1 << 16, "Key and value heads; divides n_heads; absent: n_heads"),
      integer("head_dim", nullptr, 1, 1 << 16, "Width of a head; absent: d_model / n_heads"),
      integer("d_ff", 11008, 1, 1 << 22,
              "Width of the feed-forward layer; absent: 8/3 of d_model, up to a multiple of 256"),
      text("ffn_type", nullptr, {"swiglu", "geglu", "gelu", "relu", "silu"}, "Absent: swiglu"),
      integer("max_len", 4096, 1, 1 << 24, "Tokens of the longest sequence"),
      number(
          "dropout", 0.0, 0, 0.99,
          "Share of the embeddings and of the outputs of sub-layers that is left out; of a model that exists: absent, "
          "what its config.json says"),
      number("embedding_dropout", nullptr, 0, 0.99, "Of the embeddings; absent: dropout"),
      number("attention_dropout", 0.0, 0, 0.99, "Of the weights of attention, as dropout"),
      integer("pad_token_id", 0, 0, 1 << 24, "The tokenizer's"),
      integer("bos_token_id", 1, 0, 1 << 24, "The tokenizer's"),
      integer("eos_token_id", 2, 0, 1 << 24, "The tokenizer's"),
      boolean("use_rope", true, "Counts only where pos_type is absent: false means absolute"),
      text("pos_type", "rope", {"rope", "absolute", "sinusoidal", "alibi"}, "How positions are told apart"),
      number("rope_theta", nullptr, 1, 1e12, "Base of the rotation's wavelengths; absent: 10000"),
      other("rope_scaling", KeyType::object, nullptr, "{type: linear, dynamic or yarn, factor}"),
      other("use_gradient_checkpointing", KeyType::booleanOrText, false,
            "Recomputes blocks in the backward pass; or what they keep: see --gradient-checkpointing of bench train"),
      text("attention_type", "standard", {"standard", "flash2", "sparse", "mqa", "gqa"},
           "How attention is computed; mqa: one key and value head"),
      boolean("norm_first", true, "Norms before the sub-layers; false: after them"),
      number("initializer_range", 0.02, 0, 10, "Standard deviation of the first weights"),
      number("rms_norm_eps", 1e-6, 0, 1, "Added to the mean of squares"),
      boolean("tie_word_embeddings", false, "The head is the embedding"),
      boolean("use_parallel_ffn", false, "Attention and feed-forward side by side, not one after the other"),
      integer("window", nullptr, 1, 1 << 24, "Attention sees so many tokens back; absent: all"),
      other("sparse_attention", KeyType::object, nullptr, "{block, global, stride}"),
      text("objective", nullptr, {"causal", "mlm"}, "Absent: causal"),
      text("device", nullptr, {}, "Accepted for older files"),
      boolean("use_flash_mha", nullptr, "Older name: attention_type flash2"),
      boolean("use_flash_attention", nullptr, "Older name: attention_type flash2"),
      boolean("use_rms_norm", nullptr, "false: LayerNorm"),
      boolean("use_biasless_norm", nullptr, "LayerNorm without bias"),
      boolean("use_fused_swiglu", nullptr, "Accepted for older files"),
      boolean("use_kv_cache", nullptr, "Accepted for older files"),
  };
}

std::vector<KeySpec> trainingKeys() {
  return {
      text("training.optimizer", "adamw",
           {"sgd", "adamw", "lion", "adafactor", "rmsprop", "muon", "mars", "adamw_8bit", "adamw_bnb_8bit", "lion_8bit",
            "lion_bnb_8bit", "rmsprop_bnb_8bit"},
           "Rule of the updates; NAME_8bit and NAME_bnb_8bit: NAME with optimizer_state 8bit"),
      text("training.optimizer_state", "f32", {"f32", "8bit"},
           "What is kept for weights of 4096 elements and more; 8bit: blocks of 256 with a scale each"),
      number("training.lr", 3e-4, 0, 10, "Learning rate at its peak"),
      number("training.weight_decay", 0.1, 0, 10, "Of matrices; vectors don't decay"),
      number("training.max_grad_norm", 1.0, 0, 1e6, "Gradients are clipped at this global norm; 0: never"),
      text("training.early_updates", "auto", {"auto", "always", "never"},
           "Each weight moves as soon as its gradient is complete; auto: where nothing has to see all gradients first"),
      text("training.lr_schedule", "cosine",
           {"none", "constant", "linear", "cosine", "wsd", "polynomial", "multistage"}, "After warming up"),
      number("training.lr_power", 1.0, 0.01, 100, "Of polynomial"),
      other("training.lr_stages", KeyType::object, nullptr,
            "Of multistage: {SHARE: RATIO}: from that share of all steps on the learning rate is that share of its "
            "peak; absent: {0.8: 0.316, 0.9: 0.1}"),
      number("training.lr_decay", 1.0, 0.01, 1,
             "Layer by layer, from the last one down to the embeddings: each learns by so much of the rate above it"),
      number("training.decay_share", 0.1, 0, 1, "Of wsd: share of all steps, at the end, in which it falls"),
      other("training.optimizer_settings", KeyType::object, nullptr, "{beta1, beta2, eps ...}: those of the optimizer"),
      other("training.parameter_groups", KeyType::object, nullptr,
            "{PATTERN: {lr, weight_decay}}: of the weights with names like that; the first that fits counts"),
      other("training.freeze", KeyType::texts, nullptr, "Patterns of the names of weights that stay as they are"),
      integer("training.warmup_steps", 500, 0, big, "Steps from 0 to lr"),
      integer("training.total_steps", nullptr, 1, big, "Steps; absent, or with epochs: as many as these give"),
      number("training.min_lr_ratio", 0.1, 0, 1, "Learning rate at the end, as a share of lr"),
      integer("training.gradient_accumulation_steps", 4, 1, 1 << 20, "Micro-batches a step, weighted by their tokens"),
      integer("training.batch_size", 8, 1, 1 << 20, "Rows of a micro-batch"),
      integer("training.epochs", 1, 1, 1 << 20, "Passes over the data"),
      integer("training.seed", 42, 0, big, "Of weights, data order and dropout"),
      text("training.precision", "auto", {"auto", "f32", "bf16", "f16", "fp8"},
           "What products of matrices read; all else is f32. auto: f32"),
      text("training.weight_dtype", "f32", {"f32", "bf16"},
           "Of matrices that are trained; bf16: without a copy in f32, vectors stay f32"),
      boolean("training.stochastic_rounding", true,
              "Weights in bf16 are rounded up or down at random, right in the mean; false: to the nearest"),
      integer("training.log_interval", 10, 1, big, "Steps"),
      integer("training.save_interval", 1000, 0, big, "Steps; 0: only at the end"),
      integer("training.eval_interval", 500, 0, big, "Steps; 0: only at the end"),
      number("training.ema_decay", 0.0, 0, 0.9999999,
             "Of averages of the weights over the steps, which evaluation is of; 0: no averages"),
      boolean("training.ema_model", true, "Checkpoints are models of the averages; false: of the latest weights"),
      integer("training.early_stopping_patience", 0, 0, big,
              "Evaluations without improvement before it stops (5 is usual); 0: never"),
      number("training.early_stopping_threshold", 1e-4, 0, 1e6, "What counts as improvement"),
      number("training.validation_split", 0.1, 0, 0.9, "Share of the data, when there is no other for evaluation"),
      integer("training.max_bad_steps", 10, 1, big,
              "Steps in a row whose loss or gradient is not finite; they are left out, then training stops"),
      text("training.sample_prompt", nullptr, {}, "Text that is gone on with at each evaluation; absent: none"),
      other("training.curriculum", KeyType::object, nullptr,
            "{start_len, end_len, steps, schedule: linear, sqrt or steps, multiple}: texts in pieces that get longer"),
      boolean("training.use_amp", nullptr, "Older name: true is precision bf16, false f32; precision counts"),
      text("training.mode", nullptr,
           {"sft", "full", "lora", "qlora", "adapter", "prompt", "p-tuning", "p-tuning-v2", "prefix"},
           "Of finetune: what is trained; absent: all weights, by sft where the data are records"),
      other("training.active_learning", KeyType::object, nullptr, "{pool, rounds, fraction, strategy}"),
      text("training.trainer", "causal_lm", {}, "What is learned: causal_lm, or one that llc-model trainers lists"),
      other("training.trainer_settings", KeyType::object, nullptr, "{beta ...}: those of the trainer"),
      text("training.vocab_mismatch", "resize", {"resize", "error"},
           "A tokenizer with more tokens than the model: resize: the model gets rows for them"),
      text("training.teacher", nullptr, {}, "Model to learn from, for trainers that have a teacher"),
      other("training.distillation", KeyType::object, nullptr,
            "{teacher, temperature, alpha}: trainer distillation with these settings"),
  };
}

std::vector<KeySpec> sectionKeys() {
  return {
      other("data.path", KeyType::texts, nullptr, "Datasets or texts, each with :WEIGHT if wanted"),
      text("data.tokenizer_path", "weights/tokenizer.model", {}, "Tokenizer file or directory"),
      other("data.mix", KeyType::object, nullptr, "Weights stand behind the paths: data.path"),
      integer("data.block_size", nullptr, 2, 1 << 24, "Tokens of a row; absent: max_len"),
      integer("data.num_workers", 2, 0, 1024, "Threads that prepare batches"),
      integer("data.prefetch", 4, 0, 1 << 16, "Batches made ahead"),
      boolean("data.shuffle", true, "Within windows, by shuffle_seed"),
      integer("data.shuffle_seed", 42, 0, big, "The same seed gives the same order"),
      boolean("data.packing", true, "Several documents in a row, without attention between them"),
      text("data.on_bad_record", "refuse", {"refuse", "skip"}, "Records that are broken; skip: with a warning"),
      text("data.chat_format", nullptr, {"template", "chatml", "roles"}, "How conversations become text"),
      boolean("data.completion_only_loss", true, "Of a prompt with its completion only the completion is learned"),
      boolean("data.assistant_only_loss", false, "Of a conversation only what the assistant says is learned"),
      integer("data.max_prompt_length", 256, 1, 1 << 24, "Of preferences: the last tokens of a prompt that are kept"),
      integer("data.max_completion_length", nullptr, 1, 1 << 24,
              "Of preferences: the first tokens of a completion that are kept; absent: what the prompt leaves"),
      integer("lora.r", 16, 1, 1 << 16, "Rank"),
      number("lora.alpha", 16, 0, 1e6, "The update is scaled by alpha / r"),
      number("lora.dropout", 0.0, 0, 0.99, "On the adapter's input"),
      other("lora.target_modules", KeyType::texts, OrderedJson({"q_proj", "v_proj"}),
            "Name endings, re:REGEX, or all-linear"),
      boolean("lora.use_rslora", false, "Scaled by alpha / sqrt(r)"),
      boolean("lora.use_dora", false, "Lengths of the weights' rows are trained, too"),
      boolean("lora.merge", false, "Writes merged weights, too"),
      text("peft.type", "lora", {"lora", "ia3", "bottleneck", "prompt_tuning", "p_tuning", "prefix_tuning"},
           "What is trained beside the model"),
      other("peft.modules_to_save", KeyType::texts, nullptr, "Endings of names of modules that are trained in full"),
      other("peft.feedforward_modules", KeyType::texts, nullptr,
            "Of ia3: those of the target modules whose inputs are scaled, not what they give; absent: the usual ones"),
      integer("peft.bottleneck_size", 64, 1, 1 << 20, "Width of adapters that are layers of their own"),
      text("peft.non_linearity", "relu", {"relu", "gelu", "gelu_new", "silu", "tanh"}, "Of such adapters"),
      integer("peft.num_virtual_tokens", 20, 1, 1 << 16, "That stand before each text"),
      text("peft.prompt_tuning_init_text", nullptr, {}, "What their embeddings begin as; absent: random"),
      text("peft.encoder_reparameterization_type", "MLP", {"MLP", "LSTM"}, "What computes embeddings in p_tuning"),
      integer("peft.encoder_hidden_size", nullptr, 1, 1 << 20, "Of that; absent: as wide as what it gives them to"),
      boolean("peft.prefix_projection", false, "Keys and values are computed by a small network, too"),
      other("evaluation.tasks", KeyType::texts, OrderedJson({"perplexity"}), "What is measured"),
      integer("evaluation.batch_size", nullptr, 1, 1 << 20, "Rows; those of training.batch_size"),
      integer("evaluation.few_shot", nullptr, 0, 1000, "Examples before each question, of other tasks"),
      integer("evaluation.max_new_tokens", nullptr, 1, 1 << 24, "Of answers, of other tasks"),
      integer("evaluation.num_batches", nullptr, 1, big, "Of the held-out data; absent: all"),
      text("logging.level", "INFO", {"DEBUG", "INFO", "WARNING", "ERROR"}, "Least level that is written"),
      text("logging.file", "training.log", {}, "Log of lines for people"),
      boolean("logging.json", false, "JSON lines on the standard error output"),
      integer("logging.rotate_bytes", 10 << 20, 0, big, "Size at which logs begin a new file; 0: never"),
      integer("logging.rotate_keep", 5, 0, 1000, "Older files of a log that are kept: NAME.1 is the newest"),
      other("logging.alerts", KeyType::objects, nullptr,
            "[{metric, op, threshold, steps, stop, command}]: what is said, or ends the run, when a metric goes there"),
      other("logging.trackers", KeyType::texts, OrderedJson({"jsonl"}), "jsonl, tensorboard, mlflow, wandb"),
      text("checkpoint.dir", "checkpoints", {}, "Where checkpoints are written"),
      integer("checkpoint.keep_last", 3, 1, big, "Newest ones that are kept"),
      integer("checkpoint.keep_best", 1, 0, big, "Best ones that are kept"),
      integer("checkpoint.keep_every", 0, 0, big, "Each of these many steps is kept for good; 0: none"),
      integer("checkpoint.shard_bytes", 5'000'000'000, 1 << 20, big, "Largest file of weights"),
      other("checkpoint.sharded", KeyType::booleanOrText, nullptr, "auto: above shard_bytes"),
      boolean("checkpoint.async", nullptr, "Written while training goes on"),
      boolean("checkpoint.save_optimizer", true, "Needed to go on training"),
      text("distributed.strategy", nullptr, {"none", "ddp", "zero1", "zero2", "zero3", "fsdp"}, "Absent: none"),
      integer("distributed.zero_stage", nullptr, 0, 3, "Absent: 0"),
      text("distributed.mesh", nullptr, {}, "Absent: auto"),
      text("distributed.backend", nullptr, {}, "Absent: mpi"),
  };
}

struct Size {
  const char *name;
  int64_t width, layers, heads, feedForward, length;
};
constexpr Size sizes[] = {{"tiny", 512, 8, 8, 1024, 512},
                          {"small", 1024, 12, 16, 2048, 1024},
                          {"base", 2048, 24, 16, 5504, 2048},
                          {"large", 2560, 32, 32, 6912, 4096},
                          {"xl", 4096, 64, 32, 11008, 4096}};
}  // namespace

const std::vector<KeySpec> &configKeys() {
  static const std::vector<KeySpec> keys = [] {
    std::vector<KeySpec> all = modelKeys();
    for (auto &&more : {trainingKeys(), sectionKeys()}) all.insert(all.end(), more.begin(), more.end());
    return all;
  }();
  return keys;
}

const std::vector<std::string> &sizeNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const Size &size : sizes) list.emplace_back(size.name);
    return list;
  }();
  return names;
}

Result<OrderedJson> configOfSize(const std::string &name, bool full) {
  const Size *size = nullptr;
  for (const Size &one : sizes)
    if (name == one.name) size = &one;
  if (!size)
    return diagnose(ErrorKind::invalidInput, "--type")
        .says("there is no size '" + name + "'")
        .toFix(fmt::format("use one of {}", fmt::join(sizeNames(), ", ")));
  OrderedJson config = OrderedJson::object();
  // Their defaults depend on other keys: written down they would be something else.
  const std::set<std::string_view> computed = {"training.warmup_steps", "training.min_lr_ratio"};
  for (const KeySpec &key : configKeys()) {
    size_t dot = key.path.find('.');
    if (key.initial.is_null() || computed.contains(key.path) || (dot != key.path.npos && !full)) continue;
    if (dot == key.path.npos)
      config[std::string(key.path)] = key.initial;
    else
      config[std::string(key.path.substr(0, dot))][std::string(key.path.substr(dot + 1))] = key.initial;
  }
  config["d_model"] = size->width;
  config["n_layers"] = size->layers;
  config["n_heads"] = size->heads;
  config["d_ff"] = size->feedForward;
  config["max_len"] = size->length;
  if (name == "base") config["dropout"] = 0.1;
  if (name == "large" || name == "xl") config["use_gradient_checkpointing"] = true;
  if (name == "xl") config["attention_type"] = "flash2";
  return config;
}

}  // namespace llc::recipe
