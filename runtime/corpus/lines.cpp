#include "runtime/corpus/lines.h"

namespace llc::corpus {

Result<bool> Lines::refill() {
  LLC_ASSIGN(end_, stream_->read(buffer_));
  begin_ = 0;
  return end_ > 0;
}

void Lines::take(std::string_view part) {
  uint64_t room = limit_ - line_.size();
  tooLong_ |= part.size() > room;
  line_ += part.substr(0, room);
}

Result<bool> Lines::next(std::string_view &line) {
  line_.clear();
  tooLong_ = false;
  bool found = false, any = false;
  while (!found) {
    if (begin_ == end_) {
      LLC_ASSIGN(bool more, refill());
      if (!more) break;
    }
    any = true;
    std::string_view rest = std::string_view(buffer_).substr(begin_, end_ - begin_);
    size_t at = rest.find('\n');
    found = at != rest.npos;
    std::string_view part = rest.substr(0, at);
    begin_ += part.size() + found;
    if (found && line_.empty() && part.size() <= limit_) {
      line = part;  // the usual case: no copy
    } else {
      take(part);
      line = line_;
    }
  }
  if (!any) return false;
  if (++number_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return true;
}

}  // namespace llc::corpus
