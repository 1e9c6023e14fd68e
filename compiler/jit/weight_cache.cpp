// Bringing gigabytes to a disk takes long, and who asked for one token should not wait for it. So an entry appears as
// soon as it is in the page cache, marked with the boot of the machine: until the machine stops, all of it is there.
// What a stop may have torn has another boot's mark and counts as absent, unless it was settled (fdatasync) before.
#include "compiler/jit/weight_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>

namespace llc::compiler {
namespace {
constexpr uint64_t pageBytes = 4096;
constexpr std::string_view format = "llc-weights 1\n", settledState = "settled";
constexpr size_t stateBytes = 40;  // a boot's name has 36

std::string bootName() {
  std::string name(36, '\0');
  int descriptor = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return "";
  ssize_t count = ::read(descriptor, name.data(), name.size());
  ::close(descriptor);
  name.resize(size_t(std::max<ssize_t>(count, 0)));
  return name;
}

std::string stateField(std::string_view state) { return fmt::format("{:<{}}\n", state, stateBytes); }
std::string headerOf(std::string_view state, const std::string &key) {
  std::string text = std::string(format) + stateField(state) + key + "\n";
  text.resize(pageBytes, '\0');
  return text;
}

// Background work must not slow down the threads that compute.
void stepBack() {
  (void)!nice(10);  // on Linux: of this thread
#ifdef SYS_ioprio_set
  constexpr int ofThread = 1, idleClass = 3 << 13;
  syscall(SYS_ioprio_set, ofThread, 0, idleClass);
#endif
}

// For work that takes seconds of processor time: only what no other thread wants.
void takeWhatIsLeft() {
  sched_param none = {};
  sched_setscheduler(0, SCHED_IDLE, &none);
}

void settle(const std::string &path, const std::atomic<bool> &stop) {
  int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return;
  constexpr off_t piece = 16 << 20;  // so that a process that ends need not wait long
  constexpr unsigned allOfIt = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  off_t size = lseek(descriptor, 0, SEEK_END);
  bool written = true;
  for (off_t at = 0; at < size && written && !stop; at += piece)
    written = sync_file_range(descriptor, at, piece, allOfIt) == 0;
  std::string state = stateField(settledState);
  if (written && !stop && fdatasync(descriptor) == 0)
    (void)!pwrite(descriptor, state.data(), state.size(), off_t(format.size()));
  ::close(descriptor);
}
}  // namespace

WeightLayout layoutWeights(const Manifest &manifest, const std::vector<bool> &prepared) {
  WeightLayout layout{{}, pageBytes};
  for (size_t i = 0; i < prepared.size(); ++i) {
    layout.offsets.push_back(prepared[i] ? std::optional(layout.bytes) : std::nullopt);
    if (prepared[i]) layout.bytes += (manifest.parameters[i].bytes + pageBytes - 1) / pageBytes * pageBytes;
  }
  return layout;
}

std::optional<CachedWeights> CachedWeights::open(const std::string &path, const std::string &key,
                                                 const WeightLayout &layout) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return {};
  auto file = MappedFile::open(path);
  if (!file.ok() || file->size() != layout.bytes) return {};
  std::string_view header = file->text().substr(0, pageBytes);
  CachedWeights weights;
  weights.settled_ = header == headerOf(settledState, key);
  std::string boot = bootName();
  if (!weights.settled_ && (boot.empty() || header != headerOf(boot, key))) return {};
  weights.file_ = std::move(*file);
  weights.file_.adviseHugePages();
  touchEntry(path);
  return weights;
}

// ---- writing
struct WeightWriter::State {
  struct Part {
    std::span<const std::byte> bytes;
    uint64_t offset;
  };
  OutputFile file;
  std::string folder, path, key;
  int64_t limit;
  size_t missing;  // parameters
  std::mutex mutex = {};
  std::condition_variable wake = {};
  std::deque<Part> parts = {};
  std::optional<Part> current = {};  // what is not written yet of the parameter at hand
  std::atomic<bool> closed = false;
  bool begun = false, failed = false, complete = false;
  std::thread thread = {};

  // The next parameter. In the background: waits for it, nothing when there is no time left.
  std::optional<Part> next(bool inBackground) {
    std::unique_lock lock(mutex);
    if (inBackground) wake.wait(lock, [&] { return closed || !parts.empty(); });
    if (parts.empty() || (inBackground && closed)) return {};
    Part part = parts.front();
    parts.pop_front();
    return part;
  }
  // Writes until the entry is there; in the background only until the writer is closed.
  Status proceed(bool inBackground) {
    constexpr size_t piece = 2 << 20;
    if (!begun) LLC_TRY(file.write(headerOf(bootName(), key)));
    begun = true;
    while (missing) {
      if (!current) {
        current = next(inBackground);
        if (!current) return success();
        assert(current->offset == file.size() && "parameters come in the order of the layout");
      }
      auto bytes = current->bytes.first(std::min(piece, current->bytes.size()));
      LLC_TRY(file.write(bytes));
      current->bytes = current->bytes.subspan(bytes.size());
      if (!current->bytes.empty()) {
        if (inBackground && closed) return success();
        continue;
      }
      current.reset();
      LLC_TRY(file.padTo(pageBytes));
      --missing;
    }
    LLC_TRY(file.commit(/*durable=*/false));
    trimCache(folder, weightCache, limit);
    complete = true;
    return success();
  }
  void work() {
    stepBack();
    takeWhatIsLeft();
    failed = !proceed(/*inBackground=*/true).ok();
    if (complete) settle(path, closed);
  }
};
WeightWriter::WeightWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}

std::unique_ptr<WeightWriter> WeightWriter::begin(const WeightCacheOptions &options, const std::string &folder,
                                                  const std::string &path, const std::string &key,
                                                  const WeightLayout &layout) {
  constexpr uint64_t spare = uint64_t(1) << 30;  // left for others
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  struct statvfs disk;
  bool fits = static_cast<int64_t>(layout.bytes) <= options.limitBytes && statvfs(folder.c_str(), &disk) == 0 &&
              layout.bytes + spare <= uint64_t(disk.f_bavail) * disk.f_frsize;
  if (!fits || bootName().empty() || isBeingWritten(folder, path)) return nullptr;
  auto file = OutputFile::create(path);
  if (!file.ok()) return nullptr;
  size_t missing = 0;
  for (const auto &offset : layout.offsets) missing += offset.has_value();
  std::unique_ptr<State> state(new State{std::move(*file), folder, path, key, options.limitBytes, missing});
  state->thread = std::thread([state = state.get()] { state->work(); });
  return std::unique_ptr<WeightWriter>(new WeightWriter(std::move(state)));
}

void WeightWriter::add(std::span<const std::byte> parameter, uint64_t offset) {
  std::lock_guard lock(state_->mutex);
  state_->parts.push_back({parameter, offset});
  state_->wake.notify_one();
}

WeightWriter::~WeightWriter() {
  {
    std::lock_guard lock(state_->mutex);
    state_->closed = true;
  }
  state_->wake.notify_one();
  state_->thread.join();
  // The thread may have had no time at all. Somebody waits now, so the rest is written at this thread's priority; if
  // packing failed, parameters are missing and the file goes with its writer.
  if (!state_->failed && !state_->complete) (void)state_->proceed(/*inBackground=*/false);
}

WeightSettler::WeightSettler(std::string path) {
  thread_ = std::thread([this, path = std::move(path)] {
    stepBack();
    settle(path, stop_);
  });
}
WeightSettler::~WeightSettler() {
  stop_ = true;
  thread_.join();
}

}  // namespace llc::compiler
