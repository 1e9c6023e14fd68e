// The files that a tokenizer is made of.
#pragma once
#include <map>
#include <string>

#include "runtime/base/status.h"

namespace llc {

// Of a directory, what Tokenizer::readFiles() gives; of one file (tokenizer.json, any *.model, ...) that file and what
// belongs beside it. For Tokenizer::fromFiles().
Result<std::map<std::string, std::string>> readTokenizerFiles(const std::string &path);

// SHA-256, in hexadecimal, of the file that holds the vocabulary (of all one after another, when there are two): tells
// whether ids mean the same. What stands beside it (tokenizer_config.json ...) does not count.
std::string tokenizerHash(const std::map<std::string, std::string> &files);

}  // namespace llc
