#include "runtime/corpus/byte_stream.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>

namespace llc::corpus {

namespace {
class File {
 public:
  File(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  File(const File &) = delete;
  File &operator=(const File &) = delete;
  ~File() { ::close(descriptor_); }
  const std::string &path() const { return path_; }

  Result<size_t> read(std::span<char> buffer) {
    for (;;) {
      ssize_t count = ::read(descriptor_, buffer.data(), buffer.size());
      if (count >= 0) return size_t(count);
      if (errno == EINTR) continue;
      return diagnose(ErrorKind::notFound, path_)
          .says(std::string("can't be read: ") + std::strerror(errno))
          .toFix("check the disk and the permissions of the file");
    }
  }
  // The first bytes, without using them up. A pipe gives none.
  std::string_view head(std::span<char> buffer) {
    ssize_t count = ::pread(descriptor_, buffer.data(), buffer.size(), 0);
    return {buffer.data(), size_t(std::max<ssize_t>(0, count))};
  }

 private:
  int descriptor_;
  std::string path_;
};

class PlainStream final : public ByteStream {
 public:
  explicit PlainStream(std::unique_ptr<File> file) : file_(std::move(file)) {}
  Result<size_t> read(std::span<char> buffer) override {
    LLC_ASSIGN(size_t count, file_->read(buffer));
    consumed_ += count;
    return count;
  }
  uint64_t consumed() const override { return consumed_; }

 private:
  std::unique_ptr<File> file_;
  uint64_t consumed_ = 0;
};

// What gzip and zstd share: a buffer of compressed bytes, refilled when it is used up.
class CompressedStream : public ByteStream {
 public:
  explicit CompressedStream(std::unique_ptr<File> file) : file_(std::move(file)) {}
  uint64_t consumed() const override { return taken_ - available_; }

 protected:
  // False at the end of the file.
  Result<bool> refill() {
    if (available_) return true;
    LLC_ASSIGN(available_, file_->read(input_));
    next_ = 0;
    taken_ += available_;
    return available_ > 0;
  }
  Error broken(std::string_view what) const {
    return diagnose(ErrorKind::invalidInput, fmt::format("{}+{}", file_->path(), consumed()))
        .says(what)
        .toFix("compress the file again, or copy it again from its source");
  }
  std::unique_ptr<File> file_;
  std::array<char, 1 << 16> input_;
  size_t next_ = 0, available_ = 0;
  uint64_t taken_ = 0;
};

// gzip, also of several members one after another (as `cat a.gz b.gz` and bgzip make them).
class GzipStream final : public CompressedStream {
 public:
  explicit GzipStream(std::unique_ptr<File> file) : CompressedStream(std::move(file)) {
    good_ = inflateInit2(&state_, 15 + 16) == Z_OK;
  }
  ~GzipStream() override { inflateEnd(&state_); }

  Result<size_t> read(std::span<char> buffer) override {
    if (!good_)
      return diagnose(ErrorKind::resource, file_->path()).says("zlib got no memory").toFix("close other programs");
    state_.next_out = reinterpret_cast<Bytef *>(buffer.data());
    state_.avail_out = uInt(buffer.size());
    while (state_.avail_out == buffer.size()) {
      LLC_ASSIGN(bool more, refill());
      if (!more) {
        if (inMember_) return broken("the gzip data ends in the middle");
        break;
      }
      LLC_TRY(inflateSome());
    }
    return buffer.size() - state_.avail_out;
  }

 private:
  Status inflateSome() {
    state_.next_in = reinterpret_cast<Bytef *>(input_.data() + next_);
    state_.avail_in = uInt(available_);
    inMember_ = true;
    int result = inflate(&state_, Z_NO_FLUSH);
    next_ += available_ - state_.avail_in;
    available_ = state_.avail_in;
    if (result == Z_STREAM_END) {
      inMember_ = false;
      inflateReset(&state_);
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return broken(fmt::format("the gzip data is broken ({})", state_.msg ? state_.msg : "unknown"));
    }
    return success();
  }
  z_stream state_ = {};
  bool good_ = false, inMember_ = false;
};

class ZstdStream final : public CompressedStream {
 public:
  explicit ZstdStream(std::unique_ptr<File> file) : CompressedStream(std::move(file)), state_(ZSTD_createDStream()) {
    if (state_) ZSTD_DCtx_setParameter(state_.get(), ZSTD_d_windowLogMax, 27);
  }

  Result<size_t> read(std::span<char> buffer) override {
    if (!state_)
      return diagnose(ErrorKind::resource, file_->path()).says("zstd got no memory").toFix("close other programs");
    ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
    while (out.pos == 0) {
      LLC_ASSIGN(bool more, refill());
      // Without new bytes there may still be decoded ones inside.
      if (!more && !inFrame_) break;
      ZSTD_inBuffer in{input_.data() + next_, available_, 0};
      size_t wanted = ZSTD_decompressStream(state_.get(), &out, &in);
      next_ += in.pos;
      available_ -= in.pos;
      if (ZSTD_isError(wanted)) return broken(fmt::format("the zstd data is broken ({})", ZSTD_getErrorName(wanted)));
      inFrame_ = wanted != 0;
      if (!more && out.pos == 0) return broken("the zstd data ends in the middle");
    }
    return out.pos;
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream *state) const { ZSTD_freeDStream(state); }
  };
  std::unique_ptr<ZSTD_DStream, Free> state_;
  bool inFrame_ = false;
};
}  // namespace

Result<std::unique_ptr<ByteStream>> ByteStream::open(const std::string &path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return diagnose(ErrorKind::notFound, path)
        .says(std::string("can't be opened: ") + std::strerror(errno))
        .toFix("check the path and its permissions");
  posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL);
  auto file = std::make_unique<File>(descriptor, path);
  char buffer[6];
  std::string_view head = file->head(buffer);
  using Stream = std::unique_ptr<ByteStream>;
  if (head.starts_with("\x1f\x8b")) return Stream(std::make_unique<GzipStream>(std::move(file)));
  if (head.starts_with("\x28\xb5\x2f\xfd")) return Stream(std::make_unique<ZstdStream>(std::move(file)));
  if (head.starts_with("PAR1"))
    return diagnose(ErrorKind::unsupported, path)
        .says("is a Parquet file, but is named otherwise")
        .toFix("give it the ending .parquet (or --format parquet)");
  if (head.starts_with("ARROW1"))
    return diagnose(ErrorKind::unsupported, path)
        .says("is an Arrow file; these are not read")
        .toFix(
            "convert it to Parquet: python3 -c \"import pyarrow.feather as f, pyarrow.parquet as p; "
            "p.write_table(f.read_table('IN'), 'OUT.parquet')\"");
  return Stream(std::make_unique<PlainStream>(std::move(file)));
}

}  // namespace llc::corpus
