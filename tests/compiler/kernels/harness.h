// Compiles one kernel for one target, loads it and runs all its chunks in a shuffled order, as a team of threads might.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <random>

#include "compiler/jit/object.h"
#include "compiler/kernels/bf16_rows.h"
#include "compiler/kernels/kernels.h"
#include "mlir/IR/Verifier.h"
#include "runtime/abi/llc_abi.h"
#include "tests/compiler/kernels/emulation.h"

namespace llc {
inline void PrintTo(const Target &target, std::ostream *out) { *out << target.name; }
}  // namespace llc

namespace llc::kernels {

// Every level that this machine has as it is; levels above it with their vector widths, tiles and masks, but compiled
// for this machine's instructions: the generators' decisions are tested everywhere, only the encoding is not.
inline Target shapeOf(IsaLevel level) {
  Target target = targetOf(level);
  const Target &host = targetOf(hostCpu().level);
  target.cpu = host.cpu, target.features = host.features, target.fma = host.fma, target.f16c = host.f16c;
  target.name += "_shape";
  return target;
}
inline std::vector<Target> testTargets() {
  std::vector<Target> targets;
  for (const Target &target : allTargets())
    if (contains(hostCpu().level, target.level))
      targets.push_back(target);
    else if (target.level == IsaLevel::avx512)
      targets.push_back(shapeOf(target.level));
  return targets;
}
// Those that read rows of bf16 (bf16_rows.h), their instructions emulated.
inline std::vector<Target> bf16RowTargets() {
  std::vector<Target> targets;
  if (hostArchitecture != Architecture::x86_64) return targets;
  for (IsaLevel level : {IsaLevel::avx512bf16, IsaLevel::amx}) {
    targets.push_back(shapeOf(level));
    targets.back().name += "_rounding";
  }
  return targets;
}
// For products: also the code for pairs of bf16 and for the tile unit, their instructions emulated; those two once more
// with activations that are numbers of bf16.
inline std::vector<Target> productTargets() {
  std::vector<Target> targets = testTargets();
  if (hostArchitecture != Architecture::x86_64) return targets;
  if (!contains(hostCpu().level, IsaLevel::avx512bf16)) targets.push_back(shapeOf(IsaLevel::avx512bf16));
  targets.push_back(shapeOf(IsaLevel::amx));
  for (const Target &target : bf16RowTargets()) targets.push_back(target);
  return targets;
}
inline bool isEmulated(const Target &target) {
  return (target.tileUnitRows || target.pairDots) && target.name != isaName(target.level);
}
inline std::string targetName(const testing::TestParamInfo<Target> &info) { return info.param.name; }

using KernelPointer = void (*)();

class KernelTest : public testing::TestWithParam<Target> {
 public:
  using Emit = std::function<KernelFunction(Emitter &)>;

  // Emits, compiles and loads.
  void compile(const Emit &emit) {
    mlir::DialectRegistry registry;
    registerCodeDialects(registry);
    mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
    context.loadAllAvailableDialects();
    mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
    Emitter emitter(*module, GetParam());
    function = emit(emitter);
    ASSERT_EQ(emit(emitter).symbol, function.symbol) << "equal specs must give the same function";
    if (isEmulated(GetParam())) emulation::emulateInstructions(*module);
    ASSERT_TRUE(mlir::succeeded(mlir::verify(*module)));
    auto lowered = lowerToLlvm(*module);
    ASSERT_TRUE(lowered.ok()) << lowered.error().text();
    ObjectOptions options;
    options.verify = true;
    options.assembly = getenv("LLC_TEST_ASM") ? &assembly : nullptr;
    auto object = emitObject(*module, GetParam(), options);
    ASSERT_TRUE(object.ok()) << object.error().text();
    if (options.assembly) fputs(assembly.c_str(), stdout);
    auto loaded = LoadedObject::load(std::move(*object), function.symbol);
    ASSERT_TRUE(loaded.ok()) << loaded.error().text();
    code = std::make_unique<LoadedObject>(std::move(*loaded));
    auto found = code->find(function.symbol);
    ASSERT_TRUE(found.ok()) << found.error().text();
    address = *found;
  }

  // Runs every chunk once; `parts`: how many times chunks(rows) there are (kernels that are cut along the context).
  // Scratch starts as NaN and is followed by a guard that must stay intact.
  void run(std::vector<void *> pointers, int64_t rows, const llc_batch *batch = nullptr, int64_t parts = 1) {
    constexpr int64_t guard = 64;
    std::vector<float> scratch(size_t(function.scratchBytes / 4 + guard + 16), std::numeric_limits<float>::quiet_NaN());
    auto base = (reinterpret_cast<uintptr_t>(scratch.data()) + 63) / 64 * 64;
    auto *aligned = reinterpret_cast<float *>(base);
    for (int64_t i = 0; i < guard; i++) aligned[(function.scratchBytes + 3) / 4 + i] = 12345;
    std::vector<int64_t> order(size_t(function.chunks(rows) * parts));
    for (size_t i = 0; i < order.size(); i++) order[i] = int64_t(i);
    std::shuffle(order.begin(), order.end(), std::mt19937(7));
    for (int64_t chunk : order) invoke(pointers, rows, chunk, aligned, batch);
    for (int64_t i = 0; i < guard; i++)
      ASSERT_EQ(aligned[(function.scratchBytes + 3) / 4 + i], 12345) << "scratch overrun";
  }

  void invoke(const std::vector<void *> &p, int64_t rows, int64_t chunk, void *scratch, const void *batch) {
    ASSERT_TRUE(invokeWith<1>(p, rows, chunk, scratch, batch)) << p.size() << " pointers";
  }

  KernelFunction function;
  std::string assembly;
  void *address = nullptr;
  std::unique_ptr<LoadedObject> code;

 private:
  template <size_t>
  using Pointer = void *;
  template <size_t... i>
  void call(std::index_sequence<i...>, const std::vector<void *> &p, int64_t rows, int64_t chunk, void *scratch,
            const void *batch) {
    using Kernel = void (*)(Pointer<i>..., int64_t, int64_t, void *, const void *);
    reinterpret_cast<Kernel>(address)(p[i]..., rows, chunk, scratch, batch);
  }
  // Calls the kernel as a function of `count` pointers if there are so many, else tries more.
  template <size_t count>
  bool invokeWith(const std::vector<void *> &p, int64_t rows, int64_t chunk, void *scratch, const void *batch) {
    if constexpr (count > 16) {
      return false;
    } else {
      if (p.size() != count) return invokeWith<count + 1>(p, rows, chunk, scratch, batch);
      call(std::make_index_sequence<count>(), p, rows, chunk, scratch, batch);
      return true;
    }
  }
};

inline std::vector<float> randomFloats(size_t count, uint32_t seed, float scale = 1) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(count);
  for (auto &value : values) value = normal(generator);
  return values;
}

// A buffer of elements of any type with a guard behind it.
class Buffer {
 public:
  Buffer(DType type, std::vector<float> values)
      : type(type), count(values.size()), bytes(count * byteSize(type) + 64, 0xa5) {
    for (size_t i = 0; i < count; i++) storeElement(bytes.data(), type, i, values[i]);
  }
  Buffer(DType type, size_t count) : type(type), count(count), bytes(count * byteSize(type) + 64, 0xa5) {}
  double operator[](size_t index) const { return loadElement(bytes.data(), type, index); }
  void *data() { return bytes.data(); }
  bool intact() const {
    return std::all_of(bytes.begin() + long(count * byteSize(type)), bytes.end(), [](uint8_t b) { return b == 0xa5; });
  }
  DType type;
  size_t count;
  std::vector<uint8_t> bytes;
};

// w[k][n] in panels, as kernels.h describes them.
inline Buffer packReference(DType type, const std::vector<float> &w, int64_t k, int64_t n) {
  Buffer packed(type, size_t(packedBytes(k, n, type)) / byteSize(type));
  int64_t steps = type == DType::bf16 ? (k + 1) / 2 * 2 : k, panels = (n + 15) / 16;
  for (int64_t p = 0; p < panels; p++)
    for (int64_t i = 0; i < steps; i++)
      for (int64_t c = 0; c < 16; c++) {
        float value = i < k && p * 16 + c < n ? w[i * n + p * 16 + c] : 0;
        int64_t at = type == DType::bf16 ? p * steps * 16 + i / 2 * 32 + c * 2 + i % 2 : (p * steps + i) * 16 + c;
        storeElement(packed.data(), type, at, value);
      }
  return packed;
}
// What is left of a value after a round trip through `type`.
inline double rounded(DType type, double value) {
  double cell = 0;
  storeElement(&cell, type, 0, value);
  return loadElement(&cell, type, 0);
}
// Whether a test of this target gives products numbers of bf16, and whether as rows of bf16.
inline bool roundsActivations(const Target &target) { return target.name.ends_with("_rounding"); }
inline bool givesBf16Rows(const Target &target, DType weights, int64_t k) {
  return roundsActivations(target) && weights == DType::bf16 && k % 2 == 0;
}
inline std::vector<float> randomActivations(size_t count, uint32_t seed, const Target &target) {
  std::vector<float> x = randomFloats(count, seed);
  if (roundsActivations(target))
    for (float &value : x) value = float(rounded(DType::bf16, value));
  return x;
}
// x[rows,columns] as rows of bf16, if so many are, in as much memory, and NaN between them; and back.
inline bool areBf16Rows(const Target &target, int64_t rows) {
  return bf16RowsFrom(target) > 0 && rows >= bf16RowsFrom(target);
}
inline std::vector<float> toBf16Rows(const Target &target, std::vector<float> x, int64_t columns) {
  int64_t rows = int64_t(x.size()) / columns;
  if (!areBf16Rows(target, rows)) return x;
  std::vector<float> stored(x.size(), std::bit_cast<float>(0xffffffff));
  for (int64_t t = 0; t < rows; t++)
    for (int64_t i = 0; i < columns; i++)
      storeElement(reinterpret_cast<uint8_t *>(stored.data()) + t * bf16RowBytes(columns), DType::bf16, i,
                   x[size_t(t * columns + i)]);
  return stored;
}
inline std::vector<float> fromBf16Rows(const Target &target, const void *stored, int64_t rows, int64_t columns) {
  bool halves = areBf16Rows(target, rows);
  std::vector<float> y;
  for (int64_t t = 0; t < rows; t++)
    for (int64_t i = 0; i < columns; i++)
      y.push_back(
          float(loadElement(static_cast<const uint8_t *>(stored) + t * (halves ? bf16RowBytes(columns) : columns * 4),
                            halves ? DType::bf16 : DType::f32, i)));
  return y;
}
// Two bf16 terms of an activation leave out 2^-18 of it. Tests of odd k give them to a tile unit, too.
inline double productTolerance(const Target &target, DType weights, int64_t k) {
  return target.tileUnitRows && weights == DType::bf16 && !givesBf16Rows(target, weights, k) ? 5e-6 : 1e-6;
}

}  // namespace llc::kernels
