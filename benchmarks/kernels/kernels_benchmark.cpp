// Measures every kernel against what this machine can do, in the same run: multiply-adds per second of a loop of
// independent FMAs, and bytes per second of a loop that reads memory. Both are made by the same code generator.
//
//   kernels_benchmark [--threads N] [--only TEXT]
//
// What it does not measure: the stage and barrier code around kernels, and interference between ops of a whole model.
#include <fmt/format.h>
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <thread>

#include "compiler/jit/object.h"
#include "compiler/kernels/dense_product.h"
#include "compiler/kernels/kernels.h"
#include "compiler/kernels/panels.h"
#include "runtime/abi/llc_abi.h"

namespace llc::kernels {
namespace {

// Processor time of this thread: the time slices that other processes take do not count.
double processorTime() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Compiled {
  KernelFunction shape;
  std::shared_ptr<LoadedObject> code;
  void *address = nullptr;
  double seconds = 0;
};

template <class T>
T orDie(Result<T> result) {
  if (result) return std::move(*result);
  fprintf(stderr, "%s\n", result.error().text().c_str());
  exit(1);
}

Compiled compile(const Target &target, const std::function<KernelFunction(Emitter &)> &emit) {
  double start = now();
  mlir::DialectRegistry registry;
  registerCodeDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  Emitter emitter(*module, target);
  Compiled compiled;
  compiled.shape = emit(emitter);
  if (auto lowered = lowerToLlvm(*module); !lowered) exit(1);
  std::string assembly;
  ObjectOptions options;
  if (getenv("LLC_BENCHMARK_ASM")) options.assembly = &assembly;
  auto bytes = orDie(emitObject(*module, target, options));
  if (!assembly.empty()) fputs(assembly.c_str(), stderr);
  compiled.code = std::make_shared<LoadedObject>(orDie(LoadedObject::load(std::move(bytes), compiled.shape.symbol)));
  compiled.address = orDie(compiled.code->find(compiled.shape.symbol));
  compiled.seconds = now() - start;
  return compiled;
}

void invoke(void *f, const std::vector<void *> &p, int64_t rows, int64_t chunk, void *scratch, const void *batch) {
  using P = void *;
  using I = int64_t;
  using C = const void *;
  if (p.size() == 1) reinterpret_cast<void (*)(P, I, I, P, C)>(f)(p[0], rows, chunk, scratch, batch);
  if (p.size() == 2) reinterpret_cast<void (*)(P, P, I, I, P, C)>(f)(p[0], p[1], rows, chunk, scratch, batch);
  if (p.size() == 3) reinterpret_cast<void (*)(P, P, P, I, I, P, C)>(f)(p[0], p[1], p[2], rows, chunk, scratch, batch);
  if (p.size() == 4)
    reinterpret_cast<void (*)(P, P, P, P, I, I, P, C)>(f)(p[0], p[1], p[2], p[3], rows, chunk, scratch, batch);
}

// Large buffers in huge pages where the system gives them, touched once.
class Memory {
 public:
  explicit Memory(size_t bytes) : bytes((bytes + (2 << 20)) / (2 << 20) * (2 << 20)) {
    data = mmap(nullptr, this->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise(data, this->bytes, MADV_HUGEPAGE);
    std::memset(data, 0, this->bytes);
  }
  ~Memory() { munmap(data, bytes); }
  Memory(const Memory &) = delete;
  size_t bytes;
  void *data;
};

// Seconds of one call with all chunks claimed by `threads` threads (of the slowest): the best of several rounds.
// `pointersOf(repetition)` lets a caller walk through more memory than the caches hold.
double measure(const Compiled &kernel, int threads, int64_t rows, const llc_batch *batch, int repetitions,
               const std::function<std::vector<void *>(int)> &pointersOf) {
  std::vector<std::unique_ptr<Memory>> scratch;
  for (int t = 0; t < threads; t++) scratch.push_back(std::make_unique<Memory>(size_t(kernel.shape.scratchBytes) + 64));
  int64_t chunks = kernel.shape.chunks(rows);
  double best = 1e9;
  constexpr int rounds = 5;
  for (int round = 0; round < rounds; round++) {
    std::vector<std::atomic<int64_t>> next(size_t(repetitions) * 8);
    std::atomic<int> arrived{0};
    std::vector<double> times(size_t(threads), 0);
    auto work = [&](int thread) {
      arrived++;
      while (arrived < threads) {
      }
      double start = processorTime();
      for (int r = 0; r < repetitions; r++) {
        auto pointers = pointersOf(r);
        for (int64_t chunk; (chunk = next[size_t(r) * 8]++) < chunks;)
          invoke(kernel.address, pointers, rows, chunk, scratch[size_t(thread)]->data, batch);
      }
      times[size_t(thread)] = processorTime() - start;
    };
    std::vector<std::thread> team;
    for (int t = 1; t < threads; t++) team.emplace_back(work, t);
    work(0);
    for (auto &thread : team) thread.join();
    best = std::min(best, *std::max_element(times.begin(), times.end()) / repetitions);
  }
  return best;
}

// ---- what the machine can do
double measurePeak(const Target &target, int threads) {
  constexpr int64_t steps = 200000;
  int64_t chains = target.registers == 32 ? 24 : 12;
  if (!target.fma) chains = 8;
  Compiled kernel = compile(target, [&](Emitter &e) {
    KernelFunction shape{.symbol = "", .rowsPerChunk = 1};
    return e.kernel("peak", "peak", 1, shape, [&](const KernelArguments &in) {
      Values sums;
      for (int64_t i = 0; i < chains; i++) sums.push_back(e.constant(e.f(target.lanes), double(i)));
      Value factor = e.load(e.f(target.lanes), in.pointers[0]),
            term = e.load(e.f(target.lanes), e.gep(in.pointers[0], 64));
      sums = e.loop(e.c64(0), e.c64(steps), 1, sums, [&](Value, ValueRange carried) {
        Values next;
        for (Value sum : carried) next.push_back(e.fma(sum, factor, term));
        return next;
      });
      Value total = sums[0];
      for (size_t i = 1; i < sums.size(); i++) total = e.addf(total, sums[i]);
      e.store(total, in.scratch);
    });
  });
  Memory constants(4096);
  KernelFunction shape = kernel.shape;
  double seconds =
      measure(kernel, threads, threads, nullptr, 20, [&](int) { return std::vector<void *>{constants.data}; });
  return 2.0 * double(threads * steps * chains * target.lanes) / seconds;
}

double measureBandwidth(const Target &target, int threads, Memory &memory) {
  constexpr int64_t chunkBytes = 1 << 20;
  Compiled kernel = compile(target, [&](Emitter &e) {
    KernelFunction shape{.symbol = "", .rowsPerChunk = 1};
    return e.kernel("read", "read", 1, shape, [&](const KernelArguments &in) {
      // Four streams side by side: one alone does not keep enough lines in flight.
      Value base = e.gep(in.pointers[0], e.mul(in.chunk, chunkBytes));
      constexpr int64_t streamBytes = chunkBytes / 4;
      Values sums(4, e.zero(e.f(target.lanes)));
      sums = e.loop(e.c64(0), e.c64(streamBytes), 64, sums, [&](Value at, ValueRange carried) {
        Values next(carried);
        for (int64_t s = 0; s < 4; s++) {
          Value line = e.gep(base, e.add(at, s * streamBytes));
          e.prefetch(e.gep(line, 2048));
          for (int64_t v = 0; v < 16; v += target.lanes)
            next[s] = e.addf(next[s], e.load(e.f(target.lanes), e.gep(line, v * 4)));
        }
        return next;
      });
      e.store(e.addf(e.addf(sums[0], sums[1]), e.addf(sums[2], sums[3])), in.scratch);
    });
  });
  kernel.shape.scratchBytes = 64;
  int64_t rows = int64_t(memory.bytes) / chunkBytes;
  double seconds = measure(kernel, threads, rows, nullptr, 1, [&](int) { return std::vector<void *>{memory.data}; });
  return double(rows * chunkBytes) / seconds;
}

struct Machine {
  Target target;
  int threads;
  double flops, bytes;
  Memory &memory;  // larger than the caches
};

void report(const Machine &machine, const std::string &name, double seconds, double flops, double bytes,
            double compileSeconds) {
  printf("%-44s %9.1f us  %7.1f GF/s %4.0f%%  %6.2f GB/s %4.0f%%  compile %3.0f ms\n", name.c_str(), seconds * 1e6,
         flops / seconds * 1e-9, 100 * flops / seconds / machine.flops, bytes / seconds * 1e-9,
         100 * bytes / seconds / machine.bytes, compileSeconds * 1e3);
  fflush(stdout);
}

// Weights move through the large buffer so that a decode step reads them from memory.
void benchmarkMatmul(const Machine &machine, int64_t k, int64_t n, DType type, int64_t rows, bool gated) {
  GatedMatmulSpec spec;
  spec.k = k, spec.n = n, spec.weights = type;
  if (gated) spec.epilogue = "a*logistic(a)*b";
  Compiled kernel =
      compile(machine.target, [&](Emitter &e) { return gated ? emitGatedMatmul(e, spec) : emitMatmul(e, spec); });
  int64_t weightBytes = packedBytes(k, n, type), matrices = gated ? 2 : 1, step = roundUp(matrices * weightBytes, 4096);
  int64_t places = std::max<int64_t>(1, int64_t(machine.memory.bytes) / step);
  Memory x(size_t(rows * k * 4)), y(size_t(rows * n * 4));
  int repetitions = rows <= 8 ? int(places) : 2;
  double seconds = measure(kernel, machine.threads, rows, nullptr, repetitions, [&](int r) {
    char *w = static_cast<char *>(machine.memory.data) + (r % places) * step;
    std::vector<void *> pointers = {x.data, w};
    if (gated) pointers.push_back(w + weightBytes);
    pointers.push_back(y.data);
    return pointers;
  });
  std::string name = std::string(gated ? "gated " : "matmul ") + std::string(dtypeName(type)) + " k" +
                     std::to_string(k) + " n" + std::to_string(n) + " rows " + std::to_string(rows);
  report(machine, name, seconds, 2.0 * double(rows * k * n * matrices), double(weightBytes * matrices), kernel.seconds);
}

void benchmarkAttention(const Machine &machine, int64_t heads, int64_t kvHeads, int64_t dim, DType type, int64_t rows,
                        int64_t context) {
  PagedAttentionSpec spec{{kvHeads, dim, dim, type}, heads, 0.125f};
  Compiled kernel = compile(machine.target, [&](Emitter &e) { return emitPagedAttention(e, spec); });
  int64_t pages = (context + rows + 31) / 32 + 1;
  std::vector<int32_t> table(static_cast<size_t>(pages)), positions, sequence(static_cast<size_t>(rows), 0),
      starts = {0, int32_t(rows)};
  for (size_t i = 0; i < table.size(); i++) table[i] = int32_t(i);
  std::shuffle(table.begin(), table.end(), std::mt19937(1));
  for (int64_t r = 0; r < rows; r++) positions.push_back(int32_t(context + r));
  llc_batch batch = {};
  batch.tokens = rows, batch.sequences = 1, batch.positions = positions.data(), batch.sequence_of = sequence.data();
  batch.sequence_starts = starts.data(), batch.page_table = table.data(), batch.page_stride = pages;
  int64_t cacheBytes = cachePageBytes(spec.cache) * pages,
          places = std::max<int64_t>(1, int64_t(machine.memory.bytes) / cacheBytes);
  Memory q(size_t(rows * heads * dim * 4)), y(size_t(rows * heads * dim * 4));
  double seconds =
      measure(kernel, machine.threads, rows, &batch, rows == 1 ? int(std::min<int64_t>(places, 200)) : 2, [&](int r) {
        return std::vector<void *>{q.data, static_cast<char *>(machine.memory.data) + (r % places) * cacheBytes,
                                   y.data};
      });
  double pairs = double(rows) * double(context) + double(rows) * double(rows + 1) / 2;
  std::string name = "attention " + std::string(dtypeName(type)) + " h" + std::to_string(heads) + "/" +
                     std::to_string(kvHeads) + " d" + std::to_string(dim) + " rows " + std::to_string(rows) + " ctx " +
                     std::to_string(context);
  report(machine, name, seconds, 4.0 * pairs * double(heads * dim), double(cacheBytes), kernel.seconds);
}

void benchmarkRows(const Machine &machine, const std::string &name, const std::string &text, int64_t width,
                   int64_t rows) {
  RowProgramSpec spec{.inputs = {{"x", {-1, width}}, {"w", {width}}},
                      .outputs = {{"y", {-1, width}}},
                      .statements = orDie(index::parse(text)).statements};
  Compiled kernel = compile(machine.target, [&](Emitter &e) { return emitRowProgram(e, spec); });
  Memory x(size_t(rows * width * 4)), w(size_t(width * 4)), y(size_t(rows * width * 4));
  double seconds = measure(kernel, machine.threads, rows, nullptr, 10,
                           [&](int) { return std::vector<void *>{x.data, w.data, y.data}; });
  report(machine, name + " width " + std::to_string(width) + " rows " + std::to_string(rows), seconds, 0,
         double(rows * width * 8), kernel.seconds);
}

void benchmarkPack(const Machine &machine, DType source, DType weights) {
  PackSpec spec{2048, 5632, true, source, weights};
  Compiled kernel = compile(machine.target, [&](Emitter &e) { return emitPack(e, spec); });
  Memory from(size_t(spec.k * spec.n) * byteSize(source)), to(size_t(packedBytes(spec.k, spec.n, weights)));
  double seconds =
      measure(kernel, machine.threads, 0, nullptr, 2, [&](int) { return std::vector<void *>{from.data, to.data}; });
  report(machine, "pack " + std::string(dtypeName(source)) + " to " + std::string(dtypeName(weights)), seconds, 0,
         double(from.bytes + to.bytes), kernel.seconds);
}

double secondsOfCopy(const Machine &machine, const DenseProductSpec &spec, DenseFactor which, Memory &from,
                     Memory &to) {
  Compiled copy = compile(machine.target, [&](Emitter &e) { return copyDenseFactor(e, spec, which); });
  return measure(copy, machine.threads, 0, nullptr, 1, [&](int) { return std::vector<void *>{from.data, to.data}; });
}

// The two products of a linear layer whose bf16 weights are frozen, as they come from memory.
void benchmarkFrozen(const Machine &machine, int64_t rows, int64_t k, int64_t n) {
  const std::pair<const char *, DenseProductSpec> products[] = {
      {"forward", {.m = rows, .n = n, .k = k, .aRow = k, .aStep = 1, .bStep = 1, .bColumn = k, .yRow = n}},
      {"dx", {.m = rows, .n = k, .k = n, .aRow = n, .aStep = 1, .bStep = k, .bColumn = 1, .yRow = k}}};
  for (auto [name, spec] : products) {
    spec.aType = spec.bType = DType::bf16;
    DenseCopies copies = multipliesCopies(machine.target, spec) ? denseCopies(spec) : DenseCopies();
    size_t weightBytes = size_t(k * n * 2), places = machine.memory.bytes / weightBytes;
    Memory a(size_t(spec.m * spec.k * 2)), y(size_t(spec.m * spec.n * 4)), copyA(size_t(copies.aBytes) + 64);
    Memory copyB(size_t(copies.bBytes) + 64);
    auto weights = [&](int repetition) {
      return static_cast<void *>(static_cast<char *>(machine.memory.data) + size_t(repetition) % places * weightBytes);
    };
    double seconds = copies.aBytes ? secondsOfCopy(machine, spec, DenseFactor::a, a, copyA) : 0;
    if (copies.bBytes) seconds += secondsOfCopy(machine, spec, DenseFactor::b, machine.memory, copyB);
    spec.aCopied = copies.aBytes > 0, spec.bCopied = copies.bBytes > 0;
    Compiled kernel = compile(machine.target, [&](Emitter &e) { return emitDenseProduct(e, spec); });
    seconds += measure(kernel, machine.threads, 0, nullptr, int(std::min<size_t>(places, 8)), [&](int repetition) {
      return std::vector<void *>{spec.aCopied ? copyA.data : a.data, spec.bCopied ? copyB.data : weights(repetition),
                                 y.data};
    });
    double work = 2 * double(spec.m) * double(spec.n) * double(spec.k);
    report(machine, fmt::format("{} bf16 weights rows {} k{} n{}", name, rows, k, n), seconds, work,
           double(a.bytes + weightBytes + y.bytes), kernel.seconds);
  }
}

// The three products of a linear layer in training, of T rows, K inputs and N outputs: y[t,n] = x[t,k] w[n,k], the
// gradient of x (sums over n), that of w (sums over t); with the copies of factors that they need.
void benchmarkDense(const Machine &machine, int64_t rows, int64_t k, int64_t n, DType rounded) {
  struct Product {
    const char *name;
    DenseProductSpec spec;
  };
  const Product products[] = {
      {"forward", {.m = rows, .n = n, .k = k, .aRow = k, .aStep = 1, .bStep = 1, .bColumn = k, .yRow = n}},
      {"dx", {.m = rows, .n = k, .k = n, .aRow = n, .aStep = 1, .bStep = k, .bColumn = 1, .yRow = k}},
      {"dw", {.m = n, .n = k, .k = rows, .aRow = 1, .aStep = n, .bStep = k, .bColumn = 1, .yRow = k}}};
  for (auto [name, spec] : products) {
    spec.aRounded = spec.bRounded = rounded;
    DenseCopies copies = multipliesCopies(machine.target, spec) ? denseCopies(spec) : DenseCopies();
    Memory a(size_t(spec.m * spec.k * 4)), b(size_t(spec.k * spec.n * 4)), y(size_t(spec.m * spec.n * 4));
    Memory copyA(size_t(copies.aBytes) + 64), copyB(size_t(copies.bBytes) + 64);
    double copying = copies.aBytes ? secondsOfCopy(machine, spec, DenseFactor::a, a, copyA) : 0;
    if (copies.bBytes) copying += secondsOfCopy(machine, spec, DenseFactor::b, b, copyB);
    spec.aCopied = copies.aBytes > 0, spec.bCopied = copies.bBytes > 0;
    Compiled kernel = compile(machine.target, [&](Emitter &e) { return emitDenseProduct(e, spec); });
    std::vector<void *> pointers = {copies.aBytes ? copyA.data : a.data, copies.bBytes ? copyB.data : b.data, y.data};
    double seconds = copying + measure(kernel, machine.threads, 0, nullptr, 1, [&](int) { return pointers; });
    double work = double(spec.m) * double(spec.n) * double(spec.k);
    report(machine,
           std::string(name) + (rounded == DType::f32 ? "" : " in " + std::string(dtypeName(rounded))) + " rows " +
               std::to_string(rows) + " k" + std::to_string(k) + " n" + std::to_string(n),
           seconds, 2 * work, double(a.bytes + b.bytes + y.bytes), kernel.seconds);
  }
}

void benchmarkAll(const Machine &machine, const std::string &only) {
  auto wanted = [&](const char *name) { return only.empty() || std::string(name).find(only) != std::string::npos; };
  if (wanted("decode"))
    for (DType type : {DType::bf16, DType::f32, DType::f16}) {
      benchmarkMatmul(machine, 2048, 2048, type, 1, false);
      benchmarkMatmul(machine, 2048, 5632, type, 1, true);
      benchmarkMatmul(machine, 5632, 2048, type, 1, false);
    }
  if (wanted("decode"))
    for (int64_t rows : {2, 4, 8}) benchmarkMatmul(machine, 2048, 5632, DType::bf16, rows, false);
  if (wanted("prefill"))
    for (DType type : {DType::f32, DType::bf16, DType::f16}) benchmarkMatmul(machine, 2048, 2048, type, 512, false);
  if (wanted("prefill"))
    for (int64_t rows : {16, 64, 128, 200}) benchmarkMatmul(machine, 2048, 5632, DType::bf16, rows, false);
  if (wanted("prefill")) benchmarkMatmul(machine, 2048, 5632, DType::bf16, 512, true);
  for (DType rounded : {DType::f32, DType::bf16}) {
    if (!wanted(rounded == DType::f32 ? "training f32" : "training bf16")) continue;
    benchmarkDense(machine, 256, 768, 3072, rounded);
    benchmarkDense(machine, 256, 3072, 768, rounded);
    benchmarkDense(machine, 1024, 768, 2304, rounded);
    benchmarkDense(machine, 256, 768, 50257, rounded);
    benchmarkDense(machine, 512, 2048, 2048, rounded);
    benchmarkDense(machine, 4608, 128, 384, rounded);
    benchmarkDense(machine, 4608, 128, 2048, rounded);
  }
  if (wanted("frozen")) {
    benchmarkFrozen(machine, 256, 2048, 5632);
    benchmarkFrozen(machine, 256, 5632, 2048);
    benchmarkFrozen(machine, 256, 2048, 2048);
    benchmarkFrozen(machine, 256, 2048, 32000);
    benchmarkFrozen(machine, 1024, 2048, 5632);
  }
  if (wanted("attention"))
    for (DType type : {DType::f32, DType::bf16}) {
      benchmarkAttention(machine, 32, 4, 64, type, 1, 1000);
      benchmarkAttention(machine, 32, 4, 64, type, 512, 0);
      benchmarkAttention(machine, 32, 32, 128, type, 1, 1000);
      benchmarkAttention(machine, 32, 32, 128, type, 256, 0);
    }
  if (wanted("rows")) {
    benchmarkRows(machine, "rms_norm", "q[t] = sum[i] x[ti]*x[ti]/#i; y[ti] = x[ti]*rsqrt(q[t]+0.00001)*w[i]", 2048,
                  512);
    benchmarkRows(machine, "silu", "y[ti] = x[ti]*logistic(x[ti])", 2048, 512);
    benchmarkRows(machine, "softmax",
                  "m[t] = max[i] x[ti]; e[ti] = exp(x[ti]-m[t]); s[t] = sum[i] e[ti]; y[ti] = e[ti]/s[t]", 2048, 512);
  }
  if (wanted("pack")) {
    benchmarkPack(machine, DType::bf16, DType::bf16);
    benchmarkPack(machine, DType::f32, DType::bf16);
    benchmarkPack(machine, DType::f32, DType::f32);
  }
}

int run(int argc, char **argv) {
  int threads = 1;
  std::string only, targetName = "native";
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!strcmp(argv[i], "--threads"))
      threads = std::max(1, atoi(argv[i + 1]));
    else if (!strcmp(argv[i], "--only"))
      only = argv[i + 1];
    else if (!strcmp(argv[i], "--target-cpu"))
      targetName = argv[i + 1];
    else
      return fprintf(
                 stderr,
                 "usage: kernels_benchmark [--threads N] [--only decode|prefill|training|frozen|attention|rows|pack] "
                 "[--target-cpu NAME:TUNABLE=VALUE...]\n"),
             2;
  }
  Target target = orDie(findTarget(targetName));
  Memory memory(size_t(400) << 20);
  Machine machine{target, threads, measurePeak(target, threads), measureBandwidth(target, threads, memory), memory};
  printf("%s, %s, %d threads: %.1f GF/s f32 multiply-add, %.2f GB/s read\n", hostCpu().model.c_str(),
         targetName.c_str(), threads, machine.flops * 1e-9, machine.bytes * 1e-9);
  benchmarkAll(machine, only);
  printf("again: %.1f GF/s, %.2f GB/s\n", measurePeak(target, threads) * 1e-9,
         measureBandwidth(target, threads, memory) * 1e-9);
  return 0;
}

}  // namespace
}  // namespace llc::kernels

int main(int argc, char **argv) { return llc::kernels::run(argc, argv); }
