#include "tools/cli/compiled_training.h"

#include "compiler/pipelines/pipeline.h"
#include "runtime/base/memory.h"
#include "runtime/threads/team.h"

namespace llc::cli {

namespace {
// The memory of one call.
class Call {
 public:
  Call(const compiler::JitProgram &program, const TrainingBatch &batch) : program_(program), batch_(batch) {}

  Result<std::vector<std::vector<float>>> run(ThreadTeam &team) {
    const Manifest &m = program_.manifest;
    const EntrySpec &entry = *m.entry(trainingEntry);
    int64_t stride = int64_t((m.scratchBytes + 4095) / 4096 * 4096);
    LLC_ASSIGN(auto arena, allocatePages(m.arenaBytes + 1, "activations", "give a smaller batch"));
    LLC_ASSIGN(auto scratch, allocatePages(uint64_t(stride * team.size()) + 1, "scratch", "use fewer threads"));
    LLC_TRY(makeOutputs(entry));
    const void *inputs[] = {batch_.ids.data(), batch_.mask.data(), batch_.labels.data()};
    int64_t sizes[] = {batch_.rows * batch_.width, 0, 0};
    llc_batch none{};
    llc_context context{};
    context.abi_version = LLC_ABI_VERSION;
    context.arena = arena.get(), context.scratch = scratch.get(), context.scratch_stride = stride;
    context.parameters = program_.parameters.data(), context.batch = &none;
    context.inputs = inputs, context.outputs = pointers_.data(), context.sizes = sizes;
    team.run(program_.entries.at(trainingEntry), context);
    return std::move(outputs_);
  }

 private:
  Status makeOutputs(const EntrySpec &entry) {
    for (const TensorSpec &spec : entry.outputs) {
      size_t elements = 1;
      for (int64_t size : spec.shape) elements *= size_t(size);
      outputs_.emplace_back(elements);
    }
    for (auto &output : outputs_) pointers_.push_back(output.data());
    return success();
  }

  const compiler::JitProgram &program_;
  const TrainingBatch &batch_;
  std::vector<std::vector<float>> outputs_;
  std::vector<void *> pointers_;
};
}  // namespace

Result<std::vector<std::vector<float>>> runCompiledTraining(TracedModel &traced, const TrainingBatch &batch,
                                                            int64_t threads, Progress &progress) {
  progress.step("compiling the training program of " + traced.name);
  traced.module->lookupSymbol("loss")->erase();  // for evaluation, which is not asked for
  compiler::CompileOptions options{.startAt = compiler::Phase::differentiated};
  LLC_ASSIGN(compiler::CompiledModule compiled, compiler::compile(*traced.module, options));
  progress.step("loading weights", int64_t(compiled.manifest.parameters.size()));
  LLC_ASSIGN(compiler::JitProgram jit, compiler::loadProgram(compiled, tensorsOf(*traced.source, &progress),
                                                             {.threads = int(threads), .weights = {"none"}}));
  progress.step("computing gradients");
  ThreadTeam team(threads);
  return Call(jit, batch).run(team);
}

}  // namespace llc::cli
