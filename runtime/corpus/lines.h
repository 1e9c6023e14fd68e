// Lines of a byte stream, with a limit on their length.
#pragma once
#include <string_view>

#include "runtime/corpus/byte_stream.h"

namespace llc::corpus {

class Lines {
 public:
  Lines(std::unique_ptr<ByteStream> stream, uint64_t limit)
      : stream_(std::move(stream)), limit_(limit), buffer_(1 << 18, '\0') {}

  // The next line without its end (\n or \r\n), valid until the next call; false at the end of the file. Of a line that
  // is longer than the limit only the beginning is kept, and tooLong() says so. A byte order mark at the very start is
  // dropped.
  Result<bool> next(std::string_view &line);
  bool tooLong() const { return tooLong_; }
  int64_t number() const { return number_; }  // of the line that next() gave last, from 1
  uint64_t consumed() const { return stream_->consumed(); }

 private:
  Result<bool> refill();
  void take(std::string_view part);
  std::unique_ptr<ByteStream> stream_;
  uint64_t limit_;
  std::string buffer_, line_;
  size_t begin_ = 0, end_ = 0;
  int64_t number_ = 0;
  bool tooLong_ = false;
};

}  // namespace llc::corpus
