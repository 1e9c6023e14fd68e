// Classifiers made of the models of tests/golden/architectures, with the heads of make_trainer_goldens.py.
#pragma once
#include <gtest/gtest.h>

#include "models/registry.h"
#include "tests/runtime/temporary_directory.h"
#include "tools/cli/score_head.h"

namespace llc::test {

// As `score_head` of the script.
inline std::vector<float> scoreHead(int64_t labels, int64_t hidden) {
  std::vector<float> head(size_t(labels * hidden));
  for (size_t i = 0; i < head.size(); ++i) head[i] = float(int((7 * i + 3) % 17) - 8) / 16;
  return head;
}

// The directory, in `folder`, of the model with such a head.
inline std::string classifierOf(const std::string &model, int64_t labels, const TemporaryDirectory &folder) {
  auto source = huggingface::openHuggingFace(model, models::architectures());
  EXPECT_TRUE(source.ok()) << source.error().text();
  std::string directory = folder.file("classifier");
  Status written = cli::writeClassifier(*source, scoreHead(labels, source->model.hidden), {}, directory);
  EXPECT_TRUE(written.ok()) << written.error().text();
  return directory;
}

}  // namespace llc::test
