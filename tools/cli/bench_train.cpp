// bench train: the speed of a whole training step of a well-known shape, weights drawn at random.
#include <fmt/format.h>

#include <filesystem>
#include <random>

#include "models/registry.h"
#include "runtime/base/clock.h"
#include "runtime/base/memory.h"
#include "runtime/base/output_file.h"
#include "runtime/base/temporary_folder.h"
#include "runtime/serve/bench.h"
#include "runtime/threads/limits.h"
#include "runtime/threads/team.h"
#include "tools/cli/adapters.h"
#include "tools/cli/bench.h"
#include "tools/cli/early_updates.h"
#include "tools/cli/gradient_checkpointing.h"
#include "tools/cli/new_adapter.h"
#include "tools/cli/new_model.h"
#include "tools/cli/training_step.h"

namespace llc::cli {

namespace {
namespace fs = std::filesystem;

struct Shape {
  const char *name, *config;
};
constexpr Shape shapes[] = {
    {"gpt2-124m",
     R"({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": 50257, "n_positions": 1024,
        "n_embd": 768, "n_layer": 12, "n_head": 12})"},
    {"tinyllama-1.1b",
     R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 32000, "hidden_size": 2048,
        "intermediate_size": 5632, "num_hidden_layers": 22, "num_attention_heads": 32, "num_key_value_heads": 4,
        "max_position_embeddings": 2048, "rms_norm_eps": 1e-05})"},
    {"llama-15m",
     R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 32000, "hidden_size": 288,
        "intermediate_size": 768, "num_hidden_layers": 6, "num_attention_heads": 6, "max_position_embeddings": 1024})"},
    {"tiny", R"({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": 512, "n_positions": 256,
        "n_embd": 64, "n_layer": 2, "n_head": 2})"}};

struct BenchTrainFlags {
  std::string shape = "gpt2-124m";
  StepOptions step{.rows = 4, .length = 64};
  int64_t steps = 5, loraRank = 0;
  std::string baseType = "f32";
  bool json = false;
};

void declareBenchTrain(CLI::App &app, BenchTrainFlags &o) {
  std::vector<std::string> names;
  for (const Shape &shape : shapes) names.push_back(shape.name);
  app.add_option("--shape", o.shape, "Model")->capture_default_str()->check(CLI::IsMember(names));
  app.add_option("--dtype", o.step.precision,
                 "What products of matrices read: f32, or values rounded to bf16, f16 or fp8; weights, "
                 "the optimizer and the rest are f32")
      ->capture_default_str()
      ->check(CLI::IsMember({"f32", "bf16", "f16", "fp8"}));
  app.add_option("--batch", o.step.rows, "Rows of the batch")->capture_default_str()->check(CLI::Range(1, 4096));
  app.add_option("--sequence", o.step.length, "Tokens of a row")->capture_default_str()->check(CLI::Range(2, 1 << 20));
  app.add_option("--optimizer", o.step.optimizer, "Optimizer")->capture_default_str();
  app.add_option("--optimizer-state", o.step.optimizerState, "What it keeps: f32, 8bit")
      ->check(CLI::IsMember({"f32", "8bit"}))
      ->capture_default_str();
  addEarlyUpdatesFlags(app, o.step);
  addGradientCheckpointingFlag(app, o.step.gradientCheckpointing, /*budgets=*/true);
  auto *rank = app.add_option("--lora-rank", o.loraRank,
                              "Trains a LoRA of this rank on the attention's projections; 0: all weights")
                   ->capture_default_str()
                   ->check(CLI::Range(0, 4096));
  app.add_option("--base-dtype", o.baseType, "Type of the weights that a LoRA leaves as they are: f32, f16, bf16")
      ->capture_default_str()
      ->check(CLI::IsMember({"f32", "f16", "bf16"}))
      ->needs(rank);
  app.add_option("--steps", o.steps, "Measured steps; two more warm up")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_option("--threads", o.step.threads, "Threads; 0: one per core that this process may use")
      ->capture_default_str()
      ->check(CLI::Range(0, LLC_MAX_THREADS));
  app.add_flag("--json", o.json, "One JSON object instead of lines for people");
}

// A model directory. Weights are written to be read once.
Result<TemporaryFolder> makeModel(const std::string &config, DType type) {
  LLC_ASSIGN(TemporaryFolder folder, TemporaryFolder::make("room for the weights"));
  LLC_TRY(writeFile(folder.path() + "/config.json", config));
  LLC_TRY(writeNewWeights(folder.path(), 42, 0.02, type));
  return std::move(folder);
}

// An adapter for the model, in a folder of its directory.
Result<std::string> writeLora(const std::string &model, int64_t rank) {
  LLC_ASSIGN(huggingface::ModelSource source, huggingface::openHuggingFace(model, models::architectures()));
  AdapterRequest request;
  request.settings.rank = rank;
  LLC_ASSIGN(std::vector<dsl::Projection> modules, projectionsOf(source.model));
  for (const std::vector<std::string> &attention :
       {std::vector<std::string>{"q_proj", "k_proj", "v_proj", "o_proj"}, {"attn.c_attn", "attn.c_proj"}})
    if (huggingface::chooseTargets(attention, modules).ok()) request.targets = attention;
  LLC_ASSIGN(AdapterPlan plan, planAdapter(source, request));
  LLC_TRY(writeNewAdapter(source, plan, model + "/lora", 42));
  return model + "/lora";
}

struct Measured {
  std::vector<double> seconds;
  double loss = 0;
};

Result<Measured> measure(train::StepProgram &program, const BenchTrainFlags &o, int64_t vocabulary,
                         Progress &progress) {
  std::mt19937_64 bits(0);
  std::vector<int32_t> ids(size_t(o.step.rows * o.step.length)), segments(ids.size(), 1);
  for (int32_t &id : ids) id = int32_t(bits() % uint64_t(vocabulary));
  train::Batch batch{o.step.rows, o.step.length, ids, segments, ids};
  Measured measured;
  constexpr int64_t warmUps = 2;
  progress.step("measuring", o.steps + warmUps);
  for (int64_t i = 0; i < o.steps + warmUps; ++i) {
    auto begin = Clock::now();
    LLC_ASSIGN(train::StepResult result, program.step({&batch, 1}, {.learningRate = 1e-4, .step = i + 1}));
    if (i >= warmUps) measured.seconds.push_back(secondsSince(begin));
    measured.loss = result.loss;
    progress.advance();
  }
  return measured;
}

Status runBenchTrain(Context &context, CLI::App &, BenchTrainFlags &o) {
  Progress progress(context.quiet);
  const Shape &shape = *std::find_if(std::begin(shapes), std::end(shapes), [&](auto &s) { return o.shape == s.name; });
  auto config = nlohmann::json::parse(shape.config);
  progress.step("drawing the weights of " + o.shape);
  LLC_ASSIGN(TemporaryFolder directory, makeModel(shape.config, *parseDType(o.baseType)));
  if (o.loraRank) {
    LLC_ASSIGN(o.step.adapter, writeLora(directory.path(), o.loraRank));
  }
  auto begin = Clock::now();
  LLC_ASSIGN(auto program, makeTrainingStep(directory.path(), o.step, progress));
  double compileSeconds = secondsSince(begin);
  LLC_ASSIGN(Measured measured, measure(*program, o, config["vocab_size"].get<int64_t>(), progress));
  progress.finish();
  ThreadTeam team(o.step.threads ? o.step.threads : threadLimits().threads);
  double seconds = median(measured.seconds), tokens = double(o.step.rows * o.step.length);
  double share = program->flopsPerStep() / seconds / measurePeakFlops(team, "", "f32");
  nlohmann::json json = {{"shape", o.shape},
                         {"dtype", o.step.precision},
                         {"batch", o.step.rows},
                         {"sequence", o.step.length},
                         {"optimizer", o.step.optimizer},
                         {"max_grad_norm", o.step.maxGradNorm},
                         {"early_updates", program->movesEarly()},
                         {"lora_rank", o.loraRank},
                         {"base_dtype", o.baseType},
                         {"threads", team.size()},
                         {"step_ms", seconds * 1e3},
                         {"tok_s", tokens / seconds},
                         {"peak_rss_gb", double(peakResidentBytes()) / 1e9},
                         {"planned_gb", double(program->plannedBytes()) / 1e9},
                         {"flop_share", share},
                         {"compile_s", compileSeconds},
                         {"loss", measured.loss}};
  if (o.json) {
    fmt::print("{}\n", json.dump());
    return success();
  }
  fmt::print("{} {} batch {} x {}: {:.1f} ms a step, {:.1f} tokens/s, {:.0f} % of the peak\n", o.shape,
             o.step.precision, o.step.rows, o.step.length, seconds * 1e3, tokens / seconds, share * 100);
  fmt::print("memory {:.2f} GB (planned {:.2f}), ready after {:.1f} s, loss {:.4f}\n",
             double(peakResidentBytes()) / 1e9, double(program->plannedBytes()) / 1e9, compileSeconds, measured.loss);
  return success();
}
}  // namespace

void addBenchTrain(Context &context, CLI::App &bench) {
  addCommand<BenchTrainFlags>(context, bench, "train", "Measures a whole training step: forward, backward, optimizer",
                              declareBenchTrain, runBenchTrain);
}

}  // namespace llc::cli
